// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext} from "../Extension.sol";
import {Algebra, Frame, GateFrame} from "../GateFrame.sol";

/// @title ArithmeticGate: out = c0 x y + c1 z on wires x, y, z, out
library ArithmeticGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 ops) internal pure {
        unchecked {
            Ext k0 = f.constant_(0);
            Ext k1 = f.constant_(1);
            for (uint256 i = 0; i < ops; i++) {
                uint256 w = 4 * i;
                Ext computed = f.wire(w) * f.wire(w + 1) * k0 + f.wire(w + 2) * k1;
                f.emit_(i, f.wire(w + 3) - computed);
            }
        }
    }
}

/// @title ArithmeticExtensionGate: out = c0 x y + c1 z on pairs of wires
library ArithmeticExtensionGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 ops) internal pure {
        unchecked {
            Ext k0 = f.constant_(0);
            Ext k1 = f.constant_(1);
            for (uint256 i = 0; i < ops; i++) {
                uint256 w = 8 * i;
                Algebra computed = (f.pair(w) * f.pair(w + 2)).scaleBy(k0) + f.pair(w + 4).scaleBy(k1);
                f.emitPair(2 * i, f.pair(w + 6) - computed);
            }
        }
    }
}

/// @title MulExtensionGate: out = c0 x y on pairs of wires
library MulExtensionGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 ops) internal pure {
        unchecked {
            Ext k0 = f.constant_(0);
            for (uint256 i = 0; i < ops; i++) {
                uint256 w = 6 * i;
                f.emitPair(2 * i, f.pair(w + 4) - (f.pair(w) * f.pair(w + 2)).scaleBy(k0));
            }
        }
    }
}
