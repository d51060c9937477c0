//! From features to what a model reads: its inputs as integers.
//!
//! Where a model reads its inputs in order by one map only, the inputs' combinations of features are folded into that
//! map. Otherwise the inputs are rows of a matrix of their own: those of market features alone over the 32 of them, which
//! is computed once for all slots, and the others over all 36.

use sotto_types::{MARKET_FEATURES, MODEL_FEATURES};

use super::plan::Plan;
use super::trees::WideInput;
use crate::program::Activation;
use crate::real::{RealActivation, RealMatrix, RealOp};
use crate::{AffineInput, Frontend, INPUT_BITS, ModelError, RealProgram};

/// Whether the inputs' combinations of features can be folded into the maps that read them.
pub(super) fn folds(real: &RealProgram) -> bool {
    let inner = |value: &usize| *value >= real.inputs;
    let in_order = |column: &Vec<usize>| column.iter().copied().eq(0..real.inputs);
    let outside = |values: &[usize]| values.iter().all(inner);
    let folds = |op: &RealOp| match op {
        RealOp::Linear { columns, .. } => {
            columns.iter().all(|column| outside(column) || (columns.len() == 1 && in_order(column)))
        }
        RealOp::Product { pairs } => outside(pairs.as_flattened()),
        RealOp::Function { values, .. } => outside(values),
        RealOp::Ensemble { .. } => true,
    };
    real.ops.iter().all(folds) && (outside(&real.output) || in_order(&real.output))
}

/// Most columns of a comparison that read features directly.
const MAX_COMPARISONS: usize = 64;

/// Whether an operation compares inputs only: it reads the features that they are made of, and is as exact as these.
pub(super) fn compares_inputs(real: &RealProgram, op: &RealOp) -> bool {
    let RealOp::Linear { columns, activation, .. } = op else { return false };
    let steps = matches!(activation, RealActivation::AtLeastZero | RealActivation::AboveZero);
    steps && columns.len() <= MAX_COMPARISONS && columns.iter().flatten().all(|&value| value < real.inputs)
}

/// A matrix that reads one column of inputs, as one that reads all of them in order.
pub(super) fn spread(matrix: &RealMatrix, column: &[usize], inputs: usize) -> RealMatrix {
    let mut spread = RealMatrix {
        inputs,
        weights: vec![0.0; inputs * matrix.biases.len()],
        biases: matrix.biases.clone(),
    };
    let rows = matrix.weights.chunks_exact(matrix.inputs.max(1));
    for (row, to) in rows.zip(spread.weights.chunks_exact_mut(inputs.max(1))) {
        row.iter().zip(column).for_each(|(w, &input)| to[input] += w);
    }
    spread
}

/// Whether each input is read other than by trees and comparisons.
pub(super) fn read(real: &RealProgram) -> Vec<bool> {
    let mut read = vec![false; real.inputs];
    let mut mark = |values: &mut dyn Iterator<Item = &usize>| {
        for &value in values {
            if let Some(read) = read.get_mut(value) {
                *read = true;
            }
        }
    };
    for op in real.ops.iter().filter(|op| !compares_inputs(real, op)) {
        match op {
            RealOp::Linear { columns, .. } => mark(&mut columns.iter().flatten()),
            RealOp::Product { pairs } => mark(&mut pairs.as_flattened().iter()),
            RealOp::Function { values, .. } => mark(&mut values.iter()),
            RealOp::Ensemble { .. } => {}
        }
    }
    mark(&mut real.output.iter());
    read
}

/// Whether an input depends on the slot.
pub(super) fn slotted(input: &AffineInput) -> bool {
    input.factors[MARKET_FEATURES..].iter().any(|f| *f != 0.0)
}

/// Factors of an input on features that are counted from the least value of their range, and its constant term.
pub(super) fn shifted(input: &AffineInput, frontend: &Frontend) -> (Vec<f64>, f64) {
    let mut constant = input.constant;
    let factors = input.factors.iter().zip(&frontend.ranges).map(|(factor, range)| {
        let Some([lo, _]) = range else { return 0.0 };
        constant += factor * f64::from(*lo);
        *factor
    });
    (factors.collect(), constant)
}

/// A matrix of inputs as a matrix of features.
pub(super) fn fold(matrix: &RealMatrix, frontend: &Frontend) -> RealMatrix {
    let inputs: Vec<_> = frontend.inputs.iter().map(|input| shifted(input, frontend)).collect();
    let mut folded = RealMatrix { inputs: MODEL_FEATURES, weights: Vec::new(), biases: Vec::new() };
    for (row, bias) in matrix.weights.chunks_exact(matrix.inputs.max(1)).zip(&matrix.biases) {
        let mut sums = vec![0.0; MODEL_FEATURES];
        let mut constant = *bias;
        for (w, (factors, shift)) in row.iter().zip(&inputs) {
            sums.iter_mut().zip(factors).for_each(|(sum, f)| *sum += w * f);
            constant += w * shift;
        }
        folded.weights.extend(sums);
        folded.biases.push(constant);
    }
    folded
}

/// A matrix of rows over the first features.
pub(super) fn rows(rows: impl Iterator<Item = (Vec<f64>, f64)>, features: usize) -> RealMatrix {
    let mut matrix = RealMatrix { inputs: features, weights: Vec::new(), biases: Vec::new() };
    for (factors, constant) in rows {
        matrix.weights.extend_from_slice(&factors[..features]);
        matrix.biases.push(constant);
    }
    matrix
}

/// The form in which trees read an input, within the precision that the features' multipliers allow.
pub(super) fn wide(input: &AffineInput, frontend: &Frontend) -> Result<WideInput, ModelError> {
    WideInput::new(input, frontend, &base_multipliers(frontend)?)
}

/// Greatest multiplier of each feature, at which its range fills its bits.
fn base_multipliers(frontend: &Frontend) -> Result<[f64; MODEL_FEATURES], ModelError> {
    let mut largest = [0.0; MODEL_FEATURES];
    for (index, (largest, range)) in largest.iter_mut().zip(frontend.ranges).enumerate() {
        let width = range.map_or(0, |[lo, hi]| i64::from(hi) - i64::from(lo));
        if width > 0 {
            *largest = (((1i64 << INPUT_BITS) - 1) / width) as f64;
            if *largest < 1.0 {
                return Err(ModelError::Unrepresentable {
                    layer: 0,
                    channel: index,
                    reason: "this feature's range takes 2^28 steps or more: 64 doublings, of which a size loses what the \
                             decimals of the two tokens differ by; narrow it under [features]",
                });
            }
        }
    }
    Ok(largest)
}

/// Greatest multiplier of each feature, and whether it has to be a power of two, so that trees read it exactly.
pub(super) fn largest_multipliers(
    frontend: &Frontend,
    plan: &Plan,
) -> Result<[(f64, bool); MODEL_FEATURES], ModelError> {
    let mut largest = base_multipliers(frontend)?.map(|m| (m, false));
    for matrix in plan.matrices.iter().filter(|m| m.activation == Activation::Wide) {
        for row in matrix.weights.chunks_exact(matrix.inputs) {
            for (w, (most, power)) in row.iter().zip(&mut largest) {
                if *w != 0.0 && *most > 0.0 {
                    let passing = w.abs() * f64::from(1 << 18);
                    *most = most.min(passing.max(1.0)).log2().floor().exp2();
                    *power = true;
                }
            }
        }
    }
    Ok(largest)
}
