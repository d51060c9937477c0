// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {OutcomeHandler} from "./support/OutcomeHandler.sol";

/// What holds whatever anybody does, in any order.
/// covers: C9 C10 C11 C14 C21 C22 S11 S12
contract OutcomesTest is Test {
    OutcomeHandler internal handler;

    function setUp() public {
        vm.roll(1000);
        vm.warp(1_790_000_000);
        handler = new OutcomeHandler();
        handler.setUp();
        handler.open(2);
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](11);
        selectors[0] = OutcomeHandler.open.selector;
        selectors[1] = OutcomeHandler.settle.selector;
        selectors[2] = OutcomeHandler.settle.selector;
        selectors[3] = OutcomeHandler.forge.selector;
        selectors[4] = OutcomeHandler.fill.selector;
        selectors[5] = OutcomeHandler.fill.selector;
        selectors[6] = OutcomeHandler.fill.selector;
        selectors[7] = OutcomeHandler.steal.selector;
        selectors[8] = OutcomeHandler.cancel.selector;
        selectors[9] = OutcomeHandler.finish.selector;
        selectors[10] = OutcomeHandler.pass.selector;
        targetSelector(FuzzSelector(address(handler), selectors));
    }

    /// The winner is the best covered bid, and the second-best is the best of the others: the stored results are those of
    /// one tournament over all that was covered, whatever the parts and their order.
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_the_winner_is_the_best_covered_bid() public view {
        uint256 n = handler.runCount();
        for (uint256 i = n < 3 ? 0 : n - 3; i < n; ++i) {
            (bytes32 stored, bytes32 expected) = handler.roots(i);
            assertEq(stored, expected);
        }
    }

    /// The trader has every token that no fill took, and what the fills paid: no value leaves without a proof and a
    /// signature, and every path ends with the trader's tokens or the fill. That a fill pays at least what was proven is
    /// checked with each.
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_the_trader_has_the_tokens_or_the_fill() public view {
        (uint256[2] memory has, uint256[2] memory should) = handler.traderBalances();
        assertEq(has[0], should[0]);
        assertEq(has[1], should[1]);
        assertLe(handler.mostFills(), 1, "an intent is filled at most once");
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_claims_and_bonds_are_covered() public view {
        (uint256[2] memory held, uint256[2] memory claimable) = handler.claims();
        assertEq(held[0], claimable[0]);
        assertEq(held[1], claimable[1]);
        (uint256 coins, uint256 owed, uint256 locked, uint256 mustLock) = handler.bonds();
        assertEq(coins, owed);
        assertEq(locked, mustLock);
    }

    /// The random actions reach what the invariants are about.
    function test_the_actions_reach_fills_defaults_forgeries_and_thefts() public {
        for (uint256 seed; seed < 24; ++seed) {
            uint256 word = uint256(keccak256(abi.encode(seed)));
            handler.open(word);
            handler.forge(0, word >> 8, word >> 16);
            handler.settle(0, word >> 24);
            handler.settle(0, word >> 32);
            handler.steal(0, uint8(word >> 40), word >> 48);
            for (uint8 slot; slot < 3; ++slot) {
                handler.fill(0, slot, uint8(word >> (56 + 8 * slot)));
                handler.steal(0, slot, word >> 80);
            }
            handler.finish(0, uint8(word >> 88), word >> 96);
        }
        assertGt(handler.fills(), 10);
        assertGt(handler.defaults(), 10);
        assertGt(handler.forgeries(), 10);
        assertGt(handler.thefts(), 20);
        assertGt(handler.settlements(), 24);
        assertGt(handler.spentTwice(), 0);
        invariant_the_winner_is_the_best_covered_bid();
        invariant_the_trader_has_the_tokens_or_the_fill();
        invariant_claims_and_bonds_are_covered();
    }
}
