//! Where the values of a model lie.

use crate::program::Function;
use crate::real::{RealActivation, RealMatrix, RealOp, exact};
use crate::{Calibration, ModelError, RealProgram};

/// An interval, least and greatest.
pub(crate) type Range = [f64; 2];

/// The smallest interval around both.
pub(super) fn hull([a, b]: Range, [c, d]: Range) -> Range {
    [a.min(c), b.max(d)]
}

/// Where every value lies, by interval arithmetic within the calibration.
///
/// # Errors
/// When the calibration has other matrices or rows than the model, and when a function's argument has no useful bound.
pub(crate) fn ranges(
    real: &RealProgram,
    inputs: &[Range],
    calibration: Option<&Calibration>,
) -> Result<Vec<Range>, ModelError> {
    if let Some(calibration) = calibration {
        calibration.check(real)?;
    }
    let mut values = inputs.to_vec();
    for (position, op) in real.ops.iter().enumerate() {
        match op {
            RealOp::Linear { matrix, columns, activation } => {
                let seen =
                    |row| calibration.map_or([f64::NEG_INFINITY, f64::INFINITY], |c| c.row(*matrix, row));
                linear(&real.matrices[*matrix], columns, *activation, &seen, &mut values);
            }
            RealOp::Product { pairs } => {
                for &[a, b] in pairs {
                    values.push(product(values[a], values[b], a == b));
                }
            }
            RealOp::Function { function, values: from } => {
                for &value in from {
                    let range = image(*function, values[value]).ok_or(ModelError::Unrepresentable {
                        layer: position,
                        channel: value,
                        reason: DOMAIN,
                    })?;
                    values.push(range);
                }
            }
            RealOp::Ensemble { trees, .. } => {
                values.push(trees.iter().fold([0.0; 2], |[lo, hi], tree| {
                    let leaves = tree.iter().filter_map(|node| match node {
                        crate::RealNode::Leaf(value) => Some(*value),
                        crate::RealNode::Inner { .. } => None,
                    });
                    let (least, greatest) =
                        leaves.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
                    [lo + least.min(greatest), hi + greatest.max(least)]
                }));
            }
        }
    }
    Ok(values)
}

/// Why a function's argument is refused.
pub(super) const DOMAIN: &str = "its argument has too wide a range: calibrate, or rescale the argument (a logarithm, \
     reciprocal or root wants its greatest argument at most 16 times its least, which is above zero; an exponential at \
     most 700)";

fn linear(
    matrix: &RealMatrix,
    columns: &[Vec<usize>],
    activation: RealActivation,
    seen: &dyn Fn(usize) -> Range,
    values: &mut Vec<Range>,
) {
    for column in columns {
        for (row, bias) in matrix.biases.iter().enumerate() {
            let weights = &matrix.weights[row * matrix.inputs..][..matrix.inputs];
            let range = weights.iter().zip(column).fold([*bias; 2], |[lo, hi], (w, &value)| {
                let [a, b] = values[value].map(|x| w * x);
                [lo + a.min(b), hi + a.max(b)]
            });
            let range = range.map(|x| activation.apply(x));
            let [least, greatest] = seen(row);
            let cut = [range[0].max(least), range[1].min(greatest)];
            let steps = matches!(activation, RealActivation::AtLeastZero | RealActivation::AboveZero);
            values.push(if steps || cut[0] > cut[1] { range } else { cut });
        }
    }
}

fn product(a: Range, b: Range, square: bool) -> Range {
    let corners = [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]];
    let range = corners.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |r, &x| hull(r, [x, x]));
    if square { [range[0].max(0.0), range[1]] } else { range }
}

fn image(function: Function, range: Range) -> Option<Range> {
    let [a, b] = range.map(|x| exact(function, x));
    let image = [a.min(b), a.max(b)];
    (image.iter().all(|x| x.is_finite()) && (!positive(function) || range[0] > 0.0)).then_some(image)
}

const fn positive(function: Function) -> bool {
    matches!(function, Function::Log | Function::Reciprocal | Function::InverseSqrt)
}
