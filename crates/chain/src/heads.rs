//! Wake-ups from a subscription to new heads. They carry no data that is relied upon: the follower reads the chain itself,
//! so a head that is lost, doubled or out of order does no harm.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy::{consensus::BlockHeader, providers::Provider};
use tokio::{
    sync::{Notify, broadcast::error::RecvError},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::ProviderPool;

/// Wait between two rounds over endpoints that give no subscription.
const RETRY: Duration = Duration::from_millis(500);

/// A task that keeps one subscription open, at whichever endpoint gives one.
#[derive(Debug)]
pub(crate) struct HeadHints {
    shared: Arc<Shared>,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    head: Notify,
    again: Notify,
    live: AtomicBool,
    announced: AtomicU64,
}

impl HeadHints {
    pub(crate) fn spawn(pool: ProviderPool) -> Self {
        let shared = Arc::new(Shared::default());
        let task = pool.has_websocket().then(|| tokio::spawn(keep_subscribed(pool, shared.clone())));
        Self { shared, task }
    }

    /// Waits for a head; several that arrived meanwhile count as one.
    pub(crate) async fn next(&mut self) {
        self.shared.head.notified().await;
    }

    pub(crate) fn is_live(&self) -> bool {
        self.shared.live.load(Ordering::Relaxed)
    }

    /// Number of the highest head of the present subscription.
    pub(crate) fn announced(&self) -> u64 {
        self.shared.announced.load(Ordering::Relaxed)
    }

    /// Gives the present subscription up for a new one, elsewhere if possible.
    pub(crate) fn resubscribe(&self) {
        self.shared.again.notify_one();
    }
}

impl Drop for HeadHints {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

async fn keep_subscribed(pool: ProviderPool, shared: Arc<Shared>) {
    let mut first = true;
    loop {
        for index in 0..pool.len() {
            let Ok(Some(provider)) = pool.subscriber(index).await else { continue };
            if !std::mem::take(&mut first) {
                pool.metrics().resubscriptions.inc();
            }
            listen(&provider, &shared, pool.call_timeout()).await;
            shared.live.store(false, Ordering::Relaxed);
            shared.announced.store(0, Ordering::Relaxed);
        }
        sleep(RETRY).await;
    }
}

/// Listens until the subscription ends or is given up; a node that does not answer within `patience` gives none.
async fn listen(provider: &impl Provider, shared: &Shared, patience: Duration) {
    let mut heads = match timeout(patience, provider.subscribe_blocks().into_future()).await {
        Ok(Ok(subscription)) => subscription,
        Ok(Err(error)) => {
            tracing::warn!(%error, "no subscription to heads");
            return;
        }
        Err(_) => {
            tracing::warn!(?patience, "no answer to a subscription to heads");
            return;
        }
    };
    // An idle chain pushes nothing: what it has now counts as announced.
    if let Ok(Ok(number)) = timeout(patience, provider.get_block_number().into_future()).await {
        shared.announced.store(number, Ordering::Relaxed);
    }
    shared.live.store(true, Ordering::Relaxed);
    shared.head.notify_one();
    loop {
        tokio::select! {
            head = heads.recv() => match head {
                Ok(head) => {
                    shared.announced.fetch_max(head.number(), Ordering::Relaxed);
                    shared.head.notify_one();
                }
                Err(RecvError::Lagged(_)) => shared.head.notify_one(),
                Err(RecvError::Closed) => return,
            },
            () = shared.again.notified() => return,
        }
    }
}
