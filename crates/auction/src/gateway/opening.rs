//! Opening rounds: which intents, checked once more, in which slots, and the transaction.

use std::{sync::Arc, time::Duration};

use alloy::{primitives::B256, sol_types::SolCall};
use futures::{StreamExt, stream};
use sotto_chain::{ChainError, ErrorClass, TxRequest};
use sotto_contracts::{IAuctionHouse, IMarkets};
use sotto_store::IntentStatus;
use sotto_types::{Price, SLOTS};

use super::{
    core::{Core, Head, Market, Running, call_error, unix_ms},
    ledger::Move,
    metrics::Timed,
    pricing::check_notional,
    refusal::{Refusal, RefusalCode},
    slots::{Assignment, Candidate, open_value},
    state::{IntentState, Plan, open_key},
};

/// Owners that are asked about at once before a round.
const CHECKS_AT_ONCE: usize = 8;
/// Spare candidates beyond the slots, so that a round is full although some fall out.
const SPARE: usize = 32;

impl Core {
    /// Starts an opening for each market where one is due.
    pub(super) fn start_openings(self: &Arc<Self>, head: &Head) {
        for market in self.markets.values() {
            if self.is_due(market, head) {
                let (core, market, head) = (Arc::clone(self), market.clone(), *head);
                self.spawn(async move {
                    let result = core.open_round(&market, &head).await;
                    core.opening_ended(market.id, result);
                });
            }
        }
    }

    /// Whether a round is due; marks the market as busy when it is.
    fn is_due(&self, market: &Market, head: &Head) -> bool {
        let mut state = self.state.lock();
        let until = self.needed_until(market, head, state.pace.seconds());
        let waiting = state.book.eligible(&market.id, head.timestamp, until);
        let waited = waiting.oldest_ms.map(|at| Duration::from_millis(unix_ms().saturating_sub(at)));
        let due = waiting.eligible >= self.config.full_round.clamp(1, SLOTS)
            || waited.is_some_and(|waited| waited >= self.config.round_interval);
        let running = state.plans.values().filter(|r| r.plan.market == market.id && !r.released).count();
        let opening = state.markets.entry(market.id).or_default();
        let free = !opening.running && opening.not_before <= head.block.number;
        let start = due && free && running < self.config.max_open_rounds;
        opening.running |= start;
        start
    }

    /// Chain time until which an intent must be valid to be filled in a round that opens now, Unix seconds.
    fn needed_until(&self, market: &Market, head: &Head, pace: u64) -> u64 {
        head.timestamp.saturating_add(market.blocks_to_fill().saturating_add(2).saturating_mul(pace))
    }

    fn opening_ended(&self, market: B256, result: Result<(), String>) {
        let mut state = self.state.lock();
        let head = state.head.map_or(0, |head| head.block.number);
        let opening = state.markets.entry(market).or_default();
        opening.running = false;
        if let Err(reason) = &result {
            tracing::warn!(%market, reason, "no round was opened");
            opening.not_before = head.saturating_add(self.config.open_backoff_blocks);
        }
        opening.last_error = result.err();
        drop(state);
        self.wake.notify_one();
    }

    /// Plans a round and sends its opening.
    async fn open_round(self: &Arc<Self>, market: &Market, head: &Head) -> Result<(), String> {
        let reference = self.reference(market).await?;
        let candidates = self.candidates(market, head, reference).await?;
        let plan = self.place(market, head, &candidates).await?;
        self.send_opening(&plan).await
    }

    /// The reference price that a round would record now; the feeds' reason when there is none.
    async fn reference(&self, market: &Market) -> Result<Price, String> {
        let markets = IMarkets::new(self.markets_at, &self.provider);
        if !markets.isOpen(market.id).call().await.map_err(|e| call_error(e).to_string())? {
            return Err("the market is paused".into());
        }
        let snapshot = markets.snapshot(market.id).call().await;
        let snapshot = snapshot.map_err(|e| format!("the feeds cannot be used: {}", call_error(e)))?;
        Ok(snapshot.referenceQ128)
    }

    /// Waiting intents that could be filled, asked of the chain once more. Those that can no longer be are ended.
    async fn candidates(
        &self,
        market: &Market,
        head: &Head,
        reference: Price,
    ) -> Result<Vec<Candidate>, String> {
        let waiting = {
            let state = self.state.lock();
            let until = self.needed_until(market, head, state.pace.seconds());
            state.book.candidates(&market.id, head.timestamp, until, SLOTS + SPARE)
        };
        let terms = market.terms();
        let sized = waiting
            .into_iter()
            .filter(|c| check_notional(c.direction, c.intent.sellAmount, reference, &terms).is_ok());
        let checked: Vec<(Candidate, Result<(), Refusal>)> = stream::iter(sized)
            .map(|candidate| async move {
                let work = self.owners.can_deliver(&candidate.intent);
                let verdict = self.owners.in_time(work).await;
                (candidate, verdict)
            })
            .buffered(CHECKS_AT_ONCE)
            .collect()
            .await;
        let (mut good, mut drops) = (Vec::new(), Vec::new());
        for (candidate, verdict) in checked {
            match verdict {
                Ok(()) => good.push(candidate),
                Err(refusal) if refusal.code == RefusalCode::ChainUnavailable => return Err(refusal.reason),
                Err(refusal) => drops.push(Move {
                    hash: candidate.hash,
                    from: IntentStatus::Open,
                    to: IntentState::Dropped { refusal: refusal.without_contents() },
                    note: None,
                }),
            }
        }
        self.make(drops).await.map_err(|e| e.to_string())?;
        good.truncate(SLOTS);
        if good.is_empty() {
            return Err("no waiting intent can be filled at the present price and balances".into());
        }
        Ok(good)
    }

    /// Puts the candidates that still wait into slots, and writes the plan.
    async fn place(&self, market: &Market, head: &Head, candidates: &[Candidate]) -> Result<Plan, String> {
        let plan = {
            let mut state = self.state.lock();
            let waits = |c: &&Candidate| state.book.get(&c.hash).is_some_and(|live| live.plan.is_none());
            let taken: Vec<Candidate> = candidates.iter().filter(waits).cloned().collect();
            if taken.is_empty() {
                return Err("the waiting intents were withdrawn".into());
            }
            let assignment = Assignment::new(&taken);
            let slots_hash = assignment.hash();
            for placement in &assignment.placements {
                state.book.assign(&placement.intent, slots_hash);
            }
            Plan {
                slots_hash,
                market: market.id,
                slots: sotto_types::slots_bytes(&assignment.slots).into(),
                value: open_value(market.opener_bond(), market.settle_reward(), assignment.placements.len()),
                placements: assignment.placements,
                open_until: head.block.number.saturating_add(self.config.open_within_blocks),
                created_ms: unix_ms(),
            }
        };
        if let Err(error) = self.books.plan(&plan).await {
            let mut state = self.state.lock();
            plan.placements.iter().for_each(|p| state.book.release(&p.intent));
            return Err(error.to_string());
        }
        self.track(plan.clone(), true);
        Ok(plan)
    }

    /// Takes a plan that the ledger has into memory.
    pub(super) fn track(&self, plan: Plan, opening: bool) {
        let ended = |hash: &B256| self.state.lock().records.get(hash).is_some_and(|r| r.state.is_final());
        let moves: Vec<Move> = plan
            .placements
            .iter()
            .zip(0u8..)
            .filter(|(p, _)| !ended(&p.intent))
            .map(|(p, slot)| Move {
                hash: p.intent,
                from: IntentStatus::Open,
                to: IntentState::InRound { plan: plan.slots_hash, slot },
                note: None,
            })
            .collect();
        {
            let mut state = self.state.lock();
            for placement in &plan.placements {
                if let Some(live) = state.book.get(&placement.intent) {
                    let waited = Duration::from_millis(plan.created_ms.saturating_sub(live.accepted_ms));
                    self.metrics.timed(Timed::Waiting, waited);
                }
            }
            let mut running = Running::new(plan);
            running.opening = opening;
            state.plans.insert(running.plan.slots_hash, running);
        }
        self.follow(&moves);
    }

    /// Sends the opening of a plan and waits for it; what failed for good is noted with the plan.
    pub(super) async fn send_opening(self: &Arc<Self>, plan: &Plan) -> Result<(), String> {
        let call = IAuctionHouse::openRoundCall { market: plan.market, slots: plan.slots.clone() };
        let request = TxRequest {
            to: self.auction.auction_house,
            data: call.abi_encode().into(),
            value: plan.value,
            gas_limit: None,
            deadline: plan.open_until,
            purpose: "open a round".into(),
            key: open_key(plan.slots_hash),
            round: None,
        };
        let result = self.send_until(request).await;
        let mut state = self.state.lock();
        if let Some(running) = state.plans.get_mut(&plan.slots_hash) {
            running.opening = false;
            running.open_failed = result.as_ref().err().cloned();
        }
        result
    }

    /// Sends a request, again while failures are passing ones and its deadline has not come.
    async fn send_until(&self, request: TxRequest) -> Result<(), String> {
        loop {
            let error = match self.tx.send(request.clone()).await {
                Ok(_) => return Ok(()),
                // The key's task has ended: so will this process, and the next one finds the plan as it is.
                Err(ChainError::Stopped { .. }) => std::future::pending().await,
                Err(error) => error,
            };
            let late = self.head().is_none_or(|head| head.block.number >= request.deadline);
            if error.class() != ErrorClass::Retry || late || self.cancel.is_cancelled() {
                return Err(super::reverts::explain(&error));
            }
            tokio::time::sleep(self.config.chain_timeout / 5).await;
        }
    }
}
