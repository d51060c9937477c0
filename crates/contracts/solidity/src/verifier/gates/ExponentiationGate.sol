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
            _steps(f.wires, bits, step, f.filter, f.sums(0));
            f.emit_(bits, f.wire(1 + bits) - f.wire(1 + 2 * bits));
        }
    }

    /// Adds k (previous (bit step + 1) - value) to the sums for each bit, previous being 1, then the last value's square.
    /// The product is not reduced, below 2^132 with p - value.
    function _steps(uint256 wires, uint256 bits, Ext step, Ext k, uint256 to) private pure {
        assembly ("memory-safe") {
            let bit := add(wires, shl(4, bits))
            let value := add(bit, 32)
            let k0 := shr(64, k)
            k := and(k, M64)
            let step0 := shr(64, step)
            step := and(step, M64)
            let p0 := 1
            let p1 := 0
            for {} gt(bit, wires) { bit := sub(bit, 16) } {
                let b1 := shr(128, mload(bit))
                let b0 := shr(64, b1)
                b1 := and(b1, M64)
                let c0 := mod(add(add(mul(b0, step0), mul(7, mul(b1, step))), 1), P)
                b1 := mod(add(mul(b0, step), mul(b1, step0)), P)
                b0 := add(mul(p0, c0), mul(7, mul(p1, b1)))
                b1 := add(mul(p0, b1), mul(p1, c0))
                p1 := shr(128, mload(value))
                value := add(value, 16)
                p0 := shr(64, p1)
                p1 := and(p1, M64)
                b0 := add(b0, sub(P, p0))
                b1 := add(b1, sub(P, p1))
                mstore(to, add(mload(to), add(mul(k0, b0), mul(7, mul(k, b1)))))
                to := add(to, 32)
                mstore(to, add(mload(to), add(mul(k0, b1), mul(k, b0))))
                to := add(to, 32)
                c0 := mod(add(mul(p0, p0), mul(7, mul(p1, p1))), P)
                p1 := mulmod(shl(1, p0), p1, P)
                p0 := c0
            }
        }
    }
}
