// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {FillRequest, Result, Intent, IAuctionEvents} from "../src/interfaces/IAuctionHouse.sol";
import {MarketParams, Pricing} from "../src/interfaces/IMarkets.sol";
import {IPermit2Witness} from "../src/interfaces/IPermit2Witness.sol";
import {FeatureLib} from "../src/libraries/FeatureLib.sol";
import {QuoteMath} from "../src/libraries/QuoteMath.sol";

contract FillTest is Fixture {
    function _refill(Run memory run, bytes4 errorSelector) internal {
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectPartialRevert(errorSelector);
        house.fill(request);
    }

    function test_a_settled_slot_is_filled_at_the_proven_quote() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        uint256 bought = quote.balanceOf(trader);
        uint256 sold = base.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(trader) - bought, 2003 * QUOTE);
        assertEq(sold - base.balanceOf(trader), BASE);
        assertEq(base.balanceOf(address(house)) + quote.balanceOf(address(house)), 0);
    }

    function test_selling_quote_tokens_pays_base_rounded_up() public {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(1, 2000 * QUOTE + 1, 0, 1);
        Run memory run = _open(intents);
        _commit(run, solver, strategy);
        run.results[0] = _result(2000, 0, 1);
        _settleAndMove(run, _indices(0));
        uint256 before = base.balanceOf(trader);
        house.fill(_fillRequest(run, 0));
        uint256 r = house.getRound(run.id).referenceQ128;
        uint256 got = base.balanceOf(trader) - before;
        assertEq(got, QuoteMath.amountOut(1, 2000 * QUOTE + 1, r, 2000));
        assertGe(got * r * 1e6, uint256(2000 * QUOTE + 1) * 1_002_000 << 128, "rounded against the trader");
    }

    function test_the_recipient_need_not_be_the_owner() public {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 1);
        intents[0].recipient = makeAddr("recipient");
        Run memory run = _open(intents);
        _commit(run, solver, strategy);
        run.results[0] = _result(0, 0, 1);
        _settleAndMove(run, _indices(0));
        house.fill(_fillRequest(run, 0));
        assertEq(quote.balanceOf(intents[0].recipient), 2000 * QUOTE);
    }

    // covers: C21
    function test_a_slot_is_filled_at_most_once() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        FillRequest memory request = _fillRequest(run, 0);
        house.fill(request);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.SlotIsClosed.selector, 0));
        house.fill(request);
    }

    function test_an_intent_in_two_slots_is_filled_once() public {
        Intent[] memory intents = new Intent[](2);
        intents[0] = intents[1] = _intent(0, BASE, 0, 1);
        Run memory run = _open(intents);
        _commit(run, solver, strategy);
        run.results[0] = run.results[1] = _result(10, 0, 1);
        _settleAndMove(run, _indices(0));
        house.fill(_fillRequest(run, 0));
        _refillSlot(run, 1, IAuctionEvents.PullFailed.selector);
    }

    function _refillSlot(Run memory run, uint8 slot, bytes4 errorSelector) internal {
        FillRequest memory request = _fillRequest(run, slot);
        vm.expectPartialRevert(errorSelector);
        house.fill(request);
    }

    // covers: C7
    function test_fills_are_taken_in_the_fill_window_only() public {
        Run memory run = _openOne();
        _commit(run, solver, strategy);
        run.results[0] = _result(1500, 100, 1);
        _toSettle(run);
        house.settle(_settleRequest(run, _indices(0)));
        _refill(run, IAuctionEvents.OutsideWindow.selector);
        vm.roll(house.getRound(run.id).settleEnd);
        _refill(run, IAuctionEvents.OutsideWindow.selector);
        vm.roll(house.getRound(run.id).fillEnd + 1);
        _refill(run, IAuctionEvents.OutsideWindow.selector);
        vm.roll(house.getRound(run.id).fillEnd);
        assertTrue(house.fill(_fillRequest(run, 0)));
    }

    function test_an_unsettled_round_fills_nothing() public {
        Run memory run = _openOne();
        _toFill(run);
        _refill(run, IAuctionEvents.NotSettled.selector);
    }

    function test_a_slot_without_a_winner_is_not_filled() public {
        Run memory run = _settledOne(Result(0, 0, 0));
        _refill(run, IAuctionEvents.NoWinner.selector);
    }

    function test_a_fill_below_the_proven_price_is_refused() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        run.results[0] = _result(1499, 100, 1);
        _refill(run, IAuctionEvents.Mismatch.selector);
    }

    function test_a_result_of_another_slot_is_refused() public {
        Intent[] memory intents = new Intent[](2);
        intents[0] = _intent(0, BASE, 0, 1);
        intents[1] = _intent(0, BASE, 0, 2);
        Run memory run = _open(intents);
        _commit(run, solver, strategy);
        run.results[0] = _result(2000, 0, 1);
        run.results[1] = _result(1000, 0, 1);
        _settleAndMove(run, _indices(0));
        FillRequest memory request = _fillRequest(run, 0);
        request.result = run.results[1];
        request.merkleProof = _proof(run.results, 1);
        vm.expectPartialRevert(IAuctionEvents.Mismatch.selector);
        house.fill(request);
    }

    function test_an_intent_that_does_not_open_the_slot_is_refused() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        FillRequest memory request = _fillRequest(run, 0);
        request.blinding = bytes32(uint256(1));
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.WrongOpening.selector, 0));
        house.fill(request);
        run.intents[0].minBuyAmount = 0;
        _refill(run, IAuctionEvents.WrongOpening.selector);
    }

    function test_other_slots_than_those_of_the_round_are_refused() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        run.intents[0] = _intent(0, 2 * BASE, 0, 9);
        run.slots = _slots(run.intents);
        _refill(run, IAuctionEvents.Mismatch.selector);
        run.slots = hex"00";
        _refill(run, IAuctionEvents.WrongLength.selector);
    }

    function test_a_slot_beyond_the_non_empty_ones_is_refused() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        FillRequest memory request = _fillRequest(run, 0);
        request.slot = 1;
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.BadSlots.selector, 1));
        house.fill(request);
        request.slot = 255;
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.BadSlots.selector, 255));
        house.fill(request);
    }

    function test_features_that_are_not_the_intents_own_are_refused() public {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 1);
        Run memory run;
        for (uint256 byteOfFeature = 35; byteOfFeature < 48; byteOfFeature += 4) {
            run.intents = intents;
            run.slots = _slots(intents);
            run.slots[byteOfFeature] = bytes1(uint8(run.slots[byteOfFeature]) ^ 1);
            run.results = new Result[](32);
            (run.features,) = markets.snapshot(market);
            vm.prank(opener);
            run.id = house.openRound{value: OPENER_BOND + REWARD}(market, run.slots);
            _commit(run, solver, strategy);
            run.results[0] = _result(1, 0, 1);
            _settleAndMove(run, _indices(0));
            _refill(run, IAuctionEvents.WrongFeatures.selector);
            _observe(1);
        }
    }

    // covers: S10
    function test_validity_includes_both_ends() public {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 1);
        intents[0].validFrom = uint64(vm.getBlockTimestamp() + 100);
        intents[0].deadline = uint64(vm.getBlockTimestamp() + 200);
        Run memory run = _open(intents);
        _commit(run, solver, strategy);
        run.results[0] = _result(1, 0, 1);
        _settleAndMove(run, _indices(0));
        vm.warp(intents[0].validFrom - 1);
        _refill(run, IAuctionEvents.IntentExpired.selector);
        vm.warp(intents[0].deadline + 1);
        _refill(run, IAuctionEvents.IntentExpired.selector);
        uint256 snapshot = vm.snapshotState();
        vm.warp(intents[0].validFrom);
        assertTrue(house.fill(_fillRequest(run, 0)));
        vm.revertToState(snapshot);
        vm.warp(intents[0].deadline);
        assertTrue(house.fill(_fillRequest(run, 0)));
    }

    function _unfillable(Intent memory intent, bytes4 errorSelector) internal {
        Intent[] memory intents = new Intent[](1);
        intents[0] = intent;
        Run memory run = _open(intents);
        _commit(run, solver, strategy);
        run.results[0] = _result(1500, 0, 1);
        _settleAndMove(run, _indices(0));
        _refill(run, errorSelector);
    }

    // covers: S14 S16
    function test_other_tokens_than_the_markets_are_refused() public {
        Intent memory intent = _intent(0, BASE, 0, 1);
        intent.buyToken = address(base);
        _unfillable(intent, IAuctionEvents.WrongTokens.selector);
    }

    function test_an_intent_for_another_market_is_refused() public {
        Intent memory intent = _intent(0, BASE, 0, 1);
        intent.market = bytes32(uint256(1));
        _unfillable(intent, IAuctionEvents.WrongMarket.selector);
    }

    // covers: S14
    function test_recipients_without_use_are_refused() public {
        Intent memory intent = _intent(0, BASE, 0, 1);
        intent.recipient = address(0);
        _unfillable(intent, IAuctionEvents.BadRecipient.selector);
        _observe(1);
        intent.recipient = address(house);
        _unfillable(intent, IAuctionEvents.BadRecipient.selector);
    }

    function test_a_size_outside_the_range_cannot_be_filled() public {
        _unfillable(_intent(0, BASE / 1000, 0, 1), IAuctionEvents.SizeOutOfRange.selector);
        _observe(1);
        _unfillable(_intent(1, 1_000_001 * QUOTE, 0, 2), IAuctionEvents.SizeOutOfRange.selector);
        _observe(1);
        _unfillable(_intent(1, 0, 0, 3), IAuctionEvents.SizeOutOfRange.selector);
    }

    // covers: S15
    function test_an_amount_beyond_the_arithmetic_is_refused_by_name() public {
        _unfillable(_intent(0, 1 << 200, 0, 1), QuoteMath.AmountTooLarge.selector);
        _observe(1);
        _unfillable(_intent(0, type(uint256).max, 0, 1), QuoteMath.AmountTooLarge.selector);
    }

    function test_a_limit_that_the_quote_does_not_meet_reverts_without_a_default() public {
        uint256 bond = registry.account(strategy).bond;
        _unfillable(_intent(0, BASE, 2004 * QUOTE, 1), IAuctionEvents.LimitNotMet.selector);
        assertEq(registry.account(strategy).bond, bond);
    }

    function test_a_quote_below_the_reserve_is_not_filled() public {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 1);
        MarketParams memory p = _params();
        p.reserveQuote = 100;
        market = _createMarket(p);
        intents[0].market = market;
        (address rival, bytes32 id) = _rival("rival");
        _observe(8);
        Run memory run = _open(intents);
        _commit(run, rival, id);
        run.results[0] = _result(99, 0, 1);
        _settleAndMove(run, _indices(0));
        _refill(run, IAuctionEvents.BelowReserve.selector);
    }

    // covers: S1 S2 S4 S5
    function test_a_signature_of_another_key_or_form_is_refused() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        FillRequest memory request = _fillRequest(run, 0);
        (, uint256 otherKey) = makeAddrAndKey("other");
        request.signature = _sign(run.intents[0], otherKey);
        vm.expectPartialRevert(IAuctionEvents.PullFailed.selector);
        house.fill(request);
        request.signature = "";
        vm.expectPartialRevert(IAuctionEvents.PullFailed.selector);
        house.fill(request);
        request.signature = new bytes(65);
        vm.expectPartialRevert(IAuctionEvents.PullFailed.selector);
        house.fill(request);
        request.signature = bytes.concat(_sign(run.intents[0], traderKey), hex"00");
        vm.expectPartialRevert(IAuctionEvents.PullFailed.selector);
        house.fill(request);
    }

    // covers: S4
    function test_a_compact_signature_is_accepted() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        FillRequest memory request = _fillRequest(run, 0);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(traderKey, _permitDigest(run.intents[0], address(house)));
        request.signature = abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255));
        assertTrue(house.fill(request));
    }

    // covers: S1
    function test_a_signature_for_another_spender_is_refused() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        FillRequest memory request = _fillRequest(run, 0);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(traderKey, _permitDigest(run.intents[0], address(this)));
        request.signature = abi.encodePacked(r, s, v);
        vm.expectPartialRevert(IAuctionEvents.PullFailed.selector);
        house.fill(request);
    }

    // covers: S11 S13
    function test_a_cancelled_nonce_is_not_filled_and_costs_no_bond() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        uint256 bond = registry.account(strategy).bond;
        vm.prank(trader);
        permit2.invalidateUnorderedNonces(0, 2);
        _refill(run, IAuctionEvents.PullFailed.selector);
        assertEq(registry.account(strategy).bond, bond);
    }

    // covers: S11
    function test_nonces_at_the_edges_of_the_bitmap_are_spent_once_each() public {
        uint256[4] memory nonces = [uint256(0), 255, 256, type(uint256).max];
        Intent[] memory intents = new Intent[](4);
        for (uint256 i; i < 4; ++i) {
            intents[i] = _intent(0, BASE, 0, nonces[i]);
        }
        Run memory run = _open(intents);
        _commit(run, solver, strategy);
        for (uint256 i; i < 4; ++i) {
            run.results[i] = _result(1, 0, 1);
        }
        _settleAndMove(run, _indices(0));
        for (uint8 i; i < 4; ++i) {
            assertTrue(house.fill(_fillRequest(run, i)));
        }
    }

    // covers: S17
    function test_a_trader_without_balance_or_allowance_costs_no_bond() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        vm.startPrank(trader);
        base.approve(address(permit2), 0);
        vm.stopPrank();
        _refill(run, IAuctionEvents.PullFailed.selector);
        vm.startPrank(trader);
        base.approve(address(permit2), type(uint256).max);
        base.transfer(address(1), base.balanceOf(trader));
        vm.stopPrank();
        _refill(run, IAuctionEvents.PullFailed.selector);
        assertEq(registry.account(strategy).bond, 10 ether);
    }

    function test_only_the_auction_house_moves_a_trade() public {
        (bool ok, bytes memory reason) = address(house)
            .call(
                abi.encodePacked(
                    bytes4(
                        keccak256(
                            "executeTrade((bytes32,uint8,bytes,(address,address,address,address,uint256,uint256,uint64,uint64,uint256,bytes32,bytes32),bytes32,bytes,(uint32,uint32,uint32),bytes32[5]))"
                        )
                    ),
                    abi.encode(uint256(32)),
                    new bytes(1600)
                )
            );
        assertFalse(ok);
        assertEq(bytes4(reason), IAuctionEvents.OnlySelf.selector);
    }

    /// A market with second prices and a strategy in it.
    function _secondPriceRun(int32 reserve, int32 best, int32 second, uint256 minBuy) internal returns (uint256 paid) {
        MarketParams memory p = _params();
        p.pricing = Pricing.SecondPrice;
        p.reserveQuote = reserve;
        market = _createMarket(p);
        (address rival, bytes32 id) = _rival("second price");
        _observe(8);
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, minBuy, 1);
        Run memory run = _open(intents);
        _commit(run, rival, id);
        run.results[0] = _result(best, second, 1);
        _settleAndMove(run, _indices(0));
        uint256 before = quote.balanceOf(trader);
        house.fill(_fillRequest(run, 0));
        paid = quote.balanceOf(trader) - before;
    }

    function test_second_price_pays_the_second_best_quote() public {
        assertEq(_secondPriceRun(-5000, 2000, 1000, 0), 2002 * QUOTE);
    }

    function test_second_price_pays_at_least_the_reserve() public {
        assertEq(_secondPriceRun(500, 2000, type(int32).min, 0), 2001 * QUOTE);
    }

    function test_second_price_pays_at_least_the_traders_minimum() public {
        assertEq(_secondPriceRun(-5000, 2000, 500, 2003 * QUOTE + 1), 2003 * QUOTE + 1);
    }

    function test_second_price_never_pays_more_than_the_best_quote() public {
        assertEq(_secondPriceRun(-5000, 2000, 3000, 0), 2004 * QUOTE);
    }
}
