// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {Elements} from "../../src/verifier/Elements.sol";
import {Ext, ONE, fromBase} from "../../src/verifier/Extension.sol";
import {Fri} from "../../src/verifier/Fri.sol";
import {Goldilocks, P} from "../../src/verifier/Goldilocks.sol";
import {PlonkChallenges, PlonkIdentity} from "../../src/verifier/PlonkIdentity.sol";
import {Plonky2Verifier} from "../../src/verifier/Plonky2Verifier.sol";
import {PoseidonGoldilocks} from "../../src/verifier/PoseidonGoldilocks.sol";
import {Shape} from "../../src/verifier/Shape.sol";
import {Change, Exposed} from "./Exposed.sol";
import {ProofSections, Section} from "./ProofSections.sol";

/// What every generated verifier must do; a suite for a circuit says how to deploy its contracts and gives a proof.
abstract contract VerifierSuite is Test {
    PlonkIdentity identity;
    Exposed verifier;
    uint256[8] inputs;
    bytes proof;

    /// The circuit's two contracts, the second with its parts exposed.
    function _deploy() internal virtual returns (PlonkIdentity, Exposed);

    /// Public inputs and a valid proof.
    function _load() internal view virtual returns (uint256[8] memory, bytes memory);

    function setUp() public {
        (identity, verifier) = _deploy();
        (inputs, proof) = _load();
    }

    function test_acceptsAValidProof() public {
        uint256[8] memory x = inputs;
        bytes memory p = proof;
        uint256 before = gasleft();
        assertTrue(verifier.verify(x, p));
        emit log_named_uint("gas of verify without calldata", before - gasleft());
        emit log_named_uint("proof bytes", proof.length);
    }

    // covers: Z3
    function test_refusesAFlippedBitInEverySection() public {
        Section[] memory sections = ProofSections.list(verifier.shape());
        Section memory last = sections[sections.length - 1];
        assertEq(last.start + last.length, proof.length);
        for (uint256 i = 0; i < sections.length; i++) {
            Section memory s = sections[i];
            uint256 random = uint256(keccak256(abi.encode(s.name, i)));
            _assertRefusedFlip(s.start, uint8(random & 7));
            _assertRefusedFlip(s.start + s.length - 1, uint8((random >> 8) & 7));
            _assertRefusedFlip(s.start + (random >> 16) % s.length, uint8((random >> 80) & 7));
        }
    }

    // covers: Z2
    function test_refusesPInPlaceOfZeroInEverySectionOfElements() public {
        Section[] memory sections = ProofSections.list(verifier.shape());
        for (uint256 i = 0; i < sections.length; i++) {
            Section memory s = sections[i];
            if (!s.elements) continue;
            for (uint256 k = 0; k < 3; k++) {
                uint256 count = s.length / 8;
                uint256 index = k == 0 ? 0 : k == 1 ? count - 1 : uint256(keccak256(abi.encode(i))) % count;
                bytes memory changed = proof;
                bytes8 p = bytes8(uint64(P));
                for (uint256 b = 0; b < 8; b++) {
                    changed[s.start + 8 * index + b] = p[b];
                }
                _assertRefused(inputs, changed, abi.encodeWithSelector(Elements.NotCanonical.selector));
            }
        }
    }

    // covers: Z1
    function test_refusesPublicInputsFromPUpwards() public {
        for (uint256 i = 0; i < 8; i++) {
            uint256[8] memory changed = inputs;
            changed[i] += P;
            _assertRefused(
                changed, proof, abi.encodeWithSelector(PoseidonGoldilocks.NotCanonical.selector, i, changed[i])
            );
        }
    }

    // covers: Z4
    function test_refusesOtherPublicInputs() public {
        for (uint256 i = 0; i < 8; i++) {
            uint256[8] memory changed = inputs;
            changed[i] = addmod(changed[i], 1, P);
            _assertRefused(changed, proof);
        }
        uint256[8] memory swapped = inputs;
        (swapped[0], swapped[1]) = (swapped[1], swapped[0]);
        _assertRefused(swapped, proof);
    }

    // covers: Z3 C17
    function test_refusesAnyOtherLength() public {
        bytes memory longer = bytes.concat(proof, hex"00");
        _assertRefused(inputs, longer, _lengthError(longer.length));
        bytes memory shorter = proof;
        assembly {
            mstore(shorter, sub(mload(shorter), 1))
        }
        _assertRefused(inputs, shorter, _lengthError(shorter.length));
        _assertRefused(inputs, "", _lengthError(0));
        bytes memory twice = bytes.concat(proof, proof);
        _assertRefused(inputs, twice, _lengthError(twice.length));
    }

    function test_refusesSwappedSections() public {
        Section[] memory sections = ProofSections.list(verifier.shape());
        _assertRefused(inputs, _swapped(sections[0].start, sections[1].start, sections[0].length));
        _assertRefused(inputs, _swapped(sections[1].start, sections[2].start, sections[1].length));
        uint256 first = _indexOf(sections, "constants leaf");
        uint256 queryBytes = (proof.length - sections[first].start) / verifier.shape().queries;
        _assertRefused(inputs, _swapped(sections[first].start, sections[first].start + queryBytes, queryBytes));
        _assertRefused(
            inputs, _swapped(sections[first + 4].start, sections[first + 5].start, sections[first + 4].length)
        );
    }

    function test_refusesAFlippedBitInEveryPathOfEveryQuery() public {
        Shape memory shape = verifier.shape();
        Section[] memory sections = ProofSections.list(shape);
        uint256 first = _indexOf(sections, "constants leaf");
        uint256 queryBytes = (proof.length - sections[first].start) / shape.queries;
        for (uint256 query = 0; query < shape.queries; query++) {
            for (uint256 tree = 0; tree < 4 + shape.arityBits.length; tree++) {
                Section memory path = sections[first + (tree < 4 ? 4 + tree : 1 + 2 * tree)];
                assertEq(path.name, "path");
                // the last byte of one of the digests
                uint256 digest = uint256(keccak256(abi.encode(query, tree))) % (path.length / 25);
                bytes memory changed = proof;
                changed[path.start + query * queryBytes + 25 * digest + 24] ^= 0x80;
                _assertRefused(inputs, changed, abi.encodeWithSelector(Fri.MerkleMismatch.selector, query, tree));
            }
        }
    }

    function test_refusesTooLittleWork() public {
        Section[] memory sections = ProofSections.list(verifier.shape());
        bytes memory changed = proof;
        changed[sections[_indexOf(sections, "work witness")].start + 7] ^= 0x01;
        try verifier.verify(inputs, changed) {
            fail();
        } catch (bytes memory reason) {
            assertEq(bytes4(reason), Plonky2Verifier.InsufficientWork.selector);
        }
    }

    function test_refusesWhenTheConstraintsAreViolated() public {
        (PlonkChallenges memory c, bytes32 hash, bytes memory openings) = verifier.challenges(inputs, proof);
        identity.check(c, hash, openings);
        // the gates together use every constant and every wire
        for (uint256 i = 0; i < openings.length / 16; i++) {
            bytes memory changed = bytes.concat(openings);
            changed[16 * i + 7] ^= 0x01;
            (bool ok,) = address(identity).staticcall(abi.encodeCall(PlonkIdentity.check, (c, hash, changed)));
            assertFalse(ok, vm.toString(i));
        }
        for (uint256 i = 0; i < 4; i++) {
            bytes32 changed = hash ^ bytes32(uint256(1) << (64 * i));
            vm.expectRevert(abi.encodeWithSelector(PlonkIdentity.ConstraintsViolated.selector, 0));
            identity.check(c, changed, openings);
        }
    }

    function test_everyRepetitionOfTheConstraintCheckCounts() public {
        (PlonkChallenges memory c, bytes32 hash, bytes memory openings) = verifier.challenges(inputs, proof);
        Shape memory shape = verifier.shape();
        uint256 quotient =
            shape.constants + shape.routedWires + shape.wires + shape.challenges * (1 + shape.partialProducts);
        for (uint256 i = 0; i < shape.challenges; i++) {
            bytes memory changed = bytes.concat(openings);
            changed[16 * (quotient + i * shape.quotientDegreeFactor) + 7] ^= 0x01;
            vm.expectRevert(abi.encodeWithSelector(PlonkIdentity.ConstraintsViolated.selector, i));
            identity.check(c, hash, changed);
        }
    }

    function test_refusesAPointInTheSubgroup() public {
        (PlonkChallenges memory c, bytes32 hash, bytes memory openings) = verifier.challenges(inputs, proof);
        c.zeta = ONE;
        vm.expectRevert(PlonkIdentity.PointInSubgroup.selector);
        identity.check(c, hash, openings);
        c.zeta = fromBase(Goldilocks.rootOfUnity(verifier.shape().degreeBits));
        vm.expectRevert(PlonkIdentity.PointInSubgroup.selector);
        identity.check(c, hash, openings);
    }

    function test_asksTheConstraintContract() public {
        vm.mockCallRevert(address(identity), abi.encodePacked(PlonkIdentity.check.selector), "refused");
        _assertRefused(inputs, proof, "refused");
    }

    function test_refusesOpeningsThatDoNotMatchTheTrees() public {
        verifier.lowDegree(inputs, proof, Change.Nothing, 0);
        vm.expectRevert(abi.encodeWithSelector(Fri.FoldMismatch.selector, 0, 0));
        verifier.lowDegree(inputs, proof, Change.Reduced, 0);
        vm.expectRevert(abi.encodeWithSelector(Fri.FoldMismatch.selector, 0, 0));
        verifier.lowDegree(inputs, proof, Change.ReducedNext, 0);
    }

    function test_refusesAFoldThatDoesNotMatchTheNextStep() public {
        uint256 steps = verifier.shape().arityBits.length;
        for (uint256 step = 0; step + 1 < steps; step++) {
            vm.expectRevert(abi.encodeWithSelector(Fri.FoldMismatch.selector, 0, step + 1));
            verifier.lowDegree(inputs, proof, Change.Beta, step);
        }
        vm.expectRevert(abi.encodeWithSelector(Fri.FinalPolynomialMismatch.selector, 0));
        verifier.lowDegree(inputs, proof, Change.Beta, steps - 1);
    }

    function test_refusesAnotherFinalPolynomial() public {
        vm.expectRevert(abi.encodeWithSelector(Fri.FinalPolynomialMismatch.selector, 0));
        verifier.lowDegree(inputs, proof, Change.FinalPolynomial, 0);
    }

    function test_refusesADenominatorOfZero() public {
        vm.expectRevert(Goldilocks.ZeroDenominator.selector);
        verifier.lowDegree(inputs, proof, Change.Zeta, 0);
        vm.expectRevert(Goldilocks.ZeroDenominator.selector);
        verifier.lowDegree(inputs, proof, Change.ZetaNext, 0);
    }

    function test_refusesAnotherConstantsCap() public {
        uint256 slot = verifier.firstSlot(inputs, proof);
        for (uint256 i = 0; i < 25; i++) {
            vm.expectRevert(abi.encodeWithSelector(Fri.MerkleMismatch.selector, 0, 0));
            verifier.lowDegree(inputs, proof, Change.ConstantsCap, 25 * slot + i);
        }
    }

    function _lengthError(uint256 got) private view returns (bytes memory) {
        return abi.encodeWithSelector(Plonky2Verifier.ProofLength.selector, proof.length, got);
    }

    function _assertRefusedFlip(uint256 position, uint8 bit) private {
        bytes memory changed = proof;
        changed[position] ^= bytes1(uint8(1 << bit));
        _assertRefused(inputs, changed);
    }

    function _assertRefused(uint256[8] memory x, bytes memory p) internal {
        try verifier.verify(x, p) {
            fail();
        } catch {}
    }

    function _assertRefused(uint256[8] memory x, bytes memory p, bytes memory reason) private {
        vm.expectRevert(reason);
        verifier.verify(x, p);
    }

    function _swapped(uint256 a, uint256 b, uint256 length) private view returns (bytes memory changed) {
        changed = proof;
        for (uint256 i = 0; i < length; i++) {
            (changed[a + i], changed[b + i]) = (changed[b + i], changed[a + i]);
        }
        assertNotEq(keccak256(changed), keccak256(proof));
    }

    function _indexOf(Section[] memory sections, string memory name) private pure returns (uint256) {
        for (uint256 i = 0; i < sections.length; i++) {
            if (keccak256(bytes(sections[i].name)) == keccak256(bytes(name))) return i;
        }
        revert(name);
    }
}
