// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ZERO, fromBase} from "../Extension.sol";
import {Frame, GateFrame} from "../GateFrame.sol";

/// @title BaseSumGate: wire 0 is the sum of B^i limb_i, and every limb is one of 0..B-1
library BaseSumGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 base, uint256 limbs) internal pure {
        unchecked {
            Ext sum = ZERO;
            for (uint256 i = limbs; i != 0; i--) {
                Ext limb = f.wire(i);
                sum = sum.scale(base) + limb;
                Ext product = limb;
                for (uint256 b = 1; b < base; b++) {
                    product = product * (limb - fromBase(b));
                }
                f.emit_(i, product);
            }
            f.emit_(0, sum - f.wire(0));
        }
    }
}
