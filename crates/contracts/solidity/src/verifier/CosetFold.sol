// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BIT_32, Elements, HALVES, ONES} from "./Elements.sol";
import {Ext} from "./Extension.sol";
import {M64, P} from "./Goldilocks.sol";

/// @title Folding of a coset's evaluations to one value
library CosetFold {
    /// @notice The interpolant of a coset's evaluations, at beta; reverts with `NotCanonical` unless their elements are
    /// below p. In bit-reversed order neighbours are the values f(y), f(-y), so that they share a word:
    ///   f'(y^2) = (f(y) + f(-y)) / 2 + beta (f(y) - f(-y)) / (2 y),
    /// then the same with beta^2 on half as many values. With y = start / twiddle the second term is
    /// (beta / start) twiddle (f(y) - f(-y)) / 2. The halves are left to the end.
    /// @param values Memory address of 2^arity extension elements; overwritten.
    /// @param arity log2 of their number, at least 1.
    /// @param inverseStart 1 / the coset's first point.
    /// @param twiddles Memory address of the inverses of the points of the coset of start 1, in bit-reversed order.
    /// @param src Calldata offset of the same elements, for the exact check.
    function fold(uint256 values, uint256 arity, uint256 inverseStart, Ext beta, uint256 twiddles, uint256 src)
        internal
        pure
        returns (Ext r)
    {
        uint256 full;
        assembly ("memory-safe") {
            // f + g + b t (f - g) for v = f, g in four lanes; b t (f - g) is below 2^(64 + 64 + 65), so that its
            // sevenfold leaves room
            function butterfly(v, t, b0, b1) -> w {
                let o1 := and(shr(128, v), M64)
                let g0 := and(shr(64, v), M64)
                let g1 := and(v, M64)
                v := shr(192, v)
                let o0 := mul(add(v, sub(P, g0)), t)
                g0 := add(g0, v)
                v := mul(add(o1, sub(P, g1)), t)
                w := shl(192, mod(add(g0, add(mul(o0, b0), mul(7, mul(v, b1)))), P))
                w := or(w, shl(128, mod(add(add(o1, g1), add(mul(o0, b1), mul(v, b0))), P)))
            }
            let b0 := mulmod(shr(64, beta), inverseStart, P)
            let b1 := mulmod(and(beta, M64), inverseStart, P)
            // 2^-arity = p - (p - 1) / 2^arity
            let scale := sub(P, shr(arity, sub(P, 1)))
            let pairs := shl(sub(arity, 1), 1)
            for { let k := 0 } lt(k, pairs) { k := add(k, 1) } {
                let v := mload(add(values, shl(5, k)))
                full := or(full, add(and(shr(32, v), HALVES), ONES))
                // what a word written here covers has been folded already
                mstore(add(values, shl(4, k)), butterfly(v, mload(add(twiddles, shl(5, k))), b0, b1))
            }
            for { pairs := shr(1, pairs) } pairs { pairs := shr(1, pairs) } {
                inverseStart := mod(add(mul(b0, b0), mul(7, mul(b1, b1))), P)
                b1 := mulmod(shl(1, b0), b1, P)
                b0 := inverseStart
                for { let k := 0 } lt(k, pairs) { k := add(k, 1) } {
                    let v := mload(add(values, shl(5, k)))
                    mstore(add(values, shl(4, k)), butterfly(v, mload(add(twiddles, shl(5, k))), b0, b1))
                }
            }
            let v := mload(values)
            r := or(shl(64, mulmod(shr(192, v), scale, P)), mulmod(and(shr(128, v), M64), scale, P))
        }
        if (full & BIT_32 != 0) {
            assembly ("memory-safe") {
                calldatacopy(values, src, shl(4, shl(arity, 1)))
            }
            Elements.requireCanonical(values, 2 << arity);
        }
    }
}
