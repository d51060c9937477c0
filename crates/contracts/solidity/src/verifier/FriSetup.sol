// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE} from "./Extension.sol";
import {FriContext} from "./Fri.sol";
import {Goldilocks, P} from "./Goldilocks.sol";
import {Leaf} from "./Leaf.sol";
import {Shape} from "./Shape.sol";

/// @title What the queries of the low-degree test share
library FriSetup {
    /// @notice Fills in everything that follows from the shape, the openings, zeta and alpha. The calldata offsets, the
    /// constants' cap and the final polynomial are the caller's.
    function prepare(Shape memory shape, FriContext memory c, bytes memory openings, Ext zeta, Ext alpha)
        internal
        pure
    {
        c.polynomials = _leafBytes(shape, c.leafBytes);
        c.nextPolynomials = shape.challenges;
        c.pathLength = shape.degreeBits + shape.rateBits - shape.capHeight;
        c.zeta = zeta;
        c.zetaNext = zeta.scale(Goldilocks.rootOfUnity(shape.degreeBits));
        c.powers = Leaf.powers(alpha, c.polynomials);
        c.shift = _power(alpha, shape.challenges);
        uint256 ptr;
        assembly ("memory-safe") {
            ptr := add(openings, 32)
        }
        c.reduced = _reduce(ptr, alpha, c.polynomials);
        c.reducedNext = _reduce(ptr + 16 * c.polynomials, alpha, shape.challenges);
        uint256 height = shape.degreeBits + shape.rateBits;
        uint256 root = Goldilocks.rootOfUnity(height);
        uint256 inverseRoots = _squares(Goldilocks.inverse(root), height);
        c.points = _points(_squares(root, height), height, Goldilocks.GENERATOR);
        c.inversePoints = _points(inverseRoots, height, Goldilocks.inverse(Goldilocks.GENERATOR));
        uint256 maxArity = 1;
        for (uint256 i = 0; i < shape.arityBits.length; i++) {
            if (uint8(shape.arityBits[i]) > maxArity) maxArity = uint8(shape.arityBits[i]);
        }
        c.twiddles = _twiddles(inverseRoots, maxArity);
        uint256 leafBytes = 8 * c.polynomials;
        uint256 cosetBytes = 16 << maxArity;
        // four digests, then leaves, then zeros to a multiple of eight elements
        c.buffer = 128 + _allocate((leafBytes > cosetBytes ? leafBytes : cosetBytes) + 192);
    }

    /// Bytes of a leaf of constants and sigmas, wires, Z and partial products, quotient; returns the elements in all.
    function _leafBytes(Shape memory shape, uint256[4] memory bytes_) private pure returns (uint256) {
        bytes_[0] = 8 * (shape.constants + shape.routedWires);
        bytes_[1] = 8 * shape.wires;
        bytes_[2] = 8 * shape.challenges * (1 + shape.partialProducts);
        bytes_[3] = 8 * shape.challenges * shape.quotientDegreeFactor;
        return (bytes_[0] + bytes_[1] + bytes_[2] + bytes_[3]) / 8;
    }

    /// @notice The coefficients as two words each, then zeros to a multiple of four of them.
    function unpack(FriContext memory c, bytes memory polynomial) internal pure {
        uint256 size = 4 * polynomial.length;
        uint256 table = _allocate((size + 255) & ~uint256(255));
        assembly ("memory-safe") {
            let from := add(polynomial, 32)
            for { let to := table } lt(to, add(table, size)) { to := add(to, 64) } {
                let v := mload(from)
                mstore(to, shr(192, v))
                mstore(add(to, 32), and(shr(128, v), 0xffffffffffffffff))
                from := add(from, 16)
            }
        }
        c.finalPolynomial = table;
        c.finalPolynomialEnd = table + ((size + 255) & ~uint256(255));
    }

    function _power(Ext alpha, uint256 exponent) private pure returns (Ext r) {
        r = ONE;
        for (uint256 i = 0; i < exponent; i++) {
            r = r * alpha;
        }
    }

    /// sum alpha^i value_i over extension field values, by Horner's rule from the last one:
    ///   s <- s alpha + v,  (s0 a0 + 7 s1 a1 + v0) + (s0 a1 + s1 a0 + v1) X.
    function _reduce(uint256 values, Ext alpha, uint256 count) private pure returns (Ext r) {
        assembly ("memory-safe") {
            let a0 := shr(64, alpha)
            let a1 := and(alpha, 0xffffffffffffffff)
            let a7 := mul(7, a1)
            let s0 := 0
            let s1 := 0
            for { let ptr := add(values, shl(4, count)) } gt(ptr, values) {} {
                ptr := sub(ptr, 16)
                let v := shr(128, mload(ptr))
                let t := mod(add(add(mul(s0, a0), mul(s1, a7)), shr(64, v)), P)
                s1 := mod(add(add(mul(s0, a1), mul(s1, a0)), and(v, 0xffffffffffffffff)), P)
                s0 := t
            }
            r := or(shl(64, s0), s1)
        }
    }

    /// Words i = 0 .. bits - 1: root^(2^(bits - 1 - i)), which has order 2^(i + 1) for a root of order 2^bits.
    function _squares(uint256 root, uint256 bits) private pure returns (uint256 table) {
        table = _allocate(32 * bits);
        assembly ("memory-safe") {
            for { let ptr := add(table, shl(5, bits)) } gt(ptr, table) {} {
                ptr := sub(ptr, 32)
                mstore(ptr, root)
                root := mulmod(root, root, P)
            }
        }
    }

    /// Sixteen words for each four bits of an index: the product of the roots that its bits stand for, in the first
    /// sixteen times `start`. Bit i stands for the root of order 2^(i + 1), so the entries' product is the point of the
    /// coset `start` whose index, bits reversed, that is.
    function _points(uint256 roots, uint256 bits, uint256 start) private pure returns (uint256 table) {
        uint256 windows = (bits + 3) / 4;
        table = _allocate(512 * windows);
        assembly ("memory-safe") {
            let window := table
            for { let bit := 0 } lt(bit, bits) { bit := add(bit, 4) } {
                mstore(window, start)
                start := 1
                for { let size := 32 } lt(size, 512) { size := shl(1, size) } {
                    let root := mload(roots)
                    roots := add(roots, 32)
                    for { let ptr := window } lt(ptr, add(window, size)) { ptr := add(ptr, 32) } {
                        mstore(add(ptr, size), mulmod(mload(ptr), root, P))
                    }
                }
                window := add(window, 512)
            }
        }
    }

    /// Words k = 0 .. 2^(arity - 1) - 1: g^-rev(k), g of order 2^arity, rev reversing arity - 1 bits. Bit i of k stands
    /// for the inverse root of order 2^(i + 2), so the table of a smaller arity is the beginning of this one.
    function _twiddles(uint256 inverseRoots, uint256 arity) private pure returns (uint256 table) {
        table = _allocate(32 << (arity - 1));
        assembly ("memory-safe") {
            mstore(table, 1)
            for { let size := 32 } lt(size, shl(sub(arity, 1), 32)) { size := shl(1, size) } {
                inverseRoots := add(inverseRoots, 32)
                let root := mload(inverseRoots)
                for { let ptr := table } lt(ptr, add(table, size)) { ptr := add(ptr, 32) } {
                    mstore(add(ptr, size), mulmod(mload(ptr), root, P))
                }
            }
        }
    }

    /// New memory, zero.
    function _allocate(uint256 size) private pure returns (uint256 ptr) {
        assembly ("memory-safe") {
            ptr := mload(0x40)
            mstore(0x40, and(add(add(ptr, size), 31), not(31)))
            calldatacopy(ptr, calldatasize(), size)
        }
    }
}
