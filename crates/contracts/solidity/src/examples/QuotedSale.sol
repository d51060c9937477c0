// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "solady/auth/Ownable.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {Result} from "../interfaces/IAuctionHouse.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";
import {IProvenQuotes, ProvenQuote, QuoteStatus} from "../interfaces/IProvenQuotes.sol";

/// @title A treasury that sells at proven quotes
/// @notice An example of a contract that uses the auction without taking part in it. It sells its base tokens to anybody for
///         what the best proven bid of a recent round would have paid: the price was found in competition, and the
///         caller can neither choose it nor invent it. Bids on sizes far from the one that is bought say little about
///         it, so the quoted slot must have been at least as large.
contract QuotedSale is Ownable {
    IProvenQuotes public immutable quotes;
    bytes32 public immutable market;
    address public immutable base;
    address public immutable quoteToken;
    /// @notice Blocks after a round's opening in which its quotes are taken.
    uint256 public immutable maxAge;

    error NotUsable(QuoteStatus status);
    error WrongMarket(bytes32 market);
    error TooOld(uint256 openedAt);
    /// @notice The quote is not for selling base tokens, or for less of them.
    error NotComparable(int32 direction, int32 log2Size);

    constructor(
        address owner_,
        IProvenQuotes quotes_,
        bytes32 market_,
        address base_,
        address quoteToken_,
        uint256 maxAge_
    ) {
        _initializeOwner(owner_);
        (quotes, market, base, quoteToken, maxAge) = (quotes_, market_, base_, quoteToken_, maxAge_);
    }

    /// @notice Sells `amount` base tokens to the caller at the quote of a slot.
    /// @return paid Quote tokens that the caller paid.
    function buy(
        uint256 amount,
        bytes32 roundId,
        uint8 slot,
        Result calldata result,
        bytes32[5] calldata merkleProof,
        bytes calldata slots
    ) external returns (uint256 paid) {
        ProvenQuote memory q = quotes.quote(roundId, slot, result, merkleProof, slots);
        if (q.status != QuoteStatus.Final || q.strategyId == 0) revert NotUsable(q.status);
        if (q.market != market) revert WrongMarket(q.market);
        if (block.number > q.openedAt + maxAge) revert TooOld(q.openedAt);
        if (q.slotFeatures[0] != 0 || q.slotFeatures[1] < FeatureLib.log2Q22(amount)) {
            revert NotComparable(q.slotFeatures[0], q.slotFeatures[1]);
        }
        paid = quotes.amountOut(0, amount, q.referenceQ128, q.pips);
        SafeTransferLib.safeTransferFrom(quoteToken, msg.sender, address(this), paid);
        SafeTransferLib.safeTransfer(base, msg.sender, amount);
    }

    /// @notice Takes tokens out.
    function withdraw(address token, address to, uint256 amount) external onlyOwner {
        SafeTransferLib.safeTransfer(token, to, amount);
    }
}
