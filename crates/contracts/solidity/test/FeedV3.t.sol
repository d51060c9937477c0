// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {V3Pool, IUniswapV3FactoryCalls, IUniswapV3PoolCalls} from "./support/V3Pool.sol";
import {UniswapV3TwapFeed} from "../src/feeds/UniswapV3TwapFeed.sol";
import {IUniswapV3PoolMinimal} from "../src/interfaces/IUniswapV3PoolMinimal.sol";
import {IFeed} from "../src/interfaces/IFeed.sol";
import {MarketParams} from "../src/interfaces/IMarkets.sol";
import {FeatureLib} from "../src/libraries/FeatureLib.sol";

contract FeedV3Test is V3Pool {
    uint256 internal constant PRICE = (uint256(2000e6) << 128) / 1e18;
    uint256 internal constant VOLATILITY = 18;
    uint256 internal constant DEPTH = 19;
    uint256 internal constant AGE = 20;

    UniswapV3TwapFeed internal feed;

    function setUp() public override {
        super.setUp();
        _deployV3();
        feed = new UniswapV3TwapFeed(pool, address(base), 24, 120);
        _trade(40);
    }

    /// @dev Mean tick of a span that ends `age` seconds ago, from the pool's sums, by another path than the feed's.
    function _mean(uint32 age, uint32 span) internal view returns (int256 sum) {
        uint32[] memory ends = new uint32[](2);
        (ends[0], ends[1]) = (age + span, age);
        (int56[] memory ticks,) = pool.observe(ends);
        sum = ticks[1] - ticks[0];
        if (!baseIs0) sum = -sum;
    }

    function test_the_layout_is_sixteen_ticks_and_five_values() public view {
        string[] memory names = feed.featureNames();
        assertEq(names.length, 21);
        for (uint256 i; i < 16; ++i) {
            assertEq(names[i], string.concat("tick-", vm.toString(i)));
        }
        assertEq(names[16], "price");
        assertEq(names[17], "price-recent");
        assertEq(names[VOLATILITY], "volatility");
        assertEq(names[DEPTH], "depth");
        assertEq(names[AGE], "age");
        assertEq(feed.name(), "uniswap-v3");
        (address b, address q) = feed.pair();
        assertEq(b, address(base));
        assertEq(q, address(quote));
    }

    function test_each_window_is_its_mean_tick_as_log2_of_the_price() public view {
        (int32[] memory f, uint256 price) = feed.read();
        uint256 change;
        for (uint32 i; i < 16; ++i) {
            // 605.08 units of 2^-22 are one tick
            int256 expected = _mean(12 + (15 - i) * 24, 24) * 605_079_904_587 / (24 * 1e9);
            assertApproxEqAbs(f[i], expected, 1 + uint256(-expected) / 1e8);
            if (i != 0) change += uint256(int256(f[i] > f[i - 1] ? f[i] - f[i - 1] : f[i - 1] - f[i]));
        }
        assertEq(f[17], f[15]);
        assertEq(uint256(int256(f[VOLATILITY])), change / 15);
        assertGt(f[VOLATILITY], 0);
        assertEq(f[16], FeatureLib.log2Price(price));
        assertApproxEqRel(price, PRICE, 0.002e18);
        assertApproxEqAbs(f[DEPTH], FeatureLib.log2Q22(LIQUIDITY), 2);
        assertEq(f[AGE], 12);
    }

    function test_the_reference_lies_between_whole_ticks_to_a_billionth() public view {
        (int32[] memory f, uint256 price) = feed.read();
        int256 sum;
        for (uint256 i; i < 16; ++i) {
            sum += f[i];
        }
        // the features round down by up to one unit each
        assertApproxEqAbs(FeatureLib.log2Price(price), sum / 16, 2);
    }

    function test_the_other_token_gives_the_inverse_price() public {
        UniswapV3TwapFeed inverse = new UniswapV3TwapFeed(pool, address(quote), 24, 120);
        (int32[] memory f, uint256 price) = feed.read();
        (int32[] memory g, uint256 other) = inverse.read();
        for (uint256 i; i < 18; ++i) {
            assertApproxEqAbs(f[i], -g[i], 2);
        }
        assertApproxEqAbs(f[VOLATILITY], g[VOLATILITY], 2);
        assertEq(f[DEPTH], g[DEPTH]);
        assertApproxEqRel((price >> 60) * (other >> 68) >> 96, 1 << 32, 1e11);
    }

    function test_a_swap_in_this_block_moves_nothing() public {
        (int32[] memory f, uint256 price) = feed.read();
        _swapV3(true, 500 * BASE, "");
        (int32[] memory g, uint256 skewed) = feed.read();
        assertEq(price, skewed);
        assertEq(keccak256(abi.encode(f)), keccak256(abi.encode(g)));
    }

    function test_a_swap_of_the_last_block_moves_nothing_either() public {
        _nextBlocks(1);
        _swapV3(true, 500 * BASE, "");
        _nextBlocks(1);
        (, uint256 price) = feed.read();
        assertApproxEqRel(price, PRICE, 0.002e18);
    }

    function test_an_attack_is_weighed_by_the_time_it_lasts() public {
        (, uint256 before) = feed.read();
        _swapV3(true, 1_000 * BASE, "");
        _nextBlocks(1);
        _swapV3(true, 10 * BASE, "");
        _nextBlocks(1);
        (, uint256 price) = feed.read();
        // doubling the base reserves quarters the price; 12 of 384 seconds give 4^(-1/32)
        assertApproxEqRel(price, before * 95_760 / 100_000, 0.002e18);
    }

    function test_liquidity_lent_for_a_block_does_not_count() public {
        (int32[] memory f,) = feed.read();
        IUniswapV3PoolCalls(address(pool)).mint(address(this), LOWEST, HIGHEST, 100 * LIQUIDITY, "");
        _nextBlocks(1);
        IUniswapV3PoolCalls(address(pool)).burn(LOWEST, HIGHEST, 100 * LIQUIDITY);
        _nextBlocks(1);
        (int32[] memory g,) = feed.read();
        // 12 of 384 seconds: log2(384 / 372) is 0.046
        assertGe(g[DEPTH], f[DEPTH]);
        assertLt(g[DEPTH] - f[DEPTH], 200_000);
    }

    // covers: Z15
    function test_a_quiet_pool_becomes_stale_by_name() public {
        _nextBlocks(9);
        feed.read();
        _nextBlocks(1);
        vm.expectRevert(abi.encodeWithSelector(IFeed.StaleReading.selector, 132, 120));
        feed.read();
    }

    function test_a_short_history_fails_by_name() public {
        UniswapV3TwapFeed longer = new UniswapV3TwapFeed(pool, address(base), 60, 120);
        vm.expectRevert(abi.encodeWithSelector(IFeed.InsufficientHistory.selector, 480, 960));
        longer.read();
    }

    function test_a_pool_that_keeps_one_observation_has_no_history() public {
        IUniswapV3PoolMinimal fresh = IUniswapV3PoolMinimal(
            IUniswapV3FactoryCalls(
                    _deployArtifact("v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json", "")
                ).createPool(address(base), address(quote), 3000)
        );
        UniswapV3TwapFeed other = new UniswapV3TwapFeed(fresh, address(base), 24, 120);
        vm.expectRevert(abi.encodeWithSelector(IFeed.InsufficientHistory.selector, 0, 384));
        other.read();
        IUniswapV3PoolCalls(address(fresh)).initialize(1 << 96);
        vm.expectRevert(abi.encodeWithSelector(IFeed.InsufficientHistory.selector, 0, 384));
        other.read();
        _nextBlocks(1);
        vm.expectRevert(abi.encodeWithSelector(IFeed.InsufficientHistory.selector, 0, 384));
        other.read();
    }

    function test_the_ring_wraps_and_the_reading_goes_on() public {
        _trade(100);
        (, uint256 price) = feed.read();
        assertApproxEqRel(price, PRICE, 0.01e18);
    }

    function test_prices_beyond_the_precision_are_broken() public {
        // 2^68 raw units of one token for one of the other
        _deployV3(1 << 130);
        feed = new UniswapV3TwapFeed(pool, address(base), 24, 120);
        for (uint256 i; i < 34; ++i) {
            _nextBlocks(1);
            // the pool writes when its tick changes, or liquidity in range does
            IUniswapV3PoolCalls(address(pool)).mint(address(this), LOWEST, HIGHEST, 1e6, "");
        }
        _nextBlocks(1);
        vm.expectRevert(IFeed.BrokenSource.selector);
        feed.read();
    }

    function test_bad_windows_are_refused() public {
        new UniswapV3TwapFeed(pool, address(base), 24, 365 days);
        vm.expectRevert(IFeed.BrokenSource.selector);
        new UniswapV3TwapFeed(pool, address(base), 24, 365 days + 1);
        vm.expectRevert(IFeed.BrokenSource.selector);
        new UniswapV3TwapFeed(pool, address(base), 0, 120);
        vm.expectRevert(IFeed.BrokenSource.selector);
        new UniswapV3TwapFeed(pool, address(this), 24, 120);
        vm.expectRevert(IFeed.BrokenSource.selector);
        new UniswapV3TwapFeed(pool, address(base), 30 days, 120);
    }

    /// A round on a V3 market records all 26 features, in the order that models are written for.
    function test_a_market_on_the_feed_opens_rounds() public {
        MarketParams memory p = _params();
        p.feeds[0] = address(feed);
        market = _createMarket(p);
        Run memory run = _openOne();
        (, uint256 price) = feed.read();
        assertEq(house.getRound(run.id).referenceQ128, price);
        string[] memory names = markets.featureNames(market);
        assertEq(names[0], "uniswap-v3.tick-0");
        assertEq(names[20], "uniswap-v3.age");
        assertEq(names[21], "chainlink.price");
        assertEq(names[25], "chain.timestamp");
        assertEq(names[26], "");
    }
}
