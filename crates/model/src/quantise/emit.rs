//! Real weights and scales to integer parameters.

use sotto_types::MODEL_FEATURES;

use super::Settings;
use super::plan::{Plan, PlanMatrix};
use super::scales::{power, weight_limit};
use crate::program::{Activation, LinearFormat, Program, Shape};
use crate::{Dense, Frontend, InputMap, ModelError};

/// Rounds a plan's parameters.
///
/// # Errors
/// When a bias exceeds its bits, or the parts do not form a program.
pub(super) fn program(
    plan: Plan,
    shape: Shape,
    frontend: &Frontend,
    largest: &[(f64, bool); MODEL_FEATURES],
    scales: &[f64],
    settings: &Settings<'_>,
) -> Result<Program, ModelError> {
    let row_scale = |matrix: &PlanMatrix, row: usize| match matrix.activation {
        Activation::Output => settings.pips,
        _ => scales[matrix.first + row],
    };
    let multipliers = multipliers(&plan, &shape, largest, &row_scale);
    let mut inputs = [InputMap::default(); MODEL_FEATURES];
    for ((input, range), mult) in inputs.iter_mut().zip(frontend.ranges).zip(multipliers) {
        if let Some([lo, hi]) = range.filter(|_| mult > 0) {
            *input = InputMap { lo, hi, mult };
        }
    }
    let mut scales = scales.to_vec();
    for (scale, input) in scales.iter_mut().zip(&inputs) {
        *scale = f64::from(input.mult);
    }
    let mut matrices = Vec::with_capacity(plan.matrices.len());
    for (matrix, format) in plan.matrices.iter().zip(shape.linear_formats()) {
        let mut dense = Dense { weights: Vec::with_capacity(matrix.weights.len()), biases: Vec::new() };
        for row in 0..matrix.biases.len() {
            let scale = match matrix.activation {
                Activation::Step => step_scale(matrix, format, row, &scales),
                Activation::Output => settings.pips,
                _ => scales[matrix.first + row],
            };
            emit_row(matrix, format, row, scale, &scales, &plan, &mut dense)?;
        }
        matrices.push(dense);
    }
    Ok(Program::new(shape, inputs, matrices, plan.ensembles, settings.policy)?)
}

/// The smallest multiplier of each feature with which every weight fits; zero for features that nothing reads.
fn multipliers(
    plan: &Plan,
    shape: &Shape,
    largest: &[(f64, bool); MODEL_FEATURES],
    row_scale: &dyn Fn(&PlanMatrix, usize) -> f64,
) -> [u32; MODEL_FEATURES] {
    let mut needs = [0.0f64; MODEL_FEATURES];
    for (matrix, format) in plan.matrices.iter().zip(shape.linear_formats()) {
        for row in 0..matrix.biases.len() {
            let unit = match matrix.activation {
                // A comparison takes any scale.
                Activation::Step => 0.0,
                _ => row_scale(matrix, row) * power(format.shift) / weight_limit(format),
            };
            let weights = &matrix.weights[row * matrix.inputs..][..matrix.inputs];
            for (w, &value) in weights.iter().zip(&matrix.column) {
                if let Some(need) = needs.get_mut(value).filter(|_| *w != 0.0) {
                    *need = need.max((w * unit).abs()).max(f64::MIN_POSITIVE);
                }
            }
        }
    }
    let mut multipliers = [0; MODEL_FEATURES];
    for ((multiplier, need), (most, power)) in multipliers.iter_mut().zip(needs).zip(largest) {
        if need > 0.0 {
            let whole = need.ceil().max(1.0);
            *multiplier = natural(if *power { whole.log2().ceil().exp2() } else { whole }.min(*most));
        }
    }
    multipliers
}

/// A whole number that a multiplier can be.
#[allow(clippy::cast_sign_loss, reason = "the caller keeps it above zero, and the cast saturates")]
const fn natural(x: f64) -> u32 {
    x as u32
}

/// A scale that uses a comparison's weights well, and keeps powers of two between them exact.
fn step_scale(matrix: &PlanMatrix, format: &LinearFormat, row: usize, scales: &[f64]) -> f64 {
    let weights = matrix.weights[row * matrix.inputs..][..matrix.inputs].iter().zip(&matrix.column);
    let steepest = weights.map(|(w, &value)| if scales[value] > 0.0 { w.abs() / scales[value] } else { 0.0 });
    let steepest = steepest.fold(0.0, f64::max);
    if steepest > 0.0 { power(format.weight_bits - 2) / steepest } else { 1.0 }
}

fn emit_row(
    matrix: &PlanMatrix,
    format: &LinearFormat,
    row: usize,
    scale: f64,
    scales: &[f64],
    plan: &Plan,
    dense: &mut Dense,
) -> Result<(), ModelError> {
    if scale.is_infinite() {
        dense.weights.extend(std::iter::repeat_n(0, matrix.inputs));
        dense.biases.push(0);
        return Ok(());
    }
    let (unit, limit) = (scale * power(format.shift), weight_limit(format));
    let mut bias = matrix.biases[row] * unit;
    for (w, &value) in matrix.weights[row * matrix.inputs..][..matrix.inputs].iter().zip(&matrix.column) {
        let exact = if *w == 0.0 || scales[value] == 0.0 { 0.0 } else { w * unit / scales[value] };
        let weight = exact.round().clamp(-limit, limit);
        dense.weights.push(weight as i32);
        if value < MODEL_FEATURES {
            // The weight's rounding is made up for in the middle of the feature's range.
            bias += (exact - weight) * 0.5 * plan.ranges[value][1] * scales[value];
        }
    }
    let bias =
        if matrix.activation == Activation::Step { step_bias(bias, matrix.strict) } else { bias.round() };
    if bias.abs() < power(format.bias_bits - 1) {
        dense.biases.push(bias as i64);
        Ok(())
    } else {
        let reason = "its bias exceeds its bits";
        Err(ModelError::Unrepresentable { layer: matrix.origin, channel: row, reason })
    }
}

/// The bias with which an integer accumulator is at least zero just when it would be with the real one; for a comparison
/// with above zero, one less.
fn step_bias(bias: f64, strict: bool) -> f64 {
    // What rounding in real arithmetic left beside a whole number is no part of the model.
    let whole = bias.round();
    let bias = if (bias - whole).abs() <= 1e-6 * bias.abs().clamp(1.0, 1e5) { whole } else { bias };
    if strict { bias.ceil() - 1.0 } else { bias.floor() }
}
