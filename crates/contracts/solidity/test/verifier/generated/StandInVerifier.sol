// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {PlonkIdentity} from "../../../src/verifier/PlonkIdentity.sol";
import {Plonky2Verifier} from "../../../src/verifier/Plonky2Verifier.sol";
import {Shape} from "../../../src/verifier/Shape.sol";
import {StandInCircuit} from "./StandInCircuit.sol";

/// @title Verifier of the circuit's proofs
contract StandInVerifier is Plonky2Verifier {
    constructor(PlonkIdentity identity_) Plonky2Verifier(identity_) {}

    function _circuitId() internal pure override returns (bytes32) {
        return StandInCircuit.ID;
    }

    function _shape() internal pure override returns (Shape memory) {
        return StandInCircuit.shape();
    }

    function _transcriptStart() internal pure override returns (bytes memory) {
        return StandInCircuit.TRANSCRIPT_START;
    }

    function _constantsCap() internal pure override returns (bytes memory) {
        return StandInCircuit.CONSTANTS_CAP;
    }
}
