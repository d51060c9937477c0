// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice How a slot's price follows from the bids.
/// @dev FirstPrice pays the best quote. SecondPrice pays the highest of the second-best quote, the reserve and the
///      trader's own minimum, never more than the best quote.
enum Pricing {
    FirstPrice,
    SecondPrice
}

/// @notice Everything that defines a market. It never changes: the market's id is the hash of these values.
struct MarketParams {
    /// @dev The pair. Prices are raw units of `quote` per raw unit of `base`.
    address base;
    address quote;
    /// @dev Feeds whose features, in this order, fill the 32 market features (the rest is 0); `feeds[0]` gives the
    ///      reference price.
    address[] feeds;
    /// @dev Second source of the price; the reference must agree with it.
    address checkFeed;
    /// @dev Largest allowed deviation between both, in pips (1e-6) of the smaller price.
    uint32 maxDeviationPips;
    Pricing pricing;
    /// @dev Least quote that can be filled, in pips, above -1_000_000.
    int32 reserveQuote;
    /// @dev Range of an order's notional in raw units of `quote`, at the round's reference price, both ends included.
    uint256 minNotional;
    uint256 maxNotional;
    /// @dev Lengths of the windows, in blocks, each at least 1.
    uint32 commitBlocks;
    uint32 settleBlocks;
    uint32 fillBlocks;
    /// @dev Gas handed to an executor's `onFill`.
    uint32 executorGas;
    /// @dev Bonds, in wei. A commit locks `sheetBond + 32 * slotBond` of its strategy.
    uint96 sheetBond;
    uint96 slotBond;
    /// @dev What the opener of a round leaves for each non-empty slot, in wei; `unfilledFee` of it goes to the winner
    ///      of a slot that stays unfilled.
    uint96 openerBond;
    uint96 unfilledFee;
    /// @dev Paid by the opener to whoever settles first, in wei, below 2^88.
    uint96 settleReward;
    /// @dev Value of one raw unit of `quote` in wei, times 2^128, for the compensation of a default. Bonds are in the
    ///      chain's own currency; this rate, fixed with the market, caps what a trader can be paid, and so does the
    ///      slot bond. 0 means that a defaulted slot bond is burned as a whole.
    uint256 bondPerQuoteQ128;
}

/// @title The markets of an auction house
interface IMarkets {
    event MarketCreated(bytes32 indexed market, address indexed base, address indexed quote, bytes params);
    event MarketPaused(bytes32 indexed market, bool paused);

    error UnknownMarket(bytes32 market);
    error MarketExists(bytes32 market);
    error IsPaused(bytes32 market);
    /// @param what Name of the parameter that is refused.
    error BadParameter(bytes32 what);
    /// @notice A feed reverted, answered with the wrong number of features, or with an unusable reference price.
    /// @param reason What the feed reverted with; empty when its answer is malformed.
    error FeedFailed(address feed, bytes reason);
    /// @notice The reference price and the second feed differ by more than the market allows.
    error FeedDeviates(uint256 referenceQ128, uint256 checkQ128, uint32 maxDeviationPips);

    /// @notice Creates a market; only the owner. The first read of every feed must succeed in shape (feature names),
    ///         not yet in value.
    /// @return market `keccak256(abi.encode(params))`.
    function createMarket(MarketParams calldata params) external returns (bytes32 market);

    /// @notice Stops or resumes the opening of new rounds; rounds that are open run on. Only the owner.
    function setPaused(bytes32 market, bool paused) external;

    /// @notice The market's parameters. Reverts with `UnknownMarket`.
    function params(bytes32 market) external view returns (MarketParams memory);

    /// @notice `settleReward` of the market's parameters. Reverts with `UnknownMarket`.
    function settleReward(bytes32 market) external view returns (uint256);

    /// @notice True when new rounds may be opened.
    function isOpen(bytes32 market) external view returns (bool);

    /// @notice Names of the 32 market features as `feed.feature`, empty strings at the end.
    function featureNames(bytes32 market) external view returns (string[] memory);

    /// @notice Reads all feeds as of this block and checks the reference price.
    /// @return features 128 bytes: 32 times a big-endian u32, each feature plus 2^31.
    /// @return referenceQ128 Reference price, in (0, 2^200).
    function snapshot(bytes32 market) external view returns (bytes memory features, uint256 referenceQ128);
}
