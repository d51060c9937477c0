// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {SlotChecks} from "./SlotChecks.sol";
import {IAuctionEnd, Round, FillRequest} from "../interfaces/IAuctionHouse.sol";
import {MarketParams} from "../interfaces/IMarkets.sol";
import {IPermit2Witness} from "../interfaces/IPermit2Witness.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";
import {QuoteMath} from "../libraries/QuoteMath.sol";

/// @title Slots that cannot be filled because of their trader
/// @dev The fee for an unfilled slot is the winner's where the opener left out what could be filled. Where the trader is the
///      reason, the winner may be the trader, so nobody gets it: half is burned and half stays the opener's. Burning
///      half keeps a price on rounds in which the opener is the trader and only wants to see quotes.
abstract contract Voiding is SlotChecks, IAuctionEnd {
    /// @inheritdoc IAuctionEnd
    function voidSlot(FillRequest calldata request) external nonReentrant {
        Round storage r = _round(request.roundId);
        if (msg.sender != r.opener) revert NotOpener(request.roundId, msg.sender);
        _checkWindow(uint256(r.settleEnd) + 1, r.fillEnd);
        _checkResult(r, request);
        _checkOpening(r, request);
        MarketParams memory p = _markets.params(r.market);
        if (!_unfillable(r, request, p)) revert SlotIsFillable(request.slot);
        r.closedSlots |= uint32(1) << request.slot;
        uint256 burned = p.unfilledFee / 2;
        _burnedFees[request.roundId] += burned;
        emit SlotVoided(request.roundId, request.slot, burned);
        if (burned != 0) SafeTransferLib.forceSafeTransferETH(BURN, burned, PAYMENT_GAS);
    }

    /// @dev True for an intent whose nonce is spent, whose owner lacks what is sold, or whose limit the winner misses.
    function _unfillable(Round storage r, FillRequest calldata request, MarketParams memory p)
        private
        view
        returns (bool)
    {
        address owner = request.intent.owner;
        uint256 nonce = request.intent.nonce;
        if (IPermit2Witness(_permit2).nonceBitmap(owner, nonce >> 8) >> (nonce & 0xff) & 1 == 1) return true;
        if (_held(request.intent) < _leastAmount(request.intent)) return true;
        uint256 direction = _direction(request.intent, p);
        int32 best = FeatureLib.uncarry(request.result.best);
        uint256 offered = QuoteMath.amountOut(direction, request.intent.sellAmount, r.referenceQ128, best);
        return offered < request.intent.minBuyAmount;
    }
}
