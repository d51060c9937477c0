//! Features: `int32` values that the chain recorded, and the fixed-point logarithm that most of them are in.

use alloy_primitives::U256;
use thiserror::Error;

/// Market features of a snapshot.
pub const MARKET_FEATURES: usize = 32;
/// Features of one slot.
pub const SLOT_FEATURES: usize = 4;
/// Inputs that a model can name: the market features, then the slot's.
pub const MODEL_FEATURES: usize = MARKET_FEATURES + SLOT_FEATURES;
/// Fraction bits of a log2 feature: one unit is 2^-22 of a doubling, about a sixth of a pip.
pub const LOG2_FRACTION_BITS: u32 = 22;
/// Deadline features count seconds from this Unix time.
pub const DEADLINE_EPOCH: u64 = 1_700_000_000;
/// The limit feature of an intent that does not disclose its limit price.
pub const LIMIT_UNDISCLOSED: i32 = i32::MIN + 1;

/// The market's features at the opening of a round.
pub type MarketFeatures = [i32; MARKET_FEATURES];
/// One slot's features, in the order of [`SlotFeature`].
pub type SlotFeatures = [i32; SLOT_FEATURES];

/// Positions in [`SlotFeatures`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum SlotFeature {
    /// 0: sells the base token; 1: sells the quote token.
    Direction = 0,
    /// log2 of the amount sold, in raw token units.
    Size = 1,
    /// Deadline in seconds after [`DEADLINE_EPOCH`], saturating.
    Deadline = 2,
    /// log2 of the limit price (least amount bought per amount sold), or [`LIMIT_UNDISCLOSED`].
    Limit = 3,
}

/// A carried value that is not the image of an `int32`.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0} does not fit 32 bits")]
pub struct CarriedError(pub u64);

/// An `int32` as circuits and the public data carry it: `x + 2^31`.
pub const fn carry(x: i32) -> u32 {
    x.cast_unsigned() ^ 0x8000_0000
}

/// The `int32` that a carried value stands for.
///
/// # Errors
/// When the value does not fit 32 bits.
pub fn uncarry(u: u64) -> Result<i32, CarriedError> {
    u32::try_from(u).map(|u| (u ^ 0x8000_0000).cast_signed()).map_err(|_| CarriedError(u))
}

/// `floor(2^22 · log2 x)` up to the truncation of a 128-bit mantissa; `i32::MIN` for zero.
///
/// The algorithm is the specification: normalise to a mantissa in `[2^127, 2^128)`, then square 22 times, truncating.
/// `FeatureLib.log2Q22` computes the same bits.
pub fn log2_q22(x: U256) -> i32 {
    if x.is_zero() {
        return i32::MIN;
    }
    let n = x.bit_len() - 1;
    let mut mantissa = if n >= 127 { x >> (n - 127) } else { x << (127 - n) };
    let mut bits = 0i32;
    for _ in 0..LOG2_FRACTION_BITS {
        mantissa = (mantissa * mantissa) >> 127;
        let carry_out = mantissa.bit(128);
        if carry_out {
            mantissa >>= 1;
        }
        bits = (bits << 1) | i32::from(carry_out);
    }
    // n <= 255, so the integer part takes 8 of the 9 bits above the fraction.
    (i32::try_from(n).unwrap_or(i32::MAX) << LOG2_FRACTION_BITS) | bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn powers_of_two_are_exact() {
        for n in 0..256usize {
            assert_eq!(log2_q22(U256::from(1) << n), i32::try_from(n).unwrap() << 22);
        }
        assert_eq!(log2_q22(U256::ZERO), i32::MIN);
    }

    proptest! {
        #[test]
        fn log2_is_within_one_unit_of_the_float(x in 1u64..) {
            let exact = (x as f64).log2() * f64::from(1 << 22);
            let got = f64::from(log2_q22(U256::from(x)));
            prop_assert!(got <= exact + 1e-3 && got > exact - 1.001, "{got} {exact}");
        }

        #[test]
        fn log2_is_monotone(a: [u64; 4], b: [u64; 4]) {
            let (a, b) = (U256::from_limbs(a), U256::from_limbs(b));
            prop_assert_eq!(a.max(b) == a, log2_q22(a) >= log2_q22(b) || a >= b);
        }

        #[test]
        fn carried_values_round_trip(x: i32) {
            prop_assert_eq!(uncarry(u64::from(carry(x))), Ok(x));
            prop_assert_eq!(i64::from(carry(x)), i64::from(x) + (1 << 31));
        }
    }
}
