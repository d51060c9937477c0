//! Transactions that wait in the mempool and call watched contracts.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use alloy::{
    consensus::Transaction as _,
    network::TransactionResponse,
    primitives::{Address, Bytes, TxHash, U256},
    providers::{DynProvider, Provider},
    rpc::types::Transaction,
};
use futures::{Stream, StreamExt, stream::BoxStream};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        watch,
    },
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{ChainError, ProviderPool, Result};

/// Hashes that are remembered, so that none is handed out twice.
const REMEMBERED: usize = 8192;

/// A pending transaction to a watched contract. Its bytes are untrusted: they may be truncated or malformed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingTx {
    /// Hash.
    pub hash: TxHash,
    /// Sender.
    pub from: Address,
    /// The watched contract.
    pub to: Address,
    /// Nonce of the sender.
    pub nonce: u64,
    /// Value, wei.
    pub value: U256,
    /// Calldata, at most [`PendingConfig::max_input_bytes`].
    pub input: Bytes,
}

/// Configuration of a [`PendingStream`].
#[derive(Clone, Debug)]
pub struct PendingConfig {
    /// Contracts of interest.
    pub addresses: Vec<Address>,
    /// Largest calldata handed out, bytes; larger ones are counted and dropped.
    pub max_input_bytes: usize,
    /// Transactions that wait for the receiver; what comes when it is full is counted and dropped, for the mempool is a
    /// hint, not a record.
    pub buffer: usize,
    /// Silence after which the subscription is opened anew.
    pub silence: Duration,
    /// Wait between two tries when no endpoint gives a subscription.
    pub retry: Duration,
}

impl PendingConfig {
    /// Defaults for a set of contracts.
    pub fn new(addresses: Vec<Address>) -> Self {
        Self {
            addresses,
            max_input_bytes: 128 << 10,
            buffer: 1024,
            silence: Duration::from_secs(120),
            retry: Duration::from_secs(2),
        }
    }
}

/// A running stream of pending transactions. It needs a WebSocket endpoint; without one it stays empty.
#[derive(Debug)]
pub struct PendingStream {
    /// Transactions as they arrive.
    pub transactions: mpsc::Receiver<PendingTx>,
    /// Whether a subscription is open. What was sent before it was opened is not handed out.
    pub subscribed: watch::Receiver<bool>,
    /// Ends on shutdown, or when the receiver is gone.
    pub task: JoinHandle<Result<()>>,
}

impl PendingStream {
    /// Starts listening. Failures of the node are retried for ever.
    pub fn spawn(pool: ProviderPool, config: PendingConfig, shutdown: CancellationToken) -> Self {
        let (sender, transactions) = mpsc::channel(config.buffer.max(1));
        let (open, subscribed) = watch::channel(false);
        let task = tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => Ok(()),
                result = Intake::new(pool, config, sender, open).run() => match result {
                    Err(ChainError::Stopped { .. }) => Ok(()),
                    other => other,
                },
            }
        });
        Self { transactions, subscribed, task }
    }
}

struct Intake {
    pool: ProviderPool,
    config: PendingConfig,
    addresses: BTreeSet<Address>,
    sender: mpsc::Sender<PendingTx>,
    open: watch::Sender<bool>,
    seen: Seen,
}

impl Intake {
    fn new(
        pool: ProviderPool,
        config: PendingConfig,
        sender: mpsc::Sender<PendingTx>,
        open: watch::Sender<bool>,
    ) -> Self {
        let addresses = config.addresses.iter().copied().collect();
        Self { pool, config, addresses, sender, open, seen: Seen::default() }
    }

    async fn run(mut self) -> Result<()> {
        loop {
            for index in 0..self.pool.len() {
                let Ok(Some(provider)) = self.pool.subscriber(index).await else { continue };
                match transactions(&provider).await {
                    Ok(stream) => self.listen(stream).await?,
                    Err(error) => tracing::warn!(%error, "no subscription to pending transactions"),
                }
            }
            sleep(self.config.retry).await;
        }
    }

    async fn listen(&mut self, mut stream: BoxStream<'static, Transaction>) -> Result<()> {
        self.open.send_replace(true);
        while let Ok(Some(tx)) = timeout(self.config.silence, stream.next()).await {
            self.take(&tx)?;
        }
        self.open.send_replace(false);
        Ok(())
    }

    fn take(&mut self, tx: &Transaction) -> Result<()> {
        let Some(to) = tx.to().filter(|to| self.addresses.contains(to)) else { return Ok(()) };
        let hash = tx.tx_hash();
        if !self.seen.insert(hash) {
            return Ok(());
        }
        let metrics = self.pool.metrics();
        if tx.input().len() > self.config.max_input_bytes {
            metrics.pending_dropped_oversized.inc();
            return Ok(());
        }
        let pending = PendingTx {
            hash,
            from: tx.from(),
            to,
            nonce: tx.nonce(),
            value: tx.value(),
            input: tx.input().clone(),
        };
        match self.sender.try_send(pending) {
            Ok(()) => metrics.pending_seen.inc(),
            Err(TrySendError::Full(_)) => metrics.pending_dropped_full.inc(),
            Err(TrySendError::Closed(_)) => {
                return Err(ChainError::Stopped { service: "receiver of pending transactions" });
            }
        }
        Ok(())
    }
}

/// Pushed transactions where the node pushes them whole, else pushed hashes that are looked up.
async fn transactions(provider: &DynProvider) -> Result<BoxStream<'static, Transaction>> {
    if let Ok(whole) = provider.subscribe_full_pending_transactions().await {
        return Ok(keep(provider.clone(), whole.into_stream()).boxed());
    }
    let hashes = provider.subscribe_pending_transactions().await?.into_stream();
    let lookup = Arc::new(provider.clone());
    let found = hashes
        .map(move |hash| {
            let provider = lookup.clone();
            async move { provider.get_transaction_by_hash(hash).await.ok().flatten() }
        })
        .buffered(8)
        .filter_map(std::future::ready);
    Ok(keep(provider.clone(), found).boxed())
}

/// Keeps the connection open for as long as its stream is read.
fn keep<S: Stream + Send + 'static>(
    provider: DynProvider,
    stream: S,
) -> impl Stream<Item = S::Item> + Send + 'static {
    stream.map(move |item| {
        let _connection = &provider;
        item
    })
}

/// The newest hashes, bounded.
#[derive(Default)]
struct Seen {
    set: HashSet<TxHash>,
    order: VecDeque<TxHash>,
}

impl Seen {
    fn insert(&mut self, hash: TxHash) -> bool {
        if !self.set.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }
}
