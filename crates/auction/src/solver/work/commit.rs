//! The commitment: the sheet is on disk before its hash is on chain.

use alloy::sol_types::{SolCall, SolError};
use sotto_chain::{ChainError, TxReceipt};
use sotto_contracts::IAuctionHouse::{UnknownRound, commitCall};
use sotto_store::{Role, RoundRow, RoundStatus};
use sotto_types::PublicData;

use super::{Call, Failure, Job, Outcome, after_send, cancelled, done_already, start_leaf};
use crate::{
    RoundView,
    solver::{DropReason, bid::Sheet},
};

/// Protects the sheet in the ledger, then commits to what the ledger holds, and has the leaf proven meanwhile. Sending
/// again is safe: ledger and transaction manager both know the first time by its key.
pub(in crate::solver) async fn commit(job: Job, sheet: Sheet) -> Result<Outcome, Failure> {
    let (round, strategy) = (job.key.round, job.key.strategy.to_word());
    let row = round_row(&job.round);
    let protected = job.ledger(move |unit| {
        let commitment = sheet.commitment.to_word();
        let sheet = unit.protect_sheet(round, strategy, &sheet.quotes, &sheet.salt.to_bytes(), commitment)?;
        unit.put_round(&row)?;
        Ok(sheet)
    });
    let commitment = protected.await?.commitment;
    start_leaf(&job);
    let data = commitCall { roundId: round, strategyId: strategy, sheetCommitment: commitment }.abi_encode();
    let call = Call {
        purpose: "commit",
        key: format!("commit:{round}:{strategy}"),
        data: data.into(),
        deadline: job.round.opening.commit_end,
    };
    let sent = job.transact(call).await.ok_or_else(cancelled)?;
    match refusal(&sent) {
        Some(reason) => Err(Failure::give_up(reason, sent.err().map(|e| e.to_string()).unwrap_or_default())),
        None => after_send(sent),
    }
}

/// Why a commitment will not be tried again; `None` when it was taken, or may yet be. The window is short: what reached
/// the chain in vain stays so.
fn refusal(sent: &Result<TxReceipt, ChainError>) -> Option<DropReason> {
    match sent {
        Err(ChainError::Reverts { revert } | ChainError::Cancelled { revert, .. }) => {
            // A node that is behind does not know the round yet.
            let behind = revert.selector().is_some_and(|got| got == UnknownRound::SELECTOR);
            (!behind && !done_already(revert)).then_some(DropReason::CommitRefused)
        }
        Err(ChainError::Reverted { .. } | ChainError::Rejected { .. } | ChainError::GasTooHigh { .. }) => {
            Some(DropReason::CommitRefused)
        }
        Err(ChainError::DeadlinePassed { .. }) => Some(DropReason::CommitMissed),
        Err(ChainError::InsufficientNativeGas { .. }) => Some(DropReason::InsufficientGas),
        _ => None,
    }
}

fn round_row(round: &RoundView) -> RoundRow {
    let opening = &round.opening;
    let data = PublicData {
        round_id: opening.round_id,
        key_set_root: opening.key_set_root,
        features: opening.features,
        slots: opening.slots,
        claims: Default::default(),
        sheets: Default::default(),
    };
    let bytes = data.to_bytes();
    let mut snapshot = bytes.get(64..192).unwrap_or_default().to_vec();
    snapshot.extend_from_slice(&opening.reference.to_be_bytes::<32>());
    RoundRow {
        id: opening.round_id,
        role: Role::Solver,
        market: opening.market,
        opener: opening.opener,
        opened_block: round.opened_in.number,
        opened_hash: round.opened_in.hash,
        commit_end: opening.commit_end,
        settle_end: opening.settle_end,
        fill_end: opening.fill_end,
        key_set_root: opening.key_set_root.to_word(),
        snapshot,
        slots: bytes.get(192..1728).unwrap_or_default().to_vec(),
        status: RoundStatus::Open,
    }
}
