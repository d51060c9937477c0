// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Algebra, Frame, GateFrame} from "../GateFrame.sol";
import {M64, P} from "../Goldilocks.sol";

/// @title ReducingGate: acc_i = acc_{i-1} alpha + coefficient_i, coefficients in the base field
/// @notice Wires: output, alpha, old accumulator (pairs), coefficients, accumulators (pairs); the last one is the output.
library ReducingGate {
    function eval(GateFrame memory f, uint256 count) internal pure {
        unchecked {
            _steps(f, count, type(uint256).max << 128, f.wires + 16 * (6 + count));
        }
    }
}

/// @title ReducingExtensionGate: the same with coefficients in the extension field
library ReducingExtensionGate {
    function eval(GateFrame memory f, uint256 count) internal pure {
        unchecked {
            _steps(f, count, type(uint256).max, f.wires + 16 * (6 + 2 * count));
        }
    }
}

/// All steps of both: adds acc (k alpha) + k (coefficient - next) to the sums, k being the filter; below 2^135.
/// @param mask What of a pair of wires is a coefficient: the first, which is as long as one then, or both.
/// @param next Memory address of the accumulators.
function _steps(GateFrame memory f, uint256 count, uint256 mask, uint256 next) pure {
    Algebra ka = Frame.pair(f, 2).scaleBy(f.filter);
    Algebra acc = Frame.pair(f, 4);
    uint256 coefficient = f.wires + 96;
    uint256 to = Frame.sums(f, 0);
    assembly ("memory-safe") {
        // k alpha = r0, r1, s0, s1; the first two in scratch memory
        mstore(0, shr(192, ka))
        mstore(32, and(shr(128, ka), M64))
        let s0 := and(shr(64, ka), M64)
        ka := and(ka, M64)
        for {} count {} {
            count := sub(count, 1)
            {
                let p0 := shr(192, acc)
                let p1 := and(shr(128, acc), M64)
                let q0 := and(shr(64, acc), M64)
                let q1 := and(acc, M64)
                acc := add(add(mul(p1, mload(32)), mul(q0, s0)), mul(7, mul(q1, ka)))
                mstore(to, add(mload(to), add(mul(p0, mload(0)), mul(7, acc))))
                acc := add(add(mul(p0, mload(32)), mul(p1, mload(0))), mul(7, add(mul(q0, ka), mul(q1, s0))))
                mstore(add(to, 32), add(mload(add(to, 32)), acc))
                acc := add(add(mul(p0, s0), mul(q0, mload(0))), mul(7, add(mul(p1, ka), mul(q1, mload(32)))))
                mstore(add(to, 64), add(mload(add(to, 64)), acc))
                acc := add(add(mul(p0, ka), mul(p1, s0)), add(mul(q0, mload(32)), mul(q1, mload(0))))
                mstore(add(to, 96), add(mload(add(to, 96)), acc))
            }
            acc := mload(next)
            next := add(next, 32)
            // the last one is the output, the first pair of wires
            if iszero(count) { acc := mload(mload(f)) }
            let c := and(mload(coefficient), mask)
            coefficient := add(coefficient, sub(32, and(not(mask), 16)))
            let k0 := mload(add(f, 128))
            let k1 := and(k0, M64)
            k0 := shr(64, k0)
            let d0 := add(shr(192, c), sub(P, shr(192, acc)))
            let d1 := add(and(shr(128, c), M64), sub(P, and(shr(128, acc), M64)))
            mstore(to, add(mload(to), add(mul(k0, d0), mul(7, mul(k1, d1)))))
            to := add(to, 32)
            mstore(to, add(mload(to), add(mul(k0, d1), mul(k1, d0))))
            to := add(to, 32)
            d0 := add(and(shr(64, c), M64), sub(P, and(shr(64, acc), M64)))
            d1 := add(and(c, M64), sub(P, and(acc, M64)))
            mstore(to, add(mload(to), add(mul(k0, d0), mul(7, mul(k1, d1)))))
            to := add(to, 32)
            mstore(to, add(mload(to), add(mul(k0, d1), mul(k1, d0))))
            to := add(to, 32)
        }
    }
}
