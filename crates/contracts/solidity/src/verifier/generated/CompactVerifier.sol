// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {PlonkIdentity} from "../PlonkIdentity.sol";
import {Plonky2Verifier} from "../Plonky2Verifier.sol";
import {Shape} from "../Shape.sol";
import {CompactCircuit} from "./CompactCircuit.sol";

/// @title Verifier of the circuit's proofs
contract CompactVerifier is Plonky2Verifier {
    constructor(PlonkIdentity identity_) Plonky2Verifier(identity_) {}

    function _circuitId() internal pure override returns (bytes32) {
        return CompactCircuit.ID;
    }

    function _shape() internal pure override returns (Shape memory) {
        return CompactCircuit.shape();
    }

    function _transcriptStart() internal pure override returns (bytes memory) {
        return CompactCircuit.TRANSCRIPT_START;
    }

    function _constantsCap() internal pure override returns (bytes memory) {
        return CompactCircuit.CONSTANTS_CAP;
    }
}
