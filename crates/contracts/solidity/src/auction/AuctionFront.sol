// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {AuctionStorage} from "./AuctionStorage.sol";
import {AuctionEnd} from "./AuctionEnd.sol";
import {IAuctionHouse, IAuctionEnd, Round, Commit, FillRequest} from "../interfaces/IAuctionHouse.sol";

/// @title The side of the auction house that is called: views, and the calls that its end answers
/// @dev Together they exceed the size of one contract's code. The end is created in the constructor and never changes; it
///      runs on this contract's storage.
abstract contract AuctionFront is AuctionStorage, IAuctionHouse {
    /// @notice Code that ends rounds; of no use when it is called itself.
    address public immutable end;

    constructor() {
        end = address(new AuctionEnd(_markets, _registry, _verifier, _permit2, _wrappedCoin, _keySetRoot, keySetDelay));
    }

    /// @dev Coins come in by name (bonds, rewards) or out of the wrapped coin, within a fill.
    receive() external payable {
        if (msg.sender != _wrappedCoin) revert UnexpectedCoins(msg.sender);
    }

    /// @inheritdoc IAuctionEnd
    function voidSlot(FillRequest calldata) external {
        _toEnd();
    }

    /// @inheritdoc IAuctionEnd
    function setProtocolShare(uint16, address) external {
        _toEnd();
    }

    /// @inheritdoc IAuctionEnd
    function claim(address, address) external returns (uint256) {
        _toEnd();
    }

    /// @inheritdoc IAuctionEnd
    function penalise(bytes32, uint32) external {
        _toEnd();
    }

    /// @inheritdoc IAuctionEnd
    function release(bytes32, uint32) external {
        _toEnd();
    }

    /// @inheritdoc IAuctionEnd
    function closeRound(bytes32, bytes calldata) external {
        _toEnd();
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

    /// @inheritdoc IAuctionHouse
    function commitIndexOf(bytes32 roundId, bytes32 strategyId) external view returns (uint32) {
        return _commitIndexOf[roundId][strategyId];
    }

    /// @inheritdoc IAuctionHouse
    function keySetRoot() external view returns (bytes32) {
        return _keySetRoot;
    }

    /// @inheritdoc IAuctionHouse
    function claimable(address token, address account) external view returns (uint256) {
        return _claimable[token][account];
    }

    /// @inheritdoc IAuctionHouse
    function protocolShareBips() external view returns (uint16) {
        return _protocolShareBips;
    }

    /// @inheritdoc IAuctionHouse
    function treasury() external view returns (address) {
        return _treasury;
    }

    /// @inheritdoc IAuctionHouse
    function wrappedCoin() external view returns (address) {
        return _wrappedCoin;
    }

    /// @dev Runs the call on the end's code, and answers with its answer.
    function _toEnd() private {
        (bool ok, bytes memory answer) = end.delegatecall(msg.data);
        assembly ("memory-safe") {
            // return or revert with the bytes as they came
            if ok { return(add(answer, 32), mload(answer)) }
            revert(add(answer, 32), mload(answer))
        }
    }
}
