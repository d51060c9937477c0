// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {StandIn} from "./StandIn.sol";

contract Plonky2VerifierTest is StandIn {
    function test_acceptsAValidProof() public {
        bytes memory p = proof;
        uint256[8] memory x = inputs;
        uint256 before = gasleft();
        assertTrue(verifier.verify(x, p));
        emit log_named_uint("gas of verify, calldata not counted", before - gasleft());
    }
}
