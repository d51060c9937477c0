//! A program's arithmetic in a circuit. What does not depend on the slot is computed once.

use std::{collections::BTreeMap, sync::Arc};

use plonky2::field::types::Field;
use sotto_model::program::Format;
use sotto_model::program::{Activation, Function, Linear, Op, Shape, ValueId, shift_of};
use sotto_types::{MARKET_FEATURES, MODEL_FEATURES};

use crate::{
    CircuitError,
    field::{Builder, F, Target},
    freivalds::{FoldRows, claim, point},
    gadgets::{
        clamp::Clamp,
        function::FunctionGadget,
        gate::{Pool, Rows},
        matmul::MatMul,
        requant::{Requant, Step},
    },
    parameters::{Matrix, Parameters, Weights},
    trees::{TreeRows, ensemble},
};

/// Accumulators are decomposed into at most this many bits and a sign.
pub(crate) const MAX_ACCUMULATOR_BITS: u32 = 62;

/// A value of a program.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// The same for all slots.
    Shared(Target),
    /// One for each slot.
    Slots(Vec<Target>),
}

impl Cell {
    /// The value in a slot.
    pub(crate) fn at(&self, slot: usize) -> Target {
        match self {
            Self::Shared(target) => *target,
            Self::Slots(targets) => targets[slot],
        }
    }

    /// The cell that `f` gives in each slot, once if both are shared.
    fn of(shared: bool, slots: usize, mut f: impl FnMut(usize) -> Target) -> Self {
        if shared { Self::Shared(f(0)) } else { Self::Slots((0..slots).map(f).collect()) }
    }

    fn targets(&self) -> &[Target] {
        match self {
            Self::Shared(target) => std::slice::from_ref(target),
            Self::Slots(targets) => targets,
        }
    }

    const fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }
}

/// Rows of the gates that evaluate programs.
struct Evaluator<'a> {
    builder: &'a mut Builder,
    parameters: &'a Parameters<Target>,
    shape: &'a Shape,
    slots: usize,
    values: Vec<Cell>,
    blocks: Pool<MatMul>,
    requants: Pool<Requant>,
    steps: Pool<Step>,
    functions: Pool<FunctionGadget>,
    trees: TreeRows,
    claims: Vec<Claim<'a>>,
}

/// Accumulators of a matrix that are claimed: to be checked once all are there.
struct Claim<'a> {
    matrix: usize,
    columns: &'a [Vec<ValueId>],
    /// By column and row.
    accumulators: Vec<Vec<Cell>>,
}

/// A matrix that is multiplied: weights, row-major, and biases.
struct Factor<'a> {
    weights: &'a [Target],
    biases: &'a [Target],
}

/// The last accumulator of each slot, from the carried features of the market and of each slot. `bound` binds the parameters
/// and the features: digests of both, which the points of checks are drawn from.
///
/// # Errors
/// When an accumulator could leave the gates' range.
pub(crate) fn evaluate(
    builder: &mut Builder,
    shape: &Shape,
    parameters: &Parameters<Target>,
    bound: &[Target],
    market: &[Target],
    slots: &[&[Target]],
) -> Result<Vec<Target>, CircuitError> {
    let values = inputs(builder, shape, parameters, market, slots);
    let mut evaluator = Evaluator {
        builder,
        parameters,
        shape,
        slots: slots.len(),
        values,
        blocks: Pool::new(),
        requants: Pool::new(),
        steps: Pool::new(),
        functions: Pool::new(),
        trees: TreeRows::default(),
        claims: Vec::new(),
    };
    let mut position = 0;
    for op in shape.ops() {
        match op {
            Op::Linear(linear) => evaluator.linear(linear)?,
            Op::Product { pairs } => evaluator.products(pairs)?,
            Op::Function { function, values } => evaluator.functions(*function, values),
            Op::Ensemble(e) => {
                let cells: Vec<&Cell> = e.features.iter().map(|&v| &evaluator.values[v]).collect();
                let columns = if cells.iter().all(|cell| cell.is_shared()) { 1 } else { evaluator.slots };
                let trees = &parameters.ensembles[position];
                let (rows, blocks) = (&mut evaluator.trees, &mut evaluator.blocks);
                let sums = ensemble(evaluator.builder, rows, blocks, e, trees, &cells, columns);
                let shared = cells.iter().all(|cell| cell.is_shared());
                evaluator.values.push(Cell::of(shared, columns, |slot| sums[slot]));
                position += 1;
            }
        }
    }
    let output = shape.output();
    let sums = evaluator.accumulate(output.matrix, std::slice::from_ref(&output.values));
    evaluator.check_claims(bound);
    let Evaluator { builder, blocks, requants, steps, functions, trees, .. } = evaluator;
    blocks.finish(builder);
    requants.finish(builder);
    steps.finish(builder);
    functions.finish(builder);
    trees.finish(builder);
    Ok(sums.into_iter().flatten().flat_map(|cell| (0..slots.len()).map(move |slot| cell.at(slot))).collect())
}

/// The features that are read by some operation.
pub(crate) fn features_read(shape: &Shape) -> [bool; MODEL_FEATURES] {
    let mut read = [false; MODEL_FEATURES];
    let mut mark = |values: &[ValueId]| {
        for &value in values.iter().filter(|&&value| value < MODEL_FEATURES) {
            read[value] = true;
        }
    };
    for op in shape.ops() {
        match op {
            Op::Linear(linear) => linear.columns.iter().for_each(|column| mark(column)),
            Op::Product { pairs } => mark(pairs.as_flattened()),
            Op::Function { values, .. } => mark(values),
            Op::Ensemble(e) => mark(&e.features),
        }
    }
    mark(&shape.output().values);
    read
}

/// The mapped features. One that nothing reads is not computed.
fn inputs(
    builder: &mut Builder,
    shape: &Shape,
    parameters: &Parameters<Target>,
    market: &[Target],
    slots: &[&[Target]],
) -> Vec<Cell> {
    let mut clamps = Rows::new(Clamp);
    let zero = builder.zero();
    let cells = features_read(shape).into_iter().zip(&parameters.inputs).enumerate();
    let cells = cells
        .map(|(feature, (read, &[lo, hi, mult]))| {
            if !read {
                return Cell::Shared(zero);
            }
            Cell::of(feature < MARKET_FEATURES, slots.len(), |slot| {
                let x =
                    market.get(feature).copied().unwrap_or_else(|| slots[slot][feature - MARKET_FEATURES]);
                clamps.op(builder, &[x, lo, hi, mult])[0]
            })
        })
        .collect();
    clamps.finish(builder);
    cells
}

impl<'a> Evaluator<'a> {
    fn linear(&mut self, linear: &'a Linear) -> Result<(), CircuitError> {
        let bound = self.shape.linear_formats()[linear.matrix].accumulator_bound();
        let shift = self.shape.linear_formats()[linear.matrix].shift;
        let requant =
            Requant::format(linear.activation).map(|format| Requant::to(format, shift, bound, false));
        let step = Step::of(bound);
        check_bits(linear.matrix, bound, requant.as_ref().map_or(step.bits, |r| r.bits))?;
        debug_assert!(requant.is_some() || linear.activation == Activation::Step);
        for cell in self.accumulate(linear.matrix, &linear.columns).into_iter().flatten() {
            let rounded = Cell::of(cell.is_shared(), self.slots, |slot| {
                let inputs = [cell.at(slot)];
                match &requant {
                    Some(requant) => self.requants.op(self.builder, requant, &inputs)[0],
                    None => self.steps.op(self.builder, &step, &inputs)[0],
                }
            });
            self.values.push(rounded);
        }
        Ok(())
    }

    fn products(&mut self, pairs: &[[ValueId; 2]]) -> Result<(), CircuitError> {
        let formats = self.shape.formats();
        for &pair in pairs {
            let shift = shift_of(formats, pair);
            let half = if shift == 0 { 0 } else { 1u128 << (shift - 1) };
            let bound = (1u128 << (formats[pair[0]].magnitude() + formats[pair[1]].magnitude())) + half;
            let requant = Requant::to(Format::SIGNED, shift, bound, true);
            check_bits(pair[0], bound, requant.bits)?;
            let [x, y] = pair.map(|value| self.values[value].clone());
            let cell = Cell::of(x.is_shared() && y.is_shared(), self.slots, |slot| {
                self.requants.op(self.builder, &requant, &[x.at(slot), y.at(slot)])[0]
            });
            self.values.push(cell);
        }
        Ok(())
    }

    fn functions(&mut self, function: Function, values: &[ValueId]) {
        let gadget = FunctionGadget(function);
        for &value in values {
            let x = self.values[value].clone();
            let cell = Cell::of(x.is_shared(), self.slots, |slot| {
                self.functions.op(self.builder, &gadget, &[x.at(slot)])[0]
            });
            self.values.push(cell);
        }
    }

    /// Accumulators of a matrix applied to columns, by column and row.
    fn accumulate(&mut self, matrix: usize, columns: &'a [Vec<ValueId>]) -> Vec<Vec<Cell>> {
        let parameters = self.parameters;
        let Some(Matrix { weights, biases }) = parameters.matrices.get(matrix) else { return Vec::new() };
        match weights {
            Weights::Each(weights) => self.multiplied(&Factor { weights, biases }, columns),
            Weights::Packed(elements) => self.claimed(matrix, elements, biases, columns),
        }
    }

    /// Accumulators that are claimed, to be checked at the end.
    fn claimed(
        &mut self,
        matrix: usize,
        elements: &Arc<[Target]>,
        biases: &[Target],
        columns: &'a [Vec<ValueId>],
    ) -> Vec<Vec<Cell>> {
        let format = &self.shape.linear_formats()[matrix];
        let shared = |column: &[ValueId]| column.iter().all(|&value| self.values[value].is_shared());
        let widths: Vec<usize> = columns.iter().map(|c| if shared(c) { 1 } else { self.slots }).collect();
        let vectors = columns.iter().zip(&widths).flat_map(|(column, &width)| {
            (0..width).map(|slot| column.iter().map(|&value| self.values[value].at(slot)).collect())
        });
        let vectors = vectors.collect();
        let claims = claim(self.builder, format, elements, biases, vectors);
        let mut claims = claims.as_slice();
        let mut accumulators = Vec::with_capacity(columns.len());
        for (column, &width) in columns.iter().zip(&widths) {
            let (mine, rest) = claims.split_at(width);
            claims = rest;
            let cell = |row: usize| Cell::of(shared(column), width, |slot| mine[slot][row]);
            accumulators.push((0..format.rows).map(cell).collect::<Vec<_>>());
        }
        self.claims.push(Claim { matrix, columns, accumulators: accumulators.clone() });
        accumulators
    }

    /// Checks every claim at one point; see [`crate::freivalds`].
    fn check_claims(&mut self, bound: &[Target]) {
        let claims = std::mem::take(&mut self.claims);
        if claims.is_empty() {
            return;
        }
        let cells = claims.iter().flat_map(|claim| claim.accumulators.iter().flatten());
        let claimed: Vec<Target> = cells.flat_map(|cell| cell.targets().iter().copied()).collect();
        let point = point(self.builder, bound, &claimed);
        let (parameters, shape) = (self.parameters, self.shape);
        let mut rows = FoldRows::new();
        let mut folded: BTreeMap<usize, (Vec<Target>, [Target; 2])> = BTreeMap::new();
        for claim in &claims {
            let format = &shape.linear_formats()[claim.matrix];
            let (weights, biases) = folded.entry(claim.matrix).or_insert_with(|| {
                let matrix = &parameters.matrices[claim.matrix];
                let weights = rows.weights(self.builder, format, matrix.weights.elements(), &point);
                (weights, rows.values(self.builder, format, &matrix.biases, &point))
            });
            let expected = self.multiplied(&Factor { weights, biases: &*biases }, claim.columns);
            for (accumulators, expected) in claim.accumulators.iter().zip(&expected) {
                let width = accumulators.first().map_or(0, |cell| cell.targets().len());
                for slot in 0..width {
                    let values: Vec<Target> = accumulators.iter().map(|cell| cell.at(slot)).collect();
                    let got = rows.values(self.builder, format, &values, &point);
                    for (part, expected) in got.into_iter().zip(expected) {
                        self.builder.connect(part, expected.at(slot));
                    }
                }
            }
        }
        rows.finish(self.builder);
    }

    /// Accumulators that are computed, by column and row.
    fn multiplied(&mut self, matrix: &Factor<'_>, columns: &[Vec<ValueId>]) -> Vec<Vec<Cell>> {
        let mut out: Vec<Vec<Cell>> = vec![Vec::new(); columns.len()];
        // Columns in which the same places depend on the slot are multiplied together.
        let mut groups: BTreeMap<Vec<bool>, Vec<usize>> = BTreeMap::new();
        for (position, column) in columns.iter().enumerate() {
            let shared = column.iter().map(|&value| self.values[value].is_shared()).collect();
            groups.entry(shared).or_default().push(position);
        }
        for (shared, group) in groups {
            let cells = self.group(matrix, columns, &shared, &group);
            for (&position, cells) in group.iter().zip(cells) {
                out[position] = cells;
            }
        }
        out
    }

    fn group(
        &mut self,
        matrix: &Factor<'_>,
        columns: &[Vec<ValueId>],
        shared: &[bool],
        group: &[usize],
    ) -> Vec<Vec<Cell>> {
        let all_shared = shared.iter().all(|&s| s);
        let slots = if all_shared { 1 } else { self.slots };
        let (same, own): (Vec<usize>, Vec<usize>) =
            (0..shared.len()).partition(|&k| shared[k] && (slots > 1 || all_shared));
        let rows = matrix.biases.len();
        let mut sums: Vec<Vec<Target>> = matrix.biases.iter().map(|&bias| vec![bias; group.len()]).collect();
        let mut part = |places: &[usize], width: usize, sums: Vec<Vec<Target>>| {
            let values: Vec<Vec<Target>> = places
                .iter()
                .map(|&k| {
                    let cells = group.iter().map(|&column| &self.values[columns[column][k]]);
                    cells.flat_map(|cell| (0..width).map(|slot| cell.at(slot))).collect()
                })
                .collect();
            let weight = |r: usize, k: usize| matrix.weights[r * shared.len() + places[k]];
            multiply(self.builder, &mut self.blocks, weight, &values, sums)
        };
        if !same.is_empty() {
            sums = part(&same, 1, sums);
        }
        if !own.is_empty() {
            let spread = |row: &Vec<Target>| {
                row.iter().flat_map(|&sum| std::iter::repeat_n(sum, slots)).collect::<Vec<_>>()
            };
            sums = part(&own, slots, sums.iter().map(spread).collect());
        }
        let cell =
            |column: usize, row: usize| Cell::of(all_shared, slots, |slot| sums[row][column * slots + slot]);
        (0..group.len()).map(|column| (0..rows).map(|row| cell(column, row)).collect()).collect()
    }
}

fn check_bits(layer: usize, bound: u128, bits: u32) -> Result<(), CircuitError> {
    if bits > MAX_ACCUMULATOR_BITS {
        return Err(CircuitError::Accumulator { layer, bound, limit_bits: MAX_ACCUMULATOR_BITS });
    }
    Ok(())
}

/// Adds a matrix product to accumulators, in the blocks that take the fewest rows.
///
/// `weights(r, k)` reads the weight of output `r` and input `k`; `values[k][c]` are inputs by column; `accumulators[r][c]`
/// are added to. Returns `[r][c]`.
pub(crate) fn multiply(
    builder: &mut Builder,
    blocks: &mut Pool<MatMul>,
    weights: impl Fn(usize, usize) -> Target,
    values: &[Vec<Target>],
    mut accumulators: Vec<Vec<Target>>,
) -> Vec<Vec<Target>> {
    let zero = builder.zero();
    let (outputs, inputs) = (accumulators.len(), values.len());
    let columns = accumulators.first().map_or(0, Vec::len);
    let block = MatMul::best(outputs, inputs, columns, builder.config.num_routed_wires);
    for (r0, c0) in corners(outputs, block.rows, columns, block.columns) {
        let cells: Vec<(usize, usize)> = (0..block.rows * block.columns)
            .map(|i| (r0 + i / block.columns, c0 + i % block.columns))
            .collect();
        for k0 in (0..inputs).step_by(block.inner) {
            let mut wires = Vec::with_capacity(block.rows * block.inner);
            for r in r0..r0 + block.rows {
                let weight = |k| if r < outputs && k < inputs { weights(r, k) } else { zero };
                wires.extend((k0..k0 + block.inner).map(weight));
            }
            for k in k0..k0 + block.inner {
                let value = |c| values.get(k).and_then(|row| row.get(c)).copied().unwrap_or(zero);
                wires.extend((c0..c0 + block.columns).map(value));
            }
            let accumulator = |&(r, c): &(usize, usize)| {
                accumulators.get(r).and_then(|row| row.get(c)).copied().unwrap_or(zero)
            };
            wires.extend(cells.iter().map(accumulator));
            for (&(r, c), output) in cells.iter().zip(blocks.op(builder, &block, &wires)) {
                if let Some(cell) = accumulators.get_mut(r).and_then(|row| row.get_mut(c)) {
                    *cell = output;
                }
            }
        }
    }
    accumulators
}

/// The sum of each list of targets, for lists of equal length.
pub(crate) fn sums(builder: &mut Builder, blocks: &mut Pool<MatMul>, columns: &[Vec<Target>]) -> Vec<Target> {
    let (one, zero) = (builder.constant(F::ONE), builder.zero());
    let length = columns.first().map_or(0, Vec::len);
    let values: Vec<Vec<Target>> =
        (0..length).map(|k| columns.iter().map(|column| column[k]).collect()).collect();
    let starts = vec![vec![zero; columns.len()]];
    multiply(builder, blocks, |_, _| one, &values, starts).into_iter().flatten().collect()
}

/// Corners of the blocks that cover `rows × columns`.
fn corners(rows: usize, height: usize, columns: usize, width: usize) -> Vec<(usize, usize)> {
    let starts = |size, step| (0..size).step_by(step);
    starts(rows, height).flat_map(|r| starts(columns, width).map(move |c| (r, c))).collect()
}
