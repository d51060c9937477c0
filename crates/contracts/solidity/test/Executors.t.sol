// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {BadExecutor} from "./support/BadExecutor.sol";
import {InventoryExecutor} from "../src/executors/InventoryExecutor.sol";
import {PoolExecutor} from "../src/executors/PoolExecutor.sol";
import {UniswapV2Executor} from "../src/executors/UniswapV2Executor.sol";
import {FillOrder} from "../src/interfaces/IExecutor.sol";
import {FillRequest, Intent} from "../src/interfaces/IAuctionHouse.sol";

contract ExecutorsTest is Fixture {
    UniswapV2Executor internal router;
    address internal routed = makeAddr("routed");
    bytes32 internal routedStrategy;

    function setUp() public override {
        super.setUp();
        router = new UniswapV2Executor(address(house), routed, pair, 10_000);
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

    function _order(uint256 buyAmount) internal view returns (FillOrder memory) {
        return FillOrder(bytes32(0), 0, address(base), address(quote), BASE, buyAmount);
    }

    function test_only_the_auction_house_spends_inventory() public {
        vm.expectRevert(abi.encodeWithSelector(InventoryExecutor.NotAuctionHouse.selector, address(this)));
        executor.onFill(strategy, _order(1));
        vm.expectRevert(abi.encodeWithSelector(InventoryExecutor.NotAuctionHouse.selector, address(this)));
        router.onFill(routedStrategy, _order(1));
        vm.expectRevert(PoolExecutor.OnlySelf.selector);
        router.sellToPool(address(base), 1, 1, true);
    }

    function test_an_executor_serves_its_owner_alone() public {
        assertTrue(executor.acceptsStrategy(strategy, solver));
        assertFalse(executor.acceptsStrategy(strategy, opener));
        vm.prank(solver);
        executor.setStopped(strategy, true);
        assertFalse(executor.acceptsStrategy(strategy, solver));
        vm.startPrank(opener);
        vm.expectRevert();
        executor.withdraw(address(base), opener, 1);
        vm.expectRevert();
        executor.setStopped(strategy, false);
        vm.stopPrank();
    }

    /// Who had the executor before could otherwise sell the new owner's inventory at any quote.
    function test_with_its_owner_an_executor_changes_whom_it_serves() public {
        address heir = makeAddr("heir");
        vm.prank(solver);
        executor.transferOwnership(heir);
        bytes32 inherited = _activeStrategy(heir, address(executor), 2);
        _observe(8);
        Run memory run = _settledOne(_result(1500, 100, 1));
        uint256 inventory = quote.balanceOf(address(executor));
        assertFalse(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(address(executor)), inventory);
        assertEq(registry.account(strategy).defaults, 1);

        _observe(8);
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 2);
        run = _open(intents);
        _commit(run, heir, inherited);
        run.results[0] = _result(1500, 100, 1);
        _settleAndMove(run, _indices(0));
        assertTrue(house.fill(_fillRequest(run, 0)));
    }

    /// Inventory changes by exactly what was sold and bought, and the pool is not touched.
    function test_the_inventory_executor_pays_from_inventory() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        (uint256 b, uint256 q) = (base.balanceOf(address(executor)), quote.balanceOf(address(executor)));
        uint256 pool = quote.balanceOf(address(pair));
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(base.balanceOf(address(executor)) - b, BASE);
        assertEq(q - quote.balanceOf(address(executor)), 2003 * QUOTE);
        assertEq(quote.balanceOf(address(pair)), pool);
    }

    function test_the_router_sells_to_the_pool_and_keeps_its_surplus() public {
        // the pool's own price for one base unit is about 1992, 4 permille below the reference
        Run memory run = _routedRun(_intent(0, BASE, 0, 1), -4_500 + 500);
        uint256 out = router.poolOutput(BASE, pair.token0() == address(base));
        uint256 due = 1992 * QUOTE;
        assertGt(out, due);
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(trader) - before, due);
        assertEq(quote.balanceOf(address(router)), out - due);
        assertEq(base.balanceOf(address(router)), 0);
    }

    function test_the_router_tops_up_from_inventory() public {
        quote.mint(address(router), 20 * QUOTE);
        Run memory run = _routedRun(_intent(0, BASE, 0, 1), 500);
        uint256 out = router.poolOutput(BASE, pair.token0() == address(base));
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(address(router)), 20 * QUOTE - (2001 * QUOTE - out));
    }

    function test_the_router_sells_quote_tokens_too() public {
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
        bool baseIs0 = pair.token0() == address(base);
        uint256 out = router.poolOutput(200 * BASE, baseIs0);
        base.mint(address(pair), 200 * BASE);
        pair.swap(baseIs0 ? 0 : out, baseIs0 ? out : 0, address(this), "");
        uint256 pool = quote.balanceOf(address(pair));
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(address(router)), 999 * QUOTE);
        assertEq(base.balanceOf(address(router)), BASE);
        assertEq(quote.balanceOf(address(pair)), pool);
    }

    /// Whoever calls `fill` inside a flash swap has the pair locked, so that its `swap` reverts, while the reserves that
    /// it shows are the usual ones.
    function test_a_pool_that_is_locked_is_not_used() public {
        quote.mint(address(router), 3_000 * QUOTE);
        Run memory run = _routedRun(_intent(0, BASE, 0, 1), 500);
        bool baseIs0 = pair.token0() == address(base);
        pair.swap(baseIs0 ? 0 : QUOTE, baseIs0 ? QUOTE : 0, address(this), abi.encode(_fillRequest(run, 0)));
        assertEq(registry.account(routedStrategy).defaults, 0);
        assertEq(quote.balanceOf(address(router)), 999 * QUOTE);
        assertEq(base.balanceOf(address(router)), BASE);
    }

    /// @dev The pair's callback: fills, then pays the loan back.
    function uniswapV2Call(address, uint256 amount0, uint256 amount1, bytes calldata data) external {
        assertTrue(house.fill(abi.decode(data, (FillRequest))), "defaulted");
        quote.mint(address(pair), 2 * (amount0 + amount1));
    }

    function test_a_router_without_inventory_defaults() public {
        Run memory run = _routedRun(_intent(0, BASE, 0, 1), 500);
        assertFalse(house.fill(_fillRequest(run, 0)));
        assertEq(registry.account(routedStrategy).defaults, 1);
    }

    function test_the_router_refuses_tokens_that_are_not_the_pools() public {
        FillOrder memory order = _order(1);
        order.sellToken = address(this);
        vm.prank(address(house));
        vm.expectRevert(abi.encodeWithSelector(PoolExecutor.WrongToken.selector, address(this)));
        router.onFill(routedStrategy, order);
        order = _order(1);
        order.buyToken = address(base);
        vm.prank(address(house));
        vm.expectRevert(abi.encodeWithSelector(PoolExecutor.WrongToken.selector, address(base)));
        router.onFill(routedStrategy, order);
    }

    function test_all_that_an_executor_delivers_goes_to_the_recipient() public {
        BadExecutor generous = new BadExecutor(house);
        _fund(address(generous), 10);
        address owner = makeAddr("generous");
        bytes32 id = _activeStrategy(owner, address(generous), 1);
        _observe(8);
        generous.set(BadExecutor.Mode.Excess);
        Run memory run = _openOne();
        _commit(run, owner, id);
        run.results[0] = _result(0, 0, 1);
        _settleAndMove(run, _indices(0));
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(trader) - before, 2000 * QUOTE + 1);
    }

    function test_the_owner_takes_inventory_out() public {
        vm.prank(solver);
        executor.withdraw(address(base), makeAddr("to"), 5);
        assertEq(base.balanceOf(makeAddr("to")), 5);
    }
}
