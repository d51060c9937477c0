//! The gateway's rows of the ledger. Every call is durable when it returns, and runs off the async threads.

use alloy::primitives::{Address, B256, Bytes, keccak256};
use sotto_chain::BlockRef;
use sotto_store::{
    DraftStatus, FillStatus, IntentStatus, Ledger, ReceivedSheet, Result, Role, RoundRow, RoundStatus,
    SlotOpening, StoreError, StoredIntent, Unit,
};
use sotto_types::Intent;

use super::{
    metrics::GatewayMetrics,
    refusal::{Refusal, RefusalCode},
    state::{IntentState, Plan, open_key},
};
use crate::{RoundOpening, SheetSubmission};

/// A change of an intent's state.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) hash: B256,
    pub(super) from: IntentStatus,
    pub(super) to: IntentState,
    /// Why it is not filled yet, for a state without a reason of its own.
    pub(super) note: Option<String>,
}

/// A sheet as it was handed in, with the circuit that it was proven by.
#[derive(Clone, Debug)]
pub(super) struct StoredSheet {
    pub(super) commit_index: u32,
    pub(super) class_id: u32,
    pub(super) capacity: u32,
    pub(super) proof: Vec<u8>,
}

/// What a restart finds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Intents that wait or are in a round, oldest first.
    pub(super) intents: Vec<StoredIntent>,
    /// Plans whose round is being opened or runs: slots hash, market, slots, openings, creation time.
    pub(super) plans: Vec<FoundPlan>,
    /// The lowest block that opened a round which still runs.
    pub(super) oldest_round: Option<u64>,
}

/// A plan that a restart finds.
#[derive(Debug)]
pub(super) struct FoundPlan {
    pub(super) slots_hash: B256,
    pub(super) market: B256,
    pub(super) slots: Bytes,
    pub(super) openings: Vec<SlotOpening>,
    pub(super) created_ms: u64,
    /// Last block in which the opening is wanted; `None` when it was never signed.
    pub(super) open_until: Option<u64>,
}

/// The ledger as the gateway uses it.
#[derive(Clone, Debug)]
pub(super) struct Books {
    ledger: Ledger,
    metrics: GatewayMetrics,
}

impl Books {
    pub(super) fn new(ledger: Ledger, metrics: GatewayMetrics) -> Self {
        Self { ledger, metrics }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Unit<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let ledger = self.ledger.clone();
        let result = run(move || ledger.write(work)).await;
        if let Err(error) = &result {
            self.metrics.ledger_failures.inc();
            tracing::error!(%error, "the ledger could not be written");
        }
        result
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Unit<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let ledger = self.ledger.clone();
        run(move || ledger.read(work)).await
    }

    /// Stores an intent; false when it is known already.
    pub(super) async fn accept(&self, intent: Intent, signature: Bytes, at_ms: u64) -> Result<bool> {
        self.write(move |unit| unit.insert_intent(&intent, &signature, at_ms)).await
    }

    /// One intent.
    pub(super) async fn intent(&self, hash: B256) -> Result<Option<StoredIntent>> {
        self.read(move |unit| unit.intent(hash)).await
    }

    /// Makes the moves whose intents are still in the state that they start from; returns those.
    pub(super) async fn apply(&self, moves: Vec<Move>) -> Result<Vec<Move>> {
        if moves.is_empty() {
            return Ok(moves);
        }
        self.write(move |unit| apply(unit, moves)).await
    }

    /// Stores a plan and places its intents, before the opening is sent.
    pub(super) async fn plan(&self, plan: &Plan) -> Result<()> {
        let plan = plan.clone();
        self.write(move |unit| {
            let openings: Vec<_> = plan
                .placements
                .iter()
                .zip(0u8..)
                .map(|(p, slot)| SlotOpening { slot, intent_hash: p.intent, blinding: p.blinding })
                .collect();
            unit.plan_draft(plan.market, &plan.slots, &openings, plan.created_ms)?;
            for placement in &plan.placements {
                unit.move_intent(placement.intent, IntentStatus::Open, IntentStatus::Assigned, None)?;
            }
            Ok(())
        })
        .await
    }

    /// Gives a plan up and lets its intents wait again.
    pub(super) async fn abandon(&self, slots_hash: B256, moves: Vec<Move>) -> Result<Vec<Move>> {
        self.write(move |unit| {
            tolerate(unit.move_draft(slots_hash, DraftStatus::Planned, DraftStatus::Abandoned))?;
            apply(unit, moves)
        })
        .await
    }

    /// Notes that a plan's round is on chain.
    pub(super) async fn opened(
        &self,
        slots_hash: B256,
        opening: &RoundOpening,
        block: BlockRef,
    ) -> Result<()> {
        let row = round_row(opening, block);
        self.write(move |unit| {
            unit.put_round(&row)?;
            tolerate(unit.move_draft(slots_hash, DraftStatus::Planned, DraftStatus::Opened))
        })
        .await
    }

    /// Notes that a reorganisation took a plan's round back.
    pub(super) async fn unopened(&self, slots_hash: B256, round_id: B256) -> Result<()> {
        self.write(move |unit| {
            tolerate(unit.move_draft(slots_hash, DraftStatus::Opened, DraftStatus::Planned))?;
            set_round(unit, round_id, RoundStatus::Void)
        })
        .await
    }

    /// Notes the state of a round.
    pub(super) async fn round_is(&self, round_id: B256, status: RoundStatus) -> Result<()> {
        self.write(move |unit| set_round(unit, round_id, status)).await
    }

    /// Stores a sheet; false when one of its strategy is there already.
    pub(super) async fn receive(
        &self,
        submission: &SheetSubmission,
        commitment: B256,
        at_ms: u64,
    ) -> Result<bool> {
        let sheet = ReceivedSheet {
            round: submission.round_id,
            strategy: submission.strategy_id,
            commitment,
            commit_index: submission.commit_index,
            proof: frame(submission),
            received_ms: at_ms,
        };
        self.write(move |unit| unit.receive_sheet(&sheet)).await
    }

    /// Sheets received for a round.
    pub(super) async fn sheets(&self, round_id: B256) -> Result<Vec<StoredSheet>> {
        let rows = self.read(move |unit| unit.received_sheets(round_id)).await?;
        Ok(rows.into_iter().filter_map(|row| unframe(row.commit_index, &row.proof)).collect())
    }

    /// Stores a fill before it is sent; one that is there stays.
    pub(super) async fn plan_fill(
        &self,
        round_id: B256,
        slot: u8,
        intent: B256,
        strategy: B256,
        quote: i32,
    ) -> Result<()> {
        self.write(move |unit| tolerate(unit.plan_fill(round_id, slot, intent, strategy, quote))).await
    }

    /// Notes how a fill ended, whatever was noted before.
    pub(super) async fn fill_is(
        &self,
        round_id: B256,
        slot: u8,
        status: FillStatus,
        reason: Option<String>,
    ) -> Result<()> {
        self.write(move |unit| {
            let Some(row) = unit.fill(round_id, slot)? else { return Ok(()) };
            if row.status == status {
                return Ok(());
            }
            unit.move_fill((round_id, slot), row.status, status, row.paid, row.tx, reason.as_deref())
        })
        .await
    }

    /// What an earlier run left.
    pub(super) async fn found(&self, signer: Address) -> Result<Found> {
        self.read(move |unit| {
            let mut intents = unit.intents(IntentStatus::Open, usize::MAX)?;
            intents.extend(unit.intents(IntentStatus::Assigned, usize::MAX)?);
            intents.sort_by_key(|row| row.received_ms);
            let mut rounds = unit.rounds(RoundStatus::Open)?;
            rounds.extend(unit.rounds(RoundStatus::Settled)?);
            let mut drafts = unit.drafts(DraftStatus::Planned)?;
            let mut oldest_round = None;
            for round in &rounds {
                // A round without a draft was opened by somebody else.
                if let Some(draft) = unit.draft(keccak256(&round.slots))? {
                    drafts.push(draft);
                    oldest_round =
                        Some(oldest_round.map_or(round.opened_block, |o: u64| o.min(round.opened_block)));
                }
            }
            let mut plans = Vec::new();
            for draft in drafts {
                let opening = unit.tx_by_key(signer, &open_key(draft.slots_hash))?;
                plans.push(FoundPlan {
                    open_until: opening.map(|record| record.plan.deadline),
                    slots_hash: draft.slots_hash,
                    market: draft.market,
                    openings: unit.openings(draft.slots_hash)?,
                    slots: draft.slots.into(),
                    created_ms: draft.created_ms,
                });
            }
            Ok(Found { intents, plans, oldest_round })
        })
        .await
    }
}

async fn run<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(join) => Err(StoreError::Io { reason: join.to_string() }),
    }
}

fn apply(unit: &Unit<'_>, moves: Vec<Move>) -> Result<Vec<Move>> {
    let mut made = Vec::with_capacity(moves.len());
    for change in moves {
        let reason = reason_of(&change.to).or_else(|| change.note.clone());
        match unit.move_intent(change.hash, change.from, status_of(&change.to), reason.as_deref()) {
            Ok(()) => made.push(change),
            Err(StoreError::StateChanged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(made)
}

/// A step that was made already is no failure.
fn tolerate(result: Result<()>) -> Result<()> {
    match result {
        Err(StoreError::StateChanged { .. } | StoreError::Conflict { .. }) => Ok(()),
        other => other,
    }
}

fn set_round(unit: &Unit<'_>, id: B256, to: RoundStatus) -> Result<()> {
    match unit.round(id)? {
        Some(row) if row.status != to => unit.move_round(id, row.status, to),
        _ => Ok(()),
    }
}

fn round_row(opening: &RoundOpening, block: BlockRef) -> RoundRow {
    let features = opening.features.iter().flat_map(|&x| sotto_types::carry(x).to_be_bytes());
    RoundRow {
        id: opening.round_id,
        role: Role::Gateway,
        market: opening.market,
        opener: opening.opener,
        opened_block: block.number,
        opened_hash: block.hash,
        commit_end: opening.commit_end,
        settle_end: opening.settle_end,
        fill_end: opening.fill_end,
        key_set_root: opening.key_set_root.to_word(),
        snapshot: features.chain(opening.reference.to_be_bytes::<32>()).collect(),
        slots: sotto_types::slots_bytes(&opening.slots),
        status: RoundStatus::Open,
    }
}

/// The ledger's word for a state.
pub(super) fn status_of(state: &IntentState) -> IntentStatus {
    match state {
        IntentState::Waiting => IntentStatus::Open,
        IntentState::InRound { .. } => IntentStatus::Assigned,
        IntentState::Filled { .. } => IntentStatus::Filled,
        IntentState::Cancelled => IntentStatus::Cancelled,
        IntentState::Expired => IntentStatus::Expired,
        IntentState::Dropped { .. } | IntentState::Refused { .. } => IntentStatus::Rejected,
    }
}

/// What the ledger keeps beside the word: a fill and a refusal as JSON, so that they can be told again.
fn reason_of(state: &IntentState) -> Option<String> {
    match state {
        IntentState::Filled { .. } | IntentState::Dropped { .. } => serde_json::to_string(state).ok(),
        _ => None,
    }
}

/// The state that the ledger's word and reason stand for, and the reason where it is a note. An intent in a round is
/// shown as waiting; the plan that holds it says where it is.
pub(super) fn state_of(row: &StoredIntent) -> (IntentState, Option<String>) {
    let told = row.reason.as_deref().and_then(|reason| serde_json::from_str::<IntentState>(reason).ok());
    match (row.status, told) {
        (IntentStatus::Filled | IntentStatus::Rejected, Some(state)) => (state, None),
        (IntentStatus::Cancelled, _) => (IntentState::Cancelled, row.reason.clone()),
        (IntentStatus::Expired | IntentStatus::Defaulted, _) => (IntentState::Expired, row.reason.clone()),
        (IntentStatus::Rejected | IntentStatus::Filled, None) => {
            let reason = row.reason.clone().unwrap_or_else(|| "no reason was kept".into());
            (IntentState::Dropped { refusal: Refusal::new(RefusalCode::MalformedIntent, reason) }, None)
        }
        (IntentStatus::Open | IntentStatus::Assigned, _) => (IntentState::Waiting, row.reason.clone()),
    }
}

/// Class and capacity, four big-endian bytes each, then the proof: verifying it again needs all three.
fn frame(submission: &SheetSubmission) -> Vec<u8> {
    let mut bytes = submission.class_id.to_be_bytes().to_vec();
    bytes.extend(submission.capacity.to_be_bytes());
    bytes.extend_from_slice(&submission.proof);
    bytes
}

fn unframe(commit_index: u32, bytes: &[u8]) -> Option<StoredSheet> {
    let (class_id, rest) = bytes.split_first_chunk::<4>()?;
    let (capacity, proof) = rest.split_first_chunk::<4>()?;
    Some(StoredSheet {
        commit_index,
        class_id: u32::from_be_bytes(*class_id),
        capacity: u32::from_be_bytes(*capacity),
        proof: proof.to_vec(),
    })
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
