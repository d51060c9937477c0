// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title The part of Chainlink's AggregatorV3Interface that a feed reads
interface IAggregatorV3 {
    function decimals() external view returns (uint8);

    /// @return roundId Id of the newest round.
    /// @return answer Price with `decimals` decimals.
    /// @return startedAt Unix time of the round's start.
    /// @return updatedAt Unix time of the answer; 0 while the round is not complete.
    /// @return answeredInRound Round in which the answer was computed.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
