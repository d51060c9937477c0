// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {IFeed} from "../interfaces/IFeed.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";

/// @title Price of a Chainlink-style aggregator
/// @notice Features: `price` (log2 of raw quote units per raw base unit), `age` (seconds since the answer).
contract ChainlinkFeed is IFeed {
    IAggregatorV3 public immutable aggregator;
    address public immutable base;
    address public immutable quote;
    /// @notice Answers older than this many seconds are refused.
    uint256 public immutable maxAge;
    uint256 internal immutable _quoteUnit;
    uint256 internal immutable _divisor;

    /// @param aggregator_ Gives quote tokens per base token.
    /// @param baseDecimals Decimals of the base token, at most 36; and likewise of the quote token.
    constructor(
        IAggregatorV3 aggregator_,
        address base_,
        address quote_,
        uint8 baseDecimals,
        uint8 quoteDecimals,
        uint256 maxAge_
    ) {
        uint8 decimals = aggregator_.decimals();
        if (baseDecimals > 36 || quoteDecimals > 36 || decimals > 36 || maxAge_ == 0) revert BrokenSource();
        aggregator = aggregator_;
        base = base_;
        quote = quote_;
        maxAge = maxAge_;
        _quoteUnit = 10 ** quoteDecimals;
        _divisor = 10 ** (uint256(decimals) + baseDecimals);
    }

    /// @inheritdoc IFeed
    function name() external pure returns (string memory) {
        return "chainlink";
    }

    /// @inheritdoc IFeed
    function featureNames() external pure returns (string[] memory names) {
        names = new string[](2);
        names[0] = "price";
        names[1] = "age";
    }

    /// @inheritdoc IFeed
    function pair() external view returns (address, address) {
        return (base, quote);
    }

    /// @inheritdoc IFeed
    function read() external view returns (int32[] memory features, uint256 referenceQ128) {
        (uint80 roundId, int256 answer,, uint256 updatedAt, uint80 answeredInRound) = aggregator.latestRoundData();
        if (answer <= 0 || answer > type(int128).max) revert BrokenSource();
        if (updatedAt == 0 || updatedAt > block.timestamp || answeredInRound < roundId) revert BrokenSource();
        uint256 age = block.timestamp - updatedAt;
        if (age > maxAge) revert StaleReading(age, maxAge);
        // answer < 2^127 and the unit below 2^120, so the product fits
        referenceQ128 = FixedPointMathLib.fullMulDiv(uint256(answer) * _quoteUnit, 1 << 128, _divisor);
        if (referenceQ128 == 0) revert BrokenSource();
        features = new int32[](2);
        features[0] = FeatureLib.log2Price(referenceQ128);
        features[1] = FeatureLib.saturate(int256(age));
    }
}
