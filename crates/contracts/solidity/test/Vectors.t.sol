// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {Intent, Result} from "../src/interfaces/IAuctionHouse.sol";
import {FeatureLib} from "../src/libraries/FeatureLib.sol";
import {IntentLib} from "../src/libraries/IntentLib.sol";
import {PublicData} from "../src/libraries/PublicData.sol";
import {QuoteMath} from "../src/libraries/QuoteMath.sol";
import {ResultsLib} from "../src/libraries/ResultsLib.sol";

/// Golden vectors that the Rust types wrote.
/// covers: S2 Z22
contract VectorsTest is Fixture {
    string internal json;

    function setUp() public override {
        super.setUp();
        json = vm.readFile("test/vectors/types.json");
        assertEq(_uint(".version"), 1);
    }

    function _uint(string memory path) internal view returns (uint256) {
        return vm.parseJsonUint(json, path);
    }

    function _bytes32(string memory path) internal view returns (bytes32) {
        return vm.parseJsonBytes32(json, path);
    }

    function _item(string memory list, uint256 i) internal pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(i), "]");
    }

    function _count(string memory list, string memory field) internal view returns (uint256 n) {
        while (vm.keyExistsJson(json, string.concat(_item(list, n), field))) ++n;
        assertGt(n, 0);
    }

    function test_log2_agrees() public view {
        uint256 n = _count("log2", ".x");
        for (uint256 i; i < n; ++i) {
            string memory at_ = _item("log2", i);
            int256 expected = vm.parseJsonInt(json, string.concat(at_, ".log2"));
            assertEq(FeatureLib.log2Q22(_uint(string.concat(at_, ".x"))), expected);
        }
    }

    function test_amounts_agree() public view {
        uint256 n = _count("amounts", ".sell");
        for (uint256 i; i < n; ++i) {
            string memory at_ = _item("amounts", i);
            uint256 sell = _uint(string.concat(at_, ".sell"));
            uint256 price = _uint(string.concat(at_, ".reference"));
            int256 pips = vm.parseJsonInt(json, string.concat(at_, ".quote"));
            uint256 sellsBase = _uint(string.concat(at_, ".sellsBase"));
            uint256 sellsQuote = _uint(string.concat(at_, ".sellsQuote"));
            assertEq(QuoteMath.amountOut(0, sell, price, pips), sellsBase);
            assertEq(QuoteMath.amountOut(1, sell, price, pips), sellsQuote);
        }
    }

    function _intentAt(string memory at_) internal view returns (Intent memory intent) {
        string memory p = string.concat(at_, ".intent.");
        intent.owner = vm.parseJsonAddress(json, string.concat(p, "owner"));
        intent.recipient = vm.parseJsonAddress(json, string.concat(p, "recipient"));
        intent.sellToken = vm.parseJsonAddress(json, string.concat(p, "sellToken"));
        intent.buyToken = vm.parseJsonAddress(json, string.concat(p, "buyToken"));
        intent.sellAmount = _uint(string.concat(p, "sellAmount"));
        intent.minBuyAmount = _uint(string.concat(p, "minBuyAmount"));
        intent.validFrom = uint64(_uint(string.concat(p, "validFrom")));
        intent.deadline = uint64(_uint(string.concat(p, "deadline")));
        intent.nonce = _uint(string.concat(p, "nonce"));
        intent.market = _bytes32(string.concat(p, "market"));
        intent.appData = _bytes32(string.concat(p, "appData"));
    }

    function slotFeatures(Intent calldata intent, uint256 direction) external pure returns (bytes16) {
        return FeatureLib.slotFeatures(intent, direction);
    }

    function test_intents_agree_in_hash_features_slot_and_permit() public {
        uint256 n = _count("intents", ".intentHash");
        for (uint256 i; i < n; ++i) {
            string memory at_ = _item("intents", i);
            Intent memory intent = _intentAt(at_);
            bytes32 intentHash = house.hashIntent(intent);
            assertEq(intentHash, _bytes32(string.concat(at_, ".intentHash")));
            assertEq(
                IntentLib.slotCommitment(intentHash, _bytes32(string.concat(at_, ".blinding"))),
                _bytes32(string.concat(at_, ".commitment"))
            );
            _assertFeatures(intent, at_);
            vm.chainId(_uint(string.concat(at_, ".chainId")));
            address spender = vm.parseJsonAddress(json, string.concat(at_, ".spender"));
            assertEq(_permitDigest(intent, spender), _bytes32(string.concat(at_, ".permitDigest")));
        }
    }

    function _assertFeatures(Intent memory intent, string memory at_) internal view {
        int256[] memory expected = vm.parseJsonIntArray(json, string.concat(at_, ".features"));
        bytes memory packed;
        for (uint256 k; k < 4; ++k) {
            packed = bytes.concat(packed, bytes4(FeatureLib.carry(int32(expected[k]))));
        }
        uint256 direction = _uint(string.concat(at_, ".direction"));
        assertEq(bytes16(packed), this.slotFeatures(intent, direction));
    }

    function build(bytes calldata f, bytes calldata s, bytes calldata c, bytes calldata sheets)
        external
        view
        returns (bytes memory d)
    {
        d = PublicData.build(_bytes32(".publicData.roundId"), _bytes32(".publicData.keySetRoot"), f, s, c);
        for (uint256 i; i < 16; ++i) {
            bytes calldata own = sheets[68 * i:68 * i + 68];
            PublicData.putSheet(d, i, uint32(bytes4(own)), bytes32(own[4:]), bytes32(own[36:]));
        }
    }

    function _part(string memory name) internal view returns (bytes memory) {
        return vm.parseJsonBytes(json, string.concat(".publicData.", name));
    }

    function test_public_data_and_challenge_agree() public view {
        bytes memory d = this.build(_part("features"), _part("slots"), _part("claims"), _part("sheets"));
        assertEq(d, _part("d"));
        (uint256 s0, uint256 s1) = PublicData.sigma(
            vm.parseJsonAddress(json, ".publicData.auctionHouse"),
            _bytes32(".publicData.roundId"),
            d,
            _bytes32(".publicData.beta")
        );
        uint256[] memory sigma = vm.parseJsonUintArray(json, ".publicData.sigma");
        assertEq(s0, sigma[0]);
        assertEq(s1, sigma[1]);
    }

    function test_a_rounds_identity_agrees() public view {
        bytes32 snapshotHash = keccak256(abi.encodePacked(_part("features"), _uint(".publicData.reference")));
        assertEq(snapshotHash, _bytes32(".publicData.snapshotHash"));
        bytes32 slotsHash = keccak256(_part("slots"));
        assertEq(slotsHash, _bytes32(".publicData.slotsHash"));
        bytes32 id = keccak256(
            abi.encode(
                uint256(31337),
                vm.parseJsonAddress(json, ".publicData.auctionHouse"),
                _bytes32(".publicData.market"),
                vm.parseJsonAddress(json, ".publicData.opener"),
                _bytes32(".publicData.parentBlockHash"),
                _uint(".publicData.counter"),
                snapshotHash,
                slotsHash
            )
        );
        assertEq(id, _bytes32(".publicData.roundId"));
    }

    function openLeaf(bytes calldata claims, bytes32[5] calldata siblings)
        external
        pure
        returns (bytes32 root, bytes32 leaf, bytes32 from)
    {
        Result memory r = ResultsLib.read(claims, 3);
        return (ResultsLib.rootOf(claims), ResultsLib.leaf(3, r), ResultsLib.rootFrom(3, r, siblings));
    }

    function test_the_results_tree_agrees() public view {
        bytes32[] memory proof = vm.parseJsonBytes32Array(json, ".publicData.proof3");
        bytes32[5] memory siblings;
        for (uint256 i; i < 5; ++i) {
            siblings[i] = proof[i];
        }
        (bytes32 root, bytes32 leaf, bytes32 from) = this.openLeaf(_part("claims"), siblings);
        assertEq(leaf, _bytes32(".publicData.leaf3"));
        assertEq(root, _bytes32(".publicData.resultsRoot"));
        assertEq(from, root);
    }
}
