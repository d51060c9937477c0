// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Elements} from "./Elements.sol";
import {Ext} from "./Extension.sol";
import {M64, P} from "./Goldilocks.sol";

/// @dev Two lanes of 128 bits: an element in each; 2^63 in each; that and 2^64 - p in each; 2^127 in each; and the bits
/// that a sum with the third has if an element is p or more.
uint256 constant EVEN = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
uint256 constant HALF = 0x0000000000000000800000000000000000000000000000008000000000000000;
uint256 constant CARRY = 0x000000000000000080000000ffffffff000000000000000080000000ffffffff;
uint256 constant CARRIED = 0x0000000000000001000000000000000000000000000000010000000000000000;
uint256 constant SIGNS = 0x8000000000000000000000000000000080000000000000000000000000000000;
uint256 constant M128 = 0xffffffffffffffffffffffffffffffff;
uint256 constant HALF_P = 0x7fffffff80000000;

/// @title Sums over the leaves of a query
library Leaf {
    /// @notice Writes what `combine` needs of alpha to new memory: alpha^0 .. alpha^3, two words each; what `combine` adds
    /// to the sums of c0 and of c1; then for each four of `count` elements the power of alpha that the first of them has,
    /// its coordinates from -(p - 1)/2 to (p - 1)/2; then zeros to a multiple of eight elements.
    function powers(Ext alpha, uint256 count) internal pure returns (uint256 table) {
        assembly ("memory-safe") {
            table := mload(0x40)
            let ptr := table
            let end := add(add(table, 320), shl(6, shr(2, add(count, 3))))
            mstore(0x40, add(end, 64))
            mstore(end, 0)
            mstore(add(end, 32), 0)
            let a0 := shr(64, alpha)
            let a1 := and(alpha, M64)
            let s0 := 1
            let s1 := 0
            for {} lt(ptr, add(table, 256)) { ptr := add(ptr, 64) } {
                mstore(ptr, s0)
                mstore(add(ptr, 32), s1)
                let t := mod(add(mul(s0, a0), mul(7, mul(s1, a1))), P)
                s1 := mod(add(mul(s0, a1), mul(s1, a0)), P)
                s0 := t
            }
            a0 := s0
            a1 := s1
            let a7 := mul(7, a1)
            s0 := 1
            s1 := 0
            let sum0 := 0
            let sum1 := 0
            for { ptr := add(table, 320) } lt(ptr, end) { ptr := add(ptr, 64) } {
                mstore(ptr, sub(s0, mul(gt(s0, HALF_P), P)))
                mstore(add(ptr, 32), sub(s1, mul(gt(s1, HALF_P), P)))
                sum0 := add(sum0, s0)
                sum1 := add(sum1, s1)
                let t := mod(add(mul(s0, a0), mul(s1, a7)), P)
                s1 := mod(add(mul(s0, a1), mul(s1, a0)), P)
                s0 := t
            }
            // 2^63 was taken from every element, and 2^127 was added for every eight of them
            s0 := sub(P, mod(shl(127, shr(3, add(count, 7))), P))
            mstore(add(table, 256), mod(add(shl(63, sum0), s0), P))
            mstore(add(table, 288), mod(add(shl(63, sum1), s0), P))
        }
    }

    /// @notice sum alpha^i value_i over base field values; reverts with `NotCanonical` unless all of them are below p.
    /// @dev A word's elements e_0, e_2 and e_1, e_3 are two times two lanes of 128 bits, each less 2^63. Such a pair times
    /// a power of alpha^4 with sign is at most 2^62 (p - 1) in each lane, of either sign; two of these and 2^127 are
    /// positive and below 2^128, so that the lanes can be taken apart and added up. At the end the sums, below 2^135 for
    /// 2^9 elements, are multiplied by alpha^0 .. alpha^3. An element e is p or more only if e + 2^64 - p reaches 2^64.
    /// @param values Memory address of `count` elements, eight bytes each, then zeros to a multiple of
    /// eight elements. They stay as they are.
    /// @param table Memory address of what `powers` wrote for as many elements.
    function combine(uint256 values, uint256 table, uint256 count) internal pure returns (Ext r) {
        uint256 full;
        assembly ("memory-safe") {
            count := add(values, shl(3, count))
            // sums of e_3, e_1, e_2, e_0: a0, a1, b0, b1 with c0; a2, r, b2, b3 with c1
            let a0 := 0
            let a1 := 0
            let a2 := 0
            let b0 := 0
            let b1 := 0
            let b2 := 0
            let b3 := 0
            let t := add(table, 320)
            for {} lt(values, count) { values := add(values, 64) } {
                let v := mload(values)
                let w := mload(add(values, 32))
                let x := sub(and(v, EVEN), HALF)
                let z := sub(and(w, EVEN), HALF)
                v := sub(and(shr(64, v), EVEN), HALF)
                w := sub(and(shr(64, w), EVEN), HALF)
                full := or(or(full, or(add(x, CARRY), add(v, CARRY))), or(add(z, CARRY), add(w, CARRY)))
                let p := add(add(mul(x, mload(t)), mul(z, mload(add(t, 64)))), SIGNS)
                a0 := add(a0, and(p, M128))
                a1 := add(a1, shr(128, p))
                p := add(add(mul(x, mload(add(t, 32))), mul(z, mload(add(t, 96)))), SIGNS)
                a2 := add(a2, and(p, M128))
                r := add(r, shr(128, p))
                p := add(add(mul(v, mload(t)), mul(w, mload(add(t, 64)))), SIGNS)
                b0 := add(b0, and(p, M128))
                b1 := add(b1, shr(128, p))
                p := add(add(mul(v, mload(add(t, 32))), mul(w, mload(add(t, 96)))), SIGNS)
                b2 := add(b2, and(p, M128))
                b3 := add(b3, shr(128, p))
                t := add(t, 128)
            }
            values := mload(add(table, 256))
            count := mload(add(table, 288))
            // alpha^3 e_3
            t := mload(add(table, 192))
            {
                let q := mload(add(table, 224))
                a0 := add(a0, values)
                a2 := add(a2, count)
                let s := add(mul(a0, t), mul(7, mul(a2, q)))
                a2 := add(mul(a0, q), mul(a2, t))
                a0 := s
            }
            // alpha e_1
            t := mload(add(table, 64))
            {
                let q := mload(add(table, 96))
                a1 := add(a1, values)
                r := add(r, count)
                a0 := add(a0, add(mul(a1, t), mul(7, mul(r, q))))
                a2 := add(a2, add(mul(a1, q), mul(r, t)))
            }
            // alpha^2 e_2
            t := mload(add(table, 128))
            {
                let q := mload(add(table, 160))
                b0 := add(b0, values)
                b2 := add(b2, count)
                a0 := add(a0, add(mul(b0, t), mul(7, mul(b2, q))))
                a2 := add(a2, add(mul(b0, q), mul(b2, t)))
            }
            r := or(shl(64, mod(add(a0, add(b1, values)), P)), mod(add(a2, add(b3, count)), P))
        }
        if (full & CARRIED != 0) revert Elements.NotCanonical();
    }

    /// @notice The same over the first `count` of up to four elements in a word, without any check.
    /// @param table As above.
    function combineWord(uint256 word, uint256 table, uint256 count) internal pure returns (Ext r) {
        assembly ("memory-safe") {
            let s0 := 0
            let s1 := 0
            for { let end := add(table, shl(6, count)) } lt(table, end) { table := add(table, 64) } {
                let a := shr(192, word)
                word := shl(64, word)
                s0 := add(s0, mul(mload(table), a))
                s1 := add(s1, mul(mload(add(table, 32)), a))
            }
            r := or(shl(64, mod(s0, P)), mod(s1, P))
        }
    }
}
