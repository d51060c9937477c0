// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {BIT_32, Elements, HALVES, ONES} from "./Elements.sol";
import {Ext} from "./Extension.sol";
import {M64, P} from "./Goldilocks.sol";

/// @title Sums over the leaves of a query
library Leaf {
    /// @notice sum alpha^i value_i over base field values; reverts with `NotCanonical` unless all of them are below p.
    /// @dev A product is below 2^128, so 2^128 of them fit a word and one reduction at the end is enough. An element is
    /// p or more only if its upper half h is 2^32 - 1; then h + 1 has bit 32, and the elements are looked at one by one.
    /// @param values Memory address of `count` elements, eight bytes each, then zeros to a multiple of
    /// eight elements. They stay as they are.
    /// @param powers Memory address of alpha^0, alpha^1, ..., two words each, to a multiple of eight.
    function combine(uint256 values, uint256 powers, uint256 count) internal pure returns (Ext r) {
        uint256 full;
        assembly ("memory-safe") {
            let s0 := 0
            let s1 := 0
            let ptr := values
            for { let end := add(values, shl(3, count)) } lt(ptr, end) { ptr := add(ptr, 64) } {
                // four elements, then the next four
                let v := mload(ptr)
                full := or(full, add(and(shr(32, v), HALVES), ONES))
                let a := shr(192, v)
                let b := and(shr(128, v), M64)
                let c := and(shr(64, v), M64)
                v := and(v, M64)
                s0 := add(
                    add(s0, add(mul(mload(powers), a), mul(mload(add(powers, 64)), b))),
                    add(mul(mload(add(powers, 128)), c), mul(mload(add(powers, 192)), v))
                )
                s1 := add(
                    add(s1, add(mul(mload(add(powers, 32)), a), mul(mload(add(powers, 96)), b))),
                    add(mul(mload(add(powers, 160)), c), mul(mload(add(powers, 224)), v))
                )
                v := mload(add(ptr, 32))
                full := or(full, add(and(shr(32, v), HALVES), ONES))
                a := shr(192, v)
                b := and(shr(128, v), M64)
                c := and(shr(64, v), M64)
                v := and(v, M64)
                s0 := add(
                    add(s0, add(mul(mload(add(powers, 256)), a), mul(mload(add(powers, 320)), b))),
                    add(mul(mload(add(powers, 384)), c), mul(mload(add(powers, 448)), v))
                )
                s1 := add(
                    add(s1, add(mul(mload(add(powers, 288)), a), mul(mload(add(powers, 352)), b))),
                    add(mul(mload(add(powers, 416)), c), mul(mload(add(powers, 480)), v))
                )
                powers := add(powers, 512)
            }
            r := or(shl(64, mod(s0, P)), mod(s1, P))
        }
        if (full & BIT_32 != 0) Elements.requireCanonical(values, count);
    }

    /// @notice The same over the first `count` of up to four elements in a word, without any check.
    function combineWord(uint256 word, uint256 powers, uint256 count) internal pure returns (Ext r) {
        assembly ("memory-safe") {
            let s0 := 0
            let s1 := 0
            for { let end := add(powers, shl(6, count)) } lt(powers, end) { powers := add(powers, 64) } {
                let a := shr(192, word)
                word := shl(64, word)
                s0 := add(s0, mul(mload(powers), a))
                s1 := add(s1, mul(mload(add(powers, 32)), a))
            }
            r := or(shl(64, mod(s0, P)), mod(s1, P))
        }
    }
}
