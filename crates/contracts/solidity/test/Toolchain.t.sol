// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

contract ToolchainTest is Test {
    function test_toolchain() public pure {
        assertTrue(true);
    }
}
