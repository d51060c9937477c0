// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {CoinMarket} from "./support/CoinMarket.sol";
import {IAuctionEvents, IAuctionHouse, FillRequest, Intent} from "../src/interfaces/IAuctionHouse.sol";
import {OptionsLib} from "../src/libraries/OptionsLib.sol";

/// What an intent's `appData` can ask for.
contract OptionsTest is CoinMarket {
    // ---- form

    function test_what_is_no_option_is_refused() public {
        bytes32[6] memory bad = [
            keccak256("a hash of metadata"),
            _appData(integrator, 2501, 0, 0),
            _appData(address(0), 1, 0, 0),
            _appData(address(0), 0, 0, 4),
            bytes32(uint256(1) << 16),
            bytes32(uint256(1) << 79)
        ];
        for (uint256 i; i < bad.length; ++i) {
            Run memory run = _run(0, bad[i]);
            FillRequest memory request = _fillRequest(run, 0);
            vm.expectRevert(abi.encodeWithSelector(OptionsLib.BadOptions.selector, bad[i]));
            house.fill(request);
            _observe(1);
        }
    }

    // ---- surplus

    function test_surplus_is_split_and_the_proven_amount_is_not() public {
        house.setProtocolShare(1_000, treasury);
        Run memory run = _run(0, _appData(integrator, 2_500, 0, 0));
        generous.setExtra(1_003);
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        // a quarter of 1003 is 250, a tenth is 100; both rounded down, the rest is the trader's
        assertEq(quote.balanceOf(trader) - before, 2003 * QUOTE + 653);
        assertEq(house.claimable(address(quote), integrator), 250);
        assertEq(house.claimable(address(quote), treasury), 100);
        assertEq(quote.balanceOf(address(house)), 350);

        vm.prank(integrator);
        assertEq(house.claim(address(quote), makeAddr("elsewhere")), 250);
        assertEq(quote.balanceOf(makeAddr("elsewhere")), 250);
        vm.prank(integrator);
        assertEq(house.claim(address(quote), integrator), 0);
        vm.prank(treasury);
        house.claim(address(quote), treasury);
        assertEq(quote.balanceOf(address(house)), 0);
    }

    function test_without_surplus_nobody_has_a_share() public {
        house.setProtocolShare(2_500, treasury);
        Run memory run = _run(0, _appData(integrator, 2_500, 0, 0));
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(trader) - before, 2003 * QUOTE);
        assertEq(quote.balanceOf(address(house)), 0);
    }

    // covers: C14
    function testFuzz_the_trader_keeps_half_of_any_surplus(uint256 extra, uint16 own, uint16 protocol) public {
        extra = bound(extra, 0, 1e15);
        own = uint16(bound(own, 0, 2_500));
        house.setProtocolShare(uint16(bound(protocol, 0, 2_500)), treasury);
        Run memory run = _run(0, _appData(integrator, own, 0, 0));
        quote.mint(address(generous), extra);
        generous.setExtra(extra);
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        uint256 gained = quote.balanceOf(trader) - before - 2003 * QUOTE;
        assertGe(2 * gained, extra);
        assertEq(
            gained + house.claimable(address(quote), integrator) + house.claimable(address(quote), treasury), extra
        );
    }

    // covers: C18
    function test_a_new_share_does_not_touch_a_running_round() public {
        Run memory run = _run(0, bytes32(0));
        house.setProtocolShare(2_500, treasury);
        generous.setExtra(1_000);
        house.fill(_fillRequest(run, 0));
        assertEq(house.claimable(address(quote), treasury), 0);
        assertEq(house.getRound(run.id).protocolShareBips, 0);
        _observe(1);
        Intent memory intent = _intent(0, BASE, 0, 2);
        run = _runOf(intent, 1500);
        assertEq(house.getRound(run.id).protocolShareBips, 2_500);
        house.fill(_fillRequest(run, 0));
        assertEq(house.claimable(address(quote), treasury), 250);
    }

    // covers: C18
    function test_the_share_is_the_owners_to_set_up_to_a_quarter() public {
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.BadShare.selector, 2_501, treasury));
        house.setProtocolShare(2_501, treasury);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.BadShare.selector, 1, address(0)));
        house.setProtocolShare(1, address(0));
        vm.prank(opener);
        vm.expectRevert();
        house.setProtocolShare(1, opener);
        house.setProtocolShare(7, treasury);
        assertEq(house.protocolShareBips(), 7);
        assertEq(house.treasury(), treasury);
    }

    // ---- partial fills

    function _leave(uint256 amount) internal {
        uint256 balance = base.balanceOf(trader);
        vm.prank(trader);
        base.transfer(address(1), balance - amount);
    }

    function test_an_intent_that_allows_it_sells_what_its_owner_has() public {
        Run memory run = _run(0, _appData(address(0), 0, 64, 0));
        _leave(BASE / 2 + 1);
        uint256 before = quote.balanceOf(trader);
        vm.expectEmit(true, true, true, false);
        emit IAuctionEvents.Filled(run.id, generousStrategy, house.hashIntent(run.intents[0]), 0, trader, 0, 0, 0);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(base.balanceOf(trader), 0);
        // rounded up, for the trader
        assertEq(quote.balanceOf(trader) - before, 1_001_500_001);
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.SlotIsClosed.selector, 0));
        house.fill(request);
    }

    function test_the_allowance_counts_as_the_balance_does() public {
        Run memory run = _run(0, _appData(address(0), 0, 64, 0));
        vm.prank(trader);
        base.approve(address(permit2), BASE / 4);
        uint256 before = base.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(before - base.balanceOf(trader), BASE / 4);
    }

    function test_less_than_the_least_share_is_not_sold() public {
        Run memory run = _run(0, _appData(address(0), 0, 64, 0));
        _leave(BASE / 4 - 1);
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectPartialRevert(IAuctionEvents.PullFailed.selector);
        house.fill(request);
        base.mint(trader, 1);
        assertTrue(house.fill(request));
    }

    function test_all_is_sold_when_there_is_all() public {
        Run memory run = _run(0, _appData(address(0), 0, 1, 0));
        uint256 before = base.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(before - base.balanceOf(trader), BASE);
    }

    function test_without_the_option_it_is_all_or_nothing() public {
        Run memory run = _run(0, bytes32(0));
        _leave(BASE - 1);
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectPartialRevert(IAuctionEvents.PullFailed.selector);
        house.fill(request);
    }

    function test_the_limit_holds_pro_rata_rounded_up() public {
        Intent memory intent = _intent(0, BASE, 2003 * QUOTE + 1, 1);
        intent.appData = _appData(address(0), 0, 1, 0);
        Run memory run = _runOf(intent, 1500);
        _leave(BASE / 2);
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.LimitNotMet.selector, 1001.5e6, 1001.5e6 + 1));
        house.fill(request);
    }

    function test_a_part_below_the_markets_least_size_is_refused() public {
        Run memory run = _run(0, _appData(address(0), 0, 1, 0));
        _leave(BASE / 250);
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectPartialRevert(IAuctionEvents.SizeOutOfRange.selector);
        house.fill(request);
    }

    function testFuzz_a_part_is_paid_at_the_proven_price(uint256 left, uint8 share, int16 pips) public {
        left = bound(left, BASE / 100, 2 * BASE);
        Intent memory intent = _intent(0, BASE, 0, 1);
        intent.appData = _appData(address(0), 0, share, 0);
        Run memory run = _runOf(intent, int32(pips) % 4000);
        _leave(left);
        FillRequest memory request = _fillRequest(run, 0);
        uint256 before = quote.balanceOf(trader);
        (bool ok,) = address(house).call(abi.encodeCall(IAuctionHouse.fill, (request)));
        uint256 sold = left - base.balanceOf(trader);
        if (!ok) {
            assertEq(sold, 0);
            assertTrue(left < BASE && (share == 0 || left * 256 < BASE * share), "refused a part that is allowed");
            return;
        }
        assertEq(sold, left < BASE ? left : BASE);
        uint256 r = house.getRound(run.id).referenceQ128;
        uint256 got = quote.balanceOf(trader) - before;
        assertGe(got * 1e6 << 128, sold * r * uint256(int256(1e6 + int256(int32(pips) % 4000))), "below the price");
    }

    // ---- coins

    function test_coins_are_paid_for_the_wrapped_coin() public {
        Run memory run = _run(1, _appData(address(0), 0, 0, 2));
        uint256 before = trader.balance;
        uint256 wrapped = base.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertApproxEqRel(trader.balance - before, 1.0015e18, 1e9);
        assertEq(base.balanceOf(trader), wrapped);
        assertEq(address(house).balance, OPENER_BOND);
    }

    function test_coins_for_another_token_are_refused() public {
        Run memory run = _run(0, _appData(address(0), 0, 0, 2));
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.NotWrappedCoin.selector, address(quote)));
        house.fill(request);
    }

    // covers: C5
    function test_a_recipient_that_refuses_coins_moves_no_bond() public {
        Intent memory intent = _intent(1, 2000 * QUOTE, 1, 1);
        intent.appData = _appData(address(0), 0, 0, 2);
        intent.recipient = address(quote);
        Run memory run = _runOf(intent, 1500);
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectRevert(IAuctionEvents.PaymentFailed.selector);
        house.fill(request);
        assertEq(registry.account(generousStrategy).defaults, 0);
    }

    function test_coins_from_elsewhere_are_refused() public {
        vm.deal(address(this), 1);
        (bool ok, bytes memory reason) = address(house).call{value: 1}("");
        assertFalse(ok);
        assertEq(bytes4(reason), IAuctionEvents.UnexpectedCoins.selector);
    }

    // ---- voided slots

    function _void(Run memory run) internal {
        FillRequest memory request = _fillRequest(run, 0);
        vm.prank(opener);
        house.voidSlot(request);
    }

    function _assertVoided(Run memory run) internal {
        uint256 dead = DEAD.balance;
        _void(run);
        assertEq(DEAD.balance - dead, UNFILLED_FEE / 2);
        assertEq(house.getRound(run.id).closedSlots, 1);
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.SlotIsClosed.selector, 0));
        house.fill(request);
        _toEnd(run);
        uint256 bond = registry.account(generousStrategy).bond;
        uint256 before = opener.balance;
        house.closeRound(run.id, _pack(run.results));
        assertEq(registry.account(generousStrategy).bond, bond, "the winner was paid");
        assertEq(opener.balance - before, OPENER_BOND - UNFILLED_FEE / 2);
        assertEq(address(house).balance, 0);
    }

    function test_a_cancelled_intent_earns_its_winner_nothing() public {
        Run memory run = _run(0, bytes32(0));
        vm.prank(trader);
        permit2.invalidateUnorderedNonces(0, 2);
        _assertVoided(run);
    }

    function test_an_owner_without_the_tokens_earns_the_winner_nothing() public {
        Run memory run = _run(0, _appData(address(0), 0, 128, 0));
        _leave(BASE / 2 - 1);
        _assertVoided(run);
    }

    function test_a_limit_that_the_winner_misses_earns_it_nothing() public {
        Run memory run = _runOf(_intent(0, BASE, 2003 * QUOTE + 1, 1), 1500);
        _assertVoided(run);
    }

    /// A token that answers nothing, or no, gives nothing that could be sold.
    function test_an_allowance_that_is_not_told_is_none() public {
        bytes memory ask = abi.encodeWithSignature("allowance(address,address)", trader, permit2);
        Run memory run = _run(0, bytes32(0));
        vm.mockCall(address(base), ask, "");
        _void(run);
        vm.clearMockedCalls();
        run = _runOf(_intent(0, BASE, 1, 2), 1500);
        vm.mockCallRevert(address(base), ask, abi.encode(type(uint256).max));
        _void(run);
    }

    function test_a_slot_that_can_be_filled_is_not_voided() public {
        Run memory run = _runOf(_intent(0, BASE, 2003 * QUOTE, 1), 1500);
        FillRequest memory request = _fillRequest(run, 0);
        vm.prank(opener);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.SlotIsFillable.selector, 0));
        house.voidSlot(request);
        request.blinding = 0;
        vm.prank(opener);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.WrongOpening.selector, 0));
        house.voidSlot(request);
    }

    function test_only_the_opener_voids_and_only_in_the_fill_window() public {
        Run memory run = _run(0, bytes32(0));
        vm.prank(trader);
        permit2.invalidateUnorderedNonces(0, 2);
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.NotOpener.selector, run.id, address(this)));
        house.voidSlot(request);
        _toEnd(run);
        vm.prank(opener);
        vm.expectPartialRevert(IAuctionEvents.OutsideWindow.selector);
        house.voidSlot(request);
    }
}

