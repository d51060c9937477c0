// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {
    CommitState,
    FillRequest,
    Intent,
    Result,
    SettleRequest,
    IAuctionEvents
} from "../src/interfaces/IAuctionHouse.sol";
import {MarketParams, Pricing} from "../src/interfaces/IMarkets.sol";
import {FeatureLib} from "../src/libraries/FeatureLib.sol";
import {QuoteMath} from "../src/libraries/QuoteMath.sol";
import {ResultsLib} from "../src/libraries/ResultsLib.sol";

/// @notice Many sheets, settled in parts that overlap, in any order: the results are those of one tournament over all that
///         was covered. What a proof shows is computed here by the plain rule; that proofs show it is tested with them.
abstract contract TournamentTest is Fixture {
    uint256 internal constant SHEETS = 20;
    uint256 internal constant TAKEN = 3;
    int32 internal constant NO_BID = type(int32).min;

    address[] internal owners;
    bytes32[] internal strategies;
    /// @dev By commit index, then slot.
    int32[TAKEN][SHEETS] internal quotes;

    function setUp() public override {
        super.setUp();
        for (uint256 i; i < SHEETS; ++i) {
            (address owner, bytes32 id) = _rival(vm.toString(i));
            owners.push(owner);
            strategies.push(id);
        }
        _observe(8);
    }

    /// @dev Quotes with ties and without a bid, as the seed has them.
    function _draw(uint256 seed) internal {
        for (uint256 i; i < SHEETS; ++i) {
            for (uint256 slot; slot < TAKEN; ++slot) {
                uint256 word = uint256(keccak256(abi.encode(seed, i, slot)));
                // at most 7
                int32 small = int32(uint32((word >> 8) % 8)) - 4;
                quotes[i][slot] = word % 4 == 0 ? NO_BID : word % 4 == 1 ? small * 1000 : small;
            }
        }
    }

    /// @dev The rule itself: the best quote, the lowest index that bids it, and the best of the others.
    function _tournament(uint256 covered) internal view returns (Result[] memory results) {
        results = new Result[](32);
        for (uint256 slot; slot < TAKEN; ++slot) {
            Result memory r = results[slot];
            for (uint256 i; i < SHEETS; ++i) {
                uint32 bid = FeatureLib.carry(quotes[i][slot]);
                if (covered >> i & 1 == 0 || bid == 0) continue;
                if (bid > r.best) {
                    (r.second, r.best, r.winner) = (r.best, bid, uint32(i + 1));
                } else if (bid > r.second) {
                    r.second = bid;
                }
            }
        }
    }

    /// @dev A part of the sheets: at least one, at most sixteen.
    function _part(uint256 seed, uint256 which) internal pure returns (uint256 mask, uint32[] memory indices) {
        uint256 word = uint256(keccak256(abi.encode(seed, "part", which)));
        mask = (word & (word >> 64) | 1 << (word >> 200) % SHEETS) & ((1 << SHEETS) - 1);
        uint256 count;
        for (uint256 i; i < SHEETS; ++i) {
            if (mask >> i & 1 == 1 && ++count > 16) mask ^= 1 << i;
        }
        indices = new uint32[](count > 16 ? 16 : count);
        uint256 at;
        for (uint32 i; i < SHEETS; ++i) {
            if (mask >> i & 1 == 1) indices[at++] = i;
        }
    }

    function _round() internal returns (Run memory run) {
        Intent[] memory intents = new Intent[](TAKEN);
        intents[0] = _intent(0, BASE, 0, 1);
        intents[1] = _intent(1, 2000 * QUOTE, 0, 2);
        intents[2] = _intent(0, 2 * BASE, 0, 3);
        run = _open(intents);
        for (uint256 i; i < SHEETS; ++i) {
            assertEq(_commit(run, owners[i], strategies[i]), i);
        }
        _toSettle(run);
    }

    /// forge-config: default.fuzz.runs = 24
    // covers: C10 C11
    function testFuzz_settlements_of_any_parts_in_any_order_give_the_tournament(uint256 seed) public {
        _draw(seed);
        Run memory run = _round();
        uint256 covered;
        uint256 count = 1 + seed % 4;
        for (uint256 i; i < count; ++i) {
            (uint256 mask, uint32[] memory indices) = _part(seed, i);
            bytes memory stored = covered == 0 ? bytes("") : _pack(_tournament(covered));
            run.results = _tournament(mask);
            SettleRequest memory request = _settleRequest(run, indices);
            request.stored = stored;
            house.settle(request);
            covered |= mask;
            run.results = _tournament(covered);
            assertEq(house.getRound(run.id).resultsRoot, this.rootOf(_pack(run.results)));
        }
        _toFill(run);
        _checkFills(run);
        _checkBonds(run, covered);
    }

    function rootOf(bytes calldata packed) external pure returns (bytes32) {
        return ResultsLib.rootOf(packed);
    }

    function _checkFills(Run memory run) internal {
        uint256 referenceQ128 = house.getRound(run.id).referenceQ128;
        for (uint8 slot; slot < TAKEN; ++slot) {
            Result memory r = run.results[slot];
            if (r.winner == 0) continue;
            if (FeatureLib.uncarry(r.best) < _reserve()) {
                FillRequest memory request = _fillRequest(run, slot);
                vm.expectPartialRevert(IAuctionEvents.BelowReserve.selector);
                house.fill(request);
                continue;
            }
            uint256 direction = slot % 2;
            uint256 before = direction == 0 ? quote.balanceOf(trader) : base.balanceOf(trader);
            assertTrue(house.fill(_fillRequest(run, slot)));
            uint256 paid = (direction == 0 ? quote.balanceOf(trader) : base.balanceOf(trader)) - before;
            int256 pips = _pays(FeatureLib.uncarry(r.best), r.second == 0 ? NO_BID : FeatureLib.uncarry(r.second));
            assertEq(paid, QuoteMath.amountOut(direction, run.intents[slot].sellAmount, referenceQ128, pips));
        }
    }

    /// @dev The covered keep their bonds, the others lose the sheet's, which is burned.
    function _checkBonds(Run memory run, uint256 covered) internal {
        for (uint32 i; i < SHEETS; ++i) {
            uint256 dead = DEAD.balance;
            if (covered >> i & 1 == 1) {
                assertEq(uint8(house.getCommit(run.id, i).state), uint8(CommitState.Covered));
                vm.expectPartialRevert(IAuctionEvents.WrongCommitState.selector);
                house.penalise(run.id, i);
            } else {
                house.penalise(run.id, i);
                assertEq(DEAD.balance - dead, SHEET_BOND);
                assertEq(registry.account(strategies[i]).bond, 10 ether - SHEET_BOND);
            }
        }
        _toEnd(run);
        for (uint32 i; i < SHEETS; ++i) {
            if (covered >> i & 1 == 0) continue;
            house.release(run.id, i);
            assertEq(registry.account(strategies[i]).bond, 10 ether);
            assertEq(registry.account(strategies[i]).locked, 0);
        }
    }

    function test_no_more_than_sixteen_sheets_settle_at_once() public {
        _draw(1);
        Run memory run = _round();
        uint32[] memory indices = new uint32[](17);
        for (uint32 i; i < 17; ++i) {
            indices[i] = i;
        }
        run.results = _tournament((1 << 17) - 1);
        SettleRequest memory request = _settleRequest(run, indices);
        vm.expectRevert(IAuctionEvents.BadCommitIndices.selector);
        house.settle(request);
        assembly {
            mstore(indices, 16)
        }
        run.results = _tournament((1 << 16) - 1);
        house.settle(_settleRequest(run, indices));
    }

    /// @dev What the winner pays, in pips.
    function _pays(int32 best, int32 second) internal view virtual returns (int256);

    /// @dev No bid below this one is filled.
    function _reserve() internal view virtual returns (int32);
}

contract FirstPriceTournamentTest is TournamentTest {
    function _pays(int32 best, int32) internal pure override returns (int256) {
        return best;
    }

    function _reserve() internal view override returns (int32) {
        return _params().reserveQuote;
    }
}

contract SecondPriceTournamentTest is TournamentTest {
    int32 internal constant RESERVE = -1;

    function _params() internal view override returns (MarketParams memory p) {
        p = super._params();
        p.pricing = Pricing.SecondPrice;
        p.reserveQuote = RESERVE;
    }

    function _reserve() internal pure override returns (int32) {
        return RESERVE;
    }

    function _pays(int32 best, int32 second) internal pure override returns (int256) {
        int32 floor = second > RESERVE ? second : RESERVE;
        return floor < best ? floor : best;
    }
}
