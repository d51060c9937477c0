// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {AuctionStorage} from "./AuctionStorage.sol";
import {IAuctionEnd, Round, Result, Commit, CommitState} from "../interfaces/IAuctionHouse.sol";
import {MarketParams} from "../interfaces/IMarkets.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";
import {PublicData} from "../libraries/PublicData.sol";
import {ResultsLib} from "../libraries/ResultsLib.sol";

/// @title The end of rounds: escrows go back, bonds are freed or burned
abstract contract Closing is AuctionStorage, IAuctionEnd {
    /// @inheritdoc IAuctionEnd
    function closeRound(bytes32 roundId, bytes calldata results) external nonReentrant {
        Round storage r = _round(roundId);
        _checkWindow(uint256(r.fillEnd) + 1, type(uint256).max);
        if (r.closed) revert RoundIsClosed(roundId);
        r.closed = true;
        MarketParams memory p = _markets.params(r.market);
        uint256 refund = uint256(r.nonEmptySlots) * p.openerBond - _burnedFees[roundId];
        if (r.resultsRoot == 0) {
            _checkLength("results", results.length, 0);
            refund += p.settleReward;
        } else {
            _checkLength("results", results.length, PublicData.CLAIMS_SIZE);
            if (ResultsLib.rootOf(results) != r.resultsRoot) revert Mismatch("results");
            refund -= _payUnfilled(roundId, r, results, p);
        }
        emit RoundClosed(roundId, r.opener, refund);
        if (refund != 0) SafeTransferLib.forceSafeTransferETH(r.opener, refund, PAYMENT_GAS);
    }

    /// @dev Pays the fee of each slot that has a winner and was neither filled nor defaulted on.
    function _payUnfilled(bytes32 roundId, Round storage r, bytes calldata results, MarketParams memory p)
        private
        returns (uint256 paid)
    {
        if (p.unfilledFee == 0) return 0;
        (uint256 n, uint256 closedSlots) = (r.nonEmptySlots, r.closedSlots);
        for (uint256 slot; slot < n; ++slot) {
            if ((closedSlots >> slot) & 1 == 1) continue;
            Result memory result = ResultsLib.read(results, slot);
            if (result.winner == 0 || FeatureLib.uncarry(result.best) < p.reserveQuote) continue;
            bytes32 strategyId = _commits[roundId][result.winner - 1].strategyId;
            paid += p.unfilledFee;
            // at most 31
            emit UnfilledFeePaid(roundId, strategyId, uint8(slot), p.unfilledFee);
            _registry.deposit{value: p.unfilledFee}(strategyId);
        }
    }

    /// @inheritdoc IAuctionEnd
    function penalise(bytes32 roundId, uint32 index) external nonReentrant {
        Round storage r = _round(roundId);
        _checkWindow(uint256(r.settleEnd) + 1, type(uint256).max);
        Commit storage c = _closeCommit(roundId, index, CommitState.Committed);
        MarketParams memory p = _markets.params(r.market);
        emit SheetPenalised(roundId, c.strategyId, index, p.sheetBond);
        _registry.unlock(c.strategyId, SLOTS * p.slotBond, true);
        _registry.slash(c.strategyId, p.sheetBond, address(0), 0, false);
    }

    /// @inheritdoc IAuctionEnd
    function release(bytes32 roundId, uint32 index) external nonReentrant {
        Round storage r = _round(roundId);
        _checkWindow(uint256(r.fillEnd) + 1, type(uint256).max);
        Commit storage c = _closeCommit(roundId, index, CommitState.Covered);
        MarketParams memory p = _markets.params(r.market);
        uint256 amount = p.sheetBond + (SLOTS - c.defaults) * p.slotBond;
        emit BondReleased(roundId, c.strategyId, index, amount);
        _registry.unlock(c.strategyId, amount, false);
    }

    function _closeCommit(bytes32 roundId, uint32 index, CommitState expected) private returns (Commit storage c) {
        c = _commits[roundId][index];
        if (c.state != expected) revert WrongCommitState(index, c.state);
        c.state = CommitState.Closed;
    }
}
