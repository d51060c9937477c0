//! Functions of one value, as integer tables.

use serde::{Deserialize, Serialize};

use super::tables;

/// A function of a value `x` of [`Format::SIGNED`](super::Format::SIGNED), with a result in `[0, 2^16)`.
///
/// With `u = x + 2^19`, segment `s = u >> 13` and `l = u & (2^13 − 1)`:
/// `y = (c0 + c1·l + c2·l² + 2^29) >> 30` for the coefficients of the segment. The variants give the real function that this
/// approximates, `t = x / 2^19`; `r = (1 + 15·u/2^20)/16` runs from 1/16 to 1. Errors are at most 4 of 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Function {
    /// `65535 / (1 + e^(−12t))`.
    Sigmoid,
    /// `65535 · e^(8(t − 1))`.
    Exp,
    /// `65535 · ln(1 + e^(12t)) / ln(1 + e^12)`.
    Softplus,
    /// `65535 · ln(16r) / ln 16`.
    Log,
    /// `65535 / (16r)`.
    Reciprocal,
    /// `65535 / √(16r)`.
    InverseSqrt,
    /// `65535 · (1 + erf(4t)) / 2`.
    Erf,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Sigmoid, Self::Exp, Self::Softplus, Self::Log, Self::Reciprocal, Self::InverseSqrt, Self::Erf];
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sigmoid => "sigmoid",
            Self::Exp => "exp",
            Self::Softplus => "softplus",
            Self::Log => "log",
            Self::Reciprocal => "reciprocal",
            Self::InverseSqrt => "inverse-sqrt",
            Self::Erf => "erf",
        }
    }

    /// log2 of the number of segments.
    pub const SEGMENT_BITS: u32 = 7;
    /// log2 of a segment's width.
    pub const OFFSET_BITS: u32 = 13;
    /// Right shift of the quadratic.
    pub const SHIFT: u32 = 30;

    /// `[c0, c1, c2]` of each of the 128 segments.
    pub const fn coefficients(self) -> &'static [[i64; 3]; 128] {
        match self {
            Self::Sigmoid => &tables::SIGMOID,
            Self::Exp => &tables::EXP,
            Self::Softplus => &tables::SOFTPLUS,
            Self::Log => &tables::LOG,
            Self::Reciprocal => &tables::RECIPROCAL,
            Self::InverseSqrt => &tables::INVERSE_SQRT,
            Self::Erf => &tables::ERF,
        }
    }

    /// The function's value; `x` must lie in `[−2^19, 2^19)`, and saturates there.
    pub fn apply(self, x: i64) -> i64 {
        let u = (x + (1 << 19)).clamp(0, (1 << 20) - 1);
        let [c0, c1, c2] = usize::try_from(u >> Self::OFFSET_BITS)
            .ok()
            .and_then(|segment| self.coefficients().get(segment).copied())
            .unwrap_or_default();
        let l = u & ((1 << Self::OFFSET_BITS) - 1);
        (c0 + c1 * l + c2 * l * l + (1 << (Self::SHIFT - 1))) >> Self::SHIFT
    }

    /// The real function, for `t` in `[−1, 1]`, with values in `[0, 1]`.
    pub fn real(self, t: f64) -> f64 {
        let r = (1.0 + 7.5 * (t + 1.0)) / 16.0;
        match self {
            Self::Sigmoid => 1.0 / (1.0 + (-12.0 * t).exp()),
            Self::Exp => (8.0 * (t - 1.0)).exp(),
            Self::Softplus => (12.0 * t).exp().ln_1p() / 12f64.exp().ln_1p(),
            Self::Log => (16.0 * r).ln() / 16f64.ln(),
            Self::Reciprocal => 1.0 / (16.0 * r),
            Self::InverseSqrt => 1.0 / (16.0 * r).sqrt(),
            Self::Erf => f64::midpoint(1.0, libm::erf(4.0 * t)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_close_to_the_real_ones_and_stay_in_range() {
        for function in Function::ALL {
            for x in -(1i64 << 19)..1 << 19 {
                let y = function.apply(x);
                assert!((0..1 << 16).contains(&y), "{function:?}({x}) = {y}");
                let real = 65535.0 * function.real(x as f64 / f64::from(1 << 19));
                assert!((y as f64 - real).abs() < 4.0, "{function:?}({x}) = {y}, not {real}");
            }
        }
    }

    #[test]
    fn values_outside_saturate() {
        for function in Function::ALL {
            assert_eq!(function.apply(i64::from(i32::MAX)), function.apply((1 << 19) - 1));
            assert_eq!(function.apply(i64::from(i32::MIN)), function.apply(-(1 << 19)));
        }
    }
}
