//! What a finished task changes.

use rand::{RngCore, rngs::OsRng};
use sotto_circuits::{Salt, capacity_for, round_digest, sheet_commitment};
use sotto_store::{SheetRow, SheetStatus};
use sotto_types::{Digest, NO_BID};

use super::{
    BidKey, DropReason, SolverStrategy, Stage,
    bid::{Sheet, StoredProof},
    decide::Step,
    driver::{Driver, Head, age},
    risk::{self, Standing},
    work::{Consequence, Evaluation, Failure, Handed, Outcome},
};
use crate::{AuctionError, Phase, RoundView};

impl Driver {
    pub(super) fn succeed(&mut self, key: BidKey, step: Step, outcome: Outcome, head: Head) {
        let Some(bid) = self.bids.get_mut(&key) else { return };
        bid.succeeded();
        match (step, outcome) {
            (_, Outcome::Recalled(row)) => self.recalled(key, row.map(|row| *row)),
            (_, Outcome::Evaluated(evaluation)) => self.judge(key, &evaluation, head),
            // The events of that block come before its head; a block later it is known whether they came.
            (_, Outcome::Mined(block)) => bid.progress.not_before = block.max(head.number + 1),
            (_, Outcome::Overtaken) => bid.progress.not_before = head.number + 1,
            (Step::Prove(index), Outcome::Proved(proof)) => {
                bid.proof = Some((*proof).into());
                bid.progress.proof = Some(index);
                (bid.progress.handed_over, bid.progress.wrapped, bid.wrapped) = (None, None, None);
                self.reach(key, Stage::Proved);
            }
            (Step::Submit(index), Outcome::Handed(handed)) => {
                bid.progress.handed_over = Some(index);
                let taken = handed == Handed::Taken;
                self.context.deps.metrics.submission(if taken { "taken" } else { "refused" });
                if taken {
                    self.note_sheet(key, SheetStatus::Submitted, Some(index));
                }
            }
            (Step::Wrap(index), Outcome::Wrapped(wrapped)) => {
                bid.wrapped = Some((*wrapped).into());
                bid.progress.wrapped = Some(index);
            }
            (step, _) => tracing::error!(?step, "a task reported what is not its own"),
        }
    }

    /// # Errors
    /// When the solver cannot go on.
    pub(super) fn fail(
        &mut self,
        key: BidKey,
        step: Step,
        failure: Failure,
        head: Head,
    ) -> Result<(), AuctionError> {
        let Some(bid) = self.bids.get_mut(&key) else { return Ok(()) };
        let Failure { consequence, detail } = failure;
        match consequence {
            Consequence::Cancelled => return Ok(()),
            Consequence::Stop(error) => return Err(*error),
            Consequence::GiveUp(reason) => {
                // Also when it was the ledger that could not be asked.
                bid.recalled = true;
                self.give_up(key, reason, detail);
                return Ok(());
            }
            Consequence::Unprovable => {
                bid.progress.unprovable = true;
                self.note_drop(key, DropReason::ProofRefused, detail);
                return Ok(());
            }
            Consequence::RetryAnew => {
                bid.attempt += 1;
                bid.failed(head.number);
            }
            Consequence::Retry => bid.failed(head.number),
        }
        let name = step.label();
        self.context.deps.metrics.failed(name);
        tracing::warn!(round = %key.round, step = name, detail, "a step failed and is tried again");
        Ok(())
    }

    /// Takes what an earlier run left in the ledger.
    fn recalled(&mut self, key: BidKey, row: Option<SheetRow>) {
        let Some(bid) = self.bids.get_mut(&key) else { return };
        bid.recalled = true;
        let Some(row) = row else {
            self.reach(key, Stage::Accepted);
            return;
        };
        let Ok(commitment) = Digest::try_from(row.commitment) else {
            self.give_up(key, DropReason::LedgerFailed, "the commitment in the ledger is no digest".into());
            return;
        };
        bid.sheet = Some(Sheet { quotes: row.quotes, salt: Salt::from_bytes(row.salt), commitment });
        bid.progress.sheet = Some(commitment);
        if let (Some(index), Some(bytes)) = (row.commit_index, row.proof) {
            bid.stored_proof = Some(StoredProof { index, bytes });
        }
        tracing::info!(round = %key.round, status = ?row.status, "a sheet of an earlier run goes on");
    }

    /// Bids, if the limits allow it: draws the salt, and with it the commitment is fixed.
    fn judge(&mut self, key: BidKey, evaluation: &Evaluation, head: Head) {
        let Some(round) = self.book.get(key.round).cloned() else { return };
        if evaluation.ahead {
            self.context.deps.metrics.ahead_hits.inc();
        }
        self.reach(key, Stage::Evaluated);
        let standing = self.standing(key, &round, evaluation, head);
        if let Err((reason, detail)) = risk::check(&self.context.config.limits, &standing) {
            self.give_up(key, reason, detail);
            return;
        }
        let opening = &round.opening;
        let mut salt = [0; 16];
        OsRng.fill_bytes(&mut salt);
        let salt = Salt::from_bytes(salt);
        let digest = round_digest(opening.round_id, &opening.features, &opening.slots);
        let commitment = sheet_commitment(key.strategy, digest, &evaluation.quotes, &salt);
        if let Some(bid) = self.bids.get_mut(&key) {
            bid.sheet = Some(Sheet { quotes: evaluation.quotes, salt, commitment });
            bid.progress.sheet = Some(commitment);
        }
        self.exposure.hold(key, &opening.slots, &evaluation.quotes, opening.reference);
    }

    fn standing(&self, key: BidKey, round: &RoundView, evaluation: &Evaluation, head: Head) -> Standing {
        let opening = &round.opening;
        let strategy = self.bids.get(&key).and_then(|bid| self.context.config.strategies.get(bid.strategy));
        let quotes = &evaluation.quotes;
        Standing {
            live: self.is_live(),
            block_age: age(head.timestamp),
            commit_blocks_left: opening.commit_end.saturating_sub(head.number),
            bids: self.exposure.bids(),
            exposure: self.exposure.with(key, &opening.slots, quotes, opening.reference, head.timestamp),
            max_exposure: strategy.and_then(|strategy| strategy.max_exposure),
            bids_on_something: quotes.iter().any(|quote| *quote != NO_BID),
            provable: strategy.is_some_and(|strategy| self.is_provable(round, strategy)),
            out_of_range: evaluation.out_of_range(),
            active: evaluation.active,
            free_bond: evaluation.free_bond,
            needed_bond: evaluation.needed_bond,
            gas_balance: evaluation.gas_balance,
        }
    }

    /// Whether a sheet of the strategy can be proven to the contract: otherwise a commitment is worth its bond to nobody.
    fn is_provable(&self, round: &RoundView, strategy: &SolverStrategy) -> bool {
        let keys = self.context.deps.prover.keys();
        let class = strategy.program.shape().id();
        capacity_for(round.non_empty_slots()).is_ok_and(|capacity| keys.key(class, capacity).is_some())
            && keys.root() == round.opening.key_set_root
    }

    /// Notes what the chain says about a bid.
    pub(super) fn observe(&mut self, key: BidKey, round: &RoundView, head: Head) {
        let Some(bid) = self.bids.get_mut(&key).filter(|bid| bid.recalled && !bid.over) else { return };
        let quotes = bid.open_quotes(round, head.number);
        let filled = bid.all_filled(round, head.number);
        let opening = &round.opening;
        self.exposure.hold(key, &opening.slots, &quotes, opening.reference);
        let Some((index, commit)) = round.commit_of(key.strategy) else { return };
        let foreign = bid.progress.sheet != Some(commit.commitment);
        let late = !commit.covered && round.phase(head.number + 1) > Phase::Settle;
        let reported = std::mem::replace(&mut bid.reported_failure, foreign || late);
        if foreign && !reported {
            let reason = if bid.progress.sheet.is_none() {
                DropReason::SheetLost
            } else {
                DropReason::ForeignCommitment
            };
            self.note_drop(
                key,
                reason,
                format!("commitment {} of block {}", commit.commitment.to_word(), commit.block),
            );
            return;
        }
        if late && !reported {
            self.note_drop(key, DropReason::SettleMissed, "no settlement covers the commitment".into());
        }
        if foreign || late {
            return;
        }
        if bid_reached(self, key, Stage::Committed) {
            self.note_sheet(key, SheetStatus::Committed, Some(index));
        }
        if commit.covered && bid_reached(self, key, Stage::Settled) {
            self.note_sheet(key, SheetStatus::Settled, Some(index));
        }
        if filled {
            self.reach(key, Stage::Filled);
        }
    }
}

/// Reaches a stage, and says whether it is new.
fn bid_reached(driver: &mut Driver, key: BidKey, stage: Stage) -> bool {
    let before = driver.bids.get(&key).map(super::bid::Bid::reached);
    driver.reach(key, stage);
    before != driver.bids.get(&key).map(super::bid::Bid::reached)
}
