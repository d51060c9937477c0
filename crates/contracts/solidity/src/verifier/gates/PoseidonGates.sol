// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE} from "../Extension.sol";
import {Frame, GateFrame} from "../GateFrame.sol";
import {M64, P} from "../Goldilocks.sol";
import {LANE, PoseidonGoldilocks} from "../PoseidonGoldilocks.sol";

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
            PoseidonGoldilocks.addConstants(s, rc);
            uint256 w = f.wires + 16 * SBOX_INPUTS;
            uint256 to = f.sums(5);
            Ext filter = f.filter;
            _sboxes(s);
            for (uint256 round = 1; round < 30; round++) {
                rc += 128;
                s.matrixLayer(rc);
                if (round < 4 || round >= 26) {
                    _takeInputs(s, w, to, filter);
                    _sboxes(s);
                    w += 16 * 12;
                    to += 64 * 12;
                } else {
                    _firstInput(s, w, to, filter);
                    w += 16;
                    to += 64;
                }
            }
            s.matrixLayer(rc + 128);
            uint256 j = 5 + 106;
            for (uint256 i = 0; i < 12; i++) {
                f.emit_(j++, s.get(i) - f.wire(OUTPUTS + i));
            }
        }
    }

    /// The swap's constraints, and the state after it.
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

    /// Emits state - wire for the whole state, and replaces it by the wires.
    function _takeInputs(uint256 s, uint256 wire, uint256 to, Ext filter) private pure {
        assembly ("memory-safe") {
            let k1 := and(filter, M64)
            let k0 := shr(64, filter)
            for { let end := add(s, 128) } lt(s, end) { s := add(s, 32) } {
                let w0 := mload(s)
                let w1 := mload(add(s, 128))
                for { let lane := 0 } lt(lane, 240) { lane := add(lane, 80) } {
                    let b := shr(128, mload(wire))
                    wire := add(wire, 16)
                    let a := shr(64, b)
                    b := and(b, M64)
                    let c0 := and(shr(lane, w0), LANE)
                    let c1 := and(shr(lane, w1), LANE)
                    w0 := add(w0, shl(lane, sub(a, c0)))
                    w1 := add(w1, shl(lane, sub(b, c1)))
                    c0 := add(c0, sub(P, a))
                    c1 := add(c1, sub(P, b))
                    mstore(to, add(mload(to), add(mul(k0, c0), mul(7, mul(k1, c1)))))
                    to := add(to, 32)
                    mstore(to, add(mload(to), add(mul(k0, c1), mul(k1, c0))))
                    to := add(to, 32)
                }
                mstore(s, w0)
                mstore(add(s, 128), w1)
            }
        }
    }

    /// Emits state - wire for the first element, and replaces it by the wire's x^7.
    function _firstInput(uint256 s, uint256 wire, uint256 to, Ext filter) private pure {
        assembly ("memory-safe") {
            let b := shr(128, mload(wire))
            let a := shr(64, b)
            b := and(b, M64)
            {
                let k1 := and(filter, M64)
                let k0 := shr(64, filter)
                let c0 := add(and(mload(s), LANE), sub(P, a))
                let c1 := add(and(mload(add(s, 128)), LANE), sub(P, b))
                mstore(to, add(mload(to), add(mul(k0, c0), mul(7, mul(k1, c1)))))
                to := add(to, 32)
                mstore(to, add(mload(to), add(mul(k0, c1), mul(k1, c0))))
            }
            let a2 := mod(add(mul(a, a), mul(7, mul(b, b))), P)
            let b2 := mulmod(shl(1, a), b, P)
            let t := add(mul(a, a2), mul(7, mul(b, b2)))
            b := add(mul(a, b2), mul(b, a2))
            a := mod(add(mul(a2, a2), mul(7, mul(b2, b2))), P)
            b2 := mulmod(shl(1, a2), b2, P)
            mstore(s, or(and(mload(s), not(LANE)), mod(add(mul(t, a), mul(7, mul(b, b2))), P)))
            s := add(s, 128)
            mstore(s, or(and(mload(s), not(LANE)), mod(add(mul(t, b2), mul(b, a)), P)))
        }
    }

    /// x^7 on the whole state: x2 = x x, x3 = x x2, x4 = x2 x2, x3 x4. Coordinates are below 2^65 before and below p
    /// after; x3 is not reduced, below 2^132.
    function _sboxes(uint256 s) private pure {
        assembly ("memory-safe") {
            for { let end := add(s, 128) } lt(s, end) { s := add(s, 32) } {
                let w0 := mload(s)
                let w1 := mload(add(s, 128))
                let r0 := 0
                let r1 := 0
                for { let lane := 0 } lt(lane, 240) { lane := add(lane, 80) } {
                    let a := and(shr(lane, w0), LANE)
                    let b := and(shr(lane, w1), LANE)
                    let a2 := mod(add(mul(a, a), mul(7, mul(b, b))), P)
                    let b2 := mulmod(shl(1, a), b, P)
                    let t := add(mul(a, a2), mul(7, mul(b, b2)))
                    b := add(mul(a, b2), mul(b, a2))
                    a := mod(add(mul(a2, a2), mul(7, mul(b2, b2))), P)
                    b2 := mulmod(shl(1, a2), b2, P)
                    // x3 = t + b X, x4 = a + b2 X
                    r0 := or(r0, shl(lane, mod(add(mul(t, a), mul(7, mul(b, b2))), P)))
                    r1 := or(r1, shl(lane, mod(add(mul(t, b2), mul(b, a)), P)))
                }
                mstore(s, r0)
                mstore(add(s, 128), r1)
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
                s.matrixLayer(zeros);
                for (uint256 i = 0; i < 12; i++) {
                    f.emit_(2 * i + half, f.wire(24 + 2 * i + half) - s.get(i));
                }
            }
        }
    }
}

/// @title Twelve extension elements in memory, lanes of 80 bits: four words of c0, four words of c1, then four zero words
library ExtState {
    uint256 internal constant SIZE = 256;

    function create() internal pure returns (uint256 s) {
        assembly ("memory-safe") {
            s := mload(0x40)
            mstore(0x40, add(s, 384))
            calldatacopy(s, calldatasize(), 384)
        }
    }

    function get(uint256 s, uint256 i) internal pure returns (Ext e) {
        assembly ("memory-safe") {
            let slot := add(s, shl(5, div(i, 3)))
            let lane := mul(80, mod(i, 3))
            let c0 := mod(and(shr(lane, mload(slot)), LANE), P)
            e := or(shl(64, c0), mod(and(shr(lane, mload(add(slot, 128))), LANE), P))
        }
    }

    function set(uint256 s, uint256 i, Ext e) internal pure {
        assembly ("memory-safe") {
            let slot := add(s, shl(5, div(i, 3)))
            let lane := mul(80, mod(i, 3))
            let others := not(shl(lane, LANE))
            mstore(slot, or(and(mload(slot), others), shl(lane, shr(64, e))))
            slot := add(slot, 128)
            mstore(slot, or(and(mload(slot), others), shl(lane, and(e, M64))))
        }
    }

    /// @notice The matrix layer on both coordinates, then the twelve base field constants at `rc`.
    function matrixLayer(uint256 s, uint256 rc) internal pure {
        PoseidonGoldilocks.matrixLayer(s, rc);
        PoseidonGoldilocks.matrixLayer(s + 128, s + SIZE);
    }
}
