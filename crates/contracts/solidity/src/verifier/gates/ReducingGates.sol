// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext} from "../Extension.sol";
import {Algebra, Frame, GateFrame} from "../GateFrame.sol";

/// @title ReducingGate: acc_i = acc_{i-1} alpha + coefficient_i, coefficients in the base field
/// @notice Wires: output, alpha, old accumulator (pairs), coefficients, accumulators (pairs); the last one is the output.
library ReducingGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 count) internal pure {
        unchecked {
            Algebra alpha = f.pair(2);
            Algebra acc = f.pair(4);
            for (uint256 i = 0; i < count; i++) {
                Algebra computed = acc * alpha + Algebra.wrap(Ext.unwrap(f.wire(6 + i)) << 128);
                acc = f.pair(i + 1 == count ? 0 : 6 + count + 2 * i);
                f.emitPair(2 * i, computed - acc);
            }
        }
    }
}

/// @title ReducingExtensionGate: the same with coefficients in the extension field
library ReducingExtensionGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 count) internal pure {
        unchecked {
            Algebra alpha = f.pair(2);
            Algebra acc = f.pair(4);
            for (uint256 i = 0; i < count; i++) {
                Algebra computed = acc * alpha + f.pair(6 + 2 * i);
                acc = f.pair(i + 1 == count ? 0 : 6 + 2 * count + 2 * i);
                f.emitPair(2 * i, computed - acc);
            }
        }
    }
}
