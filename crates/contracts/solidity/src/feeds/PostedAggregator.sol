// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "solady/auth/Ownable.sol";
import {IAggregatorV3} from "../interfaces/IAggregatorV3.sol";

/// @title Aggregator whose owner posts the answers
/// @notice For chains without an aggregator network for the pair (development chains above all); it is exactly as
///         trustworthy as its owner.
contract PostedAggregator is IAggregatorV3, Ownable {
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    /// @inheritdoc IAggregatorV3
    uint8 public immutable decimals;
    uint80 internal _roundId;
    int256 internal _answer;
    uint256 internal _updatedAt;

    constructor(address owner_, uint8 decimals_) {
        _initializeOwner(owner_);
        decimals = decimals_;
    }

    /// @notice Posts an answer as of now.
    function post(int256 answer) external onlyOwner {
        ++_roundId;
        _answer = answer;
        _updatedAt = block.timestamp;
        emit AnswerUpdated(answer, _roundId, block.timestamp);
    }

    /// @inheritdoc IAggregatorV3
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (_roundId, _answer, _updatedAt, _updatedAt, _roundId);
    }
}
