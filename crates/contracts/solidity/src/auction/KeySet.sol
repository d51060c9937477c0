// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "solady/auth/Ownable.sol";
import {Canonical} from "../libraries/Canonical.sol";

/// @title Root of the allowed circuits, behind a timelock
/// @notice A round pins the root that holds when it opens, so a change never touches a running round.
abstract contract KeySet is Ownable {
    event KeySetProposed(bytes32 indexed root, uint64 readyAt);
    event KeySetCancelled(bytes32 indexed root);
    event KeySetChanged(bytes32 indexed root);

    error BadKeySetRoot(bytes32 root);
    error NoProposal();
    error KeySetNotReady(uint64 readyAt);

    /// @notice Seconds between a proposal and the earliest change.
    uint64 public immutable keySetDelay;
    /// @dev Read through the auction house's `keySetRoot`.
    bytes32 internal _keySetRoot;
    /// @notice Proposed root, zero for none.
    bytes32 public pendingKeySetRoot;
    /// @notice Unix time from which the proposal can be applied.
    uint64 public keySetReadyAt;

    constructor(address owner_, bytes32 root, uint64 delay) {
        _initializeOwner(owner_);
        _checkRoot(root);
        keySetDelay = delay;
        _keySetRoot = root;
        emit KeySetChanged(root);
    }

    /// @notice Proposes a root, in place of an earlier proposal; the delay starts again.
    function proposeKeySetRoot(bytes32 root) external onlyOwner {
        _checkRoot(root);
        pendingKeySetRoot = root;
        keySetReadyAt = uint64(block.timestamp) + keySetDelay;
        emit KeySetProposed(root, keySetReadyAt);
    }

    /// @notice Withdraws the proposal.
    function cancelKeySetRoot() external onlyOwner {
        if (pendingKeySetRoot == 0) revert NoProposal();
        emit KeySetCancelled(pendingKeySetRoot);
        delete pendingKeySetRoot;
    }

    /// @notice Applies the proposal once its time has come; by anyone.
    function applyKeySetRoot() external {
        bytes32 root = pendingKeySetRoot;
        if (root == 0) revert NoProposal();
        if (block.timestamp < keySetReadyAt) revert KeySetNotReady(keySetReadyAt);
        _keySetRoot = root;
        delete pendingKeySetRoot;
        emit KeySetChanged(root);
    }

    function _checkRoot(bytes32 root) private pure {
        if (root == 0 || !Canonical.isCanonical(root)) revert BadKeySetRoot(root);
    }
}
