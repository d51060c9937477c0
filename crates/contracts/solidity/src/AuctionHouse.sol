// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AuctionStorage} from "./auction/AuctionStorage.sol";
import {KeySet} from "./auction/KeySet.sol";
import {Rounds} from "./auction/Rounds.sol";
import {Commits} from "./auction/Commits.sol";
import {Settlement} from "./auction/Settlement.sol";
import {Filling} from "./auction/Filling.sol";
import {IMarkets} from "./interfaces/IMarkets.sol";
import {IStrategyRegistry} from "./interfaces/IStrategyRegistry.sol";
import {IProofVerifier} from "./interfaces/IProofVerifier.sol";

/// @title The auction house
/// @notice See IAuctionHouse. Nothing in it can be replaced: verifier, registry, markets and Permit2 are fixed at
///         deployment; only the root of the allowed circuits changes, behind a timelock, and the protocol's share of
///         surplus, for rounds that open later.
contract AuctionHouse is Rounds, Commits, Settlement, Filling {
    error BadDependency(address dependency);

    /// @param owner_ Who proposes key-set roots.
    /// @param markets_ The markets that rounds are opened in.
    /// @param registry_ Strategies and bonds; it must be bound to this contract after deployment.
    /// @param verifier_ Verifier of wrapped proofs.
    /// @param permit2_ Permit2.
    /// @param wrappedCoin_ The wrapped coin that intents may have paid out as coins; zero for none.
    /// @param keySetRoot_ First root of the allowed circuits.
    /// @param keySetDelay_ Seconds between the proposal of a root and its earliest use.
    constructor(
        address owner_,
        IMarkets markets_,
        IStrategyRegistry registry_,
        IProofVerifier verifier_,
        address permit2_,
        address wrappedCoin_,
        bytes32 keySetRoot_,
        uint64 keySetDelay_
    ) AuctionStorage(markets_, registry_, verifier_, permit2_, wrappedCoin_) KeySet(owner_, keySetRoot_, keySetDelay_) {
        _requireCode(address(markets_));
        _requireCode(address(registry_));
        _requireCode(address(verifier_));
        _requireCode(permit2_);
        if (wrappedCoin_ != address(0)) _requireCode(wrappedCoin_);
    }

    function _requireCode(address dependency) private view {
        if (dependency.code.length == 0) revert BadDependency(dependency);
    }
}
