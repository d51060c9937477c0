// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

contract SizesTest is Test {
    /// EIP-170.
    uint256 internal constant LIMIT = 24_576;

    function test_every_deployed_contract_fits_a_real_chain() public view {
        string[9] memory names = [
            "AuctionHouse.sol:AuctionHouse",
            "Markets.sol:Markets",
            "StrategyRegistry.sol:StrategyRegistry",
            "UniswapV2TwapFeed.sol:UniswapV2TwapFeed",
            "ChainlinkFeed.sol:ChainlinkFeed",
            "ChainFeed.sol:ChainFeed",
            "PostedAggregator.sol:PostedAggregator",
            "InventoryExecutor.sol:InventoryExecutor",
            "UniswapV2Executor.sol:UniswapV2Executor"
        ];
        for (uint256 i; i < names.length; ++i) {
            uint256 size = vm.getDeployedCode(names[i]).length;
            assertGt(size, 0, names[i]);
            assertLe(size, LIMIT, names[i]);
        }
    }
}
