// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ext, ONE} from "./Extension.sol";
import {FriContext} from "./Fri.sol";
import {Goldilocks, P} from "./Goldilocks.sol";
import {Shape} from "./Shape.sol";

/// @title What the queries of the low-degree test share
library FriSetup {
    /// @notice Fills in everything that follows from the shape, the openings, zeta and alpha. The calldata offsets, the
    /// constants' cap and the final polynomial are the caller's.
    function prepare(Shape memory shape, FriContext memory c, bytes memory openings, Ext zeta, Ext alpha)
        internal
        pure
    {
        c.leafLengths = [
            shape.constants + shape.routedWires,
            shape.wires,
            shape.challenges * (1 + shape.partialProducts),
            shape.challenges * shape.quotientDegreeFactor
        ];
        c.polynomials = c.leafLengths[0] + c.leafLengths[1] + c.leafLengths[2] + c.leafLengths[3];
        c.zeta = zeta;
        c.zetaNext = zeta.scale(Goldilocks.rootOfUnity(shape.degreeBits));
        c.inverseShift = Goldilocks.inverse(Goldilocks.GENERATOR);
        c.powers = _powers(alpha, c.polynomials);
        c.shift = _power(alpha, shape.challenges);
        uint256 ptr;
        assembly ("memory-safe") {
            ptr := add(openings, 32)
        }
        c.reduced = _reduce(ptr, c.powers, c.polynomials);
        c.reducedNext = _reduce(ptr + 16 * c.polynomials, c.powers, shape.challenges);
        uint256 height = shape.degreeBits + shape.rateBits;
        uint256 root = Goldilocks.rootOfUnity(height);
        c.roots = _squares(root, height);
        c.inverseRoots = _squares(Goldilocks.inverse(root), height);
        uint256 maxArity = 1;
        for (uint256 i = 0; i < shape.arityBits.length; i++) {
            if (uint8(shape.arityBits[i]) > maxArity) maxArity = uint8(shape.arityBits[i]);
        }
        c.twiddles = _twiddles(c.inverseRoots, maxArity);
        uint256 leafBytes = 8 * c.polynomials;
        uint256 cosetBytes = 16 << maxArity;
        c.buffer = _allocate((leafBytes > cosetBytes ? leafBytes : cosetBytes) + 32);
    }

    /// alpha^0 ... alpha^(count - 1) as two words each, then zeros up to a multiple of four powers.
    function _powers(Ext alpha, uint256 count) private pure returns (uint256 table) {
        table = _allocate(64 * (count + 3));
        assembly ("memory-safe") {
            let a0 := shr(64, alpha)
            let a1 := and(alpha, 0xffffffffffffffff)
            let s0 := 1
            let s1 := 0
            for { let ptr := table } lt(ptr, add(table, shl(6, count))) { ptr := add(ptr, 64) } {
                mstore(ptr, s0)
                mstore(add(ptr, 32), s1)
                let t := mod(add(mul(s0, a0), mul(7, mul(s1, a1))), P)
                s1 := mod(add(mul(s0, a1), mul(s1, a0)), P)
                s0 := t
            }
        }
    }

    function _power(Ext alpha, uint256 exponent) private pure returns (Ext r) {
        r = ONE;
        for (uint256 i = 0; i < exponent; i++) {
            r = r * alpha;
        }
    }

    /// sum alpha^i value_i over extension field values; one reduction at the end.
    function _reduce(uint256 values, uint256 powers, uint256 count) private pure returns (Ext r) {
        assembly ("memory-safe") {
            let s0 := 0
            let s1 := 0
            for { let end := add(values, shl(4, count)) } lt(values, end) { values := add(values, 16) } {
                let v1 := shr(128, mload(values))
                let v0 := shr(64, v1)
                v1 := and(v1, 0xffffffffffffffff)
                let a0 := mload(powers)
                let a1 := mload(add(powers, 32))
                s0 := add(s0, add(mul(v0, a0), mul(7, mul(v1, a1))))
                s1 := add(s1, add(mul(v0, a1), mul(v1, a0)))
                powers := add(powers, 64)
            }
            r := or(shl(64, mod(s0, P)), mod(s1, P))
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
