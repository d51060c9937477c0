// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {P} from "./Goldilocks.sol";

/// @title Field elements in a proof
/// @notice In a proof an element is eight bytes little-endian, as plonky2 hashes it. `normalise` turns a run of them
/// into big-endian order in place and refuses every value that is not below p.
library Elements {
    /// An element of the proof is not below p.
    error NotCanonical();

    /// @notice Copies `count` elements from calldata to new memory and normalises them.
    /// @return data The elements, eight bytes each.
    function read(uint256 src, uint256 count) internal pure returns (bytes memory data) {
        uint256 ptr;
        assembly ("memory-safe") {
            data := mload(0x40)
            ptr := add(data, 32)
            let end := add(ptr, shl(3, count))
            mstore(0x40, and(add(end, 63), not(31)))
            mstore(data, shl(3, count))
            calldatacopy(ptr, src, shl(3, count))
            mstore(end, 0)
        }
        normalise(ptr, count);
    }

    /// @notice Reverses the bytes of each of the `count` elements at `ptr`, four to a word. What follows them up to
    /// the next multiple of four elements is taken along, so the caller leaves zeros there.
    function normalise(uint256 ptr, uint256 count) internal pure {
        uint256 overflow = _reverse(
            ptr,
            ptr + 8 * count,
            0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff,
            0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff,
            0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff,
            0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff,
            0x000000000000000000000000ffffffff000000000000000000000000ffffffff
        );
        if (overflow & ((1 << 64) | (1 << 192)) != 0) revert NotCanonical();
    }

    /// The masks are arguments so that they stay on the stack; as literals in the loop the optimizer takes them apart.
    /// @param gap 2^64 - p = 2^32 - 1 in two lanes: x + gap carries out of 64 bits exactly if x >= p.
    /// @return overflow Bits 64 and 192 tell whether an element was not below p.
    function _reverse(uint256 ptr, uint256 end, uint256 m8, uint256 m16, uint256 m32, uint256 even, uint256 gap)
        private
        pure
        returns (uint256 overflow)
    {
        assembly ("memory-safe") {
            for {} lt(ptr, end) { ptr := add(ptr, 32) } {
                let v := mload(ptr)
                v := or(and(shr(8, v), m8), shl(8, and(v, m8)))
                v := or(and(shr(16, v), m16), shl(16, and(v, m16)))
                v := or(and(shr(32, v), m32), shl(32, and(v, m32)))
                overflow := or(overflow, or(add(and(v, even), gap), add(and(shr(64, v), even), gap)))
                mstore(ptr, v)
            }
        }
    }

    /// @notice Reverts unless each of the `count` elements at `ptr`, little-endian, is below p. They stay as they are;
    /// what follows them up to the next multiple of four elements must be zero.
    function requireCanonical(uint256 ptr, uint256 count) internal pure {
        uint256 end = ptr + 8 * count;
        for (; ptr < end; ptr += 32) {
            uint256 v;
            assembly ("memory-safe") {
                v := mload(ptr)
            }
            for (v = swap(v); v != 0; v >>= 64) {
                if (uint64(v) >= P) revert NotCanonical();
            }
        }
    }

    /// @notice Reverses the bytes of each of the four elements in a word, without any check.
    function swap(uint256 v) internal pure returns (uint256 r) {
        assembly ("memory-safe") {
            let m := 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff
            r := or(and(shr(8, v), m), shl(8, and(v, m)))
            m := 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff
            r := or(and(shr(16, r), m), shl(16, and(r, m)))
            m := 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff
            r := or(and(shr(32, r), m), shl(32, and(r, m)))
        }
    }
}
