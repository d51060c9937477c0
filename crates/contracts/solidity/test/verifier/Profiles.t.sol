// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PlonkIdentity} from "../../src/verifier/PlonkIdentity.sol";
import {Plonky2Verifier} from "../../src/verifier/Plonky2Verifier.sol";
import {Shape} from "../../src/verifier/Shape.sol";
import {WrapCircuit} from "../../src/verifier/generated/WrapCircuit.sol";
import {WrapIdentity} from "../../src/verifier/generated/WrapIdentity.sol";
import {WrapVerifier} from "../../src/verifier/generated/WrapVerifier.sol";
import {CompactCircuit} from "../../src/verifier/generated/CompactCircuit.sol";
import {CompactIdentity} from "../../src/verifier/generated/CompactIdentity.sol";
import {CompactVerifier} from "../../src/verifier/generated/CompactVerifier.sol";
import {Compact16Circuit} from "../../src/verifier/generated/Compact16Circuit.sol";
import {Compact16Identity} from "../../src/verifier/generated/Compact16Identity.sol";
import {Compact16Verifier} from "../../src/verifier/generated/Compact16Verifier.sol";
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

contract ExposedCompact is Exposed {
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

contract ExposedCompact16 is Exposed {
    constructor(PlonkIdentity identity_) Plonky2Verifier(identity_) {}

    function _circuitId() internal pure override returns (bytes32) {
        return Compact16Circuit.ID;
    }

    function _shape() internal pure override returns (Shape memory) {
        return Compact16Circuit.shape();
    }

    function _transcriptStart() internal pure override returns (bytes memory) {
        return Compact16Circuit.TRANSCRIPT_START;
    }

    function _constantsCap() internal pure override returns (bytes memory) {
        return Compact16Circuit.CONSTANTS_CAP;
    }
}

/// The suite on the circuit of a profile, with the proof that `make verifier` writes.
abstract contract ProfileTest is VerifierSuite {
    /// Name of the committed call among the vectors.
    function _vector() internal pure virtual returns (string memory);

    /// The profile's verifier as it is deployed.
    function _deployed() internal virtual returns (Plonky2Verifier);

    function _load() internal view override returns (uint256[8] memory x, bytes memory p) {
        string memory path = string.concat("test/vectors/verifier/", _vector(), ".calldata");
        bytes memory call = vm.parseBytes(vm.readFile(path));
        bytes memory arguments = new bytes(call.length - 4);
        for (uint256 i = 0; i < arguments.length; i++) {
            arguments[i] = call[i + 4];
        }
        return abi.decode(arguments, (uint256[8], bytes));
    }

    function test_deployedContractsAcceptAndFitTheCodeSizeLimit() public {
        Plonky2Verifier deployed = _deployed();
        assertTrue(deployed.verify(inputs, proof));
        assertLt(address(deployed).code.length, 24_576);
        assertLt(address(identity).code.length, 24_576);
    }

    // covers: Z5 Z7
    function test_refusesProofsOfOtherProfiles() public {
        string[3] memory names = ["wrap", "compact", "compact-16"];
        for (uint256 i = 0; i < names.length; i++) {
            if (keccak256(bytes(names[i])) == keccak256(bytes(_vector()))) continue;
            bytes memory call =
                vm.parseBytes(vm.readFile(string.concat("test/vectors/verifier/", names[i], ".calldata")));
            (bool ok,) = address(verifier).staticcall(call);
            assertFalse(ok, names[i]);
        }
    }
}

contract FastTest is ProfileTest {
    function _vector() internal pure override returns (string memory) {
        return "wrap";
    }

    function _deploy() internal override returns (PlonkIdentity, Exposed) {
        WrapIdentity first = new WrapIdentity();
        return (first, new ExposedWrap(first));
    }

    function _deployed() internal override returns (Plonky2Verifier) {
        return new WrapVerifier(identity);
    }
}

contract CompactTest is ProfileTest {
    function _vector() internal pure override returns (string memory) {
        return "compact";
    }

    function _deploy() internal override returns (PlonkIdentity, Exposed) {
        CompactIdentity first = new CompactIdentity();
        return (first, new ExposedCompact(first));
    }

    function _deployed() internal override returns (Plonky2Verifier) {
        return new CompactVerifier(identity);
    }
}

contract Compact16Test is ProfileTest {
    function _vector() internal pure override returns (string memory) {
        return "compact-16";
    }

    function _deploy() internal override returns (PlonkIdentity, Exposed) {
        Compact16Identity first = new Compact16Identity();
        return (first, new ExposedCompact16(first));
    }

    function _deployed() internal override returns (Plonky2Verifier) {
        return new Compact16Verifier(identity);
    }
}
