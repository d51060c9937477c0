//! A model in the operations of a shape, still in real arithmetic.
//!
//! Values are numbered as in the [`Shape`](crate::program::Shape) to be. A value of the model is an affine map of one of the
//! plan: functions give what their tables give, features count from the least of their range, and the maps that read them
//! make up for it.

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

impl Builder<'_> {
    fn linear(&mut self, matrix: usize, columns: &[Vec<usize>], activation: RealActivation) {
        let (real, frontend) = (self.real, self.frontend);
        let source = &real.matrices[matrix];
        let (rows, next) = (source.biases.len(), self.values.len());
        let steps = matches!(activation, RealActivation::AtLeastZero | RealActivation::AboveZero);
        let to_plan: Vec<Affine> = (next..next + rows).map(|v| self.row_affine(v, activation)).collect();
        let fixed: Vec<Option<f64>> = (next..next + rows)
            .map(|value| match self.classes.class(value).argument_of {
                _ if steps => Some(1.0),
                Some(_) => Some(ARGUMENT_SCALE),
                None => None,
            })
            .collect();
        let ranges: Vec<Range> = (0..columns.len() * rows)
            .map(|i| self.ranges[next + i].map(|x| to_plan[i % rows].apply(x)))
            .collect();
        let column = columns.first().map_or(&[][..], Vec::as_slice);
        let folds = self.folded && column.iter().any(|&v| v < real.inputs);
        // Folded inputs are no values of the plan.
        let affine = |&v: &usize| if folds { Affine::IDENTITY } else { self.classes.class(v).affine };
        let affine: Vec<Affine> = column.iter().map(affine).collect();
        let dead: Vec<bool> = (next..next + rows)
            .map(|v| activation == RealActivation::Relu && self.classes.class(v).range[1] <= 0.0)
            .collect();
        let build = || {
            let mut matrix = source.clone();
            let weights = matrix.weights.chunks_exact_mut(matrix.inputs.max(1));
            for (row, (weights, bias)) in weights.zip(&mut matrix.biases).enumerate() {
                for (w, from) in weights.iter_mut().zip(&affine) {
                    *bias += *w * from.shift;
                    *w *= from.factor * to_plan[row].factor;
                }
                *bias = to_plan[row].apply(*bias);
                if dead[row] {
                    weights.fill(0.0);
                    *bias = 0.0;
                }
            }
            if folds { front::fold(&matrix, frontend) } else { matrix }
        };
        let map = Map {
            key: Key::Model(matrix, activation as u8),
            activation: match activation {
                RealActivation::Identity => Activation::Signed,
                RealActivation::Relu => Activation::Relu,
                RealActivation::AtLeastZero | RealActivation::AboveZero => Activation::Step,
            },
            strict: activation == RealActivation::AboveZero,
            fixed: &fixed,
            matrix: &build,
        };
        let columns: Vec<Vec<ValueId>> = if folds {
            vec![(0..MODEL_FEATURES).collect()]
        } else {
            columns.iter().map(|column| column.iter().map(|&v| self.values[v]).collect()).collect()
        };
        let given: Vec<ValueId> =
            self.apply(&map, &columns, &ranges).into_iter().flat_map(|first| first..first + rows).collect();
        if steps {
            let count = given.len();
            self.take(&given, &vec![Kind::Bit; count], &vec![Affine::IDENTITY; count]);
        } else {
            self.values.extend(given);
        }
    }

    /// Compares inputs by the features that they are made of.
    fn comparison(&mut self, matrix: usize, column: &[usize], activation: RealActivation) {
        let (real, frontend) = (self.real, self.frontend);
        let rows = real.matrices[matrix].biases.len();
        let build = || front::fold(&front::spread(&real.matrices[matrix], column, real.inputs), frontend);
        let map = Map {
            key: Key::Comparison(self.values.len()),
            activation: Activation::Step,
            strict: activation == RealActivation::AboveZero,
            fixed: &vec![Some(1.0); rows],
            matrix: &build,
        };
        let first = self.apply(&map, &[(0..MODEL_FEATURES).collect()], &vec![[0.0, 1.0]; rows]);
        let given: Vec<ValueId> = first.into_iter().flat_map(|first| first..first + rows).collect();
        self.take(&given, &vec![Kind::Bit; rows], &vec![Affine::IDENTITY; rows]);
    }

    /// From a value of the model, a row of a map, to the plan's.
    fn row_affine(&self, value: usize, activation: RealActivation) -> Affine {
        let class = self.classes.class(value);
        match (activation, class.argument_of) {
            (RealActivation::Identity, Some(function)) => {
                argument(function, self.classes.top(function, value))
            }
            (RealActivation::Identity, None) => {
                let Affine { factor, shift } = class.affine;
                Affine { factor: factor.recip(), shift: -shift / factor }
            }
            _ => Affine::IDENTITY,
        }
    }

    fn product(&mut self, pairs: &[[usize; 2]]) {
        let next = self.values.len();
        let (mut given, mut kinds, mut affine) = (Vec::new(), Vec::new(), Vec::new());
        let places: Vec<[ValueId; 2]> = pairs.iter().map(|pair| pair.map(|v| self.values[v])).collect();
        for (position, (pair, places)) in pairs.iter().zip(&places).enumerate() {
            let factor = pair.map(|v| self.classes.class(v).affine.factor);
            let factor = factor[0] * factor[1];
            let range = self.ranges[next + position].map(|x| x / factor);
            given.push(self.plan.give(Format::SIGNED, range, None));
            affine.push(Affine { factor, shift: 0.0 });
            let formats = places.map(|value| self.plan.formats[value].magnitude());
            let mut kind = [0, 1].map(|i| (self.classes.id(pair[i]), formats[i]));
            kind.sort_unstable();
            kinds.push(Kind::Product(kind));
        }
        self.plan.ops.push(Op::Product { pairs: places });
        self.take(&given, &kinds, &affine);
    }

    fn function(&mut self, function: Function, values: &[usize]) {
        let mut arguments: Vec<ValueId> = values.iter().map(|&v| self.values[v]).collect();
        let mut insert: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (position, &value) in values.iter().enumerate() {
            if self.classes.class(value).argument_of != Some(function) {
                insert.entry(self.classes.id(value)).or_default().push(position);
            }
        }
        let softplus = function == Function::Softplus;
        let mut excess = vec![0; values.len()];
        for (&class, positions) in &insert {
            let Some(&value) = positions.first().and_then(|&p| values.get(p)) else { continue };
            let from = self.classes.class(value).affine;
            let to = argument(function, self.classes.top(function, value));
            let map = Affine { factor: to.factor * from.factor, shift: to.apply(from.shift) };
            let key = Key::Argument(class, function);
            let places = self.one_to_one(key, map, Some(ARGUMENT_SCALE), false, positions, values);
            positions.iter().zip(places).for_each(|(&p, place)| arguments[p] = place);
            if softplus {
                let map = Affine { factor: from.factor, shift: from.shift - STEEP_TOP };
                let places = self.one_to_one(Key::Excess(class), map, None, true, positions, values);
                positions.iter().zip(places).for_each(|(&p, place)| excess[p] = place);
            }
        }
        let results: Vec<ValueId> = values
            .iter()
            .map(|&value| {
                let affine = result(function, self.classes.top(function, value));
                let next = self.ranges[value];
                let range = next.map(|x| (crate::exact(function, x) - affine.shift) / affine.factor);
                self.plan.give(
                    Format::POSITIVE,
                    [range[0].min(range[1]), range[0].max(range[1])],
                    Some(RESULT_SCALE),
                )
            })
            .collect();
        self.plan.ops.push(Op::Function { function, values: arguments });
        let affine: Vec<Affine> =
            values.iter().map(|&v| result(function, self.classes.top(function, v))).collect();
        if softplus {
            self.softplus(values, &results, &excess);
        } else {
            self.take(&results, &vec![Kind::Function(function); values.len()], &affine);
        }
    }

    /// Softplus from what its table gives, up to 12, and what exceeds 12.
    fn softplus(&mut self, values: &[usize], results: &[ValueId], excess: &[ValueId]) {
        let next = self.values.len();
        let factor = result(Function::Softplus, STEEP_TOP).factor;
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (position, &value) in values.iter().enumerate() {
            groups.entry(self.classes.id(value)).or_default().push(position);
        }
        let mut places = vec![0; values.len()];
        for (class, positions) in groups {
            let columns: Vec<_> = positions.iter().map(|&p| vec![results[p], excess[p]]).collect();
            let ranges: Vec<_> = positions.iter().map(|&p| self.ranges[next + p]).collect();
            let map = Map {
                key: Key::Softplus(class),
                activation: Activation::Signed,
                strict: false,
                fixed: &[None],
                matrix: &|| RealMatrix { inputs: 2, weights: vec![factor, 1.0], biases: vec![0.0] },
            };
            let firsts = self.apply(&map, &columns, &ranges);
            positions.iter().zip(firsts).for_each(|(&p, first)| places[p] = first);
        }
        self.values.extend(places);
    }

    /// Applies one affine map to some of the values, one by one. `positive` cuts off what is below zero.
    fn one_to_one(
        &mut self,
        key: Key,
        map: Affine,
        fixed: Option<f64>,
        positive: bool,
        positions: &[usize],
        values: &[usize],
    ) -> Vec<ValueId> {
        let columns: Vec<_> = positions.iter().map(|&p| vec![self.values[values[p]]]).collect();
        let ranges: Vec<Range> = columns
            .iter()
            .map(|column| {
                let range = column.first().map_or([0.0; 2], |&v| self.plan.ranges[v]).map(|x| map.apply(x));
                if positive { range.map(|x| x.max(0.0)) } else { range }
            })
            .collect();
        let dead = positive && ranges.iter().all(|range| range[1] <= 0.0);
        let map = if dead { Affine { factor: 0.0, shift: 0.0 } } else { map };
        let map = Map {
            key,
            activation: if positive { Activation::Relu } else { Activation::Signed },
            strict: false,
            fixed: &[fixed],
            matrix: &|| RealMatrix { inputs: 1, weights: vec![map.factor], biases: vec![map.shift] },
        };
        self.apply(&map, &columns, &ranges)
    }

    /// Takes values that are not rows of maps as the model's next, through one more map where their class has several
    /// sources.
    fn take(&mut self, given: &[ValueId], kinds: &[Kind], affine: &[Affine]) {
        let next = self.values.len();
        let mut places = given.to_vec();
        let mut groups: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (position, kind) in kinds.iter().enumerate() {
            if self.classes.class(next + position).requantise {
                let key = Key::Common(self.classes.id(next + position), *kind);
                groups.entry(key).or_default().push(position);
            }
        }
        for (key, positions) in groups {
            let columns: Vec<_> = positions.iter().map(|&p| vec![given[p]]).collect();
            let ranges: Vec<_> = positions.iter().map(|&p| self.ranges[next + p]).collect();
            let Affine { factor, shift } =
                positions.first().and_then(|&p| affine.get(p)).copied().unwrap_or(Affine::IDENTITY);
            let map = Map {
                key,
                activation: Activation::Signed,
                strict: false,
                fixed: &[None],
                matrix: &|| RealMatrix { inputs: 1, weights: vec![factor], biases: vec![shift] },
            };
            let firsts = self.apply(&map, &columns, &ranges);
            positions.iter().zip(firsts).for_each(|(&p, first)| places[p] = first);
        }
        self.values.extend(places);
    }

    fn output(&mut self) {
        let (weights, bias) = &self.real.output_weights;
        let mut matrix =
            RealMatrix { inputs: self.real.output.len(), weights: weights.clone(), biases: vec![*bias] };
        let folds = self.folded && self.real.output.iter().any(|&v| v < self.real.inputs);
        let values: Vec<ValueId> = if self.real.output.is_empty() {
            // A constant reads all features and weighs none.
            (matrix.inputs, matrix.weights) = (MODEL_FEATURES, vec![0.0; MODEL_FEATURES]);
            (0..MODEL_FEATURES).collect()
        } else if folds {
            matrix = front::fold(&matrix, self.frontend);
            (0..MODEL_FEATURES).collect()
        } else {
            for (w, &value) in matrix.weights.iter_mut().zip(&self.real.output) {
                let Affine { factor, shift } = self.classes.class(value).affine;
                matrix.biases[0] += *w * shift;
                *w *= factor;
            }
            self.real.output.iter().map(|&v| self.values[v]).collect()
        };
        let index = self.plan.matrices.len();
        self.plan.output = OutputMap { matrix: index, values: values.clone() };
        let RealMatrix { inputs, weights, biases } = matrix;
        self.plan.matrices.push(PlanMatrix {
            inputs,
            weights,
            biases,
            activation: Activation::Output,
            strict: false,
            column: values,
            first: usize::MAX,
            origin: self.real.ops.len(),
        });
    }
}
