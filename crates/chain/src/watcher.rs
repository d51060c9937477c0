//! The watcher: heads pushed over a WebSocket or polled, and the events that follow from them.

use std::time::{Duration, Instant};

use alloy::{consensus::BlockHeader, primitives::Address};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    BlockRef, ChainError, ChainEvent, ErrorClass, ProviderPool, Result, follower::Follower, heads::HeadHints,
    logs::LogReader,
};

/// Deepest reorganisation that is followed, blocks.
pub const MAX_REORG_DEPTH: usize = 64;

/// How long a pushed head may lag behind a polled one before the subscription counts as silent.
const PUSH_GRACE: Duration = Duration::from_millis(500);

/// Where to start.
#[derive(Clone, Debug)]
pub enum Start {
    /// With the next block.
    Latest,
    /// With this block number, for instance that of the deployment.
    From(u64),
    /// After the blocks that an earlier run had processed, as many of the newest as are kept; when the newest left the
    /// canonical chain the first event is `Rewound`. Empty means [`Start::Latest`].
    After(Vec<BlockRef>),
}

/// Configuration of a [`Watcher`].
#[derive(Clone, Debug)]
pub struct WatchConfig {
    /// Contracts whose logs are wanted.
    pub addresses: Vec<Address>,
    /// Where to start.
    pub start: Start,
    /// Events that wait for the receiver; when full, the watcher waits, it drops nothing.
    pub buffer: usize,
    /// How often the head is polled while no subscription is up.
    pub poll: Duration,
    /// How often the head is polled while a subscription is up, to notice that it fell silent.
    pub heartbeat: Duration,
    /// Largest block range of one request for logs.
    pub max_range: u64,
}

impl WatchConfig {
    /// Defaults for a set of contracts.
    pub fn new(addresses: Vec<Address>, start: Start) -> Self {
        Self {
            addresses,
            start,
            buffer: 1024,
            poll: Duration::from_millis(500),
            heartbeat: Duration::from_secs(3),
            max_range: 2_000,
        }
    }
}

/// How the watcher is doing.
#[derive(Clone, Copy, Debug)]
pub struct WatchStatus {
    /// The newest block that was handed out.
    pub head: Option<BlockRef>,
    /// Timestamp of the newest block that the node showed, Unix seconds.
    pub timestamp: u64,
    /// When the node last answered with its head, whether new or not; `None` before the first time.
    pub answered_at: Option<Instant>,
    /// Whether everything up to the node's head was handed out when it last answered.
    pub caught_up: bool,
    /// Whether a subscription pushes heads.
    pub subscribed: bool,
}

impl WatchStatus {
    /// Whether the node answered within `limit` and everything it had was handed out.
    pub fn is_live(&self, limit: Duration) -> bool {
        self.caught_up && self.answered_at.is_some_and(|at| at.elapsed() <= limit)
    }
}

/// A running watcher.
#[derive(Debug)]
pub struct Watcher {
    /// Events in order; bounded, the watcher waits for a slow receiver.
    pub events: mpsc::Receiver<ChainEvent>,
    /// State for readiness checks.
    pub status: watch::Receiver<WatchStatus>,
    /// Ends with an error when the chain cannot be followed any more ([`ChainError::ReorgTooDeep`],
    /// [`ChainError::WrongChain`]), and without one on shutdown.
    pub task: JoinHandle<Result<()>>,
}

impl Watcher {
    /// Starts watching. Failures of the node are retried for ever; readiness shows them.
    pub fn spawn(pool: ProviderPool, config: WatchConfig, shutdown: CancellationToken) -> Self {
        let (sender, events) = mpsc::channel(config.buffer.max(1));
        let initial =
            WatchStatus { head: None, timestamp: 0, answered_at: None, caught_up: false, subscribed: false };
        let (report, status) = watch::channel(initial);
        let task = tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => Ok(()),
                result = follow(pool, config, sender, report) => match result {
                    Err(ChainError::Stopped { .. }) => Ok(()),
                    other => other,
                },
            }
        });
        Self { events, status, task }
    }
}

async fn follow(
    pool: ProviderPool,
    config: WatchConfig,
    events: mpsc::Sender<ChainEvent>,
    report: watch::Sender<WatchStatus>,
) -> Result<()> {
    let metrics = pool.metrics().clone();
    let reader = LogReader::new(pool.provider(), config.addresses.clone(), metrics.clone());
    let mut follower = Follower::new(reader, events, MAX_REORG_DEPTH, config.max_range, metrics.clone());
    let mut hints = HeadHints::spawn(pool);
    let mut last_head = Instant::now();
    loop {
        let before = follower.tip();
        let result = match follower.begin(&config.start).await {
            Ok(()) => follower.advance().await,
            Err(e) => Err(e),
        };
        if follower.tip() != before {
            last_head = Instant::now();
        }
        metrics.head_age_seconds.set(i64::try_from(last_head.elapsed().as_secs()).unwrap_or(i64::MAX));
        publish(&report, &follower, result.is_ok(), hints.is_live());
        match result {
            Ok(_) => {}
            Err(e) if matches!(e, ChainError::Stopped { .. }) || e.class() == ErrorClass::Fatal => {
                return Err(e);
            }
            Err(e) => tracing::warn!(error = %e, "the chain cannot be read, trying again"),
        }
        let pause = if hints.is_live() { config.heartbeat } else { config.poll };
        tokio::select! {
            () = hints.next() => {}
            () = sleep(pause) => check_silence(&follower, &mut hints).await,
        }
    }
}

/// A poll that shows a head which the subscription did not push means that the subscription is dead.
async fn check_silence(follower: &Follower, hints: &mut HeadHints) {
    if !hints.is_live() {
        return;
    }
    let Ok(latest) = follower.reader.latest().await else { return };
    if hints.announced() >= latest.number() {
        return;
    }
    sleep(PUSH_GRACE).await;
    if hints.announced() < latest.number() {
        hints.resubscribe();
    }
}

fn publish(report: &watch::Sender<WatchStatus>, follower: &Follower, answered: bool, subscribed: bool) {
    report.send_modify(|status| {
        status.head = follower.tip();
        status.timestamp = follower.latest().map_or(0, BlockHeader::timestamp);
        if answered {
            status.answered_at = Some(Instant::now());
        }
        status.caught_up = answered;
        status.subscribed = subscribed;
    });
}
