// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {Shape} from "../Shape.sol";

/// @title The circuit that CompactVerifier verifies
library CompactCircuit {
    /// @dev Keccak-256 of what follows and of the gates with their selectors.
    bytes32 internal constant ID = 0xb47db146c8880ce9231c2ff6a1b0ab2f9ec113ebfbf1c673a566e2528a608a88;

    /// @dev FRI parameters and circuit digest as the transcript takes them.
    bytes internal constant TRANSCRIPT_START = hex"0000000000000008000000000000000400000000000000140000000000000000"
        hex"00000000000000030000000000000003000000000000000a0000000000000000"
        hex"000000000000000c0000000000000003000000000000000300b2e422f382d72d"
        hex"00f9c037639f48da00751589e0af2a56000000003d80d595";

    /// @dev Cap of the tree of constants and sigmas.
    bytes internal constant CONSTANTS_CAP = hex"e76bfee281b6f4a82f1f9bf6df0d28297af6f2b581d06083e582f795b1724557"
        hex"1eb3a67451ce4c72d4d9bf6979af8eeaeea6dd49c60e5cef517db292c96e2084"
        hex"ab7bc9c37ded969f3f48393e96e250faa4b6ff804a14be621fe1140259e096a0"
        hex"6e33d35bd6bb3bc67e20876ef996e3298fc58b41c8b3c06ca47e758addcdd494"
        hex"3b8e49e5b0ab579bf98fae6bfef3f4c81ef69a6d3512fd0e6de99338e50da622"
        hex"bc7d13dd9feb54acae6f1b50953263cd20463094e2f7b0168eb1375b2e1ff78a"
        hex"4592ef16006b4d39641b192cfdf202a1cbd8855884bd121ee2ba11d58eaa10de"
        hex"9d1b7eb8dcb315765d4d2850b2b2942644ea0293a6c15f11f695f85723103840"
        hex"b0579c959063430db3b373a4edad1f01d8a3f4898c2fc1138d283c68e1f3eb6e"
        hex"eba367f4d686f34c6901064cd9e00e3ca5697f7e3d4cc9901c8745f9e572506d"
        hex"8554704e39bfe1fe052c0f9e7dba72092c13f3d52a90c804be1d6b1663a7194f"
        hex"e37e78bcd68edf81262b486a24636d7e82f3212db106afacd9bf9f0c3f298cee"
        hex"46b6c645ff09a1fce3defd5ac9582e38";

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
