// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {PlainToken} from "./PlainToken.sol";
import {IUniswapV3PoolMinimal} from "../../src/interfaces/IUniswapV3PoolMinimal.sol";

interface IUniswapV3FactoryCalls {
    function createPool(address a, address b, uint24 fee) external returns (address pool);
}

interface IUniswapV3PoolCalls {
    function initialize(uint160 sqrtPriceX96) external;
    function increaseObservationCardinalityNext(uint16 next) external;
    function mint(address recipient, int24 lower, int24 upper, uint128 amount, bytes calldata data)
        external
        returns (uint256, uint256);
    function burn(int24 lower, int24 upper, uint128 amount) external returns (uint256, uint256);
}

/// @notice A real Uniswap V3 pool (Uniswap's own build) for the fixture's tokens at the fixture's price, fee 5 bp.
abstract contract V3Pool is Fixture {
    int24 internal constant LOWEST = -887_270;
    int24 internal constant HIGHEST = 887_270;
    /// @dev Liquidity of 1000 base units and 2,000,000 quote units over all prices.
    uint128 internal constant LIQUIDITY = 44_721_359_549_995_793;

    IUniswapV3PoolMinimal internal pool;
    bool internal baseIs0;

    function _deployV3() internal {
        // sqrt(2e-9) * 2^96 for base as token0, the inverse otherwise
        _deployV3(
            address(base) < address(quote)
                ? 3_543_191_142_285_914_205_922_034
                : 1_771_595_571_142_957_102_961_017_161_607_260
        );
    }

    function _deployV3(uint160 root) internal {
        address factory = _deployArtifact("v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json", "");
        pool = IUniswapV3PoolMinimal(IUniswapV3FactoryCalls(factory).createPool(address(base), address(quote), 500));
        baseIs0 = pool.token0() == address(base);
        IUniswapV3PoolCalls(address(pool)).initialize(root);
        IUniswapV3PoolCalls(address(pool)).increaseObservationCardinalityNext(64);
        IUniswapV3PoolCalls(address(pool)).mint(address(this), LOWEST, HIGHEST, LIQUIDITY, "");
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        PlainToken(pool.token0()).mint(msg.sender, amount0);
        PlainToken(pool.token1()).mint(msg.sender, amount1);
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) public virtual {
        if (data.length != 0) _inSwap(data);
        if (amount0 > 0) PlainToken(pool.token0()).mint(msg.sender, uint256(amount0));
        if (amount1 > 0) PlainToken(pool.token1()).mint(msg.sender, uint256(amount1));
    }

    /// @dev What happens while a swap of the test is not paid yet.
    function _inSwap(bytes calldata data) internal virtual {}

    /// @dev Sells base (or quote) tokens into the pool, as much as it takes up to `amount`.
    function _swapV3(bool sellsBase, uint256 amount, bytes memory data) internal {
        bool zeroForOne = sellsBase == baseIs0;
        pool.swap(
            address(this),
            zeroForOne,
            int256(amount),
            zeroForOne ? 4_295_128_740 : 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_341,
            data
        );
    }

    /// @dev `n` blocks of 12 seconds, each with a small swap; three together move nothing.
    function _trade(uint256 n) internal {
        for (uint256 i; i < n; ++i) {
            _nextBlocks(1);
            _swapV3(i % 3 == 0, i % 3 == 0 ? BASE / 2 : 500 * QUOTE, "");
            twap.observe();
            chain.observe();
        }
        _nextBlocks(1);
    }
}
