// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";
import {Fixture} from "./support/Fixture.sol";
import {BadExecutor} from "./support/BadExecutor.sol";
import {
    IAuctionEvents,
    Intent,
    Round,
    Commit,
    CommitState,
    FillRequest,
    SettleRequest
} from "../src/interfaces/IAuctionHouse.sol";
import {IMarkets} from "../src/interfaces/IMarkets.sol";
import {IStrategyRegistry, Strategy, BondAccount} from "../src/interfaces/IStrategyRegistry.sol";

/// @notice Data of `Registered`.
struct Registration {
    uint32 classId;
    bytes32 modelCommitment;
    address executor;
    address operator;
    int32 minQuote;
    int32 maxQuote;
}

/// @notice Data of `RoundOpened`.
struct Opening {
    uint256 counter;
    bytes32 parentHash;
    bytes32 keySetRoot;
    uint256 referenceQ128;
    uint64 commitEnd;
    uint64 settleEnd;
    uint64 fillEnd;
    bytes features;
    bytes slots;
}

/// Rebuilds what the contracts store from their logs alone, as an indexer does, and compares.
contract EventsTest is Fixture {
    mapping(bytes32 => Round) internal _rounds;
    mapping(bytes32 => mapping(uint32 => Commit)) internal _commits;
    mapping(bytes32 => Strategy) internal _strategies;
    mapping(bytes32 => BondAccount) internal _accounts;
    mapping(bytes32 => bool) internal _paused;
    uint16 internal _share;
    bytes32 internal _root;

    function _topic(Vm.Log memory log, bytes32 selector) internal pure returns (bool) {
        return log.topics[0] == selector;
    }

    function _index(Vm.Log[] memory logs) internal {
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].emitter == address(house)) _indexHouse(logs[i]);
            else if (logs[i].emitter == address(registry)) _indexRegistry(logs[i]);
            else if (logs[i].emitter == address(markets)) _indexMarkets(logs[i]);
        }
    }

    function _indexMarkets(Vm.Log memory log) internal {
        if (_topic(log, IMarkets.MarketPaused.selector)) _paused[log.topics[1]] = abi.decode(log.data, (bool));
    }

    function _indexHouse(Vm.Log memory log) internal {
        // an event about no round has none
        bytes32 id = log.topics.length > 1 ? log.topics[1] : bytes32(0);
        Round storage r = _rounds[id];
        if (_topic(log, IAuctionEvents.RoundOpened.selector)) {
            _indexOpening(log, r);
        } else if (_topic(log, IAuctionEvents.Committed.selector)) {
            (uint32 index, bytes32 sheet) = abi.decode(log.data, (uint32, bytes32));
            Strategy storage s = _strategies[log.topics[2]];
            _commits[id][index] =
                Commit(log.topics[2], sheet, s.executor, s.minQuote, s.maxQuote, CommitState.Committed, 0);
            ++r.commitCount;
        } else if (_topic(log, IAuctionEvents.Settled.selector)) {
            (bytes32 root, uint32[] memory covered,) = abi.decode(log.data, (bytes32, uint32[], bytes));
            r.resultsRoot = root;
            for (uint256 i; i < covered.length; ++i) {
                _commits[id][covered[i]].state = CommitState.Covered;
            }
        } else if (_topic(log, IAuctionEvents.Filled.selector)) {
            (uint8 slot,,,,) = abi.decode(log.data, (uint8, address, uint256, uint256, int32));
            r.closedSlots |= uint32(1) << slot;
        } else if (_topic(log, IAuctionEvents.Defaulted.selector)) {
            (uint8 slot,,) = abi.decode(log.data, (uint8, uint256, uint256));
            r.closedSlots |= uint32(1) << slot;
            for (uint32 i; i < r.commitCount; ++i) {
                if (_commits[id][i].strategyId == log.topics[2]) ++_commits[id][i].defaults;
            }
        } else if (_topic(log, IAuctionEvents.SlotVoided.selector)) {
            (uint8 slot,) = abi.decode(log.data, (uint8, uint256));
            r.closedSlots |= uint32(1) << slot;
        } else if (
            _topic(log, IAuctionEvents.SheetPenalised.selector) || _topic(log, IAuctionEvents.BondReleased.selector)
        ) {
            (uint32 index,) = abi.decode(log.data, (uint32, uint256));
            _commits[id][index].state = CommitState.Closed;
        } else if (_topic(log, IAuctionEvents.RoundClosed.selector)) {
            r.closed = true;
        } else if (_topic(log, IAuctionEvents.ProtocolShareChanged.selector)) {
            (_share,) = abi.decode(log.data, (uint16, address));
        }
    }

    function _indexOpening(Vm.Log memory log, Round storage r) internal {
        (r.market, r.opener) = (log.topics[2], address(uint160(uint256(log.topics[3]))));
        // a struct of dynamic size stands behind its offset
        Opening memory o = abi.decode(bytes.concat(bytes32(uint256(32)), log.data), (Opening));
        (r.keySetRoot, r.referenceQ128) = (o.keySetRoot, o.referenceQ128);
        (r.commitEnd, r.settleEnd, r.fillEnd) = (o.commitEnd, o.settleEnd, o.fillEnd);
        r.snapshotHash = keccak256(abi.encodePacked(o.features, o.referenceQ128));
        r.slotsHash = keccak256(o.slots);
        // an indexer takes the block from the log; here the market's windows give it
        r.openedAt = r.commitEnd - 3;
        r.protocolShareBips = _share;
        while (r.nonEmptySlots < 32 && _word(o.slots, uint256(r.nonEmptySlots) * 48) != 0) ++r.nonEmptySlots;
    }

    function _word(bytes memory data, uint256 from) internal pure returns (bytes32 word) {
        for (uint256 i; i < 32; ++i) {
            word |= bytes32(data[from + i]) >> (8 * i);
        }
    }

    function _indexRegistry(Vm.Log memory log) internal {
        bytes32 id = log.topics[1];
        Strategy storage s = _strategies[id];
        BondAccount storage a = _accounts[id];
        if (_topic(log, IStrategyRegistry.Registered.selector)) {
            (s.owner, s.market) = (address(uint160(uint256(log.topics[2]))), log.topics[3]);
            Registration memory g = abi.decode(log.data, (Registration));
            (s.classId, s.modelCommitment, s.executor) = (g.classId, g.modelCommitment, g.executor);
            (s.operator, s.minQuote, s.maxQuote) = (g.operator, g.minQuote, g.maxQuote);
        } else if (_topic(log, IStrategyRegistry.Activated.selector)) {
            (s.activeFrom, s.retiredAt) = (abi.decode(log.data, (uint64)), 0);
        } else if (_topic(log, IStrategyRegistry.Retired.selector)) {
            s.retiredAt = abi.decode(log.data, (uint64));
        } else if (_topic(log, IStrategyRegistry.OperatorChanged.selector)) {
            s.operator = abi.decode(log.data, (address));
        } else if (_topic(log, IStrategyRegistry.BondDeposited.selector)) {
            a.bond += uint128(abi.decode(log.data, (uint256)));
        } else if (_topic(log, IStrategyRegistry.WithdrawalRequested.selector)) {
            (uint256 amount, uint64 at_) = abi.decode(log.data, (uint256, uint64));
            (a.bond, a.withdrawing, a.withdrawableAt) = (a.bond - uint128(amount), uint128(amount), at_);
        } else if (_topic(log, IStrategyRegistry.BondWithdrawn.selector)) {
            a.withdrawing = 0;
        } else if (_topic(log, IStrategyRegistry.BondLocked.selector)) {
            a.locked += uint128(abi.decode(log.data, (uint256)));
            ++a.committed;
        } else if (_topic(log, IStrategyRegistry.BondUnlocked.selector)) {
            (uint256 amount, bool uncovered) = abi.decode(log.data, (uint256, bool));
            a.locked -= uint128(amount);
            if (uncovered) ++a.uncovered;
        } else if (_topic(log, IStrategyRegistry.BondSlashed.selector)) {
            (uint256 burned, uint256 paid, bool isDefault) = abi.decode(log.data, (uint256, uint256, bool));
            a.bond -= uint128(burned + paid);
            a.locked -= uint128(burned + paid);
            if (isDefault) ++a.defaults;
        }
    }

    function _assertRound(bytes32 id) internal view {
        assertEq(keccak256(abi.encode(_rounds[id])), keccak256(abi.encode(house.getRound(id))), "round");
        for (uint32 i; i < house.getRound(id).commitCount; ++i) {
            assertEq(keccak256(abi.encode(_commits[id][i])), keccak256(abi.encode(house.getCommit(id, i))), "commit");
        }
    }

    function _assertStrategy(bytes32 id) internal view {
        assertEq(keccak256(abi.encode(_strategies[id])), keccak256(abi.encode(registry.strategy(id))), "strategy");
        assertEq(keccak256(abi.encode(_accounts[id])), keccak256(abi.encode(registry.account(id))), "account");
    }

    // covers: C20
    function test_the_state_can_be_rebuilt_from_the_logs() public {
        vm.recordLogs();
        BadExecutor bad = new BadExecutor(house);
        (address a, bytes32 good) = _rival("a");
        address b = makeAddr("b");
        bytes32 failing = _activeStrategy(b, address(bad), 7);
        address c = makeAddr("c");
        bytes32 absent = _activeStrategy(c, address(bad), 8);
        house.setProtocolShare(100, opener);
        _observe(8);
        Intent[] memory intents = new Intent[](4);
        for (uint256 i; i < 4; ++i) {
            intents[i] = _intent(0, BASE, 0, 20 + i);
        }
        Run memory run = _open(intents);
        _commit(run, a, good);
        _commit(run, b, failing);
        _commit(run, c, absent);
        for (uint256 i; i < 4; ++i) {
            run.results[i] = _result(100, 50, i == 1 ? 2 : 1);
        }
        bad.set(BadExecutor.Mode.Revert);
        _settleAndMove(run, _indices(0, 1));
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertFalse(house.fill(_fillRequest(run, 1)));
        vm.prank(trader);
        permit2.invalidateUnorderedNonces(0, 1 << 22);
        FillRequest memory request = _fillRequest(run, 2);
        vm.prank(opener);
        house.voidSlot(request);
        house.penalise(run.id, 2);
        vm.startPrank(a);
        registry.requestWithdrawal(good, 1 ether);
        registry.setOperator(good, opener);
        registry.retire(good);
        vm.stopPrank();
        markets.setPaused(market, true);

        _index(vm.getRecordedLogs());
        _assertRound(run.id);
        _assertStrategy(good);
        _assertStrategy(failing);
        _assertStrategy(absent);
        assertEq(_paused[market], !markets.isOpen(market));

        _toEnd(run);
        house.release(run.id, 0);
        house.release(run.id, 1);
        house.closeRound(run.id, _pack(run.results));
        _nextBlocks(50);
        vm.prank(a);
        registry.withdraw(good, a);
        _index(vm.getRecordedLogs());
        _assertRound(run.id);
        _assertStrategy(good);
        _assertStrategy(failing);
        _assertStrategy(absent);
    }
}
