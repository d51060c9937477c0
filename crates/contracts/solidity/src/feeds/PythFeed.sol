// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {IFeed} from "../interfaces/IFeed.sol";
import {IPythPrices, PythPrice} from "../interfaces/IPythPrices.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";
import {OracleDecimals} from "./OracleDecimals.sol";

/// @title Price of a Pyth feed
/// @notice Features: `price` (log2 of raw quote units per raw base unit), `confidence` (half the width of Pyth's interval,
///         in pips of the price), `age` (seconds since it was published).
/// @dev Manipulation: a price is signed by Pyth's publishers, so nobody can invent one, but whoever opens a round chooses
///      which signed price to bring, within `maxAge`. Keep `maxAge` near a block's length, and check against a source of
///      another kind. A price published at this block's own time or later is not read, so that the choice ends before
///      the block. A wide interval is what Pyth says when its publishers disagree: such a price is refused.
contract PythFeed is IFeed {
    IPythPrices public immutable pyth;
    /// @notice Pyth's name of the pair.
    bytes32 public immutable priceId;
    address public immutable base;
    address public immutable quote;
    /// @notice Prices older than this many seconds are refused.
    uint256 public immutable maxAge;
    /// @notice Prices whose confidence is more than this many pips of the price are refused.
    uint256 public immutable maxConfidencePips;
    uint256 internal immutable _baseDecimals;
    uint256 internal immutable _quoteDecimals;

    /// @notice The price's interval is wider than the feed allows.
    error Unsure(uint256 confidencePips, uint256 maxConfidencePips);
    /// @notice Less was sent than Pyth asks for the update.
    error FeeTooLow(uint256 sent, uint256 needed);

    /// @param base_ Token that the price is about, in units of `quote_`.
    constructor(
        IPythPrices pyth_,
        bytes32 priceId_,
        address base_,
        address quote_,
        uint8 baseDecimals,
        uint8 quoteDecimals,
        uint256 maxAge_,
        uint256 maxConfidencePips_
    ) {
        OracleDecimals.check(base_, baseDecimals);
        OracleDecimals.check(quote_, quoteDecimals);
        if (maxAge_ == 0 || maxConfidencePips_ == 0) revert BrokenSource();
        (pyth, priceId, base, quote) = (pyth_, priceId_, base_, quote_);
        (maxAge, maxConfidencePips) = (maxAge_, maxConfidencePips_);
        (_baseDecimals, _quoteDecimals) = (baseDecimals, quoteDecimals);
    }

    /// @notice Brings signed prices to Pyth and pays its fee from the value sent; the rest goes back. Anybody may.
    function update(bytes[] calldata updateData) external payable {
        uint256 fee = pyth.getUpdateFee(updateData);
        if (msg.value < fee) revert FeeTooLow(msg.value, fee);
        pyth.updatePriceFeeds{value: fee}(updateData);
        if (msg.value > fee) SafeTransferLib.safeTransferETH(msg.sender, msg.value - fee);
    }

    /// @inheritdoc IFeed
    function name() external pure returns (string memory) {
        return "pyth";
    }

    /// @inheritdoc IFeed
    function featureNames() external pure returns (string[] memory names) {
        names = new string[](3);
        names[0] = "price";
        names[1] = "confidence";
        names[2] = "age";
    }

    /// @inheritdoc IFeed
    function pair() external view returns (address, address) {
        return (base, quote);
    }

    /// @inheritdoc IFeed
    function read() external view returns (int32[] memory features, uint256 referenceQ128) {
        PythPrice memory p = pyth.getPriceUnsafe(priceId);
        if (p.price <= 0 || p.publishTime >= block.timestamp) revert BrokenSource();
        uint256 age = block.timestamp - p.publishTime;
        if (age > maxAge) revert StaleReading(age, maxAge);
        // positive by the line above, and 63 bits wide
        uint256 mantissa = uint64(p.price);
        uint256 confidence = uint256(p.conf) * 1_000_000 / mantissa;
        if (confidence > maxConfidencePips) revert Unsure(confidence, maxConfidencePips);
        referenceQ128 = OracleDecimals.price(mantissa, p.expo, _baseDecimals, _quoteDecimals);
        features = new int32[](3);
        features[0] = FeatureLib.log2Price(referenceQ128);
        features[1] = FeatureLib.saturate(int256(confidence));
        features[2] = FeatureLib.saturate(int256(age));
    }
}
