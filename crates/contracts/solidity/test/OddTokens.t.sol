// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "solady/utils/ReentrancyGuardTransient.sol";
import {Fixture} from "./support/Fixture.sol";
import {PlainToken} from "./support/PlainToken.sol";
import {FeeToken, BlocklistToken, NoReturnToken, LyingToken, HookToken} from "./support/OddTokens.sol";
import {IAuctionHouse, FillRequest, IAuctionEvents} from "../src/interfaces/IAuctionHouse.sol";

/// The market's tokens are replaced in place by odd ones, before the fill.
/// covers: C1 C2 C3 C4
contract OddTokensTest is Fixture {
    /// @dev A settled round whose winner delivers quote tokens.
    function _run() internal returns (Run memory) {
        return _settledOne(_result(1500, 100, 1));
    }

    function _replace(PlainToken token, address by) internal {
        vm.etch(address(token), by.code);
    }

    function _expectNoBondMoves(Run memory run, bytes4 errorSelector) internal {
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectPartialRevert(errorSelector);
        house.fill(request);
        assertEq(registry.account(strategy).bond, 10 ether);
        assertEq(registry.account(strategy).defaults, 0);
        assertEq(house.getRound(run.id).closedSlots, 0);
    }

    function test_a_blocked_recipient_moves_no_bond() public {
        Run memory run = _run();
        _replace(quote, address(new BlocklistToken(6)));
        BlocklistToken(address(quote)).setBlocked(trader, true);
        _expectNoBondMoves(run, IAuctionEvents.PaymentFailed.selector);
        BlocklistToken(address(quote)).setBlocked(trader, false);
        assertTrue(house.fill(_fillRequest(run, 0)));
    }

    function test_a_blocked_or_paused_seller_moves_no_bond() public {
        Run memory run = _run();
        _replace(base, address(new BlocklistToken(18)));
        BlocklistToken(address(base)).setBlocked(trader, true);
        _expectNoBondMoves(run, IAuctionEvents.PullFailed.selector);
        BlocklistToken(address(base)).setBlocked(trader, false);
        BlocklistToken(address(base)).setPaused(true);
        _expectNoBondMoves(run, IAuctionEvents.PullFailed.selector);
    }

    function test_a_sold_token_with_a_fee_moves_no_bond() public {
        Run memory run = _run();
        _replace(base, address(new FeeToken(18)));
        _expectNoBondMoves(run, IAuctionEvents.PullFailed.selector);
    }

    function test_a_sold_token_that_lies_moves_no_bond() public {
        Run memory run = _run();
        _replace(base, address(new LyingToken(18)));
        LyingToken(address(base)).setIgnored(address(executor), true);
        _expectNoBondMoves(run, IAuctionEvents.PullFailed.selector);
    }

    function test_a_bought_token_that_lies_to_the_recipient_moves_no_bond() public {
        Run memory run = _run();
        _replace(quote, address(new LyingToken(6)));
        LyingToken(address(quote)).setIgnored(trader, true);
        _expectNoBondMoves(run, IAuctionEvents.PaymentFailed.selector);
    }

    /// The executor knows the market's tokens: what arrives short is its default.
    function test_a_bought_token_with_a_fee_arrives_short_and_is_a_default() public {
        Run memory run = _run();
        _replace(quote, address(new FeeToken(6)));
        assertFalse(house.fill(_fillRequest(run, 0)));
        assertEq(registry.account(strategy).defaults, 1);
    }

    function test_tokens_that_return_nothing_are_filled() public {
        Run memory run = _run();
        _replace(base, address(new NoReturnToken(18)));
        _replace(quote, address(new NoReturnToken(6)));
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(trader) - before, 2003 * QUOTE);
    }

    function test_a_recipients_hook_cannot_reenter() public {
        Run memory run = _run();
        FillRequest memory request = _fillRequest(run, 0);
        _replace(quote, address(new HookToken(6)));
        HookToken token = HookToken(address(quote));
        token.setHook(trader, address(house), abi.encodeCall(IAuctionHouse.fill, (request)));
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(request));
        assertEq(token.reason(), abi.encodeWithSelector(ReentrancyGuardTransient.Reentrancy.selector));
        assertEq(quote.balanceOf(trader) - before, 2003 * QUOTE);
    }

    function test_tokens_left_in_the_auction_house_do_not_count_as_delivery() public {
        Run memory run = _run();
        quote.mint(address(house), 1_000_000 * QUOTE);
        vm.startPrank(solver);
        executor.withdraw(address(quote), solver, quote.balanceOf(address(executor)));
        vm.stopPrank();
        assertFalse(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(address(house)), 1_000_000 * QUOTE);
    }
}
