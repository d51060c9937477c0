// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {Elements} from "../../src/verifier/Elements.sol";
import {Ext, ONE, ZERO, fromBase} from "../../src/verifier/Extension.sol";
import {Goldilocks, P} from "../../src/verifier/Goldilocks.sol";

contract ArithmeticHarness {
    function inverse(uint256 a) external pure returns (uint256) {
        return Goldilocks.inverse(a);
    }

    function inverseExt(Ext a) external pure returns (Ext) {
        return a.inverse();
    }

    function read(bytes calldata data) external pure returns (bytes memory) {
        uint256 src;
        assembly {
            src := data.offset
        }
        return Elements.read(src, data.length / 8);
    }
}

contract ArithmeticTest is Test {
    ArithmeticHarness harness = new ArithmeticHarness();

    function testFuzz_inverseTimesElementIsOne(uint256 a) public view {
        a = bound(a, 1, P - 1);
        assertEq(mulmod(Goldilocks.inverse(a), a, P), 1);
    }

    function test_zeroHasNoInverse() public {
        vm.expectRevert(Goldilocks.ZeroDenominator.selector);
        harness.inverse(0);
        vm.expectRevert(Goldilocks.ZeroDenominator.selector);
        harness.inverse(P);
        vm.expectRevert(Goldilocks.ZeroDenominator.selector);
        harness.inverseExt(ZERO);
    }

    function test_rootsOfUnityHaveTheirOrder() public pure {
        for (uint256 bits = 1; bits <= 32; bits++) {
            uint256 root = Goldilocks.rootOfUnity(bits);
            assertEq(Goldilocks.powTwo(root, bits - 1), P - 1);
        }
    }

    function testFuzz_extensionOperationsMatchTheirFormulas(uint256 a, uint256 b) public pure {
        Ext x = _ext(a);
        Ext y = _ext(b);
        (uint256 x0, uint256 x1, uint256 y0, uint256 y1) = (x.c0(), x.c1(), y.c0(), y.c1());
        _assertEq(x + y, addmod(x0, y0, P), addmod(x1, y1, P));
        _assertEq(x - y, addmod(x0, P - y0, P), addmod(x1, P - y1, P));
        uint256 cross = addmod(mulmod(x0, y1, P), mulmod(x1, y0, P), P);
        _assertEq(x * y, addmod(mulmod(x0, y0, P), mulmod(7, mulmod(x1, y1, P), P), P), cross);
        _assertEq(x.scale(y0), mulmod(x0, y0, P), mulmod(x1, y0, P));
        _assertEq(x - x, 0, 0);
        if (!(x == ZERO)) assertTrue(x * x.inverse() == ONE);
    }

    function testFuzz_repeatedSquaringIsAPower(uint256 a) public pure {
        Ext x = _ext(a);
        Ext x4 = x * x * x * x;
        assertTrue(x.powTwo(3) == x4 * x4);
    }

    function test_extensionOperationsOnLargestElements() public pure {
        Ext x = Ext.wrap(((P - 1) << 64) | (P - 1));
        // (-1 - X)^2 = 1 + 2 X + 7
        _assertEq(x * x, 8, 2);
        _assertEq(x + x, P - 2, P - 2);
        _assertEq(ZERO - x, 1, 1);
        _assertEq(fromBase(P - 1) + ONE, 0, 0);
    }

    // covers: Z2
    function testFuzz_readCopiesElements(uint64[7] memory values) public view {
        bytes memory data;
        for (uint256 i = 0; i < 7; i++) {
            values[i] = uint64(bound(values[i], 0, P - 1));
            data = bytes.concat(data, _bytes(values[i]));
        }
        bytes memory out = harness.read(data);
        assertEq(out.length, 56);
        for (uint256 i = 0; i < 7; i++) {
            assertEq(uint64(bytes8(_slice(out, 8 * i))), values[i]);
        }
    }

    // covers: Z2
    function testFuzz_readRefusesValuesFromPUpwards(uint256 count, uint256 index, uint256 value) public {
        count = bound(count, 1, 12);
        index = bound(index, 0, count - 1);
        value = bound(value, P, type(uint64).max);
        for (uint256 round = 0; round < 3; round++) {
            uint64 tested = round == 0 ? uint64(P) : round == 1 ? type(uint64).max : uint64(value);
            bytes memory data;
            for (uint256 i = 0; i < count; i++) {
                data = bytes.concat(data, _bytes(i == index ? tested : uint64(P - 1)));
            }
            vm.expectRevert(Elements.NotCanonical.selector);
            harness.read(data);
        }
    }

    function _ext(uint256 seed) private pure returns (Ext) {
        uint256 c0 = uint256(keccak256(abi.encode(seed, 0))) % P;
        uint256 c1 = uint256(keccak256(abi.encode(seed, 1))) % P;
        return Ext.wrap((c0 << 64) | c1);
    }

    function _assertEq(Ext e, uint256 c0, uint256 c1) private pure {
        assertEq(Ext.unwrap(e), (c0 << 64) | c1);
    }

    function _bytes(uint64 v) private pure returns (bytes memory) {
        return abi.encodePacked(v);
    }

    function _slice(bytes memory data, uint256 offset) private pure returns (bytes32 word) {
        assembly {
            word := mload(add(add(data, 32), offset))
        }
    }
}
