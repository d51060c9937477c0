// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {LibCall} from "solady/utils/LibCall.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {AuctionFront} from "./AuctionFront.sol";
import {IAuctionHouse, Round, Commit, CommitState, Result, SettleRequest} from "../interfaces/IAuctionHouse.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {Canonical} from "../libraries/Canonical.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";
import {PublicData} from "../libraries/PublicData.sol";
import {ResultsLib} from "../libraries/ResultsLib.sol";

/// @title Settlement: what was proven becomes the round's result
abstract contract Settlement is AuctionFront {
    /// @inheritdoc IAuctionHouse
    function settle(SettleRequest calldata request) external nonReentrant {
        bytes32 roundId = request.roundId;
        Round storage r = _round(roundId);
        _checkWindow(uint256(r.commitEnd) + 1, r.settleEnd);
        bool first = r.resultsRoot == 0;
        // first of all, so that whoever was overtaken by another settlement pays for little
        (bytes32 root, bytes memory results) = _merge(request, r.resultsRoot);
        if (!_verify(_publicInputs(request, r), request.proof)) revert ProofRejected(roundId);

        r.resultsRoot = root;
        for (uint256 i; i < request.commitIndices.length; ++i) {
            _commits[roundId][request.commitIndices[i]].state = CommitState.Covered;
        }
        emit Settled(roundId, msg.sender, root, request.commitIndices, results);
        if (first) {
            uint256 reward = _markets.params(r.market).settleReward;
            if (reward != 0) SafeTransferLib.forceSafeTransferETH(msg.sender, reward, PAYMENT_GAS);
        }
    }

    /// @inheritdoc IAuctionHouse
    function publicInputs(SettleRequest calldata request) external view returns (uint256[8] memory) {
        return _publicInputs(request, _round(request.roundId));
    }

    /// @dev Checks all that the caller brings against what the round recorded, and derives the statement from it.
    function _publicInputs(SettleRequest calldata request, Round storage r)
        private
        view
        returns (uint256[8] memory inputs)
    {
        _checkLength("features", request.features.length, PublicData.FEATURES_SIZE);
        _checkLength("slots", request.slots.length, PublicData.SLOTS_SIZE);
        _checkLength("claims", request.claims.length, PublicData.CLAIMS_SIZE);
        if (keccak256(abi.encodePacked(request.features, r.referenceQ128)) != r.snapshotHash) {
            revert Mismatch("features");
        }
        if (keccak256(request.slots) != r.slotsHash) revert Mismatch("slots");
        if (!Canonical.isCanonical(request.beta)) revert NonCanonicalElement(request.beta);
        bytes memory d = PublicData.build(
            request.roundId,
            r.keySetRoot,
            request.features,
            request.slots,
            request.claims,
            _sheets(request.roundId, r.commitCount, request.commitIndices)
        );
        for (uint256 i; i < 4; ++i) {
            inputs[i] = Canonical.element(request.beta, i);
        }
        (inputs[4], inputs[5]) = PublicData.sigma(address(this), request.roundId, d, request.beta);
        (inputs[6], inputs[7]) = PublicData.evaluate(d, inputs[4], inputs[5]);
    }

    /// @dev The sheets' part of the public data. Strategy and commitment come from storage, indices strictly increase:
    ///      nothing can be covered twice, copied or invented.
    function _sheets(bytes32 roundId, uint32 count, uint32[] calldata indices)
        private
        view
        returns (bytes memory packed)
    {
        uint256 n = indices.length;
        if (n == 0 || n > PublicData.SHEETS) revert BadCommitIndices();
        for (uint256 i; i < n; ++i) {
            uint32 index = indices[i];
            if (index >= count || (i != 0 && index <= indices[i - 1])) revert BadCommitIndices();
            Commit storage c = _commits[roundId][index];
            packed = bytes.concat(packed, abi.encodePacked(index + 1, c.strategyId, c.sheetCommitment));
        }
        packed = bytes.concat(packed, new bytes(PublicData.SHEETS_SIZE - packed.length));
    }

    /// @dev False, a revert, an answer that is not exactly one word of value 1, and no code are all the same here.
    function _verify(uint256[8] memory inputs, bytes calldata proof) private view returns (bool) {
        bytes memory data = abi.encodeCall(IProofVerifier.verify, (inputs, proof));
        (bool ok, bool tooLong, bytes memory answer) = LibCall.tryStaticCall(address(_verifier), gasleft(), 32, data);
        return ok && !tooLong && answer.length == 32 && uint256(bytes32(answer)) == 1;
    }

    /// @dev Merges the claims with the stored results, which the caller brings after the first settlement.
    function _merge(SettleRequest calldata request, bytes32 storedRoot)
        private
        view
        returns (bytes32 root, bytes memory packed)
    {
        _checkLength("claims", request.claims.length, PublicData.CLAIMS_SIZE);
        bytes calldata stored = request.stored;
        _checkLength("stored", stored.length, storedRoot == 0 ? 0 : PublicData.CLAIMS_SIZE);
        if (storedRoot != 0 && ResultsLib.rootOf(stored) != storedRoot) revert Mismatch("stored");
        bytes32[] memory leaves = new bytes32[](SLOTS);
        packed = new bytes(PublicData.CLAIMS_SIZE);
        for (uint256 slot; slot < SLOTS; ++slot) {
            Result memory result = ResultsLib.read(request.claims, slot);
            _checkRange(request.roundId, slot, result);
            if (storedRoot != 0) result = ResultsLib.merge(ResultsLib.read(stored, slot), result);
            leaves[slot] = ResultsLib.leaf(slot, result);
            ResultsLib.write(packed, slot, result);
        }
        root = ResultsLib.root(leaves);
    }

    /// @dev The winner's quote must be in the range that its strategy registered.
    function _checkRange(bytes32 roundId, uint256 slot, Result memory result) private view {
        if (result.winner == 0) return;
        Commit storage c = _commits[roundId][result.winner - 1];
        int32 quote = FeatureLib.uncarry(result.best);
        if (c.state == CommitState.None || quote < c.minQuote || quote > c.maxQuote) {
            // at most 31
            revert QuoteOutOfRange(uint8(slot), result.winner);
        }
    }
}
