// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {Result} from "../src/interfaces/IAuctionHouse.sol";
import {Canonical} from "../src/libraries/Canonical.sol";
import {FeatureLib} from "../src/libraries/FeatureLib.sol";
import {PublicData} from "../src/libraries/PublicData.sol";
import {QuoteMath} from "../src/libraries/QuoteMath.sol";
import {ResultsLib} from "../src/libraries/ResultsLib.sol";

contract LibrariesTest is Test {
    uint256 internal constant P = 0xFFFFFFFF00000001;

    // ---- features

    function test_log2_of_powers_of_two_is_exact() public pure {
        assertEq(FeatureLib.log2Q22(0), type(int32).min);
        for (uint256 n; n < 256; ++n) {
            assertEq(FeatureLib.log2Q22(1 << n), int32(int256(n << 22)));
        }
    }

    function testFuzz_log2_never_falls(uint256 a, uint256 b) public pure {
        if (a > b) (a, b) = (b, a);
        assertLe(FeatureLib.log2Q22(a), FeatureLib.log2Q22(b));
    }

    function testFuzz_log2_of_a_product_of_two_is_one_more(uint256 a) public pure {
        a = bound(a, 1, type(uint256).max >> 1);
        assertEq(FeatureLib.log2Q22(2 * a) - FeatureLib.log2Q22(a), 1 << 22);
    }

    function testFuzz_carried_values_round_trip(int32 x) public pure {
        assertEq(FeatureLib.uncarry(FeatureLib.carry(x)), x);
        assertEq(uint256(FeatureLib.carry(x)), uint256(int256(x) + 2 ** 31));
    }

    function test_deadlines_saturate() public pure {
        assertEq(FeatureLib.sinceEpoch(1_700_000_000), 0);
        assertEq(FeatureLib.sinceEpoch(0), -1_700_000_000);
        assertEq(FeatureLib.sinceEpoch(1_700_000_000 + uint256(uint32(type(int32).max)) + 1), type(int32).max);
        assertEq(FeatureLib.sinceEpoch(type(uint256).max), type(int32).max);
    }

    // ---- quotes

    // covers: C14
    function testFuzz_amounts_are_the_exact_value_rounded_up(uint96 sell, uint128 price, int32 pips) public pure {
        price = uint128(bound(price, 1, type(uint128).max));
        pips = int32(bound(pips, -999_999, 10_000_000));
        uint256 factor = uint256(1_000_000 + int256(pips));
        // prices of up to 2^128 (times 2^-128) keep this product within 256 bits
        uint256 numerator = uint256(sell) * price * factor >> 40;
        uint256 out = QuoteMath.amountOut(0, sell, uint256(price), pips);
        uint256 denominator = uint256(1_000_000) << 88;
        assertGe(out * denominator, numerator);
        if (out != 0) assertLe((out - 1) * denominator, numerator);
    }

    // covers: C14
    function testFuzz_selling_and_buying_back_at_par_never_costs_the_trader(uint128 sell, uint200 price) public pure {
        price = uint200(bound(price, 1, (1 << 199) - 1));
        uint256 bought = QuoteMath.amountOut(0, sell, price, 0);
        vm.assume(bought < QuoteMath.BOUND);
        assertGe(QuoteMath.amountOut(1, bought, price, 0), sell);
    }

    function testFuzz_a_better_quote_never_pays_less(uint96 sell, uint160 price, int32 pips, uint16 more) public pure {
        price = uint160(bound(price, 1, type(uint160).max));
        pips = int32(bound(pips, -999_999, 1_000_000));
        for (uint256 direction; direction < 2; ++direction) {
            uint256 low = QuoteMath.amountOut(direction, sell, price, pips);
            assertGe(QuoteMath.amountOut(direction, sell, price, pips + int32(uint32(more))), low);
        }
    }

    function amountOut(uint256 direction, uint256 sell, uint256 price, int256 pips) external pure returns (uint256) {
        return QuoteMath.amountOut(direction, sell, price, pips);
    }

    function test_no_bids_have_no_amount() public {
        vm.expectRevert(QuoteMath.NoBid.selector);
        this.amountOut(0, 1, 1, -1_000_000);
        vm.expectRevert(QuoteMath.NoBid.selector);
        this.amountOut(1, 1, 1, type(int32).min);
        vm.expectRevert(abi.encodeWithSelector(QuoteMath.AmountTooLarge.selector, 1 << 200));
        this.amountOut(0, 1 << 200, 1, 0);
        assertGt(this.amountOut(0, (1 << 200) - 1, (1 << 120) - 1, type(int32).max), 0);
        assertGt(this.amountOut(1, (1 << 200) - 1, (1 << 199) - 1, type(int32).max), 0);
    }

    // ---- canonical values

    // covers: Z1
    function testFuzz_an_element_of_p_or_more_is_not_canonical(uint64[4] memory e) public pure {
        bool all = true;
        uint256 v;
        for (uint256 i; i < 4; ++i) {
            all = all && e[i] < P;
            v = v << 64 | e[i];
        }
        assertEq(Canonical.isCanonical(bytes32(v)), all);
        for (uint256 i; i < 4; ++i) {
            assertEq(Canonical.element(bytes32(v), i), e[i]);
            uint256 aliased = v & ~(uint256(type(uint64).max) << (192 - 64 * i)) | P << (192 - 64 * i);
            assertFalse(Canonical.isCanonical(bytes32(aliased)));
        }
    }

    // ---- public data

    /// The plain sum of d_i sigma^i, one limb after the other.
    function _slowly(bytes memory d, uint256 s0, uint256 s1) internal pure returns (uint256 g0, uint256 g1) {
        (uint256 a, uint256 b) = (1, 0);
        for (uint256 i; i < 800; ++i) {
            uint256 limb;
            for (uint256 k; k < 4; ++k) {
                limb = limb << 8 | uint8(d[4 * i + k]);
            }
            g0 = addmod(g0, mulmod(limb, a, P), P);
            g1 = addmod(g1, mulmod(limb, b, P), P);
            (a, b) =
            (addmod(mulmod(a, s0, P), mulmod(7, mulmod(b, s1, P), P), P), addmod(mulmod(a, s1, P), mulmod(b, s0, P), P));
        }
    }

    function _data(bytes32 seed) internal pure returns (bytes memory d) {
        d = new bytes(3200);
        for (uint256 i; i < 100; ++i) {
            bytes32 word = keccak256(abi.encode(seed, i));
            assembly {
                mstore(add(add(d, 32), mul(32, i)), word)
            }
        }
    }

    /// forge-config: default.fuzz.runs = 16
    function testFuzz_the_evaluation_is_the_plain_sum(bytes32 seed, uint64 s0, uint64 s1) public pure {
        bytes memory d = _data(seed);
        (uint256 x0, uint256 x1) = (uint256(s0) % P, uint256(s1) % P);
        (uint256 g0, uint256 g1) = PublicData.evaluate(d, x0, x1);
        (uint256 e0, uint256 e1) = _slowly(d, x0, x1);
        assertEq(g0, e0);
        assertEq(g1, e1);
    }

    function test_the_largest_data_at_the_largest_challenge_does_not_overflow() public pure {
        bytes memory d = new bytes(3200);
        for (uint256 i; i < 3200; ++i) {
            d[i] = 0xff;
        }
        (uint256 g0, uint256 g1) = PublicData.evaluate(d, P - 1, P - 1);
        (uint256 e0, uint256 e1) = _slowly(d, P - 1, P - 1);
        assertEq(g0, e0);
        assertEq(g1, e1);
    }

    function test_the_evaluation_is_cheap() public view {
        bytes memory d = _data(0);
        uint256 before = gasleft();
        PublicData.evaluate(d, 12345, 67890);
        assertLt(before - gasleft(), 60_000);
    }

    // ---- results

    function _word(Result memory r) internal pure returns (uint256) {
        return uint256(r.best) << 64 | uint256(r.second) << 32 | r.winner;
    }

    function _assertMerge(Result memory a, Result memory b, Result memory expected) internal pure {
        assertEq(ResultsLib.merge(_word(a), _word(b)), _word(expected));
    }

    // covers: C10 C11
    function test_merging_follows_the_rules() public pure {
        Result memory none = Result(0, 0, 0);
        Result memory a = Result(10, 8, 1);
        _assertMerge(none, none, none);
        _assertMerge(none, a, a);
        _assertMerge(a, none, a);
        _assertMerge(a, Result(10, 9, 1), Result(10, 9, 1));
        _assertMerge(Result(10, 9, 1), a, Result(10, 9, 1));
        _assertMerge(a, Result(9, 3, 2), Result(10, 9, 1));
        _assertMerge(a, Result(12, 3, 2), Result(12, 10, 2));
        _assertMerge(a, Result(12, 11, 2), Result(12, 11, 2));
        _assertMerge(a, Result(10, 2, 2), Result(10, 10, 1));
        _assertMerge(Result(10, 8, 5), Result(10, 2, 2), Result(10, 10, 2));
    }

    /// Any two ways to split the same bids give the result of all of them.
    // covers: C10
    function testFuzz_merging_is_the_tournament_over_all_bids(uint8[6] memory bids, uint8 half, uint8 overlap)
        public
        pure
    {
        Result memory a = _tournament(bids, half | overlap);
        Result memory b = _tournament(bids, ~half | overlap);
        Result memory all = _tournament(bids, 0xff);
        _assertMerge(a, b, all);
        _assertMerge(b, a, all);
    }

    /// Best, second and winner over the bids in `mask`, lower index first on a tie; a bid of 0 is no bid.
    function _tournament(uint8[6] memory bids, uint8 mask) internal pure returns (Result memory r) {
        for (uint32 i; i < 6; ++i) {
            uint32 bid = bids[i] % 8;
            if ((mask >> i) & 1 == 0 || bid == 0) continue;
            if (bid > r.best) (r.best, r.second, r.winner) = (bid, r.best, i + 1);
            else if (bid > r.second) r.second = bid;
        }
    }

    function test_packed_results_round_trip() public view {
        bytes memory packed = new bytes(384);
        bytes memory behind = hex"1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef";
        for (uint256 i; i < 32; ++i) {
            // from both ends, so that a write that touches a neighbour is seen
            uint256 slot = i % 2 == 0 ? i / 2 : 31 - i / 2;
            Result memory r = Result(uint32(slot) << 24 | 1, uint32(slot) << 16 | 2, uint32(slot) | 1 << 31);
            ResultsLib.put(packed, slot, _word(r));
        }
        for (uint256 i; i < 32; ++i) {
            Result memory r = this.read(packed, i);
            assertEq(r.best, uint32(i) << 24 | 1);
            assertEq(r.second, uint32(i) << 16 | 2);
            assertEq(r.winner, uint32(i) | 1 << 31);
            assertEq(ResultsLib.leaf(i, _word(r)), ResultsLib.leaf(i, r));
        }
        assertEq(behind, hex"1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef");
    }

    function read(bytes calldata packed, uint256 slot) external pure returns (Result memory) {
        return ResultsLib.read(packed, slot);
    }
}
