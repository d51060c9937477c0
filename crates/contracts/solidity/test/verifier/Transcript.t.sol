// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {Elements} from "../../src/verifier/Elements.sol";
import {P} from "../../src/verifier/Goldilocks.sol";
import {Sponge, Transcript} from "../../src/verifier/Transcript.sol";

contract TranscriptTest is Test {
    using Transcript for Sponge;

    /// plonky2's `KeccakPermutation`, word by word.
    function _reference(bytes32 h) private pure returns (bytes memory state) {
        while (true) {
            for (uint256 i = 0; i < 4; i++) {
                uint256 value = 0;
                for (uint256 k = 0; k < 8; k++) {
                    value |= uint256(uint8(h[8 * i + k])) << (8 * k);
                }
                if (value >= P) continue;
                state = bytes.concat(state, bytes8(bytes32(uint256(h) << (64 * i))));
                if (state.length == 96) return state;
            }
            h = keccak256(bytes.concat(h));
        }
    }

    function _state(Sponge t) private pure returns (bytes memory state) {
        state = new bytes(96);
        assembly {
            mcopy(add(state, 32), t, 96)
        }
    }

    function _with(bytes memory state) private pure returns (Sponge t) {
        t = Transcript.create();
        assembly {
            mcopy(t, add(state, 32), 96)
        }
    }

    function testFuzz_permutationTakesTheFirstTwelveWords(bytes32 a, bytes32 b, bytes32 c) public pure {
        Sponge t = _with(abi.encode(a, b, c));
        t.permute();
        assertEq(_state(t), _reference(keccak256(abi.encode(a, b, c))));
    }

    /// Words from p upwards occur once in 2^32 words, so the first hash is given instead of being found.
    function testFuzz_wordsFromPUpwardsAreDropped(bytes32 h, uint8 mask, uint32 low) public pure {
        for (uint256 i = 0; i < 4; i++) {
            if ((mask >> i) & 1 == 0) continue;
            // little-endian: `low` in the lower half, all ones in the upper; p itself for low = 1, below p for low = 0
            uint256 swapped = Elements.swap((uint256(0xffffffff) << 32 | low) << 192) >> 192;
            h = bytes32(uint256(h) & ~(uint256(type(uint64).max) << (192 - 64 * i)) | swapped << (192 - 64 * i));
        }
        Sponge t = Transcript.create();
        t.setFrom(h);
        assertEq(_state(t), _reference(h));
    }

    function test_pMinusOneIsKeptAndPIsDropped() public pure {
        bytes32 h = 0x00000000ffffffff01000000ffffffff00000000ffffffff02000000ffffffff;
        Sponge t = Transcript.create();
        t.setFrom(h);
        bytes memory state = _state(t);
        assertEq(bytes16(_word(state, 0)), hex"00000000ffffffff00000000ffffffff");
        bytes32 second = keccak256(bytes.concat(h));
        assertEq(bytes16(_word(state, 16)), bytes16(second));
    }

    function test_everyWordFromPUpwardsIsNoticed() public pure {
        assertFalse(Transcript.mayHaveLargeWord(0, 0, 0));
        for (uint256 i = 0; i < 4; i++) {
            // p, little-endian
            uint256 h = uint256(0x01000000ffffffff) << (64 * i);
            assertTrue(Transcript.mayHaveLargeWord(h, 0, 0));
            assertTrue(Transcript.mayHaveLargeWord(0, h, 0));
            assertTrue(Transcript.mayHaveLargeWord(0, 0, h));
            // 2^64 - 2^40 - 1, whose upper half is not all ones
            uint256 below = uint256(0xfffffffffffeffff) << (64 * i);
            assertFalse(Transcript.mayHaveLargeWord(below, below, below));
        }
    }

    function test_absorbingInPartsIsAbsorbingAtOnce() public pure {
        bytes memory data = new bytes(8 * 21);
        for (uint256 i = 0; i < data.length; i++) {
            data[i] = i % 8 == 7 ? bytes1(0) : bytes1(uint8(i * 37));
        }
        uint256 ptr;
        assembly {
            ptr := add(data, 32)
        }
        Sponge whole = Transcript.create();
        whole.absorb(ptr, 21);
        uint256 expected = whole.challenge();
        for (uint256 cut = 0; cut <= 21; cut++) {
            Sponge t = Transcript.create();
            t.absorb(ptr, cut);
            t.absorb(ptr + 8 * cut, 21 - cut);
            assertEq(t.challenge(), expected);
        }
    }

    function test_challengesComeFromTheEndOfTheRateAndThenFromANewPermutation() public pure {
        Sponge t = Transcript.create();
        bytes memory state = _reference(keccak256(new bytes(96)));
        for (uint256 i = 8; i != 0; i--) {
            assertEq(t.challenge(), Elements.swap(uint256(_word(state, 8 * (i - 1)))) >> 192);
        }
        state = _reference(keccak256(state));
        assertEq(t.challenge(), Elements.swap(uint256(_word(state, 56))) >> 192);
    }

    function _word(bytes memory data, uint256 offset) private pure returns (bytes32 word) {
        assembly {
            word := mload(add(add(data, 32), offset))
        }
    }
}
