// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE} from "../Extension.sol";
import {Frame, GateFrame} from "../GateFrame.sol";
import {M64, P} from "../Goldilocks.sol";

/// @title ExponentiationGate: the output is base^power, by squaring, highest bit first
/// @notice Wires: base, power bits (lowest first), output, intermediate values (highest bit first).
library ExponentiationGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 bits) internal pure {
        unchecked {
            // bit base + 1 - bit = bit (base - 1) + 1
            Ext step = f.wire(0) - ONE;
            Ext k = f.filter;
            Ext previous = ONE;
            uint256 to = f.sums(0);
            for (uint256 i = 0; i < bits; i++) {
                Ext value = f.wire(2 + bits + i);
                (uint256 c0, uint256 c1) = _productLess(previous, f.wire(bits - i) * step + ONE, value);
                Frame.accumulate(to, k, c0, c1);
                to += 64;
                previous = value * value;
            }
            f.emit_(bits, f.wire(1 + bits) - f.wire(1 + 2 * bits));
        }
    }

    /// a b - c, not reduced: below 2^132.
    function _productLess(Ext a, Ext b, Ext c) private pure returns (uint256 c0, uint256 c1) {
        assembly ("memory-safe") {
            let a1 := and(a, M64)
            let b1 := and(b, M64)
            a := shr(64, a)
            b := shr(64, b)
            c0 := add(add(mul(a, b), mul(7, mul(a1, b1))), sub(P, shr(64, c)))
            c1 := add(add(mul(a, b1), mul(a1, b)), sub(P, and(c, M64)))
        }
    }
}
