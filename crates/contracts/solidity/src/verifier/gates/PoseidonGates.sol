// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE} from "../Extension.sol";
import {Frame, GateFrame} from "../GateFrame.sol";
import {M64, P} from "../Goldilocks.sol";
import {PoseidonGoldilocks} from "../PoseidonGoldilocks.sol";

/// @title PoseidonGate: the permutation of twelve inputs, the first eight swapped in halves if a flag is set
/// @notice Wires: inputs 0..11, outputs 12..23, swap 24, deltas 25..28, then the S-box inputs of the full rounds 1..3,
/// the partial rounds, and the last four full rounds. plonky2 writes the linear layers of the partial rounds in sparse
/// form; as affine maps from S-box outputs to S-box inputs the plain and the sparse form are equal, so the constraints
/// here are the same polynomials.
library PoseidonGate {
    using Frame for GateFrame;
    using ExtState for uint256;

    uint256 private constant OUTPUTS = 12;
    uint256 private constant SWAP = 24;
    uint256 private constant DELTAS = 25;
    uint256 private constant SBOX_INPUTS = 29;

    function eval(GateFrame memory f) internal pure {
        unchecked {
            uint256 s = _inputs(f);
            uint256 rc = PoseidonGoldilocks.roundConstants();
            for (uint256 i = 0; i < 12; i++) {
                s.set(i, s.get(i) + _constant(rc, i));
            }
            uint256 w = f.wires + 16 * SBOX_INPUTS;
            uint256 to = f.sums(5);
            Ext filter = f.filter;
            for (uint256 round = 0; round < 30; round++) {
                uint256 count = round < 4 || round >= 26 ? 12 : 1;
                if (round != 0) {
                    _takeInputs(s, count, w, to, filter);
                    w += 16 * count;
                    to += 64 * count;
                }
                rc += 128;
                _sbox(s, count);
                s.mdsThenAdd(rc);
            }
            uint256 j = 5 + 106;
            for (uint256 i = 0; i < 12; i++) {
                f.emit_(j++, s.get(i) - f.wire(OUTPUTS + i));
            }
        }
    }

    /// The swap's constraints, and the state after it: twelve words of c0, then twelve words of c1.
    function _inputs(GateFrame memory f) private pure returns (uint256 s) {
        unchecked {
            s = ExtState.create();
            Ext swap = f.wire(SWAP);
            f.emit_(0, swap * (swap - ONE));
            for (uint256 i = 0; i < 4; i++) {
                Ext left = f.wire(i);
                Ext right = f.wire(i + 4);
                Ext delta = f.wire(DELTAS + i);
                f.emit_(1 + i, swap * (right - left) - delta);
                s.set(i, left + delta);
                s.set(i + 4, right - delta);
            }
            for (uint256 i = 8; i < 12; i++) {
                s.set(i, f.wire(i));
            }
        }
    }

    /// Emits state - wire for the first elements of the state, and replaces them by the wires.
    function _takeInputs(uint256 s, uint256 count, uint256 wire, uint256 to, Ext filter) private pure {
        assembly ("memory-safe") {
            let k1 := and(filter, M64)
            let k0 := shr(64, filter)
            for { let end := add(s, shl(5, count)) } lt(s, end) { s := add(s, 32) } {
                let b := shr(128, mload(wire))
                wire := add(wire, 16)
                let a := shr(64, b)
                b := and(b, M64)
                let c0 := add(mload(s), sub(P, a))
                let c1 := add(mload(add(s, 384)), sub(P, b))
                mstore(to, add(mload(to), add(mul(k0, c0), mul(7, mul(k1, c1)))))
                to := add(to, 32)
                mstore(to, add(mload(to), add(mul(k0, c1), mul(k1, c0))))
                to := add(to, 32)
                mstore(s, a)
                mstore(add(s, 384), b)
            }
        }
    }

    /// x^7 on the first elements of the state: x2 = x x, x3 = x x2, x4 = x2 x2, x3 x4; x3 is not reduced, below 2^131.
    function _sbox(uint256 s, uint256 count) private pure {
        assembly ("memory-safe") {
            for { let end := add(s, shl(5, count)) } lt(s, end) { s := add(s, 32) } {
                let a := mload(s)
                let b := mload(add(s, 384))
                let a2 := mod(add(mul(a, a), mul(7, mul(b, b))), P)
                let b2 := mulmod(shl(1, a), b, P)
                let t := add(mul(a, a2), mul(7, mul(b, b2)))
                b := add(mul(a, b2), mul(b, a2))
                a := mod(add(mul(a2, a2), mul(7, mul(b2, b2))), P)
                b2 := mulmod(shl(1, a2), b2, P)
                // x3 = t + b X, x4 = a + b2 X
                mstore(s, mod(add(mul(t, a), mul(7, mul(b, b2))), P))
                mstore(add(s, 384), mod(add(mul(t, b2), mul(b, a)), P))
            }
        }
    }

    /// Constant i of a round, in its lane.
    function _constant(uint256 rc, uint256 i) private pure returns (Ext e) {
        unchecked {
            uint256 lane = 80 * (i % 3);
            assembly ("memory-safe") {
                e := shl(64, and(shr(lane, mload(add(rc, shl(5, div(i, 3))))), M64))
            }
        }
    }
}

/// @title PoseidonMdsGate: twelve outputs (pairs) are the MDS matrix times twelve inputs (pairs)
library PoseidonMdsGate {
    using Frame for GateFrame;
    using ExtState for uint256;

    function eval(GateFrame memory f) internal pure {
        unchecked {
            uint256 s = ExtState.create();
            uint256 zeros = s + ExtState.SIZE;
            for (uint256 half = 0; half < 2; half++) {
                for (uint256 i = 0; i < 12; i++) {
                    s.set(i, f.wire(2 * i + half));
                }
                s.mdsThenAdd(zeros);
                for (uint256 i = 0; i < 12; i++) {
                    f.emit_(2 * i + half, f.wire(24 + 2 * i + half) - s.get(i));
                }
            }
        }
    }
}

/// @title Twelve extension elements in memory: twelve words of c0, twelve words of c1, then four zero words
library ExtState {
    uint256 internal constant SIZE = 768;

    function create() internal pure returns (uint256 s) {
        assembly ("memory-safe") {
            s := mload(0x40)
            mstore(0x40, add(s, 896))
            calldatacopy(s, calldatasize(), 896)
        }
    }

    function get(uint256 s, uint256 i) internal pure returns (Ext e) {
        assembly ("memory-safe") {
            let slot := add(s, shl(5, i))
            e := or(shl(64, mload(slot)), mload(add(slot, 384)))
        }
    }

    function set(uint256 s, uint256 i, Ext e) internal pure {
        assembly ("memory-safe") {
            let slot := add(s, shl(5, i))
            mstore(slot, shr(64, e))
            mstore(add(slot, 384), and(e, 0xffffffffffffffff))
        }
    }

    /// @notice The matrix layer on both coordinates, then the twelve base field constants at `rc`.
    function mdsThenAdd(uint256 s, uint256 rc) internal pure {
        PoseidonGoldilocks.mdsThenAdd(s, rc);
        PoseidonGoldilocks.mdsThenAdd(s + 384, s + SIZE);
    }
}
