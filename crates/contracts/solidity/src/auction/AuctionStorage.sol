// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuard} from "solady/utils/ReentrancyGuard.sol";
import {IAuctionHouse, Round, Commit} from "../interfaces/IAuctionHouse.sol";
import {IMarkets} from "../interfaces/IMarkets.sol";
import {IStrategyRegistry} from "../interfaces/IStrategyRegistry.sol";
import {IProofVerifier} from "../interfaces/IProofVerifier.sol";

/// @title What the parts of the auction house share
/// @dev Coins held here are the openers' escrows of rounds that are not closed; bonds are in the registry. Nothing is
///      computed from the balance, so coins forced in change nothing.
abstract contract AuctionStorage is IAuctionHouse, ReentrancyGuard {
    /// @dev Slots of a round.
    uint256 internal constant SLOTS = 32;
    /// @dev Bytes of a slot: commitment and four features.
    uint256 internal constant SLOT_SIZE = 48;
    /// @dev Enough for a contract wallet to take coins; what fails within it is forced through.
    uint256 internal constant PAYMENT_GAS = 100_000;

    IMarkets internal immutable _markets;
    IStrategyRegistry internal immutable _registry;
    IProofVerifier internal immutable _verifier;
    address internal immutable _permit2;

    /// @notice Rounds opened so far.
    uint256 public roundCount;
    mapping(bytes32 roundId => Round) internal _rounds;
    mapping(bytes32 roundId => mapping(uint256 index => Commit)) internal _commits;
    /// @inheritdoc IAuctionHouse
    mapping(bytes32 roundId => mapping(bytes32 strategyId => uint32)) public commitIndexOf;

    constructor(IMarkets markets_, IStrategyRegistry registry_, IProofVerifier verifier_, address permit2_) {
        _markets = markets_;
        _registry = registry_;
        _verifier = verifier_;
        _permit2 = permit2_;
    }

    /// @inheritdoc IAuctionHouse
    function getRound(bytes32 roundId) external view returns (Round memory) {
        return _rounds[roundId];
    }

    /// @inheritdoc IAuctionHouse
    function getCommit(bytes32 roundId, uint32 index) external view returns (Commit memory) {
        return _commits[roundId][index];
    }

    /// @inheritdoc IAuctionHouse
    function markets() external view returns (address) {
        return address(_markets);
    }

    /// @inheritdoc IAuctionHouse
    function registry() external view returns (address) {
        return address(_registry);
    }

    /// @inheritdoc IAuctionHouse
    function verifier() external view returns (address) {
        return address(_verifier);
    }

    /// @inheritdoc IAuctionHouse
    function permit2() external view returns (address) {
        return _permit2;
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
