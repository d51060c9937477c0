//! Matrix products that are claimed and then checked at a random point, for matrices so large that multiplying costs more.
//!
//! For a matrix `W` of `m` rows with biases `b`, and each vector `v` that it is applied to, the accumulators `a` are free
//! values. With the coefficients `ρ` of [`crate::gadgets::fold`] at a point of K², the circuit shows
//!
//! ```text
//! u = ρᵀ·W,  β = ρᵀ·b            once for a matrix, W in the packed form in which it is committed
//! ρᵀ·a = u·v + β                 for each vector: Freivalds' check of a = W·v + b
//! point = Poseidon(tag(PRODUCTS, len), model commitment, round digest, every claimed accumulator)
//! ```
//!
//! **What it shows.** If some `a ≠ W·v + b`, then the difference of the sides is a polynomial in the point, not zero, because
//! every row has a monomial of its own, of total degree at most `7·⌈m/R⌉`, `R` the terms of an operation (14, 18 or 30), which is
//! below `m + 7`. By Schwartz and Zippel it vanishes at a random point with probability below `(m + 7)/|K|`, `|K| = p²`,
//! which is about 2^128: 2^−118 for a thousand rows. All checks have to hold and one wrong product is enough to fail, so the
//! number of checks does not enter.
//!
//! **Why the point is random.** It is a hash of everything that the products depend on, so each choice of a prover draws a new
//! point, and the bound is for each attempt, as for the challenges of the proof itself. The commitment binds W, b and the maps of
//! the inputs; the round digest binds the features; the accumulators are in the message. Every other value of the
//! evaluation, the vectors among them, is a function of these: each gadget takes one output for its inputs, and none when its
//! inputs leave their range.
//!
//! **Over the field and over the integers.** What is checked is equality in F, as it is with a product that is computed. Honest
//! accumulators stay below 2^60 by the shape's analysis of intervals ([`Shape`] refuses others), and weights and
//! biases are checked to be in range, so `W·v + b` over the integers does not wrap, and the claimed element is its only reading in
//! `(−p/2, p/2)`.
//!
//! **What is assumed.** That no part of the model computes the hash above: a network that is proved by other means up to some layer,
//! and holds Poseidon itself, could make an accumulator that is wrong by what vanishes at its own point (Khovratovich, Rothblum and
//! Soukhanov, ePrint 2025/118). It would have to absorb the round digest, whose slots' commitments no activation reads and which is
//! unknown when a model is registered, and every claim, with some thousands of rows for each permutation, in a leaf of at most 2^17.
//! What it could win is a choice between outputs that it prepared. Permutations of the point repeated a hundred times before it is
//! used, a row each here, would widen the margin.
//!
//! Elements of zero weights fill a chain of operations up. The last element of a column may hold weights of rows that do not exist.
//! They are committed as zeros by everybody who uses [`crate::parameters`]; others do not change an accumulator, because rows that do
//! not exist are claimed to be zero, and only serve vectors that they multiply to zero. Such a commitment is its owner's loss:
//! in other rounds, and at capacities that multiply the matrix, it has no proof.

use std::{collections::BTreeMap, sync::Arc};

use plonky2::{
    iop::{
        generator::{GeneratedValues, WitnessGenerator},
        witness::{PartitionWitness, Witness, WitnessWrite},
    },
    plonk::circuit_data::CommonCircuitData,
    util::serialization::{Buffer, IoError, IoResult},
};
use sotto_model::program::{LinearFormat, Op, Shape, ValueId};

use crate::{
    field::{Builder, D, F, Target},
    gadgets::{
        fold::{ValueFold, WeightFold},
        gate::{Gadget, Pool, signed},
        matmul::MatMul,
        pack::Pack,
    },
    parameters::from_signed,
    poseidon::{Domain, RATE, hash_targets},
};

/// Matrices of more weights are committed column by column, so that a fold of each column can read them.
const LARGE: usize = 1 << 14;
/// Rows of a matrix that is committed by columns: the last element of each is not full.
const LEAST_ROWS: usize = 32;
/// Rows that claims must save before they are worth their gates.
const GAIN: usize = 256;

/// Whether a matrix is committed column by column, each packed on its own. Follows from the class.
pub(crate) const fn by_columns(format: &LinearFormat) -> bool {
    format.rows >= LEAST_ROWS && format.rows * format.inputs > LARGE
}

/// Elements that a column is packed into.
const fn column_elements(format: &LinearFormat) -> usize {
    format.rows.div_ceil(Pack::of(format.weight_bits).count)
}

/// Elements that a matrix's weights are packed into.
pub(crate) const fn elements(format: &LinearFormat) -> usize {
    if by_columns(format) {
        format.inputs * column_elements(format)
    } else {
        (format.rows * format.inputs).div_ceil(Pack::of(format.weight_bits).count)
    }
}

/// Rows of the blocks of one matrix of `rows` applied to columns, as the circuit splits them.
fn product_rows(
    shape: &Shape,
    [capacity, routed_wires]: [usize; 2],
    rows: usize,
    columns: &[Vec<ValueId>],
) -> usize {
    let mut groups: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
    for column in columns {
        let slotted = column.iter().map(|&v| shape.slotted()[v]).collect();
        *groups.entry(slotted).or_default() += 1;
    }
    let blocks = |inner, width| MatMul::best(rows, inner, width, routed_wires).blocks(rows, inner, width);
    let group = |(slotted, count): (Vec<bool>, usize)| {
        let any = slotted.iter().any(|&s| s);
        let own = if any && capacity == 1 { slotted.len() } else { slotted.iter().filter(|&&s| s).count() };
        blocks(slotted.len() - own, count) + blocks(own, count * capacity)
    };
    groups.into_iter().map(group).sum()
}

/// Rows that a matrix takes, by how its products are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProductRows {
    /// Range checks and packing of the weights.
    pub(crate) weights: usize,
    /// Products, or their checks.
    pub(crate) products: usize,
    /// Accumulators that the transcript takes.
    pub(crate) claimed: usize,
}

impl ProductRows {
    const fn all(self) -> usize {
        self.weights + self.products + self.claimed.div_ceil(RATE)
    }
}

/// Whether a matrix's products are claimed at a capacity in a circuit with `routed_wires`, and the rows that the cheaper way
/// takes.
pub(crate) fn plan(
    shape: &Shape,
    capacity: usize,
    routed_wires: usize,
    matrix: usize,
) -> (bool, ProductRows) {
    let format = &shape.linear_formats()[matrix];
    let mut vectors = 0;
    let mut columns: Vec<&[Vec<ValueId>]> = Vec::new();
    for op in shape.ops() {
        if let Op::Linear(linear) = op
            && linear.matrix == matrix
        {
            columns.push(&linear.columns);
            let width = |c: &Vec<ValueId>| if c.iter().any(|&v| shape.slotted()[v]) { capacity } else { 1 };
            vectors += linear.columns.iter().map(width).sum::<usize>();
        }
    }
    let output = std::slice::from_ref(&shape.output().values);
    if shape.output().matrix == matrix {
        columns.push(output);
    }
    let products = |rows: usize| {
        columns.iter().map(|c| product_rows(shape, [capacity, routed_wires], rows, c)).sum::<usize>()
    };
    let pack = Pack::of(format.weight_bits);
    let direct = ProductRows {
        weights: elements(format).div_ceil(pack.ops(routed_wires)),
        products: products(format.rows),
        claimed: 0,
    };
    if !by_columns(format) {
        return (false, direct);
    }
    let fold = WeightFold { bits: format.weight_bits };
    let chain = column_elements(format).div_ceil(fold.elements());
    let values = ValueFold { count: fold.terms() };
    let claimed = ProductRows {
        weights: format.inputs * chain,
        products: products(2) + (chain * (vectors + 1)).div_ceil(values.ops(routed_wires)),
        claimed: format.rows * vectors,
    };
    if claimed.all() + GAIN <= direct.all() { (true, claimed) } else { (false, direct) }
}

/// Accumulators of the vectors of one application, claimed. Vectors and what is returned are lists of equal length.
pub(crate) fn claim(
    builder: &mut Builder,
    format: &LinearFormat,
    elements: &Arc<[Target]>,
    biases: &[Target],
    vectors: Vec<Vec<Target>>,
) -> Vec<Vec<Target>> {
    let outputs: Vec<Vec<Target>> =
        vectors.iter().map(|_| builder.add_virtual_targets(format.rows)).collect();
    let generator = ProductGenerator {
        fold: WeightFold { bits: format.weight_bits },
        elements: Arc::clone(elements),
        biases: biases.to_vec(),
        vectors,
        outputs: outputs.clone(),
    };
    builder.add_generators(vec![plonky2::iop::generator::WitnessGeneratorRef::new(generator)]);
    outputs
}

/// A point of K²: the coordinates' parts.
pub(crate) type Point = [Target; 4];

/// The point for these claims, in order, about what `seed` binds.
pub(crate) fn point(builder: &mut Builder, seed: &[Target], claimed: &[Target]) -> Point {
    let message: Vec<Target> = seed.iter().chain(claimed).copied().collect();
    hash_targets(builder, Domain::Products, &message).elements
}

/// Rows of the folds.
pub(crate) struct FoldRows {
    weights: Pool<WeightFold>,
    values: Pool<ValueFold>,
}

impl FoldRows {
    pub(crate) const fn new() -> Self {
        Self { weights: Pool::new(), values: Pool::new() }
    }

    /// `ρᵀ·W`: the two parts for each column, all first parts first, which checks the weights' range.
    pub(crate) fn weights(
        &mut self,
        builder: &mut Builder,
        format: &LinearFormat,
        elements: &[Target],
        point: &Point,
    ) -> Vec<Target> {
        let gadget = WeightFold { bits: format.weight_bits };
        let filling = builder.constant(gadget.zeros());
        let mut parts = [Vec::with_capacity(format.inputs), Vec::with_capacity(format.inputs)];
        for column in elements.chunks(column_elements(format)) {
            let sum = chain(builder, column, gadget.elements(), filling, point, |builder, inputs| {
                self.weights.op(builder, &gadget, inputs)
            });
            parts[0].push(sum[0]);
            parts[1].push(sum[1]);
        }
        parts.concat()
    }

    /// `ρᵀ·t` for values of the matrix's rows.
    pub(crate) fn values(
        &mut self,
        builder: &mut Builder,
        format: &LinearFormat,
        values: &[Target],
        point: &Point,
    ) -> [Target; 2] {
        let gadget = ValueFold { count: WeightFold { bits: format.weight_bits }.terms() };
        let filling = builder.zero();
        chain(builder, values, gadget.count, filling, point, |builder, inputs| {
            self.values.op(builder, &gadget, inputs)
        })
    }

    /// Fills the last rows.
    pub(crate) fn finish(self, builder: &mut Builder) {
        self.weights.finish(builder);
        self.values.finish(builder);
    }
}

/// Operations on parts of equal length, each on the sum of the one before.
fn chain(
    builder: &mut Builder,
    terms: &[Target],
    length: usize,
    filling: Target,
    point: &Point,
    mut op: impl FnMut(&mut Builder, &[Target]) -> Vec<Target>,
) -> [Target; 2] {
    let mut sum = [builder.zero(); 2];
    for part in terms.chunks(length) {
        let mut inputs = part.to_vec();
        inputs.resize(length, filling);
        inputs.extend(point);
        inputs.extend(sum);
        let out = op(builder, &inputs);
        sum = [out[0], out[1]];
    }
    sum
}

/// Gives the accumulators of one application: `W·v + b`, in integers that wrap only where no witness exists.
#[derive(Clone, Debug)]
struct ProductGenerator {
    fold: WeightFold,
    elements: Arc<[Target]>,
    biases: Vec<Target>,
    vectors: Vec<Vec<Target>>,
    outputs: Vec<Vec<Target>>,
}

impl ProductGenerator {
    /// Accumulators by row, then by vector.
    fn products(&self, witness: &PartitionWitness<'_, F>) -> Vec<i64> {
        let integer = |target: &Target| signed(witness.get_target(*target)) as i64;
        let width = self.vectors.len();
        let (rows, inputs) = (self.biases.len(), self.vectors.first().map_or(0, Vec::len));
        let mut sums: Vec<i64> =
            self.biases.iter().flat_map(|bias| std::iter::repeat_n(integer(bias), width)).collect();
        let per_column = self.elements.len() / inputs.max(1);
        let mut values = vec![0; width];
        for (k, column) in self.elements.chunks(per_column.max(1)).enumerate() {
            for (value, vector) in values.iter_mut().zip(&self.vectors) {
                *value = integer(&vector[k]);
            }
            let weights = column.iter().flat_map(|&element| self.fold.weights(witness.get_target(element)));
            for (weight, sums) in weights.take(rows).zip(sums.chunks_mut(width)) {
                for (sum, value) in sums.iter_mut().zip(&values) {
                    *sum = sum.wrapping_add(weight.wrapping_mul(*value));
                }
            }
        }
        sums
    }
}

impl WitnessGenerator<F, D> for ProductGenerator {
    fn id(&self) -> String {
        "ProductGenerator".to_owned()
    }

    fn watch_list(&self) -> Vec<Target> {
        let vectors = self.vectors.iter().flatten();
        vectors.chain(&self.biases).chain(self.elements.iter()).copied().collect()
    }

    fn run(&self, witness: &PartitionWitness<'_, F>, out: &mut GeneratedValues<F>) -> bool {
        // The vectors' last values come last.
        let vectors = self.vectors.iter().rev().flat_map(|vector| vector.iter().rev());
        let mut needed = vectors.chain(&self.biases).chain(self.elements.iter());
        if !needed.all(|&target| witness.try_get_target(target).is_some()) {
            return false;
        }
        let (sums, width) = (self.products(witness), self.vectors.len());
        for (vector, outputs) in self.outputs.iter().enumerate() {
            for (row, &output) in outputs.iter().enumerate() {
                // Each target is set once: it is this generator's alone.
                if out.set_target(output, from_signed(sums[row * width + vector])).is_err() {
                    return false;
                }
            }
        }
        true
    }

    fn serialize(&self, _dst: &mut Vec<u8>, _common: &CommonCircuitData<F, D>) -> IoResult<()> {
        Err(IoError)
    }

    fn deserialize(_src: &mut Buffer<'_>, _common: &CommonCircuitData<F, D>) -> IoResult<Self> {
        Err(IoError)
    }
}
