// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {Shape} from "../../../src/verifier/Shape.sol";

/// @title The circuit that StandInVerifier verifies
library StandInCircuit {
    /// @dev Keccak-256 of what follows and of the gates with their selectors.
    bytes32 internal constant ID = 0x8c5d27fd90c5194f8bc333099c657c2a57d47bd8ddcd7455280ff70f8f0a112f;

    /// @dev FRI parameters and circuit digest as the transcript takes them.
    bytes internal constant TRANSCRIPT_START = hex"0500000000000000040000000000000014000000000000000100000000000000"
        hex"0400000000000000050000000000000010000000000000000000000000000000"
        hex"0c000000000000000400000000000000040000000000000051a4b3626b1bbe00"
        hex"1c37598071b85100e7d453bd1eaa3500cb36fa1700000000";

    /// @dev Cap of the tree of constants and sigmas.
    bytes internal constant CONSTANTS_CAP = hex"8347b372552022966e1ae4ecf4ca63a95467e46ee79af1f5bf904496e5200c9d"
        hex"e95b2841aa6f6f3640493c7a49ccd41366ca68b3c713ed8033c899f07bb46ffa"
        hex"f500bdd2f1c7578febb81469e7e08e8327b1912ce9ccf12f672a82e314bf1bb7"
        hex"d09435ece5671effc7842e207eeb7a9d7bbf0a2069e22dd6e890cb6d8fd2406a"
        hex"269551c05f2424ab2d85af5354f9a5398b376fa3b8b2431fdf455b7529c52f4a"
        hex"5f414980c45207c6980ab508593ca29e7ffa9e7313bb6e92e313ec53aac801b6"
        hex"b31c5c6a10cc09c3a229c8aaeee5a36be96cc4b69aa5391201c576f1af7c0c18"
        hex"0c277b21a078d08041e8558a1a431cd412c03185fa195f06fc6dae8e7bcb8853"
        hex"2516f72921f5a6eaa44623e2fda9081b65eda89058b2b46b3cef80aa201527ce"
        hex"e62e95ff3419a23b74620914fb771904d820868277a6fe73f1e7995598143196"
        hex"aa42866b1b19bd9fe944bb876d301ea64d1e2ca30970c1b343e06ee3d1a4ca7e"
        hex"27de4f96aaf06ea1d101280c8b7f3b32ed2b7a78a23e454d84e4ca39318b8a83"
        hex"932271d681d65d4ae15d3f6f4b7cdfb9";

    function shape() internal pure returns (Shape memory) {
        return Shape({
            degreeBits: 12,
            rateBits: 5,
            capHeight: 4,
            powBits: 20,
            queries: 16,
            arityBits: hex"0404",
            constants: 6,
            selectors: 4,
            routedWires: 80,
            wires: 135,
            challenges: 3,
            partialProducts: 9,
            quotientDegreeFactor: 8,
            gateConstraints: 123,
            cosetGenerator: 14293326489335486720
        });
    }
}
