// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @dev The Goldilocks prime 2^64 - 2^32 + 1. The quadratic extension is F[X]/(X^2 - 7).
uint256 constant P = 0xffffffff00000001;

/// @title Arithmetic in the Goldilocks field and its quadratic extension
/// @notice Elements are words below p; an extension element a0 + a1 X is a pair of them.
library Goldilocks {
    /// The inverse of zero was asked for.
    error ZeroDenominator();

    /// @dev Generator of the multiplicative group used as the shift of the low-degree extension's coset.
    uint256 internal constant COSET_SHIFT = 14293326489335486720;
    /// @dev A primitive root of unity of order 2^32.
    uint256 internal constant ROOT_2_32 = 7277203076849721926;

    /// @notice a^e mod p.
    function pow(uint256 a, uint256 e) internal pure returns (uint256 r) {
        assembly ("memory-safe") {
            r := 1
            for {} e { e := shr(1, e) } {
                if and(e, 1) { r := mulmod(r, a, P) }
                a := mulmod(a, a, P)
            }
        }
    }

    /// @notice a^(2^k) mod p.
    function powTwo(uint256 a, uint256 k) internal pure returns (uint256) {
        assembly ("memory-safe") {
            for {} k { k := sub(k, 1) } { a := mulmod(a, a, P) }
        }
        return a;
    }

    /// @notice 1/a = a^(p-2). Reverts with `ZeroDenominator` for a = 0 mod p.
    function inverse(uint256 a) internal pure returns (uint256) {
        if (a % P == 0) revert ZeroDenominator();
        return pow(a, P - 2);
    }

    /// @notice A primitive root of unity of order 2^bits.
    function rootOfUnity(uint256 bits) internal pure returns (uint256) {
        return powTwo(ROOT_2_32, 32 - bits);
    }

    /// @notice (a0 + a1 X)(b0 + b1 X) with X^2 = 7.
    function mul(uint256 a0, uint256 a1, uint256 b0, uint256 b1) internal pure returns (uint256 c0, uint256 c1) {
        assembly ("memory-safe") {
            c0 := mod(add(mul(a0, b0), mul(7, mul(a1, b1))), P)
            c1 := mod(add(mul(a0, b1), mul(a1, b0)), P)
        }
    }
}
