// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Goldilocks, P} from "./Goldilocks.sol";

/// @dev An element c0 + c1 X of F_{p^2} = F_p[X]/(X^2 - 7), packed as c0 2^64 + c1 with c0 and c1 below p.
type Ext is uint256;

using {add as +, sub as -, mul as *, eq as ==} for Ext global;
using {c0, c1, scale, inverse, powTwo} for Ext global;

Ext constant ZERO = Ext.wrap(0);
Ext constant ONE = Ext.wrap(1 << 64);

/// @dev The element a of the base field, a below p.
function fromBase(uint256 a) pure returns (Ext r) {
    assembly ("memory-safe") {
        r := shl(64, a)
    }
}

function c0(Ext a) pure returns (uint256 r) {
    assembly ("memory-safe") {
        r := shr(64, a)
    }
}

function c1(Ext a) pure returns (uint256 r) {
    assembly ("memory-safe") {
        r := and(a, 0xffffffffffffffff)
    }
}

function eq(Ext a, Ext b) pure returns (bool) {
    return Ext.unwrap(a) == Ext.unwrap(b);
}

function add(Ext a, Ext b) pure returns (Ext r) {
    assembly ("memory-safe") {
        r := or(
            shl(64, addmod(shr(64, a), shr(64, b), P)),
            addmod(and(a, 0xffffffffffffffff), and(b, 0xffffffffffffffff), P)
        )
    }
}

function sub(Ext a, Ext b) pure returns (Ext r) {
    assembly ("memory-safe") {
        r := or(
            shl(64, addmod(shr(64, a), sub(P, shr(64, b)), P)),
            addmod(and(a, 0xffffffffffffffff), sub(P, and(b, 0xffffffffffffffff)), P)
        )
    }
}

/// @dev (a0 b0 + 7 a1 b1) + (a0 b1 + a1 b0) X; no sum of products reaches 2^132, so one reduction each is enough.
function mul(Ext a, Ext b) pure returns (Ext r) {
    assembly ("memory-safe") {
        let a1 := and(a, 0xffffffffffffffff)
        let b1 := and(b, 0xffffffffffffffff)
        let a0 := shr(64, a)
        let b0 := shr(64, b)
        r := or(shl(64, mod(add(mul(a0, b0), mul(7, mul(a1, b1))), P)), mod(add(mul(a0, b1), mul(a1, b0)), P))
    }
}

/// @dev a times the element k of the base field.
function scale(Ext a, uint256 k) pure returns (Ext r) {
    assembly ("memory-safe") {
        r := or(shl(64, mulmod(shr(64, a), k, P)), mulmod(and(a, 0xffffffffffffffff), k, P))
    }
}

/// @dev 1/(a0 + a1 X) = (a0 - a1 X)/(a0^2 - 7 a1^2). Reverts with `Goldilocks.ZeroDenominator` for zero.
function inverse(Ext a) pure returns (Ext r) {
    uint256 a0 = a.c0();
    uint256 a1 = a.c1();
    uint256 norm = addmod(mulmod(a0, a0, P), P - mulmod(7, mulmod(a1, a1, P), P), P);
    r = (fromBase(a0) - Ext.wrap(a1)).scale(Goldilocks.inverse(norm));
}

/// @dev a^(2^k).
function powTwo(Ext a, uint256 k) pure returns (Ext r) {
    r = a;
    for (; k != 0; k--) {
        r = r * r;
    }
}
