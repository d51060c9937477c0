// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a winning strategy has to deliver.
struct FillOrder {
    bytes32 roundId;
    uint8 slot;
    /// @dev Already received by the executor: exactly `sellAmount` of `sellToken`.
    address sellToken;
    address buyToken;
    uint256 sellAmount;
    /// @dev To be transferred to the caller before `onFill` returns.
    uint256 buyAmount;
}

/// @title Contract through which a strategy delivers what it won
interface IExecutor {
    /// @notice Whether strategies of this id and owner may be registered with this executor. Without this check
    ///         anybody could spend another's inventory.
    function acceptsStrategy(bytes32 strategyId, address owner) external view returns (bool);

    /// @notice Delivers `order.buyAmount` of `order.buyToken` to the caller, within the market's gas allowance. A
    ///         revert or a short delivery is a default: the trade is undone and the slot bond is lost. Return data is
    ///         ignored. An executor must refuse callers other than its auction house. Whoever calls `fill` chooses the
    ///         moment and what happens before it in the same transaction: it may have moved a pool, or be inside its
    ///         callback and have it locked. What an executor cannot do without is its own inventory.
    function onFill(bytes32 strategyId, FillOrder calldata order) external;
}
