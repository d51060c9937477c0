// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE, ZERO} from "./Extension.sol";
import {GateFrame} from "./GateFrame.sol";
import {P} from "./Goldilocks.sol";
import {Openings, Permutation} from "./Permutation.sol";
import {Shape} from "./Shape.sol";

/// @notice Challenges of the constraint check.
struct PlonkChallenges {
    /// beta of every repetition, then gamma of every repetition
    uint256[] betasGammas;
    /// alpha of every repetition
    uint256[] alphas;
    /// the out-of-domain point
    Ext zeta;
}

/// @title The check of the constraints at zeta
/// @notice The first of a verifier's two contracts. The circuit's gates come from the generated contract derived from
/// this one.
abstract contract PlonkIdentity {
    /// The random combination of the constraints of this repetition is not divisible by Z_H.
    error ConstraintsViolated(uint256 repetition);
    /// zeta lies in the subgroup, where the check would say nothing.
    error PointInSubgroup();

    /// @dev zeta, zeta^n, Z_H(zeta) = zeta^n - 1 and L_0(zeta) = (zeta^n - 1) / (n (zeta - 1)).
    struct Point {
        Ext zeta;
        Ext zetaN;
        Ext vanishing;
        Ext lagrange;
    }

    /// @notice Identifies the circuit; the two contracts of a verifier have the same.
    function circuitId() external pure returns (bytes32) {
        return _circuitId();
    }

    /// @notice Reverts unless for every repetition, sum alpha^i constraint_i(zeta) = Z_H(zeta) quotient(zeta).
    /// @param openings Constants, sigmas, wires, Z, partial products, quotient chunks at zeta, then Z at g zeta: elements
    /// of 16 bytes, c0 then c1 in big-endian order, all below p.
    /// @param publicInputsHash Four elements of eight bytes in big-endian order.
    function check(PlonkChallenges calldata challenges, bytes32 publicInputsHash, bytes calldata openings)
        external
        pure
    {
        Shape memory shape = _shape();
        Openings memory o = _openings(shape, openings);
        Point memory z = _point(shape, challenges.zeta);
        uint256 permutationTerms = shape.challenges * (shape.partialProducts + 2);
        // zeros to a multiple of four
        uint256 count = (permutationTerms + shape.gateConstraints + 3) & ~uint256(3);
        uint256 terms = _words(2 * count);
        Permutation.eval(shape, o, z.zeta, z.lagrange, challenges.betasGammas, terms);
        _gates(
            GateFrame({
                wires: o.wires,
                constants: o.constants,
                selectors: shape.selectors,
                terms: terms + 64 * permutationTerms,
                filter: ONE,
                publicInputsHash: publicInputsHash
            })
        );
        for (uint256 i = 0; i < shape.challenges; i++) {
            Ext combined = _combine(terms, count, challenges.alphas[i]);
            if (!(combined == z.vanishing * _quotient(shape, o, i, z.zetaN))) revert ConstraintsViolated(i);
        }
    }

    /// The vanishing polynomial and the first Lagrange polynomial at zeta.
    function _point(Shape memory shape, Ext zeta) internal pure returns (Point memory z) {
        z.zeta = zeta;
        z.zetaN = zeta.powTwo(shape.degreeBits);
        z.vanishing = z.zetaN - ONE;
        if (z.vanishing == ZERO) revert PointInSubgroup();
        z.lagrange = z.vanishing * (zeta - ONE).scale(1 << shape.degreeBits).inverse();
    }

    /// The quotient polynomial of repetition i: sum zeta^(n k) chunk_k.
    function _quotient(Shape memory shape, Openings memory o, uint256 i, Ext zetaN) private pure returns (Ext r) {
        uint256 start = o.quotient + 16 * i * shape.quotientDegreeFactor;
        for (uint256 k = shape.quotientDegreeFactor; k != 0; k--) {
            r = r * zetaN + _load(start + 16 * (k - 1));
        }
    }

    /// sum alpha^i term_i, four terms at a time by Horner's rule from the last ones:
    ///   s alpha^4 + t_3 alpha^3 + t_2 alpha^2 + t_1 alpha + t_0.
    /// Terms are not reduced; a product is, except the one by alpha^0, so that a sum stays below 2^256.
    /// @param count A multiple of four.
    function _combine(uint256 terms, uint256 count, uint256 alpha) private pure returns (Ext r) {
        assembly ("memory-safe") {
            let a2 := mulmod(alpha, alpha, P)
            let a3 := mulmod(a2, alpha, P)
            let a4 := mulmod(a2, a2, P)
            let s0 := 0
            let s1 := 0
            for { let t := add(terms, shl(6, count)) } gt(t, terms) {} {
                t := sub(t, 256)
                s0 := add(
                    add(mulmod(s0, a4, P), mload(t)),
                    add(
                        mulmod(mload(add(t, 64)), alpha, P),
                        add(mulmod(mload(add(t, 128)), a2, P), mulmod(mload(add(t, 192)), a3, P))
                    )
                )
                s1 := add(
                    add(mulmod(s1, a4, P), mload(add(t, 32))),
                    add(
                        mulmod(mload(add(t, 96)), alpha, P),
                        add(mulmod(mload(add(t, 160)), a2, P), mulmod(mload(add(t, 224)), a3, P))
                    )
                )
            }
            r := or(shl(64, mod(s0, P)), mod(s1, P))
        }
    }

    function _openings(Shape memory shape, bytes calldata data) private pure returns (Openings memory o) {
        bytes memory copy = data;
        uint256 ptr;
        assembly ("memory-safe") {
            ptr := add(copy, 32)
        }
        o.constants = ptr;
        o.sigmas = o.constants + 16 * shape.constants;
        o.wires = o.sigmas + 16 * shape.routedWires;
        o.zs = o.wires + 16 * shape.wires;
        o.partialProducts = o.zs + 16 * shape.challenges;
        o.quotient = o.partialProducts + 16 * shape.challenges * shape.partialProducts;
        o.nextZs = o.quotient + 16 * shape.challenges * shape.quotientDegreeFactor;
    }

    /// New memory of `count` words, zero.
    function _words(uint256 count) private pure returns (uint256 ptr) {
        assembly ("memory-safe") {
            ptr := mload(0x40)
            mstore(0x40, add(ptr, shl(5, count)))
            calldatacopy(ptr, calldatasize(), shl(5, count))
        }
    }

    function _load(uint256 ptr) private pure returns (Ext e) {
        assembly ("memory-safe") {
            e := shr(128, mload(ptr))
        }
    }

    /// @dev Identifies the circuit.
    function _circuitId() internal pure virtual returns (bytes32);

    /// @dev The circuit's numbers.
    function _shape() internal pure virtual returns (Shape memory);

    /// @dev Adds every gate's filtered constraints to the frame's terms.
    function _gates(GateFrame memory f) internal pure virtual;
}
