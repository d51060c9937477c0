// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice A price of Pyth: `price * 10^expo`, plus or minus `conf * 10^expo`.
struct PythPrice {
    int64 price;
    uint64 conf;
    int32 expo;
    /// @dev Unix seconds.
    uint256 publishTime;
}

/// @title The part of Pyth that a feed uses
interface IPythPrices {
    /// @notice The newest price that anybody brought, however old.
    function getPriceUnsafe(bytes32 id) external view returns (PythPrice memory);

    /// @notice What `updatePriceFeeds` costs, in wei.
    function getUpdateFee(bytes[] calldata updateData) external view returns (uint256);

    /// @notice Takes signed prices; those that are older than the stored ones change nothing.
    function updatePriceFeeds(bytes[] calldata updateData) external payable;
}
