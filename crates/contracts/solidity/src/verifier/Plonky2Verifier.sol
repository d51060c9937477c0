// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../interfaces/IProofVerifier.sol";
import {Elements} from "./Elements.sol";
import {Ext} from "./Extension.sol";
import {Fri, FriChallenges, FriContext} from "./Fri.sol";
import {FriSetup} from "./FriSetup.sol";
import {PlonkChallenges, PlonkIdentity} from "./PlonkIdentity.sol";
import {PoseidonGoldilocks} from "./PoseidonGoldilocks.sol";
import {Shape} from "./Shape.sol";
import {Sponge, Transcript} from "./Transcript.sol";

/// @title Verifier of plonky2 1.1.0 proofs over the project's `EvmConfig`
/// @notice Deployed in two contracts, in this order: the `PlonkIdentity` of the circuit, then this contract with the
/// address of the first. `verify` returns true for a valid proof and reverts with an error that names the failed check
/// for every other one; it never returns false. The layout of a proof is that of `_sections`.
abstract contract Plonky2Verifier is IProofVerifier {
    using Transcript for Sponge;

    /// The proof does not have the circuit's length.
    error ProofLength(uint256 expected, uint256 got);
    /// The work response is not below 2^(64 - work bits).
    error InsufficientWork(uint256 response);
    /// The contract given is that of another circuit.
    error CircuitMismatch(bytes32 expected, bytes32 got);

    /// @notice The contract that checks the constraints.
    PlonkIdentity public immutable identity;

    /// @dev Calldata offsets of a proof's sections, in their order.
    struct Sections {
        uint256 caps;
        uint256 openings;
        uint256 stepCaps;
        uint256 finalPolynomial;
        uint256 workWitness;
        uint256 queries;
    }

    /// @dev The elements before the queries.
    struct Opened {
        bytes openings;
        bytes finalPolynomial;
    }

    constructor(PlonkIdentity identity_) {
        bytes32 got = identity_.circuitId();
        if (got != _circuitId()) revert CircuitMismatch(_circuitId(), got);
        identity = identity_;
    }

    /// @inheritdoc IProofVerifier
    function verify(uint256[8] calldata publicInputs, bytes calldata proof) external view returns (bool) {
        Shape memory shape = _shape();
        Sections memory s = _sections(shape, proof);
        bytes32 publicInputsHash = PoseidonGoldilocks.hash8(publicInputs);
        Opened memory opened = _read(s);
        (PlonkChallenges memory plonk, FriChallenges memory fri) = _challenges(shape, s, publicInputsHash);
        identity.check(plonk, publicInputsHash, opened.openings);
        Fri.check(shape, _context(shape, s, opened, plonk.zeta, fri.alpha), fri, s.queries);
        return true;
    }

    /// The elements before the queries, all of them below p.
    function _read(Sections memory s) internal pure returns (Opened memory opened) {
        opened.openings = Elements.read(s.openings, (s.stepCaps - s.openings) / 8);
        opened.finalPolynomial = Elements.read(s.finalPolynomial, (s.workWitness - s.finalPolynomial) / 8);
        Elements.read(s.workWitness, 1);
    }

    /// What the queries share.
    function _context(Shape memory shape, Sections memory s, Opened memory opened, Ext zeta, Ext alpha)
        internal
        pure
        returns (FriContext memory c)
    {
        c.caps = s.caps;
        c.stepCaps = s.stepCaps;
        c.capBytes = 25 << shape.capHeight;
        FriSetup.unpack(c, opened.finalPolynomial);
        bytes memory cap = _constantsCap();
        uint256 capData;
        assembly ("memory-safe") {
            capData := add(cap, 32)
        }
        c.constantsCap = capData;
        FriSetup.prepare(shape, c, opened.openings, zeta, alpha);
    }

    /// The transcript: circuit, public inputs, and everything that the prover commits to, in the order of plonky2's
    /// `get_challenges`.
    function _challenges(Shape memory shape, Sections memory s, bytes32 publicInputsHash)
        internal
        pure
        returns (PlonkChallenges memory plonk, FriChallenges memory fri)
    {
        Sponge t = Transcript.create();
        {
            bytes memory start = abi.encodePacked(_transcriptStart(), publicInputsHash);
            uint256 ptr;
            assembly ("memory-safe") {
                ptr := add(start, 32)
            }
            t.absorb(ptr, start.length / 8);
        }
        uint256 capLength = 1 << shape.capHeight;
        t.absorbDigests(s.caps, capLength);
        plonk.betasGammas = _take(t, 2 * shape.challenges);
        t.absorbDigests(s.caps + 25 * capLength, capLength);
        plonk.alphas = _take(t, shape.challenges);
        t.absorbDigests(s.caps + 50 * capLength, capLength);
        plonk.zeta = t.extChallenge();
        t.absorbCalldata(s.openings, (s.stepCaps - s.openings) / 8);
        fri = _friChallenges(shape, s, t);
    }

    function _friChallenges(Shape memory shape, Sections memory s, Sponge t)
        private
        pure
        returns (FriChallenges memory fri)
    {
        uint256 capLength = 1 << shape.capHeight;
        fri.alpha = t.extChallenge();
        fri.betas = new Ext[](shape.arityBits.length);
        for (uint256 i = 0; i < fri.betas.length; i++) {
            t.absorbDigests(s.stepCaps + 25 * capLength * i, capLength);
            fri.betas[i] = t.extChallenge();
        }
        t.absorbCalldata(s.finalPolynomial, (s.workWitness - s.finalPolynomial) / 8);
        t.absorbCalldata(s.workWitness, 1);
        uint256 response = t.challenge();
        if (response >> (64 - shape.powBits) != 0) revert InsufficientWork(response);
        fri.indices = _take(t, shape.queries);
        uint256 mask = (1 << (shape.degreeBits + shape.rateBits)) - 1;
        for (uint256 i = 0; i < fri.indices.length; i++) {
            fri.indices[i] &= mask;
        }
    }

    function _take(Sponge t, uint256 count) private pure returns (uint256[] memory challenges) {
        challenges = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            challenges[i] = t.challenge();
        }
    }

    /// Caps of wires, products and quotient; openings; folding caps; final polynomial; work witness; queries, each
    /// with four leaves, their four paths, and for each step a coset's values and their path. No other length is
    /// accepted.
    function _sections(Shape memory shape, bytes calldata proof) internal pure returns (Sections memory s) {
        uint256 capBytes = 25 << shape.capHeight;
        uint256 polynomials = shape.constants + shape.routedWires + shape.wires + shape.challenges
            * (1 + shape.partialProducts + shape.quotientDegreeFactor);
        uint256 start;
        assembly ("memory-safe") {
            start := proof.offset
        }
        s.caps = start;
        s.openings = s.caps + 3 * capBytes;
        s.stepCaps = s.openings + 16 * (polynomials + shape.challenges);
        s.finalPolynomial = s.stepCaps + shape.arityBits.length * capBytes;
        uint256 height = shape.degreeBits + shape.rateBits;
        uint256 queryBytes = 8 * polynomials + 100 * (height - shape.capHeight);
        for (uint256 i = 0; i < shape.arityBits.length; i++) {
            uint256 arity = uint8(shape.arityBits[i]);
            height -= arity;
            queryBytes += (16 << arity) + 25 * (height - shape.capHeight);
        }
        s.workWitness = s.finalPolynomial + (16 << (height - shape.rateBits));
        s.queries = s.workWitness + 8;
        uint256 expected = s.queries + shape.queries * queryBytes - start;
        if (proof.length != expected) revert ProofLength(expected, proof.length);
    }

    /// @dev Identifies the circuit.
    function _circuitId() internal pure virtual returns (bytes32);

    /// @dev The circuit's numbers.
    function _shape() internal pure virtual returns (Shape memory);

    /// @dev The first elements of the transcript, eight bytes each: FRI parameters and circuit digest.
    function _transcriptStart() internal pure virtual returns (bytes memory);

    /// @dev The cap of the tree of constants and sigmas, 25 bytes a digest.
    function _constantsCap() internal pure virtual returns (bytes memory);
}
