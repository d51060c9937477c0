// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Intent} from "../interfaces/IAuctionHouse.sol";
import {IPermit2Witness} from "../interfaces/IPermit2Witness.sol";

/// @title EIP-712 hash of an intent, and its use as Permit2 witness
library IntentLib {
    bytes internal constant INTENT_TYPE =
        "Intent(address owner,address recipient,address sellToken,address buyToken,uint256 sellAmount,uint256 minBuyAmount,uint64 validFrom,uint64 deadline,uint256 nonce,bytes32 market,bytes32 appData)";
    bytes32 internal constant INTENT_TYPEHASH = keccak256(INTENT_TYPE);

    /// @dev What Permit2 appends to its own type's stub, so that wallets show the intent field by field.
    string internal constant WITNESS_TYPE_STRING =
        "Intent witness)Intent(address owner,address recipient,address sellToken,address buyToken,uint256 sellAmount,uint256 minBuyAmount,uint64 validFrom,uint64 deadline,uint256 nonce,bytes32 market,bytes32 appData)TokenPermissions(address token,uint256 amount)";

    /// @dev Type of what an owner signs, under Permit2's domain.
    bytes32 internal constant PERMIT_TYPEHASH = keccak256(
        bytes.concat(
            "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,",
            bytes(WITNESS_TYPE_STRING)
        )
    );

    /// @notice EIP-712 struct hash. All fields are static, so the ABI encoding is the EIP-712 encoding.
    function hash(Intent calldata intent) internal pure returns (bytes32) {
        return keccak256(abi.encode(INTENT_TYPEHASH, intent));
    }

    /// @notice What a slot commits to.
    function slotCommitment(bytes32 intentHash, bytes32 blinding) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(intentHash, blinding));
    }

    /// @notice The call that spends an intent: `amount` of what it sells straight to `to`.
    function permitCall(Intent calldata intent, address to, uint256 amount, bytes calldata signature)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(
            IPermit2Witness.permitWitnessTransferFrom,
            (
                IPermit2Witness.PermitTransferFrom({
                    permitted: IPermit2Witness.TokenPermissions({token: intent.sellToken, amount: intent.sellAmount}),
                    nonce: intent.nonce,
                    deadline: intent.deadline
                }),
                IPermit2Witness.SignatureTransferDetails({to: to, requestedAmount: amount}),
                intent.owner,
                hash(intent),
                WITNESS_TYPE_STRING,
                signature
            )
        );
    }
}
