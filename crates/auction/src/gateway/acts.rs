//! Doing the steps of a round, one transaction per step. Each has an idempotency key, so that a restart, a
//! second look at the same head and a reorganisation attach to the transaction that is there instead of sending another.

use std::{sync::Arc, time::Instant};

use alloy::{
    primitives::{B256, Bytes},
    sol_types::SolCall,
};
use sotto_chain::{ChainError, ErrorClass, TxReceipt, TxRequest};
use sotto_contracts::IAuctionHouse;
use sotto_store::{FillStatus, IntentStatus};
use sotto_types::permit_digest;

use super::{
    calls::{SlotOrder, close_call, fill_call, stored_root},
    core::{Core, Head, Running, State},
    ledger::Move,
    metrics::{Outcome, Timed},
    pricing::decide_fill,
    refusal::RefusalCode,
    reverts::{explain, is_pull_failure, outline},
    state::IntentState,
    steps::{Step, best_of, claim_of, due_steps},
};
use crate::{RoundView, settlement::settle_request};

/// Blocks after a round's end during which its bonds are still freed.
const CLOSING_BLOCKS: u64 = 4096;

/// A step that is due, with what it takes.
struct Due {
    plan: B256,
    round: RoundView,
    step: Step,
}

impl Core {
    /// Starts the steps that are due and not at work.
    pub(super) fn start_steps(self: &Arc<Self>, head: &Head) {
        let steps = self.due_now(&mut self.state.lock(), head);
        for due in steps {
            let core = Arc::clone(self);
            self.spawn(async move { core.take_step(due).await });
        }
    }

    /// Runs a task that ends with the gateway.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// The steps that are due, marked as at work.
    fn due_now(&self, state: &mut State, head: &Head) -> Vec<Due> {
        let timing = self.timing(head);
        let State { plans, rounds, records, .. } = state;
        let mut all = Vec::new();
        for (plan, running) in plans {
            let Some(round) = running.round_id.and_then(|id| rounds.get(id)) else { continue };
            let wrapped = running.parcels.values().filter(|parcel| parcel.wrapped.is_some());
            let ready: Vec<u32> = wrapped.filter_map(|parcel| parcel.first_open(round)).collect();
            let settling =
                running.work.iter().any(|(step, work)| work.running && matches!(step, Step::Settle { .. }));
            for step in due_steps(round, timing, &ready) {
                if (settling && matches!(step, Step::Settle { .. })) || !self.is_wanted(running, step, head) {
                    continue;
                }
                if let Step::Fill { slot } = step
                    && let Err(reason) = self.fillable(running, round, records, slot, head)
                {
                    running.unfilled.insert(slot, reason);
                    continue;
                }
                running.work.entry(step).or_default().running = true;
                all.push(Due { plan: *plan, round: round.clone(), step });
            }
        }
        all
    }

    fn is_wanted(&self, running: &Running, step: Step, head: &Head) -> bool {
        running.work.get(&step).is_none_or(|work| {
            !work.running && work.not_before <= head.block.number && work.failures < self.config.step_attempts
        })
    }

    /// Whether a won slot can be filled now, or why not.
    fn fillable(
        &self,
        running: &Running,
        round: &RoundView,
        records: &std::collections::HashMap<B256, Arc<super::state::IntentRecord>>,
        slot: u8,
        head: &Head,
    ) -> Result<(), String> {
        let gone = || "the intent is gone".to_owned();
        let placement = running.plan.placements.get(usize::from(slot)).ok_or_else(gone)?;
        let record = records.get(&placement.intent).ok_or_else(gone)?;
        if let IntentState::Dropped { refusal } = &record.state {
            return Err(refusal.reason.clone());
        }
        let market = self.markets.get(&running.plan.market).ok_or_else(gone)?;
        let claim = claim_of(round, slot).unwrap_or_default();
        let reference = round.opening.reference;
        decide_fill(&record.intent, placement.direction, claim, reference, &market.terms(), head.timestamp)
            .map(drop)
            .map_err(|no| no.reason())
    }

    async fn take_step(self: Arc<Self>, due: Due) {
        let started = Instant::now();
        let result = match self.request(&due).await {
            Some(request) => self.tx.send(request).await,
            None => Err(ChainError::Missing { what: format!("what {} needs", due.step.label()) }),
        };
        if let Err(ChainError::Stopped { .. }) = &result {
            return;
        }
        self.metrics.step(due.step, Outcome::of(&result));
        match due.step {
            Step::Settle { .. } => self.metrics.timed(Timed::Settle, started.elapsed()),
            Step::Fill { .. } => self.metrics.timed(Timed::Fill, started.elapsed()),
            _ => {}
        }
        match &result {
            Ok(receipt) => tracing::info!(
                round = %due.round.opening.round_id, step = ?due.step, block = receipt.mined.block, gas = receipt.mined.gas_used,
                "a step of a round is on chain"
            ),
            Err(error) => tracing::warn!(
                round = %due.round.opening.round_id, step = ?due.step, reason = explain(error), "a step of a round failed"
            ),
        }
        let lasting = match (&result, due.step) {
            (Err(error), Step::Fill { slot }) => self.fill_failed(&due, slot, error).await,
            _ => false,
        };
        self.step_ended(&due, &result, lasting);
        self.wake.notify_one();
    }

    fn step_ended(&self, due: &Due, result: &Result<TxReceipt, ChainError>, lasting: bool) {
        let mut state = self.state.lock();
        let head = state.head.map_or(0, |head| head.block.number);
        let Some(running) = state.plans.get_mut(&due.plan) else { return };
        if running.round_id != Some(due.round.opening.round_id) {
            return;
        }
        let work = running.work.entry(due.step).or_default();
        work.running = false;
        match result {
            // The event of that block comes before its head; if the step is due then, it was reorganised away.
            Ok(receipt) => work.not_before = receipt.mined.block.saturating_add(1),
            Err(error) => {
                work.last_error = Some(told(due.step, error));
                if error.class() == ErrorClass::Retry {
                    work.not_before = head.saturating_add(1);
                } else {
                    work.failures = if lasting { u32::MAX } else { work.failures.saturating_add(1) };
                    work.not_before = head.saturating_add(1 << work.failures.min(4));
                }
            }
        }
        if let (Err(error), Step::Fill { slot }) = (result, due.step) {
            running.unfilled.insert(slot, told(due.step, error));
        }
    }

    /// Notes a failed fill. When Permit2 or the token refused the order, the owner is asked about once more: an intent that
    /// can no longer be delivered ends here, true is returned, and nothing more is tried.
    async fn fill_failed(&self, due: &Due, slot: u8, error: &ChainError) -> bool {
        let round_id = due.round.opening.round_id;
        if let Err(error) = self.books.fill_is(round_id, slot, FillStatus::Failed, Some(explain(error))).await
        {
            tracing::error!(%error, "a failed fill could not be noted");
        }
        if !is_pull_failure(error) {
            return false;
        }
        let record = {
            let state = self.state.lock();
            let placed = state.plans.get(&due.plan).and_then(|r| r.plan.placements.get(usize::from(slot)));
            placed.and_then(|placement| state.records.get(&placement.intent)).cloned()
        };
        let Some(record) = record else { return false };
        let digest = permit_digest(&record.intent, self.auction.chain_id, self.auction.auction_house);
        let recovered = self.recover(digest, record.signature.clone()).await;
        match self.owners.check(&record.intent, digest, &record.signature, recovered).await {
            Err(refusal) if refusal.code != RefusalCode::ChainUnavailable => {
                let to = IntentState::Dropped { refusal: refusal.without_contents() };
                let change = Move { hash: record.hash, from: IntentStatus::Assigned, to, note: None };
                // If this cannot be written the step is tried again, and ends here again.
                self.make(vec![change]).await.is_ok()
            }
            _ => false,
        }
    }

    /// The transaction of a step, after its row of the ledger is written.
    async fn request(&self, due: &Due) -> Option<TxRequest> {
        let opening = &due.round.opening;
        let (data, deadline, key): (Bytes, u64, String) = match due.step {
            Step::Settle { index } => {
                let call = self.settle_call(due, index)?;
                // Other stored results make another transaction.
                let stored = stored_root(due.round.results.as_ref());
                (call, opening.settle_end, format!("settle:{index}:{stored}"))
            }
            Step::Fill { slot } => {
                let call = self.planned_fill(due, slot).await?;
                (call, opening.fill_end, format!("fill:{slot}"))
            }
            Step::Penalise { index } => {
                let call = IAuctionHouse::penaliseCall { roundId: opening.round_id, index };
                (
                    call.abi_encode().into(),
                    opening.fill_end.saturating_add(CLOSING_BLOCKS),
                    format!("penalise:{index}"),
                )
            }
            Step::Release { index } => {
                let call = IAuctionHouse::releaseCall { roundId: opening.round_id, index };
                (
                    call.abi_encode().into(),
                    opening.fill_end.saturating_add(CLOSING_BLOCKS),
                    format!("release:{index}"),
                )
            }
            Step::Close => {
                (close_call(&due.round), opening.fill_end.saturating_add(CLOSING_BLOCKS), "close".to_owned())
            }
        };
        let failures = self.failures(due);
        Some(TxRequest {
            to: self.auction.auction_house,
            data,
            value: Default::default(),
            gas_limit: None,
            deadline,
            purpose: format!("{} of a round", due.step.label()),
            key: format!("{}:{key}:{failures}", opening.round_id),
            round: Some(opening.round_id),
        })
    }

    /// Times that a step failed for good; each makes another transaction.
    fn failures(&self, due: &Due) -> u32 {
        let state = self.state.lock();
        state.plans.get(&due.plan).and_then(|r| r.work.get(&due.step)).map_or(0, |work| work.failures)
    }

    fn settle_call(&self, due: &Due, index: u32) -> Option<Bytes> {
        let (part, wrapped) = {
            let state = self.state.lock();
            let parcels = &state.plans.get(&due.plan)?.parcels;
            let parcel = parcels.values().find(|parcel| parcel.covers.contains(&index))?;
            (Arc::clone(&parcel.part), parcel.wrapped.clone()?)
        };
        let request = settle_request(&due.round, part.statement(), &wrapped);
        Some(IAuctionHouse::settleCall { request }.abi_encode().into())
    }

    async fn planned_fill(&self, due: &Due, slot: u8) -> Option<Bytes> {
        let (order, intent_hash) = {
            let state = self.state.lock();
            let placement = state.plans.get(&due.plan)?.plan.placements.get(usize::from(slot))?;
            let record = state.records.get(&placement.intent)?;
            let order = SlotOrder {
                slot,
                intent: record.intent.clone(),
                blinding: placement.blinding,
                signature: record.signature.clone(),
            };
            (order, placement.intent)
        };
        let winner = claim_of(&due.round, slot)?.winner.checked_sub(1)?;
        let strategy = due.round.commits.get(&winner)?.strategy.to_word();
        let quote = best_of(&due.round, slot);
        let planned =
            self.books.plan_fill(due.round.opening.round_id, slot, intent_hash, strategy, quote).await;
        planned.ok()?;
        fill_call(&due.round, order)
    }
}

/// A step's error as anybody may hear it: the errors of a fill carry what the order contains.
fn told(step: Step, error: &ChainError) -> String {
    if let Step::Fill { .. } = step { outline(error) } else { explain(error) }
}
