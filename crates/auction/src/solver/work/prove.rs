//! Proofs: the sheet, from the model and the sheet's salt or from the ledger, and the wrap for the chain.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sotto_circuits::capacity_for;
use sotto_prover::{ErrorClass, LeafJob, ProveError, ProvenSheet, SheetJob, WrapJob};
use sotto_store::SheetStatus;

use super::{Consequence, Failure, Job, Outcome, cancelled};
use crate::{
    settlement::settlement_data,
    solver::{
        bid::{Sheet, StoredProof},
        scribe::move_sheet,
    },
};

/// Proves the leaf of a bid that is about to be committed to, so that it is there when the commit index is known. The
/// bid's own end releases it, not the end of the commitment's transaction.
pub(super) fn start_leaf(job: &Job) {
    let prover = job.context.deps.prover.clone();
    if job.cancel.is_cancelled() || !prover.proves_leaves() {
        return;
    }
    let work = leaf(job);
    let (round, until, metrics) = (job.key.round, deadline(job), job.context.deps.metrics.clone());
    let prove = move |cancel| async move {
        match prover.prove_leaf(work, until, cancel).await {
            Ok(leaf) => {
                metrics.leaf("proved");
                Some(leaf)
            }
            Err(error) => {
                metrics.leaf("failed");
                tracing::debug!(%round, %error, "no leaf ahead; it is proven with the sheet");
                None
            }
        }
    };
    if job.context.leaves.start(job.key, prove) {
        job.context.deps.metrics.leaf("started");
    }
}

/// The leaf of a bid.
fn leaf(job: &Job) -> LeafJob {
    let opening = &job.round.opening;
    LeafJob {
        program: Arc::clone(&job.strategy.program),
        model_salt: job.strategy.salt.clone(),
        owner: job.strategy.owner,
        round_id: opening.round_id,
        features: opening.features,
        slots: opening.slots,
    }
}

/// Proves the sheet for its commit index, around the leaf that was proven ahead if there is one, and keeps the proof in
/// the ledger. A proof that an earlier run left for the same index is verified instead.
pub(in crate::solver) async fn prove(
    job: Job,
    index: u32,
    sheet: Sheet,
    stored: Option<StoredProof>,
) -> Result<Outcome, Failure> {
    if let Some(proven) = from_ledger(&job, index, &sheet, stored).await {
        return Ok(Outcome::Proved(Box::new(proven)));
    }
    let work = SheetJob {
        leaf: leaf(&job),
        sheet_salt: sheet.salt.clone(),
        commit_index: index,
        key_set_root: job.round.opening.key_set_root,
    };
    let prover = &job.context.deps.prover;
    let ahead = tokio::select! {
        ahead = job.context.leaves.ready(job.key) => ahead,
        () = job.cancel.cancelled() => return Err(cancelled()),
    };
    let proven = match ahead {
        Some(leaf) => {
            job.context.deps.metrics.leaf("used");
            prover.prove_sheet_around(leaf, work, deadline(&job), job.cancel.clone()).await
        }
        None => prover.prove_sheet(work, deadline(&job), job.cancel.clone()).await,
    };
    let proven = proven.map_err(failed)?;
    if !opens(&proven, index, &sheet, &job) {
        let detail =
            "the model's sheet is not the one that was committed to: the strategy's files or salt changed";
        return Err(Failure { consequence: Consequence::Unprovable, detail: detail.into() });
    }
    let (key, bytes) = (job.key, proven.bytes.clone());
    let kept = job.ledger(move |unit| {
        move_sheet(unit, key, SheetStatus::Committed, Some(index))?;
        unit.prove_sheet(key.round, key.strategy.to_word(), &bytes)
    });
    // The proof can be made again; what counts is that it is handed out in time.
    if let Err(failure) = kept.await {
        tracing::warn!(round = %key.round, reason = failure.detail, "a sheet proof could not be kept");
    }
    Ok(Outcome::Proved(Box::new(proven)))
}

async fn from_ledger(
    job: &Job,
    index: u32,
    sheet: &Sheet,
    stored: Option<StoredProof>,
) -> Option<ProvenSheet> {
    let stored = stored.filter(|stored| stored.index == index)?;
    let capacity = capacity_for(job.round.non_empty_slots()).ok()?;
    let class = job.strategy.program.shape().id();
    let proven = job.context.deps.prover.verify_sheet(class, capacity, stored.bytes).await;
    proven.ok().filter(|proven| opens(proven, index, sheet, job))
}

/// Whether a proof is about the commitment with this index.
fn opens(proven: &ProvenSheet, index: u32, sheet: &Sheet, job: &Job) -> bool {
    let Some(shown) = proven.statement.sheets.first() else { return false };
    index.checked_add(1) == Some(shown.index)
        && shown.strategy == job.key.strategy
        && shown.commitment == sheet.commitment
        && proven.statement.key_set_root == job.round.opening.key_set_root
}

/// Wraps the sheet for the chain.
pub(in crate::solver) async fn wrap(job: Job, sheet: Arc<ProvenSheet>) -> Result<Outcome, Failure> {
    let auction = job.context.config.auction;
    let work = WrapJob {
        data: settlement_data(&job.round, &sheet.statement),
        sheet: (*sheet).clone(),
        chain_id: auction.chain_id,
        auction_house: auction.auction_house,
    };
    let wrapped =
        job.context.deps.prover.wrap(work, deadline(&job), job.cancel.clone()).await.map_err(failed)?;
    Ok(Outcome::Wrapped(Box::new(wrapped)))
}

/// About when the settle window closes; the prover does the most urgent first, and nothing that is too late.
fn deadline(job: &Job) -> Instant {
    let blocks = job.round.opening.settle_end.saturating_sub(job.head);
    let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
    let left = job.context.config.block_time.checked_mul(blocks).unwrap_or(Duration::MAX);
    let day = Duration::from_secs(24 * 3600);
    Instant::now() + left.min(day)
}

fn failed(error: ProveError) -> Failure {
    match &error {
        ProveError::Cancelled { .. } => cancelled(),
        // Late by the configured block time, while the window may still be open by the chain's.
        ProveError::DeadlinePassed { .. } | ProveError::Unverifiable { .. } => Failure::retry(error),
        ProveError::Stopped | ProveError::Threads(_) => Failure::stop(error.into()),
        _ if error.class() == ErrorClass::Permanent => {
            Failure { consequence: Consequence::Unprovable, detail: error.to_string() }
        }
        _ => Failure::retry(error),
    }
}
