// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {Shape} from "../Shape.sol";

/// @title The circuit that CompactVerifier verifies
library CompactCircuit {
    /// @dev Keccak-256 of what follows and of the gates with their selectors.
    bytes32 internal constant ID = 0x6dbc6a578e92cc26c6501aa73c8b5cabf2e76b9d478cb9fa82ee2a454858df85;

    /// @dev FRI parameters and circuit digest as the transcript takes them.
    bytes internal constant TRANSCRIPT_START = hex"0800000000000000040000000000000014000000000000000000000000000000"
        hex"030000000000000003000000000000000a000000000000000000000000000000"
        hex"0c00000000000000030000000000000003000000000000007405a4b503d0e700"
        hex"5fc51399f901f300baadb99499875700541f165300000000";

    /// @dev Cap of the tree of constants and sigmas.
    bytes internal constant CONSTANTS_CAP = hex"0c30059f86dfefce3ac07ed5d88be2790142830f1aec81795140f16e8ad52dc0"
        hex"a43eef04537db1931b976c52c9370e0b3b058e21ffbbe70b4cca9fcff13b77cb"
        hex"723ed6f32a187fd3a19d5d08c6c600fafd0cc570eef5e9d9628facd7547ab436"
        hex"95a9988f530c2b15509275979618f16194f0a6f94ef99de0bd53843eb0a4c88f"
        hex"6a99e8ffeaee33b58e2db147aefc5604b8225b9caade49604a1b19210ef5a3f6"
        hex"24537bb74f46e5fb043800f5e21161dd38a52d281a32fb4a69e1cce65f374b49"
        hex"c207f6b5be44b5d7aeef52986de1afaf17b4801b6b508b8dac132581407e36cd"
        hex"8c75d54b67befba91632af6ffebce6f2044f396b34b4bf7cbac9f45de953bab8"
        hex"b60827d2d4421a23e176410763693751b4b85487d88c785695258e3731e4a1bb"
        hex"0578b6cba4ae6bd0400b15c9c79e2062f0173604f3c94094a5629013a306d66d"
        hex"f7c717e57af4a936cb2bbe896c0b5bc4d85ca96135b24e4e1ffaf63d4dfcaedb"
        hex"050c37694d63147cb4438b8588b8198f093cac5bd109f6cf8e92f1638f69a088"
        hex"64096f06d02de7145d2cc7688d380446";

    function shape() internal pure returns (Shape memory) {
        return Shape({
            degreeBits: 12,
            rateBits: 8,
            capHeight: 4,
            powBits: 20,
            queries: 10,
            arityBits: hex"0303",
            constants: 6,
            selectors: 4,
            routedWires: 37,
            wires: 135,
            challenges: 3,
            partialProducts: 4,
            quotientDegreeFactor: 8,
            gateConstraints: 123,
            cosetGenerator: 14293326489335486720
        });
    }
}
