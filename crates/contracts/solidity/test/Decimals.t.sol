// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IUniswapV2Factory} from "v2-core/contracts/interfaces/IUniswapV2Factory.sol";
import {IUniswapV2Pair} from "v2-core/contracts/interfaces/IUniswapV2Pair.sol";
import {Fixture} from "./support/Fixture.sol";
import {PlainToken} from "./support/PlainToken.sol";
import {InventoryExecutor} from "../src/executors/InventoryExecutor.sol";
import {ChainlinkConfig, ChainlinkFeed} from "../src/feeds/ChainlinkFeed.sol";
import {UniswapV2TwapFeed} from "../src/feeds/UniswapV2TwapFeed.sol";
import {IMarkets, MarketParams} from "../src/interfaces/IMarkets.sol";
import {Intent} from "../src/interfaces/IAuctionHouse.sol";
import {QuoteMath} from "../src/libraries/QuoteMath.sol";

/// Tokens of 0 to 24 decimals: prices are of raw units, and a fill pays to the unit.
contract DecimalsTest is Fixture {
    uint256 internal _one;
    uint256 internal _oneQuote;
    /// @dev Strategies are told apart by their models.
    uint64 internal _seed = 1;

    /// @dev A market of two new tokens with these decimals, at a price of 2000, and a strategy in it.
    function _prepare(uint8 baseDecimals, uint8 quoteDecimals) internal {
        (_one, _oneQuote) = (10 ** uint256(baseDecimals), 10 ** uint256(quoteDecimals));
        (base, quote) = (new PlainToken(baseDecimals), new PlainToken(quoteDecimals));
        IUniswapV2Factory factory =
            IUniswapV2Factory(_deployArtifact("v2-core/build/UniswapV2Factory.json", abi.encode(address(this))));
        pair = IUniswapV2Pair(factory.createPair(address(base), address(quote)));
        base.mint(address(pair), 1_000 * _one);
        quote.mint(address(pair), 2_000_000 * _oneQuote);
        pair.mint(address(this));
        twap = new UniswapV2TwapFeed(pair, address(base), 36, 12, 120);
        aggregator.post(2000e8);
        ChainlinkConfig memory c = _linkConfig();
        (c.baseDecimals, c.quoteDecimals) = (baseDecimals, quoteDecimals);
        link = new ChainlinkFeed(c);
        MarketParams memory p = _params();
        (p.minNotional, p.maxNotional) = (1, 1_000_000 * _oneQuote);
        market = _createMarket(p);
        executor = new InventoryExecutor(address(house), solver);
        for (uint256 i; i < 2; ++i) {
            address to = i == 0 ? trader : address(executor);
            base.mint(to, 100 * _one);
            quote.mint(to, 200_000 * _oneQuote);
        }
        _approve(trader);
        strategy = _activeStrategy(solver, address(executor), ++_seed);
        _observe(8);
        aggregator.post(2000e8);
    }

    /// @dev One order on either side, filled at 1500 pips over the reference.
    function _fillBoth(uint256 nonce) internal {
        Intent[] memory intents = new Intent[](2);
        intents[0] = _intent(0, 3 * _one, 1, nonce);
        intents[1] = _intent(1, 6_000 * _oneQuote, 1, nonce + 1);
        Run memory run = _open(intents);
        _commit(run, solver, strategy);
        run.results[0] = run.results[1] = _result(1_500, 0, 1);
        _settleAndMove(run, _indices(0));
        uint256 referenceQ128 = house.getRound(run.id).referenceQ128;
        for (uint8 slot; slot < 2; ++slot) {
            PlainToken bought = slot == 0 ? quote : base;
            uint256 before = bought.balanceOf(trader);
            assertTrue(house.fill(_fillRequest(run, slot)));
            uint256 paid = bought.balanceOf(trader) - before;
            assertEq(paid, QuoteMath.amountOut(slot, intents[slot].sellAmount, referenceQ128, 1_500));
            // 3 * 2003 and 3 * 1.0015, rounded up by at most a unit, up to what the reference price was truncated by
            uint256 ideal = slot == 0 ? 6_009 * _oneQuote : 30_045 * _one / 10_000;
            assertApproxEqAbs(paid, ideal, 1 + ideal / 1e12);
        }
    }

    // covers: C1
    function test_tokens_of_zero_to_twenty_four_decimals_are_filled_at_the_proven_price() public {
        uint8[5] memory decimals = [0, 1, 6, 18, 24];
        for (uint256 i; i < 25; ++i) {
            (uint8 baseDecimals, uint8 quoteDecimals) = (decimals[i / 5], decimals[i % 5]);
            // raw prices from 2^72 upwards are refused, see the next test
            if (quoteDecimals > baseDecimals + 18) continue;
            _prepare(baseDecimals, quoteDecimals);
            _fillBoth(2 * i);
        }
    }

    /// 2000 whole quote tokens of 24 decimals are more raw units for one of a token without decimals than a price may have.
    function test_a_price_beyond_the_arithmetic_fails_the_opening() public {
        _prepare(0, 24);
        vm.expectPartialRevert(IMarkets.FeedFailed.selector);
        markets.snapshot(market);
    }
}
