//! The private parameters that every program has: input maps, matrices, policy.

use sotto_types::Quote;

/// An input after its affine map lies in `[0, 2^INPUT_BITS)`.
pub const INPUT_BITS: u32 = 28;

/// The affine map of one input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputMap {
    /// Least value; smaller ones saturate.
    pub lo: i32,
    /// Greatest value; greater ones saturate.
    pub hi: i32,
    /// Multiplier, below 2^28.
    pub mult: u32,
}

impl InputMap {
    /// The mapped input, in `[0, 2^28)`.
    pub fn apply(&self, x: i32) -> i64 {
        (i64::from(x.max(self.lo).min(self.hi)) - i64::from(self.lo)) * i64::from(self.mult)
    }
}

/// A matrix: `rows × inputs` weights in row-major order, and a bias for each row.
#[derive(Clone, PartialEq, Eq)]
pub struct Dense {
    /// Weights, row by row.
    pub weights: Vec<i32>,
    /// Biases in accumulator units.
    pub biases: Vec<i64>,
}

/// How the model's output becomes quotes; committed with the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Least quote in pips.
    pub min_quote: Quote,
    /// Greatest quote in pips.
    pub max_quote: Quote,
    /// Most bids in one direction, at most 32.
    pub max_slots: u8,
}

impl std::fmt::Debug for Dense {
    /// Shows the counts, never the weights.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dense({} weights, {} biases)", self.weights.len(), self.biases.len())
    }
}
