// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title 256-bit values made of four Goldilocks elements of 8 bytes each
library Canonical {
    /// @dev Order of the Goldilocks field, 2^64 - 2^32 + 1.
    uint256 internal constant P = 0xFFFFFFFF00000001;

    /// @notice True when each of the four elements is below p.
    function isCanonical(bytes32 value) internal pure returns (bool) {
        uint256 v = uint256(value);
        return (v & type(uint64).max) < P && ((v >> 64) & type(uint64).max) < P && ((v >> 128) & type(uint64).max) < P
            && v >> 192 < P;
    }

    /// @notice Element `i` (0 is the first, the most significant).
    function element(bytes32 value, uint256 i) internal pure returns (uint256) {
        return (uint256(value) >> (192 - 64 * i)) & type(uint64).max;
    }
}
