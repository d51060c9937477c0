//! The leaf ahead of its sheet: it depends on the model and the round alone, and is there when the commit index is known.

use std::{fmt, sync::Arc, time::Instant};

use alloy_primitives::{Address, B256};
use sotto_circuits::{CircuitError, LeafProof, Salt, capacity_for};
use sotto_model::program::Program;
use sotto_types::{MarketFeatures, SLOTS, Slot};
use tokio_util::sync::CancellationToken;

use crate::{
    ProveError, ProvenSheet, Prover, SheetJob, SheetSeconds, Stage,
    circuits::{Circuits, SheetCircuits},
    service::{Limits, twice},
};

/// A leaf to prove: what is known of a [`SheetJob`] before the commit index is.
#[derive(Clone, PartialEq, Eq)]
pub struct LeafJob {
    /// The strategy's program.
    pub program: Arc<Program>,
    /// Salt of the model's commitment.
    pub model_salt: Salt,
    /// The strategy's owner.
    pub owner: Address,
    /// The round.
    pub round_id: B256,
    /// Its snapshot.
    pub features: MarketFeatures,
    /// Its slots.
    pub slots: [Slot; SLOTS],
}

impl fmt::Debug for LeafJob {
    /// Shows the round, nothing of the strategy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeafJob").field("round_id", &self.round_id).finish_non_exhaustive()
    }
}

impl LeafJob {
    /// The least capacity whose leaf serves the slots.
    pub(crate) fn capacity(&self) -> Result<usize, CircuitError> {
        capacity_for(self.slots.iter().rposition(|slot| !slot.is_empty()).map_or(0, |last| last + 1))
    }
}

/// A proven leaf, reduced to the shape that a sheet takes. It is not zero-knowledge and has no encoding: it never leaves
/// the process.
pub struct ProvenLeaf {
    pub(crate) job: LeafJob,
    pub(crate) capacity: usize,
    pub(crate) circuits: Arc<SheetCircuits>,
    pub(crate) proof: LeafProof,
    /// Seconds of the leaf, and of its reductions as part of the sheet.
    pub(crate) seconds: SheetSeconds,
}

impl fmt::Debug for ProvenLeaf {
    /// Shows the round, nothing of the strategy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvenLeaf").field("round_id", &self.job.round_id).finish_non_exhaustive()
    }
}

impl Prover {
    /// Whether leaves are proven ahead of their sheets. They are not where the solver's own workers prove sheets: a
    /// worker is given the model and proves the leaf itself, so one made here would be made twice.
    pub const fn proves_leaves(&self) -> bool {
        self.remote.private.is_none()
    }

    /// Proves a leaf and the reductions after it, in this process. It is verified as part of the sheet around it.
    ///
    /// # Errors
    /// When the job has no witness, is late or cancelled, or the prover fails.
    pub async fn prove_leaf(
        &self,
        job: LeafJob,
        deadline: Instant,
        cancel: CancellationToken,
    ) -> Result<ProvenLeaf, ProveError> {
        let circuits = Arc::clone(&self.circuits);
        let limits = Limits { stage: Stage::Leaf, deadline, cancel: cancel.clone() };
        let prove = move || circuits.prove_leaf(job, &limits);
        self.queue.run(Stage::Leaf, deadline, cancel, prove).await
    }

    /// As [`Prover::prove_sheet`], around a leaf that is there, in this process. A leaf of something else, or around which
    /// no valid sheet can be proven, is left aside, and another one is made.
    ///
    /// # Errors
    /// As [`Prover::prove_sheet`].
    pub async fn prove_sheet_around(
        &self,
        leaf: Arc<ProvenLeaf>,
        job: SheetJob,
        deadline: Instant,
        cancel: CancellationToken,
    ) -> Result<ProvenSheet, ProveError> {
        let circuits = Arc::clone(&self.circuits);
        let limits = Limits { stage: Stage::Sheet, deadline, cancel: cancel.clone() };
        let prove = move || around(&circuits, &leaf, &job, &limits);
        self.queue.run(Stage::Sheet, deadline, cancel, prove).await
    }
}

fn around(
    circuits: &Circuits,
    leaf: &ProvenLeaf,
    job: &SheetJob,
    limits: &Limits,
) -> Result<ProvenSheet, ProveError> {
    if leaf.job == job.leaf {
        match Circuits::prove_around(leaf, job, limits) {
            Err(ProveError::Unverifiable { .. } | ProveError::Circuit { .. }) => {
                tracing::warn!(round = %job.leaf.round_id, "a leaf does not serve; another one is proven");
            }
            outcome => return outcome.map(|(sheet, _)| sheet),
        }
    }
    twice(|| circuits.prove_sheet(job, limits)).map(|(sheet, _)| sheet)
}
