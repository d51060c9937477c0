// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {IStrategyRegistry, Strategy, BondAccount} from "../src/interfaces/IStrategyRegistry.sol";
import {StrategyRegistry} from "../src/StrategyRegistry.sol";
import {Canonical} from "../src/libraries/Canonical.sol";

contract RegistryTest is Fixture {
    bytes32 internal constant MODEL = bytes32(uint256(0xbeef));

    function _registerAs(address owner, uint32 classId, bytes32 model, int32 low, int32 high) internal {
        vm.prank(owner);
        registry.register(market, classId, model, address(executor), address(0), low, high);
    }

    function test_a_registration_records_the_strategy_and_its_bond() public {
        address operator = makeAddr("operator");
        vm.prank(solver);
        bytes32 id = registry.register{value: 3 ether}(market, CLASS, MODEL, address(executor), operator, -7, 9);
        Strategy memory s = registry.strategy(id);
        assertEq(s.owner, solver);
        assertEq(s.operator, operator);
        assertEq(s.executor, address(executor));
        assertEq(s.classId, CLASS);
        assertEq(s.market, market);
        assertEq(s.modelCommitment, MODEL);
        assertEq(s.minQuote, -7);
        assertEq(s.maxQuote, 9);
        assertEq(s.activeFrom, 0);
        assertEq(registry.account(id).bond, 3 ether);
    }

    // covers: C9
    function test_the_id_binds_owner_class_and_model() public view {
        bytes32 id = registry.computeStrategyId(solver, CLASS, MODEL);
        assertTrue(id != registry.computeStrategyId(opener, CLASS, MODEL));
        assertTrue(id != registry.computeStrategyId(solver, CLASS + 1, MODEL));
        assertTrue(id != registry.computeStrategyId(solver, CLASS, bytes32(uint256(MODEL) + 1)));
        assertTrue(Canonical.isCanonical(id));
    }

    function test_a_strategy_is_registered_once() public {
        _registerAs(solver, CLASS, MODEL, 0, 1);
        vm.prank(solver);
        vm.expectPartialRevert(IStrategyRegistry.StrategyExists.selector);
        registry.register(market, CLASS, MODEL, address(executor), address(0), 0, 1);
    }

    function test_reserved_classes_are_refused() public {
        for (uint32 class; class <= 4; ++class) {
            vm.prank(solver);
            vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.ReservedClass.selector, class));
            registry.register(market, class, MODEL, address(executor), address(0), 0, 1);
        }
    }

    // covers: Z1
    function test_a_model_commitment_must_be_canonical() public {
        for (uint256 i; i < 4; ++i) {
            bytes32 model = bytes32(uint256(0xFFFFFFFF00000001) << (64 * i));
            vm.prank(solver);
            vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.NonCanonical.selector, model));
            registry.register(market, CLASS, model, address(executor), address(0), 0, 1);
        }
    }

    function test_an_executor_must_accept_the_strategy() public {
        vm.startPrank(opener);
        vm.expectPartialRevert(IStrategyRegistry.ExecutorRefuses.selector);
        registry.register(market, CLASS, MODEL, address(executor), address(0), 0, 1);
        vm.expectPartialRevert(IStrategyRegistry.ExecutorRefuses.selector);
        registry.register(market, CLASS, MODEL, makeAddr("no code"), address(0), 0, 1);
        vm.stopPrank();
    }

    function test_a_quote_range_must_be_a_range_of_bids() public {
        vm.startPrank(solver);
        vm.expectPartialRevert(IStrategyRegistry.BadQuoteRange.selector);
        registry.register(market, CLASS, MODEL, address(executor), address(0), 2, 1);
        vm.expectPartialRevert(IStrategyRegistry.BadQuoteRange.selector);
        registry.register(market, CLASS, MODEL, address(executor), address(0), -1_000_000, 1);
        registry.register(market, CLASS, MODEL, address(executor), address(0), -999_999, type(int32).max);
        vm.stopPrank();
    }

    function test_an_owner_has_one_active_strategy_per_market() public {
        bytes32 other = _register(solver, address(executor), 55);
        vm.startPrank(solver);
        vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.AlreadyActive.selector, strategy));
        registry.activate(other);
        vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.AlreadyActive.selector, strategy));
        registry.activate(strategy);
        registry.retire(strategy);
        registry.activate(other);
        vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.NotActive.selector, strategy));
        registry.retire(strategy);
        vm.stopPrank();
        assertEq(registry.activeStrategy(solver, market), other);
    }

    /// Retiring one strategy and activating another never leaves a round that both could enter.
    function test_two_strategies_of_an_owner_are_never_eligible_for_one_round() public {
        bytes32 other = _register(solver, address(executor), 55);
        uint256 start = vm.getBlockNumber();
        vm.startPrank(solver);
        registry.retire(strategy);
        registry.activate(other);
        vm.stopPrank();
        for (uint256 opened = start - 5; opened < start + 20; ++opened) {
            assertFalse(registry.wasActiveBefore(strategy, opened) && registry.wasActiveBefore(other, opened));
        }
        assertTrue(registry.wasActiveBefore(strategy, start - 1));
        assertFalse(registry.wasActiveBefore(strategy, start));
        assertFalse(registry.wasActiveBefore(other, start + 5));
        assertTrue(registry.wasActiveBefore(other, start + 6));
    }

    function test_only_the_owner_manages_a_strategy() public {
        vm.startPrank(opener);
        bytes memory expected = abi.encodeWithSelector(IStrategyRegistry.NotOwner.selector, strategy, opener);
        vm.expectRevert(expected);
        registry.activate(strategy);
        vm.expectRevert(expected);
        registry.retire(strategy);
        vm.expectRevert(expected);
        registry.setOperator(strategy, opener);
        vm.expectRevert(expected);
        registry.requestWithdrawal(strategy, 1);
        vm.expectRevert(expected);
        registry.withdraw(strategy, opener);
        vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.UnknownStrategy.selector, bytes32(0)));
        registry.activate(0);
        vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.UnknownStrategy.selector, bytes32(0)));
        registry.deposit(0);
        vm.stopPrank();
    }

    function test_only_the_auction_house_moves_bonds() public {
        bytes memory expected = abi.encodeWithSelector(IStrategyRegistry.NotAuctionHouse.selector, solver);
        vm.startPrank(solver);
        vm.expectRevert(expected);
        registry.lock(strategy, 1);
        vm.expectRevert(expected);
        registry.unlock(strategy, 0, false);
        vm.expectRevert(expected);
        registry.slash(strategy, 0, solver, 0, false);
        vm.stopPrank();
    }

    function test_the_auction_house_is_named_once_by_the_binder() public {
        vm.expectRevert(IStrategyRegistry.AlreadyBound.selector);
        registry.bindAuctionHouse(address(1));
        StrategyRegistry fresh = new StrategyRegistry(1, 1, address(this));
        vm.expectRevert(IStrategyRegistry.ZeroAddress.selector);
        fresh.bindAuctionHouse(address(0));
        vm.prank(opener);
        vm.expectPartialRevert(IStrategyRegistry.NotOwner.selector);
        fresh.bindAuctionHouse(opener);
    }

    // covers: C12
    function test_a_withdrawal_waits_and_cannot_be_overlapped() public {
        vm.startPrank(solver);
        vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.NothingToWithdraw.selector, strategy));
        registry.withdraw(strategy, solver);
        vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.NothingToWithdraw.selector, strategy));
        registry.requestWithdrawal(strategy, 0);
        registry.requestWithdrawal(strategy, 4 ether);
        vm.expectRevert(abi.encodeWithSelector(IStrategyRegistry.WithdrawalPending.selector, strategy));
        registry.requestWithdrawal(strategy, 1);
        BondAccount memory a = registry.account(strategy);
        assertEq(a.bond, 6 ether);
        assertEq(a.withdrawing, 4 ether);
        assertEq(a.withdrawableAt, vm.getBlockNumber() + 50);
        _nextBlocks(49);
        vm.expectPartialRevert(IStrategyRegistry.WithdrawalNotDue.selector);
        registry.withdraw(strategy, solver);
        _nextBlocks(1);
        vm.expectRevert(IStrategyRegistry.ZeroAddress.selector);
        registry.withdraw(strategy, address(0));
        address to = makeAddr("to");
        registry.withdraw(strategy, to);
        assertEq(to.balance, 4 ether);
        vm.stopPrank();
    }

    function testFuzz_the_id_depends_on_every_bit_of_the_owner(address owner, uint8 bit) public view {
        address other = address(uint160(owner) ^ (uint160(1) << (bit % 160)));
        assertTrue(registry.computeStrategyId(owner, CLASS, MODEL) != registry.computeStrategyId(other, CLASS, MODEL));
    }
}
