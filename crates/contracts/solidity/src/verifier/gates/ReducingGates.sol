// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext} from "../Extension.sol";
import {Algebra, Frame, GateFrame, mulAddSub} from "../GateFrame.sol";

/// @title ReducingGate: acc_i = acc_{i-1} alpha + coefficient_i, coefficients in the base field
/// @notice Wires: output, alpha, old accumulator (pairs), coefficients, accumulators (pairs); the last one is the output.
library ReducingGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 count) internal pure {
        unchecked {
            Algebra acc = f.pair(4);
            for (uint256 i = 0; i < count; i++) {
                Algebra next = f.pair(i + 1 == count ? 0 : 6 + count + 2 * i);
                acc = _step(f, i, acc, Algebra.wrap(Ext.unwrap(f.wire(6 + i)) << 128), next);
            }
        }
    }
}

/// @title ReducingExtensionGate: the same with coefficients in the extension field
library ReducingExtensionGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 count) internal pure {
        unchecked {
            Algebra acc = f.pair(4);
            for (uint256 i = 0; i < count; i++) {
                Algebra next = f.pair(i + 1 == count ? 0 : 6 + 2 * count + 2 * i);
                acc = _step(f, i, acc, f.pair(6 + 2 * i), next);
            }
        }
    }
}

/// Step i of both: emits acc alpha + coefficient - next.
function _step(GateFrame memory f, uint256 i, Algebra acc, Algebra coefficient, Algebra next) pure returns (Algebra) {
    (uint256 u0, uint256 u1, uint256 v0, uint256 v1) = mulAddSub(acc, Frame.pair(f, 2), coefficient, next);
    unchecked {
        Frame.accumulatePair(Frame.sums(f, 2 * i), f.filter, u0, u1, v0, v1);
    }
    return next;
}
