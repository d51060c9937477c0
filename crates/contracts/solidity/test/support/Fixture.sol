// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";
import {InstallPermit2} from "./InstallPermit2.sol";
import {IUniswapV2Factory} from "v2-core/contracts/interfaces/IUniswapV2Factory.sol";
import {IUniswapV2Pair} from "v2-core/contracts/interfaces/IUniswapV2Pair.sol";
import {Markets} from "../../src/Markets.sol";
import {StrategyRegistry} from "../../src/StrategyRegistry.sol";
import {ChainFeed} from "../../src/feeds/ChainFeed.sol";
import {ChainlinkConfig, ChainlinkFeed} from "../../src/feeds/ChainlinkFeed.sol";
import {PostedAggregator} from "../../src/feeds/PostedAggregator.sol";
import {UniswapV2TwapFeed} from "../../src/feeds/UniswapV2TwapFeed.sol";
import {InventoryExecutor} from "../../src/executors/InventoryExecutor.sol";
import {IMarkets, MarketParams, Pricing} from "../../src/interfaces/IMarkets.sol";
import {IPermit2Witness} from "../../src/interfaces/IPermit2Witness.sol";
import {IAuctionHouse, Intent, Result, SettleRequest, FillRequest} from "../../src/interfaces/IAuctionHouse.sol";
import {FeatureLib} from "../../src/libraries/FeatureLib.sol";
import {IntentLib} from "../../src/libraries/IntentLib.sol";
import {ResultsLib} from "../../src/libraries/ResultsLib.sol";
import {PlainToken} from "./PlainToken.sol";
import {SettableVerifier} from "./SettableVerifier.sol";

/// @notice One market on a real Uniswap V2 pair, with real Permit2: base has 18 decimals, quote 6, price 2000.
abstract contract Fixture is Test {
    uint256 internal constant BASE = 1e18;
    uint256 internal constant QUOTE = 1e6;
    uint256 internal constant SLOT_BOND = 0.01 ether;
    uint256 internal constant SHEET_BOND = 0.1 ether;
    uint256 internal constant LOCK = SHEET_BOND + 32 * SLOT_BOND;
    uint256 internal constant OPENER_BOND = 0.002 ether;
    uint256 internal constant UNFILLED_FEE = 0.001 ether;
    uint256 internal constant REWARD = 0.05 ether;
    uint32 internal constant CLASS = 0xabcd1234;
    bytes32 internal constant ROOT = bytes32(uint256(0x1111));
    address internal constant DEAD = 0x000000000000000000000000000000000000dEaD;

    PlainToken internal base;
    PlainToken internal quote;
    IUniswapV2Pair internal pair;
    UniswapV2TwapFeed internal twap;
    PostedAggregator internal aggregator;
    ChainlinkFeed internal link;
    ChainFeed internal chain;
    Markets internal markets;
    StrategyRegistry internal registry;
    SettableVerifier internal verifier;
    IAuctionHouse internal house;
    IPermit2Witness internal permit2;
    bytes32 internal market;

    address internal opener = makeAddr("opener");
    address internal trader;
    uint256 internal traderKey;
    address internal solver = makeAddr("solver");
    InventoryExecutor internal executor;
    bytes32 internal strategy;

    function setUp() public virtual {
        vm.roll(1000);
        vm.warp(1_790_000_000);
        (trader, traderKey) = makeAddrAndKey("trader");
        permit2 = InstallPermit2.install();
        base = _newBase();
        quote = new PlainToken(6);
        _deployPair();
        _deployAuction();
        market = _createMarket(_params());
        vm.deal(opener, 100 ether);
        vm.deal(solver, 100 ether);
        executor = new InventoryExecutor(address(house), solver);
        _fund(address(executor), 1_000);
        _fund(trader, 1_000);
        _approve(trader);
        strategy = _activeStrategy(solver, address(executor), 1);
        _observe(8);
    }

    function _newBase() internal virtual returns (PlainToken) {
        return new PlainToken(18);
    }

    /// @dev None, as on a chain without one.
    function _wrappedCoin() internal virtual returns (address) {
        return address(0);
    }

    function _deployPair() internal {
        IUniswapV2Factory factory =
            IUniswapV2Factory(_deployArtifact("v2-core/build/UniswapV2Factory.json", abi.encode(address(this))));
        pair = IUniswapV2Pair(factory.createPair(address(base), address(quote)));
        base.mint(address(pair), 1_000 * BASE);
        quote.mint(address(pair), 2_000_000 * QUOTE);
        pair.mint(address(this));
    }

    /// @dev Uniswap's own build: other compiler, other version.
    function _deployArtifact(string memory path, bytes memory args) internal returns (address deployed) {
        string memory json = vm.readFile(string.concat("node_modules/@uniswap/", path));
        bytes memory code = bytes.concat(vm.parseJsonBytes(json, ".bytecode"), args);
        assembly {
            deployed := create(0, add(code, 32), mload(code))
        }
        assertTrue(deployed != address(0), path);
    }

    function _deployAuction() internal {
        twap = new UniswapV2TwapFeed(pair, address(base), 36, 12, 120);
        aggregator = new PostedAggregator(address(this), 8);
        aggregator.post(2000e8);
        link = new ChainlinkFeed(_linkConfig());
        chain = new ChainFeed(2);
        markets = new Markets(address(this));
        registry = new StrategyRegistry(5, 50, address(this));
        verifier = new SettableVerifier();
        house = IAuctionHouse(
            deployCode(
                "AuctionHouse.sol:AuctionHouse",
                abi.encode(address(this), markets, registry, verifier, permit2, _wrappedCoin(), ROOT, uint64(1 days))
            )
        );
        registry.bindAuctionHouse(address(house));
    }

    function _linkConfig() internal view returns (ChainlinkConfig memory c) {
        c.aggregator = aggregator;
        (c.base, c.quote) = (address(base), address(quote));
        (c.baseDecimals, c.quoteDecimals) = (18, 6);
        c.maxAge = 3600;
        c.maxAnswer = type(int128).max;
    }

    function _params() internal view virtual returns (MarketParams memory p) {
        p.base = address(base);
        p.quote = address(quote);
        p.feeds = new address[](3);
        p.feeds[0] = address(twap);
        p.feeds[1] = address(link);
        p.feeds[2] = address(chain);
        p.checkFeed = address(link);
        p.maxDeviationPips = 20_000;
        p.pricing = Pricing.FirstPrice;
        p.reserveQuote = -5_000;
        p.minNotional = 10 * QUOTE;
        p.maxNotional = 1_000_000 * QUOTE;
        p.commitBlocks = 3;
        p.settleBlocks = 4;
        p.fillBlocks = 5;
        p.executorGas = 400_000;
        p.sheetBond = uint96(SHEET_BOND);
        p.slotBond = uint96(SLOT_BOND);
        p.openerBond = uint96(OPENER_BOND);
        p.unfilledFee = uint96(UNFILLED_FEE);
        p.settleReward = uint96(REWARD);
        // 2000 quote units are one coin: 5e8 wei per raw unit
        p.bondPerQuoteQ128 = 5e8 << 128;
    }

    function _createMarket(MarketParams memory p) internal returns (bytes32) {
        return markets.createMarket(p);
    }

    /// @dev `n` blocks of 12 seconds, each with its observations.
    function _observe(uint256 n) internal {
        for (uint256 i; i < n; ++i) {
            _nextBlocks(1);
            twap.observe();
            chain.observe();
        }
        _nextBlocks(1);
    }

    function _nextBlocks(uint256 n) internal {
        vm.roll(vm.getBlockNumber() + n);
        vm.warp(vm.getBlockTimestamp() + 12 * n);
    }

    function _fund(address to, uint256 amount) internal {
        base.mint(to, amount * BASE);
        quote.mint(to, amount * 2000 * QUOTE);
    }

    function _approve(address owner) internal {
        vm.startPrank(owner);
        base.approve(address(permit2), type(uint256).max);
        quote.approve(address(permit2), type(uint256).max);
        vm.stopPrank();
    }

    function _register(address owner, address executor_, uint64 seed) internal returns (bytes32 id) {
        vm.deal(owner, owner.balance + 10 ether);
        vm.prank(owner);
        id = registry.register{value: 10 ether}(
            market, CLASS, bytes32(uint256(seed)), executor_, address(0), -4_000, 4_000
        );
    }

    function _activeStrategy(address owner, address executor_, uint64 seed) internal returns (bytes32 id) {
        id = _register(owner, executor_, seed);
        vm.prank(owner);
        registry.activate(id);
    }

    /// @dev Another solver with its own inventory.
    function _rival(string memory name) internal returns (address owner, bytes32 id) {
        owner = makeAddr(name);
        InventoryExecutor own = new InventoryExecutor(address(house), owner);
        _fund(address(own), 100);
        id = _activeStrategy(owner, address(own), 1);
    }

    // ---- intents and slots

    function _intent(uint256 direction, uint256 sell, uint256 minBuy, uint256 nonce)
        internal
        view
        virtual
        returns (Intent memory)
    {
        return Intent({
            owner: trader,
            recipient: trader,
            sellToken: direction == 0 ? address(base) : address(quote),
            buyToken: direction == 0 ? address(quote) : address(base),
            sellAmount: sell,
            minBuyAmount: minBuy,
            validFrom: uint64(vm.getBlockTimestamp()),
            deadline: uint64(vm.getBlockTimestamp() + 1 hours),
            nonce: nonce,
            market: market,
            appData: bytes32(uint256(0))
        });
    }

    function _blinding(Intent memory intent) internal pure returns (bytes32) {
        return keccak256(abi.encode("blinding", intent.nonce));
    }

    /// @dev External so that a memory intent reaches the calldata functions.
    function features(Intent calldata intent) external view returns (bytes16) {
        return FeatureLib.slotFeatures(intent, intent.sellToken == address(base) ? 0 : 1);
    }

    function _slots(Intent[] memory intents) internal view returns (bytes memory packed) {
        for (uint256 i; i < intents.length; ++i) {
            bytes32 commitment = IntentLib.slotCommitment(house.hashIntent(intents[i]), _blinding(intents[i]));
            packed = bytes.concat(packed, commitment, this.features(intents[i]));
        }
        for (uint256 i = intents.length; i < 32; ++i) {
            packed = bytes.concat(packed, bytes32(0), bytes16(0x80000000800000008000000080000000));
        }
    }

    function _permitDigest(Intent memory intent, address spender) internal view returns (bytes32) {
        bytes32 typeHash = keccak256(
            bytes.concat(
                "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,",
                bytes(IntentLib.WITNESS_TYPE_STRING)
            )
        );
        bytes32 permissions = keccak256(
            abi.encode(keccak256("TokenPermissions(address token,uint256 amount)"), intent.sellToken, intent.sellAmount)
        );
        bytes32 structHash = keccak256(
            abi.encode(typeHash, permissions, spender, intent.nonce, uint256(intent.deadline), house.hashIntent(intent))
        );
        return keccak256(abi.encodePacked("\x19\x01", permit2.DOMAIN_SEPARATOR(), structHash));
    }

    function _sign(Intent memory intent, uint256 key) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _permitDigest(intent, address(house)));
        return abi.encodePacked(r, s, v);
    }

    // ---- a round, step by step

    struct Run {
        bytes32 id;
        Intent[] intents;
        bytes features;
        bytes slots;
        Result[] results;
    }

    function _open(Intent[] memory intents) internal returns (Run memory run) {
        run.intents = intents;
        run.slots = _slots(intents);
        run.results = new Result[](32);
        (run.features,) = markets.snapshot(market);
        vm.prank(opener);
        run.id = house.openRound{value: intents.length * OPENER_BOND + REWARD}(market, run.slots);
    }

    /// @dev A round with one intent that sells one base token.
    function _openOne() internal returns (Run memory) {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 1990 * QUOTE, 1);
        return _open(intents);
    }

    function _commit(Run memory run, address owner, bytes32 id) internal returns (uint32 index) {
        vm.prank(owner);
        index = house.commit(run.id, id, keccak256(abi.encode(id, run.id)) & _canonicalMask());
    }

    /// @dev Clears the top bit of each element, so that it is below p.
    function _canonicalMask() internal pure returns (bytes32) {
        return 0x7fffffffffffffff7fffffffffffffff7fffffffffffffff7fffffffffffffff;
    }

    function _result(int32 best, int32 second, uint32 winner) internal pure returns (Result memory) {
        return Result(FeatureLib.carry(best), FeatureLib.carry(second), winner);
    }

    function _pack(Result[] memory results) internal pure returns (bytes memory packed) {
        for (uint256 i; i < 32; ++i) {
            packed = bytes.concat(packed, abi.encodePacked(results[i].best, results[i].second, results[i].winner));
        }
    }

    function _indices(uint32 a) internal pure returns (uint32[] memory list) {
        list = new uint32[](1);
        list[0] = a;
    }

    function _indices(uint32 a, uint32 b) internal pure returns (uint32[] memory list) {
        list = new uint32[](2);
        (list[0], list[1]) = (a, b);
    }

    function _settleRequest(Run memory run, uint32[] memory indices) internal pure returns (SettleRequest memory) {
        return SettleRequest({
            roundId: run.id,
            features: run.features,
            slots: run.slots,
            claims: _pack(run.results),
            commitIndices: indices,
            beta: bytes32(uint256(7)),
            proof: hex"01",
            stored: ""
        });
    }

    function _toSettle(Run memory run) internal {
        uint256 target = house.getRound(run.id).commitEnd + 1;
        _nextBlocks(target - vm.getBlockNumber());
    }

    function _toFill(Run memory run) internal {
        uint256 target = house.getRound(run.id).settleEnd + 1;
        _nextBlocks(target - vm.getBlockNumber());
    }

    function _toEnd(Run memory run) internal {
        uint256 target = house.getRound(run.id).fillEnd + 1;
        _nextBlocks(target - vm.getBlockNumber());
    }

    /// @dev Opens, commits for `solver`, settles with one result and goes to the fill window.
    function _settledOne(Result memory result) internal returns (Run memory run) {
        run = _openOne();
        _commit(run, solver, strategy);
        run.results[0] = result;
        _settleAndMove(run, _indices(0));
    }

    function _settleAndMove(Run memory run, uint32[] memory indices) internal {
        _toSettle(run);
        house.settle(_settleRequest(run, indices));
        _toFill(run);
    }

    function _proof(Result[] memory results, uint256 slot) internal pure returns (bytes32[5] memory siblings) {
        bytes32[] memory level = new bytes32[](32);
        for (uint256 i; i < 32; ++i) {
            level[i] = ResultsLib.leaf(i, results[i]);
        }
        uint256 n = 32;
        for (uint256 depth; depth < 5; ++depth) {
            siblings[depth] = level[(slot >> depth) ^ 1];
            n /= 2;
            for (uint256 i; i < n; ++i) {
                level[i] = keccak256(abi.encodePacked(level[2 * i], level[2 * i + 1]));
            }
        }
    }

    function _fillRequest(Run memory run, uint8 slot) internal view virtual returns (FillRequest memory) {
        Intent memory intent = run.intents[slot];
        return FillRequest({
            roundId: run.id,
            slot: slot,
            slots: run.slots,
            intent: intent,
            blinding: _blinding(intent),
            signature: _sign(intent, traderKey),
            result: run.results[slot],
            merkleProof: _proof(run.results, slot)
        });
    }
}
