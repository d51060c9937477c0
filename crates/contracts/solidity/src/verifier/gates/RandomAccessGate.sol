// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE, ZERO} from "../Extension.sol";
import {Frame, GateFrame} from "../GateFrame.sol";

/// @title RandomAccessGate: per copy, the claimed element is the list's element at the index
/// @notice Wires of a copy: index, claim, 2^bits list items; the index's bits follow the routed wires of all copies.
/// Left-over routed wires hold constants.
library RandomAccessGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 bits, uint256 copies, uint256 extraConstants) internal pure {
        uint256 stride = 2 + (1 << bits);
        for (uint256 copy = 0; copy < copies; copy++) {
            uint256 bitWires = stride * copies + extraConstants + copy * bits;
            _copy(f, bits, stride * copy, bitWires, (bits + 2) * copy);
        }
        for (uint256 i = 0; i < extraConstants; i++) {
            f.emit_((bits + 2) * copies + i, f.constant_(i) - f.wire(stride * copies + i));
        }
    }

    function _copy(GateFrame memory f, uint256 bits, uint256 w, uint256 bitWires, uint256 j) private pure {
        Ext index = ZERO;
        for (uint256 i = bits; i != 0; i--) {
            Ext b = f.wire(bitWires + i - 1);
            f.emit_(j + i - 1, b * (b - ONE));
            index = index + index + b;
        }
        f.emit_(j + bits, index - f.wire(w));
        f.emit_(j + bits + 1, _fold(f, bits, w + 2, bitWires) - f.wire(w + 1));
    }

    /// The list, halved once per bit b: x + b (y - x) for each pair (x, y).
    function _fold(GateFrame memory f, uint256 bits, uint256 list, uint256 bitWires) private pure returns (Ext) {
        uint256 length = 1 << bits;
        Ext[] memory items = new Ext[](length);
        for (uint256 i = 0; i < length; i++) {
            items[i] = f.wire(list + i);
        }
        for (uint256 i = 0; i < bits; i++) {
            Ext b = f.wire(bitWires + i);
            length >>= 1;
            for (uint256 k = 0; k < length; k++) {
                Ext x = items[2 * k];
                items[k] = x + b * (items[2 * k + 1] - x);
            }
        }
        return items[0];
    }
}
