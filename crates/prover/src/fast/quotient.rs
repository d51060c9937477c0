//! The quotient: all constraints, combined by powers of α and divided by the vanishing polynomial, on its domain.

use plonky2::{
    field::{packed::PackedField, types::Field},
    hash::hash_types::HashOut,
    plonk::{config::GenericConfig, vars::EvaluationVarsBaseBatch},
};
use rayon::prelude::*;
use sotto_circuits::field::{CircuitData, Common, D, F};

use super::{
    circuit::{FastCircuit, Selector},
    columns::Columns,
    domain::reversed,
    gates,
    permutation::Packed,
    prove::Run,
};
use crate::ProveError;

/// Points that are evaluated together: what they need stays in the second-level cache.
const BATCH: usize = 64;
/// plonky2's value of a selector on rows whose gate has another one.
const UNUSED: u64 = u32::MAX as u64;

/// The challenges that the constraints are combined with.
pub(super) struct Challenges {
    pub(super) betas: Vec<F>,
    pub(super) gammas: Vec<F>,
    pub(super) alphas: Vec<F>,
}

/// What the constraints are evaluated on.
pub(super) struct Inputs<'a> {
    pub(super) circuit: &'a FastCircuit,
    pub(super) common: &'a Common,
    pub(super) public_inputs_hash: HashOut<F>,
    /// Wires on the quotient's domain, block by block.
    pub(super) wires: &'a [Columns],
    /// Zs, then partial products.
    pub(super) products: &'a [Columns],
    pub(super) challenges: &'a Challenges,
    pub(super) run: &'a Run<'a>,
}

/// The quotient polynomials in chunks of the trace's degree.
pub(super) fn quotient<K: GenericConfig<D, F = F>>(
    inputs: &Inputs<'_>,
    data: &CircuitData<K>,
) -> Result<Columns, ProveError> {
    let common = &data.common;
    let rows = common.degree();
    let batch = BATCH.min(rows);
    let challenges = inputs.challenges.alphas.len();
    let size = rows << inputs.circuit.quotient.bits;
    let weights = inputs.weights();
    let nexts = inputs.next_zs();
    let mut values = vec![F::ZERO; size * challenges];
    values.par_chunks_exact_mut(batch * challenges).enumerate().try_for_each_init(
        || Buffers::new(common, batch),
        |buffers, (at, out)| {
            let (block, from) = (at * batch / rows, at * batch % rows);
            if from == 0 {
                inputs.run.check()?;
            }
            inputs.evaluate(block, from, &nexts[block], &weights, buffers, out);
            Ok::<_, ProveError>(())
        },
    )?;
    let degree = common.quotient_degree();
    let polynomials: Vec<Vec<F>> = (0..challenges)
        .into_par_iter()
        .map(|challenge| {
            let batches = values.chunks_exact(batch * challenges);
            let mut column: Vec<F> = Vec::with_capacity(size);
            batches.for_each(|b| column.extend(&b[challenge * batch..(challenge + 1) * batch]));
            inputs.circuit.quotient_interpolation.apply(&mut column);
            column
        })
        .collect();
    if polynomials.iter().any(|coeffs| coeffs[degree..].iter().any(Field::is_nonzero)) {
        return Err(inputs.run.unsatisfied());
    }
    Ok(Columns::from_slices(rows, polynomials.iter().map(|coeffs| &coeffs[..degree])))
}

/// Memory of a thread.
struct Buffers {
    constants: Vec<F>,
    wires: Vec<F>,
    filter: Vec<F>,
    constraints: Vec<F>,
}

impl Buffers {
    fn new(common: &Common, batch: usize) -> Self {
        let zeros = |count: usize| vec![F::ZERO; count * batch];
        Self {
            constants: zeros(common.num_constants),
            wires: zeros(common.config.num_wires),
            filter: zeros(1),
            constraints: zeros(common.num_gate_constraints),
        }
    }
}

impl Inputs<'_> {
    /// For each challenge, its powers in the order of the terms: Z = 1, the partial products, the gates.
    fn weights(&self) -> Vec<Vec<F>> {
        let challenges = self.challenges.alphas.len();
        let terms = challenges * (2 + self.common.num_partial_products) + self.common.num_gate_constraints;
        self.challenges.alphas.iter().map(|alpha| alpha.powers().take(terms).collect()).collect()
    }

    /// Z at the next row, for each block and challenge: within a block, the next row of position `q` is at
    /// `rev(rev(q) + 1)`.
    fn next_zs(&self) -> Vec<Vec<Vec<F>>> {
        let rows = self.common.degree();
        let bits = self.common.degree_bits() as u32;
        let next: Vec<usize> = (0..rows).map(|q| reversed((reversed(q, bits) + 1) % rows, bits)).collect();
        let column = |z: &[F]| next.iter().map(|&at| z[at]).collect();
        let count = self.challenges.alphas.len();
        self.products.par_iter().map(|block| block.iter().take(count).map(column).collect()).collect()
    }

    /// Quotient values of a batch: the points of the first challenge, then those of the next.
    fn evaluate(
        &self,
        block: usize,
        from: usize,
        nexts: &[Vec<F>],
        weights: &[Vec<F>],
        buffers: &mut Buffers,
        out: &mut [F],
    ) {
        let batch = out.len() / weights.len();
        self.gates(block, from, batch, buffers);
        let inverse = self.circuit.quotient.vanishing_inverse[block];
        let permutation = Permutation::new(self, block, from, batch, nexts);
        if batch.is_multiple_of(Packed::WIDTH) {
            permutation.combine::<Packed>(&buffers.constraints, weights, inverse, out);
        } else {
            permutation.combine::<F>(&buffers.constraints, weights, inverse, out);
        }
    }

    /// The gates' constraints, filtered and summed: constraint after constraint, each for all points of the batch.
    fn gates(&self, block: usize, from: usize, batch: usize, buffers: &mut Buffers) {
        let Buffers { constants, wires, filter, constraints } = buffers;
        let quotient = &self.circuit.quotient;
        copy(&quotient.constants[block], from, batch, constants);
        copy(&self.wires[block], from, batch, wires);
        constraints.fill(F::ZERO);
        let selectors = self.common.selectors_info.num_selectors();
        let vars = EvaluationVarsBaseBatch::new(
            batch,
            &constants[selectors * batch..],
            wires,
            &self.public_inputs_hash,
        );
        for (position, (gate, selector)) in self.common.gates.iter().zip(&self.circuit.selectors).enumerate()
        {
            if gate.0.num_constraints() == 0 {
                continue;
            }
            let s = &constants[selector.polynomial * batch..(selector.polynomial + 1) * batch];
            fill_filter(filter, s, position, selector, selectors > 1);
            let values = gates::evaluate(self.circuit.backend, gate, vars);
            for (sum, value) in constraints.chunks_exact_mut(batch).zip(values.chunks_exact(batch)) {
                multiply_add(sum, value, filter);
            }
        }
    }
}

/// Copies the points of a batch, column after column.
fn copy(columns: &Columns, from: usize, batch: usize, out: &mut [F]) {
    for (out, column) in out.chunks_exact_mut(batch).zip(columns.iter()) {
        out.copy_from_slice(&column[from..from + batch]);
    }
}

/// The product that vanishes wherever another gate stands.
fn fill_filter(out: &mut [F], s: &[F], gate: usize, selector: &Selector, many: bool) {
    let others = selector.group.clone().filter(|&other| other != gate).map(|other| other as u64);
    out.fill(F::ONE);
    for other in others.chain(many.then_some(UNUSED)) {
        let other = F::from_canonical_u64(other);
        if out.len().is_multiple_of(Packed::WIDTH) {
            let other = Packed::from(other);
            let s = Packed::pack_slice(s);
            Packed::pack_slice_mut(out).iter_mut().zip(s).for_each(|(out, &s)| *out *= other - s);
        } else {
            out.iter_mut().zip(s).for_each(|(out, &s)| *out *= other - s);
        }
    }
}

/// `sum += a·b`, element by element.
fn multiply_add(sum: &mut [F], a: &[F], b: &[F]) {
    if sum.len().is_multiple_of(Packed::WIDTH) {
        let products = Packed::pack_slice(a).iter().zip(Packed::pack_slice(b));
        Packed::pack_slice_mut(sum).iter_mut().zip(products).for_each(|(s, (&a, &b))| *s += a * b);
    } else {
        sum.iter_mut().zip(a.iter().zip(b)).for_each(|(s, (&a, &b))| *s += a * b);
    }
}

/// The permutation argument on a batch.
struct Permutation<'a> {
    batch: usize,
    chunk: usize,
    routed: usize,
    partials: usize,
    shifts: &'a [F],
    challenges: &'a Challenges,
    wires: Vec<&'a [F]>,
    sigmas: Vec<&'a [F]>,
    products: Vec<&'a [F]>,
    nexts: Vec<&'a [F]>,
    points: &'a [F],
    first: &'a [F],
}

impl<'a> Permutation<'a> {
    fn new(inputs: &Inputs<'a>, block: usize, from: usize, batch: usize, nexts: &'a [Vec<F>]) -> Self {
        let common = inputs.common;
        let quotient = &inputs.circuit.quotient;
        let routed = common.config.num_routed_wires;
        let part = |column: &'a [F]| &column[from..from + batch];
        Self {
            batch,
            chunk: common.quotient_degree_factor,
            routed,
            partials: common.num_partial_products,
            shifts: &common.k_is,
            challenges: inputs.challenges,
            wires: inputs.wires[block].iter().take(routed).map(part).collect(),
            sigmas: quotient.sigmas[block].iter().map(part).collect(),
            products: inputs.products[block].iter().map(part).collect(),
            nexts: nexts.iter().map(|next| part(next)).collect(),
            points: part(&quotient.points[block]),
            first: part(&quotient.first[block]),
        }
    }

    /// All terms of the constraints, each times its weight, times the inverse of the vanishing polynomial.
    fn combine<P: PackedField<Scalar = F>>(
        &self,
        constraints: &[F],
        weights: &[Vec<F>],
        inverse: F,
        out: &mut [F],
    ) {
        let challenges = weights.len();
        let before = challenges * (2 + self.partials);
        let mut terms = vec![P::ZEROS; before];
        for at in 0..self.batch / P::WIDTH {
            self.terms(at, &mut terms);
            for (weights, out) in weights.iter().zip(out.chunks_exact_mut(self.batch)) {
                let own = terms.iter().zip(weights).fold(P::ZEROS, |sum, (&term, &w)| sum + term * w);
                let gates = constraints.chunks_exact(self.batch).zip(&weights[before..]);
                let sum = gates.fold(own, |sum, (column, &w)| sum + P::pack_slice(column)[at] * w);
                P::pack_slice_mut(out)[at] = sum * inverse;
            }
        }
    }

    /// `L_0·(Z - 1)` of each challenge, then the steps from Z over the partial products to the next Z.
    fn terms<P: PackedField<Scalar = F>>(&self, at: usize, terms: &mut [P]) {
        let value = |column: &[F]| P::pack_slice(column)[at];
        let (point, first) = (value(self.points), value(self.first));
        let challenges = self.challenges.betas.len();
        let pairs = self.challenges.betas.iter().zip(&self.challenges.gammas);
        for (i, (&beta, &gamma)) in pairs.enumerate() {
            let z = value(self.products[i]);
            terms[i] = first * (z - P::ONES);
            let gamma = P::from(gamma);
            let mut before = z;
            for step in 0..=self.partials {
                let after = if step < self.partials {
                    value(self.products[challenges + i * self.partials + step])
                } else {
                    value(self.nexts[i])
                };
                let (mut numerator, mut denominator) = (before, after);
                for j in step * self.chunk..self.routed.min((step + 1) * self.chunk) {
                    let wire = value(self.wires[j]) + gamma;
                    numerator *= wire + point * (beta * self.shifts[j]);
                    denominator *= wire + value(self.sigmas[j]) * beta;
                }
                terms[challenges + i * (self.partials + 1) + step] = numerator - denominator;
                before = after;
            }
        }
    }
}
