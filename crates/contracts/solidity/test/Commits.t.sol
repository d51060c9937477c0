// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {Commit, CommitState, IAuctionEvents} from "../src/interfaces/IAuctionHouse.sol";
import {IStrategyRegistry, BondAccount} from "../src/interfaces/IStrategyRegistry.sol";
import {MarketParams} from "../src/interfaces/IMarkets.sol";

contract CommitsTest is Fixture {
    bytes32 internal constant SHEET = bytes32(uint256(77));

    function test_a_commitment_is_recorded_and_locks_the_bond() public {
        Run memory run = _openOne();
        vm.prank(solver);
        assertEq(house.commit(run.id, strategy, SHEET), 0);
        Commit memory c = house.getCommit(run.id, 0);
        assertEq(c.strategyId, strategy);
        assertEq(c.sheetCommitment, SHEET);
        assertEq(c.executor, address(executor));
        assertEq(uint8(c.state), uint8(CommitState.Committed));
        assertEq(house.commitIndexOf(run.id, strategy), 1);
        BondAccount memory a = registry.account(strategy);
        assertEq(a.locked, LOCK);
        assertEq(a.committed, 1);
    }

    function test_a_strategy_commits_once_a_round() public {
        Run memory run = _openOne();
        _commit(run, solver, strategy);
        vm.prank(solver);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.AlreadyCommitted.selector, run.id, strategy));
        house.commit(run.id, strategy, SHEET);
    }

    function test_indices_count_up() public {
        (address rival, bytes32 id) = _rival("rival");
        _observe(8);
        Run memory run = _openOne();
        assertEq(_commit(run, solver, strategy), 0);
        assertEq(_commit(run, rival, id), 1);
        assertEq(house.getRound(run.id).commitCount, 2);
    }

    function test_only_owner_and_operator_commit() public {
        Run memory run = _openOne();
        address operator = makeAddr("operator");
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.NotAuthorised.selector, strategy, operator));
        house.commit(run.id, strategy, SHEET);
        vm.prank(solver);
        registry.setOperator(strategy, operator);
        vm.prank(operator);
        house.commit(run.id, strategy, SHEET);
    }

    function test_nobody_commits_for_an_unknown_strategy() public {
        Run memory run = _openOne();
        vm.prank(address(0));
        vm.expectRevert();
        house.commit(run.id, bytes32(uint256(1)), SHEET);
    }

    function test_a_strategy_activated_after_the_opening_is_refused() public {
        bytes32 late = _register(makeAddr("late"), address(executor), 9, true);
        Run memory run = _openOne();
        vm.prank(makeAddr("late"));
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.StrategyNotActive.selector, late, run.id));
        house.commit(run.id, late, SHEET);
        vm.prank(makeAddr("late"));
        registry.activate(late);
        vm.roll(house.getRound(run.id).commitEnd);
        vm.prank(makeAddr("late"));
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.StrategyNotActive.selector, late, run.id));
        house.commit(run.id, late, SHEET);
    }

    function _register(address owner, address, uint64 seed, bool) internal returns (bytes32) {
        address own = deployCode("InventoryExecutor.sol:InventoryExecutor", abi.encode(house, owner));
        return _register(owner, own, seed);
    }

    function test_the_activation_delay_ends_strictly_before_the_opening() public {
        address late = makeAddr("late");
        bytes32 id = _register(late, address(0), 9, true);
        vm.prank(late);
        registry.activate(id);
        uint64 from = registry.strategy(id).activeFrom;
        assertEq(from, vm.getBlockNumber() + 5);
        _observe(4);
        assertEq(vm.getBlockNumber(), from);
        Run memory early = _openOne();
        _nextBlocks(1);
        Run memory run = _openOne();
        vm.startPrank(late);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.StrategyNotActive.selector, id, early.id));
        house.commit(early.id, id, SHEET);
        house.commit(run.id, id, SHEET);
        vm.stopPrank();
    }

    function test_a_retired_strategy_takes_no_part_in_later_rounds() public {
        Run memory before = _openOne();
        _nextBlocks(1);
        vm.prank(solver);
        registry.retire(strategy);
        Run memory run = _openOne();
        vm.startPrank(solver);
        house.commit(before.id, strategy, SHEET);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.StrategyNotActive.selector, strategy, run.id));
        house.commit(run.id, strategy, SHEET);
        vm.stopPrank();
    }

    function test_a_strategy_of_another_market_is_refused() public {
        MarketParams memory p = _params();
        p.commitBlocks = 9;
        bytes32 home = market;
        market = _createMarket(p);
        (address rival, bytes32 id) = _rival("rival");
        _observe(8);
        market = home;
        Run memory run = _openOne();
        vm.prank(rival);
        vm.expectPartialRevert(IAuctionEvents.WrongMarket.selector);
        house.commit(run.id, id, SHEET);
    }

    // covers: C7 C12 C13
    function test_commitments_are_taken_in_the_commit_window_only() public {
        Run memory run = _openOne();
        _toSettle(run);
        vm.prank(solver);
        vm.expectPartialRevert(IAuctionEvents.OutsideWindow.selector);
        house.commit(run.id, strategy, SHEET);
        vm.roll(vm.getBlockNumber() - 1);
        vm.prank(solver);
        house.commit(run.id, strategy, SHEET);
    }

    // covers: Z1
    function test_a_commitment_must_be_canonical() public {
        Run memory run = _openOne();
        uint256 p = 0xFFFFFFFF00000001;
        vm.startPrank(solver);
        for (uint256 i; i < 4; ++i) {
            bytes32 bad = bytes32(p << (64 * i));
            vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.NonCanonicalElement.selector, bad));
            house.commit(run.id, strategy, bad);
            bad = bytes32(uint256(type(uint64).max) << (64 * i));
            vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.NonCanonicalElement.selector, bad));
            house.commit(run.id, strategy, bad);
        }
        house.commit(run.id, strategy, bytes32((p - 1) * (1 + (1 << 64) + (1 << 128) + (1 << 192))));
        vm.stopPrank();
    }

    function test_a_bond_that_is_not_free_does_not_count() public {
        Run memory run = _openOne();
        vm.startPrank(solver);
        registry.requestWithdrawal(strategy, 10 ether - LOCK + 1);
        vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.InsufficientBond.selector, strategy, LOCK - 1, LOCK));
        house.commit(run.id, strategy, SHEET);
        vm.stopPrank();
        registry.deposit{value: 1}(strategy);
        vm.prank(solver);
        house.commit(run.id, strategy, SHEET);
        _nextBlocks(50);
        vm.startPrank(solver);
        registry.withdraw(strategy, solver);
        vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.InsufficientBond.selector, strategy, 0, 1));
        registry.requestWithdrawal(strategy, 1);
        vm.stopPrank();
    }

    // covers: C8
    function test_an_uncovered_sheet_loses_its_bond_and_frees_the_rest() public {
        Run memory run = _openOne();
        uint32 index = _commit(run, solver, strategy);
        _toSettle(run);
        vm.expectPartialRevert(IAuctionEvents.OutsideWindow.selector);
        house.penalise(run.id, index);
        _toFill(run);
        uint256 dead = DEAD.balance;
        house.penalise(run.id, index);
        assertEq(DEAD.balance - dead, SHEET_BOND);
        BondAccount memory a = registry.account(strategy);
        assertEq(a.bond, 10 ether - SHEET_BOND);
        assertEq(a.locked, 0);
        assertEq(a.uncovered, 1);
        vm.expectPartialRevert(IAuctionEvents.WrongCommitState.selector);
        house.penalise(run.id, index);
    }

    function test_a_covered_sheet_is_not_penalised_and_released_after_the_fills() public {
        Run memory run = _settledOne(_result(1500, 0, 1));
        vm.expectPartialRevert(IAuctionEvents.WrongCommitState.selector);
        house.penalise(run.id, 0);
        vm.expectPartialRevert(IAuctionEvents.OutsideWindow.selector);
        house.release(run.id, 0);
        _toEnd(run);
        house.release(run.id, 0);
        assertEq(registry.account(strategy).locked, 0);
        assertEq(registry.account(strategy).bond, 10 ether);
        vm.expectPartialRevert(IAuctionEvents.WrongCommitState.selector);
        house.release(run.id, 0);
    }

    function test_an_uncovered_sheet_is_not_released() public {
        Run memory run = _openOne();
        _commit(run, solver, strategy);
        _toEnd(run);
        vm.expectPartialRevert(IAuctionEvents.WrongCommitState.selector);
        house.release(run.id, 0);
        vm.expectPartialRevert(IAuctionEvents.WrongCommitState.selector);
        house.release(run.id, 1);
    }
}
