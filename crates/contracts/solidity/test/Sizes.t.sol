// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

contract SizesTest is Test {
    /// EIP-170.
    uint256 internal constant LIMIT = 24_576;

    function test_every_deployed_contract_fits_a_real_chain() public view {
        string[15] memory names = [
            "AuctionHouse.sol:AuctionHouse",
            "Markets.sol:Markets",
            "StrategyRegistry.sol:StrategyRegistry",
            "UniswapV2TwapFeed.sol:UniswapV2TwapFeed",
            "ChainlinkFeed.sol:ChainlinkFeed",
            "ChainFeed.sol:ChainFeed",
            "PostedAggregator.sol:PostedAggregator",
            "InventoryExecutor.sol:InventoryExecutor",
            "UniswapV2Executor.sol:UniswapV2Executor",
            "UniswapV3TwapFeed.sol:UniswapV3TwapFeed",
            "PythFeed.sol:PythFeed",
            "UniswapV3Executor.sol:UniswapV3Executor",
            "AuctionEnd.sol:AuctionEnd",
            "CoinOrders.sol:CoinOrders",
            "ProvenQuotes.sol:ProvenQuotes"
        ];
        for (uint256 i; i < names.length; ++i) {
            uint256 size = vm.getDeployedCode(names[i]).length;
            assertGt(size, 0, names[i]);
            assertLe(size, LIMIT, names[i]);
        }
    }
}
