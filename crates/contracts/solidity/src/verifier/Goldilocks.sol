// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @dev The Goldilocks prime 2^64 - 2^32 + 1.
uint256 constant P = 0xffffffff00000001;

/// @dev The bits of an element.
uint256 constant M64 = 0xffffffffffffffff;

/// @title Arithmetic in the Goldilocks field
/// @notice Elements are words below p.
library Goldilocks {
    /// A quotient with denominator zero was asked for.
    error ZeroDenominator();

    /// @dev Generator of the multiplicative group; the low-degree extension lives on its coset.
    uint256 internal constant GENERATOR = 14293326489335486720;
    /// @dev A primitive root of unity of order 2^32.
    uint256 internal constant ROOT_2_32 = 7277203076849721926;
    /// @dev 1/2.
    uint256 internal constant HALF = 0x7fffffff80000001;

    /// @notice a^(2^k) mod p.
    function powTwo(uint256 a, uint256 k) internal pure returns (uint256 r) {
        assembly ("memory-safe") {
            r := a
            for {} k { k := sub(k, 1) } { r := mulmod(r, r, P) }
        }
    }

    /// @notice 1/a = a^(p-2), p - 2 = (2^31 - 1) 2^33 + 2^32 - 1. Reverts with `ZeroDenominator` for a = 0 mod p.
    function inverse(uint256 a) internal pure returns (uint256 r) {
        if (a % P == 0) revert ZeroDenominator();
        uint256 t3 = mulmod(powTwo(a, 1), a, P); // a^(2^2 - 1)
        t3 = mulmod(powTwo(t3, 1), a, P); // a^(2^3 - 1)
        uint256 t6 = mulmod(powTwo(t3, 3), t3, P);
        uint256 t12 = mulmod(powTwo(t6, 6), t6, P);
        uint256 t24 = mulmod(powTwo(t12, 12), t12, P);
        uint256 t30 = mulmod(powTwo(t24, 6), t6, P);
        uint256 t31 = mulmod(powTwo(t30, 1), a, P);
        uint256 t32 = mulmod(powTwo(t31, 1), a, P);
        r = mulmod(powTwo(t31, 33), t32, P);
    }

    /// @notice A primitive root of unity of order 2^bits, bits at most 32; each is the square of the next.
    function rootOfUnity(uint256 bits) internal pure returns (uint256) {
        return powTwo(ROOT_2_32, 32 - bits);
    }
}
