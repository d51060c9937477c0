// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {BadExecutor} from "./support/BadExecutor.sol";
import {ContractTrader} from "./support/ContractTrader.sol";
import {
    IAuctionHouse,
    FillRequest,
    Intent,
    CommitState,
    IAuctionEvents,
    IAuctionEnd
} from "../src/interfaces/IAuctionHouse.sol";
import {InventoryExecutor} from "../src/executors/InventoryExecutor.sol";

/// covers: C8
contract DefaultsTest is Fixture {
    BadExecutor internal bad;
    bytes32 internal badStrategy;
    address internal badSolver = makeAddr("bad solver");

    function setUp() public override {
        super.setUp();
        bad = new BadExecutor(house);
        _fund(address(bad), 100);
        badStrategy = _activeStrategy(badSolver, address(bad), 1);
        _observe(8);
    }

    /// @dev A settled round that the bad executor has won at `pips`.
    function _badRun(int32 pips) internal returns (Run memory run) {
        run = _openOne();
        _commit(run, badSolver, badStrategy);
        run.results[0] = _result(pips, 0, 1);
        _settleAndMove(run, _indices(0));
    }

    /// @dev The trade is undone, the trader is compensated, the rest is burned, the slot is closed.
    function _assertDefault(Run memory run, uint256 compensation) internal {
        uint256 dead = DEAD.balance;
        uint256 coins = trader.balance;
        (uint256 sold, uint256 bought) = (base.balanceOf(trader), quote.balanceOf(trader));
        (uint256 executorBase, uint256 executorQuote) = (base.balanceOf(address(bad)), quote.balanceOf(address(bad)));
        FillRequest memory request = _fillRequest(run, 0);
        assertFalse(house.fill(request));
        assertEq(trader.balance - coins, compensation, "compensation");
        assertEq(DEAD.balance - dead, SLOT_BOND - compensation, "burned");
        assertEq(base.balanceOf(trader), sold, "sold");
        assertEq(quote.balanceOf(trader), bought, "bought");
        assertEq(base.balanceOf(address(bad)), executorBase, "executor's base");
        assertEq(quote.balanceOf(address(bad)), executorQuote, "executor's quote");
        assertEq(registry.account(badStrategy).bond, 10 ether - SLOT_BOND);
        assertEq(registry.account(badStrategy).defaults, 1);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.SlotIsClosed.selector, 0));
        house.fill(request);
    }

    function test_a_reverting_executor_costs_the_slot_bond() public {
        // 1500 pips of 2000 are 3 quote units, 0.0015 coins
        Run memory run = _badRun(1500);
        bad.set(BadExecutor.Mode.Revert);
        _assertDefault(run, 0.0015 ether);
        _toEnd(run);
        house.release(run.id, 0);
        assertEq(registry.account(badStrategy).locked, 0);
        assertEq(registry.account(badStrategy).bond, 10 ether - SLOT_BOND);
    }

    function test_a_short_delivery_costs_the_slot_bond() public {
        Run memory run = _badRun(1500);
        bad.set(BadExecutor.Mode.Short);
        _assertDefault(run, 0.0015 ether);
    }

    function test_no_delivery_at_all_costs_the_slot_bond() public {
        Run memory run = _badRun(1500);
        bad.set(BadExecutor.Mode.Nothing);
        _assertDefault(run, 0.0015 ether);
    }

    function test_an_executor_that_burns_its_allowance_costs_the_slot_bond() public {
        Run memory run = _badRun(1500);
        bad.set(BadExecutor.Mode.BurnGas);
        _assertDefault(run, 0.0015 ether);
    }

    function test_an_executor_that_returns_a_bomb_costs_the_slot_bond() public {
        Run memory run = _badRun(1500);
        bad.set(BadExecutor.Mode.RevertBomb);
        _assertDefault(run, 0.0015 ether);
    }

    // covers: C1
    function test_an_executor_that_reenters_fails_by_itself() public {
        Run memory run = _badRun(1500);
        bad.set(BadExecutor.Mode.Reenter);
        bad.setReentry(abi.encodeCall(IAuctionEnd.closeRound, (run.id, "")));
        _assertDefault(run, 0.0015 ether);
    }

    // covers: C1
    function test_an_executor_cannot_move_a_trade_of_its_own() public {
        Run memory run = _badRun(1500);
        bad.set(BadExecutor.Mode.Reenter);
        FillRequest memory request = _fillRequest(run, 0);
        bad.setReentry(abi.encodeCall(IAuctionHouse.fill, (request)));
        _assertDefault(run, 0.0015 ether);
    }

    function test_an_executor_without_code_costs_the_slot_bond() public {
        Run memory run = _badRun(1500);
        vm.etch(address(bad), "");
        _assertDefault(run, 0.0015 ether);
    }

    function test_compensation_is_at_most_the_slot_bond() public {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, 100 * BASE, 0, 1);
        Run memory run = _open(intents);
        _commit(run, badSolver, badStrategy);
        run.results[0] = _result(4000, 0, 1);
        _settleAndMove(run, _indices(0));
        bad.set(BadExecutor.Mode.Revert);
        _assertDefault(run, SLOT_BOND);
    }

    function test_a_quote_below_the_reference_gives_no_compensation() public {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 1);
        Run memory run = _open(intents);
        _commit(run, badSolver, badStrategy);
        run.results[0] = _result(-1000, 0, 1);
        _settleAndMove(run, _indices(0));
        bad.set(BadExecutor.Mode.Revert);
        _assertDefault(run, 0);
    }

    function test_the_nonce_of_a_defaulted_intent_is_not_spent() public {
        Run memory run = _badRun(1500);
        bad.set(BadExecutor.Mode.Revert);
        house.fill(_fillRequest(run, 0));
        _observe(1);
        Run memory again = _openOne();
        _commit(again, solver, strategy);
        again.results[0] = _result(1500, 0, 1);
        _settleAndMove(again, _indices(0));
        assertTrue(house.fill(_fillRequest(again, 0)));
    }

    // covers: C5
    function test_a_trader_that_refuses_coins_is_paid_all_the_same() public {
        ContractTrader owner = new ContractTrader(address(permit2));
        _fund(address(owner), 10);
        owner.approve(address(base));
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 1);
        intents[0].owner = intents[0].recipient = address(owner);
        Run memory run = _open(intents);
        _commit(run, badSolver, badStrategy);
        run.results[0] = _result(1500, 0, 1);
        _settleAndMove(run, _indices(0));
        bad.set(BadExecutor.Mode.Revert);
        owner.set(ContractTrader.Mode.Valid);
        assertFalse(house.fill(_fillRequest(run, 0)));
        assertEq(address(owner).balance, 0.0015 ether);
    }

    // covers: C16
    function test_a_starved_call_moves_no_bond() public {
        Run memory run = _badRun(1500);
        bad.set(BadExecutor.Mode.NeedGas);
        FillRequest memory request = _fillRequest(run, 0);
        uint256 bond = registry.account(badStrategy).bond;
        bool filled;
        for (uint256 gasLimit = 150_000; gasLimit < 1_600_000; gasLimit += 10_000) {
            uint256 snapshot = vm.snapshotState();
            try house.fill{gas: gasLimit}(request) returns (bool done) {
                assertTrue(done, "a starved call was taken for a default");
                filled = true;
            } catch {
                assertFalse(filled, "more gas failed");
            }
            assertEq(registry.account(badStrategy).bond, bond);
            vm.revertToState(snapshot);
        }
        assertTrue(filled);
    }

    // covers: C16
    function test_too_little_gas_for_the_executor_is_named() public {
        Run memory run = _badRun(1500);
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectPartialRevert(IAuctionEvents.InsufficientGas.selector);
        house.fill{gas: 560_000}(request);
    }

    // covers: S6
    function test_a_contract_signer_cannot_fake_a_default() public {
        ContractTrader owner = new ContractTrader(address(permit2));
        _fund(address(owner), 10);
        owner.approve(address(base));
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 1);
        intents[0].owner = address(owner);
        Run memory run = _open(intents);
        _commit(run, badSolver, badStrategy);
        run.results[0] = _result(1500, 0, 1);
        _settleAndMove(run, _indices(0));
        FillRequest memory request = _fillRequest(run, 0);
        ContractTrader.Mode[5] memory modes = [
            ContractTrader.Mode.Invalid,
            ContractTrader.Mode.FakeDefault,
            ContractTrader.Mode.Short,
            ContractTrader.Mode.BurnGas,
            ContractTrader.Mode.Bomb
        ];
        for (uint256 i; i < modes.length; ++i) {
            owner.set(modes[i]);
            uint256 snapshot = vm.snapshotState();
            (bool ok,) = address(house).call{gas: 3_000_000}(abi.encodeCall(IAuctionHouse.fill, (request)));
            assertFalse(ok);
            assertEq(registry.account(badStrategy).bond, 10 ether);
            vm.revertToState(snapshot);
        }
        owner.set(ContractTrader.Mode.Valid);
        assertTrue(house.fill(request));
    }

    // covers: S8
    function test_an_owner_with_code_is_asked_as_a_contract_and_its_key_alone_does_not_count() public {
        Run memory run = _badRun(1500);
        FillRequest memory request = _fillRequest(run, 0);
        vm.etch(trader, address(new ContractTrader(address(permit2))).code);
        ContractTrader(trader).set(ContractTrader.Mode.Invalid);
        vm.expectPartialRevert(IAuctionEvents.PullFailed.selector);
        house.fill(request);
        ContractTrader(trader).set(ContractTrader.Mode.Valid);
        assertTrue(house.fill(request));
    }

    function test_a_stopped_executor_defaults() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        vm.prank(solver);
        executor.setStopped(strategy, true);
        assertFalse(house.fill(_fillRequest(run, 0)));
        assertEq(registry.account(strategy).defaults, 1);
        assertEq(uint8(house.getCommit(run.id, 0).state), uint8(CommitState.Covered));
    }
}
