// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {CosetFold} from "./CosetFold.sol";
import {Ext, ONE, ZERO, fromBase} from "./Extension.sol";
import {Goldilocks, P} from "./Goldilocks.sol";
import {Leaf} from "./Leaf.sol";
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
    /// bytes of the leaves of the four oracles
    uint256[4] leafBytes;
    /// polynomials in all oracles, and those opened at g zeta, which are the first of the third
    uint256 polynomials;
    uint256 nextPolynomials;
    /// digests on a path of the first trees
    uint256 pathLength;
    /// calldata offset of the caps of wires, products and quotient, and of the folding steps' caps
    uint256 caps;
    uint256 stepCaps;
    uint256 capBytes;
    /// memory address of the constants' cap
    uint256 constantsCap;
    /// memory address of the powers of alpha that sums over leaves take: see `Leaf`
    uint256 powers;
    /// alpha^(polynomials opened at g zeta)
    Ext shift;
    /// sum alpha^i opening_i, at zeta and at g zeta
    Ext reduced;
    Ext reducedNext;
    Ext zeta;
    Ext zetaNext;
    /// memory addresses of the points and of their inverses, by four bits of the index: see `FriSetup`
    uint256 points;
    uint256 inversePoints;
    /// memory address of the inverses of the points of a folding coset of start 1, in bit-reversed order
    uint256 twiddles;
    /// memory address of the final polynomial, two words a coefficient, zeros to a multiple of four; and its end
    uint256 finalPolynomial;
    uint256 finalPolynomialEnd;
    /// memory for leaves
    uint256 buffer;
}

/// @title The low-degree test
/// @notice The quotients (sum alpha^i (f_i(x) - f_i(z))) / (x - z) of both opening points are combined, folded step by
/// step and compared with the final polynomial, at the points that the queries ask for.
library Fri {
    // Offsets and indices are sums of numbers of the shape, all of them small, so they are computed in unchecked blocks.

    /// A path of this query does not lead to its cap. Trees 0..3: constants, wires, products, quotient; then the steps.
    error MerkleMismatch(uint256 query, uint256 tree);
    /// The value folded so far is not the committed one.
    error FoldMismatch(uint256 query, uint256 step);
    /// The value folded to the end is not that of the final polynomial.
    error FinalPolynomialMismatch(uint256 query);

    /// @dev Where a query stands between the folding steps.
    struct Query {
        uint256 number;
        /// of the value in the first codeword
        uint256 index;
        /// log2 of the values of the first codeword that one of the present codeword stands for
        uint256 folded;
        /// the point of the present codeword
        uint256 x;
        /// the value is this over the denominator, which is not zero
        Ext numerator;
        Ext denominator;
        /// calldata offset of what comes next
        uint256 src;
        /// levels of the tree that comes next
        uint256 pathLength;
    }

    /// @notice Reverts unless every query is consistent.
    /// @param src Calldata offset of the queries.
    function check(Shape memory shape, FriContext memory c, FriChallenges memory challenges, uint256 src)
        internal
        pure
    {
        unchecked {
            Query memory q;
            q.src = src;
            uint256 steps = shape.arityBits.length;
            for (uint256 number = 0; number < shape.queries; number++) {
                q.number = number;
                q.index = challenges.indices[number];
                q.pathLength = c.pathLength;
                q.x = _product(c.points, q.index);
                q.folded = 0;
                _initial(c, q);
                for (uint256 step = 0; step < steps; step++) {
                    _step(c, q, step, uint8(shape.arityBits[step]), challenges.betas[step]);
                }
                if (!_isValue(q, _evaluate(c, q.x))) revert FinalPolynomialMismatch(number);
            }
        }
    }

    /// Checks the four leaves' paths and combines their values to that of the first folded codeword.
    function _initial(FriContext memory c, Query memory q) private pure {
        unchecked {
            uint256 zs = q.src + c.leafBytes[0] + c.leafBytes[1];
            uint256 nodes;
            (nodes, q.src) = _leaves(c, q.src);
            // the value: shift (sum alpha^i f_i(x) - reduced) / (x - zeta) + (sum alpha^i Z_i(x) - reducedNext) / (x - g zeta)
            Ext numerator = Leaf.combine(c.buffer, c.powers, c.polynomials) - c.reduced;
            Ext numeratorNext = Leaf.combineWord(_calldataWord(zs), c.powers, c.nextPolynomials) - c.reducedNext;
            Ext x = fromBase(q.x);
            Ext d = x - c.zeta;
            Ext dNext = x - c.zetaNext;
            q.numerator = c.shift * numerator * dNext + numeratorNext * d;
            q.denominator = d * dNext;
            if (q.denominator == ZERO) revert Goldilocks.ZeroDenominator();

            uint256 stride = 25 * q.pathLength;
            _requireCaps(c, q.number, nodes, MerkleCap.climbFour(nodes, q.index, q.src, stride));
            q.src += 4 * stride;
        }
    }

    /// Copies the four leaves to the buffer, zeros behind them.
    /// @return nodes Memory address of their digests.
    /// @return end Calldata offset of what follows them.
    function _leaves(FriContext memory c, uint256 src) private pure returns (uint256 nodes, uint256 end) {
        uint256 leaf = c.buffer;
        assembly ("memory-safe") {
            nodes := sub(leaf, 128)
            for { let i := 0 } lt(i, 128) { i := add(i, 32) } {
                // leafBytes is the first field
                let length := mload(add(mload(c), i))
                calldatacopy(leaf, src, length)
                mstore(add(nodes, i), keccak256(leaf, length))
                leaf := add(leaf, length)
                src := add(src, length)
            }
            mstore(leaf, 0)
            mstore(add(leaf, 32), 0)
            end := src
        }
    }

    /// Compares four digests with those of the caps: constants first, then the prover's three.
    function _requireCaps(FriContext memory c, uint256 query, uint256 nodes, uint256 slot) private pure {
        unchecked {
            for (uint256 tree = 0; tree < 4; tree++) {
                bytes32 root;
                assembly ("memory-safe") {
                    root := mload(add(nodes, shl(5, tree)))
                }
                bool ok = tree == 0
                    ? MerkleCap.isInMemoryCap(root, slot, c.constantsCap)
                    : MerkleCap.isInCalldataCap(root, slot, c.caps + (tree - 1) * c.capBytes);
                if (!ok) revert MerkleMismatch(query, tree);
            }
        }
    }

    /// Checks that the value is the committed one, and folds its coset.
    function _step(FriContext memory c, Query memory q, uint256 step, uint256 arity, Ext beta) private pure {
        unchecked {
            uint256 coset = q.src;
            uint256 inCoset = (q.index >> q.folded) & ((1 << arity) - 1);
            q.pathLength -= arity;
            q.src = coset + (16 << arity);
            bytes32 leaf = _copy(c.buffer, coset, 16 << arity);
            Ext folded = _folded(c, q, coset, arity, beta);
            _requireCommitted(c, q, step, leaf, q.index >> (q.folded + arity));
            Ext claimed = Ext.wrap(_calldataWord(coset + 16 * inCoset) >> 128);
            if (!_isValue(q, claimed)) revert FoldMismatch(q.number, step);
            q.numerator = folded;
            q.denominator = ONE;
            q.x = Goldilocks.powTwo(q.x, arity);
            q.folded += arity;
        }
    }

    /// The value of the next codeword. The coset, which is in the buffer, starts at the point whose index has zeros in
    /// place of the position in the coset; in the first codeword that point's inverse is the product of the table's
    /// entries, and each folding step takes the points to a power.
    function _folded(FriContext memory c, Query memory q, uint256 coset, uint256 arity, Ext beta)
        private
        pure
        returns (Ext)
    {
        uint256 next = q.folded + arity;
        uint256 start = Goldilocks.powTwo(_product(c.inversePoints, (q.index >> next) << next), q.folded);
        return CosetFold.fold(c.buffer, arity, start, beta, c.twiddles, coset);
    }

    /// Takes the path of a folding step's leaf, which must lead to the step's cap.
    function _requireCommitted(FriContext memory c, Query memory q, uint256 step, bytes32 leaf, uint256 index)
        private
        pure
    {
        unchecked {
            (bytes32 root, uint256 slot) = MerkleCap.climb(leaf, index, q.src, q.pathLength);
            if (!MerkleCap.isInCalldataCap(root, slot, c.stepCaps + step * c.capBytes)) {
                revert MerkleMismatch(q.number, 4 + step);
            }
            q.src += 25 * q.pathLength;
        }
    }

    /// Whether v is the query's value: v denominator = numerator.
    function _isValue(Query memory q, Ext v) private pure returns (bool) {
        return v * q.denominator == q.numerator;
    }

    /// The product of the entries for each four bits of the index.
    function _product(uint256 table, uint256 index) private pure returns (uint256 r) {
        assembly ("memory-safe") {
            r := mload(add(table, shl(5, and(index, 15))))
            for { index := shr(4, index) } index { index := shr(4, index) } {
                table := add(table, 512)
                r := mulmod(r, mload(add(table, shl(5, and(index, 15)))), P)
            }
        }
    }

    /// The final polynomial at x: four coefficients at a time, the sums of their products by x, x^2, x^3 reduced with the
    /// product of what came before by x^4.
    function _evaluate(FriContext memory c, uint256 x) private pure returns (Ext r) {
        uint256 start = c.finalPolynomial;
        uint256 ptr = c.finalPolynomialEnd;
        assembly ("memory-safe") {
            let x2 := mulmod(x, x, P)
            let x3 := mulmod(x2, x, P)
            let x4 := mulmod(x2, x2, P)
            let s0 := 0
            let s1 := 0
            for {} gt(ptr, start) {} {
                ptr := sub(ptr, 256)
                s0 := add(
                    add(mulmod(s0, x4, P), mload(ptr)),
                    add(mul(mload(add(ptr, 64)), x), add(mul(mload(add(ptr, 128)), x2), mul(mload(add(ptr, 192)), x3)))
                )
                s1 := add(
                    add(mulmod(s1, x4, P), mload(add(ptr, 32))),
                    add(mul(mload(add(ptr, 96)), x), add(mul(mload(add(ptr, 160)), x2), mul(mload(add(ptr, 224)), x3)))
                )
            }
            r := or(shl(64, mod(s0, P)), mod(s1, P))
        }
    }

    function _copy(uint256 ptr, uint256 src, uint256 length) private pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            calldatacopy(ptr, src, length)
            digest := keccak256(ptr, length)
        }
    }

    function _calldataWord(uint256 src) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(src)
        }
    }
}
