// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title One on-chain source of market features
/// @notice A feed reads one source and turns it into integer features; feeds that know a price also give a reference.
///         Prices, depths and fees enter as fixed-point log2 with 22 fraction bits (`FeatureLib.log2Q22`), so that a
///         model can form ratios by subtraction.
interface IFeed {
    /// @notice The newest usable reading is older than the feed allows.
    error StaleReading(uint256 age, uint256 maxAge);

    /// @notice The source has not been observed long enough to form a time-weighted value.
    error InsufficientHistory(uint256 available, uint256 needed);

    /// @notice The source answered with a value that cannot be used (zero or negative price, incomplete round, no
    ///         liquidity, a value out of range).
    error BrokenSource();

    /// @notice Short name, the first part of `feed.feature` in a strategy's configuration.
    function name() external view returns (string memory);

    /// @notice Names of the features in the order in which `read` returns them.
    function featureNames() external view returns (string[] memory);

    /// @notice The pair that the reference price is about; two zero addresses for a feed without a price.
    function pair() external view returns (address base, address quote);

    /// @notice Reads the source as of this block. Reverts with one of the errors above when it cannot.
    /// @return features One value per name.
    /// @return referenceQ128 Quote-token raw units per base-token raw unit, times 2^128; 0 for a feed without a price.
    function read() external view returns (int32[] memory features, uint256 referenceQ128);
}
