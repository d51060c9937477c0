// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {IUniswapV3PoolMinimal} from "../interfaces/IUniswapV3PoolMinimal.sol";
import {PoolExecutor} from "./PoolExecutor.sol";

/// @title Executor that sells through a Uniswap V3 pool and tops up from inventory
contract UniswapV3Executor is PoolExecutor {
    /// @dev The pool's bounds of the root of the price, exclusive: no limit of our own, the output decides.
    uint160 internal constant LOWEST_ROOT = 4_295_128_740;
    uint160 internal constant HIGHEST_ROOT = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_341;

    /// @notice The pool that orders are routed through.
    IUniswapV3PoolMinimal public immutable v3Pool;

    /// @notice Only the pool asks to be paid.
    error NotPool(address caller);

    constructor(address auctionHouse_, address owner_, IUniswapV3PoolMinimal pool_, uint256 maxTopUpPips_)
        PoolExecutor(auctionHouse_, owner_, pool_.token0(), pool_.token1(), maxTopUpPips_)
    {
        v3Pool = pool_;
    }

    /// @notice Pays the pool for the swap that it is in. A pool calls it only on whoever called `swap`, so it can come only
    ///         out of `sellToPool`.
    function uniswapV3SwapCallback(int256 amount0Delta, int256 amount1Delta, bytes calldata) external {
        if (msg.sender != address(v3Pool)) revert NotPool(msg.sender);
        if (amount0Delta > 0) SafeTransferLib.safeTransfer(_token0, msg.sender, uint256(amount0Delta));
        if (amount1Delta > 0) SafeTransferLib.safeTransfer(_token1, msg.sender, uint256(amount1Delta));
    }

    /// @inheritdoc PoolExecutor
    /// @dev A pool without enough liquidity takes a part of the amount; the rest stays here as inventory.
    function _swap(address, uint256 amount, uint256, bool sells0) internal override returns (uint256 out) {
        (int256 delta0, int256 delta1) =
            v3Pool.swap(address(this), sells0, int256(amount), sells0 ? LOWEST_ROOT : HIGHEST_ROOT, "");
        // what the pool pays out is negative
        out = uint256(-(sells0 ? delta1 : delta0));
    }
}
