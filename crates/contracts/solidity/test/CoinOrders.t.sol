// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {CoinMarket} from "./support/CoinMarket.sol";
import {CoinOrders} from "../src/periphery/CoinOrders.sol";
import {FillRequest, Intent, IAuctionEvents} from "../src/interfaces/IAuctionHouse.sol";

contract CoinOrdersTest is CoinMarket {
    CoinOrders internal orders;

    function setUp() public override {
        super.setUp();
        orders = new CoinOrders(house);
        vm.deal(trader, 10 ether);
    }

    function _order(uint96 n) internal view returns (Intent memory intent) {
        intent = _intent(0, BASE, 1, uint256(uint160(trader)) << 96 | n);
        intent.owner = address(orders);
    }

    function _place(Intent memory intent) internal {
        vm.prank(trader);
        orders.place{value: intent.sellAmount}(intent);
    }

    function _request(Run memory run) internal view returns (FillRequest memory request) {
        request = _fillRequest(run, 0);
        request.signature = "";
    }

    function test_coins_are_sold() public {
        Intent memory intent = _order(1);
        _place(intent);
        assertEq(trader.balance, 9 ether);
        Run memory run = _runOf(intent, 1500);
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(_request(run)));
        assertEq(quote.balanceOf(trader) - before, 2003 * QUOTE);
        assertEq(base.balanceOf(address(orders)), 0);
        // what was sold is not refunded
        vm.prank(trader);
        assertEq(orders.end(intent), 0);
        assertEq(trader.balance, 9 ether);
    }

    function test_an_order_ends_with_its_coins_back() public {
        Intent memory intent = _order(1);
        _place(intent);
        Run memory run = _runOf(intent, 1500);
        vm.expectRevert(abi.encodeWithSelector(CoinOrders.NotTrader.selector, address(this)));
        orders.end(intent);
        vm.prank(trader);
        assertEq(orders.end(intent), BASE);
        assertEq(trader.balance, 10 ether);
        FillRequest memory request = _request(run);
        vm.expectPartialRevert(IAuctionEvents.PullFailed.selector);
        house.fill(request);
        // the nonce is spent: the same order cannot be placed again
        vm.prank(trader);
        vm.expectRevert(abi.encodeWithSelector(CoinOrders.BadOrder.selector, bytes32("nonce")));
        orders.place{value: BASE}(intent);
    }

    function test_after_its_deadline_anybody_sends_the_coins_back() public {
        Intent memory intent = _order(1);
        _place(intent);
        vm.warp(intent.deadline + 1);
        orders.end(intent);
        assertEq(trader.balance, 10 ether);
    }

    function test_an_order_that_nobody_placed_is_not_signed() public {
        Intent memory intent = _order(1);
        Run memory run = _runOf(intent, 1500);
        base.mint(address(orders), 10 * BASE);
        FillRequest memory request = _request(run);
        vm.expectPartialRevert(IAuctionEvents.PullFailed.selector);
        house.fill(request);
        vm.expectPartialRevert(CoinOrders.UnknownOrder.selector);
        orders.end(intent);
    }

    function test_one_nonce_spends_one_of_two_orders_and_the_other_cannot_take_anothers_coins() public {
        Intent memory first = _order(1);
        Intent memory second = _order(1);
        second.minBuyAmount = 2;
        _place(first);
        _place(second);
        Run memory run = _runOf(first, 1500);
        assertTrue(house.fill(_request(run)));
        _observe(1);
        run = _runOf(second, 1500);
        FillRequest memory request = _request(run);
        vm.expectPartialRevert(IAuctionEvents.PullFailed.selector);
        house.fill(request);
    }

    function _refuse(Intent memory intent, uint256 value, bytes32 what) internal {
        vm.prank(trader);
        vm.expectRevert(abi.encodeWithSelector(CoinOrders.BadOrder.selector, what));
        orders.place{value: value}(intent);
    }

    function test_malformed_orders_are_refused_by_name() public {
        Intent memory intent = _order(1);
        intent.owner = trader;
        _refuse(intent, BASE, "owner");
        intent = _order(1);
        intent.recipient = address(orders);
        _refuse(intent, BASE, "recipient");
        intent = _order(1);
        intent.sellToken = address(quote);
        _refuse(intent, BASE, "sellToken");
        _refuse(_order(1), BASE - 1, "sellAmount");
        intent = _order(1);
        intent.nonce = 1;
        _refuse(intent, BASE, "nonce");
        intent = _order(1);
        intent.deadline = uint64(vm.getBlockTimestamp() - 1);
        _refuse(intent, BASE, "deadline");
        intent = _order(1);
        intent.appData = bytes32(uint256(1) << 8);
        _refuse(intent, BASE, "appData");
        _place(_order(1));
        vm.prank(trader);
        vm.expectPartialRevert(CoinOrders.OrderExists.selector);
        orders.place{value: BASE}(_order(1));
        (bool ok,) = address(orders).call{value: 1}("");
        assertFalse(ok);
    }
}
