//! The opening proof: one combined polynomial, folded and committed until it is short, and the queries.

use plonky2::{
    field::{
        extension::quadratic::QuadraticExtension,
        polynomial::PolynomialCoeffs,
        types::{Field, PrimeField64},
    },
    fri::{
        FriConfig, FriParams,
        proof::{FriInitialTreeProof, FriProof, FriQueryRound, FriQueryStep},
    },
    hash::{hashing::PlonkyPermutation, merkle_tree::MerkleTree},
    iop::challenger::Challenger,
};
use rayon::prelude::*;
use sotto_circuits::field::{D, F};

use super::{
    commit::{Batch, Tree},
    domain::Domain,
    evaluate::{FE, combine},
    fft::lde_columns,
    grind::grind,
    hash::FastHash,
    merkle::hash_columns,
    prove::{Phase, Run, Watch},
    simd::Backend,
};
use crate::ProveError;

/// What is opened: the circuit's own commitment and the proof's three.
pub(super) struct Oracles<'a, H: FastHash> {
    pub(super) fixed: &'a MerkleTree<F, H>,
    pub(super) fixed_polynomials: Vec<&'a [F]>,
    pub(super) batches: [&'a Batch<H>; 3],
    /// Zs, which are opened at the next row as well.
    pub(super) zs: usize,
}

impl<H: FastHash> Oracles<'_, H> {
    /// `(F_0(X) - F_0(ζ))/(X - ζ)·α^k + (F_1(X) - F_1(gζ))/(X - gζ)`, where `F_0` combines all polynomials by powers of α
    /// and `F_1` the `k` Zs; coefficients.
    fn combined(&self, alpha: FE, zeta: FE, next: FE) -> Vec<FE> {
        let mut all = self.fixed_polynomials.clone();
        all.extend(self.batches.iter().flat_map(|batch| batch.coeffs.iter()));
        let scales: Vec<FE> = alpha.powers().take(all.len()).collect();
        let zs: Vec<&[F]> = self.batches[1].coeffs.iter().take(self.zs).collect();
        let first = combine(&all, &scales);
        let second = combine(&zs, &scales[..self.zs]);
        let shift = alpha.exp_u64(self.zs as u64);
        let (first, second) = rayon::join(|| divide(&first, zeta), || divide(&second, next));
        first.into_iter().zip(second).map(|(first, second)| first * shift + second).collect()
    }
}

/// `p/(X - point)` without its remainder, padded to the same length.
fn divide([low, high]: &[Vec<F>; D], point: FE) -> Vec<FE> {
    let mut quotient = vec![FE::ZERO; low.len()];
    let mut carry = FE::ZERO;
    for at in (1..low.len()).rev() {
        carry = carry * point + QuadraticExtension([low[at], high[at]]);
        quotient[at - 1] = carry;
    }
    quotient
}

/// A folded polynomial's values, committed in leaves of one coset each.
struct Layer<H: FastHash> {
    /// Both components, in bit-reversed order.
    values: Vec<Vec<F>>,
    arity: usize,
    tree: Tree<H>,
}

impl<H: FastHash> Layer<H> {
    fn new(backend: Backend, coeffs: &[FE], shift: F, arity: usize, config: &FriConfig) -> Self {
        let components = [0, 1].map(|i| coeffs.iter().map(|c| c.0[i]).collect::<Vec<F>>());
        let slices: Vec<&[F]> = components.iter().map(Vec::as_slice).collect();
        let values = lde_columns(backend, &slices, config.rate_bits, shift);
        let columns: Vec<Vec<F>> = (0..D * arity)
            .into_par_iter()
            .map(|at| values[at % D].iter().skip(at / D).step_by(arity).copied().collect())
            .collect();
        let slices: Vec<&[F]> = columns.iter().map(Vec::as_slice).collect();
        let tree = Tree::new(backend, hash_columns::<H>(backend, &slices), config.cap_height);
        Self { values, arity, tree }
    }

    fn step(&self, leaf: usize) -> FriQueryStep<F, H, D> {
        let value = |at: usize| QuadraticExtension([self.values[0][at], self.values[1][at]]);
        let evals = (leaf * self.arity..(leaf + 1) * self.arity).map(value).collect();
        FriQueryStep { evals, merkle_proof: self.tree.path(leaf) }
    }
}

/// Proves the openings at ζ and gζ.
#[allow(
    clippy::too_many_arguments,
    reason = "the state of a proof, each part of it borrowed from another owner"
)]
pub(super) fn prove<H: FastHash>(
    backend: Backend,
    oracles: &Oracles<'_, H>,
    points: [FE; 2],
    domain: &Domain,
    params: &FriParams,
    challenger: &mut Challenger<F, H>,
    run: &Run<'_>,
    watch: &mut Watch,
) -> Result<FriProof<F, H, D>, ProveError> {
    let alpha = challenger.get_extension_challenge::<D>();
    let mut coeffs = oracles.combined(alpha, points[0], points[1]);
    watch.lap(Phase::Combine);
    let mut layers: Vec<Layer<H>> = Vec::new();
    let mut shift = F::coset_shift();
    for &arity_bits in &params.reduction_arity_bits {
        run.check()?;
        let layer = Layer::new(backend, &coeffs, shift, 1 << arity_bits, &params.config);
        challenger.observe_cap(&layer.tree.cap);
        layers.push(layer);
        let beta = challenger.get_extension_challenge::<D>();
        coeffs = coeffs.par_chunks_exact(1 << arity_bits).map(|chunk| fold(chunk, beta)).collect();
        shift = shift.exp_power_of_2(arity_bits);
    }
    // No input is pending after a challenge, so this is the sponge's state.
    let mut state = challenger.clone().compact();
    challenger.observe_extension_elements::<D>(&coeffs);
    watch.lap(Phase::Fold);
    run.check()?;
    let position = absorb::<H>(&mut state, coeffs.iter().flat_map(|c| c.0));
    let bits = params.config.proof_of_work_bits;
    let work = run.work.or_else(|| grind::<H>(backend, &state, position, bits));
    let pow_witness = work.ok_or(ProveError::Unsupported { what: "this much work" })?;
    challenger.observe_element(pow_witness);
    let _response = challenger.get_challenge();
    watch.lap(Phase::Work);
    run.check()?;
    let queries = challenger.get_n_challenges(params.config.num_query_rounds);
    let query_round_proofs = queries
        .into_par_iter()
        .map(|challenge| {
            let position = challenge.to_canonical_u64() as usize % params.lde_size();
            query(oracles, &layers, domain, position)
        })
        .collect();
    watch.lap(Phase::Queries);
    Ok(FriProof {
        commit_phase_merkle_caps: layers.into_iter().map(|layer| layer.tree.cap).collect(),
        query_round_proofs,
        final_poly: PolynomialCoeffs::new(coeffs),
        pow_witness,
    })
}

/// `Σ β^i·c_i`.
fn fold(coeffs: &[FE], beta: FE) -> FE {
    coeffs.iter().rev().fold(FE::ZERO, |sum, &coeff| sum * beta + coeff)
}

/// Absorbs elements as the challenger does, and returns where the next one goes.
fn absorb<H: FastHash>(state: &mut H::Permutation, elements: impl Iterator<Item = F>) -> usize {
    let mut position = 0;
    for element in elements {
        state.set_elt(element, position);
        position += 1;
        if position == H::Permutation::RATE {
            state.permute();
            position = 0;
        }
    }
    position
}

fn query<H: FastHash>(
    oracles: &Oracles<'_, H>,
    layers: &[Layer<H>],
    domain: &Domain,
    position: usize,
) -> FriQueryRound<F, H, D> {
    let mut evals_proofs = vec![(oracles.fixed.get(position).to_vec(), oracles.fixed.prove(position))];
    let opened =
        oracles.batches.iter().map(|batch| (batch.leaf(domain, position), batch.tree.path(position)));
    evals_proofs.extend(opened);
    let mut leaf = position;
    let step = |layer: &Layer<H>| {
        leaf /= layer.arity;
        layer.step(leaf)
    };
    FriQueryRound {
        initial_trees_proof: FriInitialTreeProof { evals_proofs },
        steps: layers.iter().map(step).collect(),
    }
}
