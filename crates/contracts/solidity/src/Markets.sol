// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "solady/auth/Ownable.sol";
import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {LibCall} from "solady/utils/LibCall.sol";
import {IMarkets, MarketParams} from "./interfaces/IMarkets.sol";
import {IFeed} from "./interfaces/IFeed.sol";
import {FeatureLib} from "./libraries/FeatureLib.sol";
import {QuoteMath} from "./libraries/QuoteMath.sol";

/// @title Markets: immutable parameters, and the snapshot that a round records
contract Markets is IMarkets, Ownable {
    /// @dev Model features of a market.
    uint256 internal constant FEATURES = 32;
    /// @dev An honest answer of 32 features has 1184 bytes.
    uint16 internal constant MAX_ANSWER = 4096;

    struct Entry {
        /// @dev Contract whose code is the encoded parameters: they are read often and never change.
        address pointer;
        bool paused;
        uint88 settleReward;
    }

    mapping(bytes32 market => Entry) internal _entries;

    /// @param owner_ Who creates and pauses markets; in production a timelock.
    constructor(address owner_) {
        _initializeOwner(owner_);
    }

    /// @inheritdoc IMarkets
    function createMarket(MarketParams calldata p) external onlyOwner returns (bytes32 market) {
        _validate(p);
        bytes memory encoded = abi.encode(p);
        market = keccak256(encoded);
        if (_entries[market].pointer != address(0)) revert MarketExists(market);
        _entries[market].pointer = SSTORE2.write(encoded);
        _entries[market].settleReward = uint88(p.settleReward);
        emit MarketCreated(market, p.base, p.quote, encoded);
    }

    /// @inheritdoc IMarkets
    function setPaused(bytes32 market, bool paused) external onlyOwner {
        if (_entries[market].pointer == address(0)) revert UnknownMarket(market);
        _entries[market].paused = paused;
        emit MarketPaused(market, paused);
    }

    /// @inheritdoc IMarkets
    function params(bytes32 market) public view returns (MarketParams memory) {
        address pointer = _entries[market].pointer;
        if (pointer == address(0)) revert UnknownMarket(market);
        return abi.decode(SSTORE2.read(pointer), (MarketParams));
    }

    /// @inheritdoc IMarkets
    function settleReward(bytes32 market) external view returns (uint256) {
        Entry storage e = _entries[market];
        if (e.pointer == address(0)) revert UnknownMarket(market);
        return e.settleReward;
    }

    /// @inheritdoc IMarkets
    function isOpen(bytes32 market) external view returns (bool) {
        Entry storage e = _entries[market];
        return e.pointer != address(0) && !e.paused;
    }

    /// @inheritdoc IMarkets
    function featureNames(bytes32 market) external view returns (string[] memory names) {
        address[] memory feeds = params(market).feeds;
        names = new string[](FEATURES);
        uint256 n;
        for (uint256 i; i < feeds.length; ++i) {
            string memory feed = IFeed(feeds[i]).name();
            string[] memory own = IFeed(feeds[i]).featureNames();
            for (uint256 j; j < own.length; ++j) {
                names[n++] = string.concat(feed, ".", own[j]);
            }
        }
    }

    /// @inheritdoc IMarkets
    function snapshot(bytes32 market) external view returns (bytes memory features, uint256 referenceQ128) {
        if (_entries[market].paused) revert IsPaused(market);
        MarketParams memory p = params(market);
        features = new bytes(4 * FEATURES);
        uint256 n;
        for (uint256 i; i < p.feeds.length; ++i) {
            (int32[] memory values, uint256 price) = _read(p.feeds[i]);
            if (n + values.length > FEATURES) revert FeedFailed(p.feeds[i], "");
            if (i == 0) referenceQ128 = price;
            for (uint256 j; j < values.length; ++j) {
                _put(features, n++, values[j]);
            }
        }
        for (; n < FEATURES; ++n) {
            _put(features, n, 0);
        }
        _checkPrice(p.feeds[0], referenceQ128);
        (, uint256 checkQ128) = _read(p.checkFeed);
        _checkPrice(p.checkFeed, checkQ128);
        _checkDeviation(referenceQ128, checkQ128, p.maxDeviationPips);
    }

    /// @notice Decodes a feed's answer; external so that a malformed answer can be caught.
    function decodeReading(bytes calldata answer) external pure returns (int32[] memory, uint256) {
        return abi.decode(answer, (int32[], uint256));
    }

    function _validate(MarketParams calldata p) private view {
        if (p.base == address(0) || p.quote == address(0) || p.base == p.quote) revert BadParameter("pair");
        if (p.feeds.length == 0 || p.feeds.length > FEATURES) revert BadParameter("feeds");
        _checkPair(p, p.feeds[0], "feeds");
        _checkPair(p, p.checkFeed, "checkFeed");
        if (p.checkFeed == p.feeds[0]) revert BadParameter("checkFeed");
        uint256 n;
        for (uint256 i; i < p.feeds.length; ++i) {
            n += IFeed(p.feeds[i]).featureNames().length;
        }
        if (n > FEATURES) revert BadParameter("feeds");
        if (p.maxDeviationPips == 0 || p.maxDeviationPips >= 1_000_000) revert BadParameter("maxDeviationPips");
        if (p.reserveQuote <= -1_000_000) revert BadParameter("reserveQuote");
        if (p.minNotional == 0 || p.minNotional > p.maxNotional) revert BadParameter("minNotional");
        if (p.maxNotional >= QuoteMath.BOUND) revert BadParameter("maxNotional");
        if (p.commitBlocks == 0 || p.settleBlocks == 0 || p.fillBlocks == 0) revert BadParameter("windows");
        if (p.executorGas == 0 || p.executorGas > 10_000_000) revert BadParameter("executorGas");
        if (p.unfilledFee > p.openerBond) revert BadParameter("unfilledFee");
        if (p.settleReward > type(uint88).max) revert BadParameter("settleReward");
    }

    function _checkPair(MarketParams calldata p, address feed, bytes32 what) private view {
        (address base, address quote) = IFeed(feed).pair();
        if (base != p.base || quote != p.quote) revert BadParameter(what);
    }

    /// @dev One feed's answer; whatever goes wrong in it is reported as that feed's failure.
    function _read(address feed) private view returns (int32[] memory, uint256) {
        (bool ok, bool tooLong, bytes memory answer) =
            LibCall.tryStaticCall(feed, gasleft(), MAX_ANSWER, abi.encodeCall(IFeed.read, ()));
        if (!ok) revert FeedFailed(feed, answer);
        if (tooLong) revert FeedFailed(feed, "");
        try this.decodeReading(answer) returns (int32[] memory values, uint256 price) {
            return (values, price);
        } catch {
            revert FeedFailed(feed, "");
        }
    }

    function _checkPrice(address feed, uint256 price) private pure {
        if (price == 0 || price >= QuoteMath.BOUND) revert FeedFailed(feed, "");
    }

    function _checkDeviation(uint256 a, uint256 b, uint32 maxPips) private pure {
        (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
        if ((high - low) * 1_000_000 > low * maxPips) revert FeedDeviates(a, b, maxPips);
    }

    /// @dev Writes feature `i`, carried, big-endian.
    function _put(bytes memory features, uint256 i, int32 value) private pure {
        uint32 carried = FeatureLib.carry(value);
        for (uint256 k; k < 4; ++k) {
            // the lowest byte is meant
            features[4 * i + k] = bytes1(uint8(carried >> (24 - 8 * k)));
        }
    }
}
