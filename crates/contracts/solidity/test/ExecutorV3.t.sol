// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {V3Pool} from "./support/V3Pool.sol";
import {InventoryExecutor} from "../src/executors/InventoryExecutor.sol";
import {PoolExecutor} from "../src/executors/PoolExecutor.sol";
import {UniswapV3Executor} from "../src/executors/UniswapV3Executor.sol";
import {FillOrder} from "../src/interfaces/IExecutor.sol";
import {FillRequest, Intent} from "../src/interfaces/IAuctionHouse.sol";

contract ExecutorV3Test is V3Pool {
    UniswapV3Executor internal router;
    address internal routed = makeAddr("routed");
    bytes32 internal routedStrategy;

    function setUp() public override {
        super.setUp();
        _deployV3();
        router = new UniswapV3Executor(address(house), routed, pool, 10_000);
        routedStrategy = _activeStrategy(routed, address(router), 1);
        _observe(8);
    }

    function _routedRun(Intent memory intent, int32 pips) internal returns (Run memory run) {
        Intent[] memory intents = new Intent[](1);
        intents[0] = intent;
        run = _open(intents);
        _commit(run, routed, routedStrategy);
        run.results[0] = _result(pips, 0, 1);
        _settleAndMove(run, _indices(0));
    }

    function test_it_sells_to_the_pool_and_keeps_its_surplus() public {
        // one base unit brings about 1997: the fee is 5 bp, and it is a thousandth of the liquidity
        Run memory run = _routedRun(_intent(0, BASE, 0, 1), -4_000);
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(trader) - before, 1992 * QUOTE);
        assertGt(quote.balanceOf(address(router)), 4 * QUOTE);
        assertEq(base.balanceOf(address(router)), 0);
    }

    function test_it_tops_up_from_inventory() public {
        quote.mint(address(router), 20 * QUOTE);
        Run memory run = _routedRun(_intent(0, BASE, 0, 1), 500);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(base.balanceOf(address(router)), 0);
        assertLt(quote.balanceOf(address(router)), 20 * QUOTE);
    }

    function test_it_sells_quote_tokens_too() public {
        base.mint(address(router), BASE);
        Run memory run = _routedRun(_intent(1, 2000 * QUOTE, 0, 1), 1_000);
        uint256 before = base.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertApproxEqRel(base.balanceOf(trader) - before, 1.001e18, 1e9);
        assertEq(quote.balanceOf(address(router)), 0);
    }

    function test_a_pool_that_was_moved_just_before_is_not_used() public {
        quote.mint(address(router), 3_000 * QUOTE);
        Run memory run = _routedRun(_intent(0, BASE, 0, 1), 500);
        _swapV3(true, 200 * BASE, "");
        uint256 held = quote.balanceOf(address(pool));
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(address(router)), 999 * QUOTE);
        assertEq(base.balanceOf(address(router)), BASE);
        assertEq(quote.balanceOf(address(pool)), held);
    }

    /// Whoever calls `fill` from the callback of a swap has the pool locked.
    function test_a_pool_that_is_locked_is_not_used() public {
        quote.mint(address(router), 3_000 * QUOTE);
        Run memory run = _routedRun(_intent(0, BASE, 0, 1), 500);
        _swapV3(true, BASE / 1000, abi.encode(_fillRequest(run, 0)));
        assertEq(registry.account(routedStrategy).defaults, 0);
        assertEq(quote.balanceOf(address(router)), 999 * QUOTE);
        assertEq(base.balanceOf(address(router)), BASE);
    }

    function _inSwap(bytes calldata data) internal override {
        assertTrue(house.fill(abi.decode(data, (FillRequest))), "defaulted");
    }

    /// A pool can be made to burn all gas that a swap gets, by crossing many initialised ticks.
    function test_a_pool_that_burns_the_gas_does_not_keep_inventory_from_delivering() public {
        quote.mint(address(router), 3_000 * QUOTE);
        Run memory run = _routedRun(_intent(0, BASE, 0, 1), 500);
        vm.etch(address(pool), hex"5b600056");
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(address(router)), 999 * QUOTE);
    }

    function test_without_inventory_it_defaults_when_the_pool_is_poor() public {
        Run memory run = _routedRun(_intent(0, BASE, 0, 1), 500);
        assertFalse(house.fill(_fillRequest(run, 0)));
        assertEq(registry.account(routedStrategy).defaults, 1);
    }

    function test_only_the_pool_is_paid_and_only_the_house_is_served() public {
        _fund(address(router), 1);
        vm.expectRevert(abi.encodeWithSelector(UniswapV3Executor.NotPool.selector, address(this)));
        router.uniswapV3SwapCallback(1, 0, "");
        vm.expectRevert(PoolExecutor.OnlySelf.selector);
        router.sellToPool(address(base), 1, 0, true);
        FillOrder memory order = FillOrder(bytes32(0), 0, address(base), address(quote), BASE, 1);
        vm.expectRevert(abi.encodeWithSelector(InventoryExecutor.NotAuctionHouse.selector, address(this)));
        router.onFill(routedStrategy, order);
        order.sellToken = address(this);
        vm.prank(address(house));
        vm.expectRevert(abi.encodeWithSelector(PoolExecutor.WrongToken.selector, address(this)));
        router.onFill(routedStrategy, order);
    }

    function test_a_top_up_beyond_everything_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(PoolExecutor.BadTopUp.selector, 1_000_001));
        new UniswapV3Executor(address(house), routed, pool, 1_000_001);
        assertEq(new UniswapV3Executor(address(house), routed, pool, 1_000_000).maxTopUpPips(), 1_000_000);
    }
}
