//! Settling by ourselves, when nobody else did.

use std::sync::Arc;

use alloy::sol_types::SolCall;
use sotto_contracts::IAuctionHouse::settleCall;
use sotto_prover::{ProvenSheet, WrappedProof};

use super::{Call, Failure, Job, Outcome};
use crate::settlement::settle_request;

/// Settles on top of what is stored now. When another settlement comes first this one reverts, and is made again on top
/// of that: the proof does not depend on it.
pub(in crate::solver) async fn settle(
    job: Job,
    sheet: Arc<ProvenSheet>,
    wrapped: Arc<WrappedProof>,
    attempt: u32,
) -> Result<Outcome, Failure> {
    let request = settle_request(&job.round, &sheet.statement, &wrapped);
    let (round, strategy) = (job.key.round, job.key.strategy.to_word());
    let call = Call {
        purpose: "settle",
        key: format!("settle:{round}:{strategy}:{}:{attempt}", job.round.settlements),
        data: settleCall { request }.abi_encode().into(),
        deadline: job.round.opening.settle_end,
    };
    job.send(call).await
}
