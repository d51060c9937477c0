// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {Shape} from "../Shape.sol";

/// @title The circuit that WrapVerifier verifies
library WrapCircuit {
    /// @dev Keccak-256 of what follows and of the gates with their selectors.
    bytes32 internal constant ID = 0x21202fa398d6e94be4364e828eceaf18c5406a0d069b2a6b76e0831c4d7d6072;

    /// @dev FRI parameters and circuit digest as the transcript takes them.
    bytes internal constant TRANSCRIPT_START = hex"0500000000000000040000000000000014000000000000000100000000000000"
        hex"0400000000000000050000000000000010000000000000000000000000000000"
        hex"0d0000000000000004000000000000000400000000000000cc7bee27238c9600"
        hex"d31eca3063a422004784ec87e14fd2005417799200000000";

    /// @dev Cap of the tree of constants and sigmas.
    bytes internal constant CONSTANTS_CAP = hex"7ba30f3d2c82b19585e7d1445e35b690286b1e3c71bdf9246f702650a489c83e"
        hex"f9497f203d43e950605eaeef07133c18e89355d304082cdb43a2af793d38372a"
        hex"6fe8ec7871a26a85e8194142fe1b90525477fd4e10c2372ebff02c6294e0a9d4"
        hex"85d631f610c5fa97c4d8a4fbef2dc123fe61c57dd138c40157f6e10e6d416bbf"
        hex"94f2422b39c33987c9e1058f48f72cc938fc385be2f27e0652a752ef48cb5ce9"
        hex"13d14093841c0781bca06744dc0fa048c4e5549d1ce554d520511c9d8968f59f"
        hex"27679ac9db783476124d731158672ff442cdf9943088f1e4b1b2d41275aae2f7"
        hex"ca9b14bb026ce1fc92f549a78751280ff8a61a56aef966297c7fa3bbf8baa57d"
        hex"3a4840d7aaa7fb19d15c0bdaec02e1563e2eff6893f7e4b363663b72f721cdb8"
        hex"bb8842ff21adcf713504170cbafe0149da64decf857f0c8188fbf4ba5d8e80bf"
        hex"09e2a9a31ae8fc28f5a82903236abab61232c3c3be1b498ba804c67e6ab14b59"
        hex"0c4324f0b6f4af4b7101784bd2269e6d169659a13e46573584417a335aaa5a21"
        hex"00b65aafa9bc96ae195aadc1060b18ba";

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
