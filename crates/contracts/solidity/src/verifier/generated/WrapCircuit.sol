// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated from the circuit; do not edit.
pragma solidity ^0.8.28;

import {Shape} from "../Shape.sol";

/// @title The circuit that WrapVerifier verifies
library WrapCircuit {
    /// @dev Keccak-256 of what follows and of the gates with their selectors.
    bytes32 internal constant ID = 0xf623c37d24fc7603c7aeea00ead01a88091d734c137af255b08d607cf75471de;

    /// @dev FRI parameters and circuit digest as the transcript takes them.
    bytes internal constant TRANSCRIPT_START = hex"0000000000000005000000000000000400000000000000140000000000000001"
        hex"0000000000000004000000000000000500000000000000100000000000000000"
        hex"000000000000000d0000000000000004000000000000000400b76931f15a8243"
        hex"00aaef410154d15600c36045a32fedac000000006ec941ae";

    /// @dev Cap of the tree of constants and sigmas.
    bytes internal constant CONSTANTS_CAP = hex"4894d52cc4315a46d4bbc3bc2e79bf2d3b0a4be4153c3d1d865ea9ad6be0681e"
        hex"0e821306e1e61de594d77cd6bb6505d628ed179cfb65abd5c32b6690b2cae24a"
        hex"19a165a3992d3032c18ca66927fec3a3a38dec0ce793f32aa774f3014bbe0582"
        hex"501db42b4e12680ec8358aa21c9e0f77f178238176bf57077ee3fb0160067beb"
        hex"713a150359fa43da5b6174eb344412efadbbdda145c6e70c57f9c7d751eb7a24"
        hex"58b6d6fad1a07883c3e3e8ed2f456264dc4aee730b214085984e0901ba1a20fb"
        hex"ff20c0d301e28a267a33319985ba5e08eaec4f07305d50d38d1757589196139c"
        hex"54c39613f9ba0074ddc67457c996c657d6a574ae45f2dd276e20c298b5e3195e"
        hex"9cd409c8915d710e9b636a4473e3de0a1ebd8d5c4807b5478b8a96e2b74ce26f"
        hex"a1b6615cd5993a72a460965e79c91e425e22a9ddd688863dd62f78d0059e3fa8"
        hex"4a1cbfef9e98efaa97613ab2cc4021bb83cc307f9cc8d5f0f9c72059cd64449c"
        hex"1b9b136e95862d671e29a35fb357c3714346968ad07bbdc95a0359d233483757"
        hex"d0d64df08c9a7fae5df1d2a90737b321";

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
