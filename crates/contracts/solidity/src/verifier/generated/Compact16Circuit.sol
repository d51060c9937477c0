// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {Shape} from "../Shape.sol";

/// @title The circuit that Compact16Verifier verifies
library Compact16Circuit {
    /// @dev Keccak-256 of what follows and of the gates with their selectors.
    bytes32 internal constant ID = 0x8c59542feac017e46133860d0db21567df5b47364e3fd86be5511bb0d3a1459c;

    /// @dev FRI parameters and circuit digest as the transcript takes them.
    bytes internal constant TRANSCRIPT_START = hex"0800000000000000040000000000000016000000000000000000000000000000"
        hex"0300000000000000030000000000000010000000000000000000000000000000"
        hex"0c000000000000000300000000000000030000000000000079184d7b87b99d00"
        hex"26178f178422720022c429017bc21500bcc9e7e800000000";

    /// @dev Cap of the tree of constants and sigmas.
    bytes internal constant CONSTANTS_CAP = hex"b0acc87899ebcac935d81370328b2e0fb90ee4b1e4fe9243b9ae53e84971874f"
        hex"43c8ae7b3d4ed24433f555e012d5777be0fcd9d344257864f65d2b52aee851fd"
        hex"b58c37dac494f242e53eaf5678240af58660cd9fbe20c75e056db76866864b62"
        hex"d287390884f8ac7ac34ab990d926856f55e927ee5f7a72f197ab7bf257a9dcde"
        hex"36496ab8dbf05a5892bbc175d8d4042265b019b3b0f03dde1e8ff80bd5408cb0"
        hex"c4eaa6345d66b76645c76bea7e424666cd8651f6cd3a9362d646ab6f4284ac87"
        hex"4260ee8f075ddb5bd1565a50b7158d0de1ecb16aad90f2946a8dc82d5aa7bbec"
        hex"8bd388faf52d24651b6f64c9c71263f4d78383a8f9a2720307df656be0246ab1"
        hex"198b552cc644d9f012660225ba156d25e81f8d186711df56a67e6a20ed6be1ce"
        hex"235cc7d223b093aa50e21a3aec4e55bd2dfb79d81551d7661c712dfe54a406c9"
        hex"88ef620c1490e646fd18f56aaa83466fc35a64a853b991154852d5db91087b29"
        hex"2152545a8cae46bce1762fc94f673e3d07a92fb1eaa19b60289d1cccab6fd881"
        hex"03a61bd236e5d512698e0393e18a2154";

    function shape() internal pure returns (Shape memory) {
        return Shape({
            degreeBits: 12,
            rateBits: 8,
            capHeight: 4,
            powBits: 22,
            queries: 16,
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
