// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeed} from "../interfaces/IFeed.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";
import {OracleDecimals} from "./OracleDecimals.sol";

/// @notice What a `ChainlinkFeed` reads, and when it refuses.
struct ChainlinkConfig {
    /// @dev Gives quote tokens per base token.
    IAggregatorV3 aggregator;
    address base;
    address quote;
    /// @dev At most 36; a token that tells its decimals must agree.
    uint8 baseDecimals;
    uint8 quoteDecimals;
    /// @dev Answers older than this many seconds are refused: the heartbeat and a margin.
    uint256 maxAge;
    /// @dev Answers must lie strictly between these. Set them just inside the aggregator's own limits: at a limit it repeats
    ///      the limit, whatever the price is.
    int256 minAnswer;
    int256 maxAnswer;
    /// @dev On a rollup the aggregator that tells whether the sequencer runs (0: it does); else the zero address.
    IAggregatorV3 sequencer;
    /// @dev Seconds after the sequencer's return in which answers are still refused.
    uint256 gracePeriod;
}

/// @title Price of a Chainlink-style aggregator
/// @notice Features: `price` (log2 of raw quote units per raw base unit), `age` (seconds since the answer).
/// @dev Manipulation: an answer is what a committee signed, and moves by steps (deviation threshold, heartbeat); whoever
///      opens a round may choose the moment just before a step. So it suits the check of a pool's price better than the
///      reference. While a sequencer is down nobody can answer to the stale price, so it is not read until a grace
///      period after the return.
contract ChainlinkFeed is IFeed {
    IAggregatorV3 public immutable aggregator;
    IAggregatorV3 public immutable sequencer;
    address public immutable base;
    address public immutable quote;
    /// @notice Answers older than this many seconds are refused.
    uint256 public immutable maxAge;
    /// @notice Seconds after the sequencer's return in which answers are refused.
    uint256 public immutable gracePeriod;
    int256 public immutable minAnswer;
    int256 public immutable maxAnswer;
    uint256 internal immutable _baseDecimals;
    uint256 internal immutable _quoteDecimals;
    uint8 internal immutable _decimals;

    /// @notice The rollup's sequencer is down, or has not been back for the grace period.
    error SequencerDown(uint256 since);

    constructor(ChainlinkConfig memory c) {
        OracleDecimals.check(c.base, c.baseDecimals);
        OracleDecimals.check(c.quote, c.quoteDecimals);
        uint8 decimals = c.aggregator.decimals();
        if (decimals > OracleDecimals.MOST || c.maxAge == 0) revert BrokenSource();
        if (c.minAnswer < 0 || c.minAnswer >= c.maxAnswer || c.maxAnswer > type(int128).max) revert BrokenSource();
        (aggregator, sequencer, base, quote) = (c.aggregator, c.sequencer, c.base, c.quote);
        (maxAge, gracePeriod, minAnswer, maxAnswer) = (c.maxAge, c.gracePeriod, c.minAnswer, c.maxAnswer);
        (_baseDecimals, _quoteDecimals, _decimals) = (c.baseDecimals, c.quoteDecimals, decimals);
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
        _checkSequencer();
        (uint80 roundId, int256 answer,, uint256 updatedAt, uint80 answeredInRound) = aggregator.latestRoundData();
        if (answer <= minAnswer || answer >= maxAnswer) revert BrokenSource();
        if (roundId == 0 || answeredInRound < roundId) revert BrokenSource();
        if (updatedAt == 0 || updatedAt > block.timestamp) revert BrokenSource();
        uint256 age = block.timestamp - updatedAt;
        if (age > maxAge) revert StaleReading(age, maxAge);
        // a proxy can be pointed at an aggregator of other decimals
        if (aggregator.decimals() != _decimals) revert BrokenSource();
        referenceQ128 =
            OracleDecimals.price(uint256(answer), -int256(uint256(_decimals)), _baseDecimals, _quoteDecimals);
        features = new int32[](2);
        features[0] = FeatureLib.log2Price(referenceQ128);
        features[1] = FeatureLib.saturate(int256(age));
    }

    function _checkSequencer() private view {
        if (address(sequencer) == address(0)) return;
        (, int256 down, uint256 since,,) = sequencer.latestRoundData();
        // `since` is 0 before the first report
        if (down != 0 || since == 0 || block.timestamp < since + gracePeriod) revert SequencerDown(since);
    }
}
