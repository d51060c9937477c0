// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {LibCall} from "solady/utils/LibCall.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {AuctionFront} from "./AuctionFront.sol";
import {IAuctionHouse, Round, Commit, CommitState, SettleRequest} from "../interfaces/IAuctionHouse.sol";
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
        bytes32 storedRoot = r.resultsRoot;
        // first of all, so that whoever was overtaken by another settlement pays for little
        (bytes32 root, bytes memory results) = _merge(request, storedRoot);
        if (!_verify(_publicInputs(request, r), request.proof)) revert ProofRejected(roundId);

        r.resultsRoot = root;
        _cover(_commits[roundId], request.commitIndices);
        emit Settled(roundId, msg.sender, root, request.commitIndices, results);
        if (storedRoot == 0) {
            uint256 reward = _markets.settleReward(r.market);
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
        uint256 free;
        assembly ("memory-safe") {
            // what follows needs memory for this call alone; the proof is copied over it
            free := mload(0x40)
        }
        _checkLength("features", request.features.length, PublicData.FEATURES_SIZE);
        _checkLength("slots", request.slots.length, PublicData.SLOTS_SIZE);
        _checkLength("claims", request.claims.length, PublicData.CLAIMS_SIZE);
        if (keccak256(abi.encodePacked(request.features, r.referenceQ128)) != r.snapshotHash) {
            revert Mismatch("features");
        }
        if (keccak256(request.slots) != r.slotsHash) revert Mismatch("slots");
        if (!Canonical.isCanonical(request.beta)) revert NonCanonicalElement(request.beta);
        bytes memory d =
            PublicData.build(request.roundId, r.keySetRoot, request.features, request.slots, request.claims);
        _putSheets(d, _commits[request.roundId], r.commitCount, request.commitIndices);
        for (uint256 i; i < 4; ++i) {
            inputs[i] = Canonical.element(request.beta, i);
        }
        (inputs[4], inputs[5]) = PublicData.sigma(address(this), request.roundId, d, request.beta);
        (inputs[6], inputs[7]) = PublicData.evaluate(d, inputs[4], inputs[5]);
        assembly ("memory-safe") {
            mstore(0x40, free)
        }
    }

    /// @dev The sheets' part of the public data. Strategy and commitment come from storage, indices strictly increase:
    ///      nothing can be covered twice, copied or invented.
    function _putSheets(
        bytes memory d,
        mapping(uint256 index => Commit) storage commits,
        uint32 count,
        uint32[] calldata indices
    ) private view {
        uint256 n = indices.length;
        if (n == 0 || n > PublicData.SHEETS) revert BadCommitIndices();
        // the least index that may come next
        uint256 next;
        for (uint256 i; i < n; ++i) {
            uint32 index = indices[i];
            if (index >= count || index < next) revert BadCommitIndices();
            next = uint256(index) + 1;
            Commit storage c = commits[index];
            PublicData.putSheet(d, i, index + 1, c.strategyId, c.sheetCommitment);
        }
    }

    /// @dev Marks what a proof covers.
    function _cover(mapping(uint256 index => Commit) storage commits, uint32[] calldata indices) private {
        for (uint256 i; i < indices.length; ++i) {
            commits[indices[i]].state = CommitState.Covered;
        }
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
        bytes calldata claims = request.claims;
        bytes calldata stored = request.stored;
        _checkLength("claims", claims.length, PublicData.CLAIMS_SIZE);
        _checkLength("stored", stored.length, storedRoot == 0 ? 0 : PublicData.CLAIMS_SIZE);
        if (storedRoot != 0 && ResultsLib.rootOf(stored) != storedRoot) revert Mismatch("stored");
        mapping(uint256 index => Commit) storage commits = _commits[request.roundId];
        packed = claims;
        bytes32[SLOTS] memory leaves;
        uint32 known;
        uint32 least;
        uint32 most;
        for (uint256 slot; slot < SLOTS; ++slot) {
            uint256 result = ResultsLib.word(claims, slot);
            uint32 winner = ResultsLib.winner(result);
            if (winner != 0) {
                // read once where one winner takes slots in a row
                if (winner != known) {
                    (least, most) = _range(commits, slot, winner);
                    known = winner;
                }
                uint32 quote = ResultsLib.best(result);
                // at most 31
                if (quote < least || quote > most) revert QuoteOutOfRange(uint8(slot), winner);
            }
            if (storedRoot != 0) {
                result = ResultsLib.merge(ResultsLib.word(stored, slot), result);
                ResultsLib.put(packed, slot, result);
            }
            leaves[slot] = ResultsLib.leaf(slot, result);
        }
        root = ResultsLib.root(leaves);
    }

    /// @dev The range of quotes, as they are carried, that a winner's strategy registered.
    function _range(mapping(uint256 index => Commit) storage commits, uint256 slot, uint32 winner)
        private
        view
        returns (uint32 least, uint32 most)
    {
        Commit storage c = commits[winner - 1];
        // at most 31
        if (c.state == CommitState.None) revert QuoteOutOfRange(uint8(slot), winner);
        (least, most) = (FeatureLib.carry(c.minQuote), FeatureLib.carry(c.maxQuote));
    }
}
