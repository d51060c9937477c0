// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Merkle paths to a cap, digests of 25 bytes
library MerkleCap {
    /// @notice Climbs from a leaf to the cap: at each level H(left || right), truncated to 25 bytes.
    /// @param node The leaf's Keccak-256 digest; the last seven bytes are ignored.
    /// @param index The leaf's index; its lowest bit tells the side in the lowest level.
    /// @param path Calldata offset of the siblings, from the leaf upwards.
    /// @param length Number of siblings.
    /// @return root The digest reached, in its first 25 bytes.
    /// @return slot Its index in the cap.
    function climb(bytes32 node, uint256 index, uint256 path, uint256 length)
        internal
        pure
        returns (bytes32 root, uint256 slot)
    {
        assembly ("memory-safe") {
            for { let end := add(path, mul(25, length)) } lt(path, end) { path := add(path, 25) } {
                // the sibling is written second: it replaces the seven bytes of the node that are not part of it
                let side := mul(25, and(index, 1))
                mstore(side, node)
                calldatacopy(sub(25, side), path, 25)
                node := keccak256(0, 50)
                index := shr(1, index)
            }
            root := node
            slot := index
        }
    }

    /// @notice Whether digest `slot` of the cap at calldata offset `cap` equals `root`.
    function isInCalldataCap(bytes32 root, uint256 slot, uint256 cap) internal pure returns (bool ok) {
        assembly ("memory-safe") {
            ok := iszero(shr(56, xor(root, calldataload(add(cap, mul(25, slot))))))
        }
    }

    /// @notice Whether digest `slot` of the cap at memory address `cap` equals `root`.
    function isInMemoryCap(bytes32 root, uint256 slot, uint256 cap) internal pure returns (bool ok) {
        assembly ("memory-safe") {
            ok := iszero(shr(56, xor(root, mload(add(cap, mul(25, slot))))))
        }
    }
}
