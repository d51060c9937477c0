//! The circuits that the service holds, and what it proves and verifies with them.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Instant,
};

use parking_lot::{Mutex, ReentrantMutex};
use sotto_circuits::{
    CircuitError, KeySet, Layer, LeafCircuit, LeafInputs, LeafProof, SheetCircuit, SheetInputs, SheetKey,
    SheetProof, SheetShape, WrapPublicInputs,
};
use sotto_model::program::Shape;

use crate::{
    LeafJob, ProveError, ProvenLeaf, Stage,
    fast::{FastCircuit, Run},
    service::{Limits, ProvenSheet, SheetJob, SheetSeconds, WrapJob, WrappedProof, refused},
    tournament::{Tournament, TournamentCircuits},
    wrapping::{Settled, WrapProfile, Wrapping},
};

/// Circuits of one class and capacity, each with what its prover keeps.
#[derive(Debug)]
pub(crate) struct SheetCircuits {
    leaf: LeafCircuit,
    leaf_prover: FastCircuit,
    reducers: Vec<FastCircuit>,
    pub(crate) sheet: SheetCircuit,
    sheet_prover: FastCircuit,
}

/// All circuits of the service, each built when first needed. One is built at a time: what waits for another that is being
/// built finds it.
#[derive(Debug)]
pub(crate) struct Circuits {
    building: ReentrantMutex<()>,
    pub(crate) keys: KeySet,
    sheets: Mutex<HashMap<(u32, usize), Arc<SheetCircuits>>>,
    shape: OnceLock<SheetShape>,
    profile: WrapProfile,
    wrap: OnceLock<Wrapping>,
    tournament: TournamentCircuits,
}

impl Circuits {
    pub(crate) fn new(keys: KeySet, profile: WrapProfile) -> Self {
        Self {
            building: ReentrantMutex::new(()),
            keys,
            profile,
            sheets: Mutex::default(),
            shape: OnceLock::new(),
            wrap: OnceLock::new(),
            tournament: TournamentCircuits::default(),
        }
    }

    /// The circuits that are built, by name.
    pub(crate) fn held(&self) -> Vec<String> {
        let sheets = self.sheets.lock();
        let mut names: Vec<_> =
            sheets.keys().map(|(class, slots)| format!("sheet:{class:08x}:{slots}")).collect();
        names.sort();
        names.extend(self.wrap.get().map(|_| "wrap".to_owned()));
        names
    }

    pub(crate) fn tournament(&self) -> Result<Tournament<'_>, ProveError> {
        let shape = refused(Stage::Build, self.shape())?;
        Ok(Tournament { circuits: &self.tournament, shape, keys: &self.keys })
    }

    /// The circuits of a class and capacity, built when missing.
    pub(crate) fn sheet(&self, class: &Shape, capacity: usize) -> Result<Arc<SheetCircuits>, ProveError> {
        let at = (class.id(), capacity);
        let _building = self.building.lock();
        if let Some(found) = self.sheets.lock().get(&at) {
            return Ok(Arc::clone(found));
        }
        let leaf = refused(Stage::Build, LeafCircuit::build(class, capacity))?;
        let sheet = refused(Stage::Build, SheetCircuit::build(&leaf))?;
        let (leaf_prover, sheet_prover) = (FastCircuit::new(leaf.data())?, FastCircuit::new(sheet.data())?);
        let reducers = sheet.reductions().iter().map(|r| FastCircuit::new(r.data()));
        let reducers = reducers.collect::<Result<_, _>>()?;
        let built = Arc::new(SheetCircuits { leaf, leaf_prover, reducers, sheet, sheet_prover });
        self.sheets.lock().insert(at, Arc::clone(&built));
        Ok(built)
    }

    pub(crate) fn shape(&self) -> Result<&SheetShape, CircuitError> {
        if let Some(shape) = self.shape.get() {
            return Ok(shape);
        }
        let _building = self.building.lock();
        let known = self.sheets.lock().values().next().map(|circuits| circuits.sheet.shape());
        let shape = known.map_or_else(SheetShape::canonical, Ok)?;
        Ok(self.shape.get_or_init(|| shape))
    }

    pub(crate) fn wrap(&self) -> Result<&Wrapping, ProveError> {
        if let Some(wrap) = self.wrap.get() {
            return Ok(wrap);
        }
        let _building = self.building.lock();
        if let Some(wrap) = self.wrap.get() {
            return Ok(wrap);
        }
        let built = Wrapping::build(self.profile, refused(Stage::Build, self.shape())?)?;
        Ok(self.wrap.get_or_init(|| built))
    }

    pub(crate) fn key(&self, class_id: u32, capacity: usize) -> Result<&SheetKey, CircuitError> {
        self.keys.key(class_id, capacity).ok_or(CircuitError::KeyNotInSet { class_id })
    }

    pub(crate) fn prove_sheet(
        &self,
        job: &SheetJob,
        limits: &Limits,
    ) -> Result<(ProvenSheet, SheetSeconds), ProveError> {
        let leaf = self.prove_leaf(job.leaf.clone(), limits)?;
        Self::prove_around(&leaf, job, limits)
    }

    /// The leaf of a job, reduced until a sheet takes it.
    pub(crate) fn prove_leaf(&self, job: LeafJob, limits: &Limits) -> Result<ProvenLeaf, ProveError> {
        let stage = limits.stage;
        let capacity = refused(stage, job.capacity())?;
        let circuits = self.sheet(job.program.shape(), capacity)?;
        let stop = || limits.check();
        let started = Instant::now();
        let leaf_inputs = LeafInputs {
            program: &job.program,
            salt: &job.model_salt,
            owner: job.owner,
            round_id: job.round_id,
            features: &job.features,
            slots: &job.slots,
        };
        let witness = refused(stage, circuits.leaf.witness(&leaf_inputs))?;
        let run = Run::new(stage, Layer::Leaf).until(&stop);
        let mut proof = LeafProof::new(circuits.leaf_prover.prove(circuits.leaf.data(), witness, &run)?);
        let leaf = started.elapsed().as_secs_f64();
        for (reduction, prover) in circuits.sheet.reductions().iter().zip(&circuits.reducers) {
            let witness = refused(stage, reduction.witness(&proof))?;
            let run = Run::new(stage, Layer::Reduction).until(&stop);
            proof = LeafProof::new(prover.prove(reduction.data(), witness, &run)?);
        }
        let seconds = SheetSeconds { leaf, sheet: started.elapsed().as_secs_f64() - leaf };
        Ok(ProvenLeaf { job, capacity, circuits, proof, seconds })
    }

    /// The sheet of a job around its leaf, verified.
    pub(crate) fn prove_around(
        leaf: &ProvenLeaf,
        job: &SheetJob,
        limits: &Limits,
    ) -> Result<(ProvenSheet, SheetSeconds), ProveError> {
        let (stage, circuits) = (limits.stage, &leaf.circuits);
        let stop = || limits.check();
        let started = Instant::now();
        let inputs = SheetInputs {
            sheet_salt: &job.sheet_salt,
            commit_index: job.commit_index,
            key_set_root: job.key_set_root,
        };
        let witness = refused(stage, circuits.sheet.witness(&leaf.proof, &inputs))?;
        let run = Run::new(stage, Layer::Sheet).until(&stop);
        let proof = SheetProof::new(circuits.sheet_prover.prove(circuits.sheet.data(), witness, &run)?);
        let sheet = leaf.seconds.sheet + started.elapsed().as_secs_f64();
        let seconds = SheetSeconds { leaf: leaf.seconds.leaf, sheet };
        refused(stage, circuits.sheet.verify(&proof))?;
        Ok((ProvenSheet::new(job.leaf.program.shape().id(), leaf.capacity, proof), seconds))
    }

    pub(crate) fn verify_sheet(
        &self,
        class_id: u32,
        capacity: usize,
        bytes: &[u8],
    ) -> Result<ProvenSheet, CircuitError> {
        let shape = self.shape()?;
        let proof = SheetProof::from_bytes(bytes, shape)?;
        proof.verify(shape, self.key(class_id, capacity)?)?;
        Ok(ProvenSheet::new(class_id, capacity, proof))
    }

    pub(crate) fn wrap_sheet(&self, job: &WrapJob, limits: &Limits) -> Result<WrappedProof, ProveError> {
        let stage = limits.stage;
        let beta = sotto_circuits::data_digest(&job.data);
        let sigma = job.data.sigma(job.chain_id, job.auction_house, beta);
        let shown = WrapPublicInputs::of(&job.data, sigma);
        let key = refused(stage, self.key(job.sheet.class_id, job.sheet.capacity))?;
        let wrapping = self.wrap()?;
        let settled = Settled { proof: job.sheet.proof(), key, keys: &self.keys, data: &job.data, sigma };
        let proof = wrapping.prove(&settled, limits)?;
        refused(stage, wrapping.verify(&proof, &shown))?;
        Ok(WrappedProof { beta, public_inputs: shown.elements(), proof })
    }
}
