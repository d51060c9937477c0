//! One bid as the solver's loop keeps it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use sotto_circuits::Salt;
use sotto_prover::{ProvenSheet, WrappedProof};
use sotto_types::{Digest, NO_BID, Quote, SLOTS};
use tokio_util::sync::CancellationToken;

use super::{
    BidKey, Stage,
    decide::{Progress, Step},
    metrics::SlotOutcome,
};
use crate::{Phase, RoundView, SlotState};

/// Blocks between two tries of a step that fails again and again, at most.
const LONGEST_PAUSE: u64 = 8;

/// Quotes and salt of a sheet, with its commitment.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub(super) quotes: [Quote; SLOTS],
    pub(super) salt: Salt,
    pub(super) commitment: Digest,
}

/// A sheet proof that an earlier run left in the ledger.
#[derive(Clone)]
pub(super) struct StoredProof {
    pub(super) index: u32,
    pub(super) bytes: Vec<u8>,
}

/// A step under way.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) step: Step,
    /// Tells the outcome of this task from that of an earlier one.
    pub(super) task: u64,
    pub(super) cancel: CancellationToken,
}

/// A bid.
pub(super) struct Bid {
    pub(super) key: BidKey,
    /// Position of the strategy in the configuration.
    pub(super) strategy: usize,
    pub(super) progress: Progress,
    /// Whether the ledger was asked for the sheet.
    pub(super) recalled: bool,
    pub(super) sheet: Option<Sheet>,
    pub(super) stored_proof: Option<StoredProof>,
    pub(super) proof: Option<Arc<ProvenSheet>>,
    pub(super) wrapped: Option<Arc<WrappedProof>>,
    pub(super) running: Option<Running>,
    /// Transactions of the present step that ended badly; each needs an idempotency key of its own.
    pub(super) attempt: u32,
    /// Failures of the present step in a row.
    failures: u32,
    reached: Stage,
    reached_at: Instant,
    /// Whether it is on record that the commitment cannot be opened, or was not settled.
    pub(super) reported_failure: bool,
    /// Whether everything is over and counted.
    pub(super) over: bool,
}

impl Bid {
    pub(super) fn new(round: B256, strategy: Digest, position: usize) -> Self {
        Self {
            key: BidKey { round, strategy },
            strategy: position,
            progress: Progress::default(),
            recalled: false,
            sheet: None,
            stored_proof: None,
            proof: None,
            wrapped: None,
            running: None,
            attempt: 0,
            failures: 0,
            reached: Stage::Seen,
            reached_at: Instant::now(),
            reported_failure: false,
            over: false,
        }
    }

    /// Notes a stage; the time since the previous one when this one is new.
    pub(super) fn reach(&mut self, stage: Stage) -> Option<Duration> {
        if stage <= self.reached {
            return None;
        }
        let took = self.reached_at.elapsed();
        (self.reached, self.reached_at) = (stage, Instant::now());
        Some(took)
    }

    /// The last stage reached.
    pub(super) const fn reached(&self) -> Stage {
        self.reached
    }

    /// A step succeeded.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// A step failed: it is tried again after 1, 2, 4 and then every 8 blocks.
    pub(super) fn failed(&mut self, head: u64) {
        let pause = (1 << self.failures.min(3)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.progress.not_before = head.saturating_add(pause);
    }

    /// Quotes on slots that may still have to be delivered on, given what the chain says; all others are no bid.
    pub(super) fn open_quotes(&self, round: &RoundView, head: u64) -> [Quote; SLOTS] {
        let Some(sheet) = &self.sheet else { return [NO_BID; SLOTS] };
        let phase = round.phase(head + 1);
        let commit = round.commit_of(self.key.strategy);
        let alive = match &commit {
            Some((_, commit)) if commit.covered => phase <= Phase::Fill,
            Some(_) => phase <= Phase::Settle,
            None => phase == Phase::Commit && self.progress.given_up.is_none(),
        };
        if !alive {
            return [NO_BID; SLOTS];
        }
        let won = commit.filter(|(_, commit)| commit.covered).map(|(index, _)| round.won_by(index));
        std::array::from_fn(|slot| {
            let lost = won.as_ref().is_some_and(|won| !won.contains(&slot));
            let ended = round.slots.get(slot) != Some(&SlotState::Open);
            if lost || ended { NO_BID } else { sheet.quotes.get(slot).copied().unwrap_or(NO_BID) }
        })
    }

    /// Whether nothing can be filled any more: every slot that was won has ended, or the window has.
    pub(super) fn all_filled(&self, round: &RoundView, head: u64) -> bool {
        let Some((index, commit)) = round.commit_of(self.key.strategy) else { return false };
        let settled = commit.covered && round.phase(head + 1) >= Phase::Fill;
        let open = |slot: usize| round.slots.get(slot) == Some(&SlotState::Open);
        settled && (round.phase(head + 1) == Phase::Over || !round.won_by(index).into_iter().any(open))
    }

    /// What became of the slots that were bid on.
    pub(super) fn slot_outcomes(&self, round: &RoundView) -> Vec<SlotOutcome> {
        let Some((index, _)) = round.commit_of(self.key.strategy) else { return Vec::new() };
        let Some(sheet) = &self.sheet else { return Vec::new() };
        let won = round.won_by(index);
        let bid_on = sheet.quotes.iter().enumerate().filter(|(_, quote)| **quote != NO_BID);
        bid_on
            .map(|(slot, _)| match round.slots.get(slot) {
                _ if !won.contains(&slot) => SlotOutcome::Lost,
                Some(SlotState::Filled { .. }) => SlotOutcome::Filled,
                Some(SlotState::Defaulted { .. }) => SlotOutcome::Defaulted,
                _ => SlotOutcome::Unfilled,
            })
            .collect()
    }
}
