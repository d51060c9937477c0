//! What the gateway tells about itself.

use std::time::{Duration, Instant};

use alloy::primitives::B256;

use super::{
    Gateway,
    core::{Head, Running},
    steps::is_finished,
};
use crate::RoundView;

/// A round as the gateway knows it.
#[derive(Clone, Debug)]
pub struct RoundStatus {
    /// The round, as the chain tells it.
    pub view: RoundView,
    /// Whether this gateway opened it.
    pub ours: bool,
    /// Commit indices of the sheets that were taken for it.
    pub sheets: Vec<u32>,
    /// Steps at work or failed.
    pub steps: Vec<StepStatus>,
    /// Why won slots are not filled, by slot.
    pub unfilled: Vec<(u8, String)>,
}

/// A step of a round that is at work, or has failed.
#[derive(Clone, Debug)]
pub struct StepStatus {
    /// Which, such as `settle`.
    pub name: &'static str,
    /// Whether it is at work.
    pub running: bool,
    /// Times that it failed.
    pub failures: u32,
    /// The last failure.
    pub last_error: Option<String>,
}

/// A market's state at this gateway.
#[derive(Clone, Debug)]
pub struct MarketStatus {
    /// The market.
    pub market: B256,
    /// Intents that wait.
    pub waiting: usize,
    /// Rounds that are being opened or run.
    pub rounds: usize,
    /// Why the last opening failed, if it did.
    pub last_error: Option<String>,
}

/// The gateway's state.
#[derive(Clone, Debug)]
pub struct GatewayStatus {
    /// The newest block that was worked on.
    pub head: Option<Head>,
    /// Whether everything that the node has was worked on.
    pub caught_up: bool,
    /// Time since the loop last came round.
    pub idle: Duration,
    /// Live intents.
    pub live: usize,
    /// Intents that wait for a round.
    pub waiting: usize,
    /// Markets.
    pub markets: Vec<MarketStatus>,
}

impl Gateway {
    /// A round: one of this gateway or, while it is remembered, any of the auction.
    pub fn round(&self, round_id: B256) -> Option<RoundStatus> {
        let state = self.core.state.lock();
        let view = state.rounds.get(round_id)?.clone();
        let running = state.plans.values().find(|running| running.round_id == Some(round_id));
        Some(self.describe(view, running))
    }

    /// The newest rounds, newest first, at most `limit`.
    pub fn recent_rounds(&self, limit: usize) -> Vec<RoundStatus> {
        let state = self.core.state.lock();
        let mut views: Vec<&RoundView> = state.rounds.iter().collect();
        views.sort_by_key(|view| std::cmp::Reverse((view.opened_in.number, view.opening.counter)));
        let find = |id| state.plans.values().find(|running| running.round_id == Some(id));
        views.into_iter().take(limit).map(|v| self.describe(v.clone(), find(v.opening.round_id))).collect()
    }

    fn describe(&self, view: RoundView, running: Option<&Running>) -> RoundStatus {
        let ours = view.opening.opener == self.core.tx.address();
        let Some(running) = running else {
            return RoundStatus { view, ours, sheets: Vec::new(), steps: Vec::new(), unfilled: Vec::new() };
        };
        let mut steps: Vec<_> =
            running.work.iter().filter(|(_, work)| work.running || work.failures > 0).collect();
        steps.sort_by_key(|(step, _)| **step);
        let steps = steps
            .into_iter()
            .map(|(step, work)| StepStatus {
                name: step.label(),
                running: work.running,
                failures: work.failures,
                last_error: work.last_error.clone(),
            })
            .collect();
        RoundStatus {
            ours,
            sheets: running.sheets.iter().copied().collect(),
            steps,
            unfilled: running.unfilled.iter().map(|(slot, reason)| (*slot, reason.clone())).collect(),
            view,
        }
    }

    /// The gateway's state.
    pub fn status(&self) -> GatewayStatus {
        let state = self.core.state.lock();
        let markets = self.core.markets.keys().map(|market| MarketStatus {
            market: *market,
            waiting: state.book.waiting(market).count(),
            rounds: state
                .plans
                .values()
                .filter(|r| r.plan.market == *market && r.finished_at.is_none())
                .count(),
            last_error: state.markets.get(market).and_then(|opening| opening.last_error.clone()),
        });
        GatewayStatus {
            head: state.head,
            caught_up: state.caught_up,
            idle: Instant::now().saturating_duration_since(state.progress),
            live: state.book.len(),
            waiting: state.book.waiting_len(),
            markets: markets.collect(),
        }
    }

    /// Whether every round of this gateway has come to its end, and no intent is in one.
    pub fn is_idle(&self) -> bool {
        let state = self.core.state.lock();
        let ended = |running: &Running| {
            let round = running.round_id.and_then(|id| state.rounds.get(id));
            running.finished_at.is_some() || round.is_some_and(is_finished)
        };
        state.plans.values().all(ended)
    }
}
