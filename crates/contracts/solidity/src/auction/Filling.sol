// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {LibCall} from "solady/utils/LibCall.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {AuctionStorage} from "./AuctionStorage.sol";
import {IAuctionHouse, Round, Commit, Result, Intent, FillRequest} from "../interfaces/IAuctionHouse.sol";
import {IExecutor, FillOrder} from "../interfaces/IExecutor.sol";
import {MarketParams, Pricing} from "../interfaces/IMarkets.sol";
import {FeatureLib} from "../libraries/FeatureLib.sol";
import {IntentLib} from "../libraries/IntentLib.sol";
import {PublicData} from "../libraries/PublicData.sol";
import {QuoteMath} from "../libraries/QuoteMath.sol";
import {ResultsLib} from "../libraries/ResultsLib.sol";

/// @title Fills: the winner delivers, or its bond pays
abstract contract Filling is AuctionStorage {
    /// @dev Gas for the steps from the gas check to the call itself, and for measuring and paying afterwards.
    uint256 internal constant GAS_MARGIN = 150_000;
    /// @dev Bytes of a failure that are passed on.
    uint16 internal constant MAX_REASON = 1024;

    /// @notice The executor failed or delivered short; only the auction house sees it, and undoes the trade by it.
    error TradeDefaulted();

    /// @notice One trade, all of it checked but the movement of tokens.
    struct Trade {
        bytes32 strategyId;
        address executor;
        uint256 executorGas;
        uint256 due;
        bytes32 roundId;
        uint8 slot;
        Intent intent;
        bytes signature;
    }

    /// @inheritdoc IAuctionHouse
    function fill(FillRequest calldata request) external nonReentrant returns (bool filled) {
        Round storage r = _round(request.roundId);
        _checkWindow(uint256(r.settleEnd) + 1, r.fillEnd);
        _checkResult(r, request);
        MarketParams memory p = _markets.params(r.market);
        uint256 direction = _checkIntent(r, request, p);
        uint256 due = _due(direction, request.intent, request.result, r.referenceQ128, p);
        if (due < request.intent.minBuyAmount) revert LimitNotMet(due, request.intent.minBuyAmount);
        r.closedSlots |= uint32(1) << request.slot;

        Commit storage c = _commits[request.roundId][request.result.winner - 1];
        Trade memory trade = Trade({
            strategyId: c.strategyId,
            executor: c.executor,
            executorGas: p.executorGas,
            due: due,
            roundId: request.roundId,
            slot: request.slot,
            intent: request.intent,
            signature: request.signature
        });
        try this.executeTrade(trade) returns (uint256 paid) {
            _announceFill(trade, paid, request.result.best);
            return true;
        } catch (bytes memory reason) {
            if (!_isDefault(reason)) LibCall.bubbleUpRevert(reason);
        }
        ++c.defaults;
        _compensate(trade, direction, r.referenceQ128, p);
    }

    /// @notice Moves the tokens of one trade. Called by the auction house itself, so that a default undoes all of it.
    /// @return received What the executor delivered, all of it paid to the recipient.
    function executeTrade(Trade calldata trade) external returns (uint256 received) {
        if (msg.sender != address(this)) revert OnlySelf();
        _pull(trade);
        address buyToken = trade.intent.buyToken;
        uint256 held = SafeTransferLib.balanceOf(buyToken, address(this));
        _callExecutor(trade);
        received = SafeTransferLib.balanceOf(buyToken, address(this)) - held;
        if (received < trade.due) revert TradeDefaulted();
        _pay(buyToken, trade.intent.recipient, received, trade.due);
    }

    /// @inheritdoc IAuctionHouse
    function amountDue(bytes32 roundId, Intent calldata intent, Result calldata result)
        external
        view
        returns (uint256)
    {
        Round storage r = _round(roundId);
        MarketParams memory p = _markets.params(r.market);
        return _due(_direction(intent, p), intent, result, r.referenceQ128, p);
    }

    /// @inheritdoc IAuctionHouse
    function hashIntent(Intent calldata intent) external pure returns (bytes32) {
        return IntentLib.hash(intent);
    }

    /// @dev The slot is open, and the result is the one that was settled and names a winner.
    function _checkResult(Round storage r, FillRequest calldata request) private view {
        uint8 slot = request.slot;
        if (slot >= r.nonEmptySlots) revert BadSlots(slot);
        if ((r.closedSlots >> slot) & 1 == 1) revert SlotIsClosed(slot);
        if (r.resultsRoot == 0) revert NotSettled(request.roundId);
        if (ResultsLib.rootFrom(slot, request.result, request.merkleProof) != r.resultsRoot) {
            revert Mismatch("result");
        }
        if (request.result.winner == 0) revert NoWinner(slot);
    }

    /// @dev The intent opens the slot, its features are the ones that were quoted on, and the market takes it.
    function _checkIntent(Round storage r, FillRequest calldata request, MarketParams memory p)
        private
        view
        returns (uint256 direction)
    {
        Intent calldata intent = request.intent;
        _checkLength("slots", request.slots.length, PublicData.SLOTS_SIZE);
        if (keccak256(request.slots) != r.slotsHash) revert Mismatch("slots");
        uint256 from = uint256(request.slot) * SLOT_SIZE;
        if (bytes32(request.slots[from:]) != IntentLib.slotCommitment(IntentLib.hash(intent), request.blinding)) {
            revert WrongOpening(request.slot);
        }
        if (intent.market != r.market) revert WrongMarket(intent.market, r.market);
        direction = _direction(intent, p);
        if (bytes16(request.slots[from + 32:]) != FeatureLib.slotFeatures(intent, direction)) {
            revert WrongFeatures(request.slot);
        }
        if (block.timestamp < intent.validFrom || block.timestamp > intent.deadline) {
            revert IntentExpired(intent.validFrom, intent.deadline);
        }
        if (intent.recipient == address(0) || intent.recipient == address(this)) revert BadRecipient(intent.recipient);
        uint256 notional = QuoteMath.notional(direction, intent.sellAmount, r.referenceQ128);
        if (notional < p.minNotional || notional > p.maxNotional) revert SizeOutOfRange(notional);
    }

    /// @dev 0 when the intent sells base for quote, 1 the other way round.
    function _direction(Intent calldata intent, MarketParams memory p) private pure returns (uint256) {
        if (intent.sellToken == p.base && intent.buyToken == p.quote) return 0;
        if (intent.sellToken == p.quote && intent.buyToken == p.base) return 1;
        revert WrongTokens(intent.sellToken, intent.buyToken);
    }

    /// @dev What the winner owes. The second price is the highest of second-best, reserve and the trader's minimum,
    ///      taken as amounts (which is exact), and never more than the winner's own quote.
    function _due(
        uint256 direction,
        Intent calldata intent,
        Result calldata result,
        uint256 referenceQ128,
        MarketParams memory p
    ) private pure returns (uint256) {
        int32 best = FeatureLib.uncarry(result.best);
        if (best < p.reserveQuote) revert BelowReserve(best, p.reserveQuote);
        uint256 most = QuoteMath.amountOut(direction, intent.sellAmount, referenceQ128, best);
        if (p.pricing == Pricing.FirstPrice) return most;
        int32 second = FeatureLib.uncarry(result.second);
        if (second < p.reserveQuote) second = p.reserveQuote;
        uint256 amount = QuoteMath.amountOut(direction, intent.sellAmount, referenceQ128, second);
        return FixedPointMathLib.min(most, FixedPointMathLib.max(amount, intent.minBuyAmount));
    }

    /// @dev Sell tokens go from the trader straight to the executor; it must get exactly the amount.
    function _pull(Trade calldata trade) private {
        address sellToken = trade.intent.sellToken;
        uint256 before = SafeTransferLib.balanceOf(sellToken, trade.executor);
        bytes memory data = IntentLib.permitCall(trade.intent, trade.executor, trade.signature);
        // what the token or a contract signer reverts with is wrapped, so that it cannot pass for a default
        (bool ok,, bytes memory reason) = LibCall.tryCall(_permit2, 0, gasleft(), MAX_REASON, data);
        if (!ok) revert PullFailed(reason);
        if (SafeTransferLib.balanceOf(sellToken, trade.executor) != before + trade.intent.sellAmount) {
            revert PullFailed("");
        }
    }

    /// @dev The call forwards at most 63/64 of the gas that is left, so that much must be there, or a caller could
    ///      starve the executor and have its bond taken.
    function _callExecutor(Trade calldata trade) private {
        bytes memory data = abi.encodeCall(
            IExecutor.onFill,
            (
                trade.strategyId,
                FillOrder({
                    roundId: trade.roundId,
                    slot: trade.slot,
                    sellToken: trade.intent.sellToken,
                    buyToken: trade.intent.buyToken,
                    sellAmount: trade.intent.sellAmount,
                    buyAmount: trade.due
                })
            )
        );
        uint256 needed = trade.executorGas * 64 / 63 + GAS_MARGIN;
        if (gasleft() < needed) revert InsufficientGas(gasleft(), needed);
        (bool ok,,) = LibCall.tryCall(trade.executor, 0, trade.executorGas, 0, data);
        if (!ok) revert TradeDefaulted();
    }

    /// @dev The recipient must end up with what is due, whatever the token does on the way.
    function _pay(address token, address recipient, uint256 amount, uint256 due) private {
        uint256 before = SafeTransferLib.balanceOf(token, recipient);
        bytes memory data = abi.encodeWithSignature("transfer(address,uint256)", recipient, amount);
        (bool ok,,) = LibCall.tryCall(token, 0, gasleft(), 0, data);
        if (!ok || SafeTransferLib.balanceOf(token, recipient) < before + due) revert PaymentFailed();
    }

    /// @dev The trader gets the improvement over the reference price that was due, in coins at the market's fixed
    ///      rate, at most the slot bond; the rest of the slot bond is burned.
    function _compensate(Trade memory trade, uint256 direction, uint256 referenceQ128, MarketParams memory p) private {
        uint256 atReference = QuoteMath.amountOut(direction, trade.intent.sellAmount, referenceQ128, 0);
        uint256 improvement =
            QuoteMath.inQuoteToken(direction, FixedPointMathLib.zeroFloorSub(trade.due, atReference), referenceQ128);
        // both factors are bounded, so that no amount can make this overflow
        improvement = FixedPointMathLib.min(improvement, type(uint128).max);
        uint256 payment = FixedPointMathLib.fullMulDiv(improvement, p.bondPerQuoteQ128, 1 << 128);
        payment = FixedPointMathLib.min(payment, p.slotBond);
        emit Defaulted(
            trade.roundId, trade.strategyId, IntentLib.hash(trade.intent), trade.slot, payment, p.slotBond - payment
        );
        _registry.slash(trade.strategyId, p.slotBond, trade.intent.owner, payment, true);
    }

    function _announceFill(Trade memory trade, uint256 paid, uint32 best) private {
        emit Filled(
            trade.roundId,
            trade.strategyId,
            IntentLib.hash(trade.intent),
            trade.slot,
            trade.intent.recipient,
            trade.intent.sellAmount,
            paid,
            FeatureLib.uncarry(best)
        );
    }

    function _isDefault(bytes memory reason) private pure returns (bool) {
        return reason.length == 4 && bytes4(reason) == TradeDefaulted.selector;
    }
}
