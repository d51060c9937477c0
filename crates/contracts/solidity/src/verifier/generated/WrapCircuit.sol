// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {Shape} from "../Shape.sol";

/// @title The circuit that WrapVerifier verifies
library WrapCircuit {
    /// @dev Keccak-256 of what follows and of the gates with their selectors.
    bytes32 internal constant ID = 0x13588fe0c4d77a8ea08b05e70591603b98bc0bf69fb3d947d492e5635b5822bf;

    /// @dev FRI parameters and circuit digest as the transcript takes them.
    bytes internal constant TRANSCRIPT_START = hex"0500000000000000040000000000000014000000000000000100000000000000"
        hex"0400000000000000050000000000000010000000000000000000000000000000"
        hex"0d0000000000000004000000000000000400000000000000601974aae39d5100"
        hex"ad0294d6ad845300fdf2d45dc712fc0062f21b0400000000";

    /// @dev Cap of the tree of constants and sigmas.
    bytes internal constant CONSTANTS_CAP = hex"91ecaae1e25b0838da873562dfd7c5871bf92e1e9acd6382e3d23a503d3e695f"
        hex"dc8bb83347eddd4047b56c0c2e0c8b74036519356441aafcd2549e1e2b6044f2"
        hex"d1378c10c71f517a5673954900f5c7d631b478582aee29f7fe1c23bfd979e718"
        hex"9901cfa4fc2a776cb4df2425bdac51fd71a171d992f836d3eb6896a1560a3f9e"
        hex"d61e8dccc3fc7732440323fdcfb02ce7c0bf2ead11e39a6e5eb159c48cb87a82"
        hex"015123b4928afbf732a0471894da4bfc46e27771028f0b08a7c2d89611ac467f"
        hex"92b5b4b07ba1cb8d7d17a3c9a4b67db00a4172c9e67696156024b49413086fd6"
        hex"f47b5766513187a4c768a27d88344f1e37c17a827615f917c1ee100845c339b3"
        hex"12ca2c22e92b0367406fe667f2bb29926b451120074c478a6723e7692380f9b2"
        hex"ed04458e9bd4e4c8527a20d64c3b4d2633b5d11daaaec05ea4bd4d8e94374433"
        hex"7eaf82f2396788d7a50d75a795668db8cf169c3f1064c6c2412a6037674faad3"
        hex"1f474cc2442e1a60eb5fda722daa47fb1986de9556740fecc51a5586b983d4d3"
        hex"352d652f9a317d16ba089a9471fea97e";

    function shape() internal pure returns (Shape memory) {
        return Shape({
            degreeBits: 13,
            rateBits: 5,
            capHeight: 4,
            powBits: 20,
            queries: 16,
            arityBits: hex"0404",
            constants: 5,
            selectors: 3,
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
