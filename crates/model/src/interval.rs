//! Exact bounds of every accumulator of an integer model, over all inputs that saturation lets through.

use serde::Serialize;

use crate::{ACTIVATION_BITS, IntModel, IntModelError, ModelError};

/// Accumulators stay below 2 to this power, in the executor's `i64` as in the circuits' field.
pub const ACCUMULATOR_BITS: u32 = 61;

/// Bounds of one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerBounds {
    /// Least value of any accumulator.
    pub least: i64,
    /// Greatest value of any accumulator.
    pub greatest: i64,
    /// Bits of the larger magnitude.
    pub bits: u32,
    /// Channels that some inputs would take past 2^16 - 1, where they saturate.
    pub can_saturate: usize,
    /// Channels that no inputs activate.
    pub never_active: usize,
}

/// Bounds of a whole model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct IntervalReport {
    /// The layers, first to last.
    pub layers: Vec<LayerBounds>,
    /// Least and greatest output in pips before the policy.
    pub output: [i64; 2],
}

/// Bounds the accumulators of a model by interval arithmetic.
///
/// # Errors
/// When an accumulator could reach 2^61.
pub fn analyse(model: &IntModel) -> Result<IntervalReport, ModelError> {
    let mut ranges: Vec<[i128; 2]> = model.inputs().iter().map(|m| [0, i128::from(m.apply(m.hi))]).collect();
    let formats = model.class().layers();
    let mut layers = Vec::with_capacity(formats.len());
    let mut output = [0i64; 2];
    for (position, (format, dense)) in formats.iter().zip(model.layers()).enumerate() {
        let rows = dense.weights.chunks_exact(format.inputs.max(1)).zip(&dense.biases);
        let bounds: Vec<[i128; 2]> = rows
            .map(|(row, &bias)| {
                let start = [i128::from(bias); 2];
                row.iter().zip(&ranges).fold(start, |[lo, hi], (&w, [a, b])| {
                    let (x, y) = (i128::from(w) * a, i128::from(w) * b);
                    [lo + x.min(y), hi + x.max(y)]
                })
            })
            .collect();
        let least = bounds.iter().map(|b| b[0]).min().unwrap_or(0);
        let greatest = bounds.iter().map(|b| b[1]).max().unwrap_or(0);
        let bits = 128 - least.unsigned_abs().max(greatest.unsigned_abs()).leading_zeros();
        let overflow = IntModelError::Overflow { layer: position, bits };
        let (Ok(least), Ok(greatest), 0..=ACCUMULATOR_BITS) =
            (i64::try_from(least), i64::try_from(greatest), bits)
        else {
            return Err(overflow.into());
        };
        let shifted = |acc: i128| (acc + (1 << (format.shift - 1))) >> format.shift;
        let top = (1i128 << ACTIVATION_BITS) - 1;
        let hidden = position + 1 < formats.len();
        ranges = bounds.iter().map(|b| b.map(|acc| shifted(acc).clamp(0, top))).collect();
        layers.push(LayerBounds {
            least,
            greatest,
            bits,
            can_saturate: if hidden { bounds.iter().filter(|b| shifted(b[1]) > top).count() } else { 0 },
            never_active: if hidden { bounds.iter().filter(|b| shifted(b[1]) <= 0).count() } else { 0 },
        });
        output = [shifted(i128::from(least)), shifted(i128::from(greatest))]
            .map(|y| i64::try_from(y).unwrap_or(i64::MAX));
    }
    Ok(IntervalReport { layers, output })
}
