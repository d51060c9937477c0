// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IUniswapV2Pair} from "v2-core/contracts/interfaces/IUniswapV2Pair.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {PoolExecutor} from "./PoolExecutor.sol";

/// @title Executor that sells through a Uniswap V2 pair and tops up from inventory
contract UniswapV2Executor is PoolExecutor {
    /// @notice The pair that orders are routed through.
    IUniswapV2Pair public immutable v2Pair;

    constructor(address auctionHouse_, address owner_, IUniswapV2Pair pair_, uint256 maxTopUpPips_)
        PoolExecutor(auctionHouse_, owner_, pair_.token0(), pair_.token1(), maxTopUpPips_)
    {
        v2Pair = pair_;
    }

    /// @notice What the pool pays for `amount` of a token, after its fee of 0.3 %; 0 for a pool without liquidity.
    function poolOutput(uint256 amount, bool sells0) public view returns (uint256) {
        (uint112 r0, uint112 r1,) = v2Pair.getReserves();
        (uint256 reserveIn, uint256 reserveOut) = sells0 ? (r0, r1) : (r1, r0);
        if (reserveIn == 0 || amount > type(uint112).max) return 0;
        uint256 amountWithFee = amount * 997;
        return amountWithFee * reserveOut / (reserveIn * 1000 + amountWithFee);
    }

    /// @inheritdoc PoolExecutor
    function _swap(address token, uint256 amount, uint256 least, bool sells0) internal override returns (uint256 out) {
        out = poolOutput(amount, sells0);
        if (out < least) revert PoolTooPoor(out, least);
        SafeTransferLib.safeTransfer(token, address(v2Pair), amount);
        v2Pair.swap(sells0 ? 0 : out, sells0 ? out : 0, address(this), "");
    }
}
