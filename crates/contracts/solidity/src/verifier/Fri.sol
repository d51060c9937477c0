// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Elements} from "./Elements.sol";
import {Ext, ZERO, fromBase} from "./Extension.sol";
import {Goldilocks, P} from "./Goldilocks.sol";
import {MerkleCap} from "./MerkleCap.sol";
import {Shape} from "./Shape.sol";

/// @notice Challenges of the FRI part of the transcript.
struct FriChallenges {
    /// combines the polynomials
    Ext alpha;
    /// one for each folding step
    Ext[] betas;
    /// an index into the low-degree extension for each query
    uint256[] indices;
}

/// @notice What all queries share.
struct FriContext {
    /// polynomials in each of the four oracles, and in all of them
    uint256[4] leafLengths;
    uint256 polynomials;
    /// calldata offset of the caps of wires, products and quotient, and of the folding steps' caps
    uint256 caps;
    uint256 stepCaps;
    uint256 capBytes;
    /// memory address of the constants' cap
    uint256 constantsCap;
    /// memory address of alpha^0, alpha^1, ..., two words each, then zeros to a multiple of four powers
    uint256 powers;
    /// alpha^(polynomials opened at g zeta)
    Ext shift;
    /// sum alpha^i opening_i, at zeta and at g zeta
    Ext reduced;
    Ext reducedNext;
    Ext zeta;
    Ext zetaNext;
    /// memory addresses of the roots of unity of order 2, 4, 8, ... and of their inverses
    uint256 roots;
    uint256 inverseRoots;
    /// memory address of the inverses of the points of a folding coset of start 1, in bit-reversed order
    uint256 twiddles;
    /// 1 / generator
    uint256 inverseShift;
    bytes finalPolynomial;
    /// memory for leaves
    uint256 buffer;
}

/// @title The low-degree test
/// @notice The quotients (sum alpha^i (f_i(x) - f_i(z))) / (x - z) of both opening points are combined, folded step by
/// step and compared with the final polynomial, at the points that the queries ask for.
library Fri {
    /// A path of this query does not lead to its cap. Trees 0..3: constants, wires, products, quotient; then the steps.
    error MerkleMismatch(uint256 query, uint256 tree);
    /// The value folded so far is not the committed one.
    error FoldMismatch(uint256 query, uint256 step);
    /// The value folded to the end is not that of the final polynomial.
    error FinalPolynomialMismatch(uint256 query);

    /// @dev Where a query stands between the folding steps.
    struct Query {
        uint256 number;
        /// of the value in the codeword that is being folded
        uint256 index;
        /// the point at that index
        uint256 x;
        Ext value;
        /// calldata offset of what comes next
        uint256 src;
    }

    /// @notice Reverts unless every query is consistent.
    /// @param src Calldata offset of the queries.
    function check(Shape memory shape, FriContext memory c, FriChallenges memory challenges, uint256 src)
        internal
        pure
    {
        Query memory q;
        for (uint256 number = 0; number < shape.queries; number++) {
            q.number = number;
            q.index = challenges.indices[number];
            q.x = _product(c.roots, Goldilocks.GENERATOR, q.index);
            q.value = _initial(shape, c, number, q.index, q.x, src);
            q.src = src + 8 * c.polynomials + 100 * _firstPathLength(shape);
            _steps(shape, c, challenges.betas, q);
            if (!(_evaluate(c.finalPolynomial, q.x) == q.value)) revert FinalPolynomialMismatch(number);
            src = q.src;
        }
    }

    /// Checks the four leaves' paths and combines their values to that of the first folded codeword.
    function _initial(Shape memory shape, FriContext memory c, uint256 query, uint256 index, uint256 x, uint256 src)
        private
        pure
        returns (Ext)
    {
        uint256 path = src + 8 * c.polynomials;
        bytes32[4] memory leaves = _leaves(c, src);
        Elements.normalise(c.buffer, c.polynomials);
        uint256 pathLength = _firstPathLength(shape);
        for (uint256 tree = 0; tree < 4; tree++) {
            if (!_isCommitted(c, tree, leaves[tree], index, path, pathLength)) revert MerkleMismatch(query, tree);
            path += 25 * pathLength;
        }
        return _quotients(shape, c, x);
    }

    /// Copies the four leaves to the buffer; their digests.
    function _leaves(FriContext memory c, uint256 src) private pure returns (bytes32[4] memory digests) {
        uint256 leaf = c.buffer;
        for (uint256 tree = 0; tree < 4; tree++) {
            uint256 length = 8 * c.leafLengths[tree];
            digests[tree] = _copy(leaf, src, length);
            leaf += length;
            src += length;
        }
        assembly ("memory-safe") {
            mstore(leaf, 0)
        }
    }

    /// Whether the path leads from the leaf to the cap of the tree: 0 constants, 1..3 the prover's, then the steps'.
    function _isCommitted(
        FriContext memory c,
        uint256 tree,
        bytes32 leaf,
        uint256 index,
        uint256 path,
        uint256 pathLength
    ) private pure returns (bool) {
        (bytes32 root, uint256 slot) = MerkleCap.climb(leaf, index, path, pathLength);
        if (tree == 0) return MerkleCap.isInMemoryCap(root, slot, c.constantsCap);
        if (tree < 4) return MerkleCap.isInCalldataCap(root, slot, c.caps + (tree - 1) * c.capBytes);
        return MerkleCap.isInCalldataCap(root, slot, c.stepCaps + (tree - 4) * c.capBytes);
    }

    /// shift (sum alpha^i f_i(x) - reduced) / (x - zeta) + (sum alpha^i Z_i(x) - reducedNext) / (x - g zeta).
    function _quotients(Shape memory shape, FriContext memory c, uint256 x) private pure returns (Ext) {
        Ext numerator = _dot(c.buffer, c.powers, c.polynomials) - c.reduced;
        uint256 zs = c.buffer + 8 * (c.leafLengths[0] + c.leafLengths[1]);
        Ext numeratorNext = ZERO - c.reducedNext;
        for (uint256 i = 0; i < shape.challenges; i++) {
            numeratorNext = numeratorNext + _power(c.powers, i).scale(_element(zs, i));
        }
        Ext d = fromBase(x) - c.zeta;
        Ext dNext = fromBase(x) - c.zetaNext;
        Ext inverse = (d * dNext).inverse();
        return c.shift * numerator * inverse * dNext + numeratorNext * inverse * d;
    }

    /// Folds through all steps.
    function _steps(Shape memory shape, FriContext memory c, Ext[] memory betas, Query memory q) private pure {
        uint256 inverseShift = c.inverseShift;
        uint256 pathLength = _firstPathLength(shape);
        for (uint256 step = 0; step < shape.arityBits.length; step++) {
            uint256 arity = uint8(shape.arityBits[step]);
            pathLength -= arity;
            uint256 inCoset = q.index & ((1 << arity) - 1);
            {
                bytes32 leaf = _copy(c.buffer, q.src, 16 << arity);
                Elements.normalise(c.buffer, 2 << arity);
                q.src += 16 << arity;
                if (!_isCommitted(c, 4 + step, leaf, q.index >> arity, q.src, pathLength)) {
                    revert MerkleMismatch(q.number, 4 + step);
                }
                q.src += 25 * pathLength;
            }
            if (!(_extension(c.buffer, inCoset) == q.value)) revert FoldMismatch(q.number, step);
            // the coset starts at the point whose index has zeros in place of the position in the coset
            uint256 start = _product(c.inverseRoots, inverseShift, q.index ^ inCoset);
            q.value = _fold(c.buffer, arity, start, betas[step], c.twiddles);
            q.index >>= arity;
            q.x = Goldilocks.powTwo(q.x, arity);
            inverseShift = Goldilocks.powTwo(inverseShift, arity);
        }
    }

    /// The interpolant of a coset's evaluations, at beta. In bit-reversed order neighbours are the values f(y), f(-y):
    ///   f'(y^2) = (f(y) + f(-y)) / 2 + beta (f(y) - f(-y)) / (2 y),
    /// then the same with beta^2 on half as many values. The halves are left to the end.
    /// @param values Memory address of 2^arity extension elements; overwritten.
    /// @param inverseStart 1 / the coset's first point.
    function _fold(uint256 values, uint256 arity, uint256 inverseStart, Ext beta, uint256 twiddles)
        private
        pure
        returns (Ext r)
    {
        assembly ("memory-safe") {
            function butterfly(v, b0, b1) -> w {
                let f0 := shr(192, v)
                let f1 := and(shr(128, v), 0xffffffffffffffff)
                let g0 := and(shr(64, v), 0xffffffffffffffff)
                let g1 := and(v, 0xffffffffffffffff)
                let o0 := add(f0, sub(P, g0))
                let o1 := add(f1, sub(P, g1))
                w := shl(192, mod(add(add(f0, g0), add(mul(o0, b0), mul(7, mul(o1, b1)))), P))
                w := or(w, shl(128, mod(add(add(f1, g1), add(mul(o0, b1), mul(o1, b0))), P)))
            }
            let b0 := shr(64, beta)
            let b1 := and(beta, 0xffffffffffffffff)
            for { let pairs := shl(sub(arity, 1), 1) } pairs { pairs := shr(1, pairs) } {
                for { let k := 0 } lt(k, pairs) { k := add(k, 1) } {
                    let inverse := mulmod(mload(add(twiddles, shl(5, k))), inverseStart, P)
                    let w := butterfly(mload(add(values, shl(5, k))), mulmod(b0, inverse, P), mulmod(b1, inverse, P))
                    mstore(add(values, shl(4, k)), w)
                }
                inverseStart := mulmod(inverseStart, inverseStart, P)
                let t := mod(add(mul(b0, b0), mul(7, mul(b1, b1))), P)
                b1 := mulmod(shl(1, b0), b1, P)
                b0 := t
            }
            // times 2^-arity = p - (p - 1) / 2^arity
            let v := mload(values)
            let scale := sub(P, shr(arity, sub(P, 1)))
            r := or(shl(64, mulmod(shr(192, v), scale, P)), mulmod(and(shr(128, v), 0xffffffffffffffff), scale, P))
        }
    }

    /// start times the entries of `table` at the bits set in `index`.
    function _product(uint256 table, uint256 start, uint256 index) private pure returns (uint256 r) {
        assembly ("memory-safe") {
            r := start
            for {} index { index := shr(1, index) } {
                if and(index, 1) { r := mulmod(r, mload(table), P) }
                table := add(table, 32)
            }
        }
    }

    /// sum alpha^i value_i over base field values; four at a time, one reduction at the end.
    function _dot(uint256 values, uint256 powers, uint256 count) private pure returns (Ext r) {
        assembly ("memory-safe") {
            let s0 := 0
            let s1 := 0
            for { let end := add(values, shl(3, count)) } lt(values, end) { values := add(values, 32) } {
                let v := mload(values)
                let a := shr(192, v)
                let b := and(shr(128, v), 0xffffffffffffffff)
                let c := and(shr(64, v), 0xffffffffffffffff)
                v := and(v, 0xffffffffffffffff)
                s0 := add(
                    add(s0, add(mul(a, mload(powers)), mul(b, mload(add(powers, 64))))),
                    add(mul(c, mload(add(powers, 128))), mul(v, mload(add(powers, 192))))
                )
                s1 := add(
                    add(s1, add(mul(a, mload(add(powers, 32))), mul(b, mload(add(powers, 96))))),
                    add(mul(c, mload(add(powers, 160))), mul(v, mload(add(powers, 224))))
                )
                powers := add(powers, 256)
            }
            r := or(shl(64, mod(s0, P)), mod(s1, P))
        }
    }

    /// The polynomial's value at x, by Horner's rule.
    function _evaluate(bytes memory polynomial, uint256 x) private pure returns (Ext r) {
        assembly ("memory-safe") {
            let s0 := 0
            let s1 := 0
            let start := add(polynomial, 32)
            for { let ptr := add(start, mload(polynomial)) } gt(ptr, start) {} {
                ptr := sub(ptr, 16)
                let v := mload(ptr)
                s0 := mod(add(mul(s0, x), shr(192, v)), P)
                s1 := mod(add(mul(s1, x), and(shr(128, v), 0xffffffffffffffff)), P)
            }
            r := or(shl(64, s0), s1)
        }
    }

    function _firstPathLength(Shape memory shape) private pure returns (uint256) {
        return shape.degreeBits + shape.rateBits - shape.capHeight;
    }

    function _copy(uint256 ptr, uint256 src, uint256 length) private pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            calldatacopy(ptr, src, length)
            digest := keccak256(ptr, length)
        }
    }

    function _power(uint256 powers, uint256 i) private pure returns (Ext e) {
        assembly ("memory-safe") {
            let ptr := add(powers, shl(6, i))
            e := or(shl(64, mload(ptr)), mload(add(ptr, 32)))
        }
    }

    function _element(uint256 ptr, uint256 i) private pure returns (uint256 e) {
        assembly ("memory-safe") {
            e := shr(192, mload(add(ptr, shl(3, i))))
        }
    }

    function _extension(uint256 ptr, uint256 i) private pure returns (Ext e) {
        assembly ("memory-safe") {
            e := shr(128, mload(add(ptr, shl(4, i))))
        }
    }
}
