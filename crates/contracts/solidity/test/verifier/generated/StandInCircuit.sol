// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {Shape} from "../../../src/verifier/Shape.sol";

/// @title The circuit that StandInVerifier verifies
library StandInCircuit {
    /// @dev Keccak-256 of what follows and of the gates with their selectors.
    bytes32 internal constant ID = 0xb58ccd62ff15e8fce586b1df77ca6c8987d4161fd732bd8078e584ebb69d48fa;

    /// @dev FRI parameters and circuit digest as the transcript takes them.
    bytes internal constant TRANSCRIPT_START = hex"0000000000000005000000000000000400000000000000140000000000000001"
        hex"0000000000000004000000000000000500000000000000100000000000000000"
        hex"000000000000000c00000000000000040000000000000004005747002aca5189"
        hex"00bb58ce64fe9c8600b60af012621e4b000000007581c2c9";

    /// @dev Cap of the tree of constants and sigmas.
    bytes internal constant CONSTANTS_CAP = hex"04272d1b99fb1aace2245ed9c1dfcf2b60cfdf3228ca7dc44defa7a462c2520c"
        hex"f833eb6b9125dcae5cb7576d49e15e236a986984896a4f1c1e4162d34d1b8d06"
        hex"0a9f5b3efc9c78587f2631bea9d65dd0f62d0e83659abace3cc9233cf50f1232"
        hex"814d765e03d99090ce64aa4d0443797770aacb5563495af1a0df8701836817cc"
        hex"50018433fa4dbf4f9725a88d5bda0c51a2953e7a2149b1ee9139279bb6084da4"
        hex"26d493a63da4ae650c42b115e26370dd2ffdd7bd2d78bf72c2f0efdff0e16600"
        hex"db79ffd4c11f493270ba63c7c381524394d88d8965418849a3df5e6282a5487d"
        hex"6a02938635fabfdf33d285b5e15b090c940c1f0f818cf108d0bb0e828d98df4f"
        hex"6150a90c6a0bca082a20bb7066971ba7b61e61019fd9e485a35a2cd3ce986aa8"
        hex"b633977135e38420f13db189faa6d22575e2dcb6cc5c9e58972e2769293d6894"
        hex"16bb611734abd8f5e79557c1b13f6dc9f0e72fb6f173e14144ceeeb5e13697ae"
        hex"cc430ab774a4b72d229b625a1f3ff074e3d657960ea56a9f1e41e6a7b7a1767d"
        hex"1db99c4297bdcf6bf6ec13d71dd191dc";

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
