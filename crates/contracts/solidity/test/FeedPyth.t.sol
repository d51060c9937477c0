// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {MockPyth} from "pyth-sdk/MockPyth.sol";
import {Fixture} from "./support/Fixture.sol";
import {PlainToken} from "./support/PlainToken.sol";
import {PythFeed} from "../src/feeds/PythFeed.sol";
import {IFeed} from "../src/interfaces/IFeed.sol";
import {IPythPrices} from "../src/interfaces/IPythPrices.sol";
import {MarketParams} from "../src/interfaces/IMarkets.sol";
import {FeatureLib} from "../src/libraries/FeatureLib.sol";

/// @notice On the price store of Pyth's own SDK, which takes updates without publishers' signatures.
contract FeedPythTest is Fixture {
    uint256 internal constant PRICE = (uint256(2000e6) << 128) / 1e18;
    bytes32 internal constant ID = keccak256("BASE/QUOTE");
    uint256 internal constant FEE = 7;

    MockPyth internal pyth;
    PythFeed internal feed;

    function setUp() public override {
        super.setUp();
        pyth = new MockPyth(60, FEE);
        feed = _feed(address(base), address(quote), 18, 6);
        _publish(2000e8, 1e8, -8, vm.getBlockTimestamp() - 5);
    }

    function _feed(address b, address q, uint8 bd, uint8 qd) internal returns (PythFeed) {
        return new PythFeed(IPythPrices(address(pyth)), ID, b, q, bd, qd, 60, 1_000);
    }

    function _data(int64 price, uint64 conf, int32 expo, uint256 time) internal view returns (bytes[] memory data) {
        data = new bytes[](1);
        data[0] = pyth.createPriceFeedUpdateData(ID, price, conf, expo, price, conf, uint64(time), uint64(time));
    }

    function _publish(int64 price, uint64 conf, int32 expo, uint256 time) internal {
        feed.update{value: FEE}(_data(price, conf, expo, time));
    }

    receive() external payable {}

    function test_the_price_is_in_raw_units_with_its_confidence_and_age() public view {
        (int32[] memory f, uint256 price) = feed.read();
        assertEq(price, PRICE);
        assertEq(f[0], FeatureLib.log2Price(PRICE));
        assertEq(f[1], 500);
        assertEq(f[2], 5);
        string[] memory names = feed.featureNames();
        assertEq(names[0], "price");
        assertEq(names[1], "confidence");
        assertEq(names[2], "age");
        assertEq(feed.name(), "pyth");
    }

    function test_a_wide_interval_is_refused() public {
        _publish(2000e8, 2.002e8, -8, vm.getBlockTimestamp() - 1);
        vm.expectRevert(abi.encodeWithSelector(PythFeed.Unsure.selector, 1001, 1000));
        feed.read();
        _nextBlocks(1);
        _publish(2000e8, 2e8, -8, vm.getBlockTimestamp() - 1);
        feed.read();
    }

    // covers: Z15
    function test_ages_are_bounded_on_both_sides() public {
        vm.warp(vm.getBlockTimestamp() + 55);
        feed.read();
        vm.warp(vm.getBlockTimestamp() + 1);
        vm.expectRevert(abi.encodeWithSelector(IFeed.StaleReading.selector, 61, 60));
        feed.read();
        // of this block's own time: it could not have been known before
        _publish(2000e8, 1e8, -8, vm.getBlockTimestamp());
        vm.expectRevert(IFeed.BrokenSource.selector);
        feed.read();
        vm.warp(vm.getBlockTimestamp() + 1);
        feed.read();
    }

    function test_prices_that_are_none_are_refused() public {
        int64[2] memory prices = [int64(0), -1];
        for (uint256 i; i < 2; ++i) {
            _nextBlocks(1);
            _publish(prices[i], 0, -8, vm.getBlockTimestamp() - 1);
            vm.expectRevert(IFeed.BrokenSource.selector);
            feed.read();
        }
        PythFeed unknown =
            new PythFeed(IPythPrices(address(pyth)), bytes32(0), address(base), address(quote), 18, 6, 60, 1000);
        vm.expectRevert();
        unknown.read();
    }

    function test_exponents_and_decimals_scale_the_price() public {
        int32[3] memory exponents = [int32(0), -18, 2];
        int64[3] memory mantissas = [int64(2000), 2000, 20];
        for (uint256 i; i < 3; ++i) {
            _nextBlocks(1);
            _publish(mantissas[i], 0, exponents[i], vm.getBlockTimestamp() - 1);
            (, uint256 price) = feed.read();
            assertEq(price, i == 1 ? PRICE / 1e18 : PRICE, vm.toString(i));
        }
        _nextBlocks(1);
        PythFeed wide = _feed(address(new PlainToken(0)), address(new PlainToken(24)), 0, 24);
        _publish(2, 0, -24, vm.getBlockTimestamp() - 1);
        (, uint256 whole) = wide.read();
        assertEq(whole, uint256(2) << 128);
        int32[2] memory absurd = [int32(60), -80];
        for (uint256 i; i < 2; ++i) {
            _nextBlocks(1);
            _publish(2, 0, absurd[i], vm.getBlockTimestamp() - 1);
            vm.expectRevert(IFeed.BrokenSource.selector);
            wide.read();
        }
    }

    function test_an_update_costs_the_fee_and_gives_the_rest_back() public {
        _nextBlocks(1);
        bytes[] memory data = _data(2100e8, 0, -8, vm.getBlockTimestamp() - 1);
        vm.expectRevert(abi.encodeWithSelector(PythFeed.FeeTooLow.selector, FEE - 1, FEE));
        feed.update{value: FEE - 1}(data);
        uint256 before = address(this).balance;
        feed.update{value: 1 ether}(data);
        assertEq(before - address(this).balance, FEE);
        assertEq(address(feed).balance, 0);
        (, uint256 price) = feed.read();
        assertEq(price, PRICE / 2000 * 2100 + 2100 * (PRICE % 2000) / 2000);
    }

    function test_an_older_price_replaces_nothing() public {
        _publish(1e8, 0, -8, vm.getBlockTimestamp() - 6);
        (, uint256 price) = feed.read();
        assertEq(price, PRICE);
    }

    function test_a_market_can_be_checked_by_it() public {
        MarketParams memory p = _params();
        p.checkFeed = address(feed);
        market = _createMarket(p);
        _openOne();
        _publish(2100e8, 0, -8, vm.getBlockTimestamp() - 1);
        vm.expectRevert();
        markets.snapshot(market);
    }
}
