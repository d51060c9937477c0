// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {QuotedSale} from "../src/examples/QuotedSale.sol";
import {ProvenQuote, QuoteStatus} from "../src/interfaces/IProvenQuotes.sol";
import {Result} from "../src/interfaces/IAuctionHouse.sol";
import {ProvenQuotes} from "../src/periphery/ProvenQuotes.sol";

contract ProvenQuotesTest is Fixture {
    ProvenQuotes internal quotes;
    QuotedSale internal sale;
    address internal buyer = makeAddr("buyer");

    function setUp() public override {
        super.setUp();
        quotes = new ProvenQuotes(house);
        sale = new QuotedSale(address(this), quotes, market, address(base), address(quote), 20);
        _fund(address(sale), 10);
        _fund(buyer, 10);
        vm.prank(buyer);
        quote.approve(address(sale), type(uint256).max);
    }

    function _status(Run memory run, uint8 slot) internal view returns (QuoteStatus) {
        return quotes.status(run.id, slot, run.results[slot], _proof(run.results, slot));
    }

    function _buy(Run memory run, uint256 amount) internal returns (uint256) {
        vm.prank(buyer);
        return sale.buy(amount, run.id, 0, run.results[0], _proof(run.results, 0), run.slots);
    }

    function test_a_quote_is_provisional_until_the_settle_window_ends() public {
        Run memory run = _openOne();
        _commit(run, solver, strategy);
        assertTrue(_status(run, 0) == QuoteStatus.Unproven);
        run.results[0] = _result(1500, 100, 1);
        _toSettle(run);
        assertTrue(_status(run, 0) == QuoteStatus.Unproven);
        house.settle(_settleRequest(run, _indices(0)));
        assertTrue(_status(run, 0) == QuoteStatus.Provisional);
        vm.roll(house.getRound(run.id).settleEnd);
        assertTrue(_status(run, 0) == QuoteStatus.Provisional);
        vm.roll(house.getRound(run.id).settleEnd + 1);
        assertTrue(_status(run, 0) == QuoteStatus.Final);
    }

    function test_another_result_slot_or_round_is_not_proven() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        assertTrue(_status(run, 1) == QuoteStatus.Unproven, "an empty slot");
        run.results[0] = _result(1501, 100, 1);
        assertTrue(_status(run, 0) == QuoteStatus.Unproven);
        run.results[0] = _result(1500, 100, 1);
        run.id = bytes32(uint256(1));
        assertTrue(_status(run, 0) == QuoteStatus.Unproven);
    }

    function test_a_quote_tells_its_round_winner_and_slot() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        ProvenQuote memory q = quotes.quote(run.id, 0, run.results[0], _proof(run.results, 0), run.slots);
        assertTrue(q.status == QuoteStatus.Final);
        assertEq(q.market, market);
        assertEq(q.openedAt, house.getRound(run.id).openedAt);
        assertEq(q.pips, 1500);
        assertEq(q.secondPips, 100);
        assertEq(q.strategyId, strategy);
        assertEq(q.slotFeatures[0], 0);
        assertEq(q.slotCommitment, bytes32(run.slots));
        assertEq(quotes.amountOut(0, BASE, q.referenceQ128, q.pips), 2003 * QUOTE);
        vm.expectRevert(abi.encodeWithSelector(ProvenQuotes.WrongSlots.selector, run.id));
        quotes.quote(run.id, 0, run.results[0], _proof(run.results, 0), new bytes(1536));
    }

    function test_a_treasury_sells_at_the_proven_quote() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        assertEq(_buy(run, BASE / 2), 1001.5e6);
        assertEq(base.balanceOf(buyer), 10.5 ether);
        assertEq(quote.balanceOf(address(sale)), 20_000 * QUOTE + 1001.5e6);
        sale.withdraw(address(quote), address(1), 5);
        assertEq(quote.balanceOf(address(1)), 5);
    }

    function test_the_treasury_refuses_what_is_not_comparable_or_not_final() public {
        Run memory run = _openOne();
        _commit(run, solver, strategy);
        run.results[0] = _result(1500, 100, 1);
        _toSettle(run);
        house.settle(_settleRequest(run, _indices(0)));
        vm.expectPartialRevert(QuotedSale.NotUsable.selector);
        this.buy(run, BASE);
        _toFill(run);
        vm.expectPartialRevert(QuotedSale.NotComparable.selector);
        this.buy(run, BASE + 1e13);
        vm.roll(house.getRound(run.id).openedAt + 21);
        vm.expectPartialRevert(QuotedSale.TooOld.selector);
        this.buy(run, BASE);
        vm.roll(house.getRound(run.id).openedAt + 20);
        this.buy(run, BASE);
    }

    function test_a_slot_that_nobody_bid_on_sells_nothing() public {
        Run memory run = _settledOne(Result(0, 0, 0));
        vm.expectPartialRevert(QuotedSale.NotUsable.selector);
        this.buy(run, BASE);
    }

    /// @dev External, so that a revert of the sale is the next call's.
    function buy(Run calldata run, uint256 amount) external {
        _buy(run, amount);
    }
}
