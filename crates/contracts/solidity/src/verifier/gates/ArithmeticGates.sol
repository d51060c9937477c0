// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ZERO} from "../Extension.sol";
import {ALGEBRA_ZERO, Algebra, Frame, GateFrame, mulAddSub} from "../GateFrame.sol";
import {M64} from "../Goldilocks.sol";

// Each constraint is out - c0 x y - c1 z. Its terms are added one by one, multiplied by the filter, by minus the filter
// and c0, and by minus the filter and c1, so that no product of wires has to be reduced.

/// @title ArithmeticGate: out = c0 x y + c1 z on wires x, y, z, out
library ArithmeticGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 ops) internal pure {
        unchecked {
            Ext k = f.filter;
            Ext k0 = ZERO - k * f.constant_(0);
            Ext k1 = ZERO - k * f.constant_(1);
            for (uint256 i = 0; i < ops; i++) {
                uint256 to = f.sums(i);
                (uint256 c0, uint256 c1) = _product(f.pair(4 * i));
                Frame.accumulate(to, k0, c0, c1);
                uint256 z = Algebra.unwrap(f.pair(4 * i + 2));
                Frame.accumulate(to, k1, z >> 192, (z >> 128) & M64);
                Frame.accumulate(to, k, (z >> 64) & M64, z & M64);
            }
        }
    }

    /// The product of both elements of a pair, coordinates below 2^131.
    function _product(Algebra a) private pure returns (uint256 c0, uint256 c1) {
        assembly ("memory-safe") {
            let x1 := and(shr(128, a), M64)
            let y0 := and(shr(64, a), M64)
            let y1 := and(a, M64)
            a := shr(192, a)
            c0 := add(mul(a, y0), mul(7, mul(x1, y1)))
            c1 := add(mul(a, y1), mul(x1, y0))
        }
    }
}

/// @title ArithmeticExtensionGate: out = c0 x y + c1 z on pairs of wires
library ArithmeticExtensionGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 ops) internal pure {
        unchecked {
            Ext k = f.filter;
            Ext k0 = ZERO - k * f.constant_(0);
            Ext k1 = ZERO - k * f.constant_(1);
            for (uint256 i = 0; i < ops; i++) {
                uint256 w = 8 * i;
                uint256 to = f.sums(2 * i);
                _accumulateProduct(to, k0, f.pair(w), f.pair(w + 2));
                Frame.accumulateAlgebra(to, k1, f.pair(w + 4));
                Frame.accumulateAlgebra(to, k, f.pair(w + 6));
            }
        }
    }
}

/// @title MulExtensionGate: out = c0 x y on pairs of wires
library MulExtensionGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 ops) internal pure {
        unchecked {
            Ext k = f.filter;
            Ext k0 = ZERO - k * f.constant_(0);
            for (uint256 i = 0; i < ops; i++) {
                uint256 w = 6 * i;
                uint256 to = f.sums(2 * i);
                _accumulateProduct(to, k0, f.pair(w), f.pair(w + 2));
                Frame.accumulateAlgebra(to, k, f.pair(w + 4));
            }
        }
    }
}

/// Adds k x y to the sums at `to`.
function _accumulateProduct(uint256 to, Ext k, Algebra x, Algebra y) pure {
    (uint256 u0, uint256 u1, uint256 v0, uint256 v1) = mulAddSub(x, y, ALGEBRA_ZERO, ALGEBRA_ZERO);
    Frame.accumulatePair(to, k, u0, u1, v0, v1);
}
