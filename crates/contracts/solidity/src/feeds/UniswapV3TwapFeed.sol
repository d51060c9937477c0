// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {TickMath} from "v4-core/libraries/TickMath.sol";
import {IFeed} from "../interfaces/IFeed.sol";
import {IUniswapV3PoolMinimal} from "../interfaces/IUniswapV3PoolMinimal.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";

/// @title Time-weighted price of a Uniswap V3 pool, with its path
/// @notice The last observation that the pool made before this block ends 16 windows of equal length. Features:
///         - `tick-0` (oldest window) to `tick-15` (newest): the window's mean tick as log2 of raw quote units per raw base
///           unit, tick * log2(1.0001), rounded down;
///         - `price`: log2 of the reference price, which is the geometric mean over all windows;
///         - `price-recent`: the same as `tick-15`;
///         - `volatility`: mean absolute difference of neighbouring windows;
///         - `depth`: log2 of the harmonic mean of the liquidity in range over all windows, in raw units;
///         - `age`: seconds since the observation that ends the windows.
/// @dev Manipulation: a pool writes an observation before the first change of a block, so nothing that happens in this
///      block can enter, and what happened in the block of the last observation does not enter either. Moving the mean
///      by m ticks takes holding the tick away by 16 windows * m / n seconds for n seconds, through the blocks of all
///      competitors and arbitrageurs; the check feed bounds what that gains. The harmonic mean follows the least
///      liquidity, so liquidity lent to the pool for a moment raises `depth` by nothing that matters. The pool's ring must
///      reach over the windows and the time since: grow it with `increaseObservationCardinalityNext`, by one place per
///      block of that time at most. A pool without trades makes no observation and becomes stale; a swap by anybody ends
///      that.
contract UniswapV3TwapFeed is IFeed {
    /// @notice Windows in a reading.
    uint256 public constant WINDOWS = 16;
    /// @dev Features of a reading.
    uint256 internal constant FEATURES = WINDOWS + 5;
    /// @dev log2(1.0001) * 2^86, rounded down.
    int256 internal constant LOG2_TICK_Q86 = 11_161_754_144_061_960_285_949;
    /// @dev Fraction bits of that constant beyond those of a feature.
    uint256 internal constant EXTRA_BITS = 64;
    /// @dev Beyond 2^±64 a price loses the precision that pips need.
    int256 internal constant MAX_TICK = 443_636;

    IUniswapV3PoolMinimal public immutable v3Pool;
    address public immutable base;
    address public immutable quote;
    bool internal immutable _baseIsToken0;
    /// @notice Seconds of one window.
    uint32 public immutable window;
    /// @notice A reading whose last observation is older than this many seconds is refused.
    uint256 public immutable maxAge;

    /// @param base_ Token of the pool whose price is read.
    constructor(IUniswapV3PoolMinimal pool_, address base_, uint32 window_, uint256 maxAge_) {
        (address token0, address token1) = (pool_.token0(), pool_.token1());
        if (base_ != token0 && base_ != token1) revert BrokenSource();
        // the pool counts seconds modulo 2^32; a year is more than any ring reaches
        if (window_ == 0 || uint256(window_) * WINDOWS > 365 days || maxAge_ > 365 days) revert BrokenSource();
        v3Pool = pool_;
        base = base_;
        quote = base_ == token0 ? token1 : token0;
        _baseIsToken0 = base_ == token0;
        window = window_;
        maxAge = maxAge_;
    }

    /// @inheritdoc IFeed
    function name() external pure returns (string memory) {
        return "uniswap-v3";
    }

    /// @inheritdoc IFeed
    function featureNames() external pure returns (string[] memory names) {
        names = new string[](FEATURES);
        for (uint256 i; i < WINDOWS; ++i) {
            bytes memory digits =
                i < 10 ? abi.encodePacked(bytes1(uint8(48 + i))) : abi.encodePacked(bytes1("1"), bytes1(uint8(38 + i)));
            names[i] = string.concat("tick-", string(digits));
        }
        names[WINDOWS] = "price";
        names[WINDOWS + 1] = "price-recent";
        names[WINDOWS + 2] = "volatility";
        names[WINDOWS + 3] = "depth";
        names[WINDOWS + 4] = "age";
    }

    /// @inheritdoc IFeed
    function pair() external view returns (address, address) {
        return (base, quote);
    }

    /// @inheritdoc IFeed
    function read() external view returns (int32[] memory features, uint256 referenceQ128) {
        uint256 age = _age();
        (int56[] memory ticks, uint160[] memory secondsPerLiquidity) = v3Pool.observe(_moments(age));
        features = new int32[](FEATURES);
        uint256 change;
        for (uint256 i; i < WINDOWS; ++i) {
            features[i] = _log2(_difference(ticks[i], ticks[i + 1]), window);
            if (i != 0) change += FixedPointMathLib.dist(int256(features[i]), int256(features[i - 1]));
        }
        referenceQ128 = _price(_difference(ticks[0], ticks[WINDOWS]), WINDOWS * window);
        features[WINDOWS] = FeatureLib.log2Price(referenceQ128);
        features[WINDOWS + 1] = features[WINDOWS - 1];
        features[WINDOWS + 2] = FeatureLib.saturate(int256(change / (WINDOWS - 1)));
        features[WINDOWS + 3] = FeatureLib.log2Q22(_liquidity(secondsPerLiquidity[0], secondsPerLiquidity[WINDOWS]));
        features[WINDOWS + 4] = FeatureLib.saturate(int256(age));
    }

    /// @dev Seconds since the last observation of an earlier block, which must be recent, and the ring long enough.
    function _age() private view returns (uint256 age) {
        (,, uint16 index, uint16 cardinality,,,) = v3Pool.slot0();
        if (cardinality == 0) revert InsufficientHistory(0, WINDOWS * window);
        uint32 newest = _timestamp(index);
        uint32 oldest = _timestamp((index + 1) % uint256(cardinality));
        // a ring that never wrapped has its oldest observation at the start
        if (oldest == 0) oldest = _timestamp(0);
        if (newest == uint32(block.timestamp)) {
            if (oldest == newest) revert InsufficientHistory(0, WINDOWS * window);
            newest = _timestamp((uint256(index) + cardinality - 1) % cardinality);
        }
        uint256 available;
        unchecked {
            // times are modulo 2^32
            age = uint32(block.timestamp) - newest;
            available = newest - oldest;
        }
        if (age > maxAge) revert StaleReading(age, maxAge);
        if (available < WINDOWS * window) revert InsufficientHistory(available, WINDOWS * window);
    }

    /// @dev 0 for a place that was never written.
    function _timestamp(uint256 index) private view returns (uint32 timestamp) {
        bool written;
        (timestamp,,, written) = v3Pool.observations(index);
        if (!written) timestamp = 0;
    }

    /// @dev The ends of all windows, in seconds before now, oldest first.
    function _moments(uint256 age) private view returns (uint32[] memory secondsAgos) {
        secondsAgos = new uint32[](WINDOWS + 1);
        for (uint256 i; i <= WINDOWS; ++i) {
            // both are at most a year
            secondsAgos[i] = uint32(age + (WINDOWS - i) * window);
        }
    }

    /// @dev Sum of ticks between two moments, of the price of base in quote tokens.
    function _difference(int56 from, int56 to) private view returns (int256 sum) {
        unchecked {
            sum = to - from;
        }
        return _baseIsToken0 ? sum : -sum;
    }

    /// @dev log2 of the price at the mean of a sum of ticks over `time` seconds.
    function _log2(int256 sum, uint256 time) private pure returns (int32) {
        return FeatureLib.saturate(_floorDiv(sum * LOG2_TICK_Q86, int256(time << EXTRA_BITS)));
    }

    /// @dev Price at the mean tick, Q128: between two whole ticks by a straight line, which is exact to 2e-9.
    function _price(int256 sum, uint256 time) private pure returns (uint256) {
        int256 tick = _floorDiv(sum, int256(time));
        if (tick >= MAX_TICK || tick <= -MAX_TICK) revert BrokenSource();
        uint256 low = _priceAt(int24(tick));
        uint256 high = _priceAt(int24(tick + 1));
        return low + FixedPointMathLib.fullMulDiv(high - low, uint256(sum - tick * int256(time)), time);
    }

    function _priceAt(int24 tick) private pure returns (uint256) {
        uint256 root = TickMath.getSqrtPriceAtTick(tick);
        return FixedPointMathLib.fullMulDiv(root, root, 1 << 64);
    }

    /// @dev Harmonic mean of the liquidity in range.
    function _liquidity(uint160 from, uint160 to) private view returns (uint256) {
        uint256 difference;
        unchecked {
            difference = to - from;
        }
        if (difference == 0) revert BrokenSource();
        return (WINDOWS * uint256(window) << 128) / difference;
    }

    function _floorDiv(int256 a, int256 b) private pure returns (int256 q) {
        q = a / b;
        if (a % b != 0 && a < 0) --q;
    }
}
