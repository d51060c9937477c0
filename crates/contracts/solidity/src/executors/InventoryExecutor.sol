// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "solady/auth/Ownable.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {IAuctionHouse} from "../interfaces/IAuctionHouse.sol";
import {IExecutor, FillOrder} from "../interfaces/IExecutor.sol";
import {IStrategyRegistry} from "../interfaces/IStrategyRegistry.sol";

/// @title Executor that pays from its own tokens
/// @notice Holds inventory of its owner; serves the strategies of its owner, whoever that is when it delivers. Sold
///         tokens stay here as inventory.
contract InventoryExecutor is IExecutor, Ownable {
    /// @notice The only caller that may spend the inventory.
    address public immutable auctionHouse;
    /// @dev Knows whose strategy it is that won.
    IStrategyRegistry internal immutable _registry;

    error NotAuctionHouse(address caller);
    error StrategyStopped(bytes32 strategyId);
    error ForeignStrategy(bytes32 strategyId);

    event StopChanged(bytes32 indexed strategyId, bool stopped);

    /// @notice Strategies that the owner has switched off; a switched-off strategy that wins defaults.
    mapping(bytes32 strategyId => bool) public stopped;

    /// @param owner_ Owner of inventory and strategies.
    constructor(address auctionHouse_, address owner_) {
        auctionHouse = auctionHouse_;
        _registry = IStrategyRegistry(IAuctionHouse(auctionHouse_).registry());
        _initializeOwner(owner_);
    }

    /// @inheritdoc IExecutor
    function acceptsStrategy(bytes32 strategyId, address strategyOwner) public view virtual returns (bool) {
        return strategyOwner == owner() && !stopped[strategyId];
    }

    /// @inheritdoc IExecutor
    function onFill(bytes32 strategyId, FillOrder calldata order) external virtual {
        _checkFill(strategyId);
        SafeTransferLib.safeTransfer(order.buyToken, msg.sender, order.buyAmount);
    }

    /// @notice Stops or resumes deliveries for one strategy: the owner's emergency brake. Each refused slot costs its
    ///         bond.
    function setStopped(bytes32 strategyId, bool stop) external onlyOwner {
        stopped[strategyId] = stop;
        emit StopChanged(strategyId, stop);
    }

    /// @notice Takes tokens out.
    function withdraw(address token, address to, uint256 amount) external onlyOwner {
        SafeTransferLib.safeTransfer(token, to, amount);
    }

    function _checkFill(bytes32 strategyId) internal view {
        if (msg.sender != auctionHouse) revert NotAuctionHouse(msg.sender);
        if (stopped[strategyId]) revert StrategyStopped(strategyId);
        // strategies were accepted when they were registered; the executor may have changed hands since
        if (_registry.strategy(strategyId).owner != owner()) revert ForeignStrategy(strategyId);
    }
}
