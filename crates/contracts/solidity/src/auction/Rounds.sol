// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AuctionFront} from "./AuctionFront.sol";
import {IAuctionHouse, Round} from "../interfaces/IAuctionHouse.sol";
import {MarketParams} from "../interfaces/IMarkets.sol";
import {PublicData} from "../libraries/PublicData.sol";

/// @title Opening of rounds
abstract contract Rounds is AuctionFront {
    /// @dev Features of an empty slot: four carried zeros.
    bytes16 internal constant EMPTY_FEATURES = 0x80000000800000008000000080000000;
    /// @dev Upper 31 bits of the two carried directions, 2^31 and 2^31 + 1.
    uint32 internal constant CARRIED_DIRECTIONS = 0x40000000;

    /// @inheritdoc IAuctionHouse
    function openRound(bytes32 market, bytes calldata slots) external payable nonReentrant returns (bytes32 roundId) {
        uint256 nonEmpty = _countSlots(slots);
        MarketParams memory p = _markets.params(market);
        uint256 escrow = nonEmpty * p.openerBond + p.settleReward;
        if (msg.value != escrow) revert WrongValue(msg.value, escrow);
        (bytes memory features, uint256 referenceQ128) = _markets.snapshot(market);

        Round memory r;
        r.market = market;
        r.snapshotHash = keccak256(abi.encodePacked(features, referenceQ128));
        r.slotsHash = keccak256(slots);
        r.keySetRoot = _keySetRoot;
        r.referenceQ128 = referenceQ128;
        r.opener = msg.sender;
        r.openedAt = uint64(block.number);
        r.commitEnd = r.openedAt + p.commitBlocks;
        r.settleEnd = r.commitEnd + p.settleBlocks;
        r.fillEnd = r.settleEnd + p.fillBlocks;
        // at most 32
        r.nonEmptySlots = uint8(nonEmpty);
        r.protocolShareBips = _protocolShareBips;
        roundId = _identify(r);
        _rounds[roundId] = r;
        _announce(roundId, r, features, slots);
        ++roundCount;
    }

    function _announce(bytes32 roundId, Round memory r, bytes memory features, bytes calldata slots) private {
        emit RoundOpened(
            roundId,
            r.market,
            r.opener,
            roundCount,
            blockhash(block.number - 1),
            r.keySetRoot,
            r.referenceQ128,
            r.commitEnd,
            r.settleEnd,
            r.fillEnd,
            features,
            slots
        );
    }

    function _identify(Round memory r) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                block.chainid,
                address(this),
                r.market,
                r.opener,
                blockhash(block.number - 1),
                roundCount,
                r.snapshotHash,
                r.slotsHash
            )
        );
    }

    /// @dev Number of slots before the first empty one; after it all must be empty. A direction other than 0 and 1 has no
    ///      witness in the circuits: such a round would cost everybody who commits in it the sheet bond.
    function _countSlots(bytes calldata slots) private pure returns (uint256 nonEmpty) {
        _checkLength("slots", slots.length, PublicData.SLOTS_SIZE);
        for (; nonEmpty < SLOTS; ++nonEmpty) {
            uint256 from = nonEmpty * SLOT_SIZE;
            if (bytes32(slots[from:]) == 0) break;
            if (uint32(bytes4(slots[from + 32:])) >> 1 != CARRIED_DIRECTIONS) revert BadSlots(nonEmpty);
        }
        if (nonEmpty == 0) revert BadSlots(0);
        for (uint256 i = nonEmpty; i < SLOTS; ++i) {
            uint256 from = i * SLOT_SIZE;
            if (bytes32(slots[from:]) != 0 || bytes16(slots[from + 32:]) != EMPTY_FEATURES) revert BadSlots(i);
        }
    }
}
