// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {Fixture} from "./Fixture.sol";
import {IExecutor, FillOrder} from "../../src/interfaces/IExecutor.sol";
import {IPermit2Witness} from "../../src/interfaces/IPermit2Witness.sol";
import {CommitState, FillRequest, Intent, Result, Round, SettleRequest} from "../../src/interfaces/IAuctionHouse.sol";
import {BondAccount} from "../../src/interfaces/IStrategyRegistry.sol";
import {FeatureLib} from "../../src/libraries/FeatureLib.sol";
import {IntentLib} from "../../src/libraries/IntentLib.sol";
import {QuoteMath} from "../../src/libraries/QuoteMath.sol";
import {ResultsLib} from "../../src/libraries/ResultsLib.sol";

/// @notice Delivers, or not, as it is told.
contract MoodyExecutor is IExecutor {
    enum Mood {
        Delivers,
        Gives,
        Fails,
        Shorts,
        Keeps
    }

    Mood public mood;

    function set(Mood mood_) external {
        mood = mood_;
    }

    function acceptsStrategy(bytes32, address) external pure returns (bool) {
        return true;
    }

    function onFill(bytes32, FillOrder calldata order) external {
        if (mood == Mood.Keeps) return;
        require(mood != Mood.Fails);
        uint256 amount = order.buyAmount;
        if (mood == Mood.Gives) amount += 1_000_003;
        if (mood == Mood.Shorts) --amount;
        SafeTransferLib.safeTransfer(order.buyToken, msg.sender, amount);
    }
}

/// @notice Acts at random, honestly and not, on rounds whose sheets it knows, and keeps books of its own: what was covered,
///         what every fill moved. The verifier accepts the statement of an honest settlement and no other. Reverts of the
///         actions themselves are failures.
contract OutcomeHandler is Fixture {
    uint256 internal constant SOLVERS = 4;
    int32 internal constant NO_BID = type(int32).min;

    MoodyExecutor[SOLVERS] internal executors;
    address[SOLVERS] internal owners;
    bytes32[SOLVERS] internal strategies;
    address internal integrator = makeAddr("integrator");
    address internal treasury = makeAddr("treasury");
    address internal thief = makeAddr("thief");

    Run[] internal _runs;
    /// @dev By round: the solver of each commit, and its quote in each slot.
    mapping(uint256 run => uint8[]) internal _solverOf;
    mapping(uint256 run => mapping(uint256 index => mapping(uint256 slot => int32))) internal _quotes;
    /// @dev By round: the commits that settlements covered, as bits.
    mapping(uint256 run => uint256) internal _covered;
    /// @dev By round: the slots that were filled, defaulted on or voided, as bits; the defaults of each commit.
    mapping(uint256 run => uint256) internal _done;
    mapping(uint256 run => mapping(uint256 index => uint256)) internal _defaults;
    Intent[] internal _intents;
    mapping(bytes32 intentHash => uint256) internal _timesFilled;

    uint256 public mostFills;
    uint256 public fills;
    uint256 public defaults;
    uint256 public settlements;
    uint256 public forgeries;
    uint256 public thefts;
    uint256 public spentTwice;

    /// @dev By direction: what the trader sold, and what fills paid of the other token.
    uint256[2] internal _sold;
    uint256[2] internal _paid;
    uint256[2] internal _atFirst;

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
        house.setProtocolShare(1_000, treasury);
        for (uint256 i; i < SOLVERS; ++i) {
            executors[i] = new MoodyExecutor();
            _fund(address(executors[i]), 1_000_000);
            owners[i] = makeAddr(vm.toString(i));
            strategies[i] = _activeStrategy(owners[i], address(executors[i]), 1);
        }
        _fund(trader, 1_000_000);
        _atFirst = [base.balanceOf(trader), quote.balanceOf(trader)];
        _observe(8);
        (_block, _time) = (vm.getBlockNumber(), vm.getBlockTimestamp());
    }

    // ---- actions

    /// Opens a round of intents, some of which were in other rounds, and commits sheets in any order.
    function open(uint256 seed) external timed {
        uint256 n = 1 + seed % 3;
        Intent[] memory intents = new Intent[](n);
        for (uint256 i; i < n; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            if (word % 4 == 0 && _intents.length != 0) {
                intents[i] = _intents[(word >> 8) % _intents.length];
                continue;
            }
            uint256 direction = (word >> 16) & 1;
            uint256 scale = 1 + (word >> 24) % 3;
            intents[i] = _intent(direction, scale * (direction == 0 ? BASE : 2000 * QUOTE), 0, _intents.length);
            if ((word >> 32) & 1 == 1) intents[i].appData = bytes32(uint256(uint160(integrator)) << 96 | 2_500 << 80);
            // a limit a tenth of a percent above the reference
            if ((word >> 40) % 4 == 0) {
                intents[i].minBuyAmount = scale * (direction == 0 ? 2_002 * QUOTE : 1_001 * BASE / 1_000);
            }
            _intents.push(intents[i]);
        }
        vm.deal(opener, 100 ether);
        Run memory run = _open(intents);
        _push(run);
        _commitAll(run, uint256(keccak256(abi.encode(seed))));
    }

    /// Settles a part of the sheets honestly: the plain tournament over them.
    function settle(uint256 which, uint256 mask) external timed {
        (uint256 id, bool found) = _inSettleWindow(which);
        if (!found) return;
        mask = _part(id, mask);
        SettleRequest memory request = _honest(id, mask);
        verifier.expect(house.publicInputs(request));
        house.settle(request);
        _covered[id] |= mask;
        ++settlements;
        Result[] memory results = tournament(id, _covered[id]);
        for (uint256 i; i < 32; ++i) {
            _runs[id].results[i] = results[i];
        }
    }

    /// Brings a proof of one settlement with another.
    function forge(uint256 which, uint256 mask, uint256 how) external timed {
        (uint256 id, bool found) = _inSettleWindow(which);
        if (!found) return;
        mask = _part(id, mask);
        SettleRequest memory request = _honest(id, mask);
        verifier.expect(house.publicInputs(request));
        uint256 kind = how % 5;
        if (kind == 0) request.claims[(how >> 8) % 384] ^= bytes1(uint8(1 << ((how >> 16) % 8)));
        if (kind == 1) request.features[(how >> 8) % 128] ^= 0x01;
        if (kind == 2) request.slots[(how >> 8) % 1536] ^= 0x01;
        if (kind == 3) request.beta = bytes32(uint256(request.beta) + 1);
        if (kind == 4) {
            uint256 other = _part(id, how >> 8);
            if (other == mask) return;
            request.commitIndices = _bits(other);
        }
        bytes32 root = house.getRound(_runs[id].id).resultsRoot;
        try house.settle(request) {
            revert("a forged settlement was taken");
        } catch {
            ++forgeries;
        }
        assertEq(house.getRound(_runs[id].id).resultsRoot, root);
    }

    /// Fills a slot by the book: the right result and signature, a winner in some mood.
    function fill(uint256 which, uint8 slot, uint8 mood) external timed {
        uint256 id = _pick(which);
        slot = slot % uint8(_runs[id].intents.length);
        Round memory r = house.getRound(_runs[id].id);
        if (r.resultsRoot == 0) return;
        _moveTo(r.settleEnd + 1);
        FillRequest memory request = _fillRequest(_runs[id], slot);
        Result memory proven = tournament(id, _covered[id])[slot];
        MoodyExecutor winner;
        if (proven.winner != 0) {
            winner = executors[_solverOf[id][proven.winner - 1]];
            winner.set(MoodyExecutor.Mood(mood % 5));
        }
        _Held memory before = _held(address(winner));
        try house.fill(request) returns (bool filled) {
            assertTrue(proven.winner != 0 && _done[id] >> slot & 1 == 0, "once, and where somebody won");
            assertEq(filled, mood % 5 < 2, "who delivers has filled, who does not has defaulted");
            if (filled) {
                _checkFilled(request, proven, r, before, address(winner));
            } else {
                _checkDefaulted(before, address(winner));
                ++_defaults[id][proven.winner - 1];
            }
            _done[id] |= 1 << slot;
        } catch {
            _checkUnmoved(before, address(winner));
            if (_done[id] >> slot & 1 == 0 && _timesFilled[_intentHash(request.intent)] == 1) ++spentTwice;
        }
    }

    /// Tries to move the trader's tokens without a proof or without a signature.
    function steal(uint256 which, uint8 slot, uint256 how) external timed {
        uint256 id = _pick(which);
        slot = slot % uint8(_runs[id].intents.length);
        Round memory r = house.getRound(_runs[id].id);
        FillRequest memory request = _fillRequest(_runs[id], slot);
        bytes memory call;
        uint256 kind = how % 7;
        if (kind == 0) {
            (, uint256 key) = makeAddrAndKey("thief");
            request.signature = _sign(request.intent, key);
        } else if (kind == 1) {
            request.intent.recipient = thief;
        } else if (kind == 2) {
            request.intent.sellAmount *= 2;
            request.signature = _sign(request.intent, traderKey);
        } else if (kind == 3) {
            request.result.best ^= uint32(1 << ((how >> 8) % 32));
        } else if (kind == 4) {
            request.result.winner = request.result.winner % 4 + 1;
        } else if (kind == 5) {
            request.slots[uint256(slot) * 48 + (how >> 8) % 48] ^= 0x01;
        } else if (_covered[id] != 0 && _done[id] >> slot & 1 == 0) {
            return;
        }
        _Held memory before = _held(thief);
        vm.prank(thief);
        try house.fill(request) {
            revert("a fill without proof and signature");
        } catch {
            ++thefts;
        }
        call = abi.encodeWithSelector(EXECUTE_TRADE, request, strategies[0], thief, 1e6, BASE, 0, 0);
        vm.prank(thief);
        (bool ok,) = address(house).call(call);
        assertFalse(ok);
        _takeBySignature(_runs[id].intents[slot]);
        _checkUnmoved(before, thief);
    }

    /// The trader spends a nonce.
    function cancel(uint256 which) external timed {
        if (_intents.length == 0) return;
        uint256 nonce = _intents[which % _intents.length].nonce;
        vm.prank(trader);
        permit2.invalidateUnorderedNonces(nonce >> 8, 1 << (nonce & 0xff));
    }

    /// Bonds are freed or burned, slots voided, the round closed, shares claimed; whatever of it is due.
    function finish(uint256 which, uint8 slot, uint256 how) external timed {
        uint256 id = _pick(which);
        Run memory run = _runs[id];
        Round memory r = house.getRound(run.id);
        slot = slot % uint8(run.intents.length);
        if (r.resultsRoot != 0) {
            FillRequest memory request = _fillRequest(run, slot);
            vm.prank(opener);
            try house.voidSlot(request) {
                assertEq(_done[id] >> slot & 1, 0);
                _done[id] |= 1 << slot;
            } catch {}
        }
        _moveTo((how & 1 == 0 ? r.settleEnd : r.fillEnd) + 1);
        for (uint32 i; i < r.commitCount; ++i) {
            bool covered = _covered[id] >> i & 1 == 1;
            try house.penalise(run.id, i) {
                assertFalse(covered, "covered sheets keep their bonds");
            } catch {}
            try house.release(run.id, i) {
                assertTrue(covered, "sheets that were never shown get nothing back");
            } catch {}
        }
        try house.closeRound(run.id, r.resultsRoot == 0 ? bytes("") : _pack(run.results)) {} catch {}
        address account = how & 2 == 0 ? integrator : treasury;
        vm.prank(account);
        house.claim(how & 4 == 0 ? address(base) : address(quote), account);
    }

    function pass(uint8 blocks) external timed {
        _observe(1 + blocks % 4);
    }

    // ---- what invariants ask

    /// The rule itself, over the commits in `mask`: the best quote, the lowest index that bids it, the best of the others.
    function tournament(uint256 id, uint256 mask) public view returns (Result[] memory results) {
        results = new Result[](32);
        for (uint256 slot; slot < _runs[id].intents.length; ++slot) {
            Result memory r = results[slot];
            for (uint256 i; i < _solverOf[id].length; ++i) {
                uint32 bid = FeatureLib.carry(_quotes[id][i][slot]);
                if (mask >> i & 1 == 0 || bid == 0) continue;
                if (bid > r.best) (r.second, r.best, r.winner) = (r.best, bid, uint32(i + 1));
                else if (bid > r.second) r.second = bid;
            }
        }
    }

    /// Stored and expected root of a round, both zero where nothing was settled.
    function roots(uint256 id) external view returns (bytes32 stored, bytes32 expected) {
        stored = house.getRound(_runs[id].id).resultsRoot;
        if (_covered[id] == 0) return (stored, 0);
        Result[] memory results = tournament(id, _covered[id]);
        bytes32[32] memory leaves;
        for (uint256 i; i < 32; ++i) {
            leaves[i] = ResultsLib.leaf(i, results[i]);
        }
        expected = ResultsLib.root(leaves);
    }

    function runCount() external view returns (uint256) {
        return _runs.length;
    }

    /// What the trader has, and what the books say, base then quote.
    function traderBalances() external view returns (uint256[2] memory has, uint256[2] memory should) {
        has = [base.balanceOf(trader), quote.balanceOf(trader)];
        should = [_atFirst[0] - _sold[0] + _paid[1], _atFirst[1] - _sold[1] + _paid[0]];
    }

    /// What the house holds of both tokens, and what can be claimed of them.
    function claims() external view returns (uint256[2] memory held, uint256[2] memory claimable) {
        address[2] memory tokens = [address(base), address(quote)];
        for (uint256 i; i < 2; ++i) {
            held[i] = SafeTransferLib.balanceOf(tokens[i], address(house));
            claimable[i] = house.claimable(tokens[i], integrator) + house.claimable(tokens[i], treasury);
        }
    }

    /// Coins that the registry holds, its accounts, and what must be locked in them.
    function bonds() external view returns (uint256 held, uint256 owed, uint256 locked, uint256 mustLock) {
        held = address(registry).balance;
        // the fixture's own strategy is never used
        owed = registry.account(strategy).bond;
        for (uint256 i; i < SOLVERS; ++i) {
            BondAccount memory a = registry.account(strategies[i]);
            owed += uint256(a.bond) + a.withdrawing;
            locked += a.locked;
            assertLe(a.locked, a.bond);
        }
        for (uint256 id; id < _runs.length; ++id) {
            for (uint32 i; i < _solverOf[id].length; ++i) {
                if (house.getCommit(_runs[id].id, i).state == CommitState.Closed) continue;
                mustLock += LOCK - _defaults[id][i] * SLOT_BOND;
            }
        }
    }

    // ---- checks of one action

    bytes4 internal constant EXECUTE_TRADE = bytes4(
        keccak256(
            "executeTrade((bytes32,uint8,bytes,(address,address,address,address,uint256,uint256,uint64,uint64,uint256,bytes32,bytes32),bytes32,bytes,(uint32,uint32,uint32),bytes32[5]))"
        )
    );

    struct _Held {
        uint256[2] ofTrader;
        uint256[2] ofOther;
        uint256 traderCoins;
        uint256 burned;
    }

    function _held(address other) internal view returns (_Held memory h) {
        h.ofTrader = [base.balanceOf(trader), quote.balanceOf(trader)];
        h.ofOther = [base.balanceOf(other), quote.balanceOf(other)];
        (h.traderCoins, h.burned) = (trader.balance, DEAD.balance);
    }

    function _checkUnmoved(_Held memory before, address other) internal view {
        assertEq(keccak256(abi.encode(_held(other))), keccak256(abi.encode(before)), "nothing moves");
    }

    function _checkDefaulted(_Held memory before, address winner) internal {
        _Held memory now_ = _held(winner);
        assertEq(now_.traderCoins - before.traderCoins + now_.burned - before.burned, SLOT_BOND);
        (now_.traderCoins, now_.burned) = (before.traderCoins, before.burned);
        assertEq(keccak256(abi.encode(now_)), keccak256(abi.encode(before)), "tokens stay where they were");
        ++defaults;
    }

    function _checkFilled(
        FillRequest memory request,
        Result memory proven,
        Round memory r,
        _Held memory before,
        address winner
    ) internal {
        Intent memory intent = request.intent;
        uint256 direction = intent.sellToken == address(base) ? 0 : 1;
        uint256 due =
            QuoteMath.amountOut(direction, intent.sellAmount, r.referenceQ128, FeatureLib.uncarry(proven.best));
        _Held memory now_ = _held(winner);
        uint256 paid = now_.ofTrader[1 - direction] - before.ofTrader[1 - direction];
        assertGe(paid, due, "at least what was proven");
        assertGe(paid, intent.minBuyAmount, "at least the limit");
        assertEq(before.ofTrader[direction] - now_.ofTrader[direction], intent.sellAmount);
        assertEq(now_.ofOther[direction] - before.ofOther[direction], intent.sellAmount, "all of it to the winner");
        assertEq(now_.traderCoins, before.traderCoins);
        assertEq(now_.burned, before.burned);
        _sold[direction] += intent.sellAmount;
        _paid[direction] += paid;
        ++fills;
        uint256 times = ++_timesFilled[_intentHash(intent)];
        if (times > mostFills) mostFills = times;
    }

    /// @dev The signature is for the house as spender: nobody else can use it.
    function _takeBySignature(Intent memory intent) internal {
        bytes memory signature = _sign(intent, traderKey);
        IPermit2Witness.PermitTransferFrom memory permit = IPermit2Witness.PermitTransferFrom({
            permitted: IPermit2Witness.TokenPermissions({token: intent.sellToken, amount: intent.sellAmount}),
            nonce: intent.nonce,
            deadline: intent.deadline
        });
        IPermit2Witness.SignatureTransferDetails memory details =
            IPermit2Witness.SignatureTransferDetails({to: thief, requestedAmount: intent.sellAmount});
        bytes32 witness = _intentHash(intent);
        vm.prank(thief);
        try permit2.permitWitnessTransferFrom(
            permit, details, trader, witness, IntentLib.WITNESS_TYPE_STRING, signature
        ) {
            revert("a signature for the auction house was used by another");
        } catch {}
    }

    function _intentHash(Intent memory intent) internal view returns (bytes32) {
        return house.hashIntent(intent);
    }

    // ---- rounds

    /// @dev Sheets of some solvers, in any order, with ties and without bids.
    function _commitAll(Run memory run, uint256 word) internal {
        uint256 id = _runs.length - 1;
        for (uint256 k; k < SOLVERS; ++k) {
            // at most 3
            uint8 who = uint8((k + word) % SOLVERS);
            if (k != 0 && (word >> (8 + k)) & 3 == 0) continue;
            vm.prank(owners[who]);
            try house.commit(run.id, strategies[who], bytes32(word >> 200)) returns (uint32 index) {
                assertEq(index, _solverOf[id].length);
                _solverOf[id].push(who);
                for (uint256 slot; slot < run.intents.length; ++slot) {
                    uint256 draw = uint256(keccak256(abi.encode(word, who, slot)));
                    int32[6] memory some = [NO_BID, -4_000, -1, 0, 1_500, 4_000];
                    _quotes[id][index][slot] = some[draw % 6];
                }
            } catch {}
        }
    }

    function _honest(uint256 id, uint256 mask) internal view returns (SettleRequest memory request) {
        Run memory run = _runs[id];
        run.results = tournament(id, mask);
        request = _settleRequest(run, _bits(mask));
        if (_covered[id] != 0) request.stored = _pack(tournament(id, _covered[id]));
    }

    /// @dev One of the last three rounds, if it can be settled now or later.
    function _inSettleWindow(uint256 which) internal returns (uint256 id, bool found) {
        id = _pick(which);
        Round memory r = house.getRound(_runs[id].id);
        if (r.commitCount == 0 || vm.getBlockNumber() > r.settleEnd) return (id, false);
        _moveTo(r.commitEnd + 1);
        return (id, true);
    }

    /// @dev At least one of a round's commits.
    function _part(uint256 id, uint256 mask) internal view returns (uint256) {
        uint256 n = _solverOf[id].length;
        mask &= (1 << n) - 1;
        return mask == 0 ? 1 << (n - 1) : mask;
    }

    function _bits(uint256 mask) internal pure returns (uint32[] memory indices) {
        uint256 count;
        for (uint256 rest = mask; rest != 0; rest &= rest - 1) {
            ++count;
        }
        indices = new uint32[](count);
        uint256 n;
        for (uint32 i; n < count; ++i) {
            if (mask >> i & 1 == 1) indices[n++] = i;
        }
    }

    function _push(Run memory run) internal {
        Run storage stored = _runs.push();
        (stored.id, stored.features, stored.slots) = (run.id, run.features, run.slots);
        for (uint256 i; i < run.intents.length; ++i) {
            stored.intents.push(run.intents[i]);
        }
        for (uint256 i; i < 32; ++i) {
            stored.results.push();
        }
    }

    /// @dev Lets blocks pass up to `target`, if it lies ahead.
    function _moveTo(uint256 target) internal {
        while (vm.getBlockNumber() < target) {
            _observe(1);
        }
    }

    function _pick(uint256 which) internal view returns (uint256) {
        uint256 n = _runs.length;
        return n - 1 - which % (n < 3 ? n : 3);
    }
}
