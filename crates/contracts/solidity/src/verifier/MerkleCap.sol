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

    /// @notice Climbs from leaves of one index in four trees of one height; the paths lie one after the other.
    /// @param nodes Memory address of the leaves' digests; replaced by the digests reached.
    /// @param stride Bytes of a path.
    /// @return slot The index that is left, that of the digest in its cap.
    function climbFour(uint256 nodes, uint256 index, uint256 path, uint256 stride)
        internal
        pure
        returns (uint256 slot)
    {
        assembly ("memory-safe") {
            let n0 := mload(nodes)
            let n1 := mload(add(nodes, 32))
            let n2 := mload(add(nodes, 64))
            let n3 := mload(add(nodes, 96))
            for { let end := add(path, stride) } lt(path, end) { path := add(path, 25) } {
                let side := mul(25, and(index, 1))
                let other := sub(25, side)
                index := shr(1, index)
                mstore(side, n0)
                calldatacopy(other, path, 25)
                n0 := keccak256(0, 50)
                let p := add(path, stride)
                mstore(side, n1)
                calldatacopy(other, p, 25)
                n1 := keccak256(0, 50)
                p := add(p, stride)
                mstore(side, n2)
                calldatacopy(other, p, 25)
                n2 := keccak256(0, 50)
                mstore(side, n3)
                calldatacopy(other, add(p, stride), 25)
                n3 := keccak256(0, 50)
            }
            mstore(nodes, n0)
            mstore(add(nodes, 32), n1)
            mstore(add(nodes, 64), n2)
            mstore(add(nodes, 96), n3)
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
