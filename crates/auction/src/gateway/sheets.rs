//! How sheets come in: checked against the chain, verified, and in the ledger before anything is answered.

use std::{sync::Arc, time::Instant};

use alloy::primitives::B256;
use sotto_contracts::IAuctionHouse;
use sotto_prover::{Part, ProvenSheet};

use super::{
    calls::{check_range, check_statement},
    core::{Core, call_error, unix_ms},
    metrics::Timed,
    refusal::{Refusal, RefusalCode},
};
use crate::{CommitView, RoundView, SheetReceipt, SheetSubmission};

/// Slot capacities that a leaf can have.
const CAPACITIES: [u32; 4] = [1, 4, 16, 32];

impl Core {
    /// Takes a sheet for a round of this gateway.
    ///
    /// # Errors
    /// A [`Refusal`]; it is counted.
    pub(super) async fn submit_sheet(&self, submission: SheetSubmission) -> Result<SheetReceipt, Refusal> {
        let result = self.take_sheet(&submission).await;
        match &result {
            Ok(SheetReceipt::Accepted) => {
                self.metrics.sheets.inc();
                self.wake.notify_one();
            }
            Ok(SheetReceipt::Known) => {}
            Err(refusal) => {
                tracing::info!(code = %refusal.code, reason = refusal.reason, "a sheet was refused");
                self.metrics.refused(refusal.code);
            }
        }
        result
    }

    async fn take_sheet(&self, submission: &SheetSubmission) -> Result<SheetReceipt, Refusal> {
        if self.cancel.is_cancelled() {
            return Err(Refusal::new(RefusalCode::ShuttingDown, "the gateway is shutting down"));
        }
        self.check_size(submission)?;
        let (round, plan) = self.round_for(submission.round_id)?;
        let commit = commit_for(&round, submission)?;
        if self.has_sheet(plan, submission.commit_index) {
            return Ok(SheetReceipt::Known);
        }
        if self.state.lock().plans.get(&plan).is_some_and(|running| running.last_call) {
            let reason =
                "the proofs that are there are being merged, to be settled in the first half of the window";
            return Err(Refusal::new(RefusalCode::TooLate, reason));
        }
        let _place = self.verifying.try_acquire().map_err(|_| {
            Refusal::new(RefusalCode::Busy, "as many sheets as the gateway verifies at once are in work")
        })?;
        let started = Instant::now();
        let proven = self.verify(&round, &commit, submission).await?;
        self.metrics.timed(Timed::Verify, started.elapsed());
        self.books
            .receive(submission, commit.commitment.to_word(), unix_ms())
            .await
            .map_err(|error| super::intake::storage_failed(&error))?;
        Ok(self.keep_sheet(plan, submission.round_id, submission.commit_index, proven))
    }

    fn check_size(&self, submission: &SheetSubmission) -> Result<(), Refusal> {
        let (size, limit) = (submission.proof.len(), self.config.max_sheet_bytes);
        if size > limit {
            return Err(Refusal::new(RefusalCode::TooLarge, format!("{size} bytes, the limit is {limit}")));
        }
        if !CAPACITIES.contains(&submission.capacity) {
            let reason = format!("capacity {} is none of 1, 4, 16 and 32", submission.capacity);
            return Err(Refusal::new(RefusalCode::InvalidProof, reason));
        }
        Ok(())
    }

    /// The round, if this gateway opened it and its time for sheets is now, and the plan behind it.
    fn round_for(&self, round_id: B256) -> Result<(RoundView, B256), Refusal> {
        let state = self.state.lock();
        let unknown = || {
            Refusal::new(RefusalCode::UnknownRound, format!("round {round_id} is not one of this gateway"))
        };
        let head = state.head.ok_or_else(unknown)?;
        let round = state.rounds.get(round_id).ok_or_else(unknown)?;
        let plan =
            state.plans.values().find(|running| running.round_id == Some(round_id)).ok_or_else(unknown)?;
        let (timing, opening) = (self.timing(&head), &round.opening);
        if !timing.takes_sheets(round) {
            let from = opening.commit_end.saturating_add(timing.confirmations.max(1));
            let reason = format!("sheets are taken from block {from}, the newest is {}", head.block.number);
            return Err(Refusal::new(RefusalCode::TooEarly, reason));
        }
        if !timing.sheets_in_time(round) {
            let until = round.second_half().saturating_sub(2);
            let reason =
                format!("sheets were taken until block {until}, the newest is {}", head.block.number);
            return Err(Refusal::new(RefusalCode::TooLate, reason));
        }
        Ok((round.clone(), plan.plan.slots_hash))
    }

    fn has_sheet(&self, plan: B256, index: u32) -> bool {
        self.state.lock().plans.get(&plan).is_some_and(|running| running.sheets.contains(&index))
    }

    /// Verifies the proof, and that it is about this round and commitment, with quotes that the contract takes.
    async fn verify(
        &self,
        round: &RoundView,
        commit: &CommitView,
        submission: &SheetSubmission,
    ) -> Result<ProvenSheet, Refusal> {
        let capacity = usize::try_from(submission.capacity).unwrap_or(usize::MAX);
        let proven = self
            .prover
            .verify_sheet(submission.class_id, capacity, submission.proof.to_vec())
            .await
            .map_err(|error| match error.class() {
                sotto_prover::ErrorClass::Permanent => {
                    Refusal::new(RefusalCode::InvalidProof, error.to_string())
                }
                _ => Refusal::new(RefusalCode::Busy, error.to_string()),
            })?;
        check_statement(round, submission.commit_index, commit, &proven.statement)?;
        let house = IAuctionHouse::new(self.auction.auction_house, &self.provider);
        let read = house.getCommit(submission.round_id, submission.commit_index);
        let stored = self
            .owners
            .in_time(async {
                read.call()
                    .await
                    .map_err(|e| Refusal::new(RefusalCode::ChainUnavailable, call_error(e).to_string()))
            })
            .await?;
        check_range(&proven.statement, stored.minQuote, stored.maxQuote)?;
        Ok(proven)
    }

    fn keep_sheet(&self, plan: B256, round_id: B256, index: u32, proven: ProvenSheet) -> SheetReceipt {
        let mut state = self.state.lock();
        // The round may have been reorganised away meanwhile; the ledger keeps the sheet for when it comes back.
        if let Some(running) = state.plans.get_mut(&plan).filter(|running| running.round_id == Some(round_id))
        {
            if !running.sheets.insert(index) {
                return SheetReceipt::Known;
            }
            if !self.config.merge_sheets {
                running.bracket.split(index);
            }
            running.bracket.insert(index, Arc::new(Part::Sheet(proven)));
        }
        SheetReceipt::Accepted
    }

    /// Verifies the sheets that the ledger has of a round, after a restart or a reorganisation.
    pub(super) async fn restore_sheets(&self, plan: B256, round_id: B256) {
        let stored = match self.books.sheets(round_id).await {
            Ok(stored) => stored,
            Err(error) => return tracing::error!(%error, "the sheets of a round could not be read"),
        };
        for sheet in stored {
            let capacity = usize::try_from(sheet.capacity).unwrap_or(usize::MAX);
            match self.prover.verify_sheet(sheet.class_id, capacity, sheet.proof).await {
                Ok(proven) => drop(self.keep_sheet(plan, round_id, sheet.commit_index, proven)),
                Err(error) => {
                    tracing::warn!(%error, index = sheet.commit_index, "a stored sheet does not verify");
                }
            }
        }
        self.wake.notify_one();
    }
}

/// The commitment that a sheet is about, as the chain has it.
fn commit_for(round: &RoundView, submission: &SheetSubmission) -> Result<CommitView, Refusal> {
    let index = submission.commit_index;
    let Some(commit) = round.commits.get(&index) else {
        let reason = format!("the round has no commitment with index {index}");
        return Err(Refusal::new(RefusalCode::CommitmentMismatch, reason));
    };
    if commit.strategy.to_word() != submission.strategy_id {
        let reason = format!("commitment {index} is that of another strategy");
        return Err(Refusal::new(RefusalCode::CommitmentMismatch, reason));
    }
    if commit.covered || commit.closed {
        return Err(Refusal::new(RefusalCode::AlreadyCovered, format!("commitment {index} is covered")));
    }
    Ok(commit.clone())
}
