// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {P} from "../../src/verifier/Goldilocks.sol";
import {Sponge, Transcript} from "../../src/verifier/Transcript.sol";

contract TranscriptTest is Test {
    using Transcript for Sponge;

    /// The project's `EvmSponge`, word by word.
    function _reference(bytes32 h) private pure returns (bytes32) {
        while (true) {
            bool canonical = true;
            for (uint256 i = 0; i < 4; i++) {
                if (uint64(uint256(h) >> (64 * i)) >= P) canonical = false;
            }
            if (canonical) return h;
            h = keccak256(bytes.concat(h));
        }
        return 0;
    }

    function _state(Sponge t) private pure returns (bytes32 state) {
        assembly {
            state := mload(t)
        }
    }

    function _pointer(bytes memory data) private pure returns (uint256 ptr) {
        assembly {
            ptr := add(data, 32)
        }
    }

    /// Words from p upwards occur once in 2^32 words, so the hash is given instead of being found.
    function testFuzz_aHashWithAWordFromPUpwardsIsHashedAgain(bytes32 h, uint8 mask, uint32 low) public pure {
        for (uint256 i = 0; i < 4; i++) {
            if ((mask >> i) & 1 == 0) continue;
            // all ones in the upper half; p itself for low = 1, below p for low = 0
            uint256 word = (uint256(0xffffffff) << 32) | low;
            h = bytes32(uint256(h) & ~(uint256(type(uint64).max) << (192 - 64 * i)) | word << (192 - 64 * i));
        }
        assertEq(bytes32(Transcript.firstCanonical(uint256(h))), _reference(h));
    }

    function test_pMinusOneIsKeptAndPIsNot() public pure {
        for (uint256 i = 0; i < 4; i++) {
            uint256 below = (P - 1) << (64 * i);
            assertEq(Transcript.firstCanonical(below), below);
            uint256 above = P << (64 * i);
            assertEq(Transcript.firstCanonical(above), uint256(keccak256(abi.encode(above))));
        }
    }

    function testFuzz_theStateIsTheHashOfStateAndInputs(uint256 seed, uint256 count) public pure {
        count = bound(count, 1, 200);
        bytes memory data = _data(seed, count);
        Sponge t = Transcript.create();
        t.absorb(_pointer(data), count);
        bytes32 state;
        uint256 start = 0;
        for (; count - start >= 64; start += 64) {
            state = _reference(keccak256(bytes.concat(state, _slice(data, 8 * start, 512))));
        }
        if (start != count) {
            state = _reference(keccak256(bytes.concat(state, _slice(data, 8 * start, 8 * (count - start)))));
        }
        for (uint256 round = 0; round < 3; round++) {
            for (uint256 i = 0; i < 4; i++) {
                assertEq(t.challenge(), uint64(uint256(state) >> (64 * i)));
                assertEq(_state(t), state);
            }
            state = _reference(keccak256(bytes.concat(state)));
        }
    }

    function test_absorbingDropsChallengesThatWereNotTaken() public pure {
        bytes memory data = _data(1, 1);
        Sponge t = Transcript.create();
        t.absorb(_pointer(data), 1);
        t.challenge();
        bytes32 state = _state(t);
        t.absorb(_pointer(data), 1);
        state = _reference(keccak256(bytes.concat(state, data)));
        assertEq(t.challenge(), uint64(uint256(state)));
    }

    function test_absorbingInPartsIsAbsorbingAtOnce() public pure {
        bytes memory data = _data(2, 135);
        uint256 ptr = _pointer(data);
        Sponge whole = Transcript.create();
        whole.absorb(ptr, 135);
        uint256 expected = whole.challenge();
        for (uint256 cut = 1; cut < 135; cut++) {
            Sponge t = Transcript.create();
            t.absorb(ptr, cut);
            t.absorb(ptr + 8 * cut, 135 - cut);
            assertEq(t.challenge(), expected);
        }
    }

    function _data(uint256 seed, uint256 count) private pure returns (bytes memory data) {
        data = new bytes(8 * count);
        for (uint256 i = 0; i < data.length; i++) {
            data[i] = i % 8 == 0 ? bytes1(0) : bytes1(uint8(uint256(keccak256(abi.encode(seed, i)))));
        }
    }

    function _slice(bytes memory data, uint256 start, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            part[i] = data[start + i];
        }
    }
}
