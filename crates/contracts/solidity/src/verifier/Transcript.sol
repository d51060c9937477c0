// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext} from "./Extension.sol";

/// @dev Address of a sponge in memory: a digest, 512 bytes of inputs that wait, then two words: the bytes of inputs that
/// wait, and the elements of the digest that were not taken yet.
type Sponge is uint256;

/// @title The Fiat-Shamir transcript of plonky2's `Challenger` over the project's `EvmSponge`
/// @notice The state is a digest of four elements, and up to 64 inputs are hashed with it at once: the next state is the
/// first of H(state || inputs), H(H(state || inputs)), ... whose four elements are all below p, H being Keccak-256.
library Transcript {
    uint256 private constant RATE = 512;
    uint256 private constant PENDING = 544;
    uint256 private constant OUTPUTS = 576;

    /// @notice A sponge with state zero.
    function create() internal pure returns (Sponge t) {
        assembly ("memory-safe") {
            t := mload(0x40)
            mstore(0x40, add(t, 608))
            calldatacopy(t, calldatasize(), 608)
        }
    }

    /// @notice Absorbs `count` elements, not zero, from memory.
    function absorb(Sponge t, uint256 ptr, uint256 count) internal pure {
        unchecked {
            uint256 end = ptr + 8 * count;
            uint256 pending = _load(t, PENDING);
            while (end - ptr >= RATE - pending) {
                assembly ("memory-safe") {
                    mcopy(add(add(t, 32), pending), ptr, sub(RATE, pending))
                }
                ptr += RATE - pending;
                permute(t, RATE);
                pending = 0;
            }
            assembly ("memory-safe") {
                mcopy(add(add(t, 32), pending), ptr, sub(end, ptr))
            }
            pending += end - ptr;
            _store(t, PENDING, pending);
            _store(t, OUTPUTS, pending == 0 ? 4 : 0);
        }
    }

    /// @notice Absorbs `count` elements from calldata.
    function absorbCalldata(Sponge t, uint256 src, uint256 count) internal pure {
        uint256 ptr;
        assembly ("memory-safe") {
            ptr := mload(0x40)
            calldatacopy(ptr, src, shl(3, count))
            mstore(0x40, and(add(add(ptr, shl(3, count)), 31), not(31)))
        }
        absorb(t, ptr, count);
    }

    /// @notice Absorbs `count` digests of 25 bytes from calldata. A digest is four elements of 7, 7, 7 and 4 bytes.
    function absorbDigests(Sponge t, uint256 src, uint256 count) internal pure {
        uint256 ptr;
        assembly ("memory-safe") {
            ptr := mload(0x40)
            let end := add(ptr, shl(5, count))
            mstore(0x40, end)
            for { let to := ptr } lt(to, end) { to := add(to, 32) } {
                let d := calldataload(src)
                src := add(src, 25)
                let r := and(shr(8, d), shl(192, 0xffffffffffffff))
                r := or(r, and(shr(16, d), shl(128, 0xffffffffffffff)))
                r := or(r, and(shr(24, d), shl(64, 0xffffffffffffff)))
                r := or(r, and(shr(56, d), 0xffffffff))
                mstore(to, r)
            }
        }
        absorb(t, ptr, 4 * count);
    }

    /// @notice The next challenge: the digest's elements are taken from the last to the first.
    function challenge(Sponge t) internal pure returns (uint256) {
        unchecked {
            uint256 outputs = _load(t, OUTPUTS);
            uint256 pending = _load(t, PENDING);
            if (pending != 0 || outputs == 0) {
                permute(t, pending);
                _store(t, PENDING, 0);
                outputs = 4;
            }
            outputs--;
            _store(t, OUTPUTS, outputs);
            return uint64(_load(t, 0) >> (64 * (3 - outputs)));
        }
    }

    /// @notice The next challenge in the extension field, c0 first.
    function extChallenge(Sponge t) internal pure returns (Ext) {
        uint256 c0 = challenge(t);
        return Ext.wrap((c0 << 64) | challenge(t));
    }

    /// @notice Replaces the state by its image under the first `length` bytes of the inputs.
    function permute(Sponge t, uint256 length) internal pure {
        uint256 h;
        assembly ("memory-safe") {
            h := keccak256(t, add(32, length))
        }
        _store(t, 0, firstCanonical(h));
    }

    /// @notice The first of h, H(h), H(H(h)), ... whose four elements are below p: x is p or more if and only if
    /// x + 2^64 - p has bit 64.
    function firstCanonical(uint256 h) internal pure returns (uint256) {
        assembly ("memory-safe") {
            let lanes := 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff
            let gap := 0x000000000000000000000000ffffffff000000000000000000000000ffffffff
            let carries := shl(64, 0x100000000000000000000000000000001)
            for {} and(or(add(and(h, lanes), gap), add(and(shr(64, h), lanes), gap)), carries) {} {
                mstore(0, h)
                h := keccak256(0, 32)
            }
        }
        return h;
    }

    function _load(Sponge t, uint256 offset) private pure returns (uint256 v) {
        assembly ("memory-safe") {
            v := mload(add(t, offset))
        }
    }

    function _store(Sponge t, uint256 offset, uint256 v) private pure {
        assembly ("memory-safe") {
            mstore(add(t, offset), v)
        }
    }
}
