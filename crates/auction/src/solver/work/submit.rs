//! Handing a sheet to the gateway over JSON-RPC.

use std::{sync::Arc, time::Duration};

use alloy::{
    primitives::{Address, Bytes},
    rpc::{client::RpcClient, json_rpc::RpcError},
};
use sotto_prover::ProvenSheet;

use super::{Failure, Job, Outcome, cancelled};
use crate::{AuctionError, SheetSubmission, gateway::refusal::RefusalCode, solver::GatewayEndpoint};

/// A gateway's JSON-RPC.
#[derive(Clone, Debug)]
pub(in crate::solver) struct GatewayClient {
    client: RpcClient,
    opener: Option<Address>,
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
        Ok(Self { client: RpcClient::new_http(url), opener: endpoint.opener, timeout: endpoint.timeout })
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

/// The gateways for a round of this opener, in the order in which they are asked: the opener's own, then those for anybody.
/// What a sheet bids shows to whoever has its proof, so nobody else is told.
fn for_rounds_of(gateways: &[GatewayClient], opener: Address) -> impl Iterator<Item = &GatewayClient> {
    let own = gateways.iter().filter(move |gateway| gateway.opener == Some(opener));
    own.chain(gateways.iter().filter(|gateway| gateway.opener.is_none()))
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

/// Hands the sheet in: to the first gateway for the round's opener that takes it. Refused when all of them refuse it for
/// good, or there is none.
pub(in crate::solver) async fn submit(
    job: Job,
    index: u32,
    sheet: Arc<ProvenSheet>,
) -> Result<Outcome, Failure> {
    let submission = SheetSubmission {
        round_id: job.key.round,
        strategy_id: job.key.strategy.to_word(),
        class_id: sheet.class_id,
        capacity: u32::try_from(sheet.capacity).unwrap_or(u32::MAX),
        commit_index: index,
        proof: Bytes::copy_from_slice(&sheet.bytes),
    };
    let ask = async {
        let mut said = Ok(Handed::Refused);
        for gateway in for_rounds_of(&job.context.gateways, job.round.opening.opener) {
            match gateway.submit(submission.clone()).await {
                Ok(Handed::Taken) => return Ok(Handed::Taken),
                Ok(Handed::Refused) => {}
                Err(failure) => said = Err(failure),
            }
        }
        said
    };
    tokio::select! {
        handed = ask => handed.map(Outcome::Handed),
        () = job.cancel.cancelled() => Err(cancelled()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opener_decides_which_gateways_are_asked_and_its_own_come_first() {
        let [one, two] = [1, 2].map(Address::repeat_byte);
        let openers = [None, Some(one), Some(two), Some(one), None];
        let gateway = |(at, opener): (usize, Option<Address>)| {
            let url = format!("http://127.0.0.1:{}", 9000 + at);
            GatewayClient::new(&GatewayEndpoint { url, opener, timeout: Duration::from_secs(at as u64) })
                .unwrap()
        };
        let all: Vec<_> = openers.into_iter().enumerate().map(gateway).collect();
        let asked =
            |opener| for_rounds_of(&all, opener).map(|asked| asked.timeout.as_secs()).collect::<Vec<_>>();
        assert_eq!(asked(one), [1, 3, 0, 4]);
        assert_eq!(asked(two), [2, 0, 4]);
        assert_eq!(asked(Address::ZERO), [0, 4]);
        assert_eq!(for_rounds_of(&all[1..3], Address::ZERO).count(), 0);
    }

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
