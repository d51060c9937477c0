// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {BadExecutor} from "./support/BadExecutor.sol";
import {CommitState, Intent, Round, SettleRequest} from "../src/interfaces/IAuctionHouse.sol";
import {BondAccount} from "../src/interfaces/IStrategyRegistry.sol";

/// @notice Acts at random on a few rounds at a time: honest and failing winners, missing settlements, late closings.
contract AuctionHandler is Fixture {
    BadExecutor internal bad;
    bytes32[2] public strategies;
    address[2] internal owners;
    Run[] internal _runs;
    uint256 internal _nonce;

    uint256 public fills;
    uint256 public defaults;
    uint256 public compensated;
    uint256 public closedRounds;

    uint256 internal _block;
    uint256 internal _time;

    /// @dev The runner resets block and time between calls.
    modifier timed() {
        vm.roll(_block);
        vm.warp(_time);
        _;
        (_block, _time) = (vm.getBlockNumber(), vm.getBlockTimestamp());
    }

    function setUp() public override {
        super.setUp();
        bad = new BadExecutor(house);
        _fund(address(bad), 10_000);
        owners = [solver, makeAddr("bad solver")];
        strategies = [strategy, _activeStrategy(owners[1], address(bad), 2)];
        _fund(trader, 100_000);
        _observe(8);
        (_block, _time) = (vm.getBlockNumber(), vm.getBlockTimestamp());
    }

    function open(uint8 slots, uint8 committers) external timed {
        uint256 n = 1 + slots % 3;
        Intent[] memory intents = new Intent[](n);
        for (uint256 i; i < n; ++i) {
            intents[i] = _intent(0, BASE, 0, ++_nonce);
        }
        vm.deal(opener, 100 ether);
        Run memory run = _open(intents);
        for (uint256 i; i < 2; ++i) {
            if ((committers >> i) & 1 == 1) _commit(run, owners[i], strategies[i]);
        }
        _push(run);
    }

    function commit(uint256 which, uint8 who) external timed {
        Run storage run = _pick(which);
        _commit(run, owners[who % 2], strategies[who % 2]);
    }

    function settle(uint256 which, int16 pips, uint8 mode) external timed {
        Run storage run = _pick(which);
        Round memory r = house.getRound(run.id);
        if (r.commitCount == 0 || r.resultsRoot != 0) return;
        _moveTo(r.commitEnd + 1);
        for (uint256 i; i < run.intents.length; ++i) {
            run.results[i] = _result(int32(pips) % 4000, 0, 1 + uint32(uint8(mode) % r.commitCount));
        }
        SettleRequest memory request = _settleRequest(run, r.commitCount == 1 ? _indices(0) : _indices(0, 1));
        try house.settle(request) {}
        catch {
            for (uint256 i; i < run.intents.length; ++i) {
                delete run.results[i];
            }
        }
    }

    function fill(uint256 which, uint8 slot, uint8 mode) external timed {
        Run storage run = _pick(which);
        slot = slot % uint8(run.intents.length);
        bad.set(BadExecutor.Mode(mode % 4));
        if (house.getRound(run.id).resultsRoot == 0) return;
        _moveTo(house.getRound(run.id).settleEnd + 1);
        uint256 dead = DEAD.balance;
        uint256 coins = trader.balance;
        if (house.fill(_fillRequest(run, slot))) {
            ++fills;
            assertEq(DEAD.balance, dead);
            assertEq(trader.balance, coins);
        } else {
            ++defaults;
            compensated += trader.balance - coins;
            assertEq(DEAD.balance - dead + trader.balance - coins, SLOT_BOND);
        }
    }

    function penaliseOrRelease(uint256 which, uint32 index, bool release) external timed {
        Run storage run = _pick(which);
        _moveTo((release ? house.getRound(run.id).fillEnd : house.getRound(run.id).settleEnd) + 1);
        if (release) house.release(run.id, index % 2);
        else house.penalise(run.id, index % 2);
    }

    function close(uint256 which) external timed {
        Run storage run = _pick(which);
        if (which % 2 == 0) _moveTo(house.getRound(run.id).fillEnd + 1);
        house.closeRound(run.id, house.getRound(run.id).resultsRoot == 0 ? bytes("") : _pack(run.results));
        ++closedRounds;
    }

    function withdraw(uint8 who, uint96 amount, bool request) external timed {
        // a lasting prank would outlive the call that reverts
        vm.prank(owners[who % 2]);
        if (request) registry.requestWithdrawal(strategies[who % 2], amount % 1 ether);
        else registry.withdraw(strategies[who % 2], address(0xcafe));
    }

    function pass(uint8 blocks) external timed {
        _observe(1 + blocks % 4);
    }

    function runCount() external view returns (uint256) {
        return _runs.length;
    }

    /// @dev What the auction house owes: the escrows of rounds that are not closed.
    function escrowed() external view returns (uint256 sum) {
        for (uint256 i; i < _runs.length; ++i) {
            Round memory r = house.getRound(_runs[i].id);
            if (r.closed) continue;
            sum += r.nonEmptySlots * OPENER_BOND;
            if (r.resultsRoot == 0) sum += REWARD;
        }
    }

    /// @dev What must be locked for a strategy, from the commitments alone.
    function lockedByCommits(bytes32 id) external view returns (uint256 sum) {
        for (uint256 i; i < _runs.length; ++i) {
            uint32 at_ = house.commitIndexOf(_runs[i].id, id);
            if (at_ == 0 || house.getCommit(_runs[i].id, at_ - 1).state == CommitState.Closed) continue;
            sum += LOCK - house.getCommit(_runs[i].id, at_ - 1).defaults * SLOT_BOND;
        }
    }

    function account(bytes32 id) external view returns (BondAccount memory) {
        return registry.account(id);
    }

    function addresses() external view returns (address, address, address, address, address) {
        return (address(house), address(registry), address(base), address(quote), DEAD);
    }

    function _push(Run memory run) internal {
        Run storage stored = _runs.push();
        (stored.id, stored.features, stored.slots) = (run.id, run.features, run.slots);
        for (uint256 i; i < run.intents.length; ++i) {
            stored.intents.push(run.intents[i]);
        }
        for (uint256 i; i < 32; ++i) {
            stored.results.push(run.results[i]);
        }
    }

    /// @dev Lets blocks pass up to `target`, if it lies ahead.
    function _moveTo(uint256 target) internal {
        while (vm.getBlockNumber() < target) {
            _observe(1);
        }
    }

    /// @dev One of the last three rounds.
    function _pick(uint256 which) internal view returns (Run storage) {
        uint256 n = _runs.length;
        uint256 recent = n < 3 ? n : 3;
        return _runs[n - 1 - which % recent];
    }
}

/// covers: C6 C21
contract InvariantsTest is Fixture {
    AuctionHandler internal handler;

    function setUp() public override {
        vm.roll(1000);
        vm.warp(1_790_000_000);
        handler = new AuctionHandler();
        handler.setUp();
        handler.open(1, 3);
        targetContract(address(handler));
        bytes4[] memory selectors = new bytes4[](9);
        selectors[0] = AuctionHandler.open.selector;
        selectors[1] = AuctionHandler.commit.selector;
        selectors[2] = AuctionHandler.commit.selector;
        selectors[3] = AuctionHandler.settle.selector;
        selectors[4] = AuctionHandler.fill.selector;
        selectors[5] = AuctionHandler.penaliseOrRelease.selector;
        selectors[6] = AuctionHandler.close.selector;
        selectors[7] = AuctionHandler.withdraw.selector;
        selectors[8] = AuctionHandler.pass.selector;
        targetSelector(FuzzSelector(address(handler), selectors));
    }

    function invariant_the_house_holds_exactly_the_escrows() public view {
        (address house_,,,,) = handler.addresses();
        assertEq(house_.balance, handler.escrowed());
    }

    function invariant_the_registry_holds_exactly_the_bonds_and_locks_match_the_commitments() public view {
        (, address registry_,,,) = handler.addresses();
        uint256 sum;
        for (uint256 i; i < 2; ++i) {
            bytes32 id = handler.strategies(i);
            BondAccount memory a = handler.account(id);
            assertLe(a.locked, a.bond);
            assertEq(a.locked, handler.lockedByCommits(id));
            sum += uint256(a.bond) + a.withdrawing;
        }
        assertEq(registry_.balance, sum);
    }

    /// @dev The random actions must reach what the invariants are about.
    function afterInvariant() public {
        emit log_named_uint("fills", handler.fills());
        emit log_named_uint("defaults", handler.defaults());
        emit log_named_uint("closed", handler.closedRounds());
    }

    function invariant_the_house_holds_no_tokens() public view {
        (address house_,, address base_, address quote_,) = handler.addresses();
        (bool ok, bytes memory b) = base_.staticcall(abi.encodeWithSignature("balanceOf(address)", house_));
        assertTrue(ok);
        assertEq(abi.decode(b, (uint256)), 0);
        (ok, b) = quote_.staticcall(abi.encodeWithSignature("balanceOf(address)", house_));
        assertTrue(ok);
        assertEq(abi.decode(b, (uint256)), 0);
    }
}
