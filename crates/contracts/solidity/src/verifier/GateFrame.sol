// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE, fromBase} from "./Extension.sol";

/// @notice What the constraints of a gate are evaluated on.
struct GateFrame {
    /// Memory address of the wires' openings, 16 bytes each.
    uint256 wires;
    /// Memory address of the constants' openings, 16 bytes each, selectors first.
    uint256 constants;
    /// Selectors among the constants.
    uint256 selectors;
    /// Memory address of the sums of filtered constraints, one word (`Ext`) each.
    uint256 terms;
    /// The filter of the gate in work.
    Ext filter;
    /// Hash of the public inputs, four elements of eight bytes big-endian.
    bytes32 publicInputsHash;
}

/// @dev An element a0 + a1 Y of F_{p^2}[Y]/(Y^2 - 7): a pair of wires that holds an extension element in the circuit.
struct Algebra {
    Ext a0;
    Ext a1;
}

using AlgebraArithmetic for Algebra global;

/// @title Arithmetic in F_{p^2}[Y]/(Y^2 - 7)
library AlgebraArithmetic {
    function add(Algebra memory a, Algebra memory b) internal pure returns (Algebra memory) {
        return Algebra(a.a0 + b.a0, a.a1 + b.a1);
    }

    function sub(Algebra memory a, Algebra memory b) internal pure returns (Algebra memory) {
        return Algebra(a.a0 - b.a0, a.a1 - b.a1);
    }

    function mul(Algebra memory a, Algebra memory b) internal pure returns (Algebra memory) {
        return Algebra(a.a0 * b.a0 + (a.a1 * b.a1).scale(7), a.a0 * b.a1 + a.a1 * b.a0);
    }

    function scale(Algebra memory a, Ext k) internal pure returns (Algebra memory) {
        return Algebra(a.a0 * k, a.a1 * k);
    }
}

/// @title Access to a row's openings, and the sum of its constraints
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
    function pair(GateFrame memory f, uint256 i) internal pure returns (Algebra memory) {
        return Algebra(wire(f, i), wire(f, i + 1));
    }

    /// @notice Adds filter * c to constraint j.
    function emit_(GateFrame memory f, uint256 j, Ext c) internal pure {
        Ext sum;
        uint256 slot;
        assembly ("memory-safe") {
            slot := add(mload(add(f, 96)), shl(5, j))
            sum := mload(slot)
        }
        sum = sum + f.filter * c;
        assembly ("memory-safe") {
            mstore(slot, sum)
        }
    }

    /// @notice Adds filter * c to constraints j and j + 1.
    function emitPair(GateFrame memory f, uint256 j, Algebra memory c) internal pure {
        emit_(f, j, c.a0);
        emit_(f, j + 1, c.a1);
    }
}
