// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title The part of a Uniswap V3 pool that feed and executor use
interface IUniswapV3PoolMinimal {
    function token0() external view returns (address);
    function token1() external view returns (address);

    /// @return sqrtPriceX96 Root of the price of token0 in token1, Q64.96.
    /// @return tick Current tick.
    /// @return observationIndex Place of the newest observation.
    /// @return observationCardinality Observations that the ring holds.
    function slot0()
        external
        view
        returns (
            uint160 sqrtPriceX96,
            int24 tick,
            uint16 observationIndex,
            uint16 observationCardinality,
            uint16 observationCardinalityNext,
            uint8 feeProtocol,
            bool unlocked
        );

    /// @return blockTimestamp When it was made, modulo 2^32.
    /// @return tickCumulative Sum of tick times seconds.
    /// @return secondsPerLiquidityCumulativeX128 Sum of seconds over liquidity in range, Q128.
    /// @return initialized False for a place that was never written.
    function observations(uint256 index)
        external
        view
        returns (
            uint32 blockTimestamp,
            int56 tickCumulative,
            uint160 secondsPerLiquidityCumulativeX128,
            bool initialized
        );

    /// @notice The two sums as of so many seconds ago.
    function observe(uint32[] calldata secondsAgos)
        external
        view
        returns (int56[] memory tickCumulatives, uint160[] memory secondsPerLiquidityCumulativeX128s);

    /// @notice Swaps; the pool calls `uniswapV3SwapCallback` of the caller for what it is owed.
    /// @return amount0 Change of the pool's token0: positive is owed to it, negative was paid out.
    /// @return amount1 The same for token1.
    function swap(
        address recipient,
        bool zeroForOne,
        int256 amountSpecified,
        uint160 sqrtPriceLimitX96,
        bytes calldata data
    ) external returns (int256 amount0, int256 amount1);
}
