//! The scale of every value.
//!
//! A class of values gets the largest scale at which all its values stay in their format, and every weight and bias of the
//! rows that give it fits its bits. Rows of function arguments have the scale of the function's table; products have the
//! product of their factors' scales.

use sotto_types::MODEL_FEATURES;

use super::classes::UnionFind;
use super::plan::{Plan, PlanMatrix};
use crate::ModelError;
use crate::program::{Activation, LinearFormat, Op, Shape, shift_of};

/// A class of values with fewer steps than this over its range has lost the model's meaning.
const MIN_LEVELS: f64 = 64.0;
/// Most times that scales are lowered, each for the sake of others that were.
const MAX_ROUNDS: usize = 64;

/// `2^bits`.
pub(super) fn power(bits: u32) -> f64 {
    (1u128 << bits) as f64
}

/// Greatest weight of a format that leaves room for rounding.
pub(super) fn weight_limit(format: &LinearFormat) -> f64 {
    power(format.weight_bits - 1) - 1.0
}

/// Greatest bias, likewise.
fn bias_limit(format: &LinearFormat) -> f64 {
    power(format.bias_bits - 1) - power(format.shift)
}

struct Solver<'a> {
    plan: &'a Plan,
    shape: &'a Shape,
    of: Vec<usize>,
    scale: Vec<f64>,
    free: Vec<bool>,
}

/// Scales of all values; of a feature its greatest multiplier.
///
/// # Errors
/// When a value cannot have a scale at which it has enough steps and its weights fit.
pub(super) fn solve(
    plan: &Plan,
    shape: &Shape,
    largest: &[(f64, bool); MODEL_FEATURES],
    pips: f64,
) -> Result<Vec<f64>, ModelError> {
    let of = classes(plan);
    let mut solver = Solver { plan, shape, scale: vec![f64::NAN; of.len()], free: vec![false; of.len()], of };
    for (scale, (multiplier, _)) in solver.scale.iter_mut().zip(largest) {
        *scale = *multiplier;
    }
    let bound = solver.start()?;
    solver.products()?;
    let mut rounds = 0;
    while solver.lower(pips)? {
        solver.products()?;
        rounds += 1;
        if rounds == MAX_ROUNDS {
            return Err(refused(0, 0, "its values grow from step to step beyond any scale"));
        }
    }
    solver.check(&bound)?;
    Ok((0..solver.of.len()).map(|value| solver.scale[solver.of[value]]).collect())
}

fn refused(layer: usize, channel: usize, reason: &'static str) -> ModelError {
    ModelError::Unrepresentable { layer, channel, reason }
}

/// Values that share a scale: those that a matrix reads at one position, those that one of its rows gives.
fn classes(plan: &Plan) -> Vec<usize> {
    let mut sets = UnionFind::new(plan.ranges.len());
    let mut next = MODEL_FEATURES;
    for op in &plan.ops {
        match op {
            Op::Linear(linear) => {
                let matrix = &plan.matrices[linear.matrix];
                for column in &linear.columns {
                    for (&a, &b) in matrix.column.iter().zip(column) {
                        sets.union(a, b);
                    }
                    for row in 0..matrix.biases.len() {
                        sets.union(matrix.first + row, next);
                        next += 1;
                    }
                }
            }
            Op::Product { pairs } => next += pairs.len(),
            Op::Function { values, .. } => next += values.len(),
            Op::Ensemble(_) => next += 1,
        }
    }
    (0..plan.ranges.len()).map(|value| sets.find(value)).collect()
}

impl Solver<'_> {
    /// Gives fixed classes their scale and free ones the largest for their range; products stay open. Returns the
    /// greatest magnitude in each class.
    fn start(&mut self) -> Result<Vec<f64>, ModelError> {
        let mut bound = vec![0.0f64; self.of.len()];
        let mut most = vec![f64::INFINITY; self.of.len()];
        let mut derived = vec![false; self.of.len()];
        for (_, value) in self.product_values() {
            derived[self.of[value]] = true;
        }
        for value in MODEL_FEATURES..self.of.len() {
            let class = self.of[value];
            if let Some(fixed) = self.plan.fixed[value] {
                if self.free[class] || self.scale[class].is_nan() {
                    self.scale[class] = fixed;
                    self.free[class] = false;
                    derived[class] = false;
                } else if (self.scale[class] / fixed - 1.0).abs() > 1e-9 {
                    return Err(refused(0, value, "it meets a value of another scale"));
                }
            } else if self.scale[class].is_nan() && !derived[class] {
                self.free[class] = true;
            }
            let [lo, hi] = self.plan.ranges[value];
            let magnitude = hi.abs().max(lo.abs());
            bound[class] = bound[class].max(magnitude);
            most[class] = most[class].min(self.plan.formats[value].greatest() as f64 / magnitude);
        }
        for class in MODEL_FEATURES..self.of.len() {
            if self.of[class] == class && self.free[class] {
                // What is always zero has an infinite scale: whatever reads it has a weight of zero for it.
                self.scale[class] = most[class];
                if (bound[class] > 0.0 && !self.scale[class].is_finite()) || !bound[class].is_finite() {
                    return Err(refused(0, class, "its range is empty or has no bound"));
                }
            }
        }
        Ok(bound)
    }

    /// Products, as their factors and the value that they give.
    fn product_values(&self) -> Vec<([usize; 2], usize)> {
        let mut values = Vec::new();
        let mut next = MODEL_FEATURES;
        for op in self.shape.ops() {
            match op {
                Op::Linear(linear) => {
                    next += linear.columns.len() * self.plan.matrices[linear.matrix].biases.len();
                }
                Op::Product { pairs } => {
                    for &pair in pairs {
                        values.push((pair, next));
                        next += 1;
                    }
                }
                Op::Function { values, .. } => next += values.len(),
                Op::Ensemble(_) => next += 1,
            }
        }
        values
    }

    /// Scales of products, from their factors'.
    fn products(&mut self) -> Result<(), ModelError> {
        let products = self.product_values();
        let open =
            |solver: &Self| products.iter().filter(|(_, v)| solver.scale[solver.of[*v]].is_nan()).count();
        for (_, value) in &products {
            if !self.free[self.of[*value]] && self.plan.fixed[*value].is_none() {
                self.scale[self.of[*value]] = f64::NAN;
            }
        }
        loop {
            let before = open(self);
            for &(pair, value) in &products {
                let class = self.of[value];
                let factors = pair.map(|factor| self.scale[self.of[factor]]);
                let scale = factors[0] * factors[1] / power(shift_of(self.shape.formats(), pair));
                if scale.is_nan() {
                    continue;
                }
                if self.scale[class].is_nan() {
                    self.scale[class] = scale;
                } else if (self.scale[class] / scale - 1.0).abs() > 1e-9 {
                    return Err(refused(0, value, "it meets a value of another scale"));
                }
            }
            match open(self) {
                0 => return Ok(()),
                after if after == before => return Err(refused(0, 0, "its products go round in a circle")),
                _ => {}
            }
        }
    }

    /// Lowers scales whose rows do not fit their bits; whether any was lowered.
    fn lower(&mut self, pips: f64) -> Result<bool, ModelError> {
        let mut lowered = false;
        for (matrix, format) in self.plan.matrices.iter().zip(self.shape.linear_formats()) {
            if matrix.activation == Activation::Step {
                continue;
            }
            for row in 0..matrix.biases.len() {
                let most = self.largest(matrix, format, row);
                if matrix.activation == Activation::Output {
                    if pips.abs() > most {
                        return Err(refused(matrix.origin, row, "a weight of the output exceeds its bits"));
                    }
                    continue;
                }
                let class = self.of[matrix.first + row];
                if self.scale[class] <= most * (1.0 + 1e-12) {
                    continue;
                }
                if !self.free[class] {
                    return Err(refused(matrix.origin, row, STEEP));
                }
                self.scale[class] = most;
                lowered = true;
            }
        }
        Ok(lowered)
    }

    /// The largest scale at which a row's weights and bias fit.
    fn largest(&self, matrix: &PlanMatrix, format: &LinearFormat, row: usize) -> f64 {
        let weights = matrix.weights[row * matrix.inputs..][..matrix.inputs].iter().zip(&matrix.column);
        let steepest = weights.fold(0.0f64, |most, (w, &value)| {
            if *w == 0.0 { most } else { most.max(w.abs() / self.scale[self.of[value]]) }
        });
        let weights = weight_limit(format) / steepest;
        let bias = bias_limit(format) / matrix.biases[row].abs();
        // Features count from the least of their range, which the bias makes up for.
        let bias = if matrix.column.iter().any(|&v| v < MODEL_FEATURES) { f64::INFINITY } else { bias };
        weights.min(bias) / power(format.shift)
    }

    /// Whether every class has enough steps.
    fn check(&self, bound: &[f64]) -> Result<(), ModelError> {
        for matrix in &self.plan.matrices {
            if matches!(matrix.activation, Activation::Output | Activation::Step | Activation::Wide) {
                continue;
            }
            for row in 0..matrix.biases.len() {
                let class = self.of[matrix.first + row];
                let steps = self.scale[class] * bound[class];
                let value = matrix.first + row;
                let [lo, hi] = self.plan.ranges[value].map(|x| (x * self.scale[class]).abs());
                let greatest = self.plan.formats[value].greatest() as f64 + 1.0;
                if !self.free[class] && self.plan.fixed[value].is_none() && lo.max(hi) > greatest {
                    return Err(refused(
                        matrix.origin,
                        row,
                        "it meets values of a scale that it does not fit",
                    ));
                }
                if self.free[class] && bound[class] > 0.0 && steps < MIN_LEVELS {
                    return Err(refused(matrix.origin, row, "its weights leave it fewer than 64 steps"));
                }
                if self.scale[class].is_nan() || self.scale[class] <= 0.0 {
                    return Err(refused(matrix.origin, row, "its range is empty or has no bound"));
                }
            }
        }
        Ok(())
    }
}

/// Why a row with a fixed scale is refused.
const STEEP: &str = "a function's argument is too steep in what it is made of: one value alone takes it over twice as far as \
     the function tells apart. Narrow the range of what it reads (of an input: its `range` in strategy.toml), or train \
     with smaller weights there";
