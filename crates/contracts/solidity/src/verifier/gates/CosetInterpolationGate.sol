// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, fromBase} from "../Extension.sol";
import {ALGEBRA_ONE, ALGEBRA_ZERO, Algebra, Frame, GateFrame} from "../GateFrame.sol";
import {Goldilocks, P} from "../Goldilocks.sol";

/// @title CosetInterpolationGate: the value at a point of the polynomial with given values on shift H
/// @notice H is the subgroup of order N = 2^bits. Wires: shift, N values (pairs), point, value (pairs), intermediate
/// sums and products (pairs), the shifted point (pair). With x_i the elements of H and the barycentric weights x_i / N,
///   product_{i+1} = product_i (z - x_i),   sum_{i+1} = sum_i (z - x_i) + x_i / N value_i product_i.
/// Every (degree - 1)-th of them is a wire.
library CosetInterpolationGate {
    using Frame for GateFrame;

    struct State {
        Algebra z;
        Algebra sum;
        Algebra product;
        uint256 x;
        uint256 root;
        uint256 inverseOrder;
    }

    function eval(GateFrame memory f, uint256 bits, uint256 degree) internal pure {
        uint256 points = 1 << bits;
        uint256 intermediates = (points - 2) / (degree - 1);
        uint256 afterValues = 1 + 2 * points;
        uint256 firstIntermediate = afterValues + 4;
        State memory s = State({
            z: f.pair(firstIntermediate + 4 * intermediates),
            sum: ALGEBRA_ZERO,
            product: ALGEBRA_ONE,
            x: 1,
            root: Goldilocks.rootOfUnity(bits),
            inverseOrder: Goldilocks.inverse(points)
        });
        f.emitPair(0, f.pair(afterValues) - s.z.scaleBy(f.wire(0)));
        _advance(f, s, 0, degree);
        for (uint256 i = 0; i < intermediates; i++) {
            Algebra sum = f.pair(firstIntermediate + 2 * i);
            Algebra product = f.pair(firstIntermediate + 2 * (intermediates + i));
            f.emitPair(2 + 4 * i, sum - s.sum);
            f.emitPair(4 + 4 * i, product - s.product);
            s.sum = sum;
            s.product = product;
            uint256 start = 1 + (degree - 1) * (i + 1);
            uint256 end = start + degree - 1;
            _advance(f, s, start, end < points ? end : points);
        }
        f.emitPair(2 + 4 * intermediates, f.pair(afterValues + 2) - s.sum);
    }

    /// Takes the points start..end into the sum and the product.
    function _advance(GateFrame memory f, State memory s, uint256 start, uint256 end) private pure {
        unchecked {
            for (uint256 i = start; i < end; i++) {
                Algebra term = s.z - Algebra.wrap(s.x << 192);
                Ext weight = fromBase(mulmod(s.x, s.inverseOrder, P));
                s.sum = s.sum * term + f.pair(1 + 2 * i).scaleBy(weight) * s.product;
                s.product = s.product * term;
                s.x = mulmod(s.x, s.root, P);
            }
        }
    }
}
