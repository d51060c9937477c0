// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {InventoryExecutor} from "../src/executors/InventoryExecutor.sol";
import {SettableVerifier} from "./support/SettableVerifier.sol";
import {
    IAuctionHouse,
    SettleRequest,
    Result,
    Commit,
    CommitState,
    Intent,
    IAuctionEvents
} from "../src/interfaces/IAuctionHouse.sol";
import {PublicData} from "../src/libraries/PublicData.sol";
import {ResultsLib} from "../src/libraries/ResultsLib.sol";

contract SettleTest is Fixture {
    address internal rival;
    bytes32 internal rivalStrategy;

    function setUp() public override {
        super.setUp();
        (rival, rivalStrategy) = _rival("rival");
        _observe(8);
    }

    /// @dev Two commitments, in the settle window.
    function _twoSheets() internal returns (Run memory run) {
        run = _openOne();
        _commit(run, solver, strategy);
        _commit(run, rival, rivalStrategy);
        run.results[0] = _result(1500, 100, 1);
        _toSettle(run);
    }

    function _expect(SettleRequest memory request, bytes4 errorSelector) internal {
        vm.expectPartialRevert(errorSelector);
        house.settle(request);
    }

    function _root(Run memory run) internal view returns (bytes32) {
        return house.getRound(run.id).resultsRoot;
    }

    function _rootOf(Run memory run) internal view returns (bytes32) {
        return this.rootOf(_pack(run.results));
    }

    function rootOf(bytes calldata packed) external pure returns (bytes32) {
        return ResultsLib.rootOf(packed);
    }

    function test_results_are_kept_covered_sheets_marked_and_the_first_settler_paid() public {
        Run memory run = _twoSheets();
        address settler = makeAddr("settler");
        vm.prank(settler);
        house.settle(_settleRequest(run, _indices(0)));
        assertEq(_root(run), _rootOf(run));
        assertEq(uint8(house.getCommit(run.id, 0).state), uint8(CommitState.Covered));
        assertEq(uint8(house.getCommit(run.id, 1).state), uint8(CommitState.Committed));
        assertEq(settler.balance, REWARD);
        SettleRequest memory request = _settleRequest(run, _indices(1));
        request.stored = _pack(run.results);
        vm.prank(settler);
        house.settle(request);
        assertEq(settler.balance, REWARD, "only the first is paid");
    }

    // covers: C15 Z3
    function test_every_answer_but_true_is_a_rejection() public {
        Run memory run = _twoSheets();
        SettleRequest memory request = _settleRequest(run, _indices(0));
        for (uint8 mode = 1; mode <= uint8(SettableVerifier.Mode.BurnGas); ++mode) {
            verifier.set(SettableVerifier.Mode(mode));
            (bool ok, bytes memory reason) =
                address(house).call{gas: 5_000_000}(abi.encodeCall(IAuctionHouse.settle, (request)));
            assertFalse(ok);
            assertEq(reason, abi.encodeWithSelector(IAuctionEvents.ProofRejected.selector, run.id));
        }
        bytes memory code = address(verifier).code;
        vm.etch(address(verifier), "");
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.ProofRejected.selector, run.id));
        house.settle(request);
        vm.etch(address(verifier), code);
        verifier.set(SettableVerifier.Mode.Accept);
        house.settle(request);
    }

    // covers: Z13
    function test_the_statement_binds_round_chain_contract_claims_sheets_and_beta() public {
        Run memory run = _twoSheets();
        SettleRequest memory request = _settleRequest(run, _indices(0));
        uint256[8] memory inputs = house.publicInputs(request);
        verifier.expect(inputs);
        house.publicInputs(request);

        SettleRequest memory other = _settleRequest(run, _indices(0, 1));
        _expect(other, IAuctionEvents.ProofRejected.selector);
        other = _settleRequest(run, _indices(1));
        _expect(other, IAuctionEvents.ProofRejected.selector);
        other = _settleRequest(run, _indices(0));
        other.beta = bytes32(uint256(8));
        _expect(other, IAuctionEvents.ProofRejected.selector);
        run.results[0] = _result(1501, 100, 1);
        _expect(_settleRequest(run, _indices(0)), IAuctionEvents.ProofRejected.selector);
        run.results[0] = _result(1500, 101, 1);
        _expect(_settleRequest(run, _indices(0)), IAuctionEvents.ProofRejected.selector);
        run.results[0] = _result(1500, 100, 2);
        _expect(_settleRequest(run, _indices(0)), IAuctionEvents.ProofRejected.selector);

        vm.chainId(99);
        _expect(request, IAuctionEvents.ProofRejected.selector);
        vm.chainId(31337);
        house.settle(request);
    }

    /// The eight public inputs, from the parts: beta, sigma, and the data at sigma, whose coordinates are both there.
    function test_the_public_inputs_are_those_of_the_data() public {
        Run memory run = _twoSheets();
        SettleRequest memory request = _settleRequest(run, _indices(0, 1));
        request.beta = bytes32(uint256(1) << 192 | 2 << 128 | 3 << 64 | 4);
        bytes memory d =
            bytes.concat(run.id, house.getRound(run.id).keySetRoot, run.features, run.slots, request.claims);
        for (uint32 i; i < 2; ++i) {
            Commit memory c = house.getCommit(run.id, i);
            d = bytes.concat(d, abi.encodePacked(i + 1, c.strategyId, c.sheetCommitment));
        }
        d = bytes.concat(d, new bytes(3200 - d.length));
        uint256[8] memory inputs = house.publicInputs(request);
        for (uint256 i; i < 4; ++i) {
            assertEq(inputs[i], i + 1);
        }
        (uint256 s0, uint256 s1) = PublicData.sigma(address(house), run.id, d, request.beta);
        (uint256 g0, uint256 g1) = PublicData.evaluate(d, s0, s1);
        assertEq(abi.encode(inputs[4], inputs[5], inputs[6], inputs[7]), abi.encode(s0, s1, g0, g1));
        assertTrue(s1 != 0 && g1 != 0);
    }

    // covers: Z13
    function test_a_proof_of_another_round_is_rejected() public {
        Run memory a = _openOne();
        Run memory b = _openOne();
        vm.startPrank(solver);
        house.commit(a.id, strategy, bytes32(uint256(5)));
        house.commit(b.id, strategy, bytes32(uint256(5)));
        vm.stopPrank();
        a.results[0] = b.results[0] = _result(1500, 100, 1);
        _toSettle(a);
        verifier.expect(house.publicInputs(_settleRequest(a, _indices(0))));
        _expect(_settleRequest(b, _indices(0)), IAuctionEvents.ProofRejected.selector);
        house.settle(_settleRequest(a, _indices(0)));
    }

    // covers: M13
    function test_what_the_round_recorded_cannot_be_replaced() public {
        Run memory run = _twoSheets();
        SettleRequest memory request = _settleRequest(run, _indices(0));
        request.features[5] ^= 0x01;
        _expect(request, IAuctionEvents.Mismatch.selector);
        request.features[5] ^= 0x01;
        request.slots[700] ^= 0x01;
        _expect(request, IAuctionEvents.Mismatch.selector);
    }

    // covers: C17
    function test_parts_of_a_wrong_length_are_refused() public {
        Run memory run = _twoSheets();
        SettleRequest memory request = _settleRequest(run, _indices(0));
        request.features = bytes.concat(run.features, hex"00");
        _expect(request, IAuctionEvents.WrongLength.selector);
        request = _settleRequest(run, _indices(0));
        request.slots = "";
        _expect(request, IAuctionEvents.WrongLength.selector);
        request = _settleRequest(run, _indices(0));
        request.claims = new bytes(383);
        _expect(request, IAuctionEvents.WrongLength.selector);
        request = _settleRequest(run, _indices(0));
        request.stored = request.claims;
        _expect(request, IAuctionEvents.WrongLength.selector);
    }

    // covers: C9
    function test_indices_must_increase_strictly_and_exist() public {
        Run memory run = _twoSheets();
        _expect(_settleRequest(run, new uint32[](0)), IAuctionEvents.BadCommitIndices.selector);
        _expect(_settleRequest(run, _indices(0, 0)), IAuctionEvents.BadCommitIndices.selector);
        _expect(_settleRequest(run, _indices(1, 0)), IAuctionEvents.BadCommitIndices.selector);
        _expect(_settleRequest(run, _indices(1, 2)), IAuctionEvents.BadCommitIndices.selector);
        _expect(_settleRequest(run, _indices(2)), IAuctionEvents.BadCommitIndices.selector);
        _expect(_settleRequest(run, _indices(type(uint32).max)), IAuctionEvents.BadCommitIndices.selector);
        _expect(_settleRequest(run, new uint32[](17)), IAuctionEvents.BadCommitIndices.selector);
        house.settle(_settleRequest(run, _indices(0, 1)));
    }

    // covers: Z1
    function test_beta_must_be_canonical() public {
        Run memory run = _twoSheets();
        SettleRequest memory request = _settleRequest(run, _indices(0));
        for (uint256 i; i < 4; ++i) {
            request.beta = bytes32(uint256(0xFFFFFFFF00000001 + 7) << (64 * i));
            _expect(request, IAuctionEvents.NonCanonicalElement.selector);
        }
    }

    function test_a_winning_quote_outside_the_registered_range_is_refused() public {
        Run memory run = _twoSheets();
        int32[4] memory bad = [int32(4_001), -4_001, type(int32).max, type(int32).min];
        for (uint256 i; i < 4; ++i) {
            run.results[0] = _result(bad[i], 0, 1);
            _expect(_settleRequest(run, _indices(0)), IAuctionEvents.QuoteOutOfRange.selector);
        }
        run.results[0] = _result(0, 0, 3);
        _expect(_settleRequest(run, _indices(0)), IAuctionEvents.QuoteOutOfRange.selector);
        run.results[0] = _result(4_000, 0, 1);
        house.settle(_settleRequest(run, _indices(0)));
    }

    function test_each_winners_own_range_holds_whatever_the_order_of_winners() public {
        address narrow = makeAddr("narrow");
        InventoryExecutor own = new InventoryExecutor(address(house), narrow);
        vm.deal(narrow, 10 ether);
        vm.startPrank(narrow);
        bytes32 id =
            registry.register{value: 10 ether}(market, CLASS, bytes32(uint256(9)), address(own), address(0), -100, 100);
        registry.activate(id);
        vm.stopPrank();
        _observe(8);
        Intent[] memory intents = new Intent[](4);
        for (uint256 i; i < 4; ++i) {
            intents[i] = _intent(0, BASE, 0, i);
        }
        Run memory run = _open(intents);
        _commit(run, solver, strategy);
        _commit(run, narrow, id);
        _toSettle(run);
        uint32[4] memory winners = [uint32(1), 2, 1, 1];
        for (uint256 i; i < 4; ++i) {
            run.results[i] = _result(winners[i] == 1 ? int32(4_000) : int32(100), 0, winners[i]);
        }
        // the narrow one with a quote that only the other may have, after it, and between it and itself
        for (uint8 i; i < 4; ++i) {
            uint32 honest = run.results[i].winner;
            run.results[i] = _result(101, 0, 2);
            vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.QuoteOutOfRange.selector, i, 2));
            house.settle(_settleRequest(run, _indices(0, 1)));
            run.results[i] = _result(-101, 0, 2);
            vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.QuoteOutOfRange.selector, i, 2));
            house.settle(_settleRequest(run, _indices(0, 1)));
            run.results[i] = _result(honest == 1 ? int32(-4_000) : int32(-100), 0, honest);
        }
        house.settle(_settleRequest(run, _indices(0, 1)));
    }

    // covers: C7
    function test_settlements_are_taken_in_the_settle_window_only() public {
        Run memory run = _openOne();
        _commit(run, solver, strategy);
        run.results[0] = _result(1, 0, 1);
        SettleRequest memory request = _settleRequest(run, _indices(0));
        vm.roll(house.getRound(run.id).commitEnd);
        _expect(request, IAuctionEvents.OutsideWindow.selector);
        vm.roll(house.getRound(run.id).settleEnd + 1);
        _expect(request, IAuctionEvents.OutsideWindow.selector);
        vm.roll(house.getRound(run.id).settleEnd);
        house.settle(request);
    }

    /// Whoever copies a settlement from the mempool and is faster has its reward; the other is told before it pays for
    /// the verification.
    function test_an_overtaken_settlement_ends_before_the_proof_is_verified() public {
        Run memory run = _twoSheets();
        SettleRequest memory request = _settleRequest(run, _indices(0));
        house.settle(request);
        verifier.set(SettableVerifier.Mode.Reject);
        _expect(request, IAuctionEvents.WrongLength.selector);
    }

    // covers: C22
    function test_a_second_settlement_merges_with_the_first() public {
        Run memory run = _twoSheets();
        house.settle(_settleRequest(run, _indices(0)));
        bytes memory stored = _pack(run.results);

        run.results[0] = _result(1600, type(int32).min, 2);
        SettleRequest memory request = _settleRequest(run, _indices(1));
        _expect(request, IAuctionEvents.WrongLength.selector);
        request.stored = _pack(run.results);
        _expect(request, IAuctionEvents.Mismatch.selector);
        request.stored = stored;
        house.settle(request);

        run.results[0] = _result(1600, 1500, 2);
        assertEq(_root(run), _rootOf(run));
        _toFill(run);
        uint256 before = quote.balanceOf(trader);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertEq(quote.balanceOf(trader) - before, 2003_200_000);
    }

    // covers: C5
    function test_a_settler_that_refuses_coins_is_paid_all_the_same() public {
        Run memory run = _twoSheets();
        address settler = makeAddr("settler");
        vm.etch(settler, hex"5f5ffd");
        vm.prank(settler);
        house.settle(_settleRequest(run, _indices(0)));
        assertEq(settler.balance, REWARD);
    }

    function test_a_settlement_of_thirty_two_slots_and_two_sheets_stays_within_its_calldata() public {
        Intent[] memory intents = new Intent[](32);
        for (uint256 i; i < 32; ++i) {
            intents[i] = _intent(i % 2, i % 2 == 0 ? BASE : 2000 * QUOTE, 0, i);
        }
        Run memory run = _open(intents);
        _commit(run, solver, strategy);
        _commit(run, rival, rivalStrategy);
        for (uint256 i; i < 32; ++i) {
            run.results[i] = _result(int32(int256(i)), -5, uint32(1 + i % 2));
        }
        _toSettle(run);
        SettleRequest memory request = _settleRequest(run, _indices(0, 1));
        assertLt(abi.encodeCall(IAuctionHouse.settle, (request)).length, 9_000);
        house.settle(request);
        _toFill(run);
        for (uint8 i; i < 32; ++i) {
            assertTrue(house.fill(_fillRequest(run, i)));
        }
    }
}
