// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title From a quote in pips to an amount of tokens
/// @notice The formulas are in IAuctionHouse's documentation. Products have 512 bits, rounding is for the trader.
library QuoteMath {
    /// @dev Pips in one.
    int256 internal constant PIPS = 1_000_000;
    /// @dev Amounts and prices are below this, so that a factor of up to 2^32 fits beside them.
    uint256 internal constant BOUND = 1 << 200;

    error AmountTooLarge(uint256 amount);
    error NoBid();

    /// @notice What a quote pays for `sell` raw units.
    /// @param direction 0 when selling base, 1 when selling quote tokens.
    /// @param referenceQ128 Quote units per base unit, times 2^128, in (0, 2^200).
    /// @param pips The quote; above -1_000_000.
    function amountOut(uint256 direction, uint256 sell, uint256 referenceQ128, int256 pips)
        internal
        pure
        returns (uint256)
    {
        if (sell >= BOUND) revert AmountTooLarge(sell);
        if (pips <= -PIPS) revert NoBid();
        uint256 factor = uint256(PIPS + pips);
        return direction == 0
            ? FixedPointMathLib.fullMulDivUp(sell, referenceQ128 * factor, uint256(PIPS) << 128)
            : FixedPointMathLib.fullMulDivUp(sell * factor, 1 << 128, referenceQ128 * uint256(PIPS));
    }

    /// @notice Value of an amount of the bought token in quote-token units, rounded down.
    function inQuoteToken(uint256 direction, uint256 bought, uint256 referenceQ128) internal pure returns (uint256) {
        return direction == 0 ? bought : FixedPointMathLib.fullMulDiv(bought, referenceQ128, 1 << 128);
    }

    /// @notice Value of an amount of the sold token in quote-token units, rounded down.
    function notional(uint256 direction, uint256 sell, uint256 referenceQ128) internal pure returns (uint256) {
        if (sell >= BOUND) revert AmountTooLarge(sell);
        return direction == 1 ? sell : FixedPointMathLib.fullMulDiv(sell, referenceQ128, 1 << 128);
    }
}
