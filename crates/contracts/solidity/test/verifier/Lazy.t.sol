// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {CosetFold} from "../../src/verifier/CosetFold.sol";
import {Elements} from "../../src/verifier/Elements.sol";
import {Ext, ONE, ZERO, fromBase} from "../../src/verifier/Extension.sol";
import {Algebra, Frame, GateFrame, mulAddSub} from "../../src/verifier/GateFrame.sol";
import {Goldilocks, M64, P} from "../../src/verifier/Goldilocks.sol";
import {HALF_P, Leaf} from "../../src/verifier/Leaf.sol";
import {Openings, Permutation} from "../../src/verifier/Permutation.sol";
import {LANE, PoseidonGoldilocks} from "../../src/verifier/PoseidonGoldilocks.sol";
import {Shape} from "../../src/verifier/Shape.sol";
import {ExponentiationGate} from "../../src/verifier/gates/ExponentiationGate.sol";
import {ReducingExtensionGate} from "../../src/verifier/gates/ReducingGates.sol";

/// Sums that are reduced late, against the same with a reduction at every step, at random and at the largest values.
contract LazyHarness {
    function combine(uint64[] memory values, Ext alpha) external pure returns (Ext) {
        (uint256 data, uint256 powers) = (_store(values), Leaf.powers(alpha, values.length));
        return Leaf.combine(data, powers, values.length);
    }

    /// The same with other powers of alpha^4, as residues, and alpha = 1 within a word.
    function combineWith(uint64[] memory values, uint256[] memory coordinates) external pure returns (Ext) {
        uint256 data = _store(values);
        uint256 table = Leaf.powers(fromBase(1), values.length);
        uint256[2] memory sums;
        for (uint256 i = 0; i < coordinates.length; i++) {
            uint256 c = coordinates[i];
            sums[i % 2] = addmod(sums[i % 2], c, P);
            assembly {
                mstore(add(table, add(320, shl(5, i))), sub(c, mul(gt(c, HALF_P), P)))
            }
        }
        uint256 lift = mulmod(addmod(1 << 127, 0, P), (values.length + 7) / 8, P);
        for (uint256 i = 0; i < 2; i++) {
            uint256 offset = addmod(mulmod(1 << 63, sums[i], P), P - lift, P);
            assembly {
                mstore(add(table, add(256, shl(5, i))), offset)
            }
        }
        return Leaf.combine(data, table, values.length);
    }

    function fold(uint64[] calldata values, uint256 arity, uint256 inverseStart, Ext beta) external view returns (Ext) {
        bytes memory packed;
        for (uint256 i = 0; i < values.length; i++) {
            packed = bytes.concat(packed, _bytes(values[i]));
        }
        return this.foldPacked(packed, arity, inverseStart, beta);
    }

    function foldPacked(bytes calldata packed, uint256 arity, uint256 inverseStart, Ext beta)
        external
        pure
        returns (Ext)
    {
        bytes memory copy = packed;
        uint256 src;
        uint256 ptr;
        assembly {
            src := packed.offset
            ptr := add(copy, 32)
        }
        uint256[] memory twiddles = new uint256[](1 << (arity - 1));
        for (uint256 k = 0; k < twiddles.length; k++) {
            twiddles[k] = 1;
            for (uint256 i = 0; i + 1 < arity; i++) {
                if ((k >> i) & 1 == 1) {
                    twiddles[k] = mulmod(twiddles[k], Goldilocks.inverse(Goldilocks.rootOfUnity(i + 2)), P);
                }
            }
        }
        uint256 table;
        assembly {
            table := add(twiddles, 32)
        }
        return CosetFold.fold(ptr, arity, inverseStart, beta, table, src);
    }

    function _store(uint64[] memory values) private pure returns (uint256 ptr) {
        bytes memory data = new bytes(8 * values.length + 64);
        for (uint256 i = 0; i < values.length; i++) {
            bytes8 v = _bytes(values[i]);
            for (uint256 b = 0; b < 8; b++) {
                data[8 * i + b] = v[b];
            }
        }
        assembly {
            ptr := add(data, 32)
        }
    }

    function _bytes(uint64 v) private pure returns (bytes8) {
        return bytes8(v);
    }
}

contract LazyTest is Test {
    using Frame for GateFrame;

    LazyHarness harness = new LazyHarness();

    function testFuzz_aLeafCombinesToTheSumOfItsTerms(uint256 seed, uint256 count) public view {
        uint64[] memory values = _values(seed, bound(count, 1, 300));
        Ext alpha = _ext(seed, 1);
        Ext sum = ZERO;
        for (uint256 i = values.length; i != 0; i--) {
            sum = sum * alpha + fromBase(values[i - 1]);
        }
        assertTrue(harness.combine(values, alpha) == sum);
    }

    function test_theLargestLeafDoesNotOverflow() public view {
        uint64[] memory values = new uint64[](400);
        for (uint256 i = 0; i < 400; i++) {
            values[i] = uint64(P - 1);
        }
        // alpha = -1: the powers are 1 and -1 in turn
        assertTrue(harness.combine(values, fromBase(P - 1)) == ZERO);
        Ext alpha = Ext.wrap(((P - 1) << 64) | (P - 1));
        Ext sum = ZERO;
        for (uint256 i = 0; i < 400; i++) {
            sum = sum * alpha + fromBase(P - 1);
        }
        assertTrue(harness.combine(values, alpha) == sum);
    }

    /// Eight lanes' products of the largest magnitude, of either sign, with elements 0 and p - 1: no lane overflows.
    function testFuzz_productsOfTheLargestMagnitudeFitTheirLanes(uint256 signs, uint256 ends) public view {
        uint64[] memory values = new uint64[](512);
        uint256[] memory magnitudes = new uint256[](256);
        for (uint256 i = 0; i < 512; i++) {
            values[i] = (ends >> (i % 256)) & 1 == 0 ? 0 : uint64(P - 1);
        }
        // what the signed coordinates are, modulo p
        for (uint256 i = 0; i < 256; i++) {
            magnitudes[i] = (signs >> i) & 1 == 0 ? HALF_P : P - HALF_P;
        }
        uint256 c0;
        uint256 c1;
        for (uint256 i = 0; i < 512; i++) {
            c0 = addmod(c0, mulmod(values[i], magnitudes[i / 4 * 2], P), P);
            c1 = addmod(c1, mulmod(values[i], magnitudes[i / 4 * 2 + 1], P), P);
        }
        // with alpha = 1 in the end every element counts once
        assertTrue(harness.combineWith(values, magnitudes) == Ext.wrap((c0 << 64) | c1));
    }

    // covers: Z2
    function testFuzz_aLeafWithAnElementFromPUpwardsIsRefused(uint256 seed, uint256 count, uint256 at, uint64 v)
        public
    {
        uint64[] memory values = _values(seed, bound(count, 1, 40));
        values[at % values.length] = uint64(bound(v, P, type(uint64).max));
        vm.expectRevert(Elements.NotCanonical.selector);
        harness.combine(values, _ext(seed, 1));
    }

    // covers: Z2
    function testFuzz_aCosetWithAnElementFromPUpwardsIsRefused(uint256 seed, uint256 at, uint64 v) public {
        uint64[] memory values = _values(seed, 16);
        values[at % 16] = uint64(bound(v, P, type(uint64).max));
        vm.expectRevert(Elements.NotCanonical.selector);
        harness.fold(values, 3, 5, _ext(seed, 1));
    }

    /// The fold is the interpolant at beta: here of a polynomial of degree below 2^arity, at points start g^rev(i).
    function testFuzz_aCosetFoldsToItsInterpolant(uint256 seed, uint256 arity, bool largest) public view {
        arity = bound(arity, 1, 4);
        uint256 n = 1 << arity;
        uint256 start = largest ? P - 1 : 1 + uint256(keccak256(abi.encode(seed, 2))) % (P - 1);
        Ext beta = largest ? Ext.wrap(((P - 1) << 64) | (P - 1)) : _ext(seed, 3);
        Ext[] memory coefficients = new Ext[](n);
        for (uint256 i = 0; i < n; i++) {
            coefficients[i] = _ext(seed, 4 + i);
        }
        uint64[] memory values = new uint64[](2 * n);
        uint256 root = Goldilocks.rootOfUnity(arity);
        for (uint256 i = 0; i < n; i++) {
            uint256 x = start;
            for (uint256 b = 0; b < arity; b++) {
                if ((i >> b) & 1 == 1) x = mulmod(x, Goldilocks.powTwo(root, arity - 1 - b), P);
            }
            Ext y = _evaluate(coefficients, fromBase(x));
            (values[2 * i], values[2 * i + 1]) = (uint64(y.c0()), uint64(y.c1()));
        }
        Ext folded = harness.fold(values, arity, Goldilocks.inverse(start), beta);
        assertTrue(folded == _evaluate(coefficients, beta));
    }

    function testFuzz_aLateReducedProductOfPairsIsTheirProduct(uint256 seed, bool largest) public pure {
        Algebra a = _algebra(seed, 0, largest);
        Algebra b = _algebra(seed, 1, largest);
        Algebra c = _algebra(seed, 2, largest);
        Algebra d = largest ? Algebra.wrap(0) : _algebra(seed, 3, false);
        (uint256 u0, uint256 u1, uint256 v0, uint256 v1) = mulAddSub(a, b, c, d);
        // the bound that the sums of constraints rely on
        assertLt(u0 | u1 | v0 | v1, 1 << 136);
        uint256 expected = Algebra.unwrap(a * b + c - d);
        assertEq(((u0 % P) << 192) | ((u1 % P) << 128) | ((v0 % P) << 64) | (v1 % P), expected);
    }

    function testFuzz_gatesOfManyStepsAreReducedLate(uint256 seed, bool largest) public pure {
        bytes memory data;
        for (uint256 i = 0; i < 20; i++) {
            data = bytes.concat(data, bytes32(Algebra.unwrap(_algebra(seed, i, largest))));
        }
        uint256[] memory sums = new uint256[](16);
        GateFrame memory f;
        f.filter = largest ? Ext.wrap(((P - 1) << 64) | (P - 1)) : _ext(seed, 0);
        uint256 wires;
        uint256 terms;
        assembly {
            wires := add(data, 32)
            terms := add(sums, 32)
        }
        (f.wires, f.terms) = (wires, terms);
        ReducingExtensionGate.eval(f, 2);
        Algebra first = f.pair(10);
        _assertPair(sums, 0, (f.pair(4) * f.pair(2) + f.pair(6) - first).scaleBy(f.filter));
        _assertPair(sums, 4, (first * f.pair(2) + f.pair(8) - f.pair(0)).scaleBy(f.filter));
        ExponentiationGate.eval(f, 2);
        // the sums go on from where they were
        Ext step = f.wire(0) - ONE;
        Ext c = f.filter * (f.wire(2) * step + ONE - f.wire(4));
        Algebra before = (f.pair(4) * f.pair(2) + f.pair(6) - first).scaleBy(f.filter);
        assertEq(sums[0] % P, addmod(c.c0(), Algebra.unwrap(before) >> 192, P));
        assertEq(sums[1] % P, addmod(c.c1(), (Algebra.unwrap(before) >> 128) & M64, P));
        c = f.filter * (f.wire(4) * f.wire(4) * (f.wire(1) * step + ONE) - f.wire(5));
        assertEq(sums[2] % P, addmod(c.c0(), (Algebra.unwrap(before) >> 64) & M64, P));
        assertEq(sums[3] % P, addmod(c.c1(), Algebra.unwrap(before) & M64, P));
    }

    function _assertPair(uint256[] memory sums, uint256 at_, Algebra a) private pure {
        for (uint256 i = 0; i < 4; i++) {
            assertEq(sums[at_ + i] % P, (Algebra.unwrap(a) >> (192 - 64 * i)) & M64);
        }
    }

    function testFuzz_termsAccumulateTheirMultiples(uint256 seed, uint256 c0, uint256 c1) public pure {
        (c0, c1) = (bound(c0, 0, (1 << 143) - 1), bound(c1, 0, (1 << 143) - 1));
        uint256[4] memory sums = [uint256(1) << 250, 5, 0, 0];
        Ext k = _ext(seed, 0);
        uint256 to;
        assembly {
            to := sums
        }
        Frame.accumulate(to, k, c0, c1);
        Ext product = k * Ext.wrap(((c0 % P) << 64) | (c1 % P));
        assertEq((sums[0] - (uint256(1) << 250)) % P, product.c0());
        assertEq((sums[1] - 5) % P, product.c1());
    }

    /// Rows of the matrix are distinct sums of the whole state, at the largest lanes as well.
    function testFuzz_theMatrixLayerIsTheMatrix(uint256 seed, bool largest) public pure {
        uint8[12] memory row = [17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20];
        uint256[12] memory lanes;
        uint256[4] memory state;
        uint256[4] memory constants;
        uint256[12] memory expected;
        for (uint256 i = 0; i < 12; i++) {
            lanes[i] = largest ? (1 << 65) - 1 : uint256(keccak256(abi.encode(seed, i))) >> 191;
            state[i / 3] |= lanes[i] << (80 * (i % 3));
        }
        for (uint256 i = 0; i < 12; i++) {
            uint256 sum = i == 0 ? 8 * lanes[0] : 0;
            for (uint256 j = 0; j < 12; j++) {
                sum += row[(j + 12 - i) % 12] * lanes[j];
            }
            uint256 constant_ = largest ? M64 : uint64(uint256(keccak256(abi.encode(seed, i, "constant"))));
            constants[i / 3] |= constant_ << (80 * (i % 3));
            expected[i] = (sum + constant_) % P;
        }
        uint256 s;
        uint256 rc;
        assembly {
            s := state
            rc := constants
        }
        PoseidonGoldilocks.matrixLayer(s, rc);
        for (uint256 i = 0; i < 12; i++) {
            uint256 lane = state[i / 3] >> (80 * (i % 3));
            if (i % 3 != 2) lane &= LANE;
            // what the next round relies on
            assertLt(lane, 1 << 65);
            assertEq(lane % P, expected[i]);
        }
    }

    /// Five wires in chunks of three and two: wires, sigmas, then Z, a partial product and the next Z.
    function testFuzz_thePermutationArgumentsFactorsAreReducedLate(uint256 seed, bool largest) public pure {
        Ext[13] memory e;
        for (uint256 i = 0; i < 13; i++) {
            e[i] = largest ? Ext.wrap(((P - 1) << 64) | (P - 1)) : _ext(seed, i);
        }
        uint256[] memory betaGamma = new uint256[](2);
        (betaGamma[0], betaGamma[1]) = largest ? (P - 1, P - 1) : (e[6].c0(), e[7].c0());
        uint256 generator = largest ? P - 1 : 7;
        uint256[6] memory terms = _permutationTerms(e, betaGamma, generator);
        _assertTerm(terms, 0, e[7] * (e[10] - ONE));
        Ext numerators = e[10];
        Ext denominators = e[11];
        Ext point = e[3].scale(betaGamma[0]);
        for (uint256 j = 0; j < 5; j++) {
            if (j == 3) {
                _assertTerm(terms, 1, numerators - denominators);
                (numerators, denominators) = (e[11], e[12]);
            }
            numerators = numerators * (e[j] + point + fromBase(betaGamma[1]));
            denominators = denominators * (e[j] + e[5 + j].scale(betaGamma[0]) + fromBase(betaGamma[1]));
            point = point.scale(generator);
        }
        _assertTerm(terms, 2, numerators - denominators);
    }

    /// At zeta = e_3, with L_0(zeta) = e_7.
    function _permutationTerms(Ext[13] memory e, uint256[] memory betaGamma, uint256 generator)
        private
        pure
        returns (uint256[6] memory terms)
    {
        Shape memory shape;
        (shape.challenges, shape.routedWires, shape.quotientDegreeFactor, shape.partialProducts) = (1, 5, 3, 1);
        shape.cosetGenerator = generator;
        bytes memory data;
        for (uint256 i = 0; i < 13; i++) {
            data = bytes.concat(data, bytes16(uint128(Ext.unwrap(e[i]))));
        }
        uint256 start;
        uint256 to;
        assembly {
            start := add(data, 32)
            to := terms
        }
        Openings memory o;
        (o.wires, o.sigmas, o.zs) = (start, start + 80, start + 160);
        (o.partialProducts, o.nextZs) = (start + 176, start + 192);
        Permutation.eval(shape, o, e[3], e[7], betaGamma, to);
    }

    function _assertTerm(uint256[6] memory terms, uint256 i, Ext expected) private pure {
        assertEq(terms[2 * i], expected.c0());
        assertEq(terms[2 * i + 1], expected.c1());
    }

    function _evaluate(Ext[] memory coefficients, Ext x) private pure returns (Ext r) {
        for (uint256 i = coefficients.length; i != 0; i--) {
            r = r * x + coefficients[i - 1];
        }
    }

    /// Random elements, with p - 1, whose upper half is all ones, among them.
    function _values(uint256 seed, uint256 count) private pure returns (uint64[] memory values) {
        values = new uint64[](count);
        for (uint256 i = 0; i < count; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i, "value")));
            values[i] = uint64(random % 5 == 0 ? P - 1 : (random >> 8) % P);
        }
    }

    function _algebra(uint256 seed, uint256 i, bool largest) private pure returns (Algebra) {
        Ext x = _ext(seed, 20 + 2 * i);
        Ext y = _ext(seed, 21 + 2 * i);
        if (largest) (x, y) = (Ext.wrap(((P - 1) << 64) | (P - 1)), Ext.wrap(((P - 1) << 64) | (P - 1)));
        return Algebra.wrap((Ext.unwrap(x) << 128) | Ext.unwrap(y));
    }

    function _ext(uint256 seed, uint256 i) private pure returns (Ext) {
        uint256 c0 = uint256(keccak256(abi.encode(seed, i, 0))) % P;
        uint256 c1 = uint256(keccak256(abi.encode(seed, i, 1))) % P;
        return Ext.wrap((c0 << 64) | c1);
    }
}
