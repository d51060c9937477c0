// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {LANE, PoseidonGoldilocks} from "../../src/verifier/PoseidonGoldilocks.sol";
import {P} from "../../src/verifier/Goldilocks.sol";

contract PoseidonHarness {
    function hash8(uint256[8] memory e) external pure returns (bytes32) {
        return PoseidonGoldilocks.hash8(e);
    }

    function permute(uint256[12] memory s) external pure returns (uint256[12] memory) {
        uint256[4] memory packed;
        for (uint256 i = 0; i < 12; i++) {
            packed[i / 3] |= s[i] << (80 * (i % 3));
        }
        PoseidonGoldilocks.permute(packed);
        for (uint256 i = 0; i < 12; i++) {
            s[i] = ((packed[i / 3] >> (80 * (i % 3))) & LANE) % P;
        }
        return s;
    }
}

/// The vectors are those of plonky2 1.1.0 (`poseidon_goldilocks.rs`) and of its `PoseidonHash::hash_no_pad`.
contract PoseidonGoldilocksTest is Test {
    PoseidonHarness harness = new PoseidonHarness();

    function test_permutationOfZerosMatchesPlonky2() public view {
        uint256[12] memory s;
        s = harness.permute(s);
        assertEq(s[0], 0x3c18a9786cb0b359);
        assertEq(s[1], 0xc4055e3364a246c3);
        assertEq(s[7], 0x1c687363b207df62);
        assertEq(s[11], 0x1792b1c4342109d7);
    }

    function test_permutationOfRangeMatchesPlonky2() public view {
        uint256[12] memory s;
        for (uint256 i = 0; i < 12; i++) {
            s[i] = i;
        }
        s = harness.permute(s);
        assertEq(s[0], 0xd64e1e3efc5b8e9e);
        assertEq(s[5], 0xcb1f8980294a023f);
        assertEq(s[11], 0x5c0a27fcb0e1459b);
    }

    function test_permutationOfLargestElementsMatchesPlonky2() public view {
        uint256[12] memory s;
        for (uint256 i = 0; i < 12; i++) {
            s[i] = P - 1;
        }
        s = harness.permute(s);
        assertEq(s[0], 0xbe0085cfc57a8357);
        assertEq(s[11], 0xe28e96f1ae5e60d3);
    }

    function test_hash8MatchesPlonky2() public view {
        uint256[8] memory e;
        for (uint256 i = 0; i < 8; i++) {
            e[i] = i;
        }
        assertEq(harness.hash8(e), hex"eff81bb29a2276197ec080e2b7f39736f624fcbf98c9e736c4221df46aa44e4c");
        e = [P - 1, P - 2, P - 3, P - 4, 0, 1, P - 1, P - 1];
        assertEq(harness.hash8(e), hex"944d52a3b150f6f854c89c9d50636e041b99f771733d69b2c95f057ee9947697");
    }

    // covers: Z1
    function testFuzz_hash8RefusesElementsFromPUpwards(uint256 index, uint256 value) public {
        uint256[8] memory e;
        index = bound(index, 0, 7);
        e[index] = bound(value, P, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(PoseidonGoldilocks.NotCanonical.selector, index, e[index]));
        harness.hash8(e);
    }
}
