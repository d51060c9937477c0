//! What is left after a round: freeing bonds, and collecting the fee for slots that nobody called for.

use alloy::sol_types::SolCall;
use sotto_contracts::IAuctionHouse::{closeRoundCall, penaliseCall, releaseCall};

use super::{Call, Failure, Job, Outcome};
use crate::events::encode_results;

/// Blocks for which such a transaction is tried; there is no hurry, and the next try has new fees.
const PATIENCE: u64 = 32;

/// Frees the bond of the covered commitment.
pub(in crate::solver) async fn release(job: Job, index: u32, attempt: u32) -> Result<Outcome, Failure> {
    let data = releaseCall { roundId: job.key.round, index }.abi_encode();
    send(&job, "release", format!("{index}:{attempt}"), data).await
}

/// Frees what is left of the bond of a commitment that no settlement covered.
pub(in crate::solver) async fn penalise(job: Job, index: u32, attempt: u32) -> Result<Outcome, Failure> {
    let data = penaliseCall { roundId: job.key.round, index }.abi_encode();
    send(&job, "penalise", format!("{index}:{attempt}"), data).await
}

/// Closes the round.
pub(in crate::solver) async fn close(job: Job, attempt: u32) -> Result<Outcome, Failure> {
    let results = job.round.results.as_ref().map(encode_results).unwrap_or_default();
    let data = closeRoundCall { roundId: job.key.round, results: results.into() }.abi_encode();
    send(&job, "close", attempt.to_string(), data).await
}

async fn send(job: &Job, purpose: &'static str, suffix: String, data: Vec<u8>) -> Result<Outcome, Failure> {
    let key = format!("{purpose}:{}:{suffix}", job.key.round);
    let deadline = job.head.saturating_add(PATIENCE);
    job.send(Call { purpose, key, data: data.into(), deadline }).await
}
