//! The steps of a bid that take time: each runs as a task of its own and reports one outcome.

mod commit;
mod evaluate;
mod prove;
mod settle;
mod submit;
mod tidy;

use std::{collections::BTreeMap, sync::Arc};

use alloy::{
    primitives::{B256, Bytes, U256},
    sol_types::SolError,
};
use parking_lot::Mutex;
use sotto_chain::{ChainError, ErrorClass, Revert, TxManager, TxReceipt, TxRequest};
use sotto_contracts::IAuctionHouse::{AlreadyCommitted, RoundIsClosed, WrongCommitState};
use sotto_prover::{ProvenSheet, WrappedProof};
use sotto_store::{Ledger, SheetRow, StoreError, Unit};
use sotto_types::{NO_BID, Quote, SLOTS};
use tokio_util::sync::CancellationToken;

pub(super) use commit::commit;
pub(super) use evaluate::{evaluate, evaluate_ahead};
use prove::start_leaf;
pub(super) use prove::{prove, wrap};
pub(super) use settle::settle;
pub(super) use submit::{GatewayClient, Handed, submit};
pub(super) use tidy::{close, penalise, release};

use super::{
    BidKey, DropReason, SolverConfig, SolverDeps, SolverStrategy,
    evaluate::Evaluator,
    leaves::{Leaves, MOST_LEAVES},
};
use crate::{AuctionError, RoundView};

/// What all tasks share.
pub(super) struct Context {
    pub(super) config: SolverConfig,
    pub(super) deps: SolverDeps,
    pub(super) evaluator: Evaluator,
    pub(super) gateways: Vec<GatewayClient>,
    pub(super) leaves: Leaves,
    /// What a commitment locks, by market; a market never changes.
    bonds: Mutex<BTreeMap<B256, U256>>,
}

impl Context {
    pub(super) fn new(
        config: SolverConfig,
        deps: SolverDeps,
        cancel: &CancellationToken,
    ) -> Result<Self, AuctionError> {
        let evaluator = Evaluator::new(config.evaluation_threads)?;
        let gateways = config.gateways.iter().map(GatewayClient::new).collect::<Result<_, _>>()?;
        let leaves = Leaves::new(MOST_LEAVES, cancel.clone());
        Ok(Self { config, deps, evaluator, gateways, leaves, bonds: Mutex::default() })
    }
}

/// What a task is about.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) context: Arc<Context>,
    pub(super) key: BidKey,
    pub(super) strategy: SolverStrategy,
    /// The round as of the start of the task.
    pub(super) round: Arc<RoundView>,
    /// Newest block at the start of the task.
    pub(super) head: u64,
    pub(super) cancel: CancellationToken,
}

/// What the model says, and what is needed to judge whether to bid.
#[derive(Clone, Debug)]
pub(super) struct Evaluation {
    pub(super) quotes: [Quote; SLOTS],
    pub(super) ahead: bool,
    /// Least and greatest quote that the strategy is registered with.
    pub(super) range: (Quote, Quote),
    pub(super) active: bool,
    pub(super) free_bond: U256,
    pub(super) needed_bond: U256,
    pub(super) gas_balance: U256,
}

impl Evaluation {
    /// The first bid that the contract would not take from the strategy.
    pub(super) fn out_of_range(&self) -> Option<Quote> {
        let (least, greatest) = self.range;
        self.quotes.into_iter().find(|quote| *quote != NO_BID && !(least..=greatest).contains(quote))
    }
}

/// How a task ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// What the ledger holds of the sheet.
    Recalled(Option<Box<SheetRow>>),
    /// The model ran.
    Evaluated(Box<Evaluation>),
    /// The transaction is in this block.
    Mined(u64),
    /// Somebody else did it; the chain's events will say so.
    Overtaken,
    /// The sheet is proven.
    Proved(Box<ProvenSheet>),
    /// The gateway answered.
    Handed(Handed),
    /// The proof for the chain is made.
    Wrapped(Box<WrappedProof>),
}

/// Why a task failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) consequence: Consequence,
    pub(super) detail: String,
}

/// What follows from a failure.
#[derive(Debug)]
pub(super) enum Consequence {
    /// The step is tried again some blocks later.
    Retry,
    /// The transaction reached the chain and failed; another one is tried.
    RetryAnew,
    /// The task was cancelled because it became pointless.
    Cancelled,
    /// The bid is given up.
    GiveUp(DropReason),
    /// The sheet cannot be proven.
    Unprovable,
    /// The solver stops.
    Stop(Box<AuctionError>),
}

impl Failure {
    pub(super) fn retry(detail: impl std::fmt::Display) -> Self {
        Self { consequence: Consequence::Retry, detail: detail.to_string() }
    }

    pub(super) fn give_up(reason: DropReason, detail: impl std::fmt::Display) -> Self {
        Self { consequence: Consequence::GiveUp(reason), detail: detail.to_string() }
    }

    fn stop(error: AuctionError) -> Self {
        Self { detail: error.to_string(), consequence: Consequence::Stop(Box::new(error)) }
    }
}

impl From<ChainError> for Failure {
    /// Reads of the chain: all but a fatal failure may pass.
    fn from(error: ChainError) -> Self {
        if error.class() == ErrorClass::Fatal { Self::stop(error.into()) } else { Self::retry(error) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::SecondSheet { .. } => Self::give_up(DropReason::SecondSheet, error),
            _ if error.class() == ErrorClass::Fatal => Self::stop(error.into()),
            _ if error.class() == ErrorClass::Retry => Self::retry(error),
            _ => Self::give_up(DropReason::LedgerFailed, error),
        }
    }
}

/// Reads of contracts.
pub(super) fn unread(error: alloy::contract::Error) -> Failure {
    match error {
        alloy::contract::Error::TransportError(error) => ChainError::from(error).into(),
        other => Failure::retry(other),
    }
}

/// Whether a revert says that somebody else, or an earlier try of ours, did it already.
fn done_already(revert: &Revert) -> bool {
    let known = [AlreadyCommitted::SELECTOR, WrongCommitState::SELECTOR, RoundIsClosed::SELECTOR];
    revert.selector().is_some_and(|got| known.iter().any(|known| got == *known))
}

/// What a transaction's end means for the step that sent it.
fn after_send(sent: Result<TxReceipt, ChainError>) -> Result<Outcome, Failure> {
    match sent {
        Ok(receipt) => Ok(Outcome::Mined(receipt.mined.block)),
        Err(ChainError::Reverts { revert } | ChainError::Cancelled { revert, .. })
            if done_already(&revert) =>
        {
            Ok(Outcome::Overtaken)
        }
        Err(
            error @ (ChainError::Reverted { .. }
            | ChainError::Cancelled { .. }
            | ChainError::DeadlinePassed { .. }),
        ) => Err(Failure { consequence: Consequence::RetryAnew, detail: error.to_string() }),
        Err(error @ ChainError::Stopped { .. }) => Err(Failure::stop(error.into())),
        Err(error) => Err(error.into()),
    }
}

/// A transaction to the auction house.
struct Call {
    purpose: &'static str,
    key: String,
    data: Bytes,
    deadline: u64,
}

impl Job {
    /// Sends a transaction and says what follows for its step.
    async fn send(&self, call: Call) -> Result<Outcome, Failure> {
        after_send(self.transact(call).await.ok_or_else(cancelled)?)
    }

    /// Sends a transaction; `None` when the job is cancelled first, and then one that is on its way stays on its way.
    async fn transact(&self, call: Call) -> Option<Result<TxReceipt, ChainError>> {
        let request = TxRequest {
            to: self.context.config.auction.auction_house,
            data: call.data,
            value: U256::ZERO,
            gas_limit: None,
            deadline: call.deadline,
            purpose: format!("{} by {}", call.purpose, self.strategy.name),
            key: call.key,
            round: Some(self.key.round),
        };
        let signer: &TxManager = &self.strategy.signer;
        tokio::select! {
            sent = signer.send(request) => Some(sent),
            () = self.cancel.cancelled() => None,
        }
    }

    /// Runs a unit of work on the ledger, off the async threads.
    async fn ledger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Unit<'_>) -> sotto_store::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let ledger: Ledger = self.context.deps.ledger.clone();
        let done = tokio::task::spawn_blocking(move || ledger.write(work)).await;
        let panicked = |error| Failure::retry(format_args!("writing to the ledger: {error}"));
        Ok(done.map_err(panicked)??)
    }
}

fn cancelled() -> Failure {
    Failure { consequence: Consequence::Cancelled, detail: "no longer needed".into() }
}

/// What the ledger holds of a bid's sheet.
pub(super) async fn recall(job: Job) -> Result<Outcome, Failure> {
    let (round, strategy) = (job.key.round, job.key.strategy.to_word());
    let row = job.ledger(move |unit| unit.sheet(round, strategy)).await?;
    Ok(Outcome::Recalled(row.map(Box::new)))
}
