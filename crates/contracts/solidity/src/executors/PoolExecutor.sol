// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {InventoryExecutor} from "./InventoryExecutor.sol";
import {FillOrder} from "../interfaces/IExecutor.sol";

/// @title Executor that sells through a pool and tops up from inventory
/// @notice Whoever calls `fill` can move the pool just before, or call from within one of its callbacks, which locks it. So
///         the pool is used only while its output lacks at most `maxTopUpPips` of the amount to deliver and while it takes
///         the swap; otherwise the whole amount comes from inventory, and the sold tokens stay here. What the pool pays
///         beyond the delivery stays here as well. Inventory has to cover what was won: without it, the caller decides
///         whether the strategy defaults.
abstract contract PoolExecutor is InventoryExecutor {
    /// @dev Gas that a swap leaves for the delivery itself, whatever the pool does with the rest.
    uint256 internal constant DELIVERY_GAS = 100_000;

    /// @notice Largest share of a delivery, in pips, that inventory adds to the pool's output.
    uint256 public immutable maxTopUpPips;
    address internal immutable _token0;
    address internal immutable _token1;

    error WrongToken(address token);
    /// @notice Only the executor calls itself.
    error OnlySelf();
    /// @notice The pool pays less than the delivery needs from it.
    error PoolTooPoor(uint256 out, uint256 least);
    error BadTopUp(uint256 maxTopUpPips);

    constructor(address auctionHouse_, address owner_, address token0_, address token1_, uint256 maxTopUpPips_)
        InventoryExecutor(auctionHouse_, owner_)
    {
        if (maxTopUpPips_ > 1_000_000) revert BadTopUp(maxTopUpPips_);
        maxTopUpPips = maxTopUpPips_;
        (_token0, _token1) = (token0_, token1_);
    }

    /// @inheritdoc InventoryExecutor
    function onFill(bytes32 strategyId, FillOrder calldata order) external override {
        _checkFill(strategyId);
        bool sells0 = order.sellToken == _token0;
        if (!sells0 && order.sellToken != _token1) revert WrongToken(order.sellToken);
        if (order.buyToken != (sells0 ? _token1 : _token0)) revert WrongToken(order.buyToken);

        uint256 least = order.buyAmount - FixedPointMathLib.fullMulDiv(order.buyAmount, maxTopUpPips, 1_000_000);
        uint256 spare = FixedPointMathLib.zeroFloorSub(gasleft(), DELIVERY_GAS);
        // what the pool refuses, or cannot do with the gas there is, is undone, and inventory delivers
        try this.sellToPool{gas: spare}(order.sellToken, order.sellAmount, least, sells0) {} catch {}
        SafeTransferLib.safeTransfer(order.buyToken, msg.sender, order.buyAmount);
    }

    /// @notice Swaps `amount` of a token for at least `least` of the other. Called by the executor itself, so that a refusal
    ///         undoes what was paid to the pool.
    function sellToPool(address token, uint256 amount, uint256 least, bool sells0) external {
        if (msg.sender != address(this)) revert OnlySelf();
        uint256 out = _swap(token, amount, least, sells0);
        if (out < least) revert PoolTooPoor(out, least);
    }

    /// @dev Sells `amount` of a token; may revert early with `PoolTooPoor`.
    /// @return out What the pool paid to this contract.
    function _swap(address token, uint256 amount, uint256 least, bool sells0) internal virtual returns (uint256 out);
}
