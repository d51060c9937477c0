// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {BrokenFeed} from "./support/BrokenFeed.sol";
import {PlainToken} from "./support/PlainToken.sol";
import {OracleDecimals} from "../src/feeds/OracleDecimals.sol";
import {ChainFeed} from "../src/feeds/ChainFeed.sol";
import {ChainlinkConfig, ChainlinkFeed} from "../src/feeds/ChainlinkFeed.sol";
import {PostedAggregator} from "../src/feeds/PostedAggregator.sol";
import {UniswapV2TwapFeed} from "../src/feeds/UniswapV2TwapFeed.sol";
import {IAggregatorV3} from "../src/interfaces/IAggregatorV3.sol";
import {IFeed} from "../src/interfaces/IFeed.sol";
import {IMarkets, MarketParams} from "../src/interfaces/IMarkets.sol";
import {FeatureLib} from "../src/libraries/FeatureLib.sol";

contract FeedsTest is Fixture {
    uint256 internal constant PRICE = (uint256(2000e6) << 128) / 1e18;

    /// @dev Sells base tokens into the pool.
    function _dump(uint256 amount) internal {
        (uint112 r0, uint112 r1,) = pair.getReserves();
        bool baseIs0 = pair.token0() == address(base);
        (uint256 rin, uint256 rout) = baseIs0 ? (r0, r1) : (r1, r0);
        uint256 out = amount * 997 * rout / (rin * 1000 + amount * 997);
        base.mint(address(pair), amount);
        pair.swap(baseIs0 ? 0 : out, baseIs0 ? out : 0, address(this), "");
    }

    function _reference() internal view returns (uint256 price) {
        (, price) = markets.snapshot(market);
    }

    function _expectFeedFailure(address feed, bytes memory reason) internal {
        vm.expectRevert(abi.encodeWithSelector(IMarkets.FeedFailed.selector, feed, reason));
        markets.snapshot(market);
    }

    // ---- Uniswap V2

    function test_the_average_of_a_quiet_pool_is_its_price() public view {
        (int32[] memory f, uint256 price) = twap.read();
        assertApproxEqRel(price, PRICE, 1e6);
        assertEq(f[0], FeatureLib.log2Price(price));
        assertEq(f[1], f[0]);
        assertEq(f[2], 0);
        // 1000 base units and 2,000,000 quote units; square root and halving truncate
        assertApproxEqAbs(f[3], FeatureLib.log2Q22(1000e18), 8);
        assertApproxEqAbs(f[4], FeatureLib.log2Q22(2_000_000e6), 8);
        assertEq(f[5], 12);
    }

    function test_the_other_token_gives_the_inverse_price() public {
        UniswapV2TwapFeed inverse = new UniswapV2TwapFeed(pair, address(quote), 36, 12, 120);
        for (uint256 i; i < 6; ++i) {
            inverse.observe();
            _nextBlocks(1);
        }
        (int32[] memory f, uint256 price) = inverse.read();
        assertApproxEqRel(price, (uint256(1e18) << 128) / 2000e6, 1e6);
        (int32[] memory g,) = twap.read();
        assertApproxEqAbs(f[0], -g[0], 2);
        assertApproxEqAbs(f[3], g[4], 8);
    }

    function test_a_swap_in_this_block_moves_nothing() public {
        (int32[] memory f, uint256 price) = twap.read();
        _dump(1_000 * BASE);
        twap.observe();
        (int32[] memory g, uint256 skewed) = twap.read();
        assertEq(price, skewed);
        assertEq(keccak256(abi.encode(f)), keccak256(abi.encode(g)));
    }

    // covers: M13
    function test_a_round_opened_after_a_spot_attack_has_the_honest_reference() public {
        uint256 before = _reference();
        _dump(1_000 * BASE);
        twap.observe();
        Run memory run = _openOne();
        assertEq(house.getRound(run.id).referenceQ128, before);
    }

    // covers: M13
    function test_an_attack_that_lasts_for_blocks_deviates_from_the_second_feed() public {
        _dump(1_000 * BASE);
        _observe(2);
        vm.expectPartialRevert(IMarkets.FeedDeviates.selector);
        markets.snapshot(market);
    }

    function test_an_observation_weighs_prices_by_time() public {
        // quote per base falls to a quarter: of the window's 36 seconds, 24 are at the old price
        _dump(1_003_009_027_081_243_731_194);
        _nextBlocks(1);
        twap.observe();
        _nextBlocks(1);
        (, uint256 price) = twap.read();
        assertApproxEqRel(price, PRICE * 3 / 4, 0.001e18);
    }

    // covers: Z15 M13
    function test_a_stale_average_fails_by_name() public {
        _nextBlocks(10);
        _expectFeedFailure(address(twap), abi.encodeWithSelector(IFeed.StaleReading.selector, 132, 120));
    }

    function test_a_short_history_fails_by_name() public {
        UniswapV2TwapFeed fresh = new UniswapV2TwapFeed(pair, address(base), 36, 12, 120);
        vm.expectRevert(abi.encodeWithSelector(IFeed.InsufficientHistory.selector, 0, 36));
        fresh.read();
        fresh.observe();
        vm.expectRevert(abi.encodeWithSelector(IFeed.InsufficientHistory.selector, 0, 36));
        fresh.read();
        _nextBlocks(1);
        fresh.observe();
        _nextBlocks(1);
        vm.expectRevert(abi.encodeWithSelector(IFeed.InsufficientHistory.selector, 12, 36));
        fresh.read();
        _nextBlocks(1);
        fresh.observe();
        _nextBlocks(1);
        fresh.read();
    }

    function test_observations_keep_their_interval() public {
        uint256 n = twap.count();
        assertTrue(twap.observe());
        assertFalse(twap.observe());
        vm.warp(vm.getBlockTimestamp() + 11);
        assertFalse(twap.observe());
        vm.warp(vm.getBlockTimestamp() + 1);
        assertTrue(twap.observe());
        assertEq(twap.count(), n + 2);
    }

    function test_the_ring_wraps_and_keeps_the_newest() public {
        _observe(40);
        (, uint256 price) = twap.read();
        assertApproxEqRel(price, PRICE, 1e6);
        uint256 n = twap.count();
        twap.observation(n - 16);
        vm.expectPartialRevert(IFeed.InsufficientHistory.selector);
        twap.observation(n - 17);
        vm.expectPartialRevert(IFeed.InsufficientHistory.selector);
        twap.observation(n);
    }

    function test_liquidity_added_around_one_observation_does_not_count() public {
        (int32[] memory f,) = twap.read();
        _nextBlocks(1);
        base.mint(address(pair), 9_000 * BASE);
        quote.mint(address(pair), 18_000_000 * QUOTE);
        pair.mint(address(this));
        twap.observe();
        pair.transfer(address(pair), pair.balanceOf(address(this)) * 8 / 10);
        pair.burn(address(this));
        _nextBlocks(1);
        (int32[] memory g,) = twap.read();
        assertApproxEqAbs(g[3], f[3], 8);
        assertApproxEqAbs(g[4], f[4], 8);
    }

    function test_volatility_is_the_mean_change_between_intervals() public {
        for (uint256 i; i < 4; ++i) {
            _dump(5 * BASE);
            _observe(1);
        }
        (int32[] memory f,) = twap.read();
        // each dump moves the price by about 1 %, which is 2^22 * log2(1.01) = 60,000
        assertTrue(f[2] > 30_000 && f[2] < 90_000);
        assertLt(f[1], f[0]);
    }

    function test_a_pool_without_liquidity_is_broken() public {
        pair.transfer(address(pair), pair.balanceOf(address(this)));
        pair.burn(address(this));
        // the pool keeps its minimum of liquidity; take the last units out by hand
        vm.store(address(pair), bytes32(uint256(8)), 0);
        vm.expectRevert(IFeed.BrokenSource.selector);
        twap.observe();
    }

    // ---- Chainlink

    function test_the_aggregators_price_is_in_raw_units() public view {
        (int32[] memory f, uint256 price) = link.read();
        assertEq(price, PRICE);
        assertEq(f[0], FeatureLib.log2Price(PRICE));
        assertEq(uint256(int256(f[1])), 9 * 12);
    }

    function _mockRound(uint80 id, int256 answer, uint256 updatedAt, uint80 answeredIn) internal {
        vm.mockCall(
            address(aggregator),
            abi.encodeCall(IAggregatorV3.latestRoundData, ()),
            abi.encode(id, answer, updatedAt, updatedAt, answeredIn)
        );
    }

    function test_broken_answers_are_refused() public {
        uint256 now_ = vm.getBlockTimestamp();
        _mockRound(2, 0, now_, 2);
        _expectFeedFailure(address(link), abi.encodeWithSelector(IFeed.BrokenSource.selector));
        _mockRound(2, -1, now_, 2);
        _expectFeedFailure(address(link), abi.encodeWithSelector(IFeed.BrokenSource.selector));
        _mockRound(2, type(int256).max, now_, 2);
        _expectFeedFailure(address(link), abi.encodeWithSelector(IFeed.BrokenSource.selector));
        _mockRound(2, 2000e8, 0, 2);
        _expectFeedFailure(address(link), abi.encodeWithSelector(IFeed.BrokenSource.selector));
        _mockRound(2, 2000e8, now_ + 1, 2);
        _expectFeedFailure(address(link), abi.encodeWithSelector(IFeed.BrokenSource.selector));
        _mockRound(2, 2000e8, now_, 1);
        _expectFeedFailure(address(link), abi.encodeWithSelector(IFeed.BrokenSource.selector));
        _mockRound(2, 2000e8, now_ - 3601, 2);
        _expectFeedFailure(address(link), abi.encodeWithSelector(IFeed.StaleReading.selector, 3601, 3600));
        _mockRound(2, 2000e8, now_ - 3600, 2);
        markets.snapshot(market);
    }

    function test_decimals_scale_the_price() public {
        PostedAggregator other = new PostedAggregator(address(this), 18);
        other.post(2000e18);
        ChainlinkConfig memory c = _linkConfig();
        c.aggregator = other;
        (, uint256 price) = new ChainlinkFeed(c).read();
        assertEq(price, PRICE);
        (c.base, c.quote) = (address(new PlainToken(0)), address(new PlainToken(24)));
        (c.baseDecimals, c.quoteDecimals) = (0, 24);
        (, price) = new ChainlinkFeed(c).read();
        assertEq(price, uint256(2000e24) << 128);
    }

    function test_an_aggregator_may_have_thirty_six_decimals() public {
        ChainlinkConfig memory c = _linkConfig();
        c.aggregator = new PostedAggregator(address(this), 36);
        new ChainlinkFeed(c);
        c.aggregator = new PostedAggregator(address(this), 37);
        vm.expectRevert(IFeed.BrokenSource.selector);
        new ChainlinkFeed(c);
    }

    function price(uint256 mantissa, int256 exponent) external pure returns (uint256) {
        return OracleDecimals.price(mantissa, exponent, 0, 0);
    }

    function test_an_exponent_out_of_range_is_a_broken_source() public {
        assertGt(this.price(1 << 126, -72), 0);
        vm.expectRevert(IFeed.BrokenSource.selector);
        this.price(1 << 126, -73);
        assertEq(this.price(1, 36), 1e36 << 128);
        vm.expectRevert(IFeed.BrokenSource.selector);
        this.price(1, 37);
    }

    function test_the_chains_own_feed_names_what_it_gives_and_is_of_no_pair() public view {
        string[] memory names = chain.featureNames();
        assertEq(names.length, 3);
        assertEq(names[0], "base-fee");
        assertEq(names[1], "block-interval");
        assertEq(names[2], "timestamp");
        (address b, address q) = chain.pair();
        assertEq(b, address(0));
        assertEq(q, address(0));
    }

    function test_decimals_that_the_token_contradicts_are_refused() public {
        ChainlinkConfig memory c = _linkConfig();
        c.baseDecimals = 17;
        vm.expectRevert(IFeed.BrokenSource.selector);
        new ChainlinkFeed(c);
        // a token that tells none is taken at its word
        c.base = address(this);
        new ChainlinkFeed(c);
    }

    function test_an_aggregator_that_changes_its_decimals_is_broken() public {
        vm.mockCall(address(aggregator), abi.encodeCall(IAggregatorV3.decimals, ()), abi.encode(18));
        _expectFeedFailure(address(link), abi.encodeWithSelector(IFeed.BrokenSource.selector));
    }

    function test_answers_at_the_aggregators_limits_are_refused() public {
        ChainlinkConfig memory c = _linkConfig();
        (c.minAnswer, c.maxAnswer) = (1000e8, 3000e8);
        ChainlinkFeed feed = new ChainlinkFeed(c);
        feed.read();
        int256[2] memory limits = [c.minAnswer, c.maxAnswer];
        for (uint256 i; i < 2; ++i) {
            aggregator.post(limits[i]);
            vm.expectRevert(IFeed.BrokenSource.selector);
            feed.read();
        }
        aggregator.post(1000e8 + 1);
        feed.read();
        aggregator.post(3000e8 - 1);
        feed.read();
        c.minAnswer = c.maxAnswer;
        vm.expectRevert(IFeed.BrokenSource.selector);
        new ChainlinkFeed(c);
    }

    function test_the_first_round_has_an_id() public {
        _mockRound(0, 2000e8, vm.getBlockTimestamp(), 0);
        _expectFeedFailure(address(link), abi.encodeWithSelector(IFeed.BrokenSource.selector));
    }

    // covers: C23
    function test_a_rollups_price_waits_for_the_sequencer() public {
        PostedAggregator sequencer = new PostedAggregator(address(this), 0);
        ChainlinkConfig memory c = _linkConfig();
        (c.sequencer, c.gracePeriod) = (sequencer, 1 hours);
        c.maxAge = 2 hours;
        ChainlinkFeed feed = new ChainlinkFeed(c);
        vm.expectRevert(abi.encodeWithSelector(ChainlinkFeed.SequencerDown.selector, 0));
        feed.read();
        uint256 since = vm.getBlockTimestamp();
        sequencer.post(1);
        vm.warp(since + 1 hours + 1);
        vm.expectRevert(abi.encodeWithSelector(ChainlinkFeed.SequencerDown.selector, since));
        feed.read();
        since = vm.getBlockTimestamp();
        sequencer.post(0);
        vm.warp(since + 1 hours - 1);
        aggregator.post(2000e8);
        vm.expectRevert(abi.encodeWithSelector(ChainlinkFeed.SequencerDown.selector, since));
        feed.read();
        vm.warp(since + 1 hours);
        feed.read();
    }

    // ---- deviation

    function test_a_deviation_beyond_the_bound_is_refused_on_both_sides() public {
        aggregator.post(2041e8);
        vm.expectPartialRevert(IMarkets.FeedDeviates.selector);
        markets.snapshot(market);
        aggregator.post(1960e8);
        vm.expectPartialRevert(IMarkets.FeedDeviates.selector);
        markets.snapshot(market);
        aggregator.post(2039e8);
        markets.snapshot(market);
        aggregator.post(1961e8);
        markets.snapshot(market);
    }

    // ---- chain

    function test_the_chain_feed_tells_fee_interval_and_time() public {
        vm.fee(1 gwei);
        (int32[] memory f, uint256 price) = chain.read();
        assertEq(price, 0);
        assertEq(f[0], FeatureLib.log2Q22(1 gwei));
        assertEq(f[1], 12_000);
        assertEq(uint256(int256(f[2])), vm.getBlockTimestamp() - 1_700_000_000);
        vm.fee(0);
        (f,) = chain.read();
        assertEq(f[0], 0);
    }

    function test_the_chain_feed_needs_its_span() public {
        ChainFeed fresh = new ChainFeed(3);
        vm.expectRevert(abi.encodeWithSelector(IFeed.InsufficientHistory.selector, 0, 3));
        fresh.read();
        _nextBlocks(3);
        fresh.read();
        assertTrue(fresh.observe());
        assertFalse(fresh.observe());
        (int32[] memory f,) = fresh.read();
        assertEq(f[1], 12_000);
    }

    // ---- markets

    function test_a_snapshot_is_the_feeds_features_in_order_zero_padded() public view {
        (bytes memory packed,) = markets.snapshot(market);
        (int32[] memory a,) = twap.read();
        (int32[] memory b,) = link.read();
        (int32[] memory c,) = chain.read();
        bytes memory expected;
        for (uint256 i; i < 32; ++i) {
            int32 value;
            if (i < 6) value = a[i];
            else if (i < 8) value = b[i - 6];
            else if (i < 11) value = c[i - 8];
            expected = bytes.concat(expected, bytes4(uint32(int32(value)) ^ 0x80000000));
        }
        assertEq(packed, expected);
    }

    function test_features_are_named_by_feed() public view {
        string[] memory names = markets.featureNames(market);
        assertEq(names.length, 32);
        assertEq(names[0], "uniswap-v2.price");
        assertEq(names[6], "chainlink.price");
        assertEq(names[10], "chain.timestamp");
        assertEq(names[11], "");
    }

    function test_a_broken_feed_fails_with_its_reason_whatever_it_answers() public {
        BrokenFeed broken = new BrokenFeed(address(base), address(quote));
        MarketParams memory p = _params();
        p.feeds[2] = address(broken);
        market = _createMarket(p);
        markets.snapshot(market);
        broken.set(BrokenFeed.Mode.Revert);
        _expectFeedFailure(address(broken), abi.encodeWithSignature("Error(string)", "no"));
        BrokenFeed.Mode[4] memory modes =
            [BrokenFeed.Mode.Garbage, BrokenFeed.Mode.TooMany, BrokenFeed.Mode.Nothing, BrokenFeed.Mode.Bomb];
        for (uint256 i; i < modes.length; ++i) {
            broken.set(modes[i]);
            _expectFeedFailure(address(broken), "");
        }
    }

    function test_an_unusable_reference_is_refused() public {
        BrokenFeed broken = new BrokenFeed(address(base), address(quote));
        MarketParams memory p = _params();
        p.feeds[0] = address(broken);
        market = _createMarket(p);
        broken.setPrice(0);
        _expectFeedFailure(address(broken), "");
        broken.setPrice(1 << 200);
        _expectFeedFailure(address(broken), "");
        broken.setPrice(PRICE);
        markets.snapshot(market);
    }

    function _expectBad(MarketParams memory p, bytes32 what) internal {
        vm.expectRevert(abi.encodeWithSelector(IMarkets.BadParameter.selector, what));
        markets.createMarket(p);
    }

    function test_bad_parameters_are_named() public {
        MarketParams memory p = _params();
        p.base = address(0);
        _expectBad(p, "pair");
        p = _params();
        p.quote = p.base;
        _expectBad(p, "pair");
        p = _params();
        p.feeds = new address[](0);
        _expectBad(p, "feeds");
        p = _params();
        (p.base, p.quote) = (p.quote, p.base);
        _expectBad(p, "feeds");
        p = _params();
        p.checkFeed = address(chain);
        _expectBad(p, "checkFeed");
        p.checkFeed = p.feeds[0];
        _expectBad(p, "checkFeed");
        p = _params();
        p.maxDeviationPips = 0;
        _expectBad(p, "maxDeviationPips");
        p = _params();
        p.reserveQuote = -1_000_000;
        _expectBad(p, "reserveQuote");
        p = _params();
        p.minNotional = 0;
        _expectBad(p, "minNotional");
        p = _params();
        p.minNotional = p.maxNotional + 1;
        _expectBad(p, "minNotional");
        p = _params();
        p.maxNotional = 1 << 200;
        _expectBad(p, "maxNotional");
        p = _params();
        p.settleBlocks = 0;
        _expectBad(p, "windows");
        p = _params();
        p.executorGas = 0;
        _expectBad(p, "executorGas");
        p.executorGas = 10_000_001;
        _expectBad(p, "executorGas");
        p.executorGas = 10_000_000;
        markets.createMarket(p);
        p = _params();
        p.unfilledFee = p.openerBond + 1;
        _expectBad(p, "unfilledFee");
        p = _params();
        p.settleReward = uint96(type(uint88).max) + 1;
        _expectBad(p, "settleReward");
    }

    function test_a_market_is_created_once_by_the_owner() public {
        MarketParams memory p = _params();
        vm.expectRevert(abi.encodeWithSelector(IMarkets.MarketExists.selector, market));
        markets.createMarket(p);
        assertEq(market, keccak256(abi.encode(p)));
        vm.startPrank(opener);
        vm.expectRevert();
        markets.createMarket(p);
        vm.expectRevert();
        markets.setPaused(market, true);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IMarkets.UnknownMarket.selector, bytes32(uint256(1))));
        markets.setPaused(bytes32(uint256(1)), true);
    }
}
