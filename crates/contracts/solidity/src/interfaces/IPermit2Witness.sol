// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title The part of Permit2 that a fill uses
/// @notice Deployed at 0x000000000022D473030F116dDEE9F6B43aC78BA3. Nonces are unordered: a trader cancels with
///         `invalidateUnorderedNonces`.
interface IPermit2Witness {
    struct TokenPermissions {
        address token;
        uint256 amount;
    }

    struct PermitTransferFrom {
        TokenPermissions permitted;
        uint256 nonce;
        uint256 deadline;
    }

    struct SignatureTransferDetails {
        address to;
        uint256 requestedAmount;
    }

    /// @notice Spends a signed permission whose witness is `witness`; the spender is the caller.
    function permitWitnessTransferFrom(
        PermitTransferFrom memory permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external;

    /// @notice Domain separator of the chain that the call runs on.
    function DOMAIN_SEPARATOR() external view returns (bytes32);

    /// @notice Words of 256 nonces each, a bit set for a nonce that is spent or cancelled.
    function nonceBitmap(address owner, uint256 wordPos) external view returns (uint256);

    /// @notice Marks nonces of the caller as used.
    function invalidateUnorderedNonces(uint256 wordPos, uint256 mask) external;
}
