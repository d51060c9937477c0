// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "solady/utils/ReentrancyGuardTransient.sol";
import {IAuctionEvents, Round, Commit} from "../interfaces/IAuctionHouse.sol";
import {KeySet} from "./KeySet.sol";
import {IMarkets} from "../interfaces/IMarkets.sol";
import {IStrategyRegistry} from "../interfaces/IStrategyRegistry.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";

/// @title What the parts of the auction house share
/// @dev Front and end of the auction house are two contracts with this one storage; nothing else may declare any. Coins held
///      here are the openers' escrows of rounds that are not closed; bonds are in the registry. Nothing is
///      computed from the balance, so coins forced in change nothing.
abstract contract AuctionStorage is IAuctionEvents, KeySet, ReentrancyGuardTransient {
    /// @dev Slots of a round.
    uint256 internal constant SLOTS = 32;
    /// @dev Bytes of a slot: commitment and four features.
    uint256 internal constant SLOT_SIZE = 48;
    /// @dev Enough for a contract wallet to take coins; what fails within it is forced through.
    uint256 internal constant PAYMENT_GAS = 100_000;
    /// @dev Where burned fees go.
    address internal constant BURN = 0x000000000000000000000000000000000000dEaD;

    IMarkets internal immutable _markets;
    IStrategyRegistry internal immutable _registry;
    IProofVerifier internal immutable _verifier;
    address internal immutable _permit2;
    address internal immutable _wrappedCoin;

    /// @notice Rounds opened so far.
    uint256 public roundCount;
    mapping(bytes32 roundId => Round) internal _rounds;
    mapping(bytes32 roundId => mapping(uint256 index => Commit)) internal _commits;
    /// @dev Commit index plus one.
    mapping(bytes32 roundId => mapping(bytes32 strategyId => uint32)) internal _commitIndexOf;
    /// @dev What voided slots took from the opener's escrow.
    mapping(bytes32 roundId => uint256) internal _burnedFees;
    mapping(address token => mapping(address account => uint256)) internal _claimable;
    /// @dev The protocol's share of surplus in new rounds, in bips, and who may claim it.
    uint16 internal _protocolShareBips;
    address internal _treasury;

    constructor(
        IMarkets markets_,
        IStrategyRegistry registry_,
        IProofVerifier verifier_,
        address permit2_,
        address wrappedCoin_
    ) {
        _markets = markets_;
        _registry = registry_;
        _verifier = verifier_;
        _permit2 = permit2_;
        _wrappedCoin = wrappedCoin_;
    }

    /// @dev The guard is in transient storage on every chain.
    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }

    function _round(bytes32 roundId) internal view returns (Round storage r) {
        r = _rounds[roundId];
        if (r.openedAt == 0) revert UnknownRound(roundId);
    }

    /// @dev The block must be in [from, to].
    function _checkWindow(uint256 from, uint256 to) internal view {
        if (block.number < from || block.number > to) revert OutsideWindow(block.number, from, to);
    }

    function _checkLength(bytes32 what, uint256 got, uint256 expected) internal pure {
        if (got != expected) revert WrongLength(what, got, expected);
    }
}
