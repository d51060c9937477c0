// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AuctionFront} from "./AuctionFront.sol";
import {IAuctionHouse, Round, Commit, CommitState} from "../interfaces/IAuctionHouse.sol";
import {MarketParams} from "../interfaces/IMarkets.sol";
import {Strategy} from "../interfaces/IStrategyRegistry.sol";
import {Canonical} from "../libraries/Canonical.sol";

/// @title Sheet commitments and the bonds behind them
abstract contract Commits is AuctionFront {
    /// @inheritdoc IAuctionHouse
    function commit(bytes32 roundId, bytes32 strategyId, bytes32 sheetCommitment)
        external
        nonReentrant
        returns (uint32 index)
    {
        Round storage r = _round(roundId);
        _checkWindow(r.openedAt, r.commitEnd);
        if (!Canonical.isCanonical(sheetCommitment)) revert NonCanonicalElement(sheetCommitment);
        if (_commitIndexOf[roundId][strategyId] != 0) revert AlreadyCommitted(roundId, strategyId);
        Strategy memory s = _registry.strategy(strategyId);
        if (msg.sender != s.owner && (msg.sender != s.operator)) revert NotAuthorised(strategyId, msg.sender);
        if (s.market != r.market) revert WrongMarket(s.market, r.market);
        if (!_registry.wasActiveBefore(strategyId, r.openedAt)) revert StrategyNotActive(strategyId, roundId);

        index = r.commitCount++;
        _commitIndexOf[roundId][strategyId] = index + 1;
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
}
