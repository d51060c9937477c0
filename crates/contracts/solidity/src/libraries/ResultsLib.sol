// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Result} from "../interfaces/IAuctionHouse.sol";

/// @title Results of a round: packed form, merging, Merkle root
library ResultsLib {
    uint256 internal constant SLOTS = 32;
    uint256 internal constant RESULT_SIZE = 12;

    /// @notice Reads slot `slot` of 384 packed bytes.
    function read(bytes calldata packed, uint256 slot) internal pure returns (Result memory) {
        uint256 from = slot * RESULT_SIZE;
        return Result({
            best: uint32(bytes4(packed[from:from + 4])),
            second: uint32(bytes4(packed[from + 4:from + 8])),
            winner: uint32(bytes4(packed[from + 8:from + 12]))
        });
    }

    /// @notice Writes slot `slot` of 384 packed bytes.
    function write(bytes memory packed, uint256 slot, Result memory r) internal pure {
        uint256 word = uint256(r.best) << 64 | uint256(r.second) << 32 | r.winner;
        for (uint256 i; i < RESULT_SIZE; ++i) {
            // the lowest byte is meant
            packed[slot * RESULT_SIZE + i] = bytes1(uint8(word >> (88 - 8 * i)));
        }
    }

    /// @notice Joins what is stored with what is newly proven for one slot.
    /// @dev The same winner keeps its quote and takes the higher second-best. Otherwise the higher best wins, a tie
    ///      goes to the lower index, and the second-best is the highest of the rest.
    function merge(Result memory stored, Result memory proven) internal pure returns (Result memory) {
        if (stored.winner == proven.winner) {
            return Result(stored.best, _max(stored.second, proven.second), stored.winner);
        }
        if (stored.winner == 0) return proven;
        if (proven.winner == 0) return stored;
        bool keep = stored.best > proven.best || (stored.best == proven.best && stored.winner < proven.winner);
        (Result memory top, Result memory rest) = keep ? (stored, proven) : (proven, stored);
        return Result(top.best, _max(top.second, rest.best), top.winner);
    }

    /// @notice A leaf of the results tree.
    function leaf(uint256 slot, Result memory r) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(slot), r.best, r.second, r.winner));
    }

    /// @notice Root over 32 leaves, which are overwritten.
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        for (uint256 n = SLOTS / 2; n != 0; n /= 2) {
            for (uint256 i; i < n; ++i) {
                leaves[i] = keccak256(abi.encodePacked(leaves[2 * i], leaves[2 * i + 1]));
            }
        }
        return leaves[0];
    }

    /// @notice Root over 384 packed bytes.
    function rootOf(bytes calldata packed) internal pure returns (bytes32) {
        bytes32[] memory leaves = new bytes32[](SLOTS);
        for (uint256 i; i < SLOTS; ++i) {
            leaves[i] = leaf(i, read(packed, i));
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

    function _max(uint32 a, uint32 b) private pure returns (uint32) {
        return a > b ? a : b;
    }
}
