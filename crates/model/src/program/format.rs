//! Integer formats, all of which follow from a shape by the rules here, so that a re-trained model needs no new circuit.

use super::parameters::INPUT_BITS;
use super::shape::Activation;

/// What an integer value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `[0, 2^bits)`.
    Unsigned(u32),
    /// `[−2^(bits−1), 2^(bits−1))`.
    Signed(u32),
}

impl Format {
    /// A mapped feature.
    pub const FEATURE: Self = Self::Unsigned(INPUT_BITS);
    /// What a ReLU or a function gives.
    pub const POSITIVE: Self = Self::Unsigned(16);
    /// What a rounded map without activation, or a product, gives.
    pub const SIGNED: Self = Self::Signed(20);
    /// What a tree compares with its thresholds.
    pub const WIDE: Self = Self::Signed(30);
    /// A truth value.
    pub const BIT: Self = Self::Unsigned(1);

    /// `m` such that `|v| ≤ 2^m` for every value.
    pub const fn magnitude(self) -> u32 {
        match self {
            Self::Unsigned(bits) => bits,
            Self::Signed(bits) => bits - 1,
        }
    }

    /// Least value.
    pub const fn least(self) -> i64 {
        match self {
            Self::Unsigned(_) => 0,
            Self::Signed(bits) => -(1 << (bits - 1)),
        }
    }

    /// Greatest value.
    pub const fn greatest(self) -> i64 {
        match self {
            Self::Unsigned(bits) => (1 << bits) - 1,
            Self::Signed(bits) => (1 << (bits - 1)) - 1,
        }
    }
}

/// Weights above this count in one matrix have 12 bits instead of 18.
const MANY_WEIGHTS: usize = 1 << 16;
/// Bias bits, and with them every accumulator's, end here.
const MAX_BIAS_BITS: u32 = 58;
/// Full scale of an output row: a weight of full scale on a value of full scale gives 2^20 pips.
const OUTPUT_MAGNITUDE: u32 = 20;
/// Shift of a map to [`Format::WIDE`]: a weight of 2^18 passes a feature exactly.
pub(super) const WIDE_SHIFT: u32 = 18;

/// Integer format of a matrix and of the accumulators that it makes.
///
/// `out = (Σ_k w_k·v_k + b + 2^(shift−1)) >> shift`, saturated to the activation's format, `>>` rounding towards minus
/// infinity; a shift of zero adds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinearFormat {
    /// Rows.
    pub rows: usize,
    /// Inputs of a row.
    pub inputs: usize,
    /// Weights are signed with this many bits; even.
    pub weight_bits: u32,
    /// Biases are signed with this many bits; even.
    pub bias_bits: u32,
    /// Values read have at most this magnitude: `|v| ≤ 2^m`.
    pub value_magnitude: u32,
    /// Right shift of the accumulator: even, but odd for the output; zero for [`Activation::Step`].
    pub shift: u32,
}

impl LinearFormat {
    /// The format of a matrix of `rows × inputs` that reads values of magnitude `m`, `features` among them or not, into an
    /// activation.
    pub(super) fn new(rows: usize, inputs: usize, m: u32, features: bool, activation: Activation) -> Self {
        let output = activation == Activation::Output;
        let weight_bits = match (features || output, rows.saturating_mul(inputs) > MANY_WEIGHTS) {
            (true, _) => 24,
            (false, false) => 18,
            (false, true) => 12,
        };
        let full = weight_bits - 1 + m;
        // A row of features may be a small difference of large values; a row of many values adds up.
        let gain = if features { 9 } else { 3 };
        let spread = if features { 0 } else { inputs.max(1).ilog2() / 2 };
        let to = |magnitude: u32| (full + spread).saturating_sub(magnitude + gain) & !1;
        let shift = match activation {
            Activation::Relu => to(16),
            Activation::Signed => to(19),
            Activation::Wide => WIDE_SHIFT,
            Activation::Step => 0,
            Activation::Output => full.saturating_sub(OUTPUT_MAGNITUDE) | 1,
        };
        let bias_bits = (weight_bits + m + 8).min(MAX_BIAS_BITS).next_multiple_of(2);
        Self { rows, inputs, weight_bits, bias_bits, value_magnitude: m, shift }
    }

    /// A bound on `|acc|` for any weights and values of this format, rounding included.
    pub const fn accumulator_bound(&self) -> u128 {
        let half = if self.shift == 0 { 0 } else { 1u128 << (self.shift - 1) };
        (self.inputs as u128) * (1u128 << (self.weight_bits - 1 + self.value_magnitude))
            + (1u128 << (self.bias_bits - 1))
            + half
    }
}

/// Right shift of a product of two values: none when one is a truth value, otherwise the least even one that brings the
/// product to [`Format::SIGNED`], where it saturates.
pub const fn product_shift(a: Format, b: Format) -> u32 {
    if a.magnitude() <= 1 || b.magnitude() <= 1 {
        return 0;
    }
    (a.magnitude() + b.magnitude()).saturating_sub(Format::SIGNED.magnitude()).next_multiple_of(2)
}
