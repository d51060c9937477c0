// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IUniswapV2Pair} from "v2-core/contracts/interfaces/IUniswapV2Pair.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {IFeed} from "../interfaces/IFeed.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";

/// @title Time-weighted price of a Uniswap V2 pair
/// @notice Anybody records observations with `observe`; a reading averages between two observations that were both
///         made before this block, so a swap in this block cannot move it. Features, prices as log2 of raw quote units
///         per raw base unit:
///         - `price`: the average over at least `window` seconds; it is the reference price;
///         - `price-recent`: the average between the last two observations;
///         - `volatility`: mean absolute change of log2 price from one interval to the next within the window;
///         - `base-depth`, `quote-depth`: log2 of the reserves that the least liquidity seen by the observations of the
///           window has at the average price (the least, because liquidity can be added and removed around one of them);
///         - `age`: seconds since the newest observation used.
contract UniswapV2TwapFeed is IFeed {
    struct Observation {
        /// @dev The pair's cumulative price of base, UQ112.112 times seconds, modulo 2^256.
        uint256 cumulative;
        uint64 timestamp;
        uint64 blockNumber;
        /// @dev sqrt(reserve0 * reserve1)
        uint128 liquidity;
    }

    /// @notice Observations that are kept.
    uint256 public constant CARDINALITY = 16;

    IUniswapV2Pair public immutable v2Pair;
    address public immutable base;
    address public immutable quote;
    bool internal immutable _baseIsToken0;
    /// @notice Least span of the average, in seconds.
    uint256 public immutable window;
    /// @notice Least time between observations, in seconds, at least 1.
    uint256 public immutable minInterval;
    /// @notice A reading whose newest observation is older than this many seconds is refused.
    uint256 public immutable maxAge;

    /// @notice Observations recorded so far; number i is at i modulo `CARDINALITY`.
    uint256 public count;
    Observation[CARDINALITY] internal _ring;

    event Observed(uint256 indexed number, uint256 cumulative, uint128 liquidity);

    /// @param base_ Token of the pair whose price is read.
    constructor(IUniswapV2Pair pair_, address base_, uint256 window_, uint256 minInterval_, uint256 maxAge_) {
        (address token0, address token1) = (pair_.token0(), pair_.token1());
        if (base_ != token0 && base_ != token1) revert BrokenSource();
        // one observation may be of this block, and an interval needs two
        if (minInterval_ == 0 || window_ == 0 || window_ > minInterval_ * (CARDINALITY - 2)) revert BrokenSource();
        v2Pair = pair_;
        base = base_;
        quote = base_ == token0 ? token1 : token0;
        _baseIsToken0 = base_ == token0;
        window = window_;
        minInterval = minInterval_;
        maxAge = maxAge_;
    }

    /// @notice Records an observation when the last one is `minInterval` old; anybody may call it at any time.
    function observe() external returns (bool recorded) {
        if (count != 0 && block.timestamp < _at(count - 1).timestamp + minInterval) return false;
        (uint112 r0, uint112 r1, uint32 updatedAt) = v2Pair.getReserves();
        if (r0 == 0 || r1 == 0) revert BrokenSource();
        uint256 cumulative = _baseIsToken0 ? v2Pair.price0CumulativeLast() : v2Pair.price1CumulativeLast();
        uint256 spot = _baseIsToken0 ? (uint256(r1) << 112) / r0 : (uint256(r0) << 112) / r1;
        unchecked {
            // the pair counts seconds modulo 2^32; the reserves have stood since `updatedAt`, for no time at all if
            // they changed in this block
            uint256 elapsed = uint32(block.timestamp) - updatedAt;
            cumulative += spot * elapsed;
        }
        uint128 liquidity = uint128(FixedPointMathLib.sqrt(uint256(r0) * r1));
        _ring[count % CARDINALITY] = Observation(cumulative, uint64(block.timestamp), uint64(block.number), liquidity);
        emit Observed(count++, cumulative, liquidity);
        return true;
    }

    /// @inheritdoc IFeed
    function name() external pure returns (string memory) {
        return "uniswap-v2";
    }

    /// @inheritdoc IFeed
    function featureNames() external pure returns (string[] memory names) {
        names = new string[](6);
        names[0] = "price";
        names[1] = "price-recent";
        names[2] = "volatility";
        names[3] = "base-depth";
        names[4] = "quote-depth";
        names[5] = "age";
    }

    /// @inheritdoc IFeed
    function pair() external view returns (address, address) {
        return (base, quote);
    }

    /// @notice Observation number `i`; only the last `CARDINALITY` are kept.
    function observation(uint256 i) external view returns (Observation memory) {
        if (i >= count || i + CARDINALITY < count) revert InsufficientHistory(i, count);
        return _at(i);
    }

    /// @inheritdoc IFeed
    function read() external view returns (int32[] memory features, uint256 referenceQ128) {
        uint256 end = _newestBeforeThisBlock();
        Observation memory last = _at(end);
        uint256 age = block.timestamp - last.timestamp;
        if (age > maxAge) revert StaleReading(age, maxAge);

        Walk memory w = _walk(end, last);
        referenceQ128 = _average(w.start, last);
        int32 price = FeatureLib.log2Price(referenceQ128);
        int32 depth = FeatureLib.log2Q22(w.liquidity);
        features = new int32[](6);
        features[0] = price;
        features[1] = w.recent;
        features[2] = FeatureLib.saturate(int256(w.intervals > 1 ? w.change / (w.intervals - 1) : 0));
        features[3] = FeatureLib.saturate(int256(depth) - price / 2);
        features[4] = FeatureLib.saturate(int256(depth) + price / 2);
        features[5] = FeatureLib.saturate(int256(age));
    }

    struct Walk {
        Observation start;
        uint256 liquidity;
        uint256 intervals;
        uint256 change;
        int32 recent;
    }

    /// @dev Goes back from observation `end` until the window is covered.
    function _walk(uint256 end, Observation memory last) private view returns (Walk memory w) {
        w.liquidity = last.liquidity;
        w.start = last;
        uint256 oldest = count > CARDINALITY ? count - CARDINALITY : 0;
        int32 later;
        for (uint256 i = end; last.timestamp - w.start.timestamp < window;) {
            if (i == oldest) revert InsufficientHistory(last.timestamp - w.start.timestamp, window);
            Observation memory earlier = _at(--i);
            int32 price = FeatureLib.log2Price(_average(earlier, w.start));
            if (w.intervals++ == 0) w.recent = price;
            else w.change += FixedPointMathLib.dist(int256(price), int256(later));
            if (earlier.liquidity < w.liquidity) w.liquidity = earlier.liquidity;
            later = price;
            w.start = earlier;
        }
    }

    /// @dev At most the newest observation is of this block.
    function _newestBeforeThisBlock() private view returns (uint256) {
        uint256 usable = count;
        if (usable != 0 && _at(usable - 1).blockNumber == block.number) --usable;
        if (usable == 0) revert InsufficientHistory(0, window);
        return usable - 1;
    }

    /// @dev Average price between two observations, Q128.
    function _average(Observation memory from, Observation memory to) private pure returns (uint256) {
        uint256 difference;
        unchecked {
            difference = to.cumulative - from.cumulative;
        }
        uint256 average = difference / (to.timestamp - from.timestamp);
        if (average == 0 || average >> 184 != 0) revert BrokenSource();
        return average << 16;
    }

    function _at(uint256 i) private view returns (Observation memory) {
        return _ring[i % CARDINALITY];
    }
}
