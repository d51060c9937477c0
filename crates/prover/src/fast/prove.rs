//! The proof, phase by phase.

use std::{
    mem::take,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use plonky2::{
    field::types::Field,
    iop::{
        challenger::Challenger,
        witness::{PartialWitness, PartitionWitness},
    },
    plonk::{
        config::{GenericConfig, Hasher},
        proof::{OpeningSet, Proof as PlonkProof},
    },
};
use rayon::prelude::*;
use sotto_circuits::{
    CircuitError, Layer,
    field::{CircuitData, D, F, Proof},
};

use super::{
    circuit::FastCircuit,
    columns::Columns,
    commit::{Batch, Committer, SALTS, unsalted},
    evaluate::{FE, Powers},
    fri::{self, Oracles},
    hash::FastHash,
    permutation::products,
    quotient::{Challenges, Inputs, quotient},
    salt::random_columns,
    scratch::Scratch,
};
use crate::{ProveError, Stage};

/// What a proof is made for, and when to give it up.
pub struct Run<'a> {
    /// Stage that errors name.
    pub stage: Stage,
    /// Layer that errors name.
    pub layer: Layer,
    /// Asked between phases and blocks; an error ends the proof and frees its memory.
    pub stop: &'a (dyn Fn() -> Result<(), ProveError> + Sync),
    /// A proof-of-work witness to use instead of searching one; it is not checked.
    pub work: Option<F>,
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("stage", &self.stage).field("layer", &self.layer).finish_non_exhaustive()
    }
}

impl<'a> Run<'a> {
    /// A proof that nothing stops.
    pub fn new(stage: Stage, layer: Layer) -> Self {
        Self { stage, layer, stop: &|| Ok(()), work: None }
    }

    /// The same, given up when asked to.
    pub fn until(self, stop: &'a (dyn Fn() -> Result<(), ProveError> + Sync)) -> Self {
        Self { stop, ..self }
    }

    pub(super) fn check(&self) -> Result<(), ProveError> {
        (self.stop)()
    }

    pub(super) fn unprovable(&self, error: &impl std::fmt::Display) -> ProveError {
        let source = CircuitError::unprovable(self.layer, error);
        ProveError::Circuit { stage: self.stage, source }
    }

    pub(super) fn unsatisfied(&self) -> ProveError {
        self.unprovable(&"the quotient is no polynomial")
    }
}

/// Parts of a proof that are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Running the circuit's generators.
    Witness,
    /// Committing to the wires.
    Wires,
    /// Z and its partial products.
    Permutation,
    /// Committing to them.
    Products,
    /// Evaluating the constraints and interpolating the quotient.
    Quotient,
    /// Committing to it.
    Chunks,
    /// Values at ζ and gζ.
    Openings,
    /// Combining what is opened.
    Combine,
    /// FRI's layers.
    Fold,
    /// The proof of work.
    Work,
    /// Queries.
    Queries,
}

impl Phase {
    /// All phases in order.
    pub const ALL: [Self; 11] = [
        Self::Witness,
        Self::Wires,
        Self::Permutation,
        Self::Products,
        Self::Quotient,
        Self::Chunks,
        Self::Openings,
        Self::Combine,
        Self::Fold,
        Self::Work,
        Self::Queries,
    ];

    /// The phase's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Witness => "witness",
            Self::Wires => "wires",
            Self::Permutation => "permutation",
            Self::Products => "products",
            Self::Quotient => "quotient",
            Self::Chunks => "chunks",
            Self::Openings => "openings",
            Self::Combine => "combine",
            Self::Fold => "fold",
            Self::Work => "work",
            Self::Queries => "queries",
        }
    }
}

/// Seconds that a proof took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PhaseSeconds {
    /// Wall-clock seconds of each phase, in the order of [`Phase::ALL`].
    pub phases: [f64; Phase::ALL.len()],
    /// Thread seconds of transforms, within the commitments.
    pub transforms: f64,
    /// Thread seconds of hashing leaves, within the commitments.
    pub leaves: f64,
}

impl PhaseSeconds {
    /// Seconds of all phases.
    pub fn total(&self) -> f64 {
        self.phases.iter().sum()
    }
}

/// Takes the time of phases.
#[derive(Debug)]
pub(super) struct Watch {
    last: Instant,
    seconds: PhaseSeconds,
}

impl Watch {
    fn start() -> Self {
        Self { last: Instant::now(), seconds: PhaseSeconds::default() }
    }

    pub(super) fn lap(&mut self, phase: Phase) {
        let now = Instant::now();
        self.seconds.phases[phase as usize] += now.duration_since(self.last).as_secs_f64();
        self.last = now;
    }
}

impl FastCircuit {
    /// Proves. The stock verifier accepts the proof; it is the stock prover's, byte for byte, when there is no zero
    /// knowledge and both use the same work witness.
    ///
    /// # Errors
    /// When the inputs have no witness, the data is not that of the prepared circuit, or the run is stopped. A witness that
    /// satisfies the generators but not the constraints may give a proof that does not verify.
    pub fn prove<K: GenericConfig<D, F = F, Hasher: FastHash>>(
        &self,
        data: &CircuitData<K>,
        inputs: PartialWitness<F>,
        run: &Run<'_>,
    ) -> Result<Proof<K>, ProveError> {
        self.prove_timed(data, inputs, run).map(|(proof, _)| proof)
    }

    /// As [`Self::prove`], with the time that each phase took.
    ///
    /// # Errors
    /// As [`Self::prove`].
    pub fn prove_timed<K: GenericConfig<D, F = F, Hasher: FastHash>>(
        &self,
        data: &CircuitData<K>,
        inputs: PartialWitness<F>,
        run: &Run<'_>,
    ) -> Result<(Proof<K>, PhaseSeconds), ProveError> {
        self.check(data)?;
        run.check()?;
        let started = Instant::now();
        let witness = self.plan.generate(data, &inputs, run)?;
        drop(inputs);
        let generating = started.elapsed().as_secs_f64();
        let (proof, mut seconds) = self.prove_partition(data, &witness, run)?;
        seconds.phases[Phase::Witness as usize] += generating;
        Ok((proof, seconds))
    }

    /// As [`Self::prove_timed`], from the values that the generators gave. Blinding is among them, so with zero knowledge a
    /// witness is for one proof.
    ///
    /// # Errors
    /// As [`Self::prove`].
    pub(crate) fn prove_partition<K: GenericConfig<D, F = F, Hasher: FastHash>>(
        &self,
        data: &CircuitData<K>,
        witness: &PartitionWitness<'_, F>,
        run: &Run<'_>,
    ) -> Result<(Proof<K>, PhaseSeconds), ProveError> {
        self.check(data)?;
        if witness.values.len() != data.prover_only.representative_map.len() {
            return Err(ProveError::Unsupported { what: "a witness of another circuit" });
        }
        let mut scratch = self.scratch.lock().pop().unwrap_or_default();
        let result = Proving { circuit: self, data, run }.prove(&witness.values, &mut scratch);
        // What a stopped proof used is freed, not kept.
        if result.is_ok() {
            self.scratch.lock().push(scratch);
        }
        result
    }
}

struct Proving<'a, K: GenericConfig<D, F = F, Hasher: FastHash>> {
    circuit: &'a FastCircuit,
    data: &'a CircuitData<K>,
    run: &'a Run<'a>,
}

impl<K: GenericConfig<D, F = F, Hasher: FastHash>> Proving<'_, K> {
    fn prove(
        &self,
        witness: &[Option<F>],
        scratch: &mut Scratch,
    ) -> Result<(Proof<K>, PhaseSeconds), ProveError> {
        let Self { circuit, data, run } = self;
        let common = &data.common;
        let config = &common.config;
        let mut watch = Watch::start();
        let public_inputs = circuit.plan.fill(witness, &mut scratch.witness, config.num_wires);
        let hash = K::InnerHasher::hash_no_pad(&public_inputs);
        watch.lap(Phase::Witness);

        let committer = Committer {
            backend: circuit.backend,
            evaluations: &circuit.evaluations,
            interpolation: &circuit.interpolation,
            cap_height: config.fri_config.cap_height,
            run,
            transform_nanos: AtomicU64::new(0),
            leaf_nanos: AtomicU64::new(0),
        };
        let mut coeffs = take(&mut scratch.coeffs);
        coeffs.clone_from(&scratch.witness);
        committer.interpolate(&mut coeffs);
        let kept = 1 << circuit.quotient.bits;
        let blocks = |kept: &mut Vec<Columns>, count| {
            kept.resize_with(count, Columns::default);
            take(kept)
        };
        let wires = committer.commit::<K::Hasher>(coeffs, self.salts()?, blocks(&mut scratch.wires, kept))?;
        watch.lap(Phase::Wires);

        let mut challenger = Challenger::<F, K::Hasher>::new();
        common.fri_params.observe(&mut challenger);
        challenger.observe_hash::<K::Hasher>(data.prover_only.circuit_digest);
        challenger.observe_hash::<K::InnerHasher>(hash);
        challenger.observe_cap(&wires.tree.cap);
        let betas = challenger.get_n_challenges(config.num_challenges);
        let gammas = challenger.get_n_challenges(config.num_challenges);
        let mut columns = products(circuit, data, &scratch.witness, &betas, &gammas)?;
        watch.lap(Phase::Permutation);
        committer.interpolate(&mut columns);
        let zs =
            committer.commit::<K::Hasher>(columns, self.salts()?, blocks(&mut scratch.products, kept))?;
        watch.lap(Phase::Products);

        challenger.observe_cap(&zs.tree.cap);
        let alphas = challenger.get_n_challenges(config.num_challenges);
        let challenges = Challenges { betas, gammas, alphas };
        let inputs = Inputs {
            circuit,
            common,
            public_inputs_hash: hash,
            wires: &wires.blocks,
            products: &zs.blocks,
            challenges: &challenges,
            run,
        };
        let chunks = quotient(&inputs, data)?;
        watch.lap(Phase::Quotient);
        let kept = if kept == circuit.domain.shifts.len() { kept } else { 0 };
        let chunks =
            committer.commit::<K::Hasher>(chunks, self.salts()?, blocks(&mut scratch.quotients, kept))?;
        watch.lap(Phase::Chunks);

        challenger.observe_cap(&chunks.tree.cap);
        let zeta = challenger.get_extension_challenge::<D>();
        let generator = FE::primitive_root_of_unity(common.degree_bits());
        if zeta.exp_power_of_2(common.degree_bits()) == FE::ONE {
            return Err(ProveError::Unsupported { what: "an opening point among the rows" });
        }
        let points = [zeta, generator * zeta];
        let oracles = self.oracles([&wires, &zs, &chunks]);
        let openings = self.openings(&oracles, points);
        observe(&mut challenger, &openings);
        watch.lap(Phase::Openings);
        let opening_proof = fri::prove(
            circuit.backend,
            &oracles,
            points,
            &circuit.domain,
            &common.fri_params,
            &mut challenger,
            run,
            &mut watch,
        )?;
        let seconds = |nanos: &AtomicU64| nanos.load(Ordering::Relaxed) as f64 * 1e-9;
        let seconds = PhaseSeconds {
            transforms: seconds(&committer.transform_nanos),
            leaves: seconds(&committer.leaf_nanos),
            ..watch.seconds
        };
        let proof = PlonkProof {
            wires_cap: wires.tree.cap,
            plonk_zs_partial_products_cap: zs.tree.cap,
            quotient_polys_cap: chunks.tree.cap,
            openings,
            opening_proof,
        };
        scratch.coeffs = wires.coeffs;
        (scratch.wires, scratch.products, scratch.quotients) = (wires.blocks, zs.blocks, chunks.blocks);
        Ok((Proof::<K> { proof, public_inputs }, seconds))
    }

    /// Salts of a commitment's leaves.
    fn salts(&self) -> Result<Columns, ProveError> {
        let common = &self.data.common;
        if common.config.zero_knowledge { random_columns(SALTS, common.lde_size()) } else { Ok(unsalted()) }
    }

    fn oracles<'b>(&'b self, batches: [&'b Batch<K::Hasher>; 3]) -> Oracles<'b, K::Hasher> {
        let fixed = &self.data.prover_only.constants_sigmas_commitment;
        Oracles {
            fixed: &fixed.merkle_tree,
            fixed_polynomials: fixed.polynomials.iter().map(|p| p.coeffs.as_slice()).collect(),
            batches,
            zs: self.data.common.config.num_challenges,
        }
    }

    fn openings(&self, oracles: &Oracles<'_, K::Hasher>, points: [FE; 2]) -> OpeningSet<F, D> {
        let common = &self.data.common;
        let [here, next] = points.map(|point| Powers::new(point, common.degree()));
        let values = |batch: &Batch<K::Hasher>| {
            here.evaluate((0..batch.count()).into_par_iter().map(|at| batch.coeffs.column(at)))
        };
        let fixed = here.evaluate(oracles.fixed_polynomials.par_iter().copied());
        let [wires, zs, chunks] = oracles.batches.map(values);
        let zs_next =
            next.evaluate((0..oracles.zs).into_par_iter().map(|at| oracles.batches[1].coeffs.column(at)));
        OpeningSet {
            constants: fixed[common.constants_range()].to_vec(),
            plonk_sigmas: fixed[common.sigmas_range()].to_vec(),
            wires,
            plonk_zs: zs[common.zs_range()].to_vec(),
            plonk_zs_next: zs_next,
            partial_products: zs[common.partial_products_range()].to_vec(),
            quotient_polys: chunks,
            lookup_zs: Vec::new(),
            lookup_zs_next: Vec::new(),
        }
    }
}

/// Observes the openings in the order that FRI opens them.
fn observe<H: Hasher<F>>(challenger: &mut Challenger<F, H>, openings: &OpeningSet<F, D>) {
    for values in [
        &openings.constants,
        &openings.plonk_sigmas,
        &openings.wires,
        &openings.plonk_zs,
        &openings.partial_products,
        &openings.quotient_polys,
        &openings.plonk_zs_next,
    ] {
        challenger.observe_extension_elements::<D>(values);
    }
}
