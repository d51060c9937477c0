//! A program with its parameters, and the reference executor: the exact arithmetic that circuits prove.

use sotto_types::{MODEL_FEATURES, MarketFeatures, NO_BID, Quote, SLOTS, SlotFeature, SlotFeatures};
use thiserror::Error;

use super::ensemble::EnsembleParameters;
use super::format::{Format, LinearFormat};
use super::parameters::{Dense, INPUT_BITS, InputMap, Policy};
use super::shape::{Activation, Ensemble, Linear, Op, Shape, ShapeError, ValueId, shift_of};

/// A shape with private parameters, valid by construction.
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    shape: Shape,
    inputs: [InputMap; MODEL_FEATURES],
    matrices: Vec<Dense>,
    ensembles: Vec<EnsembleParameters>,
    policy: Policy,
}

/// Why parts are not a program.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgramError {
    /// The shape itself is wrong.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A count differs from the shape's.
    #[error("{what}: expected {expected}, got {got}")]
    Count {
        /// What was counted.
        what: &'static str,
        /// Count of the shape.
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
    /// Thresholds of a feature decrease.
    #[error("thresholds of feature {feature} decrease")]
    Order {
        /// Position among the ensemble's features.
        feature: usize,
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

fn check_count(what: &'static str, expected: usize, got: usize) -> Result<(), ProgramError> {
    if expected == got { Ok(()) } else { Err(ProgramError::Count { what, expected, got }) }
}

fn check_matrix(format: &LinearFormat, dense: &Dense) -> Result<(), ProgramError> {
    check_count("weights", format.inputs * format.rows, dense.weights.len())?;
    check_count("biases", format.rows, dense.biases.len())?;
    let weights = dense.weights.iter().enumerate();
    let weights = weights.map(|(i, &w)| ("weight", i, i64::from(w), format.weight_bits));
    let biases = dense.biases.iter().enumerate().map(|(i, &b)| ("bias", i, b, format.bias_bits));
    for (what, index, value, bits) in weights.chain(biases) {
        let limit = 1i64 << (bits - 1);
        if !(-limit..limit).contains(&value) {
            return Err(ProgramError::Range { what, index, value, bits });
        }
    }
    Ok(())
}

impl Program {
    /// A program from its parts: an input map for each feature, a matrix for each of the shape's, in row-major order, and
    /// parameters for each of its ensembles.
    ///
    /// # Errors
    /// When a count differs from the shape's, or a parameter is out of its format.
    pub fn new(
        shape: Shape,
        inputs: [InputMap; MODEL_FEATURES],
        matrices: Vec<Dense>,
        ensembles: Vec<EnsembleParameters>,
        policy: Policy,
    ) -> Result<Self, ProgramError> {
        check_count("matrices", shape.matrices().len(), matrices.len())?;
        for (format, dense) in shape.linear_formats().iter().zip(&matrices) {
            check_matrix(format, dense)?;
        }
        check_count("ensembles", shape.ensembles().count(), ensembles.len())?;
        for (shape, parameters) in shape.ensembles().zip(&ensembles) {
            parameters.check(shape)?;
        }
        for (index, &InputMap { lo, hi, mult }) in inputs.iter().enumerate() {
            let width = (i64::from(hi) - i64::from(lo)).saturating_mul(i64::from(mult));
            if lo > hi || mult >> INPUT_BITS != 0 || !(0..1 << INPUT_BITS).contains(&width) {
                return Err(ProgramError::Input { index, lo, hi, mult });
            }
        }
        let Policy { min_quote, max_quote, max_slots } = policy;
        if min_quote == NO_BID || min_quote > max_quote || usize::from(max_slots) > SLOTS {
            return Err(ProgramError::Policy { min_quote, max_quote, max_slots });
        }
        Ok(Self { shape, inputs, matrices, ensembles, policy })
    }

    /// The shape.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The input maps, one for each of the 36 features; an unused feature has multiplier zero.
    pub const fn inputs(&self) -> &[InputMap; MODEL_FEATURES] {
        &self.inputs
    }

    /// The matrices.
    pub fn matrices(&self) -> &[Dense] {
        &self.matrices
    }

    /// Parameters of the ensembles.
    pub fn ensembles(&self) -> &[EnsembleParameters] {
        &self.ensembles
    }

    /// The policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Every value of the program, in order, and the output in pips before the policy.
    pub fn trace(&self, market: &MarketFeatures, slot: &SlotFeatures) -> (Vec<i64>, i64) {
        let features = market.iter().chain(slot);
        let mut values = Vec::with_capacity(self.shape.formats().len());
        values.extend(self.inputs.iter().zip(features).map(|(map, &x)| map.apply(x)));
        let mut ensembles = self.ensembles.iter();
        for op in self.shape.ops() {
            match op {
                Op::Linear(linear) => self.linear(linear, &mut values),
                Op::Product { pairs } => {
                    for &pair in pairs {
                        let product = values[pair[0]] * values[pair[1]];
                        let shift = shift_of(self.shape.formats(), pair);
                        values.push(saturate(round(product, shift), Format::SIGNED));
                    }
                }
                Op::Function { function, values: from } => {
                    for &value in from {
                        values.push(function.apply(values[value]));
                    }
                }
                Op::Ensemble(shape) => {
                    let sum = ensembles.next().map_or(0, |e| e.evaluate(shape, &gather(shape, &values)));
                    values.push(sum);
                }
            }
        }
        let map = self.shape.output();
        let format = &self.shape.linear_formats()[map.matrix];
        let accumulator = self.accumulate(map.matrix, 0, &map.values, &values);
        (values, round(accumulator, format.shift))
    }

    fn linear(&self, linear: &Linear, values: &mut Vec<i64>) {
        let format = &self.shape.linear_formats()[linear.matrix];
        for column in &linear.columns {
            for row in 0..format.rows {
                let accumulator = self.accumulate(linear.matrix, row, column, values);
                let rounded = round(accumulator, format.shift);
                values.push(match linear.activation {
                    Activation::Relu => saturate(rounded, Format::POSITIVE),
                    Activation::Signed | Activation::Output => saturate(rounded, Format::SIGNED),
                    Activation::Wide => saturate(rounded, Format::WIDE),
                    Activation::Step => i64::from(accumulator >= 0),
                });
            }
        }
    }

    fn accumulate(&self, matrix: usize, row: usize, column: &[ValueId], values: &[i64]) -> i64 {
        let dense = &self.matrices[matrix];
        let weights = &dense.weights[row * column.len()..][..column.len()];
        let products = weights.iter().zip(column).map(|(&w, &value)| i64::from(w) * values[value]);
        dense.biases[row] + products.sum::<i64>()
    }

    /// The model's output in pips before the policy.
    pub fn output(&self, market: &MarketFeatures, slot: &SlotFeatures) -> i64 {
        self.trace(market, slot).1
    }

    /// The quote for one slot taken alone, before the limit on bids in a direction.
    pub fn quote(&self, market: &MarketFeatures, slot: &SlotFeatures) -> Quote {
        let (least, greatest) = (i64::from(self.policy.min_quote), i64::from(self.policy.max_quote));
        let clamped = self.output(market, slot).max(least).min(greatest);
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

fn gather(ensemble: &Ensemble, values: &[i64]) -> Vec<i64> {
    ensemble.features.iter().map(|&value| values[value]).collect()
}

/// Division by a power of two, halves up.
const fn round(x: i64, shift: u32) -> i64 {
    if shift == 0 { x } else { (x + (1 << (shift - 1))) >> shift }
}

fn saturate(x: i64, format: Format) -> i64 {
    x.clamp(format.least(), format.greatest())
}

impl std::fmt::Debug for Program {
    /// Shows the shape, never the parameters.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("class", &self.shape.descriptor()).finish_non_exhaustive()
    }
}
