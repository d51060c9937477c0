//! The loop that follows the chain. What is to be done is asked anew at every head; tasks do it.

use std::{sync::Arc, time::Duration};

use alloy::primitives::B256;
use sotto_chain::{ChainError, ChainEvent, LogEvent, Watcher};
use sotto_types::{Claim, SLOTS, slots_hash};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    core::{Core, Head},
    feed::{FillNews, FillResult, News, RoundChange, RoundNews},
};
use crate::{Applied, AuctionEvent, Result};

/// How often waiting times are looked at between heads.
const TICK: Duration = Duration::from_millis(250);

impl Core {
    /// Follows the chain until the token is cancelled.
    ///
    /// # Errors
    /// When the chain cannot be followed any more, or the ledger must not be used any more.
    pub(super) async fn run(self: Arc<Self>, mut watcher: Watcher) -> Result<()> {
        let mut tick = interval(TICK);
        let mut status = watcher.status.clone();
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => break,
                event = watcher.events.recv() => match event {
                    Some(event) => self.on_event(event),
                    None => return stopped(watcher).await,
                },
                Ok(()) = status.changed() => {}
                () = self.wake.notified() => {}
                _ = tick.tick() => {}
            }
            // Everything that has arrived comes first: decisions are made on the newest state only.
            while let Ok(event) = watcher.events.try_recv() {
                self.on_event(event);
            }
            let status = *status.borrow_and_update();
            let caught_up = {
                let mut state = self.state.lock();
                state.caught_up = status.caught_up && status.head == state.head.map(|head| head.block);
                state.progress = std::time::Instant::now();
                state.caught_up
            };
            if caught_up {
                self.reconcile().await?;
            }
        }
        self.feed.close();
        self.tasks.close();
        self.tasks.wait().await;
        Ok(())
    }

    fn on_event(&self, event: ChainEvent) {
        match event {
            ChainEvent::Added(log) => self.on_log(&log),
            ChainEvent::Removed(log) => {
                let changed = self.state.lock().rounds.removed(&log);
                self.rolled_back(changed);
            }
            ChainEvent::Rewound { to, depth } => {
                tracing::warn!(to = to.number, depth, "the chain was reorganised");
                let changed = self.state.lock().rounds.rewound(to.number);
                self.rolled_back(changed);
            }
            ChainEvent::Head { block, timestamp, .. } => {
                let mut state = self.state.lock();
                state.head = Some(Head { block, timestamp });
                state.pace.note(block.number, timestamp);
                let (retention, number) = (self.config.retention_blocks, block.number);
                for forgotten in state.rounds.prune(number, retention) {
                    state.openings.retain(|_, round_id| *round_id != forgotten);
                }
                self.metrics.head.set(i64::try_from(number).unwrap_or(i64::MAX));
            }
        }
    }

    fn on_log(&self, log: &LogEvent) {
        let added = self.state.lock().rounds.added(log);
        match added {
            Ok((event, Applied::Changed(_))) => self.announce(&event),
            Ok((_, Applied::Duplicate)) | Err(crate::EventError::Unrelated { .. }) => {}
            Ok((event, Applied::Full)) => {
                self.metrics.bad_logs.inc();
                tracing::warn!(round = %event.round_id(), "more rounds are open than are followed");
            }
            Err(error) => {
                self.metrics.bad_logs.inc();
                tracing::warn!(%error, "a log of the auction house cannot be used");
            }
        }
    }

    fn announce(&self, event: &AuctionEvent) {
        let round_id = event.round_id();
        let change = match event {
            AuctionEvent::Opened(opening) => {
                if opening.opener == self.tx.address() {
                    self.state.lock().openings.insert(slots_hash(&opening.slots), round_id);
                }
                RoundChange::Opened
            }
            AuctionEvent::Committed { .. } => RoundChange::Committed,
            AuctionEvent::Settled { indices, results, .. } => {
                self.check_results(round_id, indices, results);
                RoundChange::Settled
            }
            AuctionEvent::Closed { .. } => RoundChange::Closed,
            _ => return self.announce_fill(event),
        };
        self.publish_round(round_id, change);
    }

    /// What the contract stored should be what merging gives; if it is not, one of the two is wrong.
    fn check_results(&self, round_id: B256, indices: &[u32], results: &[Claim; SLOTS]) {
        let mut state = self.state.lock();
        let Some(running) = state.plans.values_mut().find(|r| r.round_id == Some(round_id)) else { return };
        if !running.settled(indices, results) {
            self.metrics.mispredicted.inc();
            tracing::error!(%round_id, "the stored results are not what merging gives");
        }
    }

    fn announce_fill(&self, event: &AuctionEvent) {
        let news = match event {
            AuctionEvent::Filled { round_id, strategy, intent_hash, slot, sell_amount, buy_amount, pips } => {
                FillNews {
                    round_id: *round_id,
                    slot: *slot,
                    intent_hash: *intent_hash,
                    strategy: strategy.to_word(),
                    result: FillResult::Filled {
                        sell_amount: *sell_amount,
                        buy_amount: *buy_amount,
                        pips: *pips,
                    },
                }
            }
            AuctionEvent::Defaulted { round_id, strategy, intent_hash, slot, compensation, burned } => {
                FillNews {
                    round_id: *round_id,
                    slot: *slot,
                    intent_hash: *intent_hash,
                    strategy: strategy.to_word(),
                    result: FillResult::Defaulted { compensation: *compensation, burned: *burned },
                }
            }
            _ => return,
        };
        match news.result {
            FillResult::Filled { .. } => self.metrics.fills.inc(),
            FillResult::Defaulted { .. } => self.metrics.defaults.inc(),
        }
        self.feed.publish(&News::Fill(news));
    }

    fn rolled_back(&self, changed: impl IntoIterator<Item = B256>) {
        for round_id in changed {
            self.metrics.rolled_back.inc();
            let mut state = self.state.lock();
            let results = state.rounds.get(round_id).and_then(|round| round.results);
            if let Some(running) = state.plans.values_mut().find(|r| r.round_id == Some(round_id)) {
                running.results = results.map(Box::new);
            }
            drop(state);
            self.publish_round(round_id, RoundChange::RolledBack);
        }
    }

    fn publish_round(&self, round_id: B256, change: RoundChange) {
        let view = self.state.lock().rounds.get(round_id).cloned().map(Arc::new);
        self.feed.publish(&News::Round(RoundNews { change, round_id, view }));
    }

    /// Brings plans, intents and rounds in line with the chain, and starts what is due.
    async fn reconcile(self: &Arc<Self>) -> Result<()> {
        let Some(head) = self.head() else { return Ok(()) };
        let work = async {
            self.link_rounds(&head).await?;
            self.follow_slots().await?;
            self.start_proofs(&head);
            self.start_steps(&head);
            self.end_rounds(&head).await?;
            self.expire(&head).await
        };
        match work.await {
            Ok(()) => {}
            Err(error) if error.class() == sotto_chain::ErrorClass::Fatal => return Err(error.into()),
            // What was not written is still due at the next head.
            Err(error) => tracing::error!(%error, "the ledger failed, trying again"),
        }
        self.start_openings(&head);
        self.gauge();
        Ok(())
    }
}

/// Why the watcher has ended.
async fn stopped(watcher: Watcher) -> Result<()> {
    match watcher.task.await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(ChainError::Stopped { service: "chain watcher" }.into()),
    }
}
