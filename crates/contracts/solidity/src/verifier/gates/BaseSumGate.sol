// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ZERO, fromBase} from "../Extension.sol";
import {Frame, GateFrame} from "../GateFrame.sol";
import {M64, P} from "../Goldilocks.sol";

/// @title BaseSumGate: wire 0 is the sum of B^i limb_i, and every limb is one of 0..B-1
library BaseSumGate {
    using Frame for GateFrame;

    function eval(GateFrame memory f, uint256 base, uint256 limbs) internal pure {
        unchecked {
            if (base == 2) return _bits(f, limbs);
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

    /// The same with bits: b (b - 1) = (b0^2 - b0 + 7 b1^2) + (2 b0 b1 - b1) X. With fewer than 64 bits the sum of
    /// 2^i b_i stays below 2^128 in each coordinate.
    function _bits(GateFrame memory f, uint256 limbs) private pure {
        uint256 to = f.sums(limbs);
        uint256 sum0 = 0;
        uint256 sum1 = 0;
        Ext k = f.filter;
        uint256 wires = f.wires;
        assembly ("memory-safe") {
            let k1 := and(k, M64)
            let k0 := shr(64, k)
            for { let wire := add(wires, shl(4, limbs)) } gt(wire, wires) { wire := sub(wire, 16) } {
                let b1 := shr(128, mload(wire))
                let b0 := shr(64, b1)
                b1 := and(b1, M64)
                sum0 := add(shl(1, sum0), b0)
                sum1 := add(shl(1, sum1), b1)
                let c0 := add(mul(b0, add(b0, sub(P, 1))), mul(7, mul(b1, b1)))
                let c1 := mul(b1, add(shl(1, b0), sub(P, 1)))
                mstore(to, add(mload(to), add(mul(k0, c0), mul(7, mul(k1, c1)))))
                mstore(add(to, 32), add(mload(add(to, 32)), add(mul(k0, c1), mul(k1, c0))))
                to := sub(to, 64)
            }
        }
        Ext first = f.wire(0);
        Frame.accumulate(to, k, sum0 + P - first.c0(), sum1 + P - first.c1());
    }
}
