//! Making one proof of the sheets that came: merges as they come, then seal and wrap. [`super::bracket`] says what is next.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use sotto_prover::{MergeJob, Part, ProveError, ProvenSheet, WrapJob, WrappedProof};
use tokio_util::sync::CancellationToken;

use super::{
    bracket::{Move, Side},
    core::{Core, Head, Parcel, ProvingPace, Running, State},
    metrics::Timed,
    steps::Timing,
};
use crate::{RoundView, settlement::settlement_data};

/// Times that a proof is tried before it is given up.
const ATTEMPTS: u32 = 3;
/// Blocks that a settlement takes to be mined.
const MINING_BLOCKS: u64 = 2;

/// A merge of a round.
struct Merging {
    plan: B256,
    round_id: B256,
    left: Side<Arc<Part>>,
    right: Option<Side<Arc<Part>>>,
}

impl Core {
    /// Starts the proofs that the tournaments of all rounds are due.
    pub(super) fn start_proofs(self: &Arc<Self>, head: &Head) {
        let (merges, parcels) = {
            let mut state = self.state.lock();
            let merges = self.due_merges(&mut state, head);
            (merges, due_parcels(&mut state, head))
        };
        for merging in merges {
            let core = Arc::clone(self);
            self.spawn(async move { core.merge(merging).await });
        }
        for (plan, first) in parcels {
            let core = Arc::clone(self);
            self.spawn(async move { core.finish(plan, first).await });
        }
    }

    fn due_merges(&self, state: &mut State, head: &Head) -> Vec<Merging> {
        let timing = self.timing(head);
        let State { plans, rounds, pace, proving, .. } = state;
        let mut merges = Vec::new();
        for (&plan, running) in plans {
            let Some(round) = running.round_id.and_then(|id| rounds.get(id)) else { continue };
            if running.sheets.is_empty() || head.block.number >= round.opening.settle_end {
                continue;
            }
            if !running.last_call && is_last_call(running, round, timing, pace.seconds(), proving) {
                running.last_call = true;
                if !awaited(running, round, timing).is_empty() {
                    self.metrics.last_calls.inc();
                    tracing::info!(round = %round.opening.round_id, "sheets are not waited for any more");
                }
            }
            let expected = if running.last_call { BTreeSet::new() } else { awaited(running, round, timing) };
            for next in running.bracket.moves(&expected) {
                match next {
                    Move::Merge { left, right } => {
                        merges.push(Merging { plan, round_id: round.opening.round_id, left, right });
                    }
                    Move::Finish(Side { covers, part, .. }) => {
                        if let Some(&first) = covers.first() {
                            running.parcels.insert(first, Parcel::new(covers, part));
                        }
                    }
                }
            }
        }
        merges
    }

    async fn merge(self: &Arc<Self>, merging: Merging) {
        let Merging { plan, round_id, left, right } = merging;
        let Some((_, deadline)) = self.round_and_deadline(plan) else { return };
        let job =
            MergeJob { left: (*left.part).clone(), right: right.as_ref().map(|right| (*right.part).clone()) };
        let started = Instant::now();
        let result = attempts(|| self.prover.merge(job.clone(), deadline, CancellationToken::new())).await;
        self.metrics.timed(Timed::Merge, started.elapsed());
        {
            let mut state = self.state.lock();
            let State { plans, proving, .. } = &mut *state;
            let running = plans.get_mut(&plan).filter(|running| running.round_id == Some(round_id));
            let Some(running) = running else { return };
            match (result, left.covers.first().copied()) {
                (Ok(node), Some(first)) => {
                    ProvingPace::note(&mut proving.merge, started.elapsed());
                    running.bracket.merged(first, Arc::new(Part::Node(node)));
                }
                (Err(error), _) => {
                    self.metrics.merge_failures.inc();
                    tracing::warn!(%error, covers = ?left.covers, "a merge failed, its sheets are settled one by one");
                    running.bracket.failed(left, right);
                }
                (Ok(_), None) => {}
            }
        }
        self.wake.notify_one();
    }

    /// Seals a parcel if it is a node, and wraps it.
    async fn finish(self: &Arc<Self>, plan: B256, first: u32) {
        let Some((round, deadline)) = self.round_and_deadline(plan) else { return };
        let part = self
            .state
            .lock()
            .plans
            .get(&plan)
            .and_then(|r| r.parcels.get(&first))
            .map(|p| Arc::clone(&p.part));
        let Some(part) = part else { return };
        let result = self.seal_and_wrap(&round, &part, deadline).await;
        if let Err(error) = &result {
            tracing::warn!(%error, first, "a settlement could not be proven");
        }
        {
            let mut state = self.state.lock();
            let round_id = round.opening.round_id;
            let running = state.plans.get_mut(&plan).filter(|running| running.round_id == Some(round_id));
            let Some(parcel) = running.and_then(|running| running.parcels.get_mut(&first)) else { return };
            parcel.working = false;
            match result {
                Ok(wrapped) => parcel.wrapped = Some(Arc::new(wrapped)),
                Err(_) => parcel.failures += 1,
            }
        }
        self.wake.notify_one();
    }

    async fn seal_and_wrap(
        &self,
        round: &RoundView,
        part: &Part,
        deadline: Instant,
    ) -> Result<WrappedProof, ProveError> {
        let sheet: ProvenSheet = match part {
            Part::Sheet(sheet) => sheet.clone(),
            Part::Node(node) => {
                let started = Instant::now();
                let sealed = self.prover.seal(node.clone(), deadline, CancellationToken::new()).await?;
                self.metrics.timed(Timed::Seal, started.elapsed());
                ProvingPace::note(&mut self.state.lock().proving.seal, started.elapsed());
                sealed
            }
        };
        let job = WrapJob {
            data: settlement_data(round, &sheet.statement),
            sheet,
            chain_id: self.auction.chain_id,
            auction_house: self.auction.auction_house,
        };
        let started = Instant::now();
        let wrapped = self.prover.wrap(job, deadline, CancellationToken::new()).await?;
        self.metrics.timed(Timed::Wrap, started.elapsed());
        ProvingPace::note(&mut self.state.lock().proving.wrap, started.elapsed());
        Ok(wrapped)
    }

    /// The round of a plan, and about when its settle window closes.
    fn round_and_deadline(&self, plan: B256) -> Option<(RoundView, Instant)> {
        let state = self.state.lock();
        let round = state.rounds.get(state.plans.get(&plan)?.round_id?)?;
        let left = round.opening.settle_end.saturating_sub(state.head?.block.number);
        let seconds = left.saturating_mul(state.pace.seconds().max(1));
        Some((round.clone(), Instant::now() + Duration::from_secs(seconds)))
    }
}

/// Tries a proof a few times; one that can never succeed, once.
async fn attempts<T, W>(make: impl Fn() -> W) -> Result<T, ProveError>
where
    W: Future<Output = Result<T, ProveError>>,
{
    let mut tried = 1;
    loop {
        match make().await {
            Err(error) if error.class() == sotto_prover::ErrorClass::Retry && tried < ATTEMPTS => tried += 1,
            outcome => return outcome,
        }
    }
}

/// Commit indices whose sheets may still come.
fn awaited(running: &Running, round: &RoundView, timing: Timing) -> BTreeSet<u32> {
    if !timing.sheets_in_time(round) {
        return BTreeSet::new();
    }
    let open = round.commits.iter().filter(|(_, commit)| !commit.covered && !commit.closed);
    open.map(|(index, _)| *index).filter(|index| !running.sheets.contains(index)).collect()
}

/// Whether what is there takes as long to be merged and settled as is left of the first half of the settle window.
fn is_last_call(
    running: &Running,
    round: &RoundView,
    timing: Timing,
    block_seconds: u64,
    proving: &ProvingPace,
) -> bool {
    let blocks = round.second_half().saturating_sub(timing.head).saturating_sub(MINING_BLOCKS);
    let left = blocks.saturating_mul(block_seconds.max(1));
    proving.needed(running.bracket.merges_left(), running.bracket.groups()) >= left as f64
}

fn due_parcels(state: &mut State, head: &Head) -> Vec<(B256, u32)> {
    let State { plans, rounds, .. } = state;
    let mut due = Vec::new();
    for (&plan, running) in plans {
        let Some(round) = running.round_id.and_then(|id| rounds.get(id)) else { continue };
        if head.block.number >= round.opening.settle_end {
            continue;
        }
        for (&first, parcel) in &mut running.parcels {
            let open = parcel.first_open(round).is_some();
            if open && parcel.wrapped.is_none() && !parcel.working && parcel.failures < ATTEMPTS {
                parcel.working = true;
                due.push((plan, first));
            }
        }
    }
    due
}
