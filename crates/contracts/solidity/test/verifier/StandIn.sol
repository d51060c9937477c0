// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {StandInIdentity} from "./generated/StandInIdentity.sol";
import {StandInVerifier} from "./generated/StandInVerifier.sol";

/// A verifier of the stand-in circuit, and a proof of that circuit.
abstract contract StandIn is Test {
    StandInIdentity identity;
    StandInVerifier verifier;
    uint256[8] inputs;
    bytes proof;

    function setUp() public virtual {
        identity = new StandInIdentity();
        verifier = new StandInVerifier(identity);
        proof = vm.readFileBinary("test/vectors/verifier/standin_proof.bin");
        bytes memory packed = vm.readFileBinary("test/vectors/verifier/standin_inputs.bin");
        for (uint256 i = 0; i < 8; i++) {
            for (uint256 k = 0; k < 8; k++) {
                inputs[i] = (inputs[i] << 8) | uint8(packed[8 * i + k]);
            }
        }
    }
}
