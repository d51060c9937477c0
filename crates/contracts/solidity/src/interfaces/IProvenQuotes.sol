// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Result} from "./IAuctionHouse.sol";

/// @notice How far a round's results are.
enum QuoteStatus {
    /// @dev Not a result of that round and slot.
    Unproven,
    /// @dev Proven; another settlement can still bring a better one.
    Provisional,
    /// @dev Proven, and the settle window is over.
    Final
}

/// @notice A proven result with what is needed to use it.
struct ProvenQuote {
    QuoteStatus status;
    bytes32 market;
    /// @dev Block in which the round opened: the price is of that moment.
    uint64 openedAt;
    /// @dev Raw quote units per raw base unit, times 2^128.
    uint256 referenceQ128;
    /// @dev Improvement for the trader in pips; INT32_MIN when nobody bid.
    int32 pips;
    int32 secondPips;
    /// @dev The winner; zero when nobody bid.
    bytes32 strategyId;
    /// @dev What the slot committed to, and its features as they were quoted on: direction, size, deadline, limit.
    bytes32 slotCommitment;
    int32[4] slotFeatures;
}

/// @title Is this quote proven for this round?
/// @notice For contracts that use quotes without filling an order: they pass what a `Settled` event published, and need to
///         trust nobody for it.
interface IProvenQuotes {
    /// @notice Whether `result` is the result of a slot of a round.
    /// @param merkleProof Siblings of the slot's leaf, from the leaves upwards.
    function status(bytes32 roundId, uint8 slot, Result calldata result, bytes32[5] calldata merkleProof)
        external
        view
        returns (QuoteStatus);

    /// @notice The quote with its round, its winner and the slot's features.
    /// @param slots 1536 bytes: the slots of the round.
    function quote(
        bytes32 roundId,
        uint8 slot,
        Result calldata result,
        bytes32[5] calldata merkleProof,
        bytes calldata slots
    ) external view returns (ProvenQuote memory);

    /// @notice What a quote pays for `sell` raw units, by the auction's formula.
    /// @param direction 0 when base tokens are sold, 1 when quote tokens are.
    function amountOut(uint256 direction, uint256 sell, uint256 referenceQ128, int32 pips)
        external
        pure
        returns (uint256);
}
