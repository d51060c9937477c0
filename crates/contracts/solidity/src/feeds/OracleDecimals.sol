// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {LibCall} from "solady/utils/LibCall.sol";
import {IFeed} from "../interfaces/IFeed.sol";

/// @title From an oracle's decimal number to a Q128 price of raw units
library OracleDecimals {
    /// @dev Most decimals of tokens and answers, so that powers and products stay below 2^256.
    uint256 internal constant MOST = 36;

    /// @notice `mantissa * 10^exponent` whole quote tokens per whole base token, as raw units, times 2^128.
    /// @param mantissa Above 0 and below 2^127.
    function price(uint256 mantissa, int256 exponent, uint256 baseDecimals, uint256 quoteDecimals)
        internal
        pure
        returns (uint256 q128)
    {
        int256 shift = exponent + int256(quoteDecimals) - int256(baseDecimals);
        if (shift > int256(MOST) || shift < -int256(2 * MOST)) revert IFeed.BrokenSource();
        // mantissa < 2^127 and 10^36 < 2^120: the product fits
        if (shift >= 0) {
            uint256 whole = mantissa * 10 ** uint256(shift);
            if (whole >> 128 != 0) revert IFeed.BrokenSource();
            q128 = whole << 128;
        } else {
            q128 = FixedPointMathLib.fullMulDiv(mantissa, 1 << 128, 10 ** uint256(-shift));
        }
        if (q128 == 0) revert IFeed.BrokenSource();
    }

    /// @notice Refuses decimals that are out of range, or that the token itself contradicts.
    function check(address token, uint8 decimals) internal view {
        if (decimals > MOST) revert IFeed.BrokenSource();
        (bool ok,, bytes memory answer) =
            LibCall.tryStaticCall(token, gasleft(), 32, abi.encodeWithSignature("decimals()"));
        if (ok && answer.length == 32 && uint256(bytes32(answer)) != decimals) revert IFeed.BrokenSource();
    }
}
