// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Elements} from "./Elements.sol";
import {Ext} from "./Extension.sol";
import {P} from "./Goldilocks.sol";

/// @dev Address of a sponge in memory: 96 bytes of state (twelve elements, little-endian), 32 bytes that the resampling
/// may overwrite, then two words: inputs that wait in the state, and outputs that were not taken yet.
type Sponge is uint256;

/// @title The Fiat-Shamir transcript of plonky2's `Challenger` over `KeccakHash<25>`
/// @notice A duplex sponge of rate 8 in overwrite mode. Its permutation maps a state s to the first twelve words below
/// p in H(s) || H(H(s)) || ..., with H = Keccak-256 and words of eight bytes little-endian.
library Transcript {
    uint256 private constant INPUTS = 128;
    uint256 private constant OUTPUTS = 160;
    /// In each of four words: the last four bytes, one, and bit 32.
    uint256 private constant UPPER = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    uint256 private constant ONES = 0x0000000000000001000000000000000100000000000000010000000000000001;
    uint256 private constant BIT_32 = 0x0000000100000000000000010000000000000001000000000000000100000000;

    /// @notice A sponge with state zero.
    function create() internal pure returns (Sponge t) {
        assembly ("memory-safe") {
            t := mload(0x40)
            mstore(0x40, add(t, 192))
            calldatacopy(t, calldatasize(), 192)
        }
    }

    /// @notice Absorbs `count` elements, little-endian, from memory.
    function absorb(Sponge t, uint256 ptr, uint256 count) internal pure {
        unchecked {
            uint256 end = ptr + 8 * count;
            // bytes of the rate that are free
            uint256 room = 64 - 8 * _load(t, INPUTS);
            while (end - ptr >= room) {
                bytes32 h;
                assembly ("memory-safe") {
                    mcopy(add(t, sub(64, room)), ptr, room)
                    h := keccak256(t, 96)
                }
                ptr += room;
                room = 64;
                setFrom(t, h);
            }
            assembly ("memory-safe") {
                mcopy(add(t, sub(64, room)), ptr, sub(end, ptr))
            }
            uint256 pending = (64 - room + end - ptr) / 8;
            _store(t, INPUTS, pending);
            _store(t, OUTPUTS, pending == 0 ? 8 : 0);
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
                let r := and(d, shl(200, 0xffffffffffffff))
                r := or(r, and(shr(8, d), shl(136, 0xffffffffffffff)))
                r := or(r, and(shr(16, d), shl(72, 0xffffffffffffff)))
                r := or(r, and(shr(24, d), shl(32, 0xffffffff)))
                mstore(to, r)
            }
        }
        absorb(t, ptr, 4 * count);
    }

    /// @notice The next challenge: outputs are taken from the end of the rate.
    function challenge(Sponge t) internal pure returns (uint256) {
        uint256 outputs = _load(t, OUTPUTS);
        if (_load(t, INPUTS) != 0 || outputs == 0) {
            permute(t);
            _store(t, INPUTS, 0);
            outputs = 8;
        }
        outputs--;
        _store(t, OUTPUTS, outputs);
        return Elements.swap(_load(t, 8 * outputs)) >> 192;
    }

    /// @notice The next challenge in the extension field, c0 first.
    function extChallenge(Sponge t) internal pure returns (Ext) {
        uint256 c0 = challenge(t);
        return Ext.wrap((c0 << 64) | challenge(t));
    }

    /// @notice Replaces the state by its image.
    function permute(Sponge t) internal pure {
        bytes32 first;
        assembly ("memory-safe") {
            first := keccak256(t, 96)
        }
        setFrom(t, first);
    }

    /// @notice Sets the state to the first twelve words below p of h || H(h) || H(H(h)) || ...
    function setFrom(Sponge t, bytes32 h) internal pure {
        uint256 second;
        uint256 third;
        assembly ("memory-safe") {
            mstore(t, h)
            second := keccak256(t, 32)
            let ptr := add(t, 32)
            mstore(ptr, second)
            third := keccak256(ptr, 32)
            mstore(add(ptr, 32), third)
        }
        if (mayHaveLargeWord(uint256(h), second, third)) _resample(t, h);
    }

    /// @notice True if one of the twelve words is p or more; false unless the upper half u of one, which is its last four
    /// bytes, is 2^32 - 1: then u + 1 has bit 32.
    function mayHaveLargeWord(uint256 a, uint256 b, uint256 c) internal pure returns (bool may) {
        assembly ("memory-safe") {
            let carries := or(or(add(and(a, UPPER), ONES), add(and(b, UPPER), ONES)), add(and(c, UPPER), ONES))
            may := iszero(iszero(and(carries, BIT_32)))
        }
    }

    /// `setFrom`, word by word.
    function _resample(Sponge t, bytes32 h) private pure {
        uint256 taken = 0;
        while (true) {
            for (uint256 lane = 0; lane < 4; lane++) {
                uint256 word = uint256(h) << (64 * lane);
                if (Elements.swap(word) >> 192 >= P) continue;
                _store(t, 8 * taken, word);
                taken++;
                if (taken == 12) return;
            }
            h = keccak256(abi.encode(h));
        }
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
