// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE} from "../Extension.sol";
import {Frame, GateFrame} from "../GateFrame.sol";

/// @title ExponentiationGate: the output is base^power, by squaring, highest bit first
/// @notice Wires: base, power bits (lowest first), output, intermediate values (highest bit first).
library ExponentiationGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 bits) internal pure {
        unchecked {
            Ext base = f.wire(0);
            Ext previous = ONE;
            for (uint256 i = 0; i < bits; i++) {
                Ext bit = f.wire(bits - i);
                Ext value = f.wire(2 + bits + i);
                f.emit_(i, previous * (bit * base + ONE - bit) - value);
                previous = value * value;
            }
            f.emit_(bits, f.wire(1 + bits) - f.wire(1 + 2 * bits));
        }
    }
}
