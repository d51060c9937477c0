//! A worker: takes the most urgent job, proves it, and says that it is alive while it does.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use async_nats::{
    Client, Subscriber,
    jetstream::{AckKind, Context, Message, consumer::PullConsumer},
};
use bytes::Bytes;
use futures::{StreamExt as _, future::BoxFuture};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Advert, Broker, JobId, Kind, Limits, Reach, RemoteError, WorkerMetrics,
    advert::Pace,
    connect::REQUEST,
    message::line,
    topology::{Bound, Names},
};
use crate::ProveError;

mod task;

/// Between two sweeps of an idle worker: jobs that another lost are found by these alone.
const SWEEP: Duration = Duration::from_millis(500);
/// Between two looks for a queue that nobody has set up yet, or a broker that is away.
const RETRY: Duration = Duration::from_millis(500);
/// Between two adverts.
const ADVERTISE: Duration = Duration::from_secs(4);
/// Cancelled jobs that a worker remembers.
const CANCELLED: usize = 256;

/// What a worker does with a job.
pub trait Handler: Send + Sync + 'static {
    /// The queue that it belongs to.
    type Reach: Reach;
    /// Kinds that it takes.
    fn kinds(&self) -> Vec<Kind>;
    /// Circuits that it holds, ready to prove.
    fn circuits(&self) -> Vec<String>;
    /// Threads that it proves with.
    fn threads(&self) -> usize;
    /// Proves; ends soon after `task.cancel`. The input comes from outside.
    fn prove(&self, task: Task) -> BoxFuture<'static, Result<Vec<u8>, ProveError>>;
}

/// A job as a worker has it.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its kind.
    pub kind: String,
    /// The encoding of the job, whose hash has been checked.
    pub input: Bytes,
    /// When the proof is of no use any more.
    pub deadline: Instant,
    /// Cancelled when nobody wants the proof.
    pub cancel: CancellationToken,
}

/// How a worker behaves.
#[derive(Clone, Copy, Debug)]
pub struct WorkerConfig {
    /// Sizes, silence and deliveries; those of the submitters.
    pub limits: Limits,
    /// Longest time for one job, whatever its deadline.
    pub longest_job: Duration,
    /// How long a job may take to end after it was told to.
    pub grace: Duration,
    /// On leaving: how long the job at work may go on.
    pub drain: Duration,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            longest_job: Duration::from_secs(120),
            grace: Duration::from_secs(10),
            drain: Duration::from_secs(15),
        }
    }
}

/// Whether a name can stand in subjects and permissions: letters, digits, `-` and `_`, at most 48.
///
/// # Errors
/// When it cannot.
pub fn valid_name(name: &str) -> Result<(), RemoteError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if (1..=48).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    let reason = "letters, digits, `-` and `_`, at most 48".into();
    Err(RemoteError::Config { what: "name", reason })
}

/// A worker of its handler's queue.
pub struct Worker<H> {
    name: String,
    client: Client,
    context: Context,
    handler: H,
    config: WorkerConfig,
    metrics: WorkerMetrics,
    wake: Subscriber,
    cancelled: Subscriber,
    /// Jobs that were cancelled lately.
    unwanted: VecDeque<JobId>,
    pace: Pace,
    proved: u64,
    advertised: Option<Instant>,
}

impl<H> std::fmt::Debug for Worker<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<H: Handler> Worker<H> {
    /// Connects as the worker that the broker's settings name.
    ///
    /// # Errors
    /// When the settings cannot be used. A broker that is down is no error.
    pub async fn connect(
        broker: &Broker,
        handler: H,
        config: WorkerConfig,
        metrics: WorkerMetrics,
    ) -> Result<Self, RemoteError> {
        let (client, context) = broker.connect().await?;
        let listen = async |subject: String| {
            client.subscribe(subject).await.map_err(|e| RemoteError::broker("listening", &e))
        };
        let (wake, cancelled) =
            (listen(Names::<H::Reach>::wake()).await?, listen(Names::<H::Reach>::cancel()).await?);
        Ok(Self {
            name: broker.name.clone(),
            client,
            context,
            handler,
            config,
            metrics,
            wake,
            cancelled,
            unwanted: VecDeque::new(),
            pace: Pace::default(),
            proved: 0,
            advertised: None,
        })
    }

    /// Works until `leave` is cancelled; the job at work is finished if it ends within the drain time, and given back
    /// otherwise.
    ///
    /// # Errors
    /// When a job does not stop although it was told to: its threads are lost, and the process should be too.
    pub async fn run(mut self, leave: CancellationToken) -> Result<(), RemoteError> {
        let mut ended = Ok(());
        let mut bound = None;
        while ended.is_ok() && !leave.is_cancelled() {
            let found = tokio::select! {
                found = self.find() => found,
                () = leave.cancelled() => break,
            };
            tracing::info!(worker = self.name, queue = H::Reach::NAME, "ready for jobs");
            ended = self.work(&found, &leave).await;
            self.advertised = None;
            bound = Some(found);
        }
        if let Some(bound) = bound {
            self.take_leave(&bound).await;
        }
        // A broker that is away does not hold the worker back.
        let _ = timeout(REQUEST, self.client.drain()).await;
        ended
    }

    /// Takes the advert back, and waits until the broker has stored that.
    async fn take_leave(&self, bound: &Bound) {
        for _ in 0..3 {
            if matches!(timeout(REQUEST, bound.adverts.delete(&self.name)).await, Ok(Ok(()))) {
                return;
            }
        }
        // Submitters forget a silent worker after a while.
        tracing::debug!(worker = self.name, "the advert could not be taken back");
    }

    /// Waits for the queue.
    async fn find(&self) -> Bound {
        let kinds = self.handler.kinds();
        let mut told = false;
        loop {
            match timeout(REQUEST * 2, Bound::find::<H::Reach>(&self.context, &kinds)).await {
                Ok(Ok(found)) => return found,
                Ok(Err(error)) if !told => {
                    tracing::warn!(worker = self.name, queue = H::Reach::NAME, %error, "the queue is not there yet");
                    told = true;
                }
                _ => {}
            }
            sleep(RETRY).await;
        }
    }

    /// Takes jobs until it is time to leave, or the queue is gone.
    async fn work(&mut self, bound: &Bound, leave: &CancellationToken) -> Result<(), RemoteError> {
        let mut failures = 0;
        let mut hint: Option<String> = None;
        while !leave.is_cancelled() && failures < 5 {
            self.advertise(bound, false, leave).await;
            self.note_cancelled();
            match self.next(bound, hint.take().as_deref()).await {
                Ok(Some(message)) => {
                    failures = 0;
                    self.take(bound, message, leave).await?;
                    continue;
                }
                Ok(None) => failures = 0,
                Err(error) => {
                    failures += 1;
                    tracing::debug!(worker = self.name, %error, "no jobs could be asked for");
                }
            }
            hint = tokio::select! {
                told = self.wake.next() => told.and_then(|m| String::from_utf8(m.payload.to_vec()).ok()),
                () = sleep(SWEEP) => None,
                () = leave.cancelled() => None,
            };
        }
        Ok(())
    }

    /// The most urgent job, or that of the consumer that a submitter named.
    async fn next(&self, bound: &Bound, hint: Option<&str>) -> Result<Option<Message>, RemoteError> {
        for (name, consumer) in &bound.consumers {
            if hint.is_none_or(|hint| hint == name)
                && let Some(message) = fetch(consumer).await?
            {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Renews the advert, when it is time or `busy` begins.
    async fn advertise(&mut self, bound: &Bound, busy: bool, leave: &CancellationToken) {
        if !busy && self.advertised.is_some_and(|last| last.elapsed() < ADVERTISE) {
            return;
        }
        self.advertised = self.tell(bound, busy, leave).await.or(self.advertised);
    }

    /// Writes the advert; when, if the broker took it.
    async fn tell(&self, bound: &Bound, busy: bool, leave: &CancellationToken) -> Option<Instant> {
        let advert = Advert {
            version: env!("CARGO_PKG_VERSION").into(),
            kinds: self.handler.kinds().iter().map(ToString::to_string).collect(),
            circuits: self.handler.circuits(),
            threads: self.handler.threads(),
            seconds: self.pace.medians(),
            proved: self.proved,
            busy,
            leaving: leave.is_cancelled(),
        };
        let json = serde_json::to_vec(&advert).ok()?;
        match timeout(REQUEST, bound.adverts.put(&self.name, json.into())).await {
            Ok(Ok(_)) => return Some(Instant::now()),
            Ok(Err(error)) => tracing::debug!(worker = self.name, %error, "the advert was not taken"),
            Err(_) => tracing::debug!(worker = self.name, "the advert was not taken in time"),
        }
        None
    }

    fn note_cancelled(&mut self) {
        while let Some(Some(message)) = futures::FutureExt::now_or_never(self.cancelled.next()) {
            self.note(&message.payload);
        }
    }

    /// Remembers a cancelled job; gives its id.
    fn note(&mut self, payload: &[u8]) -> Option<JobId> {
        let id = JobId::parse(std::str::from_utf8(payload).ok()?)?;
        if self.unwanted.len() == CANCELLED {
            self.unwanted.pop_front();
        }
        self.unwanted.push_back(id);
        Some(id)
    }
}

async fn fetch(consumer: &PullConsumer) -> Result<Option<Message>, RemoteError> {
    let what = "asking for a job";
    let ask = async {
        let mut batch =
            consumer.fetch().max_messages(1).messages().await.map_err(|e| RemoteError::broker(what, &e))?;
        match batch.next().await {
            Some(Ok(message)) => Ok(Some(message)),
            Some(Err(error)) => Err(RemoteError::Broker { what, reason: line(&error.to_string()) }),
            None => Ok(None),
        }
    };
    timeout(REQUEST, ask)
        .await
        .unwrap_or_else(|_| Err(RemoteError::Broker { what, reason: "timed out".into() }))
}

/// Acknowledges in one of the ways, and waits until the broker knows.
async fn settle(message: &Message, kind: AckKind) {
    for _ in 0..3 {
        if matches!(timeout(REQUEST, message.double_ack_with(kind)).await, Ok(Ok(()))) {
            return;
        }
    }
    // The broker delivers it again; a worker that finds the result then drops it.
    tracing::debug!("a job could not be acknowledged");
}
