//! What a restart finds in the ledger, and how it goes on from there.

use std::sync::Arc;

use alloy::{primitives::B256, providers::Provider};
use sotto_chain::{ChainError, Start};
use sotto_store::IntentStatus;

use super::{
    book::LiveIntent,
    core::{Core, Market},
    ledger::{Found, FoundPlan, Move},
    slots::{Placement, open_value},
    state::{IntentState, Plan},
};
use crate::{Result, events::decode_slots};

impl Core {
    /// Takes intents and plans from the ledger, and says from where the chain has to be read again: early enough for the
    /// opening of every round that still runs, however a reorganisation may have moved it.
    ///
    /// # Errors
    /// Those of the ledger and of the node.
    pub(super) async fn recover_state(self: &Arc<Self>, deployed_at: u64) -> Result<Start> {
        let found = self.books.found(self.tx.address()).await?;
        let latest = self.provider.get_block_number().await.map_err(ChainError::from)?;
        let margin = self.config.retention_blocks;
        let opened = found.plans.iter().filter_map(|plan| plan.open_until);
        let sent = opened.map(|until| until.saturating_sub(self.config.open_within_blocks));
        let oldest = found.oldest_round.into_iter().chain(sent).min();
        self.restore_intents(&found);
        let (signed, unsigned): (Vec<_>, Vec<_>) =
            found.plans.into_iter().partition(|plan| plan.open_until.is_some());
        for plan in unsigned {
            self.give_up(&plan).await?;
        }
        tracing::info!(plans = signed.len(), intents = self.state.lock().book.len(), "taken from the ledger");
        for plan in signed {
            self.load_records(&plan).await?;
            self.resume(plan);
        }
        self.release_strays().await?;
        let from = oldest.unwrap_or(latest).min(latest).saturating_sub(margin).max(deployed_at);
        Ok(Start::From(from))
    }

    fn restore_intents(&self, found: &Found) {
        let mut state = self.state.lock();
        for (sequence, row) in (0..).zip(&found.intents) {
            let record = self.record_of(row.clone(), sequence);
            state.book.restore(LiveIntent {
                hash: record.hash,
                intent: record.intent.clone(),
                signature: record.signature.clone(),
                direction: record.direction,
                sequence,
                accepted_ms: record.accepted_ms,
                // In a round until its plan is found, or it turns out to be a stray.
                plan: (row.status == IntentStatus::Assigned).then_some(B256::ZERO),
            });
            state.remember(record);
        }
    }

    /// Intents of a running round that have ended already: a reorganisation may bring them back.
    async fn load_records(&self, plan: &FoundPlan) -> Result<()> {
        for opening in &plan.openings {
            if self.state.lock().records.contains_key(&opening.intent_hash) {
                continue;
            }
            if let Some(row) = self.books.intent(opening.intent_hash).await? {
                let record = self.record_of(row, 0);
                self.state.lock().remember(record);
            }
        }
        Ok(())
    }

    /// A plan whose opening was never signed: nothing of it can be on chain.
    async fn give_up(&self, plan: &FoundPlan) -> Result<()> {
        let note = "the gateway restarted before the round was opened";
        let moves = plan.openings.iter().map(|opening| Move {
            hash: opening.intent_hash,
            from: IntentStatus::Assigned,
            to: IntentState::Waiting,
            note: Some(note.into()),
        });
        let made = self.books.abandon(plan.slots_hash, moves.collect()).await?;
        self.follow(&made);
        self.metrics.rounds_abandoned.inc();
        Ok(())
    }

    /// A plan whose opening was signed: its transaction is followed to its end, and the chain tells about the round.
    fn resume(self: &Arc<Self>, found: FoundPlan) {
        let Some(plan) = self.plan_of(found) else { return };
        self.track(plan.clone(), true);
        let core = Arc::clone(self);
        self.spawn(async move {
            // The outcome is noted with the plan.
            let _ = core.send_opening(&plan).await;
            core.wake.notify_one();
        });
    }

    fn plan_of(&self, found: FoundPlan) -> Option<Plan> {
        let Some(market) = self.markets.get(&found.market) else {
            tracing::warn!(market = %found.market, "a round in the ledger is of a market that is not served any more");
            return None;
        };
        if decode_slots(&found.slots).is_err() {
            tracing::error!(slots_hash = %found.slots_hash, "the slots of a round in the ledger are damaged");
            return None;
        }
        let state = self.state.lock();
        let placements: Vec<Placement> = found
            .openings
            .iter()
            .map(|opening| Placement {
                intent: opening.intent_hash,
                direction: state
                    .records
                    .get(&opening.intent_hash)
                    .map_or(sotto_types::Direction::SellsBase, |record| record.direction),
                blinding: opening.blinding,
            })
            .collect();
        let value = self.value_of(market, placements.len());
        Some(Plan {
            slots_hash: found.slots_hash,
            market: found.market,
            slots: found.slots,
            placements,
            value,
            open_until: found.open_until.unwrap_or(0),
            created_ms: found.created_ms,
        })
    }

    fn value_of(&self, market: &Market, taken: usize) -> alloy::primitives::U256 {
        open_value(market.opener_bond(), market.settle_reward(), taken)
    }

    /// Intents that the ledger has in a round of which no plan is left: the round ended while they were not yet let go.
    async fn release_strays(&self) -> Result<()> {
        let strays: Vec<Move> = {
            let state = self.state.lock();
            let in_plan =
                |hash: &B256| state.plans.values().any(|running| running.plan.slot_of(*hash).is_some());
            let live = state.records.values().filter(|record| !record.state.is_final());
            live.filter(|r| {
                state.book.get(&r.hash).is_some_and(|l| l.plan == Some(B256::ZERO)) && !in_plan(&r.hash)
            })
            .map(|record| Move {
                hash: record.hash,
                from: IntentStatus::Assigned,
                to: IntentState::Waiting,
                note: None,
            })
            .collect()
        };
        Ok(self.make(strays).await?)
    }
}
