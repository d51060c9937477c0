// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC1271} from "solady/accounts/ERC1271.sol";
import {Fixture} from "./support/Fixture.sol";
import {ContractTrader} from "./support/ContractTrader.sol";
import {FillRequest, Intent, IAuctionEvents} from "../src/interfaces/IAuctionHouse.sol";
import {IPermit2Witness} from "../src/interfaces/IPermit2Witness.sol";

interface VmLater {
    function setEvmVersion(string calldata version) external;
}

/// @notice A wallet of one key that binds signatures to itself, as solady's accounts do.
contract KeyWallet is ERC1271 {
    address internal immutable KEY;

    constructor(address key) {
        KEY = key;
    }

    function approve(address token, address spender) external {
        (bool ok,) = token.call(abi.encodeWithSignature("approve(address,uint256)", spender, type(uint256).max));
        require(ok, "approve");
    }

    function _erc1271Signer() internal view override returns (address) {
        return KEY;
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("KeyWallet", "1");
    }
}

/// @notice Code that a key's account delegates to: takes coins, answers no questions about signatures.
contract SilentDelegate {
    receive() external payable {}
}

/// @notice Code that a key's account delegates to: its own key signs.
contract SigningDelegate {
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s, uint8 v) =
            (bytes32(signature[:32]), bytes32(signature[32:64]), uint8(bytes1(signature[64:])));
        return ecrecover(digest, v, r, s) == address(this) ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

/// Who may own an intent, and what becomes of it.
contract OwnersTest is Fixture {
    bytes32 internal constant MAGIC_6492 = 0x6492649264926492649264926492649264926492649264926492649264926492;

    function _runOf(address owner) internal returns (Run memory run) {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, 0, 1);
        intents[0].owner = intents[0].recipient = owner;
        run = _open(intents);
        _commit(run, solver, strategy);
        run.results[0] = _result(1500, 0, 1);
        _settleAndMove(run, _indices(0));
    }

    function _assertRefused(FillRequest memory request, bytes4 reason) internal {
        uint256 bond = registry.account(strategy).bond;
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.PullFailed.selector, abi.encodeWithSelector(reason)));
        house.fill(request);
        assertEq(registry.account(strategy).bond, bond);
    }

    function _assertFilled(FillRequest memory request) internal {
        uint256 before = quote.balanceOf(request.intent.recipient);
        assertTrue(house.fill(request));
        assertEq(quote.balanceOf(request.intent.recipient) - before, 2003 * QUOTE);
    }

    // covers: S6
    function test_a_contract_owner_that_answers_once_yes_once_no_is_asked_at_the_fill() public {
        ContractTrader owner = new ContractTrader(address(permit2));
        _fund(address(owner), 10);
        owner.approve(address(base));
        Run memory run = _runOf(address(owner));
        owner.set(ContractTrader.Mode.Valid);
        owner.set(ContractTrader.Mode.Invalid);
        _assertRefused(_fillRequest(run, 0), bytes4(keccak256("InvalidContractSignature()")));
    }

    /// Two wallets of one key: the intent names its owner, so a signature moves the tokens of that wallet alone.
    // covers: S7
    function test_a_signature_for_one_wallet_of_a_key_is_none_for_its_sibling() public {
        ContractTrader first = new ContractTrader(address(permit2));
        ContractTrader second = new ContractTrader(address(permit2));
        _fund(address(second), 10);
        second.approve(address(base));
        Run memory run = _runOf(address(first));
        FillRequest memory request = _fillRequest(run, 0);
        request.intent.owner = address(second);
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.WrongOpening.selector, 0));
        house.fill(request);
    }

    // covers: S7
    function test_a_wallet_that_binds_signatures_to_itself_refuses_its_keys_plain_signature() public {
        // solady's accounts take a call without a gas price for one of a node, where they allow more
        vm.txGasPrice(1);
        KeyWallet wallet = new KeyWallet(trader);
        _fund(address(wallet), 10);
        wallet.approve(address(base), address(permit2));
        Run memory run = _runOf(address(wallet));
        _assertRefused(_fillRequest(run, 0), bytes4(keccak256("InvalidContractSignature()")));
    }

    /// A delegated key is an address with code: Permit2 asks the code, and a key's signature alone no longer counts.
    // covers: S8
    function test_a_delegated_key_signs_as_its_code_decides() public {
        VmLater(address(vm)).setEvmVersion("prague");
        Run memory run = _runOf(trader);
        FillRequest memory request = _fillRequest(run, 0);
        vm.etch(trader, abi.encodePacked(hex"ef0100", address(new SilentDelegate())));
        // no answer to isValidSignature: Permit2's call reverts without a reason
        vm.expectRevert(abi.encodeWithSelector(IAuctionEvents.PullFailed.selector, ""));
        house.fill(request);
        vm.etch(trader, abi.encodePacked(hex"ef0100", address(new SigningDelegate())));
        _assertFilled(request);
    }

    // covers: S8
    function test_a_key_that_ended_its_delegation_signs_as_before() public {
        VmLater(address(vm)).setEvmVersion("prague");
        Run memory run = _runOf(trader);
        vm.etch(trader, abi.encodePacked(hex"ef0100", address(new SilentDelegate())));
        vm.etch(trader, "");
        _assertFilled(_fillRequest(run, 0));
    }

    /// Permit2 does not unwrap ERC-6492: the wallet has to be deployed before the fill, and then signs as a contract.
    // covers: S9
    function test_a_counterfactual_owner_is_refused_until_it_is_deployed() public {
        bytes memory code = abi.encodePacked(type(ContractTrader).creationCode, abi.encode(address(permit2)));
        bytes32 salt = bytes32(uint256(1));
        address wallet = vm.computeCreate2Address(salt, keccak256(code), address(this));
        _fund(wallet, 10);
        Run memory run = _runOf(wallet);
        FillRequest memory request = _fillRequest(run, 0);
        bytes memory plain = request.signature;
        request.signature = bytes.concat(abi.encode(address(this), code, plain), MAGIC_6492);
        _assertRefused(request, bytes4(keccak256("InvalidSignatureLength()")));
        request.signature = plain;
        _assertRefused(request, bytes4(keccak256("InvalidSigner()")));
        ContractTrader owner = new ContractTrader{salt: salt}(address(permit2));
        assertEq(address(owner), wallet);
        owner.approve(address(base));
        _assertFilled(request);
    }

    // covers: S11 S13
    function test_whoever_comes_first_of_cancel_and_fill_wins() public {
        Run memory run = _runOf(trader);
        FillRequest memory request = _fillRequest(run, 0);
        uint256 snapshot = vm.snapshotState();
        _assertFilled(request);
        vm.prank(trader);
        permit2.invalidateUnorderedNonces(0, 2);
        assertEq(quote.balanceOf(trader), 2_002_003 * QUOTE);
        vm.revertToState(snapshot);
        vm.prank(trader);
        permit2.invalidateUnorderedNonces(0, 2);
        _assertRefused(request, bytes4(keccak256("InvalidNonce()")));
    }

    // covers: S12
    function test_one_intent_in_two_rounds_is_filled_in_one() public {
        Run memory first = _openOne();
        _commit(first, solver, strategy);
        Run memory second = _openOne();
        _commit(second, solver, strategy);
        first.results[0] = second.results[0] = _result(1500, 0, 1);
        _toSettle(second);
        house.settle(_settleRequest(first, _indices(0)));
        house.settle(_settleRequest(second, _indices(0)));
        _toFill(second);
        assertTrue(house.fill(_fillRequest(first, 0)));
        _assertRefused(_fillRequest(second, 0), bytes4(keccak256("InvalidNonce()")));
    }

    // covers: S14
    function test_amounts_at_the_edges_are_refused_or_filled_as_they_are() public {
        uint256[4] memory sells = [uint256(1), 1 << 128, (1 << 200) - 1, type(uint256).max];
        for (uint256 i; i < 4; ++i) {
            Intent[] memory intents = new Intent[](1);
            intents[0] = _intent(0, sells[i], 0, 10 + i);
            Run memory run = _open(intents);
            _commit(run, solver, strategy);
            run.results[0] = _result(1, 0, 1);
            _settleAndMove(run, _indices(0));
            FillRequest memory request = _fillRequest(run, 0);
            vm.expectRevert();
            house.fill(request);
            _observe(1);
        }
    }

    // covers: S14
    function test_a_limit_of_the_greatest_number_is_not_met() public {
        Intent[] memory intents = new Intent[](1);
        intents[0] = _intent(0, BASE, type(uint256).max, 1);
        Run memory run = _open(intents);
        _commit(run, solver, strategy);
        run.results[0] = _result(1, 0, 1);
        _settleAndMove(run, _indices(0));
        FillRequest memory request = _fillRequest(run, 0);
        vm.expectPartialRevert(IAuctionEvents.LimitNotMet.selector);
        house.fill(request);
    }

    // covers: C19
    function test_after_a_fork_a_signature_of_the_old_chain_is_none() public {
        Run memory run = _runOf(trader);
        FillRequest memory request = _fillRequest(run, 0);
        vm.chainId(777);
        _assertRefused(request, bytes4(keccak256("InvalidSigner()")));
        _assertFilled(_fillRequest(run, 0));
    }
}
