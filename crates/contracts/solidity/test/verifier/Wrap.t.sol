// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PlonkIdentity} from "../../src/verifier/PlonkIdentity.sol";
import {Plonky2Verifier} from "../../src/verifier/Plonky2Verifier.sol";
import {Shape} from "../../src/verifier/Shape.sol";
import {WrapCircuit} from "../../src/verifier/generated/WrapCircuit.sol";
import {WrapIdentity} from "../../src/verifier/generated/WrapIdentity.sol";
import {WrapVerifier} from "../../src/verifier/generated/WrapVerifier.sol";
import {Exposed} from "./Exposed.sol";
import {VerifierSuite} from "./VerifierSuite.sol";

contract ExposedWrap is Exposed {
    constructor(PlonkIdentity identity_) Plonky2Verifier(identity_) {}

    function _circuitId() internal pure override returns (bytes32) {
        return WrapCircuit.ID;
    }

    function _shape() internal pure override returns (Shape memory) {
        return WrapCircuit.shape();
    }

    function _transcriptStart() internal pure override returns (bytes memory) {
        return WrapCircuit.TRANSCRIPT_START;
    }

    function _constantsCap() internal pure override returns (bytes memory) {
        return WrapCircuit.CONSTANTS_CAP;
    }
}

/// The suite on the wrap circuit. Its fixture is the calldata file that `sotto strategy prove` writes.
contract WrapTest is VerifierSuite {
    string private constant CALLDATA = "test/vectors/verifier/wrap.calldata";

    function _deploy() internal override returns (PlonkIdentity, Exposed) {
        WrapIdentity first = new WrapIdentity();
        return (first, new ExposedWrap(first));
    }

    function _load() internal view override returns (uint256[8] memory x, bytes memory p) {
        bytes memory call = vm.parseBytes(vm.readFile(CALLDATA));
        bytes memory arguments = new bytes(call.length - 4);
        for (uint256 i = 0; i < arguments.length; i++) {
            arguments[i] = call[i + 4];
        }
        return abi.decode(arguments, (uint256[8], bytes));
    }

    function test_deployedContractsAcceptAndFitTheCodeSizeLimit() public {
        WrapVerifier deployed = new WrapVerifier(identity);
        assertTrue(deployed.verify(inputs, proof));
        assertLt(address(deployed).code.length, 24_576);
        assertLt(address(identity).code.length, 24_576);
    }
}
