//! The task that owns a signer key: it alone hands out nonces.

use std::{collections::BTreeMap, sync::Arc};

use alloy::signers::local::PrivateKeySigner;
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    Command, Fees, TxConfig, TxReceipt, TxRequest,
    flight::{Flight, outcome, worst_cost},
    wire::{Head, Sent, Wire},
};
use crate::{
    ChainError, ChainMetrics, ErrorClass, ProviderPool, Result, TxJournal, TxPlan, TxRecord, TxState,
};

/// State of the task. Invariant: every nonce below `next_nonce` that is not in a block belongs to a flight.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) wire: Wire,
    pub(super) journal: Arc<dyn TxJournal>,
    pub(super) config: TxConfig,
    pub(super) metrics: ChainMetrics,
    pub(super) next_nonce: u64,
    /// Not in a block yet, or not confirmed, by nonce.
    pub(super) flights: BTreeMap<u64, Flight>,
    /// Reported, but still within reach of a reorganisation, by nonce; with the state that was reported.
    pub(super) reported: BTreeMap<u64, (Flight, TxState)>,
    /// The head that was looked at last.
    pub(super) seen: Option<Head>,
}

impl Actor {
    /// Takes over what the journal holds.
    pub(super) async fn start(
        pool: ProviderPool,
        signer: PrivateKeySigner,
        journal: Arc<dyn TxJournal>,
        config: TxConfig,
    ) -> Result<Self> {
        let wire = Wire { provider: pool.provider(), signer, chain_id: pool.chain_id() };
        let mut actor = Self {
            wire,
            journal,
            config,
            metrics: pool.metrics().clone(),
            next_nonce: 0,
            flights: BTreeMap::new(),
            reported: BTreeMap::new(),
            seen: None,
        };
        actor.recover().await?;
        Ok(actor)
    }

    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        shutdown: CancellationToken,
    ) -> Result<()> {
        let mut ticks = interval(self.config.poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let result = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                command = commands.recv() => match command {
                    Some(command) => self.accept(command).await,
                    None => return Ok(()),
                },
                _ = ticks.tick() => self.look().await,
            };
            self.metrics.tx_in_flight.set(i64::try_from(self.flights.len()).unwrap_or(i64::MAX));
            match result {
                Ok(()) => {}
                Err(e) if e.class() == ErrorClass::Fatal => {
                    tracing::error!(signer = %self.wire.address(), error = %e, "this key is halted");
                    return Err(e);
                }
                Err(e) => tracing::warn!(error = %e, "transactions cannot be followed, trying again"),
            }
        }
    }

    /// Runs a journal call off the async threads.
    pub(super) async fn journal<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn TxJournal) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let journal = self.journal.clone();
        let stopped = |_| ChainError::Stopped { service: "transaction journal" };
        spawn_blocking(move || call(journal.as_ref())).await.map_err(stopped)?
    }

    /// Answers a request, or starts its flight. Only fatal errors end the task.
    async fn accept(&mut self, Command { request, reply }: Command) -> Result<()> {
        match self.attach(&request.key).await {
            Ok(Attached::None) => {}
            Ok(Attached::Final(result)) => {
                let _ = reply.send(result);
                return Ok(());
            }
            Ok(Attached::Flight(nonce)) => {
                if let Some(flight) = self.flights.get_mut(&nonce) {
                    flight.waiters.push(reply);
                }
                return Ok(());
            }
            Err(e) => return give_up(reply, e),
        }
        self.metrics.tx_requested.inc();
        match self.submit(request).await {
            Ok(mut flight) => {
                flight.waiters.push(reply);
                self.flights.insert(flight.nonce(), flight);
                Ok(())
            }
            Err(e) => {
                self.metrics.tx_failed.inc();
                give_up(reply, e)
            }
        }
    }

    /// Whether a transaction with this idempotency key exists.
    async fn attach(&self, key: &str) -> Result<Attached> {
        if let Some((nonce, _)) = self.flights.iter().find(|(_, flight)| flight.record.plan.key == key) {
            return Ok(Attached::Flight(*nonce));
        }
        let (signer, key) = (self.wire.address(), key.to_owned());
        let record = self.journal(move |journal| journal.find(signer, &key)).await?;
        Ok(match record {
            Some(TxRecord { mined: Some(mined), state, .. }) if !state.is_open() => {
                let record = record_of(record)?;
                Attached::Final(outcome(&record, state, mined, None))
            }
            _ => Attached::None,
        })
    }

    /// Plans, signs, and sends. Nothing is in the chain's reach when this fails.
    async fn submit(&mut self, request: TxRequest) -> Result<Flight> {
        let limit = self.config.max_in_flight;
        if self.flights.len() >= limit {
            return Err(ChainError::Backlog { in_flight: self.flights.len(), limit });
        }
        let head = self.wire.head().await?;
        if head.block.number >= request.deadline {
            return Err(ChainError::TooLate { deadline: request.deadline, block: head.block.number });
        }
        let gas_limit = self.gas_limit(&request).await?;
        let fees = self.wire.offer(head, &self.config).await?;
        self.check_balance(&request, gas_limit, fees).await?;
        let mut plan = TxPlan {
            signer: self.wire.address(),
            nonce: self.next_nonce,
            to: request.to,
            value: request.value,
            data: request.data,
            gas_limit,
            deadline: request.deadline,
            purpose: request.purpose,
            key: request.key,
            round: request.round,
        };
        match self.first_send(plan.clone(), fees, head).await {
            Err(ChainError::NonceDrift { .. }) => {
                self.metrics.tx_nonce_resyncs.inc();
                self.next_nonce = self.wire.pending_nonces().await?;
                plan.nonce = self.next_nonce;
                self.first_send(plan, fees, head).await
            }
            other => other,
        }
    }

    async fn gas_limit(&self, request: &TxRequest) -> Result<u64> {
        let cap = self.config.gas_limit_cap;
        let estimate = match request.gas_limit {
            Some(gas) => gas,
            None => self.wire.estimate(request.to, request.value, &request.data).await?,
        };
        if estimate > cap {
            return Err(ChainError::GasTooHigh { estimate, limit: cap });
        }
        let margin = if request.gas_limit.is_some() { 0 } else { self.config.gas_margin_percent };
        Ok(estimate.saturating_add(estimate.saturating_mul(margin) / 100).min(cap))
    }

    /// The balance must cover everything in flight as well.
    async fn check_balance(&self, request: &TxRequest, gas_limit: u64, fees: Fees) -> Result<()> {
        let committed =
            self.flights.values().fold(Default::default(), |sum: alloy::primitives::U256, flight| {
                sum.saturating_add(flight.worst_cost())
            });
        let need = committed.saturating_add(worst_cost(request.value, gas_limit, fees.max_fee));
        let have = self.wire.balance().await?;
        if have < need {
            return Err(ChainError::InsufficientNativeGas { address: self.wire.address(), have, need });
        }
        Ok(())
    }

    /// Uses `next_nonce`. On failure the nonce is free again: nothing was sent, or the node certainly refused it.
    async fn first_send(&mut self, plan: TxPlan, fees: Fees, head: Head) -> Result<Flight> {
        let nonce = plan.nonce;
        let planned = plan.clone();
        let id = self.journal(move |journal| journal.plan(&planned)).await?;
        let record = TxRecord { id, state: TxState::Planned, plan, attempts: Vec::new(), mined: None };
        let mut flight = Flight::new(record, head.block.number);
        let attempt = match self.wire.sign(&flight.record.plan, fees).await {
            Ok(attempt) => attempt,
            Err(e) => return Err(self.abandon(id, e).await),
        };
        let signed = attempt.clone();
        if let Err(e) = self.journal(move |journal| journal.sign(id, &signed)).await {
            return Err(self.abandon(id, e).await);
        }
        flight.record.state = TxState::Signed;
        flight.record.attempts.push(attempt.clone());
        let refused = match self.wire.send(&attempt).await {
            Sent::Accepted => {
                // The row stays `signed` when this write fails; recovery treats both states alike.
                if self.journal(move |journal| journal.broadcast(id)).await.is_ok() {
                    flight.record.state = TxState::Broadcast;
                }
                None
            }
            // The nonce stays consumed: the transaction may be in some pool. It is followed by its hash.
            Sent::Ambiguous(error) => {
                tracing::warn!(nonce, %error, "unclear whether the transaction was taken");
                None
            }
            Sent::NonceTooLow => Some(ChainError::NonceDrift { nonce }),
            Sent::Underpriced => Some(ChainError::ForeignNonce { address: self.wire.address(), nonce }),
            Sent::Rejected(error) => Some(error),
        };
        match refused {
            None => {
                self.next_nonce = nonce.saturating_add(1);
                Ok(flight)
            }
            Some(error) => Err(self.abandon(id, error).await),
        }
    }

    /// Ends a row that is not in any pool, and passes the error on.
    async fn abandon(&self, id: crate::JournalId, error: ChainError) -> ChainError {
        let reason = error.to_string();
        match self.journal(move |journal| journal.fail(id, &reason)).await {
            Ok(()) => error,
            Err(journal) => {
                tracing::error!(error = %journal, "a transaction that was not sent stays open in the journal");
                error
            }
        }
    }
}

/// What is known of an idempotency key.
enum Attached {
    None,
    Flight(u64),
    Final(Result<TxReceipt>),
}

fn record_of(record: Option<TxRecord>) -> Result<TxRecord> {
    record.ok_or_else(|| ChainError::Missing { what: "journal row".into() })
}

/// Answers with an error; a fatal one ends the task too.
fn give_up(reply: tokio::sync::oneshot::Sender<Result<TxReceipt>>, error: ChainError) -> Result<()> {
    let fatal = error.class() == ErrorClass::Fatal;
    let _ = reply.send(Err(error.clone()));
    if fatal { Err(error) } else { Ok(()) }
}
