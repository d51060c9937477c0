// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {AuctionStorage} from "./AuctionStorage.sol";
import {Round, Intent, FillRequest} from "../interfaces/IAuctionHouse.sol";
import {MarketParams} from "../interfaces/IMarkets.sol";
import {IntentLib} from "../libraries/IntentLib.sol";
import {OptionsLib} from "../libraries/OptionsLib.sol";
import {PublicData} from "../libraries/PublicData.sol";
import {ResultsLib} from "../libraries/ResultsLib.sol";

/// @title What is checked of a slot and of the intent that opens it
abstract contract SlotChecks is AuctionStorage {
    /// @dev The slot is open, and the result is the one that was settled and names a winner.
    function _checkResult(Round storage r, FillRequest calldata request) internal view {
        uint8 slot = request.slot;
        if (slot >= r.nonEmptySlots) revert BadSlots(slot);
        if ((r.closedSlots >> slot) & 1 == 1) revert SlotIsClosed(slot);
        if (r.resultsRoot == 0) revert NotSettled(request.roundId);
        if (ResultsLib.rootFrom(slot, request.result, request.merkleProof) != r.resultsRoot) {
            revert Mismatch("result");
        }
        if (request.result.winner == 0) revert NoWinner(slot);
    }

    /// @dev The intent is what the slot committed to.
    function _checkOpening(Round storage r, FillRequest calldata request) internal view {
        _checkLength("slots", request.slots.length, PublicData.SLOTS_SIZE);
        if (keccak256(request.slots) != r.slotsHash) revert Mismatch("slots");
        bytes32 commitment = bytes32(request.slots[uint256(request.slot) * SLOT_SIZE:]);
        if (commitment != IntentLib.slotCommitment(IntentLib.hash(request.intent), request.blinding)) {
            revert WrongOpening(request.slot);
        }
    }

    /// @dev What Permit2 can take of the owner's sell tokens.
    function _held(Intent calldata intent) internal view returns (uint256) {
        (bool ok, bytes memory answer) =
            intent.sellToken.staticcall(abi.encodeWithSignature("allowance(address,address)", intent.owner, _permit2));
        uint256 allowance = ok && answer.length >= 32 ? abi.decode(answer, (uint256)) : 0;
        return FixedPointMathLib.min(SafeTransferLib.balanceOf(intent.sellToken, intent.owner), allowance);
    }

    /// @dev Least amount that a fill may sell.
    function _leastAmount(Intent calldata intent) internal pure returns (uint256) {
        uint256 share = OptionsLib.read(intent.appData).leastShare;
        if (share == 0) return intent.sellAmount;
        return FixedPointMathLib.fullMulDivUp(intent.sellAmount, share, OptionsLib.SHARE_STEPS);
    }

    /// @dev 0 when the intent sells base for quote, 1 the other way round.
    function _direction(Intent calldata intent, MarketParams memory p) internal pure returns (uint256) {
        if (intent.sellToken == p.base && intent.buyToken == p.quote) return 0;
        if (intent.sellToken == p.quote && intent.buyToken == p.base) return 1;
        revert WrongTokens(intent.sellToken, intent.buyToken);
    }
}
