// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {LibCall} from "solady/utils/LibCall.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {AuctionFront} from "./AuctionFront.sol";
import {SlotChecks} from "./SlotChecks.sol";
import {IAuctionHouse, Round, Commit, Result, Intent, FillRequest} from "../interfaces/IAuctionHouse.sol";
import {IExecutor, FillOrder} from "../interfaces/IExecutor.sol";
import {MarketParams, Pricing} from "../interfaces/IMarkets.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";
import {IWrappedCoin} from "../interfaces/IWrappedCoin.sol";
import {IntentLib} from "../libraries/IntentLib.sol";
import {Options, OptionsLib} from "../libraries/OptionsLib.sol";
import {PublicData} from "../libraries/PublicData.sol";
import {QuoteMath} from "../libraries/QuoteMath.sol";

/// @title Fills: the winner delivers, or its bond pays
abstract contract Filling is AuctionFront, SlotChecks {
    /// @dev Gas for the steps from the gas check to the call itself, and for measuring and paying afterwards.
    uint256 internal constant GAS_MARGIN = 150_000;
    /// @dev Bytes of a failure that are passed on.
    uint16 internal constant MAX_REASON = 1024;

    /// @notice The executor failed or delivered short; only the auction house sees it, and undoes the trade by it.
    error TradeDefaulted();

    /// @notice What a fill comes down to once all of it is checked but the movement of tokens. Static, so that it can be
    ///         appended to the calldata of `fill`.
    struct Terms {
        bytes32 strategyId;
        address executor;
        uint256 executorGas;
        /// @dev What is sold, and what is due for it.
        uint256 sells;
        uint256 due;
        uint256 protocolShareBips;
    }

    /// @dev Bytes of encoded `Terms`.
    uint256 internal constant TERMS_SIZE = 192;

    /// @inheritdoc IAuctionHouse
    function fill(FillRequest calldata request) external nonReentrant returns (bool filled) {
        Round storage r = _round(request.roundId);
        _checkWindow(uint256(r.settleEnd) + 1, r.fillEnd);
        _checkResult(r, request);
        MarketParams memory p = _markets.params(r.market);
        Commit storage c = _commits[request.roundId][request.result.winner - 1];
        Terms memory terms;
        terms.sells = _sellable(request.intent);
        uint256 direction = _checkIntent(r, request, terms.sells, p);
        terms.due = _due(direction, request.intent, terms.sells, request.result, r.referenceQ128, p);
        r.closedSlots |= uint32(1) << request.slot;

        (terms.strategyId, terms.executor, terms.executorGas) = (c.strategyId, c.executor, p.executorGas);
        terms.protocolShareBips = r.protocolShareBips;
        // the request as it came, and the terms behind it: nothing has to be encoded anew
        (bool ok, bytes memory answer) =
            address(this).call(abi.encodePacked(this.executeTrade.selector, msg.data[4:], abi.encode(terms)));
        if (ok) {
            _announceFill(request, terms, abi.decode(answer, (uint256)));
            return true;
        }
        if (!_isDefault(answer)) LibCall.bubbleUpRevert(answer);
        ++c.defaults;
        _compensate(request, terms, direction, r.referenceQ128, p);
    }

    /// @notice Moves the tokens of one trade. Called by the auction house itself, so that a default undoes all of it; encoded
    ///         `Terms` follow the request.
    /// @return paid What the recipient got: all that the executor delivered, less the shares of the surplus.
    function executeTrade(FillRequest calldata request) external returns (uint256 paid) {
        if (msg.sender != address(this)) revert OnlySelf();
        Terms memory terms = abi.decode(msg.data[msg.data.length - TERMS_SIZE:], (Terms));
        _pull(request, terms);
        address buyToken = request.intent.buyToken;
        uint256 held = SafeTransferLib.balanceOf(buyToken, address(this));
        _callExecutor(request, terms);
        uint256 received = SafeTransferLib.balanceOf(buyToken, address(this));
        // a token that shrinks what is held while it delivers has delivered nothing
        if (received < held || received - held < terms.due) revert TradeDefaulted();
        paid = received - held;
        Options memory o = OptionsLib.read(request.intent.appData);
        if (paid > terms.due) paid -= _share(request, o, terms.protocolShareBips, paid - terms.due);
        if (o.paysCoins) _payCoins(buyToken, request.intent.recipient, paid);
        else _pay(buyToken, request.intent.recipient, paid, terms.due);
    }

    /// @inheritdoc IAuctionHouse
    function amountDue(bytes32 roundId, Intent calldata intent, Result calldata result)
        external
        view
        returns (uint256)
    {
        Round storage r = _round(roundId);
        MarketParams memory p = _markets.params(r.market);
        return _due(_direction(intent, p), intent, intent.sellAmount, result, r.referenceQ128, p);
    }

    /// @inheritdoc IAuctionHouse
    function hashIntent(Intent calldata intent) external pure returns (bytes32) {
        return IntentLib.hash(intent);
    }

    /// @dev The intent opens the slot, its features are the ones that were quoted on, and the market takes it.
    /// @param sells What is sold of it.
    function _checkIntent(Round storage r, FillRequest calldata request, uint256 sells, MarketParams memory p)
        private
        view
        returns (uint256 direction)
    {
        Intent calldata intent = request.intent;
        _checkOpening(r, request);
        if (intent.market != r.market) revert WrongMarket(intent.market, r.market);
        direction = _direction(intent, p);
        bytes16 features = bytes16(request.slots[uint256(request.slot) * SLOT_SIZE + 32:]);
        if (features != FeatureLib.slotFeatures(intent, direction)) revert WrongFeatures(request.slot);
        if (block.timestamp < intent.validFrom || block.timestamp > intent.deadline) {
            revert IntentExpired(intent.validFrom, intent.deadline);
        }
        if (intent.recipient == address(0) || intent.recipient == address(this)) revert BadRecipient(intent.recipient);
        uint256 notional = QuoteMath.notional(direction, sells, r.referenceQ128);
        if (notional < p.minNotional || notional > p.maxNotional) revert SizeOutOfRange(notional);
    }

    /// @dev What a fill sells: all of it, or what the owner has of an intent that allows a partial fill. The amount follows
    ///      from balance and allowance, nobody chooses it: a winner or a filler who could would deliver only as much as
    ///      suits them. With less than the least share, all of it is asked for, and Permit2 refuses.
    function _sellable(Intent calldata intent) private view returns (uint256) {
        uint256 least = _leastAmount(intent);
        if (least == intent.sellAmount) return least;
        uint256 held = FixedPointMathLib.min(_held(intent), intent.sellAmount);
        return held < least ? intent.sellAmount : held;
    }

    /// @dev What the winner owes for `sells`, at least the limit's part of it. The second price is the highest of
    ///      second-best, reserve and the trader's minimum, taken as amounts (which is exact), and never more than the
    ///      winner's own quote.
    function _due(
        uint256 direction,
        Intent calldata intent,
        uint256 sells,
        Result calldata result,
        uint256 referenceQ128,
        MarketParams memory p
    ) private pure returns (uint256 amount) {
        int32 best = FeatureLib.uncarry(result.best);
        if (best < p.reserveQuote) revert BelowReserve(best, p.reserveQuote);
        uint256 least = intent.minBuyAmount;
        if (sells != intent.sellAmount) least = FixedPointMathLib.fullMulDivUp(least, sells, intent.sellAmount);
        amount = QuoteMath.amountOut(direction, sells, referenceQ128, best);
        if (amount < least) revert LimitNotMet(amount, least);
        if (p.pricing == Pricing.FirstPrice) return amount;
        int32 second = FeatureLib.uncarry(result.second);
        if (second < p.reserveQuote) second = p.reserveQuote;
        uint256 lower = QuoteMath.amountOut(direction, sells, referenceQ128, second);
        return FixedPointMathLib.min(amount, FixedPointMathLib.max(lower, least));
    }

    /// @dev Sell tokens go from the trader straight to the executor; it must get exactly the amount.
    function _pull(FillRequest calldata request, Terms memory terms) private {
        address sellToken = request.intent.sellToken;
        uint256 before = SafeTransferLib.balanceOf(sellToken, terms.executor);
        bytes memory data = IntentLib.permitCall(request.intent, terms.executor, terms.sells, request.signature);
        // what the token or a contract signer reverts with is wrapped, so that it cannot pass for a default
        (bool ok,, bytes memory reason) = LibCall.tryCall(_permit2, 0, gasleft(), MAX_REASON, data);
        if (!ok) revert PullFailed(reason);
        if (SafeTransferLib.balanceOf(sellToken, terms.executor) != before + terms.sells) {
            revert PullFailed("");
        }
    }

    /// @dev The call forwards at most 63/64 of the gas that is left, so that much must be there, or a caller could
    ///      starve the executor and have its bond taken.
    function _callExecutor(FillRequest calldata request, Terms memory terms) private {
        bytes memory data = abi.encodeCall(
            IExecutor.onFill,
            (
                terms.strategyId,
                FillOrder({
                    roundId: request.roundId,
                    slot: request.slot,
                    sellToken: request.intent.sellToken,
                    buyToken: request.intent.buyToken,
                    sellAmount: terms.sells,
                    buyAmount: terms.due
                })
            )
        );
        uint256 needed = terms.executorGas * 64 / 63 + GAS_MARGIN;
        if (gasleft() < needed) revert InsufficientGas(gasleft(), needed);
        (bool ok,,) = LibCall.tryCall(terms.executor, 0, terms.executorGas, 0, data);
        if (!ok) revert TradeDefaulted();
    }

    /// @dev The recipient must end up with what is due, whatever the token does on the way.
    function _pay(address token, address recipient, uint256 amount, uint256 due) private {
        uint256 before = SafeTransferLib.balanceOf(token, recipient);
        bytes memory data = abi.encodeWithSignature("transfer(address,uint256)", recipient, amount);
        (bool ok,,) = LibCall.tryCall(token, 0, gasleft(), 0, data);
        if (!ok || SafeTransferLib.balanceOf(token, recipient) < before + due) revert PaymentFailed();
    }

    /// @dev Unwraps what is due and pays it as coins; the recipient's contract gets a bounded amount of gas.
    function _payCoins(address token, address recipient, uint256 amount) private {
        if (token != _wrappedCoin) revert NotWrappedCoin(token);
        IWrappedCoin(token).withdraw(amount);
        if (!SafeTransferLib.trySafeTransferETH(recipient, amount, PAYMENT_GAS)) revert PaymentFailed();
    }

    /// @dev Credits integrator and protocol with their shares of a surplus, rounded for the trader.
    function _share(FillRequest calldata request, Options memory o, uint256 protocolBips, uint256 surplus)
        private
        returns (uint256 shared)
    {
        shared = _credit(request, o.integrator, surplus, o.integratorBips);
        shared += _credit(request, _treasury, surplus, protocolBips);
    }

    /// @dev Credits an account with its share of a surplus, rounded down.
    function _credit(FillRequest calldata request, address account, uint256 surplus, uint256 bips)
        private
        returns (uint256 amount)
    {
        amount = FixedPointMathLib.fullMulDiv(surplus, bips, OptionsLib.ONE_IN_BIPS);
        if (amount == 0) return 0;
        address token = request.intent.buyToken;
        _claimable[token][account] += amount;
        emit ClaimCredited(request.roundId, account, token, request.slot, amount);
    }

    /// @dev The recipient gets the improvement over the reference price that was due, in coins at the market's fixed
    ///      rate, at most the slot bond; the rest of the slot bond is burned.
    function _compensate(
        FillRequest calldata request,
        Terms memory terms,
        uint256 direction,
        uint256 referenceQ128,
        MarketParams memory p
    ) private {
        uint256 atReference = QuoteMath.amountOut(direction, terms.sells, referenceQ128, 0);
        uint256 improvement =
            QuoteMath.inQuoteToken(direction, FixedPointMathLib.zeroFloorSub(terms.due, atReference), referenceQ128);
        // both factors are bounded, so that no amount can make this overflow
        improvement = FixedPointMathLib.min(improvement, type(uint128).max);
        uint256 payment = FixedPointMathLib.fullMulDiv(improvement, p.bondPerQuoteQ128, 1 << 128);
        payment = FixedPointMathLib.min(payment, p.slotBond);
        emit Defaulted(
            request.roundId,
            terms.strategyId,
            IntentLib.hash(request.intent),
            request.slot,
            payment,
            p.slotBond - payment
        );
        _registry.slash(terms.strategyId, p.slotBond, request.intent.recipient, payment, true);
    }

    function _announceFill(FillRequest calldata request, Terms memory terms, uint256 paid) private {
        emit Filled(
            request.roundId,
            terms.strategyId,
            IntentLib.hash(request.intent),
            request.slot,
            request.intent.recipient,
            terms.sells,
            paid,
            FeatureLib.uncarry(request.result.best)
        );
    }

    function _isDefault(bytes memory reason) private pure returns (bool) {
        return reason.length == 4 && bytes4(reason) == TradeDefaulted.selector;
    }
}
