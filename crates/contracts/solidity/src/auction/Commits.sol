// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AuctionStorage} from "./AuctionStorage.sol";
import {IAuctionHouse, Round, Commit, CommitState} from "../interfaces/IAuctionHouse.sol";
import {MarketParams} from "../interfaces/IMarkets.sol";
import {Strategy} from "../interfaces/IStrategyRegistry.sol";
import {Canonical} from "../libraries/Canonical.sol";

/// @title Sheet commitments and the bonds behind them
abstract contract Commits is AuctionStorage {
    /// @inheritdoc IAuctionHouse
    function commit(bytes32 roundId, bytes32 strategyId, bytes32 sheetCommitment)
        external
        nonReentrant
        returns (uint32 index)
    {
        Round storage r = _round(roundId);
        _checkWindow(r.openedAt, r.commitEnd);
        if (!Canonical.isCanonical(sheetCommitment)) revert NonCanonicalElement(sheetCommitment);
        if (commitIndexOf[roundId][strategyId] != 0) revert AlreadyCommitted(roundId, strategyId);
        Strategy memory s = _registry.strategy(strategyId);
        if (msg.sender != s.owner && (msg.sender != s.operator)) revert NotAuthorised(strategyId, msg.sender);
        if (s.market != r.market) revert WrongMarket(s.market, r.market);
        if (!_registry.wasActiveBefore(strategyId, r.openedAt)) revert StrategyNotActive(strategyId, roundId);

        index = r.commitCount++;
        commitIndexOf[roundId][strategyId] = index + 1;
        _commits[roundId][index] = Commit({
            strategyId: strategyId,
            sheetCommitment: sheetCommitment,
            executor: s.executor,
            minQuote: s.minQuote,
            maxQuote: s.maxQuote,
            state: CommitState.Committed,
            defaults: 0
        });
        emit Committed(roundId, strategyId, index, sheetCommitment);
        MarketParams memory p = _markets.params(r.market);
        _registry.lock(strategyId, p.sheetBond + SLOTS * p.slotBond);
    }

    /// @inheritdoc IAuctionHouse
    function penalise(bytes32 roundId, uint32 index) external nonReentrant {
        Round storage r = _round(roundId);
        _checkWindow(uint256(r.settleEnd) + 1, type(uint256).max);
        Commit storage c = _closeCommit(roundId, index, CommitState.Committed);
        MarketParams memory p = _markets.params(r.market);
        emit SheetPenalised(roundId, c.strategyId, index, p.sheetBond);
        _registry.unlock(c.strategyId, SLOTS * p.slotBond, true);
        _registry.slash(c.strategyId, p.sheetBond, address(0), 0, false);
    }

    /// @inheritdoc IAuctionHouse
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
