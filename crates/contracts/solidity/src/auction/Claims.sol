// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {AuctionStorage} from "./AuctionStorage.sol";
import {IAuctionEnd} from "../interfaces/IAuctionHouse.sol";
import {OptionsLib} from "../libraries/OptionsLib.sol";

/// @title Shares of surplus, collected by those they belong to
/// @dev Tokens held here are claims and nothing else. A token that shrinks balances (rebasing) can leave claims in it
///      uncovered; nobody else's token pays for them, and no fill takes from them.
abstract contract Claims is AuctionStorage, IAuctionEnd {
    /// @inheritdoc IAuctionEnd
    function setProtocolShare(uint16 bips, address treasury_) external onlyOwner {
        if (bips > OptionsLib.MAX_SHARE_BIPS || (bips != 0 && treasury_ == address(0))) {
            revert BadShare(bips, treasury_);
        }
        (_protocolShareBips, _treasury) = (bips, treasury_);
        emit ProtocolShareChanged(bips, treasury_);
    }

    /// @inheritdoc IAuctionEnd
    function claim(address token, address to) external nonReentrant returns (uint256 amount) {
        amount = _claimable[token][msg.sender];
        _claimable[token][msg.sender] = 0;
        emit Claimed(token, msg.sender, to, amount);
        SafeTransferLib.safeTransfer(token, to, amount);
    }
}
