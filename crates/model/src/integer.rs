//! The quantised integer model and its reference executor: the exact arithmetic that circuits prove.
//!
//! With `x` the 36 inputs (32 market features, 4 slot features):
//! - input: `a_i = (min(max(x_i, lo_i), hi_i) − lo_i) · m_i`, where `0 ≤ (hi_i − lo_i)·m_i < 2^28`;
//! - dense: `acc_j = Σ_i w_ji·v_i + b_j`;
//! - hidden activation (ReLU and rounding at once): `clamp((acc + 2^(S−1)) >> S, 0, 2^16 − 1)`;
//! - output: `y = (acc + 2^(S−1)) >> S`, a quote of `clamp(y, minQuote, maxQuote)` pips, no bid at −10^6 or less.
//!
//! `>>` rounds towards minus infinity, so that halves round up.

use sotto_types::{
    MARKET_FEATURES, MODEL_FEATURES, MarketFeatures, NO_BID, Quote, SLOTS, SlotFeature, SlotFeatures,
};
use thiserror::Error;

/// An input after its affine map lies in `[0, 2^INPUT_BITS)`.
pub const INPUT_BITS: u32 = 28;
/// A hidden activation lies in `[0, 2^ACTIVATION_BITS)`.
pub const ACTIVATION_BITS: u32 = 16;

/// Widest hidden layer.
pub const MAX_WIDTH: usize = 4096;
/// Most layers, the output included.
pub const MAX_LAYERS: usize = 16;

/// Shape of a dense ReLU network from the 36 inputs to one quote. No hidden layers is a linear model.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShapeClass {
    /// Widths of the hidden layers, first to last.
    pub hidden: Vec<usize>,
}

/// Integer format of one dense layer, a function of its position in the shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerFormat {
    /// Inputs of the layer.
    pub inputs: usize,
    /// Outputs of the layer.
    pub outputs: usize,
    /// Weights are signed with this many bits.
    pub weight_bits: u32,
    /// Biases are signed with this many bits.
    pub bias_bits: u32,
    /// Values read lie in `[0, 2^value_bits)`.
    pub value_bits: u32,
    /// Right shift of the accumulator.
    pub shift: u32,
}

impl LayerFormat {
    /// A bound on `|acc|` for any weights and inputs of this format.
    pub const fn accumulator_bound(&self) -> u128 {
        (self.inputs as u128) * ((1u128 << (self.weight_bits - 1)) * ((1u128 << self.value_bits) - 1))
            + (1u128 << (self.bias_bits - 1))
    }
}

impl ShapeClass {
    /// The descriptor that the class id hashes, such as `dense:36-32-16-1`.
    pub fn descriptor(&self) -> String {
        let widths = self.hidden.iter().map(|w| format!("{w}-")).collect::<String>();
        format!("dense:{MODEL_FEATURES}-{widths}1")
    }

    /// The class id.
    pub fn id(&self) -> u32 {
        sotto_types::class_id(&self.descriptor())
    }

    /// Formats of the layers, first to last.
    pub fn layers(&self) -> Vec<LayerFormat> {
        let mut inputs = MODEL_FEATURES;
        let mut formats = Vec::with_capacity(self.hidden.len() + 1);
        for (position, outputs) in self.hidden.iter().copied().chain([1]).enumerate() {
            let first = position == 0;
            let shift = match (first, position == self.hidden.len()) {
                (true, true) => 31,
                (true, false) => 26,
                (false, false) => 16,
                (false, true) => 19,
            };
            let (weight_bits, bias_bits, value_bits) =
                if first { (24, 58, INPUT_BITS) } else { (18, 42, ACTIVATION_BITS) };
            formats.push(LayerFormat { inputs, outputs, weight_bits, bias_bits, value_bits, shift });
            inputs = outputs;
        }
        formats
    }
}

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

/// One dense layer: `outputs × inputs` weights in row-major order, and `outputs` biases.
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

/// A model of some [`ShapeClass`], valid by construction.
#[derive(Clone, PartialEq, Eq)]
pub struct IntModel {
    class: ShapeClass,
    inputs: [InputMap; MODEL_FEATURES],
    layers: Vec<Dense>,
    policy: Policy,
}

/// Why parts are not a model.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum IntModelError {
    /// A hidden layer is empty or too wide.
    #[error("layer {layer} is {width} wide, expected 1 to {MAX_WIDTH}")]
    Width {
        /// Position of the layer.
        layer: usize,
        /// Its width.
        width: usize,
    },
    /// The accumulator of a layer could wrap.
    #[error("layer {layer} could reach an accumulator of {bits} bits, over 61")]
    Overflow {
        /// Position of the layer.
        layer: usize,
        /// Bits of the bound.
        bits: u32,
    },
    /// A layer count, weight count or bias count differs from the class.
    #[error("{what}: expected {expected}, got {got}")]
    Shape {
        /// What was counted.
        what: &'static str,
        /// Count of the class.
        expected: usize,
        /// Count given.
        got: usize,
    },
    /// A parameter lies outside its format.
    #[error("{what} {index} is {value}, outside its {bits} bits")]
    Range {
        /// What kind of parameter.
        what: &'static str,
        /// Its position.
        index: usize,
        /// Its value.
        value: i64,
        /// Bits of its format.
        bits: u32,
    },
    /// An input map whose range is empty or too wide for its multiplier.
    #[error("input {index}: ({hi} - {lo}) * {mult} is not in [0, 2^28)")]
    Input {
        /// Feature index.
        index: usize,
        /// Least value.
        lo: i32,
        /// Greatest value.
        hi: i32,
        /// Multiplier.
        mult: u32,
    },
    /// Policy limits in the wrong order, or over 32 slots.
    #[error("policy: min quote {min_quote}, max quote {max_quote}, max slots {max_slots}")]
    Policy {
        /// Least quote.
        min_quote: Quote,
        /// Greatest quote.
        max_quote: Quote,
        /// Most bids in a direction.
        max_slots: u8,
    },
}

fn signed_fits(value: i64, bits: u32) -> bool {
    let limit = 1i64 << (bits - 1);
    (-limit..limit).contains(&value)
}

fn check_count(what: &'static str, expected: usize, got: usize) -> Result<(), IntModelError> {
    if expected == got { Ok(()) } else { Err(IntModelError::Shape { what, expected, got }) }
}

/// A layer of width zero would have no rows to read, and wide or deep ones no circuit.
fn check_widths(class: &ShapeClass) -> Result<(), IntModelError> {
    if class.hidden.len() >= MAX_LAYERS {
        return Err(IntModelError::Shape {
            what: "layers",
            expected: MAX_LAYERS,
            got: class.hidden.len() + 1,
        });
    }
    match class.hidden.iter().position(|w| !(1..=MAX_WIDTH).contains(w)) {
        Some(layer) => {
            Err(IntModelError::Width { layer, width: class.hidden.get(layer).copied().unwrap_or(0) })
        }
        None => Ok(()),
    }
}

impl IntModel {
    /// A model from its parts.
    ///
    /// # Errors
    /// When a count differs from the class, a parameter is out of its format, or an accumulator could wrap.
    pub fn new(
        class: ShapeClass,
        inputs: [InputMap; MODEL_FEATURES],
        layers: Vec<Dense>,
        policy: Policy,
    ) -> Result<Self, IntModelError> {
        check_widths(&class)?;
        let formats = class.layers();
        check_count("layers", formats.len(), layers.len())?;
        for (position, (format, dense)) in formats.iter().zip(&layers).enumerate() {
            let bound = format.accumulator_bound();
            if bound >> 61 != 0 {
                return Err(IntModelError::Overflow { layer: position, bits: 128 - bound.leading_zeros() });
            }
            check_count("weights", format.inputs * format.outputs, dense.weights.len())?;
            check_count("biases", format.outputs, dense.biases.len())?;
            let weights = dense.weights.iter().enumerate();
            let weights = weights.map(|(i, &w)| ("weight", i, i64::from(w), format.weight_bits));
            let biases = dense.biases.iter().enumerate().map(|(i, &b)| ("bias", i, b, format.bias_bits));
            for (what, index, value, bits) in weights.chain(biases) {
                if !signed_fits(value, bits) {
                    return Err(IntModelError::Range { what, index, value, bits });
                }
            }
        }
        for (index, &InputMap { lo, hi, mult }) in inputs.iter().enumerate() {
            let width = (i64::from(hi) - i64::from(lo)).saturating_mul(i64::from(mult));
            if lo > hi || mult >> INPUT_BITS != 0 || !(0..1 << INPUT_BITS).contains(&width) {
                return Err(IntModelError::Input { index, lo, hi, mult });
            }
        }
        let Policy { min_quote, max_quote, max_slots } = policy;
        if min_quote == NO_BID || min_quote > max_quote || usize::from(max_slots) > SLOTS {
            return Err(IntModelError::Policy { min_quote, max_quote, max_slots });
        }
        Ok(Self { class, inputs, layers, policy })
    }

    /// The shape class.
    pub const fn class(&self) -> &ShapeClass {
        &self.class
    }

    /// The input maps, one for each of the 36 features; an unused feature has multiplier zero.
    pub const fn inputs(&self) -> &[InputMap; MODEL_FEATURES] {
        &self.inputs
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// The policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The last accumulator, shifted: the model's output in pips before the policy.
    pub fn output(&self, market: &MarketFeatures, slot: &SlotFeatures) -> i64 {
        let features = market.iter().chain(slot);
        let mut values: Vec<i64> = self.inputs.iter().zip(features).map(|(map, &x)| map.apply(x)).collect();
        let formats = self.class.layers();
        let last = formats.len() - 1;
        for (position, (format, dense)) in formats.iter().zip(&self.layers).enumerate() {
            let rows = dense.weights.chunks_exact(format.inputs).zip(&dense.biases);
            let shifted = rows.map(|(row, bias)| {
                let dot: i64 = row.iter().zip(&values).map(|(&w, v)| i64::from(w) * v).sum();
                (dot + bias + (1 << (format.shift - 1))) >> format.shift
            });
            let hidden = position < last;
            values =
                shifted.map(|v| if hidden { v.clamp(0, (1 << ACTIVATION_BITS) - 1) } else { v }).collect();
        }
        values.first().copied().unwrap_or(0)
    }

    /// The quote for one slot taken alone, before the limit on bids in a direction.
    pub fn quote(&self, market: &MarketFeatures, slot: &SlotFeatures) -> Quote {
        let clamped = self
            .output(market, slot)
            .max(i64::from(self.policy.min_quote))
            .min(i64::from(self.policy.max_quote));
        // The clamp brings the value into i32.
        let quote = i32::try_from(clamped).unwrap_or(NO_BID);
        if quote <= sotto_types::MAX_NO_BID_PIPS { NO_BID } else { quote }
    }

    /// The sheet: one quote a slot, `None` being an empty slot. Bids past the policy's limit in a direction are no bids.
    pub fn sheet(&self, market: &MarketFeatures, slots: &[Option<SlotFeatures>; SLOTS]) -> [Quote; SLOTS] {
        let mut bids = [0u8; 2];
        slots.map(|slot| {
            let Some(features) = slot else { return NO_BID };
            let quote = self.quote(market, &features);
            let count = &mut bids[usize::from(features[SlotFeature::Direction as usize] != 0)];
            if quote == NO_BID || *count >= self.policy.max_slots {
                return NO_BID;
            }
            *count += 1;
            quote
        })
    }
}

impl std::fmt::Debug for IntModel {
    /// Shows the shape, never the weights.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IntModel").field("class", &self.class.descriptor()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Dense {
    /// Shows the counts, never the weights.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dense({} weights, {} biases)", self.weights.len(), self.biases.len())
    }
}

/// Market features index the first inputs, slot features the rest.
const _: () = assert!(MARKET_FEATURES == 32 && MODEL_FEATURES == 36);
