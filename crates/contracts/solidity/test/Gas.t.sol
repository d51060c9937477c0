// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Fixture} from "./support/Fixture.sol";
import {RealVerifier} from "./support/RealVerifier.sol";
import {IAuctionHouse, FillRequest, Intent, SettleRequest} from "../src/interfaces/IAuctionHouse.sol";

/// @notice What calls cost, as transactions of their own: run with `--isolate`. `make gas` reads the snapshots.
contract GasTest is Fixture {
    /// @dev One round of 32 intents that the strategy has won all.
    function _wonRound() private returns (Run memory run) {
        Intent[] memory intents = new Intent[](32);
        for (uint256 i; i < 32; ++i) {
            intents[i] = _intent(i % 2, i % 2 == 0 ? BASE : 2000 * QUOTE, 1, i + 1);
        }
        _observe(8);
        run = _open(intents);
        _commit(run, solver, strategy);
        for (uint256 i; i < 32; ++i) {
            run.results[i] = _result(int32(uint32(1000 + i)), 100, 1);
        }
        _toSettle(run);
    }

    function _settle(string memory profile, string memory name) private {
        bytes memory call = vm.parseBytes(vm.readFile(string.concat("test/vectors/verifier/", name, ".calldata")));
        (uint256[8] memory inputs, bytes memory proof) = abi.decode(_tail(call), (uint256[8], bytes));
        address identity = deployCode(string.concat(profile, "Identity.sol:", profile, "Identity"));
        address real = deployCode(string.concat(profile, "Verifier.sol:", profile, "Verifier"), abi.encode(identity));

        (bool ok,) = real.call(call);
        assertTrue(ok);
        vm.snapshotValue("gas", string.concat(name, "_verify"), vm.lastCallGas().gasTotalUsed);
        vm.snapshotValue("gas", string.concat(name, "_verify_tokens"), _tokens(call));
        vm.snapshotValue("gas", string.concat(name, "_proof_bytes"), proof.length);

        vm.etch(address(verifier), address(new RealVerifier(real, inputs)).code);
        (ok,) = address(verifier).call(call);
        assertTrue(ok);
        vm.snapshotValue("gas", string.concat(name, "_stand_in"), vm.lastCallGas().gasTotalUsed);
        Run memory run = _wonRound();
        SettleRequest memory request = _settleRequest(run, _indices(0));
        request.proof = proof;
        address settler = makeAddr("settler");
        vm.deal(settler, 1 ether);
        vm.prank(settler);
        house.settle(request);
        vm.snapshotValue("gas", string.concat(name, "_settle"), vm.lastCallGas().gasTotalUsed);
        bytes memory data = abi.encodeCall(IAuctionHouse.settle, (request));
        vm.snapshotValue("gas", string.concat(name, "_settle_tokens"), _tokens(data));
        vm.snapshotValue("gas", string.concat(name, "_settle_bytes"), data.length);
    }

    /// @dev EIP-7623's tokens: one for a zero byte, four for another.
    function _tokens(bytes memory data) private pure returns (uint256 tokens) {
        for (uint256 i; i < data.length; ++i) {
            tokens += data[i] == 0 ? 1 : 4;
        }
    }

    function _tail(bytes memory call) private pure returns (bytes memory tail) {
        tail = new bytes(call.length - 4);
        for (uint256 i; i < tail.length; ++i) {
            tail[i] = call[i + 4];
        }
    }

    function test_gas_of_a_settlement_of_32_intents_with_a_fast_proof() public {
        _settle("Wrap", "wrap");
    }

    function test_gas_of_a_settlement_of_32_intents_with_a_compact_proof() public {
        _settle("Compact", "compact");
    }

    function test_gas_of_a_settlement_of_32_intents_with_a_compact_proof_of_16_queries() public {
        _settle("Compact16", "compact-16");
    }

    /// What a settlement costs more for each commitment that its proof covers; the proof stays as long as it is.
    function test_gas_of_a_further_sheet() public {
        (address rival, bytes32 rivalStrategy) = _rival("rival");
        uint256[2] memory costs;
        for (uint256 sheets = 1; sheets <= 2; ++sheets) {
            _observe(8);
            Run memory run = _openOne();
            _commit(run, solver, strategy);
            _commit(run, rival, rivalStrategy);
            run.results[0] = _result(1000, 100, 1);
            _toSettle(run);
            house.settle(_settleRequest(run, sheets == 1 ? _indices(0) : _indices(0, 1)));
            costs[sheets - 1] = vm.lastCallGas().gasTotalUsed;
        }
        // in one transaction the second round finds much of its storage warm: the difference means something in isolation only
        vm.snapshotValue("gas", "further_sheet", costs[1] > costs[0] ? costs[1] - costs[0] : 0);
    }

    /// All balances, nonces and allowances that a fill writes are in use before.
    function test_gas_of_a_fill_from_inventory() public {
        Run memory run = _wonRound();
        house.settle(_settleRequest(run, _indices(0)));
        _toFill(run);
        assertTrue(house.fill(_fillRequest(run, 0)));
        assertTrue(house.fill(_fillRequest(run, 1)));
        FillRequest memory request = _fillRequest(run, 2);
        assertTrue(house.fill(request));
        vm.snapshotValue("gas", "fill", vm.lastCallGas().gasTotalUsed);
        vm.snapshotValue("gas", "fill_tokens", _tokens(abi.encodeCall(IAuctionHouse.fill, (request))));
        // the transfers alone: the trader's tokens to the executor, the executor's to the trader
        vm.prank(trader);
        base.transfer(address(executor), BASE);
        vm.snapshotValue("gas", "transfer_base", vm.lastCallGas().gasTotalUsed);
        vm.prank(address(executor));
        quote.transfer(trader, 2000 * QUOTE);
        vm.snapshotValue("gas", "transfer_quote", vm.lastCallGas().gasTotalUsed);
    }
}
