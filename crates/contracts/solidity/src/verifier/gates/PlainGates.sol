// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, fromBase} from "../Extension.sol";
import {Frame, GateFrame} from "../GateFrame.sol";

/// @title ConstantGate: wire i is constant i
library ConstantGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 count) internal pure {
        for (uint256 i = 0; i < count; i++) {
            f.emit_(i, f.constant_(i) - f.wire(i));
        }
    }
}

/// @title PublicInputGate: the first four wires are the hash of the public inputs
library PublicInputGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f) internal pure {
        for (uint256 i = 0; i < 4; i++) {
            f.emit_(i, f.wire(i) - fromBase(uint64(uint256(f.publicInputsHash) >> (192 - 64 * i))));
        }
    }
}
