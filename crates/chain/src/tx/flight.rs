//! A transaction between its first broadcast and its last confirmation.

use alloy::primitives::U256;
use tokio::sync::oneshot;

use super::{Fees, TxReceipt};
use crate::{ChainError, Mined, Result, TxAttempt, TxRecord, TxState};

/// A nonce in use.
#[derive(Debug)]
pub(super) struct Flight {
    /// The journal row.
    pub(super) record: TxRecord,
    /// Who waits for it.
    pub(super) waiters: Vec<oneshot::Sender<Result<TxReceipt>>>,
    /// Block in which the newest attempt was made.
    pub(super) tried_at: u64,
    /// Block in which the nonce was first seen used without a receipt of ours.
    pub(super) missing_since: Option<u64>,
    /// Why it is being cancelled.
    pub(super) cancelling: Option<ChainError>,
}

impl Flight {
    pub(super) fn new(record: TxRecord, tried_at: u64) -> Self {
        let deadline =
            ChainError::DeadlinePassed { nonce: record.plan.nonce, deadline: record.plan.deadline };
        let cancelling = record.attempts.iter().any(|attempt| attempt.cancels).then_some(deadline);
        Self { record, waiters: Vec::new(), tried_at, missing_since: None, cancelling }
    }

    pub(super) fn nonce(&self) -> u64 {
        self.record.plan.nonce
    }

    pub(super) fn newest(&self) -> Option<&TxAttempt> {
        self.record.attempts.last()
    }

    /// Fees of the newest attempt.
    pub(super) fn fees(&self) -> Option<Fees> {
        self.newest().map(|a| Fees { max_fee: a.max_fee, priority_fee: a.priority_fee })
    }

    /// The most that it can cost, wei.
    pub(super) fn worst_cost(&self) -> U256 {
        let max_fee = self.fees().map_or(0, |fees| fees.max_fee);
        worst_cost(self.record.plan.value, self.record.plan.gas_limit, max_fee)
    }

    /// Answers everybody who waits.
    pub(super) fn answer(&mut self, result: &Result<TxReceipt>) {
        for waiter in self.waiters.drain(..) {
            let _ = waiter.send(result.clone());
        }
    }

    /// What became of it, for those who wait.
    pub(super) fn outcome(&self, state: TxState, mined: Mined) -> Result<TxReceipt> {
        outcome(&self.record, state, mined, self.cancelling.clone())
    }
}

/// What became of a journal row that is final.
pub(super) fn outcome(
    record: &TxRecord,
    state: TxState,
    mined: Mined,
    cause: Option<ChainError>,
) -> Result<TxReceipt> {
    let nonce = record.plan.nonce;
    match state {
        TxState::Mined => Ok(TxReceipt { nonce, mined, attempts: record.attempts.len() }),
        TxState::Reverted => Err(ChainError::Reverted { hash: mined.hash, block: mined.block }),
        _ => Err(cause.unwrap_or(ChainError::DeadlinePassed { nonce, deadline: record.plan.deadline })),
    }
}

/// Value plus gas at the highest fee, wei.
pub(super) fn worst_cost(value: U256, gas_limit: u64, max_fee: u128) -> U256 {
    value.saturating_add(U256::from(gas_limit).saturating_mul(U256::from(max_fee)))
}
