//! A submitter's handle to a queue.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use async_nats::{Client, connection::State, jetstream::Context};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Advert, Broker, Kind, Limits, QueueMetrics, Reach, RemoteError, monitor, roster::Roster,
    topology::Topology,
};

/// How long a submitter relies on workers.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A job that no worker has proved after this long is proved at home.
    pub answer_within: Duration,
    /// A job is proved at home when, for this long, no worker was there that could have it or take it.
    pub deserted_after: Duration,
    /// Time before the deadline that is kept for proving at home; a job that has no more than this goes to no worker.
    pub reserve: Duration,
    /// Attempts with workers, each after a wrong proof or a failure.
    pub attempts: u32,
}

impl Default for Patience {
    /// Half a minute, two seconds without workers, ten seconds in reserve, three attempts.
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(30),
            deserted_after: Duration::from_secs(2),
            reserve: Duration::from_secs(10),
            attempts: 3,
        }
    }
}

/// What the handles and the background tasks of a queue share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) context: Context,
    pub(super) kinds: Vec<Kind>,
    pub(super) limits: Limits,
    pub(super) patience: Patience,
    pub(super) metrics: QueueMetrics,
    pub(super) roster: Roster,
    topology: Mutex<Option<Topology>>,
    /// Why the queue could not be set up, the last time.
    trouble: Mutex<Option<String>>,
    /// Told when the topology was found wanting.
    pub(super) doubt: Notify,
    pub(super) ready: Notify,
}

impl Shared {
    /// The broker's side of the queue, while the broker is connected.
    pub(super) fn topology(&self) -> Result<Topology, RemoteError> {
        let unavailable = |reason: String| RemoteError::Unavailable { reason };
        if self.client.connection_state() != State::Connected {
            return Err(unavailable("not connected".into()));
        }
        let trouble = || self.trouble.lock().clone().unwrap_or_else(|| "the queue is not set up yet".into());
        self.topology.lock().clone().ok_or_else(|| unavailable(trouble()))
    }

    pub(super) fn set_topology(&self, topology: Topology) {
        *self.topology.lock() = Some(topology);
        self.ready.notify_waiters();
    }

    pub(super) fn set_trouble(&self, error: &RemoteError) {
        *self.trouble.lock() = Some(error.to_string());
    }

    pub(super) fn has_topology(&self) -> bool {
        self.topology.lock().is_some()
    }

    /// A request failed: the streams may be gone, so they are looked for again.
    pub(super) fn doubt(&self, error: &RemoteError) {
        if matches!(error, RemoteError::Broker { .. }) {
            *self.topology.lock() = None;
            self.doubt.notify_one();
        }
    }
}

/// A queue of the reach `R`; jobs of a wider reach than the queue's do not compile.
#[derive(Clone)]
pub struct RemoteQueue<R: Reach> {
    pub(super) shared: Arc<Shared>,
    _tasks: Arc<DropGuard>,
    reach: PhantomData<R>,
}

impl<R: Reach> fmt::Debug for RemoteQueue<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteQueue").field("reach", &R::NAME).finish_non_exhaustive()
    }
}

impl<R: Reach> RemoteQueue<R> {
    /// Connects in the background, and sets up what the broker lacks: streams, consumers of these kinds, stores. A broker
    /// that is away is no error; jobs are refused with [`RemoteError::Unavailable`] until it is there.
    ///
    /// # Errors
    /// When the broker's settings cannot be used.
    pub async fn connect(
        broker: &Broker,
        kinds: &[Kind],
        limits: Limits,
        patience: Patience,
        metrics: QueueMetrics,
    ) -> Result<Self, RemoteError> {
        let (client, context) = broker.connect().await?;
        let shared = Arc::new(Shared {
            client,
            context,
            kinds: kinds.to_vec(),
            limits,
            patience,
            metrics,
            roster: Roster::default(),
            topology: Mutex::default(),
            trouble: Mutex::default(),
            doubt: Notify::new(),
            ready: Notify::new(),
        });
        let cancel = CancellationToken::new();
        tokio::spawn(
            cancel.clone().run_until_cancelled_owned(monitor::keep_topology::<R>(Arc::clone(&shared))),
        );
        tokio::spawn(cancel.clone().run_until_cancelled_owned(monitor::watch_workers(Arc::clone(&shared))));
        tokio::spawn(cancel.clone().run_until_cancelled_owned(monitor::measure::<R>(Arc::clone(&shared))));
        Ok(Self { shared, _tasks: Arc::new(cancel.drop_guard()), reach: PhantomData })
    }

    /// Waits until the broker is connected and the queue is set up.
    ///
    /// # Errors
    /// When that takes longer than `limit`.
    pub async fn ready(&self, limit: Duration) -> Result<(), RemoteError> {
        let all = async {
            loop {
                let told = self.shared.ready.notified();
                if self.shared.topology().is_ok() {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(100), told).await;
            }
        };
        let late = |_| {
            let reason = self.shared.topology().err().map_or_else(String::new, |error| error.to_string());
            RemoteError::Unavailable { reason: format!("after {limit:?}: {reason}") }
        };
        tokio::time::timeout(limit, all).await.map_err(late)
    }

    /// The workers that advertise themselves, without those that are shunned.
    pub fn workers(&self) -> Vec<(String, Advert)> {
        self.shared.roster.present()
    }

    /// Names of the workers that get no jobs, after a wrong proof.
    pub fn shunned(&self) -> Vec<String> {
        self.shared.roster.shunned()
    }
}
