// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAuctionHouse, Result, Round} from "../interfaces/IAuctionHouse.sol";
import {IProvenQuotes, ProvenQuote, QuoteStatus} from "../interfaces/IProvenQuotes.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";
import {PublicData} from "../libraries/PublicData.sol";
import {QuoteMath} from "../libraries/QuoteMath.sol";
import {ResultsLib} from "../libraries/ResultsLib.sol";

/// @title Proven quotes of one auction house
/// @notice Holds nothing and has no owner.
contract ProvenQuotes is IProvenQuotes {
    /// @dev Bytes of a slot: commitment and four features.
    uint256 internal constant SLOT_SIZE = 48;

    IAuctionHouse public immutable auctionHouse;

    /// @notice The slots are not those of the round.
    error WrongSlots(bytes32 roundId);

    constructor(IAuctionHouse auctionHouse_) {
        auctionHouse = auctionHouse_;
    }

    /// @inheritdoc IProvenQuotes
    function status(bytes32 roundId, uint8 slot, Result calldata result, bytes32[5] calldata merkleProof)
        external
        view
        returns (QuoteStatus)
    {
        return _status(auctionHouse.getRound(roundId), slot, result, merkleProof);
    }

    /// @inheritdoc IProvenQuotes
    function quote(
        bytes32 roundId,
        uint8 slot,
        Result calldata result,
        bytes32[5] calldata merkleProof,
        bytes calldata slots
    ) external view returns (ProvenQuote memory q) {
        Round memory r = auctionHouse.getRound(roundId);
        q.status = _status(r, slot, result, merkleProof);
        if (q.status == QuoteStatus.Unproven) return q;
        if (slots.length != PublicData.SLOTS_SIZE || keccak256(slots) != r.slotsHash) revert WrongSlots(roundId);
        (q.market, q.openedAt, q.referenceQ128) = (r.market, r.openedAt, r.referenceQ128);
        (q.pips, q.secondPips) = (FeatureLib.uncarry(result.best), FeatureLib.uncarry(result.second));
        if (result.winner != 0) q.strategyId = auctionHouse.getCommit(roundId, result.winner - 1).strategyId;
        bytes calldata own = slots[uint256(slot) * SLOT_SIZE:];
        q.slotCommitment = bytes32(own);
        for (uint256 i; i < 4; ++i) {
            q.slotFeatures[i] = FeatureLib.uncarry(uint32(bytes4(own[32 + 4 * i:])));
        }
    }

    /// @inheritdoc IProvenQuotes
    function amountOut(uint256 direction, uint256 sell, uint256 referenceQ128, int32 pips)
        external
        pure
        returns (uint256)
    {
        return QuoteMath.amountOut(direction, sell, referenceQ128, pips);
    }

    function _status(Round memory r, uint8 slot, Result calldata result, bytes32[5] calldata merkleProof)
        private
        view
        returns (QuoteStatus)
    {
        if (slot >= r.nonEmptySlots || r.resultsRoot == 0) return QuoteStatus.Unproven;
        if (ResultsLib.rootFrom(slot, result, merkleProof) != r.resultsRoot) return QuoteStatus.Unproven;
        return block.number > r.settleEnd ? QuoteStatus.Final : QuoteStatus.Provisional;
    }
}
