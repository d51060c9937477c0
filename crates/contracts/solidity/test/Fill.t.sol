// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {IAuctionHouse, FillRequest, Result} from "../src/interfaces/IAuctionHouse.sol";

contract FillTest is Fixture {
    function test_a_settled_slot_is_filled_at_the_proven_quote() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(trader) - before, 2003 * QUOTE);
    }
}
