// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {InventoryExecutor} from "../src/executors/InventoryExecutor.sol";
import {IProofVerifier} from "../src/interfaces/IProofVerifier.sol";
import {CommitState, IAuctionEvents, Intent, Result, SettleRequest} from "../src/interfaces/IAuctionHouse.sol";
import {FeatureLib} from "../src/libraries/FeatureLib.sol";
import {KeySet} from "../src/auction/KeySet.sol";
import {QuoteMath} from "../src/libraries/QuoteMath.sol";

/// A settlement with nothing put in anybody's place: the generated verifier of the fast profile, and a proof of the round that
/// is opened here, over two sheets that were merged. `make verifier` writes the proof (test/vectors/settlement.json); whatever
/// changes the round (addresses, markets, feeds) asks for a new one.
contract SettlementTest is Fixture {
    string internal constant VECTOR = "test/vectors/settlement.json";
    string internal _json;

    function setUp() public override {
        super.setUp();
        if (vm.isFile(VECTOR)) _json = vm.readFile(VECTOR);
        // the fixture's verifier answers as it is told; this one does not
        address identity = deployCode("WrapIdentity.sol:WrapIdentity");
        verifierReal = IProofVerifier(deployCode("WrapVerifier.sol:WrapVerifier", abi.encode(identity)));
        vm.etch(address(verifier), address(verifierReal).code);
        KeySet keys = KeySet(address(house));
        keys.proposeKeySetRoot(bytes(_json).length == 0 ? bytes32(uint256(1)) : _word(".keySetRoot"));
        vm.warp(vm.getBlockTimestamp() + 1 days);
        keys.applyKeySetRoot();
        aggregator.post(2000e8);
        _observe(8);
    }

    IProofVerifier internal verifierReal;

    function _word(string memory at_) internal view returns (bytes32) {
        return vm.parseJsonBytes32(_json, at_);
    }

    function _sheet(uint256 i, string memory name) internal pure returns (string memory) {
        return string.concat(".sheets[", vm.toString(i), "].", name);
    }

    /// @dev Two strategies that are active, then a round of three intents.
    function _opened() internal returns (Run memory run) {
        if (bytes(_json).length != 0) {
            for (uint256 i; i < 2; ++i) {
                address owner = vm.parseJsonAddress(_json, _sheet(i, "owner"));
                InventoryExecutor own = new InventoryExecutor(address(house), owner);
                _fund(address(own), 100);
                vm.deal(owner, 20 ether);
                vm.startPrank(owner);
                bytes32 id = registry.register{value: 10 ether}(
                    market,
                    uint32(vm.parseJsonUint(_json, _sheet(i, "class"))),
                    _word(_sheet(i, "modelCommitment")),
                    address(own),
                    address(0),
                    -4_000,
                    4_000
                );
                registry.activate(id);
                vm.stopPrank();
                assertEq(id, _word(_sheet(i, "strategy")));
            }
        }
        _observe(8);
        Intent[] memory intents = new Intent[](3);
        intents[0] = _intent(0, BASE, 1, 1);
        intents[1] = _intent(1, 2000 * QUOTE, 1, 2);
        intents[2] = _intent(0, 3 * BASE, 1, 3);
        run = _open(intents);
    }

    /// @dev In the settle window, both committed.
    function _committed() internal returns (Run memory run, SettleRequest memory request) {
        run = _opened();
        assertEq(run.id, _word(".round"), "another round than that of the proof; run `make verifier`");
        for (uint256 i; i < 2; ++i) {
            vm.prank(vm.parseJsonAddress(_json, _sheet(i, "owner")));
            house.commit(run.id, _word(_sheet(i, "strategy")), _word(_sheet(i, "commitment")));
        }
        _toSettle(run);
        request = SettleRequest({
            roundId: run.id,
            features: run.features,
            slots: run.slots,
            claims: vm.parseJsonBytes(_json, ".claims"),
            commitIndices: _indices(0, 1),
            beta: _word(".beta"),
            proof: vm.parseJsonBytes(_json, ".proof"),
            stored: ""
        });
        run.results = this.results(request.claims);
    }

    function results(bytes calldata claims) external pure returns (Result[] memory list) {
        list = new Result[](32);
        for (uint256 i; i < 32; ++i) {
            bytes calldata own = claims[12 * i:12 * i + 12];
            list[i] = Result(uint32(bytes4(own)), uint32(bytes4(own[4:])), uint32(bytes4(own[8:])));
        }
    }

    /// Prints what the proof has to be made for.
    function test_the_round_of_the_vector_is_the_one_that_is_opened() public {
        Run memory run = _opened();
        bytes memory d = bytes.concat(run.id, bytes32(0), run.features, run.slots, new bytes(384 + 1088));
        assertEq(d.length, 3200);
        emit log_named_bytes("round", d);
        emit log_named_address("house", address(house));
    }

    function test_a_merged_tournament_settles_by_its_proof_and_is_filled() public {
        (Run memory run, SettleRequest memory request) = _committed();
        house.settle(request);
        for (uint32 i; i < 2; ++i) {
            assertEq(uint8(house.getCommit(run.id, i).state), uint8(CommitState.Covered));
        }
        _toFill(run);
        uint256 referenceQ128 = house.getRound(run.id).referenceQ128;
        for (uint8 slot; slot < 3; ++slot) {
            assertTrue(run.results[slot].winner == 1 || run.results[slot].winner == 2);
            assertLe(run.results[slot].second, run.results[slot].best);
            uint256 direction = slot % 2;
            uint256 before = direction == 0 ? quote.balanceOf(trader) : base.balanceOf(trader);
            assertTrue(house.fill(_fillRequest(run, slot)));
            uint256 paid = (direction == 0 ? quote.balanceOf(trader) : base.balanceOf(trader)) - before;
            int32 pips = FeatureLib.uncarry(run.results[slot].best);
            assertEq(paid, QuoteMath.amountOut(direction, run.intents[slot].sellAmount, referenceQ128, pips));
        }
    }

    /// The proof says what it says: other winners, other quotes, fewer sheets, another chain, a changed byte, nothing of it.
    function test_nothing_else_settles_by_that_proof() public {
        (Run memory run, SettleRequest memory request) = _committed();
        uint256[5] memory places = [uint256(0), 3, 7, 11, 12];
        for (uint256 i; i < 5; ++i) {
            request.claims[places[i]] ^= 0x01;
            _refused(request);
            request.claims[places[i]] ^= 0x01;
        }
        request.commitIndices = _indices(0);
        _refused(request);
        request.commitIndices = _indices(0, 1);
        request.beta = bytes32(uint256(request.beta) ^ 1);
        _refused(request);
        request.beta = bytes32(uint256(request.beta) ^ 1);
        for (uint256 i; i < 8; ++i) {
            uint256 at_ = uint256(keccak256(abi.encode(i))) % request.proof.length;
            request.proof[at_] ^= 0x01;
            _refused(request);
            request.proof[at_] ^= 0x01;
        }
        vm.chainId(1);
        _refused(request);
        vm.chainId(31337);
        assertEq(house.getRound(run.id).resultsRoot, 0);
        house.settle(request);
    }

    function _refused(SettleRequest memory request) internal {
        (bool ok, bytes memory reason) = address(house).call(abi.encodeCall(house.settle, (request)));
        assertFalse(ok);
        bytes4 selector = bytes4(reason);
        assertTrue(
            selector == IAuctionEvents.ProofRejected.selector || selector == IAuctionEvents.QuoteOutOfRange.selector
        );
    }
}
