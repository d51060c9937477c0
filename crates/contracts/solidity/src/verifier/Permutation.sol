// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE} from "./Extension.sol";
import {P} from "./Goldilocks.sol";
import {Shape} from "./Shape.sol";

/// @notice Memory addresses of the openings, 16 bytes an element, and the challenges of the constraint check.
struct Openings {
    uint256 constants;
    uint256 sigmas;
    uint256 wires;
    uint256 zs;
    uint256 partialProducts;
    uint256 quotient;
    uint256 nextZs;
}

/// @title The permutation argument's constraints at zeta
/// @notice With w_j the wires, k^j the cosets, s_j the sigmas and for each repetition challenges beta, gamma:
///   numerator_j = w_j + beta k^j zeta + gamma,   denominator_j = w_j + beta s_j + gamma.
/// The accumulators are Z(zeta), the partial products, Z(g zeta). For each chunk of factors
///   previous * product of numerators - next * product of denominators = 0,
/// and L_0(zeta) (Z(zeta) - 1) = 0, L_0(zeta) = (zeta^n - 1) / (n (zeta - 1)).
library Permutation {
    /// @dev One of the repetitions, and where it stands; the assembly below relies on the order of the words.
    struct Repetition {
        uint256 index;
        uint256 beta;
        uint256 gamma;
        /// beta k^j zeta
        Ext point;
        Ext numerators;
        Ext denominators;
        uint256 cosetGenerator;
    }

    /// @notice Writes the constraints to `terms`: first L_0 (Z - 1) of each repetition, then the chunks of each.
    /// @param lagrange L_0(zeta).
    /// @param betasGammas The betas, then the gammas.
    function eval(
        Shape memory shape,
        Openings memory o,
        Ext zeta,
        Ext lagrange,
        uint256[] memory betasGammas,
        uint256 terms
    ) internal pure {
        uint256 n = shape.challenges;
        uint256 term = terms + 64 * n;
        for (uint256 i = 0; i < n; i++) {
            _store(terms + 64 * i, lagrange * (_load(o.zs + 16 * i) - ONE));
            Repetition memory r = Repetition({
                index: i,
                beta: betasGammas[i],
                gamma: betasGammas[n + i],
                point: zeta.scale(betasGammas[i]),
                numerators: ONE,
                denominators: ONE,
                cosetGenerator: shape.cosetGenerator
            });
            term = _chunks(shape, o, r, term);
        }
    }

    /// Writes the constraints of a repetition's chunks to `term` and what follows; returns the end.
    function _chunks(Shape memory shape, Openings memory o, Repetition memory r, uint256 term)
        private
        pure
        returns (uint256)
    {
        Ext previous = _load(o.zs + 16 * r.index);
        uint256 partials = o.partialProducts + 16 * r.index * shape.partialProducts;
        uint256 j = 0;
        for (uint256 chunk = 0; j < shape.routedWires; chunk++) {
            uint256 end = j + shape.quotientDegreeFactor;
            if (end > shape.routedWires) end = shape.routedWires;
            Ext next = chunk == shape.partialProducts ? _load(o.nextZs + 16 * r.index) : _load(partials + 16 * chunk);
            r.numerators = previous;
            r.denominators = next;
            _multiply(r, o.wires + 16 * j, o.sigmas + 16 * j, end - j);
            j = end;
            _store(term, r.numerators - r.denominators);
            term += 64;
            previous = next;
        }
        return term;
    }

    /// Takes `count` wires: numerators (w + point + gamma), denominators (w + beta sigma + gamma), then the point to
    /// the next coset. No sum of products reaches 2^200.
    function _multiply(Repetition memory r, uint256 wire, uint256 sigma, uint256 count) private pure {
        assembly ("memory-safe") {
            let end := add(wire, shl(4, count))
            let gamma := mload(add(r, 64))
            {
                let e := mload(add(r, 96))
                let point0 := shr(64, e)
                let point1 := and(e, 0xffffffffffffffff)
                e := mload(add(r, 128))
                let a0 := shr(64, e)
                let a1 := and(e, 0xffffffffffffffff)
                let generator := mload(add(r, 192))
                for { let ptr := wire } lt(ptr, end) { ptr := add(ptr, 16) } {
                    let b1 := shr(128, mload(ptr))
                    let b0 := add(shr(64, b1), add(gamma, point0))
                    b1 := add(and(b1, 0xffffffffffffffff), point1)
                    let t := mod(add(mul(a0, b0), mul(7, mul(a1, b1))), P)
                    a1 := mod(add(mul(a0, b1), mul(a1, b0)), P)
                    a0 := t
                    point0 := mulmod(point0, generator, P)
                    point1 := mulmod(point1, generator, P)
                }
                mstore(add(r, 96), or(shl(64, point0), point1))
                mstore(add(r, 128), or(shl(64, a0), a1))
            }
            let beta := mload(add(r, 32))
            let e := mload(add(r, 160))
            let a0 := shr(64, e)
            let a1 := and(e, 0xffffffffffffffff)
            for {} lt(wire, end) { wire := add(wire, 16) } {
                let b1 := shr(128, mload(wire))
                e := shr(128, mload(sigma))
                sigma := add(sigma, 16)
                let b0 := add(shr(64, b1), add(gamma, mul(beta, shr(64, e))))
                b1 := add(and(b1, 0xffffffffffffffff), mul(beta, and(e, 0xffffffffffffffff)))
                let t := mod(add(mul(a0, b0), mul(7, mul(a1, b1))), P)
                a1 := mod(add(mul(a0, b1), mul(a1, b0)), P)
                a0 := t
            }
            mstore(add(r, 160), or(shl(64, a0), a1))
        }
    }

    function _load(uint256 ptr) private pure returns (Ext e) {
        assembly ("memory-safe") {
            e := shr(128, mload(ptr))
        }
    }

    function _store(uint256 ptr, Ext e) private pure {
        assembly ("memory-safe") {
            mstore(ptr, shr(64, e))
            mstore(add(ptr, 32), and(e, 0xffffffffffffffff))
        }
    }
}
