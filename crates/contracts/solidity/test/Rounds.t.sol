// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";
import {Fixture} from "./support/Fixture.sol";
import {KeySet} from "../src/auction/KeySet.sol";
import {Intent, Result, Round, IAuctionEvents} from "../src/interfaces/IAuctionHouse.sol";
import {IFeed} from "../src/interfaces/IFeed.sol";
import {IMarkets, MarketParams} from "../src/interfaces/IMarkets.sol";

contract RoundsTest is Fixture {
    uint256 internal constant COST = OPENER_BOND + REWARD;

    function _expectBadSlots(bytes memory slots, uint256 slot) internal {
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.BadSlots.selector, slot));
        house.openRound{value: COST}(market, slots);
    }

    function test_a_round_records_what_it_announces() public {
        vm.recordLogs();
        Run memory run = _openOne();
        Round memory r = house.getRound(run.id);
        assertEq(r.market, market);
        assertEq(r.opener, opener);
        assertEq(r.openedAt, vm.getBlockNumber());
        assertEq(r.commitEnd, r.openedAt + 3);
        assertEq(r.settleEnd, r.commitEnd + 4);
        assertEq(r.fillEnd, r.settleEnd + 5);
        assertEq(r.nonEmptySlots, 1);
        assertEq(r.keySetRoot, ROOT);
        assertEq(r.slotsHash, keccak256(run.slots));
        assertEq(r.snapshotHash, keccak256(abi.encodePacked(run.features, r.referenceQ128)));
        // 2000 quote units of 6 decimals per base unit of 18
        assertApproxEqRel(r.referenceQ128, (uint256(2000e6) << 128) / 1e18, 1e6);
        bytes32 id = keccak256(
            abi.encode(
                block.chainid,
                house,
                market,
                opener,
                blockhash(vm.getBlockNumber() - 1),
                uint256(0),
                r.snapshotHash,
                r.slotsHash
            )
        );
        assertEq(run.id, id);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[0].topics[0], IAuctionEvents.RoundOpened.selector);
        assertEq(logs[0].topics[1], id);
    }

    function test_the_same_opening_twice_gives_two_rounds() public {
        Run memory a = _openOne();
        Run memory b = _openOne();
        assertEq(a.slots, b.slots);
        assertTrue(a.id != b.id);
    }

    function test_slots_must_be_exactly_as_long_as_defined() public {
        bytes memory slots = _slots(new Intent[](0));
        vm.expectPartialRevert(IAuctionEvents.WrongLength.selector);
        house.openRound(market, bytes.concat(slots, hex"00"));
        vm.expectPartialRevert(IAuctionEvents.WrongLength.selector);
        house.openRound(market, "");
    }

    function test_a_round_needs_a_slot() public {
        _expectBadSlots(_slots(new Intent[](0)), 0);
    }

    /// Circuits have no witness for any other direction: whoever commits in such a round loses its sheet bond, while the
    /// opener gets the whole escrow back.
    function test_a_slot_sells_either_the_base_or_the_quote_token() public {
        bytes memory slots = _slots(_two());
        for (uint256 slot; slot < 2; ++slot) {
            for (uint256 byte_; byte_ < 4; ++byte_) {
                bytes memory odd = bytes.concat(slots);
                odd[48 * slot + 32 + byte_] ^= byte_ == 3 ? bytes1(0x02) : bytes1(0x80);
                _expectBadSlots(odd, slot);
            }
        }
        slots[32 + 3] ^= 0x01;
        slots[48 + 32 + 3] ^= 0x01;
        house.openRound{value: COST + OPENER_BOND}(market, slots);
    }

    function _two() internal view returns (Intent[] memory intents) {
        intents = new Intent[](2);
        (intents[0], intents[1]) = (_intent(0, BASE, 0, 0), _intent(1, 2000 * QUOTE, 0, 1));
    }

    function test_non_empty_slots_come_first() public {
        Intent[] memory intents = new Intent[](3);
        for (uint256 i; i < 3; ++i) {
            intents[i] = _intent(0, BASE, 0, i);
        }
        bytes memory slots = _slots(intents);
        for (uint256 i = 48; i < 80; ++i) {
            slots[i] = 0;
        }
        _expectBadSlots(slots, 1);
    }

    function test_an_empty_slot_has_no_features() public {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 1);
        bytes memory slots = _slots(intents);
        slots[1535] = 0x01;
        _expectBadSlots(slots, 31);
        slots[1535] = 0;
        slots[48 + 32] = 0;
        _expectBadSlots(slots, 1);
    }

    function test_the_opener_pays_exactly_bond_and_reward() public {
        Intent[] memory intents = new Intent[](2);
        intents[0] = _intent(0, BASE, 0, 1);
        intents[1] = _intent(0, BASE, 0, 2);
        bytes memory slots = _slots(intents);
        uint256 needed = 2 * OPENER_BOND + REWARD;
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.WrongValue.selector, needed - 1, needed));
        house.openRound{value: needed - 1}(market, slots);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.WrongValue.selector, needed + 1, needed));
        house.openRound{value: needed + 1}(market, slots);
        house.openRound{value: needed}(market, slots);
    }

    function test_a_paused_or_unknown_market_opens_no_round() public {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 1);
        bytes memory slots = _slots(intents);
        markets.setPaused(market, true);
        assertFalse(markets.isOpen(market));
        vm.expectRevert(abi.encodeWithSelector(IMarkets.IsPaused.selector, market));
        house.openRound{value: COST}(market, slots);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.UnknownMarket.selector, bytes32(uint256(1))));
        house.openRound{value: COST}(bytes32(uint256(1)), slots);
        markets.setPaused(market, false);
        house.openRound{value: COST}(market, slots);
    }

    // covers: M13
    function test_features_that_have_become_stale_open_no_round() public {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 1);
        bytes memory slots = _slots(intents);
        house.openRound{value: COST}(market, slots);
        _nextBlocks(10);
        bytes memory reason = abi.encodeWithSelector(IFeed.StaleReading.selector, 132, 120);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.FeedFailed.selector, address(twap), reason));
        house.openRound{value: COST}(market, slots);
    }

    // covers: C18
    function test_pausing_leaves_running_rounds_alone() public {
        Run memory run = _openOne();
        markets.setPaused(market, true);
        _commit(run, solver, strategy);
        run.results[0] = _result(1500, 0, 1);
        _settleAndMove(run, _indices(0));
        assertTrue(house.fill(_fillRequest(run, 0)));
    }

    // ---- closing

    function test_an_unsettled_round_gives_everything_back() public {
        uint256 before = opener.balance;
        Run memory run = _openOne();
        assertEq(opener.balance, before - COST);
        _toEnd(run);
        house.closeRound(run.id, "");
        assertEq(opener.balance, before);
        assertEq(address(house).balance, 0);
    }

    function test_an_unfilled_slot_pays_its_winner_from_the_openers_bond() public {
        uint256 before = opener.balance;
        Run memory run = _settledOne(_result(1500, 100, 1));
        _toEnd(run);
        uint256 bond = registry.account(strategy).bond;
        house.closeRound(run.id, _pack(run.results));
        assertEq(registry.account(strategy).bond, bond + UNFILLED_FEE);
        assertEq(opener.balance, before - REWARD - UNFILLED_FEE);
        assertEq(address(house).balance, 0);
    }

    function test_a_filled_slot_costs_the_opener_nothing() public {
        uint256 before = opener.balance;
        Run memory run = _settledOne(_result(1500, 100, 1));
        house.fill(_fillRequest(run, 0));
        _toEnd(run);
        house.closeRound(run.id, _pack(run.results));
        assertEq(opener.balance, before - REWARD);
        assertEq(address(house).balance, 0);
    }

    function test_a_defaulted_slot_pays_no_fee() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        vm.prank(solver);
        executor.setStopped(strategy, true);
        house.fill(_fillRequest(run, 0));
        uint256 bond = registry.account(strategy).bond;
        _toEnd(run);
        house.closeRound(run.id, _pack(run.results));
        assertEq(registry.account(strategy).bond, bond);
    }

    function test_a_winner_below_the_reserve_earns_no_fee() public {
        vm.prank(solver);
        registry.retire(strategy);
        Run memory run = _openOne();
        address low = makeAddr("low");
        vm.etch(low, "");
        vm.deal(low, 20 ether);
        vm.startPrank(low);
        bytes32 id = registry.register{value: 10 ether}(
            market, CLASS, bytes32(uint256(3)), address(_inventoryOf(low)), address(0), -9_000, 0
        );
        registry.activate(id);
        vm.stopPrank();
        _observe(8);
        run = _openOne();
        _commit(run, low, id);
        run.results[0] = _result(-5_001, 0, 1);
        _settleAndMove(run, _indices(0));
        _toEnd(run);
        house.closeRound(run.id, _pack(run.results));
        assertEq(registry.account(id).bond, 10 ether);
    }

    function test_a_winner_at_the_reserve_earns_the_fee() public {
        MarketParams memory p = _params();
        p.reserveQuote = 1500;
        _closeUnfilled(p);
        assertEq(registry.account(strategy).bond, 10 ether + UNFILLED_FEE);
    }

    function test_the_unfilled_fee_may_be_a_wei_or_nothing() public {
        MarketParams memory p = _params();
        for (uint96 fee; fee < 2; ++fee) {
            p.unfilledFee = fee;
            uint256 before = opener.balance;
            _closeUnfilled(p);
            assertEq(registry.account(strategy).bond, 10 ether + fee);
            assertEq(before - opener.balance, REWARD + fee);
            assertEq(address(house).balance, 0);
        }
    }

    /// @dev A round of a new market whose only slot has a winner and is not filled.
    function _closeUnfilled(MarketParams memory p) internal {
        market = _createMarket(p);
        strategy = _activeStrategy(solver, address(executor), 100 + uint64(p.unfilledFee));
        _observe(8);
        Run memory run = _settledOne(_result(1500, 100, 1));
        _toEnd(run);
        house.closeRound(run.id, _pack(run.results));
    }

    function _inventoryOf(address owner) internal returns (address) {
        return deployCode("InventoryExecutor.sol:InventoryExecutor", abi.encode(house, owner));
    }

    function test_a_round_closes_once_and_after_its_end_only() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        bytes memory results = _pack(run.results);
        vm.expectPartialRevert(IAuctionEvents.OutsideWindow.selector);
        house.closeRound(run.id, results);
        _toEnd(run);
        house.closeRound(run.id, results);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.RoundIsClosed.selector, run.id));
        house.closeRound(run.id, results);
    }

    function test_a_round_closes_with_its_own_results_only() public {
        Run memory run = _settledOne(_result(1500, 100, 1));
        _toEnd(run);
        vm.expectPartialRevert(IAuctionEvents.WrongLength.selector);
        house.closeRound(run.id, "");
        run.results[0] = Result(0, 0, 0);
        bytes memory forged = _pack(run.results);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.Mismatch.selector, bytes32("results")));
        house.closeRound(run.id, forged);
    }

    function test_an_unknown_round_is_named() public {
        bytes32 id = bytes32(uint256(5));
        bytes memory expected = abi.encodeWithSelector(IAuctionEvents.UnknownRound.selector, id);
        vm.expectRevert(expected);
        house.closeRound(id, "");
        vm.expectRevert(expected);
        house.commit(id, strategy, 0);
    }

    // covers: C5
    function test_an_opener_that_refuses_coins_gets_its_refund_all_the_same() public {
        Run memory run = _openOne();
        vm.etch(opener, hex"5f5ffd");
        uint256 before = opener.balance;
        _toEnd(run);
        house.closeRound(run.id, "");
        assertEq(opener.balance, before + COST);
    }

    // covers: C6
    function test_coins_forced_in_change_nothing() public {
        vm.deal(address(house), 3 ether);
        uint256 before = opener.balance;
        Run memory run = _openOne();
        _toEnd(run);
        house.closeRound(run.id, "");
        assertEq(opener.balance, before);
        assertEq(address(house).balance, 3 ether);
    }

    // ---- key set

    // covers: C18
    function test_a_new_key_set_waits_and_leaves_open_rounds_alone() public {
        KeySet keys = KeySet(address(house));
        Run memory run = _openOne();
        bytes32 next = bytes32(uint256(0x2222));
        keys.proposeKeySetRoot(next);
        vm.expectPartialRevert(KeySet.KeySetNotReady.selector);
        keys.applyKeySetRoot();
        vm.warp(vm.getBlockTimestamp() + 1 days);
        keys.applyKeySetRoot();
        assertEq(house.keySetRoot(), next);
        assertEq(house.getRound(run.id).keySetRoot, ROOT);
        vm.expectRevert(KeySet.NoProposal.selector);
        keys.applyKeySetRoot();
    }

    function test_a_proposal_can_be_withdrawn_and_starts_its_delay_again_when_replaced() public {
        KeySet keys = KeySet(address(house));
        vm.expectRevert(KeySet.NoProposal.selector);
        keys.cancelKeySetRoot();
        keys.proposeKeySetRoot(bytes32(uint256(1)));
        keys.cancelKeySetRoot();
        keys.proposeKeySetRoot(bytes32(uint256(1)));
        vm.warp(vm.getBlockTimestamp() + 1 days - 1);
        keys.proposeKeySetRoot(bytes32(uint256(2)));
        vm.warp(vm.getBlockTimestamp() + 1);
        vm.expectPartialRevert(KeySet.KeySetNotReady.selector);
        keys.applyKeySetRoot();
    }

    // covers: Z1
    function test_a_key_set_root_must_be_canonical_and_comes_from_the_owner() public {
        KeySet keys = KeySet(address(house));
        uint64 p = 0xFFFFFFFF00000001;
        for (uint256 i; i < 4; ++i) {
            bytes32 root = bytes32(uint256(p) << (64 * i));
            vm.expectRevert(abi.encodeWithSelector(KeySet.BadKeySetRoot.selector, root));
            keys.proposeKeySetRoot(root);
            keys.proposeKeySetRoot(bytes32(uint256(p - 1) << (64 * i)));
        }
        vm.expectRevert(abi.encodeWithSelector(KeySet.BadKeySetRoot.selector, bytes32(0)));
        keys.proposeKeySetRoot(0);
        vm.prank(opener);
        vm.expectRevert();
        keys.proposeKeySetRoot(bytes32(uint256(1)));
    }

    function test_the_settle_reward_is_that_of_the_parameters() public {
        assertEq(markets.settleReward(market), markets.params(market).settleReward);
        MarketParams memory p = _params();
        p.settleReward = type(uint88).max;
        assertEq(markets.settleReward(_createMarket(p)), type(uint88).max);
        p.settleReward = 0;
        assertEq(markets.settleReward(_createMarket(p)), 0);
        vm.expectRevert(abi.encodeWithSelector(IMarkets.UnknownMarket.selector, bytes32(uint256(5))));
        markets.settleReward(bytes32(uint256(5)));
    }
}
