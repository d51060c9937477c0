// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Elements} from "./Elements.sol";
import {Ext} from "./Extension.sol";
import {M64, P} from "./Goldilocks.sol";

/// @dev Two lanes of 128 bits: an element in each, 2^64 - p in each, and the bits that their sums have if an element is
/// p or more.
uint256 constant EVEN = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
uint256 constant CARRY = 0x000000000000000000000000ffffffff000000000000000000000000ffffffff;
uint256 constant CARRIED = 0x0000000000000001000000000000000000000000000000010000000000000000;
uint256 constant M128 = 0xffffffffffffffffffffffffffffffff;

/// @title Sums over the leaves of a query
library Leaf {
    /// @notice Writes what `combine` needs of alpha to new memory: alpha^0 .. alpha^3, two words each; then for each four
    /// of `count` elements the power of alpha that the first of them has, four words of 32 bits, c0's lower half, its upper
    /// half, and those of c1; then zeros to a multiple of eight elements.
    function powers(Ext alpha, uint256 count) internal pure returns (uint256 table) {
        assembly ("memory-safe") {
            table := mload(0x40)
            let ptr := table
            let end := add(add(table, 256), shl(7, shr(2, add(count, 3))))
            mstore(0x40, add(end, 128))
            calldatacopy(end, calldatasize(), 128)
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
            for {} lt(ptr, end) { ptr := add(ptr, 128) } {
                mstore(ptr, and(s0, 0xffffffff))
                mstore(add(ptr, 32), shr(32, s0))
                mstore(add(ptr, 64), and(s1, 0xffffffff))
                mstore(add(ptr, 96), shr(32, s1))
                let t := mod(add(mul(s0, a0), mul(s1, a7)), P)
                s1 := mod(add(mul(s0, a1), mul(s1, a0)), P)
                s0 := t
            }
        }
    }

    /// @notice sum alpha^i value_i over base field values; reverts with `NotCanonical` unless all of them are below p.
    /// @dev A word's elements e_0, e_2 and e_1, e_3 are two times two lanes of 128 bits. Half a power of alpha^4 times such
    /// a pair is below 2^96 in each lane, so 2^32 of them fit. At the end the lanes' sums, below 2^137 for 2^9 elements,
    /// are multiplied by alpha^0 .. alpha^3. An element e is p or more only if e + 2^64 - p reaches 2^64.
    /// @param values Memory address of `count` elements, eight bytes each, then zeros to a multiple of
    /// eight elements. They stay as they are.
    /// @param table Memory address of what `powers` wrote for as many elements.
    function combine(uint256 values, uint256 table, uint256 count) internal pure returns (Ext r) {
        uint256 full;
        assembly ("memory-safe") {
            mstore(0, table)
            table := add(table, 256)
            count := add(values, shl(3, count))
            // of e_1, e_3: a0, a1, a2, r; of e_0, e_2: b0, b1, b2, b3
            let a0 := 0
            let a1 := 0
            let a2 := 0
            let b0 := 0
            let b1 := 0
            let b2 := 0
            let b3 := 0
            for {} lt(values, count) { values := add(values, 64) } {
                let v := mload(values)
                let x := and(v, EVEN)
                v := and(shr(64, v), EVEN)
                full := or(full, or(add(x, CARRY), add(v, CARRY)))
                let p := mload(table)
                a0 := add(a0, mul(x, p))
                b0 := add(b0, mul(v, p))
                p := mload(add(table, 32))
                a1 := add(a1, mul(x, p))
                b1 := add(b1, mul(v, p))
                p := mload(add(table, 64))
                a2 := add(a2, mul(x, p))
                b2 := add(b2, mul(v, p))
                p := mload(add(table, 96))
                r := add(r, mul(x, p))
                b3 := add(b3, mul(v, p))
                v := mload(add(values, 32))
                x := and(v, EVEN)
                v := and(shr(64, v), EVEN)
                full := or(full, or(add(x, CARRY), add(v, CARRY)))
                p := mload(add(table, 128))
                a0 := add(a0, mul(x, p))
                b0 := add(b0, mul(v, p))
                p := mload(add(table, 160))
                a1 := add(a1, mul(x, p))
                b1 := add(b1, mul(v, p))
                p := mload(add(table, 192))
                a2 := add(a2, mul(x, p))
                b2 := add(b2, mul(v, p))
                p := mload(add(table, 224))
                r := add(r, mul(x, p))
                b3 := add(b3, mul(v, p))
                table := add(table, 256)
            }
            // the halves of each coordinate joined, lane by lane, times alpha^3, alpha^1, alpha^2, alpha^0
            table := mload(0)
            values := add(and(a0, M128), shl(32, and(a1, M128)))
            count := add(and(a2, M128), shl(32, and(r, M128)))
            a0 := add(shr(128, a0), shl(32, shr(128, a1)))
            a2 := add(shr(128, a2), shl(32, shr(128, r)))
            let s0 := mload(add(table, 192))
            a1 := mload(add(table, 224))
            r := add(mul(values, s0), mul(7, mul(count, a1)))
            s0 := add(mul(values, a1), mul(count, s0))
            values := mload(add(table, 64))
            count := mload(add(table, 96))
            r := add(r, add(mul(a0, values), mul(7, mul(a2, count))))
            s0 := add(s0, add(mul(a0, count), mul(a2, values)))
            a0 := add(and(b0, M128), shl(32, and(b1, M128)))
            a2 := add(and(b2, M128), shl(32, and(b3, M128)))
            values := mload(add(table, 128))
            count := mload(add(table, 160))
            r := add(r, add(mul(a0, values), mul(7, mul(a2, count))))
            s0 := add(s0, add(mul(a0, count), mul(a2, values)))
            r := add(r, add(shr(128, b0), shl(32, shr(128, b1))))
            s0 := add(s0, add(shr(128, b2), shl(32, shr(128, b3))))
            r := or(shl(64, mod(r, P)), mod(s0, P))
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
