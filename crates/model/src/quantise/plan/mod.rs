//! A model in the operations of a shape, still in real arithmetic.
//!
//! Values are numbered as in the [`Shape`](crate::program::Shape) to be. A value of the model is an affine map of one of the
//! plan: functions give what their tables give, features count from the least of their range, and the maps that read them
//! make up for it.

mod operations;

use std::collections::BTreeMap;

use sotto_types::{MARKET_FEATURES, MODEL_FEATURES};

use super::classes::Classes;
use super::functions::{Affine, STEEP_TOP, argument, result};
use super::ranges::Range;
use super::trees::{Trees, WideInput};
use super::{Settings, front};
use crate::program::{
    Activation, EnsembleParameters, Format, Function, Linear, MatrixShape, Op, OutputMap, ValueId,
};
use crate::real::{RealActivation, RealMatrix, RealOp};
use crate::{Frontend, ModelError, RealProgram};

/// Scale of a table's argument and of its result.
const ARGUMENT_SCALE: f64 = (1u64 << 19) as f64;
const RESULT_SCALE: f64 = 65535.0;

/// A matrix of the plan.
#[derive(Clone, Debug)]
pub(super) struct PlanMatrix {
    pub(super) inputs: usize,
    pub(super) weights: Vec<f64>,
    pub(super) biases: Vec<f64>,
    pub(super) activation: Activation,
    /// A step above zero only.
    pub(super) strict: bool,
    /// What its first application reads, and the first value that it gives.
    pub(super) column: Vec<ValueId>,
    pub(super) first: ValueId,
    /// Position of the model's operation that it comes from.
    pub(super) origin: usize,
}

/// A whole model.
pub(super) struct Plan {
    pub(super) matrices: Vec<PlanMatrix>,
    pub(super) ops: Vec<Op>,
    pub(super) output: OutputMap,
    pub(super) ensembles: Vec<EnsembleParameters>,
    /// Where each value lies.
    pub(super) ranges: Vec<Range>,
    /// Scales that are fixed.
    pub(super) fixed: Vec<Option<f64>>,
    pub(super) formats: Vec<Format>,
}

/// What a matrix is for; the same for all columns that share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// A matrix of the model, with its activation.
    Model(usize, u8),
    /// A comparison of inputs that gives the model's values from this one on.
    Comparison(usize),
    /// Values of a class to arguments of a function.
    Argument(usize, Function),
    /// What exceeds the table of Softplus.
    Excess(usize),
    /// Softplus from its table and its excess.
    Softplus(usize),
    /// Values of a class to its common scale.
    Common(usize, Kind),
    /// Inputs of market features, of all features; for trees.
    Front { slotted: bool, wide: bool },
}

/// What gives values of one scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Bit,
    Ensemble(usize),
    Function(Function),
    /// Of factors of these classes and magnitudes.
    Product([(usize, u32); 2]),
}

/// A map to apply.
struct Map<'a> {
    key: Key,
    activation: Activation,
    strict: bool,
    /// Scale of each row, where it is fixed.
    fixed: &'a [Option<f64>],
    matrix: &'a dyn Fn() -> RealMatrix,
}

impl Plan {
    /// Brings a model into operations of a shape.
    ///
    /// # Errors
    /// When trees or arguments of functions do not fit.
    pub(super) fn new(
        real: &RealProgram,
        frontend: &Frontend,
        ranges: &[Range],
        settings: &Settings<'_>,
    ) -> Result<Self, ModelError> {
        let classes = Classes::new(real, ranges)?;
        let widths = frontend.ranges.map(|r| r.map_or(0.0, |[lo, hi]| f64::from(hi) - f64::from(lo)));
        let plan = Self {
            matrices: Vec::new(),
            ops: Vec::new(),
            output: OutputMap { matrix: 0, values: Vec::new() },
            ensembles: Vec::new(),
            ranges: widths.iter().map(|&width| [0.0, width]).collect(),
            fixed: vec![None; MODEL_FEATURES],
            formats: vec![Format::FEATURE; MODEL_FEATURES],
        };
        let values = vec![usize::MAX; real.inputs];
        let folded = front::folds(real);
        let mut builder = Builder {
            real,
            frontend,
            ranges,
            classes,
            plan,
            values,
            known: BTreeMap::new(),
            folded,
            origin: 0,
        };
        if !folded {
            builder.inputs();
        }
        let wide = builder.wide_inputs()?;
        for (position, op) in real.ops.iter().enumerate() {
            builder.origin = position;
            builder.op(op, &wide, settings)?;
        }
        builder.output();
        Ok(builder.plan)
    }

    /// Dimensions of the matrices.
    pub(super) fn matrix_shapes(&self) -> Vec<MatrixShape> {
        self.matrices.iter().map(|m| MatrixShape { rows: m.biases.len(), inputs: m.inputs }).collect()
    }

    fn give(&mut self, format: Format, range: Range, fixed: Option<f64>) -> ValueId {
        self.formats.push(format);
        self.ranges.push(range);
        self.fixed.push(fixed);
        self.ranges.len() - 1
    }
}

struct Builder<'a> {
    real: &'a RealProgram,
    frontend: &'a Frontend,
    ranges: &'a [Range],
    classes: Classes,
    plan: Plan,
    /// The plan's value for each of the model's so far.
    values: Vec<ValueId>,
    /// Matrices so far, by purpose and by the format of what they read.
    known: BTreeMap<(Key, u32, bool), usize>,
    folded: bool,
    origin: usize,
}

/// Inputs in the form that trees read, with the plan's value of each.
type Wide = BTreeMap<usize, (WideInput, ValueId)>;

impl Builder<'_> {
    /// Rows for the inputs that are read other than by trees.
    fn inputs(&mut self) {
        let read = front::read(self.real);
        for slotted in [false, true] {
            let chosen: Vec<usize> = (0..self.real.inputs)
                .filter(|&i| read[i] && front::slotted(&self.frontend.inputs[i]) == slotted)
                .collect();
            let frontend = self.frontend;
            let shifts: Vec<f64> = chosen.iter().map(|&i| self.classes.class(i).affine.shift).collect();
            let matrix = |features| {
                let rows = chosen.iter().zip(&shifts).map(|(&i, shift)| {
                    let (factors, constant) = front::shifted(&frontend.inputs[i], frontend);
                    (factors, constant - shift)
                });
                front::rows(rows, features)
            };
            let ranges: Vec<Range> =
                chosen.iter().zip(&shifts).map(|(&i, shift)| self.ranges[i].map(|x| x - shift)).collect();
            let base = self.front(slotted, Activation::Signed, None, &ranges, &matrix);
            for (row, &input) in chosen.iter().enumerate() {
                self.values[input] = base + row;
            }
        }
    }

    /// Rows for the inputs that trees read.
    fn wide_inputs(&mut self) -> Result<Wide, ModelError> {
        let mut wide = Wide::new();
        for op in &self.real.ops {
            if let RealOp::Ensemble { features, .. } = op {
                for &input in features {
                    let form = front::wide(&self.frontend.inputs[input], self.frontend)?;
                    wide.insert(input, (form, 0));
                }
            }
        }
        for slotted in [false, true] {
            let chosen: Vec<usize> = wide
                .keys()
                .copied()
                .filter(|&i| front::slotted(&self.frontend.inputs[i]) == slotted)
                .collect();
            let matrix = |features| {
                let forms = chosen.iter().filter_map(|i| wide.get(i));
                front::rows(forms.map(|(form, _)| (form.factors.clone(), form.constant)), features)
            };
            let ranges = vec![[0.0; 2]; chosen.len()];
            let base = self.front(slotted, Activation::Wide, Some(1.0), &ranges, &matrix);
            for (row, input) in chosen.iter().enumerate() {
                if let Some((_, value)) = wide.get_mut(input) {
                    *value = base + row;
                }
            }
        }
        Ok(wide)
    }

    fn front(
        &mut self,
        slotted: bool,
        activation: Activation,
        fixed: Option<f64>,
        ranges: &[Range],
        matrix: &dyn Fn(usize) -> RealMatrix,
    ) -> ValueId {
        if ranges.is_empty() {
            return 0;
        }
        let features = if slotted { MODEL_FEATURES } else { MARKET_FEATURES };
        let key = Key::Front { slotted, wide: activation == Activation::Wide };
        let fixed = vec![fixed; ranges.len()];
        let map = Map { key, activation, strict: false, fixed: &fixed, matrix: &|| matrix(features) };
        self.apply(&map, &[(0..features).collect()], ranges).first().copied().unwrap_or(0)
    }

    /// Applies a map to columns of the plan's values; gives the first result of each column. Columns whose values have
    /// other formats need a copy of the matrix.
    fn apply(&mut self, map: &Map<'_>, columns: &[Vec<ValueId>], ranges: &[Range]) -> Vec<ValueId> {
        let rows = ranges.len() / columns.len().max(1);
        let mut groups: BTreeMap<(u32, bool), Vec<usize>> = BTreeMap::new();
        for (position, column) in columns.iter().enumerate() {
            let magnitude = column.iter().map(|&v| self.plan.formats[v].magnitude()).max().unwrap_or(0);
            let features = column.iter().any(|&v| v < MODEL_FEATURES);
            groups.entry((magnitude, features)).or_default().push(position);
        }
        let format = match map.activation {
            Activation::Relu => Format::POSITIVE,
            Activation::Signed | Activation::Output => Format::SIGNED,
            Activation::Wide => Format::WIDE,
            Activation::Step => Format::BIT,
        };
        let mut firsts = vec![0; columns.len()];
        for ((magnitude, features), positions) in groups {
            let first = self.plan.ranges.len();
            let index = *self.known.entry((map.key, magnitude, features)).or_insert_with(|| {
                let RealMatrix { inputs, weights, biases } = (map.matrix)();
                let column = positions.first().map_or_else(Vec::new, |&p| columns[p].clone());
                let Map { activation, strict, .. } = *map;
                let origin = self.origin;
                self.plan.matrices.push(PlanMatrix {
                    inputs,
                    weights,
                    biases,
                    activation,
                    strict,
                    column,
                    first,
                    origin,
                });
                self.plan.matrices.len() - 1
            });
            for &position in &positions {
                firsts[position] = self.plan.ranges.len();
                for (range, fixed) in ranges[position * rows..][..rows].iter().zip(map.fixed) {
                    self.plan.give(format, *range, *fixed);
                }
            }
            let columns = positions.iter().map(|&p| columns[p].clone()).collect();
            self.plan.ops.push(Op::Linear(Linear { matrix: index, columns, activation: map.activation }));
        }
        firsts
    }

    fn op(&mut self, op: &RealOp, wide: &Wide, settings: &Settings<'_>) -> Result<(), ModelError> {
        match op {
            RealOp::Linear { matrix, columns, activation }
                if !self.folded && front::compares_inputs(self.real, op) =>
            {
                for column in columns {
                    self.comparison(*matrix, column, *activation);
                }
            }
            RealOp::Linear { matrix, columns, activation } => self.linear(*matrix, columns, *activation),
            RealOp::Product { pairs } => self.product(pairs),
            RealOp::Function { function, values } => self.function(*function, values),
            RealOp::Ensemble { features, trees } => {
                let (inputs, places) = features.iter().filter_map(|f| wide.get(f).cloned()).unzip();
                let inputs: Vec<WideInput> = inputs;
                let trees = Trees::new(trees, &inputs, places, settings.trees.unwrap_or_default())?;
                let range = self.ranges[self.values.len()];
                let value = self.plan.give(trees.shape.format(), range, Some(trees.scale));
                self.plan.ops.push(Op::Ensemble(trees.shape));
                self.plan.ensembles.push(trees.parameters);
                self.take(&[value], &[Kind::Ensemble(self.values.len())], &[Affine::IDENTITY]);
            }
        }
        Ok(())
    }
}
