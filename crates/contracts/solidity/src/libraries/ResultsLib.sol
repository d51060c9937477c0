// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Result} from "../interfaces/IAuctionHouse.sol";

/// @title Results of a round: packed form, merging, Merkle root
/// @notice A result is also handled as one word: best, second and winner, 32 bits each, the winner lowest. All results of a
///         round are 384 bytes, twelve a slot; functions that take them rely on that length.
library ResultsLib {
    uint256 internal constant SLOTS = 32;
    uint256 private constant U32 = type(uint32).max;

    /// @notice Reads slot `slot` of 384 packed bytes.
    function read(bytes calldata packed, uint256 slot) internal pure returns (Result memory) {
        uint256 w = word(packed, slot);
        return Result(best(w), uint32(w >> 32), winner(w));
    }

    /// @notice Slot `slot` of 384 packed bytes as a word.
    function word(bytes calldata packed, uint256 slot) internal pure returns (uint256 w) {
        assembly ("memory-safe") {
            // formula: the 12 bytes from 12 * slot on
            w := shr(160, calldataload(add(packed.offset, mul(slot, 12))))
        }
    }

    /// @notice Writes a word to slot `slot` of 384 packed bytes, with 20 bytes of memory behind them.
    function put(bytes memory packed, uint256 slot, uint256 w) internal pure {
        assembly ("memory-safe") {
            // formula: the 12 bytes from 12 * slot on; the 20 bytes behind them stay
            let at_ := add(add(packed, 32), mul(slot, 12))
            mstore(at_, or(shl(160, w), shr(96, shl(96, mload(at_)))))
        }
    }

    /// @notice The best quote of a word.
    function best(uint256 w) internal pure returns (uint32) {
        return uint32(w >> 64);
    }

    /// @notice The winner of a word.
    function winner(uint256 w) internal pure returns (uint32) {
        return uint32(w);
    }

    /// @notice Joins what is stored with what is newly proven for one slot; all three are words.
    /// @dev The same winner keeps its quote and takes the higher second-best. Otherwise the higher best wins, a tie
    ///      goes to the lower index, and the second-best is the highest of the rest.
    function merge(uint256 stored, uint256 proven) internal pure returns (uint256) {
        uint256 own = stored & U32;
        uint256 other = proven & U32;
        if (own == other) return _withSecond(stored, proven >> 32 & U32);
        if (own == 0) return proven;
        if (other == 0) return stored;
        bool keep = stored >> 64 > proven >> 64 || (stored >> 64 == proven >> 64 && own < other);
        return keep ? _withSecond(stored, proven >> 64) : _withSecond(proven, stored >> 64);
    }

    /// @dev The word with its second-best quote, or `second` where that is higher.
    function _withSecond(uint256 w, uint256 second) private pure returns (uint256) {
        return second > (w >> 32 & U32) ? w & ~(U32 << 32) | second << 32 : w;
    }

    /// @notice A leaf of the results tree.
    function leaf(uint256 slot, Result memory r) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(slot), r.best, r.second, r.winner));
    }

    /// @notice The leaf of a slot's word.
    function leaf(uint256 slot, uint256 w) internal pure returns (bytes32 h) {
        assembly ("memory-safe") {
            // formula: keccak(uint8 slot || uint96 w)
            mstore(0, or(shl(248, slot), shl(152, w)))
            h := keccak256(0, 13)
        }
    }

    /// @notice Root over 32 leaves, which are overwritten.
    function root(bytes32[SLOTS] memory leaves) internal pure returns (bytes32 h) {
        assembly ("memory-safe") {
            // formula per level of n nodes: leaves[i] = keccak(leaves[2 i] || leaves[2 i + 1]) for i < n
            for { let end := 512 } gt(end, 16) { end := shr(1, end) } {
                for { let i := 0 } lt(i, end) { i := add(i, 32) } {
                    mstore(add(leaves, i), keccak256(add(leaves, shl(1, i)), 64))
                }
            }
            h := mload(leaves)
        }
    }

    /// @notice Root over 384 packed bytes.
    function rootOf(bytes calldata packed) internal pure returns (bytes32) {
        bytes32[SLOTS] memory leaves;
        for (uint256 i; i < SLOTS; ++i) {
            leaves[i] = leaf(i, word(packed, i));
        }
        return root(leaves);
    }

    /// @notice Root that a leaf and its siblings lead to.
    function rootFrom(uint256 slot, Result memory r, bytes32[5] calldata siblings) internal pure returns (bytes32 h) {
        h = leaf(slot, r);
        for (uint256 i; i < 5; ++i) {
            h = (slot >> i) & 1 == 0
                ? keccak256(abi.encodePacked(h, siblings[i]))
                : keccak256(abi.encodePacked(siblings[i], h));
        }
    }
}
