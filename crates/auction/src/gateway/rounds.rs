//! The life of this gateway's rounds between two heads: found on chain or lost, slots filled, ended.

use std::{sync::Arc, time::Duration};

use alloy::primitives::B256;
use sotto_chain::BlockRef;
use sotto_store::{FillStatus, IntentStatus, Result, RoundStatus};

use super::{
    core::{Core, Head, Running, State, unix_ms},
    ledger::Move,
    metrics::Timed,
    state::IntentState,
    steps::is_finished,
};
use crate::{RoundOpening, RoundView, SlotState};

/// What became of a plan's round since the last head.
enum Link {
    Found(B256, Box<RoundOpening>, BlockRef),
    Lost(B256, B256),
    Abandoned(B256, String),
}

impl Core {
    /// Finds the rounds of plans on chain, notices those that a reorganisation took back, and gives up plans that failed.
    pub(super) async fn link_rounds(self: &Arc<Self>, head: &Head) -> Result<()> {
        let links = {
            let state = self.state.lock();
            let retention = self.config.retention_blocks;
            state
                .plans
                .values()
                .filter_map(|running| link(&state, running, head, retention))
                .collect::<Vec<_>>()
        };
        for change in links {
            match change {
                Link::Found(plan, opening, block) => self.found_round(plan, &opening, block).await?,
                Link::Lost(plan, round_id) => {
                    self.books.unopened(plan, round_id).await?;
                    if let Some(running) = self.state.lock().plans.get_mut(&plan) {
                        running.forget_round();
                        running.missing_since = Some(head.block.number);
                    }
                    tracing::warn!(%round_id, "a reorganisation took a round back");
                }
                Link::Abandoned(plan, reason) => self.abandon(plan, reason).await?,
            }
        }
        Ok(())
    }

    async fn found_round(
        self: &Arc<Self>,
        plan: B256,
        opening: &RoundOpening,
        block: BlockRef,
    ) -> Result<()> {
        let round_id = opening.round_id;
        self.books.opened(plan, opening, block).await?;
        {
            let mut state = self.state.lock();
            let results = state.rounds.get(round_id).and_then(|round| round.results);
            let Some(running) = state.plans.get_mut(&plan) else { return Ok(()) };
            running.forget_round();
            running.round_id = Some(round_id);
            running.results = results.map(Box::new);
            running.missing_since = None;
            running.open_failed = None;
            let took = Duration::from_millis(unix_ms().saturating_sub(running.plan.created_ms));
            self.metrics.timed(Timed::Opening, took);
        }
        self.metrics.rounds_opened.inc();
        tracing::info!(%round_id, commit_end = opening.commit_end, settle_end = opening.settle_end, "a round is open");
        let core = Arc::clone(self);
        self.spawn(async move { core.restore_sheets(plan, round_id).await });
        Ok(())
    }

    /// Gives a plan up: its intents wait again.
    async fn abandon(&self, plan: B256, reason: String) -> Result<()> {
        let moves = {
            let state = self.state.lock();
            let Some(running) = state.plans.get(&plan) else { return Ok(()) };
            tracing::warn!(slots_hash = %plan, reason, "a round was not opened");
            let note = format!("the round was not opened: {reason}");
            placed(&state, running).map(|(hash, _)| release(hash, note.clone())).collect::<Vec<_>>()
        };
        let made = self.books.abandon(plan, moves).await?;
        self.follow(&made);
        self.state.lock().plans.remove(&plan);
        self.metrics.rounds_abandoned.inc();
        Ok(())
    }

    /// Brings intents in line with the slots that they stand behind, in both directions.
    pub(super) async fn follow_slots(&self) -> Result<()> {
        let mut fills = Vec::new();
        let moves = {
            let state = self.state.lock();
            let mut moves = Vec::new();
            for running in state.plans.values() {
                let Some(round) = running.round_id.and_then(|id| state.rounds.get(id)) else { continue };
                for (placement, slot) in running.plan.placements.iter().zip(0u8..) {
                    let Some(record) = state.records.get(&placement.intent) else { continue };
                    let outcome = round.slots.get(usize::from(slot)).unwrap_or(&SlotState::Open);
                    if let Some(change) = slot_move(running.plan.slots_hash, round, slot, outcome, record) {
                        let filled = matches!(change.to, IntentState::Filled { .. });
                        let status = if filled { FillStatus::Filled } else { FillStatus::Planned };
                        fills.push((round.opening.round_id, slot, status));
                        moves.push(change);
                    }
                }
            }
            moves
        };
        for (round_id, slot, status) in fills {
            self.books.fill_is(round_id, slot, status, None).await?;
        }
        self.make(moves).await
    }

    /// Notes settlements, lets the intents of slots that stay unfilled go, and ends rounds that need nothing more.
    pub(super) async fn end_rounds(&self, head: &Head) -> Result<()> {
        let timing = self.timing(head);
        let (settled, over, finished, gone) = {
            let state = self.state.lock();
            let mut sorted = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (plan, running) in &state.plans {
                let Some(round) = running.round_id.and_then(|id| state.rounds.get(id)) else { continue };
                if round.results.is_some() && !running.settled_noted {
                    sorted.0.push((*plan, round.opening.round_id));
                }
                if timing.fills_over(round) && !running.released && !running.is_busy() {
                    sorted.1.push((*plan, self.leftovers(&state, running, round, head)));
                }
                if is_finished(round) && running.released && running.finished_at.is_none() {
                    sorted.2.push((*plan, round.opening.round_id));
                }
                let end = running.finished_at.unwrap_or_else(|| round.opening.fill_end.saturating_add(4096));
                if running.released
                    && head.block.number > end.saturating_add(self.config.retention_blocks / 2)
                {
                    sorted.3.push(*plan);
                }
            }
            sorted
        };
        for (plan, round_id) in settled {
            self.books.round_is(round_id, RoundStatus::Settled).await?;
            self.edit(plan, |running| running.settled_noted = true);
        }
        for (plan, moves) in over {
            self.make(moves).await?;
            self.edit(plan, |running| running.released = true);
        }
        for (plan, round_id) in finished {
            self.books.round_is(round_id, RoundStatus::Closed).await?;
            self.metrics.rounds_closed.inc();
            self.edit(plan, |running| {
                running.finished_at = Some(head.block.number);
                self.metrics.timed(Timed::Round, running.started.elapsed());
            });
            tracing::info!(%round_id, "a round is closed");
        }
        for plan in gone {
            self.state.lock().plans.remove(&plan);
        }
        Ok(())
    }

    fn edit(&self, plan: B256, change: impl FnOnce(&mut Running)) {
        if let Some(running) = self.state.lock().plans.get_mut(&plan) {
            change(running);
        }
    }

    /// The moves of intents whose slots were not filled, each with the reason.
    fn leftovers(&self, state: &State, running: &Running, round: &RoundView, head: &Head) -> Vec<Move> {
        placed(state, running)
            .map(|(hash, slot)| {
                let note = unfilled_reason(running, round, slot);
                let alive = state.book.get(&hash).is_some_and(|live| live.intent.deadline >= head.timestamp);
                if alive { release(hash, note) } else { expire(hash, IntentStatus::Assigned, Some(note)) }
            })
            .collect()
    }

    /// Ends waiting intents whose deadline passed.
    pub(super) async fn expire(&self, head: &Head) -> Result<()> {
        let moves: Vec<_> = {
            let state = self.state.lock();
            let expired = state.book.expired(head.timestamp);
            expired.into_iter().map(|hash| expire(hash, IntentStatus::Open, None)).collect()
        };
        self.make(moves).await
    }
}

fn link(state: &State, running: &Running, head: &Head, patience: u64) -> Option<Link> {
    let plan = running.plan.slots_hash;
    let number = head.block.number;
    let on_chain = state.openings.get(&plan).and_then(|id| state.rounds.get(*id));
    match (on_chain, running.round_id) {
        (Some(round), known) if known != Some(round.opening.round_id) => {
            let opening = Box::new(round.opening.clone());
            Some(Link::Found(plan, opening, round.opened_in))
        }
        (Some(_), _) => None,
        // Pruned rounds are old ones that are over; they were not taken back.
        (None, Some(_)) if running.released => None,
        (None, Some(round_id)) => Some(Link::Lost(plan, round_id)),
        (None, None) if running.opening => None,
        (None, None) => match (&running.open_failed, running.missing_since) {
            (Some(reason), _) => Some(Link::Abandoned(plan, reason.clone())),
            (None, Some(since)) if number > since.saturating_add(patience) => {
                Some(Link::Abandoned(plan, "a reorganisation took it back".into()))
            }
            (None, None) if number > running.plan.open_until.saturating_add(patience) => {
                Some(Link::Abandoned(plan, "it did not appear on chain".into()))
            }
            _ => None,
        },
    }
}

/// Intents of a plan that are still placed in it, with their slots.
fn placed<'a>(state: &'a State, running: &'a Running) -> impl Iterator<Item = (B256, u8)> + 'a {
    let in_this = |hash: &B256| {
        let record = state.records.get(hash);
        record.is_some_and(
            |r| matches!(r.state, IntentState::InRound { plan, .. } if plan == running.plan.slots_hash),
        )
    };
    running
        .plan
        .placements
        .iter()
        .zip(0u8..)
        .filter(move |(p, _)| in_this(&p.intent))
        .map(|(p, slot)| (p.intent, slot))
}

/// How an intent's state has to follow its slot's.
fn slot_move(
    plan: B256,
    round: &RoundView,
    slot: u8,
    outcome: &SlotState,
    record: &super::state::IntentRecord,
) -> Option<Move> {
    let round_id = round.opening.round_id;
    match (outcome, &record.state) {
        (SlotState::Filled { strategy, buy_amount, pips, .. }, state) => {
            let to = IntentState::Filled {
                round_id,
                slot,
                strategy: strategy.to_word(),
                buy_amount: *buy_amount,
                pips: *pips,
            };
            let from = super::ledger::status_of(state);
            (*state != to).then_some(Move { hash: record.hash, from, to, note: None })
        }
        (_, IntentState::Filled { round_id: filled_in, .. }) if *filled_in == round_id => {
            let note = Some("a reorganisation took the fill back".into());
            let to = IntentState::InRound { plan, slot };
            Some(Move { hash: record.hash, from: IntentStatus::Filled, to, note })
        }
        _ => None,
    }
}

fn unfilled_reason(running: &Running, round: &RoundView, slot: u8) -> String {
    match round.slots.get(usize::from(slot)) {
        Some(SlotState::Defaulted { compensation, .. }) => {
            format!("the winner did not deliver; {compensation} wei were paid in compensation")
        }
        _ if round.results.is_none() => "no settlement was proven".into(),
        _ => running.unfilled.get(&slot).cloned().unwrap_or_else(|| "no solver bid".into()),
    }
}

fn release(hash: B256, note: String) -> Move {
    Move { hash, from: IntentStatus::Assigned, to: IntentState::Waiting, note: Some(note) }
}

fn expire(hash: B256, from: IntentStatus, note: Option<String>) -> Move {
    Move { hash, from, to: IntentState::Expired, note }
}
