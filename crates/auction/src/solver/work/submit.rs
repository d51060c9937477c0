//! Handing a sheet to the gateway over JSON-RPC.

use std::{sync::Arc, time::Duration};

use alloy::{
    primitives::Bytes,
    rpc::{client::RpcClient, json_rpc::RpcError},
};
use sotto_prover::ProvenSheet;

use super::{Failure, Job, Outcome, cancelled};
use crate::{AuctionError, SheetSubmission, gateway::refusal::RefusalCode, solver::GatewayEndpoint};

/// A gateway's JSON-RPC.
#[derive(Clone, Debug)]
pub(in crate::solver) struct GatewayClient {
    client: RpcClient,
    timeout: Duration,
}

/// What a gateway said to a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::solver) enum Handed {
    /// It has the sheet, or the chain has its settlement.
    Taken,
    /// It will never take it: the solver settles by itself.
    Refused,
}

impl GatewayClient {
    pub(super) fn new(endpoint: &GatewayEndpoint) -> Result<Self, AuctionError> {
        // The URL may hold credentials, so it is not part of the error.
        let url = endpoint.url.parse().map_err(|_| AuctionError::GatewayUrl)?;
        Ok(Self { client: RpcClient::new_http(url), timeout: endpoint.timeout })
    }

    async fn submit(&self, sheet: SheetSubmission) -> Result<Handed, Failure> {
        let call = self.client.request::<_, serde_json::Value>("sotto_submitSheet", (sheet,));
        let silent = |_| Failure::retry(format_args!("the gateway did not answer within {:?}", self.timeout));
        match tokio::time::timeout(self.timeout, call).await.map_err(silent)? {
            Ok(_) => Ok(Handed::Taken),
            Err(RpcError::ErrorResp(error)) => judged(error.code, &error.message),
            Err(_) => Err(Failure::retry("the gateway cannot be reached")),
        }
    }
}

/// What a refusal means, by its number.
fn judged(code: i64, message: &str) -> Result<Handed, Failure> {
    let known = RefusalCode::ALL.into_iter().find(|known| i64::from(known.number()) == code);
    match known {
        Some(RefusalCode::AlreadyCovered) => Ok(Handed::Taken),
        Some(
            RefusalCode::TooLate
            | RefusalCode::TooLarge
            | RefusalCode::CommitmentMismatch
            | RefusalCode::WrongRound
            | RefusalCode::QuoteOutOfRange
            | RefusalCode::InvalidProof,
        ) => {
            tracing::warn!(code, message, "the gateway refused a sheet");
            Ok(Handed::Refused)
        }
        // It may not have read the round yet, or be busy.
        _ => Err(Failure::retry(format_args!("the gateway answered {code}: {message}"))),
    }
}

/// Hands the sheet in.
pub(in crate::solver) async fn submit(
    job: Job,
    index: u32,
    sheet: Arc<ProvenSheet>,
) -> Result<Outcome, Failure> {
    let Some(gateway) = &job.context.gateway else { return Ok(Outcome::Handed(Handed::Refused)) };
    let submission = SheetSubmission {
        round_id: job.key.round,
        strategy_id: job.key.strategy.to_word(),
        class_id: sheet.class_id,
        capacity: u32::try_from(sheet.capacity).unwrap_or(u32::MAX),
        commit_index: index,
        proof: Bytes::copy_from_slice(&sheet.bytes),
    };
    tokio::select! {
        handed = gateway.submit(submission) => handed.map(Outcome::Handed),
        () = job.cancel.cancelled() => Err(cancelled()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_for_good_is_told_from_one_that_passes() {
        let number = |code: RefusalCode| i64::from(code.number());
        assert_eq!(judged(number(RefusalCode::AlreadyCovered), "").unwrap(), Handed::Taken);
        assert_eq!(judged(number(RefusalCode::InvalidProof), "").unwrap(), Handed::Refused);
        assert_eq!(judged(number(RefusalCode::TooLate), "").unwrap(), Handed::Refused);
        assert!(judged(number(RefusalCode::TooEarly), "").is_err());
        assert!(judged(number(RefusalCode::UnknownRound), "").is_err());
        assert!(judged(-32603, "internal").is_err());
    }
}
