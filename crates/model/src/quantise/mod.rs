//! From real arithmetic to integers: every value gets a scale, every weight its bits.
//!
//! The integer of a value is `round(scale · value)`. [`plan`] brings a model into the operations of a [`Shape`], which
//! depends on the model's structure alone; [`scales`] gives every value its scale, by the ranges that [`ranges`] derives
//! from the features' ranges and a calibration; [`emit`] rounds the weights. [`trees`] are exact: what they compare becomes
//! an integer without loss, and thresholds become integers too.

mod classes;
mod emit;
mod front;
mod functions;
mod plan;
pub(crate) mod ranges;
mod scales;
mod trees;
mod validate;

pub use trees::TreeTable;

use crate::program::{Program, Shape};
use crate::{Calibration, Frontend, ModelError, Policy, RealProgram};

/// What quantisation needs besides model and front end.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// Ranges seen on data; without them bounds follow from the features' ranges, which is safe and less precise.
    pub calibration: Option<&'a Calibration>,
    /// Pips in one unit of the model's output.
    pub pips: f64,
    /// The policy.
    pub policy: Policy,
    /// Sizes of the ensembles of trees, where they are fixed.
    pub trees: Option<TreeTable>,
}

/// Quantises a model.
///
/// The shape depends on the model's structure, on which features each input reads, and for trees on their sizes (unless
/// [`Settings::trees`] fixes those): not on weights or on the calibration.
///
/// # Errors
/// When the model is inconsistent, counts of inputs or of calibrated rows differ, something does not fit the integer
/// formats with useful precision, or the model is too large.
pub fn quantise(
    real: &RealProgram,
    frontend: &Frontend,
    settings: &Settings<'_>,
) -> Result<Program, ModelError> {
    validate::check(real)?;
    let (expected, got) = (real.inputs, frontend.inputs.len());
    if expected != got {
        return Err(ModelError::Width { what: "inputs", expected, got });
    }
    let inputs: Vec<[f64; 2]> = frontend.inputs.iter().map(|input| input.range).collect();
    let ranges = ranges::ranges(real, &inputs, settings.calibration)?;
    let plan = plan::Plan::new(real, frontend, &ranges, settings)?;
    let shape = Shape::new(plan.matrix_shapes(), plan.ops.clone(), plan.output.clone())?;
    let largest = front::largest_multipliers(frontend, &plan)?;
    let scales = scales::solve(&plan, &shape, &largest, settings.pips)?;
    emit::program(plan, shape, frontend, &largest, &scales, settings)
}
