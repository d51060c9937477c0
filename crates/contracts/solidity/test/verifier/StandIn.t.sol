// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PlonkIdentity} from "../../src/verifier/PlonkIdentity.sol";
import {Plonky2Verifier} from "../../src/verifier/Plonky2Verifier.sol";
import {Shape} from "../../src/verifier/Shape.sol";
import {Exposed} from "./Exposed.sol";
import {VerifierSuite} from "./VerifierSuite.sol";
import {StandInCircuit} from "./generated/StandInCircuit.sol";
import {StandInIdentity} from "./generated/StandInIdentity.sol";
import {StandInVerifier} from "./generated/StandInVerifier.sol";

contract ExposedStandIn is Exposed {
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

contract StandInTest is VerifierSuite {
    function _deploy() internal override returns (PlonkIdentity, Exposed) {
        StandInIdentity first = new StandInIdentity();
        return (first, new ExposedStandIn(first));
    }

    function _load() internal view override returns (uint256[8] memory x, bytes memory p) {
        p = vm.readFileBinary("test/vectors/verifier/standin_proof.bin");
        bytes memory packed = vm.readFileBinary("test/vectors/verifier/standin_inputs.bin");
        assertEq(packed.length, 64);
        for (uint256 i = 0; i < 64; i++) {
            x[i / 8] = (x[i / 8] << 8) | uint8(packed[i]);
        }
    }

    // covers: Z5
    function test_refusesAProofOfAnotherCircuitOfTheSameShape() public {
        bytes memory other = vm.readFileBinary("test/vectors/verifier/standin_other.bin");
        assertEq(other.length, proof.length);
        _assertRefused(inputs, other);
    }

    function test_deployedContractsAcceptAndFitTheCodeSizeLimit() public {
        StandInVerifier deployed = new StandInVerifier(identity);
        assertTrue(deployed.verify(inputs, proof));
        assertLt(address(deployed).code.length, 24_576);
        assertLt(address(identity).code.length, 24_576);
    }

    // covers: Z23
    function test_refusesToBeDeployedOnAnotherCircuitsConstraints() public {
        bytes32 other = keccak256("another circuit");
        vm.mockCall(address(identity), abi.encodeCall(PlonkIdentity.circuitId, ()), abi.encode(other));
        vm.expectRevert(abi.encodeWithSelector(Plonky2Verifier.CircuitMismatch.selector, StandInCircuit.ID, other));
        new StandInVerifier(identity);
    }
}
