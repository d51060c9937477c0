// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {P} from "./Goldilocks.sol";

/// @dev The upper halves' places when four elements in a word are shifted right by 32 bits; one in each; and the bits that
/// the sums have if a half was all ones.
uint256 constant HALVES = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
uint256 constant ONES = 0x0000000000000001000000000000000100000000000000010000000000000001;
uint256 constant BIT_32 = 0x0000000100000000000000010000000000000001000000000000000100000000;

/// @title Field elements in a proof
/// @notice An element is eight bytes big-endian, so that a word has four of them, and hashes take them as they lie.
library Elements {
    /// An element of the proof is not below p.
    error NotCanonical();

    /// @notice Copies `count` elements from calldata to new memory; reverts unless all of them are below p.
    /// @return data The elements, eight bytes each.
    function read(uint256 src, uint256 count) internal pure returns (bytes memory data) {
        uint256 ptr;
        uint256 full;
        assembly ("memory-safe") {
            data := mload(0x40)
            ptr := add(data, 32)
            let end := add(ptr, shl(3, count))
            mstore(0x40, and(add(end, 63), not(31)))
            mstore(data, shl(3, count))
            calldatacopy(ptr, src, shl(3, count))
            mstore(end, 0)
            // an element is p or more only if its upper half h is 2^32 - 1; then h + 1 has bit 32
            for { let word := ptr } lt(word, end) { word := add(word, 32) } {
                full := or(full, add(and(shr(32, mload(word)), HALVES), ONES))
            }
        }
        if (full & BIT_32 != 0) requireCanonical(ptr, count);
    }

    /// @notice Reverts unless each of the `count` elements at `ptr` is below p. What follows them up to the next multiple
    /// of four elements must be zero.
    function requireCanonical(uint256 ptr, uint256 count) internal pure {
        uint256 end = ptr + 8 * count;
        for (; ptr < end; ptr += 32) {
            uint256 v;
            assembly ("memory-safe") {
                v := mload(ptr)
            }
            for (; v != 0; v >>= 64) {
                if (uint64(v) >= P) revert NotCanonical();
            }
        }
    }
}
