// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE, ZERO} from "../Extension.sol";
import {Frame, GateFrame} from "../GateFrame.sol";
import {M64, P} from "../Goldilocks.sol";

/// @title RandomAccessGate: per copy, the claimed element is the list's element at the index
/// @notice Wires of a copy: index, claim, 2^bits list items; the index's bits follow the routed wires of all copies.
/// Left-over routed wires hold constants.
library RandomAccessGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 bits, uint256 copies, uint256 extraConstants) internal pure {
        unchecked {
            uint256 stride = 2 + (1 << bits);
            for (uint256 copy = 0; copy < copies; copy++) {
                uint256 bitWires = stride * copies + extraConstants + copy * bits;
                _copy(f, bits, stride * copy, bitWires, (bits + 2) * copy);
            }
            for (uint256 i = 0; i < extraConstants; i++) {
                f.emit_((bits + 2) * copies + i, f.constant_(i) - f.wire(stride * copies + i));
            }
        }
    }

    function _copy(GateFrame memory f, uint256 bits, uint256 w, uint256 bitWires, uint256 j) private pure {
        unchecked {
            Ext index = ZERO;
            for (uint256 i = bits; i != 0; i--) {
                Ext b = f.wire(bitWires + i - 1);
                f.emit_(j + i - 1, b * (b - ONE));
                index = index + index + b;
            }
            f.emit_(j + bits, index - f.wire(w));
            f.emit_(j + bits + 1, _fold(f, bits, w + 2, bitWires) - f.wire(w + 1));
        }
    }

    /// The list, halved once per bit b: x + b (y - x) for each pair (x, y) of neighbours, in a copy.
    function _fold(GateFrame memory f, uint256 bits, uint256 list, uint256 bitWires) private pure returns (Ext r) {
        uint256 wires = f.wires;
        assembly ("memory-safe") {
            // c0 2^192 + c1 2^128 of x + b (y - x), with x in the upper and y in the lower half of v
            function choose(v, b) -> w {
                let b0 := shr(64, b)
                b := and(b, M64)
                let x0 := shr(192, v)
                let x1 := and(shr(128, v), M64)
                let d0 := add(and(shr(64, v), M64), sub(P, x0))
                let d1 := add(and(v, M64), sub(P, x1))
                w := shl(192, mod(add(x0, add(mul(b0, d0), mul(7, mul(b, d1)))), P))
                w := or(w, shl(128, mod(add(x1, add(mul(b0, d1), mul(b, d0))), P)))
            }
            let items := mload(0x40)
            mcopy(items, add(wires, shl(4, list)), shl(4, shl(bits, 1)))
            let bitPtr := add(wires, shl(4, bitWires))
            for { let pairs := shl(sub(bits, 1), 1) } pairs { pairs := shr(1, pairs) } {
                let b := shr(128, mload(bitPtr))
                for { let k := 0 } lt(k, pairs) { k := add(k, 1) } {
                    // what a word written here covers has been folded already
                    mstore(add(items, shl(4, k)), choose(mload(add(items, shl(5, k))), b))
                }
                bitPtr := add(bitPtr, 16)
            }
            r := shr(128, mload(items))
        }
    }
}
