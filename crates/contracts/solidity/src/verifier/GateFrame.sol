// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE, fromBase} from "./Extension.sol";
import {M64, P} from "./Goldilocks.sol";

/// @notice What the constraints of a gate are evaluated on.
struct GateFrame {
    /// Memory address of the wires' openings, 16 bytes each.
    uint256 wires;
    /// Memory address of the constants' openings, 16 bytes each, selectors first.
    uint256 constants;
    /// Selectors among the constants.
    uint256 selectors;
    /// Memory address of the sums of filtered constraints, a word for c0 and one for c1 each, not reduced.
    uint256 terms;
    /// The filter of the gate in work.
    Ext filter;
    /// Hash of the public inputs, four elements of eight bytes big-endian.
    bytes32 publicInputsHash;
}

/// @dev An element a0 + a1 Y of F_{p^2}[Y]/(Y^2 - 7), a pair of wires that holds an extension element in the circuit:
/// four lanes of 64 bits, a0's c0 and c1, then those of a1, all below p.
type Algebra is uint256;

using {addAlgebra as +, subAlgebra as -, mulAlgebra as *, scaleBy} for Algebra global;

Algebra constant ALGEBRA_ZERO = Algebra.wrap(0);
Algebra constant ALGEBRA_ONE = Algebra.wrap(1 << 192);

function addAlgebra(Algebra a, Algebra b) pure returns (Algebra r) {
    assembly ("memory-safe") {
        r := shl(192, addmod(shr(192, a), shr(192, b), P))
        r := or(r, shl(128, addmod(and(shr(128, a), M64), and(shr(128, b), M64), P)))
        r := or(r, shl(64, addmod(and(shr(64, a), M64), and(shr(64, b), M64), P)))
        r := or(r, addmod(and(a, M64), and(b, M64), P))
    }
}

function subAlgebra(Algebra a, Algebra b) pure returns (Algebra r) {
    assembly ("memory-safe") {
        r := shl(192, addmod(shr(192, a), sub(P, shr(192, b)), P))
        r := or(r, shl(128, addmod(and(shr(128, a), M64), sub(P, and(shr(128, b), M64)), P)))
        r := or(r, shl(64, addmod(and(shr(64, a), M64), sub(P, and(shr(64, b), M64)), P)))
        r := or(r, addmod(and(a, M64), sub(P, and(b, M64)), P))
    }
}

/// @dev (a0 b0 + 7 a1 b1) + (a0 b1 + a1 b0) Y, each product in F_{p^2}; no sum reaches 2^136.
function mulAlgebra(Algebra a, Algebra b) pure returns (Algebra r) {
    assembly ("memory-safe") {
        let p0 := shr(192, a)
        let p1 := and(shr(128, a), M64)
        let q0 := and(shr(64, a), M64)
        let q1 := and(a, M64)
        let r0 := shr(192, b)
        let r1 := and(shr(128, b), M64)
        let s0 := and(shr(64, b), M64)
        let s1 := and(b, M64)
        // c0 and c1 of a0 b0 + 7 a1 b1
        r := add(mul(p1, r1), add(mul(q0, s0), mul(7, mul(q1, s1))))
        r := shl(192, mod(add(mul(p0, r0), mul(7, r)), P))
        let t := add(add(mul(p0, r1), mul(p1, r0)), mul(7, add(mul(q0, s1), mul(q1, s0))))
        r := or(r, shl(128, mod(t, P)))
        // c0 and c1 of a0 b1 + a1 b0
        t := add(add(mul(p0, s0), mul(q0, r0)), mul(7, add(mul(p1, s1), mul(q1, r1))))
        r := or(r, shl(64, mod(t, P)))
        t := add(add(mul(p0, s1), mul(p1, s0)), add(mul(q0, r1), mul(q1, r0)))
        r := or(r, mod(t, P))
    }
}

/// @dev a b + c - d for pairs, not reduced: four coordinates below 2^136.
function mulAddSub(Algebra a, Algebra b, Algebra c, Algebra d)
    pure
    returns (uint256 u0, uint256 u1, uint256 v0, uint256 v1)
{
    assembly ("memory-safe") {
        let q0 := and(shr(64, a), M64)
        let q1 := and(a, M64)
        let s0 := and(shr(64, b), M64)
        let s1 := and(b, M64)
        u0 := mul(7, add(mul(q0, s0), mul(7, mul(q1, s1))))
        u1 := mul(7, add(mul(q0, s1), mul(q1, s0)))
        let r0 := shr(192, b)
        let r1 := and(shr(128, b), M64)
        v0 := add(mul(q0, r0), mul(7, mul(q1, r1)))
        v1 := add(mul(q0, r1), mul(q1, r0))
        q0 := shr(192, a)
        q1 := and(shr(128, a), M64)
        v0 := add(v0, add(mul(q0, s0), mul(7, mul(q1, s1))))
        v1 := add(v1, add(mul(q0, s1), mul(q1, s0)))
        u0 := add(u0, add(mul(q0, r0), mul(7, mul(q1, r1))))
        u1 := add(u1, add(mul(q0, r1), mul(q1, r0)))
        u0 := add(u0, add(shr(192, c), sub(P, shr(192, d))))
        u1 := add(u1, add(and(shr(128, c), M64), sub(P, and(shr(128, d), M64))))
        v0 := add(v0, add(and(shr(64, c), M64), sub(P, and(shr(64, d), M64))))
        v1 := add(v1, add(and(c, M64), sub(P, and(d, M64))))
    }
}

/// @dev a times the element k of F_{p^2}.
function scaleBy(Algebra a, Ext k) pure returns (Algebra r) {
    assembly ("memory-safe") {
        let k0 := shr(64, k)
        let k1 := and(k, M64)
        let c0 := shr(192, a)
        let c1 := and(shr(128, a), M64)
        r := shl(192, mod(add(mul(c0, k0), mul(7, mul(c1, k1))), P))
        r := or(r, shl(128, mod(add(mul(c0, k1), mul(c1, k0)), P)))
        c0 := and(shr(64, a), M64)
        c1 := and(a, M64)
        r := or(r, shl(64, mod(add(mul(c0, k0), mul(7, mul(c1, k1))), P)))
        r := or(r, mod(add(mul(c0, k1), mul(c1, k0)), P))
    }
}

/// @title Access to a row's openings, and the sum of its constraints
/// @notice The gates compute indices of wires and constraints from constants of the generated contract, all of them
/// below 2^16; so they do it in unchecked blocks.
library Frame {
    /// @dev The selector's value on rows whose gate is in another group.
    uint256 private constant UNUSED_SELECTOR = 0xffffffff;

    /// @notice Sets the filter of gate `row`: with s its group's selector at zeta, the product of (i - s) over the other
    /// gates i of the group, and of (2^32 - 1 - s) if there is more than one group.
    function select(GateFrame memory f, uint256 row, uint256 selector, uint256 start, uint256 end) internal pure {
        Ext s;
        assembly ("memory-safe") {
            s := shr(128, mload(add(mload(add(f, 32)), shl(4, selector))))
        }
        Ext filter = f.selectors > 1 ? fromBase(UNUSED_SELECTOR) - s : ONE;
        for (uint256 i = start; i < end; i++) {
            if (i != row) filter = filter * (fromBase(i) - s);
        }
        f.filter = filter;
    }

    /// @notice Opening of wire i.
    function wire(GateFrame memory f, uint256 i) internal pure returns (Ext e) {
        assembly ("memory-safe") {
            e := shr(128, mload(add(mload(f), shl(4, i))))
        }
    }

    /// @notice Opening of the gate's constant i; selectors are not counted.
    function constant_(GateFrame memory f, uint256 i) internal pure returns (Ext e) {
        assembly ("memory-safe") {
            e := shr(128, mload(add(mload(add(f, 32)), shl(4, add(mload(add(f, 64)), i)))))
        }
    }

    /// @notice Openings of wires i and i + 1.
    function pair(GateFrame memory f, uint256 i) internal pure returns (Algebra a) {
        assembly ("memory-safe") {
            a := mload(add(mload(f), shl(4, i)))
        }
    }

    /// @notice Adds filter * c to constraint j. The sums are not reduced: with at most 2^60 gates they fit a word.
    function emit_(GateFrame memory f, uint256 j, Ext c) internal pure {
        assembly ("memory-safe") {
            let slot := add(mload(add(f, 96)), shl(6, j))
            let k := mload(add(f, 128))
            let k1 := and(k, M64)
            k := shr(64, k)
            let c1 := and(c, M64)
            c := shr(64, c)
            mstore(slot, add(mload(slot), add(mul(k, c), mul(7, mul(k1, c1)))))
            slot := add(slot, 32)
            mstore(slot, add(mload(slot), add(mul(k, c1), mul(k1, c))))
        }
    }

    /// @notice Address of the sums of constraint j.
    function sums(GateFrame memory f, uint256 j) internal pure returns (uint256 r) {
        assembly ("memory-safe") {
            r := add(mload(add(f, 96)), shl(6, j))
        }
    }

    /// @notice Adds k (c0 + c1 X) to the sums at `to`. The coordinates need not be reduced: at 2^143 the term is below
    /// 2^211, and a circuit has few gates.
    function accumulate(uint256 to, Ext k, uint256 c0, uint256 c1) internal pure {
        assembly ("memory-safe") {
            let k1 := and(k, M64)
            k := shr(64, k)
            mstore(to, add(mload(to), add(mul(k, c0), mul(7, mul(k1, c1)))))
            to := add(to, 32)
            mstore(to, add(mload(to), add(mul(k, c1), mul(k1, c0))))
        }
    }

    /// @notice Adds k times the pair (u0 + u1 X, v0 + v1 X) to the sums at `to` and those that follow; bounds as above.
    function accumulatePair(uint256 to, Ext k, uint256 u0, uint256 u1, uint256 v0, uint256 v1) internal pure {
        assembly ("memory-safe") {
            let k1 := and(k, M64)
            k := shr(64, k)
            mstore(to, add(mload(to), add(mul(k, u0), mul(7, mul(k1, u1)))))
            to := add(to, 32)
            mstore(to, add(mload(to), add(mul(k, u1), mul(k1, u0))))
            to := add(to, 32)
            mstore(to, add(mload(to), add(mul(k, v0), mul(7, mul(k1, v1)))))
            to := add(to, 32)
            mstore(to, add(mload(to), add(mul(k, v1), mul(k1, v0))))
        }
    }

    /// @notice Adds k times a pair to the sums at `to`.
    function accumulateAlgebra(uint256 to, Ext k, Algebra a) internal pure {
        uint256 w = Algebra.unwrap(a);
        accumulatePair(to, k, w >> 192, (w >> 128) & M64, (w >> 64) & M64, w & M64);
    }

    /// @notice Adds filter * c to constraints j and j + 1.
    function emitPair(GateFrame memory f, uint256 j, Algebra c) internal pure {
        unchecked {
            emit_(f, j, Ext.wrap(Algebra.unwrap(c) >> 128));
            emit_(f, j + 1, Ext.wrap(Algebra.unwrap(c) & type(uint128).max));
        }
    }
}
