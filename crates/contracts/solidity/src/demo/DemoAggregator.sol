// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title A price aggregator for local chains with the AggregatorV3 interface: its deployer answers at will
contract DemoAggregator {
    error NotReporter(address caller);

    struct Answer {
        int256 value;
        uint256 updatedAt;
    }

    uint8 public immutable decimals;
    address private immutable REPORTER;
    uint80 private _round;
    mapping(uint80 round => Answer answer) private _answers;

    constructor(uint8 decimals_) {
        decimals = decimals_;
        REPORTER = msg.sender;
    }

    /// @notice Starts a new round with an answer as of this block; only the deployer.
    function report(int256 answer) external {
        if (msg.sender != REPORTER) revert NotReporter(msg.sender);
        _answers[++_round] = Answer(answer, block.timestamp);
    }

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        Answer memory latest = _answers[_round];
        return (_round, latest.value, latest.updatedAt, latest.updatedAt, _round);
    }
}
