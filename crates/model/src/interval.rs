//! Bounds of everything that an integer program computes, over all inputs that saturation lets through.

use serde::Serialize;

use crate::program::{Activation, Format, Linear, Op, Program, shift_of};

/// Bounds of one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperationBounds {
    /// What it is: `relu`, `signed`, `wide`, `step`, `output`, `product`, `trees`, or the function's name.
    pub kind: &'static str,
    /// Values that it gives.
    pub values: usize,
    /// Parameters that it reads; those of a shared matrix count at each operation.
    pub parameters: usize,
    /// Least value before rounding: of an accumulator, a product, a sum of leaves, or a function's argument.
    pub least: i64,
    /// Greatest value before rounding.
    pub greatest: i64,
    /// Bits of the larger magnitude.
    pub bits: u32,
    /// Bits that any parameters of this shape stay within: nothing wraps.
    pub limit_bits: u32,
    /// Values that some inputs would take past their format, where they saturate.
    pub can_saturate: usize,
    /// Values of a ReLU that no inputs activate.
    pub never_active: usize,
}

/// Bounds of a whole program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IntervalReport {
    /// The operations in order, the output last.
    pub operations: Vec<OperationBounds>,
    /// Least and greatest output in pips before the policy.
    pub output: [i64; 2],
}

/// An interval of integers. Magnitudes stay below 2^60, which a shape guarantees.
type Span = [i64; 2];

struct Analysis<'a> {
    program: &'a Program,
    values: Vec<Span>,
    operations: Vec<OperationBounds>,
}

/// Bounds a program by interval arithmetic.
pub fn analyse(program: &Program) -> IntervalReport {
    let values = program.inputs().iter().map(|map| [0, map.apply(map.hi)]).collect();
    let mut analysis = Analysis { program, values, operations: Vec::new() };
    let mut ensembles = program.ensembles().iter();
    let formats = program.shape().formats();
    for op in program.shape().ops() {
        match op {
            Op::Linear(linear) => analysis.linear(linear),
            Op::Product { pairs } => {
                let limit = pairs.iter().map(|p| p.iter().map(|&v| formats[v].magnitude()).sum()).max();
                let mut bounds = OperationBounds::new("product", pairs.len(), 0, limit.unwrap_or(0));
                for &pair in pairs {
                    let [a, b] = pair.map(|v| analysis.values[v]);
                    let corners = [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]];
                    let span =
                        corners.iter().fold([i64::MAX, i64::MIN], |[lo, hi], &x| [lo.min(x), hi.max(x)]);
                    let shift = shift_of(formats, pair);
                    analysis.round(span, shift, Format::SIGNED, &mut bounds);
                }
                analysis.operations.push(bounds);
            }
            Op::Function { function, values } => {
                let mut bounds = OperationBounds::new(function.name(), values.len(), 0, 19);
                for &value in values {
                    let span = analysis.values[value];
                    bounds.include(span);
                    let [a, b] = span.map(|x| function.apply(x));
                    // A table is monotone up to twice its error.
                    analysis.values.push([(a.min(b) - 8).max(0), (a.max(b) + 8).min(65535)]);
                }
                analysis.operations.push(bounds);
            }
            Op::Ensemble(shape) => {
                let parameters = ensembles.next();
                let leaves = parameters.map_or(&[][..], |p| p.leaves.as_slice());
                let trees = leaves.chunks_exact(1 << shape.depth);
                let end = |pick: fn(i64, i64) -> i64| -> i64 {
                    trees.clone().filter_map(|t| t.iter().map(|&l| i64::from(l)).reduce(pick)).sum()
                };
                let span = [end(i64::min), end(i64::max)];
                let nodes = parameters
                    .map_or(0, |p| p.nodes.len() + p.thresholds.iter().map(Vec::len).sum::<usize>());
                let limit = shape.format().magnitude();
                let mut bounds = OperationBounds::new("trees", 1, nodes + leaves.len(), limit);
                bounds.include(span);
                analysis.operations.push(bounds);
                analysis.values.push(span);
            }
        }
    }
    let output = analysis.output();
    IntervalReport { operations: analysis.operations, output }
}

impl OperationBounds {
    const fn new(kind: &'static str, values: usize, parameters: usize, limit_bits: u32) -> Self {
        Self {
            kind,
            values,
            parameters,
            least: i64::MAX,
            greatest: i64::MIN,
            bits: 0,
            limit_bits,
            can_saturate: 0,
            never_active: 0,
        }
    }

    fn include(&mut self, [lo, hi]: Span) {
        self.least = self.least.min(lo);
        self.greatest = self.greatest.max(hi);
        let magnitude = self.least.unsigned_abs().max(self.greatest.unsigned_abs());
        self.bits = u64::BITS - magnitude.leading_zeros();
    }
}

impl Analysis<'_> {
    /// Takes what is rounded and saturated as the next value.
    fn round(&mut self, span: Span, shift: u32, format: Format, bounds: &mut OperationBounds) {
        bounds.include(span);
        let rounded = span.map(|x| if shift == 0 { x } else { (x + (1 << (shift - 1))) >> shift });
        let (least, greatest) = (format.least(), format.greatest());
        // Below zero a ReLU is no saturation.
        let below = matches!(format, Format::Signed(_)) && rounded[0] < least;
        bounds.can_saturate += usize::from(below || rounded[1] > greatest);
        bounds.never_active += usize::from(format == Format::POSITIVE && rounded[1] <= 0);
        self.values.push(rounded.map(|x| x.clamp(least, greatest)));
    }

    fn accumulate(&self, matrix: usize, row: usize, column: &[usize]) -> Span {
        let dense = &self.program.matrices()[matrix];
        let weights = &dense.weights[row * column.len()..][..column.len()];
        weights.iter().zip(column).fold([dense.biases[row]; 2], |[lo, hi], (&w, &value)| {
            let [a, b] = self.values[value].map(|x| i64::from(w) * x);
            [lo + a.min(b), hi + a.max(b)]
        })
    }

    fn linear(&mut self, linear: &Linear) {
        let format = self.program.shape().linear_formats()[linear.matrix];
        let (kind, to) = match linear.activation {
            Activation::Relu => ("relu", Format::POSITIVE),
            Activation::Signed | Activation::Output => ("signed", Format::SIGNED),
            Activation::Wide => ("wide", Format::WIDE),
            Activation::Step => ("step", Format::BIT),
        };
        let limit = u128::BITS - format.accumulator_bound().leading_zeros();
        let count = linear.columns.len() * format.rows;
        let mut bounds = OperationBounds::new(kind, count, format.rows * (format.inputs + 1), limit);
        for column in &linear.columns {
            for row in 0..format.rows {
                let span = self.accumulate(linear.matrix, row, column);
                if linear.activation == Activation::Step {
                    bounds.include(span);
                    self.values.push(span.map(|x| i64::from(x >= 0)));
                } else {
                    self.round(span, format.shift, to, &mut bounds);
                }
            }
        }
        self.operations.push(bounds);
    }

    fn output(&mut self) -> Span {
        let map = self.program.shape().output();
        let format = self.program.shape().linear_formats()[map.matrix];
        let limit = u128::BITS - format.accumulator_bound().leading_zeros();
        let mut bounds = OperationBounds::new("output", 1, format.inputs + 1, limit);
        let span = self.accumulate(map.matrix, 0, &map.values);
        bounds.include(span);
        self.operations.push(bounds);
        span.map(|x| (x + (1 << (format.shift - 1))) >> format.shift)
    }
}
