// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Intent} from "../interfaces/IAuctionHouse.sol";

/// @title Integer features, bit for bit as the Rust types compute them
library FeatureLib {
    /// @dev Deadline features count seconds from this Unix time.
    uint256 internal constant DEADLINE_EPOCH = 1_700_000_000;
    /// @dev Limit feature of an intent that does not disclose its limit price.
    int32 internal constant LIMIT_UNDISCLOSED = type(int32).min + 1;
    uint256 internal constant LOG2_FRACTION_BITS = 22;

    /// @notice Fixed-point log2 with 22 fraction bits, truncated; `type(int32).min` for zero.
    /// @dev The mantissa is normalised to [2^127, 2^128) (truncating), then squared 22 times, truncating, one fraction
    ///      bit each time.
    function log2Q22(uint256 x) internal pure returns (int32) {
        if (x == 0) return type(int32).min;
        uint256 n = _floorLog2(x);
        uint256 m = n > 127 ? x >> (n - 127) : x << (127 - n);
        uint256 result = n;
        for (uint256 i; i < LOG2_FRACTION_BITS; ++i) {
            m = (m * m) >> 127;
            uint256 bit = m >> 128;
            m >>= bit;
            result = (result << 1) | bit;
        }
        // n is at most 255, so the result stays below 2^30
        return int32(uint32(result));
    }

    /// @notice log2 of a Q128 price, with 22 fraction bits.
    function log2Price(uint256 priceQ128) internal pure returns (int32) {
        return saturate(int256(log2Q22(priceQ128)) - int256(128 << LOG2_FRACTION_BITS));
    }

    /// @notice The four features of a slot, from its intent alone, as the slot carries them: each plus 2^31, big-endian.
    /// @param direction 0 when the intent sells the market's base token, 1 when it sells the quote token.
    function slotFeatures(Intent calldata intent, uint256 direction) internal pure returns (bytes16) {
        int32 size = log2Q22(intent.sellAmount);
        int32 limit = LIMIT_UNDISCLOSED;
        if (uint256(intent.appData) & 1 == 1) {
            limit = saturate(int256(log2Q22(intent.minBuyAmount)) - size);
        }
        int32 deadline = sinceEpoch(intent.deadline);
        return bytes16(
            uint128(
                (direction | 1 << 31) << 96 | uint256(carry(size)) << 64 | uint256(carry(deadline)) << 32 | carry(limit)
            )
        );
    }

    /// @notice Seconds after `DEADLINE_EPOCH`, saturating.
    function sinceEpoch(uint256 timestamp) internal pure returns (int32) {
        return
            timestamp > uint256(type(int256).max)
                ? type(int32).max
                : saturate(int256(timestamp) - int256(DEADLINE_EPOCH));
    }

    /// @notice An int32 as proofs and the public data carry it: x + 2^31.
    function carry(int32 x) internal pure returns (uint32) {
        return uint32(x) ^ 0x80000000;
    }

    /// @notice The int32 that a carried value stands for.
    function uncarry(uint32 x) internal pure returns (int32) {
        return int32(x ^ 0x80000000);
    }

    /// @notice The nearest int32.
    function saturate(int256 x) internal pure returns (int32) {
        if (x > type(int32).max) return type(int32).max;
        if (x < type(int32).min) return type(int32).min;
        // in range by the two lines above
        return int32(x);
    }

    function _floorLog2(uint256 x) private pure returns (uint256 n) {
        for (uint256 step = 128; step != 0; step >>= 1) {
            if (x >> step != 0) {
                x >>= step;
                n += step;
            }
        }
    }
}
