// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IUniswapV2Pair} from "v2-core/contracts/interfaces/IUniswapV2Pair.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {InventoryExecutor} from "./InventoryExecutor.sol";
import {IExecutor, FillOrder} from "../interfaces/IExecutor.sol";

/// @title Executor that sells through a Uniswap V2 pair and tops up from inventory
/// @notice Whoever calls `fill` can move the pool just before, or call from within a flash swap, which locks it. So the
///         pool is used only while its output lacks at most `maxTopUpPips` of the amount to deliver and while it takes
///         the swap; otherwise the whole amount comes from inventory, and the sold tokens stay here. What the pool pays
///         beyond the delivery stays here as well. Inventory has to cover what was won: without it, the caller decides
///         whether the strategy defaults.
contract UniswapV2Executor is InventoryExecutor {
    /// @notice The pair that orders are routed through.
    IUniswapV2Pair public immutable v2Pair;
    /// @notice Largest share of a delivery, in pips, that inventory adds to the pool's output.
    uint256 public immutable maxTopUpPips;
    address internal immutable _token0;
    address internal immutable _token1;

    error WrongToken(address token);
    /// @notice Only the executor calls itself.
    error OnlySelf();

    constructor(address auctionHouse_, address owner_, IUniswapV2Pair pair_, uint256 maxTopUpPips_)
        InventoryExecutor(auctionHouse_, owner_)
    {
        v2Pair = pair_;
        maxTopUpPips = maxTopUpPips_;
        _token0 = pair_.token0();
        _token1 = pair_.token1();
    }

    /// @inheritdoc IExecutor
    function onFill(bytes32 strategyId, FillOrder calldata order) external override {
        _checkFill(strategyId);
        bool sells0 = order.sellToken == _token0;
        if (!sells0 && order.sellToken != _token1) revert WrongToken(order.sellToken);
        if (order.buyToken != (sells0 ? _token1 : _token0)) revert WrongToken(order.buyToken);

        uint256 out = poolOutput(order.sellAmount, sells0);
        uint256 topUp = FixedPointMathLib.zeroFloorSub(order.buyAmount, out);
        if (topUp <= FixedPointMathLib.fullMulDiv(order.buyAmount, maxTopUpPips, 1_000_000)) {
            // what the pool refuses is undone, and inventory delivers
            try this.sellToPool(order.sellToken, order.sellAmount, out, sells0) {} catch {}
        }
        SafeTransferLib.safeTransfer(order.buyToken, msg.sender, order.buyAmount);
    }

    /// @notice Swaps `amount` of a token for `out` of the other. Called by the executor itself, so that a refusal undoes
    ///         the transfer to the pool.
    function sellToPool(address token, uint256 amount, uint256 out, bool sells0) external {
        if (msg.sender != address(this)) revert OnlySelf();
        SafeTransferLib.safeTransfer(token, address(v2Pair), amount);
        v2Pair.swap(sells0 ? 0 : out, sells0 ? out : 0, address(this), "");
    }

    /// @notice What the pool pays for `amount` of a token, after its fee of 0.3 %; 0 for a pool without liquidity.
    function poolOutput(uint256 amount, bool sells0) public view returns (uint256) {
        (uint112 r0, uint112 r1,) = v2Pair.getReserves();
        (uint256 reserveIn, uint256 reserveOut) = sells0 ? (r0, r1) : (r1, r0);
        if (reserveIn == 0 || amount > type(uint112).max) return 0;
        uint256 amountWithFee = amount * 997;
        return amountWithFee * reserveOut / (reserveIn * 1000 + amountWithFee);
    }
}
