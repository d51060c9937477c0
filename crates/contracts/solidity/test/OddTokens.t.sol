// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "solady/utils/ReentrancyGuardTransient.sol";
import {Fixture} from "./support/Fixture.sol";
import {PlainToken} from "./support/PlainToken.sol";
import {
    FeeToken,
    BlocklistToken,
    NoReturnToken,
    LyingToken,
    HookToken,
    FalseToken,
    RebasingToken
} from "./support/OddTokens.sol";
import {IAuctionHouse, IAuctionEnd, FillRequest, Intent, IAuctionEvents} from "../src/interfaces/IAuctionHouse.sol";

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

    // ---- tokens that say no

    function test_a_sold_token_that_says_no_moves_no_bond() public {
        Run memory run = _run();
        _replace(base, address(new FalseToken(18)));
        FalseToken(address(base)).setRefused(address(executor), true);
        _expectNoBondMoves(run, IAuctionEvents.PullFailed.selector);
        FalseToken(address(base)).setRefused(address(executor), false);
        assertTrue(house.fill(_fillRequest(run, 0)));
    }

    function test_a_bought_token_that_says_no_to_the_recipient_moves_no_bond() public {
        Run memory run = _run();
        _replace(quote, address(new FalseToken(6)));
        FalseToken(address(quote)).setRefused(trader, true);
        _expectNoBondMoves(run, IAuctionEvents.PaymentFailed.selector);
    }

    function test_a_bought_token_that_says_no_to_the_executor_is_its_default() public {
        Run memory run = _run();
        _replace(quote, address(new FalseToken(6)));
        FalseToken(address(quote)).setRefused(address(house), true);
        uint256 before = base.balanceOf(trader);
        assertFalse(house.fill(_fillRequest(run, 0)));
        assertEq(base.balanceOf(trader), before);
    }

    // ---- tokens that rebase

    function _rebasing(PlainToken token, uint8 decimals) internal returns (RebasingToken) {
        _replace(token, address(new RebasingToken(decimals)));
        return RebasingToken(address(token));
    }

    /// The order is in units of the token: a trader whose balance grew sells what was signed and keeps the rest.
    function test_a_sold_token_that_grew_is_sold_as_signed() public {
        Run memory run = _run();
        _rebasing(base, 18).rebase(1000);
        uint256 before = base.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(before - base.balanceOf(trader), BASE);
    }

    function test_a_sold_token_that_shrank_moves_no_bond() public {
        Run memory run = _run();
        RebasingToken token = _rebasing(base, 18);
        vm.startPrank(trader);
        base.transfer(makeAddr("elsewhere"), base.balanceOf(trader) - BASE);
        vm.stopPrank();
        token.rebase(-1);
        _expectNoBondMoves(run, IAuctionEvents.PullFailed.selector);
        token.rebase(0);
        assertTrue(house.fill(_fillRequest(run, 0)));
    }

    /// @dev What rounding or a rebase takes from the executor's side is the trader's loss of nothing: the call reverts.
    function test_a_sold_token_that_rebases_while_it_moves_moves_no_bond() public {
        Run memory run = _run();
        RebasingToken token = _rebasing(base, 18);
        token.rebaseWhenPaid(address(executor), -1);
        _expectNoBondMoves(run, IAuctionEvents.PullFailed.selector);
        token.rebaseWhenPaid(address(executor), 1);
        _expectNoBondMoves(run, IAuctionEvents.PullFailed.selector);
        // shares of a third do not add up to the amount
        token.rebaseWhenPaid(address(0), 0);
        token.rebase(2);
        _expectNoBondMoves(run, IAuctionEvents.PullFailed.selector);
    }

    function test_a_bought_token_that_grew_or_shrank_before_is_delivered_as_proven() public {
        for (uint256 i; i < 2; ++i) {
            Run memory run = _run();
            RebasingToken token = _rebasing(quote, 6);
            token.rebase(i == 0 ? int256(1000) : -500);
            uint256 before = quote.balanceOf(trader);
            assertTrue(house.fill(_fillRequest(run, 0)));
            assertEq(quote.balanceOf(trader) - before, 2003 * QUOTE);
            token.rebase(0);
            _nextNonce();
        }
    }

    /// What the auction house holds too little of has not been delivered.
    function test_a_bought_token_that_shrinks_in_delivery_is_a_default() public {
        Run memory run = _run();
        _rebasing(quote, 6).rebaseWhenPaid(address(house), -1);
        uint256 before = base.balanceOf(trader);
        assertFalse(house.fill(_fillRequest(run, 0)));
        assertEq(base.balanceOf(trader), before);
        assertEq(quote.balanceOf(address(house)), 0);
    }

    function test_what_a_bought_token_grows_in_delivery_is_the_traders() public {
        Run memory run = _run();
        _rebasing(quote, 6).rebaseWhenPaid(address(house), 1000);
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        // the trader's own balance doubles too
        assertEq(quote.balanceOf(trader), 2 * before + 2 * 2003 * QUOTE);
        assertEq(quote.balanceOf(address(house)), 0);
    }

    function test_a_bought_token_that_shrinks_when_the_recipient_is_paid_moves_no_bond() public {
        Run memory run = _run();
        _rebasing(quote, 6).rebaseWhenPaid(trader, -1);
        _expectNoBondMoves(run, IAuctionEvents.PaymentFailed.selector);
    }

    // ---- hooks

    function test_a_hook_of_the_sold_token_cannot_reenter_anything() public {
        bytes[8] memory calls = [
            abi.encodeCall(IAuctionHouse.openRound, (market, "")),
            abi.encodeCall(IAuctionHouse.commit, (0, strategy, 0)),
            abi.encodeCall(IAuctionEnd.claim, (address(quote), solver)),
            abi.encodeCall(IAuctionEnd.closeRound, (0, "")),
            abi.encodeCall(IAuctionEnd.penalise, (0, 0)),
            abi.encodeCall(IAuctionEnd.release, (0, 0)),
            bytes(""),
            bytes("")
        ];
        for (uint256 i; i < 8; ++i) {
            Run memory run = _run();
            if (i == 6) calls[i] = abi.encodeCall(IAuctionHouse.fill, (_fillRequest(run, 0)));
            if (i == 7) calls[i] = abi.encodeCall(IAuctionHouse.settle, (_settleRequest(run, _indices(0))));
            _replace(base, address(new HookToken(18)));
            HookToken token = HookToken(address(base));
            token.setHook(address(executor), address(house), calls[i]);
            uint256 before = quote.balanceOf(trader);
            assertTrue(house.fill(_fillRequest(run, 0)));
            assertEq(token.reason(), abi.encodeWithSelector(ReentrancyGuardTransient.Reentrancy.selector));
            assertEq(quote.balanceOf(trader) - before, 2003 * QUOTE);
            token.setHook(address(0), address(0), "");
            _nextNonce();
        }
    }

    /// @dev The next round's intent has another nonce, so that it can be filled too.
    function _nextNonce() internal {
        ++_nonce;
        _observe(1);
    }

    uint256 internal _nonce;

    function _intent(uint256 direction, uint256 sell, uint256 minBuy, uint256 nonce)
        internal
        view
        override
        returns (Intent memory)
    {
        return super._intent(direction, sell, minBuy, nonce + _nonce);
    }
}
