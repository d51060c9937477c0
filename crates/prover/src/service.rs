//! Sheets and wraps as a service: circuits built once and kept, proofs verified before they leave.

use std::{fmt, sync::Arc, time::Instant};

use alloy_primitives::Address;
use prometheus::Registry;
use sotto_circuits::{
    CircuitError, KeySet, Layer, Salt, SheetProof, WrapProof, WrapPublicInputs, capacity_for,
};
use sotto_model::program::Shape;
use sotto_types::{Claim, Digest, PublicData, SHEETS, SLOTS, SheetRef, Standing};
use tokio_util::sync::CancellationToken;

use crate::{
    LeafJob, ProveError, ProvingQueue, QueueConfig, Stage,
    circuits::Circuits,
    no_deadline,
    open::{OpenJob, OpenProof, PartBytes},
    remote::RemoteProving,
    tournament::{MergeJob, Part, ProvenNode},
    wrapping::WrapProfile,
};

/// A sheet to prove.
#[derive(Clone)]
pub struct SheetJob {
    /// Its leaf.
    pub leaf: LeafJob,
    /// Salt of the sheet's commitment.
    pub sheet_salt: Salt,
    /// Commit index, from zero.
    pub commit_index: u32,
    /// Root of the key set that the round pinned.
    pub key_set_root: Digest,
}

impl fmt::Debug for SheetJob {
    /// Shows the round, nothing of the strategy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SheetJob").field("leaf", &self.leaf).finish_non_exhaustive()
    }
}

/// What a sheet proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetStatement {
    /// Digest of round, snapshot and slots.
    pub round_digest: Digest,
    /// Root of the key set.
    pub key_set_root: Digest,
    /// Claims of the 32 slots.
    pub claims: [Claim; SLOTS],
    /// Sheets covered; one, then null sheets.
    pub sheets: [SheetRef; SHEETS],
}

impl SheetStatement {
    /// Claims and sheets.
    pub const fn standing(&self) -> Standing {
        Standing { claims: self.claims, sheets: self.sheets }
    }

    fn of(proof: &SheetProof) -> Self {
        Self {
            round_digest: proof.round_digest(),
            key_set_root: proof.key_set_root(),
            claims: proof.claims(),
            sheets: proof.sheets(),
        }
    }
}

/// A verified sheet proof.
#[derive(Clone)]
pub struct ProvenSheet {
    /// The class.
    pub class_id: u32,
    /// Slots that the leaf serves.
    pub capacity: usize,
    /// Canonical encoding of the proof.
    pub bytes: Vec<u8>,
    /// What it shows.
    pub statement: SheetStatement,
    proof: SheetProof,
}

impl fmt::Debug for ProvenSheet {
    /// Shows the class alone: the rest tells what the sheet bids.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvenSheet")
            .field("class_id", &self.class_id)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl ProvenSheet {
    pub(crate) fn new(class_id: u32, capacity: usize, proof: SheetProof) -> Self {
        Self { class_id, capacity, bytes: proof.to_bytes(), statement: SheetStatement::of(&proof), proof }
    }

    pub(crate) const fn proof(&self) -> &SheetProof {
        &self.proof
    }
}

/// A sheet to wrap for the chain.
#[derive(Clone, Debug)]
pub struct WrapJob {
    /// The sheet.
    pub sheet: ProvenSheet,
    /// The public data of the settlement.
    pub data: PublicData,
    /// The chain.
    pub chain_id: u64,
    /// The settlement contract.
    pub auction_house: Address,
}

/// A verified proof for the chain.
#[derive(Clone, Debug)]
pub struct WrappedProof {
    /// Poseidon digest of the public data.
    pub beta: Digest,
    /// β, σ, γ.
    pub public_inputs: [u64; 8],
    /// The proof.
    pub proof: WrapProof,
}

/// Seconds that the parts of a sheet took.
#[derive(Clone, Copy, Debug, Default)]
pub struct SheetSeconds {
    /// Proving the leaf.
    pub leaf: f64,
    /// Proving the sheet around it.
    pub sheet: f64,
}

/// Size of the service.
#[derive(Clone, Copy, Debug)]
pub struct ProverConfig {
    /// The queue.
    pub queue: QueueConfig,
    /// Form of the wrapped proofs: the one that the deployment's verifier takes.
    pub profile: WrapProfile,
}

impl Default for ProverConfig {
    /// One thread for each core, 64 waiting jobs, profile `fast`.
    fn default() -> Self {
        Self { queue: QueueConfig { threads: 0, capacity: 64 }, profile: WrapProfile::Fast }
    }
}

/// When a running proof ends early.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) stage: Stage,
    pub(crate) deadline: Instant,
    pub(crate) cancel: CancellationToken,
}

impl Limits {
    #[cfg(test)]
    pub(crate) fn new(stage: Stage, deadline: Instant) -> Self {
        Self { stage, deadline, cancel: CancellationToken::new() }
    }

    pub(crate) fn check(&self) -> Result<(), ProveError> {
        let stage = self.stage;
        let now = Instant::now();
        if self.cancel.is_cancelled() {
            Err(ProveError::Cancelled { stage })
        } else if now > self.deadline {
            Err(ProveError::Late { stage, late: now - self.deadline })
        } else {
            Ok(())
        }
    }
}

/// A handle to the proving service.
#[derive(Clone, Debug)]
pub struct Prover {
    pub(crate) queue: ProvingQueue,
    pub(crate) circuits: Arc<Circuits>,
    pub(crate) remote: RemoteProving,
}

impl Prover {
    /// Starts the service with the committed key set. Circuits are built when first needed, or by [`Prover::warm`].
    ///
    /// # Errors
    /// When the threads cannot be started or the committed keys are damaged.
    pub fn start(config: ProverConfig, registry: &Registry) -> Result<Self, ProveError> {
        let keys =
            KeySet::committed().map_err(|source| ProveError::Circuit { stage: Stage::Build, source })?;
        let circuits = Circuits::new(keys, config.profile);
        let queue = ProvingQueue::start(config.queue, registry)?;
        Ok(Self { queue, circuits: Arc::new(circuits), remote: RemoteProving::default() })
    }

    /// Starts the service with a key set of its own: the keys of these classes and slot counts, whose circuits are built
    /// here, seconds to minutes of work. No contract that pins the committed set accepts its proofs.
    ///
    /// # Errors
    /// When a circuit cannot be built or the threads cannot be started.
    pub fn start_for(
        config: ProverConfig,
        classes: &[(Shape, usize)],
        registry: &Registry,
    ) -> Result<Self, ProveError> {
        let set = |keys| refused(Stage::Build, KeySet::new(keys));
        let mut circuits = Circuits::new(set(Vec::new())?, config.profile);
        let mut keys = Vec::with_capacity(classes.len());
        for (class, slots) in classes {
            let capacity = refused(Stage::Build, capacity_for(*slots))?;
            keys.push(circuits.sheet(class, capacity)?.sheet.key());
        }
        circuits.keys = set(keys)?;
        let queue = ProvingQueue::start(config.queue, registry)?;
        Ok(Self { queue, circuits: Arc::new(circuits), remote: RemoteProving::default() })
    }

    /// The same service, which asks workers first and proves what they do not.
    #[must_use]
    pub fn with_remote(mut self, remote: RemoteProving) -> Self {
        self.remote = remote;
        self
    }

    /// The circuits that are built, by name.
    pub fn held(&self) -> Vec<String> {
        self.circuits.held()
    }

    /// Runs a short job beside the queue.
    pub(crate) async fn beside<T: Send + 'static>(
        &self,
        stage: Stage,
        job: impl FnOnce() -> Result<T, ProveError> + Send + 'static,
    ) -> Result<T, ProveError> {
        self.queue.run_beside(stage, job).await
    }

    /// The set of allowed circuits.
    pub fn keys(&self) -> &KeySet {
        &self.circuits.keys
    }

    /// Builds circuits ahead of their first use: those of the classes and slot counts given, and the wrap if asked.
    ///
    /// # Errors
    /// When a circuit cannot be built.
    pub async fn warm(&self, sheets: Vec<(Shape, usize)>, wrap: bool) -> Result<(), ProveError> {
        let circuits = Arc::clone(&self.circuits);
        let build = move || {
            for (class, slots) in sheets {
                circuits.sheet(&class, refused(Stage::Build, capacity_for(slots))?)?;
            }
            if wrap {
                circuits.wrap()?;
            }
            Ok(())
        };
        self.queue.run(Stage::Build, no_deadline(), CancellationToken::new(), build).await
    }

    /// Proves a sheet: leaf, then the zero-knowledge sheet around it, verified. A proof that does not verify is made
    /// once more before it becomes an error. The solver's own workers are asked first, where there are any.
    ///
    /// # Errors
    /// When the job has no witness, is late or cancelled, or the prover fails.
    pub async fn prove_sheet(
        &self,
        job: SheetJob,
        deadline: Instant,
        cancel: CancellationToken,
    ) -> Result<ProvenSheet, ProveError> {
        if let Some(proven) = self.remote.sheet(self, &job, deadline, &cancel).await {
            return Ok(proven);
        }
        self.prove_sheet_timed(job, deadline, cancel).await.map(|(sheet, _)| sheet)
    }

    /// As [`Prover::prove_sheet`], with the seconds that each part took, circuits already built not counted.
    ///
    /// # Errors
    /// As [`Prover::prove_sheet`].
    pub async fn prove_sheet_timed(
        &self,
        job: SheetJob,
        deadline: Instant,
        cancel: CancellationToken,
    ) -> Result<(ProvenSheet, SheetSeconds), ProveError> {
        let circuits = Arc::clone(&self.circuits);
        let limits = Limits { stage: Stage::Sheet, deadline, cancel: cancel.clone() };
        let prove = move || twice(|| circuits.prove_sheet(&job, &limits));
        self.queue.run(Stage::Sheet, deadline, cancel, prove).await
    }

    /// Decodes and verifies a sheet proof from outside under the key of a class and capacity.
    ///
    /// # Errors
    /// When the bytes are no proof, the key is not in the set, or the proof is not valid.
    pub async fn verify_sheet(
        &self,
        class_id: u32,
        capacity: usize,
        bytes: Vec<u8>,
    ) -> Result<ProvenSheet, ProveError> {
        let circuits = Arc::clone(&self.circuits);
        // Milliseconds of work, so it does not wait behind proofs.
        self.queue
            .run_beside(Stage::Verify, move || {
                refused(Stage::Verify, circuits.verify_sheet(class_id, capacity, &bytes))
            })
            .await
    }

    /// Wraps a sheet for the chain in the service's profile, verified.
    ///
    /// # Errors
    /// When the data is not what the sheet shows, the job is late or cancelled, or the prover fails.
    pub async fn wrap(
        &self,
        job: WrapJob,
        deadline: Instant,
        cancel: CancellationToken,
    ) -> Result<WrappedProof, ProveError> {
        if let Some(wrapped) = self.remote.wrap(self, &job, deadline, &cancel).await {
            return Ok(wrapped);
        }
        let circuits = Arc::clone(&self.circuits);
        let limits = Limits { stage: Stage::Wrap, deadline, cancel: cancel.clone() };
        let prove = move || twice(|| circuits.wrap_sheet(&job, &limits));
        self.queue.run(Stage::Wrap, deadline, cancel, prove).await
    }

    /// Builds the circuits of the tournament up to a level, 1 to 4, ahead of their first use.
    ///
    /// # Errors
    /// When a circuit cannot be built.
    pub async fn warm_tournament(&self, level: usize) -> Result<(), ProveError> {
        let circuits = Arc::clone(&self.circuits);
        let build = move || circuits.tournament()?.warm(level);
        self.queue.run(Stage::Build, no_deadline(), CancellationToken::new(), build).await
    }

    /// Merges two sheets or nodes, or lifts one, verified.
    ///
    /// # Errors
    /// When the parts do not merge, the job is late or cancelled, or the prover fails.
    pub async fn merge(
        &self,
        job: MergeJob,
        deadline: Instant,
        cancel: CancellationToken,
    ) -> Result<ProvenNode, ProveError> {
        if let Some(node) = self.remote.merge(self, &job, deadline, &cancel).await {
            return Ok(node);
        }
        let circuits = Arc::clone(&self.circuits);
        let limits = Limits { stage: Stage::Merge, deadline, cancel: cancel.clone() };
        let prove = move || twice(|| circuits.tournament()?.merge(&job, &limits));
        self.queue.run(Stage::Merge, deadline, cancel, prove).await
    }

    /// Seals a node: zero-knowledge, of the sheets' shape, verified.
    ///
    /// # Errors
    /// When the job is late or cancelled, or the prover fails.
    pub async fn seal(
        &self,
        node: ProvenNode,
        deadline: Instant,
        cancel: CancellationToken,
    ) -> Result<ProvenSheet, ProveError> {
        let circuits = Arc::clone(&self.circuits);
        let limits = Limits { stage: Stage::Seal, deadline, cancel: cancel.clone() };
        let prove = move || twice(|| circuits.tournament()?.seal(&node, &limits));
        self.queue.run(Stage::Seal, deadline, cancel, prove).await
    }

    /// Does a job for somebody else: its proofs are verified first, and the result before it leaves.
    ///
    /// # Errors
    /// When a proof in the job is not valid, or as for the job's own call.
    pub async fn run_open(
        &self,
        job: OpenJob,
        deadline: Instant,
        cancel: CancellationToken,
    ) -> Result<OpenProof, ProveError> {
        Ok(match job {
            OpenJob::Merge { left, right } => {
                let left = self.verify_part(left).await?;
                let right = match right {
                    Some(right) => Some(self.verify_part(right).await?),
                    None => None,
                };
                OpenProof::Node(self.merge(MergeJob { left, right }, deadline, cancel).await?)
            }
            OpenJob::Seal { node } => {
                OpenProof::Sealed(self.seal(self.verify_part(node).await?.node()?, deadline, cancel).await?)
            }
            OpenJob::Wrap { sheet, data, chain_id, auction_house } => {
                let sheet = self.verify_part(sheet).await?.sheet()?;
                let job = WrapJob { sheet, data: *data, chain_id, auction_house };
                OpenProof::Wrapped(self.wrap(job, deadline, cancel).await?)
            }
        })
    }

    /// Decodes and verifies a part from outside.
    ///
    /// # Errors
    /// When the bytes are no proof, the key is not in the set, or the proof is not valid.
    pub async fn verify_part(&self, part: PartBytes) -> Result<Part, ProveError> {
        let circuits = Arc::clone(&self.circuits);
        let verify = move || match part {
            PartBytes::Sheet { class_id, capacity, proof } => {
                let verified = circuits.verify_sheet(class_id, capacity as usize, &proof);
                refused(Stage::Verify, verified).map(Part::Sheet)
            }
            PartBytes::Node { level, proof } => {
                circuits.tournament()?.verify_node(level as usize, &proof).map(Part::Node)
            }
        };
        self.queue.run_beside(Stage::Verify, verify).await
    }

    /// Verifies what somebody else made of a merge: that it proves what the merge shows, not merely something.
    ///
    /// # Errors
    /// When the bytes are no such proof.
    pub async fn accept_node(&self, job: &MergeJob, proof: Vec<u8>) -> Result<ProvenNode, ProveError> {
        let expected = job.statement().map_err(|source| ProveError::Unmergeable { source })?;
        let level = u32::try_from(job.level()).unwrap_or(u32::MAX);
        let node = self.verify_part(PartBytes::Node { level, proof }).await?.node()?;
        if node.statement == expected { Ok(node) } else { Err(ProveError::foreign(Layer::Node)) }
    }

    /// Verifies what somebody else made of a seal.
    ///
    /// # Errors
    /// When the bytes are no such proof.
    pub async fn accept_seal(&self, node: &ProvenNode, proof: Vec<u8>) -> Result<ProvenSheet, ProveError> {
        let class_id = u32::try_from(node.level).unwrap_or(u32::MAX);
        let sealed = self.verify_sheet(class_id, SLOTS, proof).await?;
        if sealed.statement == node.statement { Ok(sealed) } else { Err(ProveError::foreign(Layer::Seal)) }
    }

    /// Verifies what somebody else made of a wrap.
    ///
    /// # Errors
    /// When the bytes are no such proof.
    pub async fn accept_wrap(&self, job: &WrapJob, proof: Vec<u8>) -> Result<WrappedProof, ProveError> {
        let circuits = Arc::clone(&self.circuits);
        let beta = sotto_circuits::data_digest(&job.data);
        let shown = WrapPublicInputs::of(&job.data, job.data.sigma(job.chain_id, job.auction_house, beta));
        let verify = move || {
            let wrapping = circuits.wrap()?;
            let proof = refused(Stage::Verify, wrapping.decode(&proof))?;
            refused(Stage::Verify, wrapping.verify(&proof, &shown))?;
            Ok(WrappedProof { beta, public_inputs: shown.elements(), proof })
        };
        self.queue.run_beside(Stage::Verify, verify).await
    }

    /// Ends jobs that wait; the running one finishes.
    pub fn stop(&self) {
        self.queue.stop();
    }
}

/// A circuit error of a stage; a proof of our own that does not verify is the service's failure, not the job's.
pub(crate) fn refused<T>(stage: Stage, outcome: Result<T, CircuitError>) -> Result<T, ProveError> {
    outcome.map_err(|source| match source {
        CircuitError::Invalid { .. } if stage != Stage::Verify => ProveError::Unverifiable { stage, source },
        _ => ProveError::Circuit { stage, source },
    })
}

/// Makes a proof again if the first does not verify: the hardware may have failed once.
pub(crate) fn twice<T>(make: impl Fn() -> Result<T, ProveError>) -> Result<T, ProveError> {
    match make() {
        Err(ProveError::Unverifiable { .. }) => make(),
        outcome => outcome,
    }
}
