//! The gateway: it takes intents, opens rounds for them, settles the sheets that solvers prove, and fills what was won.
//!
//! [`book`], [`slots`], [`steps`], [`bracket`], [`merge`] and [`pricing`] decide; they are plain functions of what is known. The rest
//! does what they say, and writes to the ledger first.
//!
//! ```text
//! sendIntent ─► intake ─► ledger ─► book ─► opening ─► round on chain ─► sheets ─► merge ─► wrap ─► settle ─► fill ─► close
//!               checks,   durable   waits   slots,     found by its      verified   as they                   won      bonds
//!               owner               fairly  plan       slots hash        on arrival come                      slots    freed
//! ```

mod acts;
mod aggregate;
pub mod book;
pub mod bracket;
pub mod calls;
mod config;
mod core;
mod driver;
mod feed;
mod intake;
mod ledger;
pub mod merge;
mod metrics;
mod opening;
pub mod owner;
pub mod pricing;
mod recovery;
pub mod refusal;
mod reverts;
mod rounds;
mod sheets;
pub mod slots;
pub mod state;
pub mod steps;
mod view;

use std::{collections::BTreeMap, sync::Arc};

use alloy::primitives::{B256, Bytes};
use parking_lot::Mutex;
use sotto_chain::{WatchConfig, Watcher};
use sotto_contracts::{IAuctionHouse, IMarkets};
use sotto_types::Intent;
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use config::{GatewayConfig, GatewayDeps};
pub use core::{Head, Market};
pub use feed::{FillNews, FillResult, News, RoundChange, RoundNews, Subscription, Topic};
pub use intake::cancel_digest;
pub use refusal::{Refusal, RefusalCode};
pub use state::{IntentRecord, IntentState, RoundNote};
pub use view::{GatewayStatus, MarketStatus, RoundStatus, StepStatus};

use self::{
    book::Book,
    core::{Core, State, call_error},
    feed::Feed,
    ledger::Books,
    metrics::GatewayMetrics,
    owner::OwnerCheck,
};
use crate::{AuctionError, AuctionId, Result, RoundBook, SheetReceipt, SheetSubmission};

/// Rounds that are followed at once, those of other openers included.
const FOLLOWED_ROUNDS: usize = 4096;

/// Handle to a running gateway. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Gateway {
    core: Arc<Core>,
}

impl Gateway {
    /// Takes up what the ledger has, then follows the chain until `cancel` is cancelled. The task ends with an error when
    /// it cannot go on: the chain cannot be followed, or the ledger must not be used.
    ///
    /// # Errors
    /// Those of the node and of the ledger; a market that does not exist; metrics that are registered already.
    pub async fn start(
        config: GatewayConfig,
        deps: GatewayDeps,
        cancel: CancellationToken,
    ) -> Result<(Self, JoinHandle<Result<()>>)> {
        let (pool, house, deployed_at) = (deps.pool.clone(), deps.auction_house, deps.deployed_at);
        let core = Arc::new(build(config, deps, cancel.clone()).await?);
        let start = core.recover_state(deployed_at).await?;
        let watcher = Watcher::spawn(pool, WatchConfig::new(vec![house], start), cancel);
        let task = tokio::spawn(Arc::clone(&core).run(watcher));
        Ok((Self { core }, task))
    }

    /// The auction that it serves.
    pub fn auction(&self) -> AuctionId {
        self.core.auction
    }

    /// Takes an intent; when this returns it is durable, and will be put into a round.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing was taken.
    pub async fn send_intent(&self, intent: Intent, signature: Bytes) -> Result<B256, Refusal> {
        self.core.send_intent(intent, signature).await
    }

    /// Withdraws an intent that waits: with its owner's signature of [`cancel_digest`], or without one when its Permit2
    /// nonce is spent.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing was changed.
    pub async fn cancel_intent(&self, hash: B256, signature: Option<Bytes>) -> Result<(), Refusal> {
        self.core.cancel_intent(hash, signature).await
    }

    /// What is known of an intent.
    ///
    /// # Errors
    /// [`RefusalCode::UnknownIntent`], [`RefusalCode::StorageFailed`].
    pub async fn intent(&self, hash: B256) -> Result<Arc<IntentRecord>, Refusal> {
        self.core.find(hash).await
    }

    /// Takes a proven sheet for a round of this gateway, after its commit window.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing was taken.
    pub async fn submit_sheet(&self, sheet: SheetSubmission) -> Result<SheetReceipt, Refusal> {
        self.core.submit_sheet(sheet).await
    }

    /// News of a topic from now on; `None` when there are too many subscribers.
    pub fn subscribe(&self, topic: Topic) -> Option<Subscription> {
        self.core.feed.subscribe(topic)
    }

    /// The markets that it serves.
    pub fn markets(&self) -> Vec<Market> {
        self.core.markets.values().cloned().collect()
    }
}

async fn build(config: GatewayConfig, deps: GatewayDeps, cancel: CancellationToken) -> Result<Core> {
    let GatewayDeps { pool, auction_house, ledger, tx, prover, registry, .. } = deps;
    pool.expect_code(auction_house, None).await?;
    let provider = pool.provider();
    let metrics = GatewayMetrics::new(&registry)?;
    let markets_at =
        IAuctionHouse::new(auction_house, &provider).markets().call().await.map_err(call_error)?;
    let contract = IMarkets::new(markets_at, &provider);
    let mut markets = BTreeMap::new();
    for id in &config.markets {
        let params = contract.params(*id).call().await.map_err(call_error)?;
        markets.insert(*id, Market { id: *id, params });
    }
    let auction = AuctionId { chain_id: pool.chain_id(), auction_house };
    let state = State::new(Book::new(config.book), RoundBook::new(auction, FOLLOWED_ROUNDS));
    let signers = rayon::ThreadPoolBuilder::new()
        .num_threads(config.signature_threads.max(1))
        .thread_name(|i| format!("signer-recovery-{i}"))
        .build()
        .map_err(|e| AuctionError::Threads { reason: e.to_string() })?;
    Ok(Core {
        auction,
        markets_at,
        markets,
        books: Books::new(ledger, metrics.clone()),
        tx,
        prover,
        owners: OwnerCheck::new(provider.clone(), config.chain_timeout, config.signature_gas),
        feed: Feed::new(config.max_subscribers, config.subscriber_buffer, metrics.clone()),
        metrics,
        state: Mutex::new(state),
        wake: Notify::new(),
        cancel,
        tasks: TaskTracker::new(),
        signers,
        intake: Semaphore::new(config.intake_at_once.max(1)),
        verifying: Semaphore::new(config.sheets_at_once.max(1)),
        provider,
        config,
    })
}
