//! Streams, consumers and stores of a queue, their names and their limits.

use std::{marker::PhantomData, time::Duration};

use async_nats::jetstream::{
    Context,
    consumer::{AckPolicy, PullConsumer, pull},
    kv,
    stream::{self, DiscardPolicy, RetentionPolicy},
};

use super::{DeadlineClass, Kind, Reach, RemoteError};

/// Bounds on what the broker keeps. Everything ages out; what is full refuses, and the submitter proves at home.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one input.
    pub input_bytes: usize,
    /// Bytes of one proof.
    pub proof_bytes: usize,
    /// Inputs and proofs up to this many bytes travel in the message.
    pub inline_bytes: usize,
    /// Bytes of all waiting messages.
    pub jobs_bytes: i64,
    /// Bytes of all stored inputs, and of all stored proofs.
    pub store_bytes: i64,
    /// Jobs, inputs and results older than this are gone.
    pub keep: Duration,
    /// Dead letters older than this are gone.
    pub keep_dead: Duration,
    /// A worker that is silent for this long loses its job.
    pub silence: Duration,
    /// Deliveries of a job before it is a dead letter.
    pub deliveries: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            input_bytes: 8 << 20,
            proof_bytes: 4 << 20,
            inline_bytes: 64 << 10,
            jobs_bytes: 64 << 20,
            store_bytes: 256 << 20,
            keep: Duration::from_secs(600),
            keep_dead: Duration::from_secs(7 * 24 * 3600),
            silence: Duration::from_secs(6),
            deliveries: 4,
        }
    }
}

/// An advert that was not renewed for this long is gone.
pub(super) const ADVERT_LIFE: Duration = Duration::from_secs(15);

/// Names on the broker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<R>(PhantomData<R>);

impl<R: Reach> Names<R> {
    pub(super) fn jobs_stream() -> String {
        format!("SOTTO_{}", R::STREAM)
    }

    pub(super) fn results_stream() -> String {
        format!("SOTTO_{}_RESULTS", R::STREAM)
    }

    pub(super) fn dead_stream() -> String {
        format!("SOTTO_{}_DEAD", R::STREAM)
    }

    pub(super) fn inputs_stream() -> String {
        format!("SOTTO_{}_INPUTS", R::STREAM)
    }

    pub(super) fn proofs_stream() -> String {
        format!("SOTTO_{}_PROOFS", R::STREAM)
    }

    /// Of a job's input; the number of a part follows.
    pub(super) fn input(id: &str) -> String {
        format!("sotto.{}.inputs.{id}", R::NAME)
    }

    /// Of a proof; the number of a part follows. The broker lets a worker publish under its own name only.
    pub(super) fn proof(worker: &str, id: &str, attempt: u32) -> String {
        format!("sotto.{}.proofs.{worker}.{id}-{attempt}", R::NAME)
    }

    pub(super) fn adverts() -> String {
        format!("sotto-{}-workers", R::NAME)
    }

    pub(super) fn job(class: DeadlineClass, kind: &str) -> String {
        format!("sotto.{}.jobs.{}.{kind}", R::NAME, class.name())
    }

    pub(super) fn consumer(class: DeadlineClass, kind: &str) -> String {
        format!("{}-{kind}", class.name())
    }

    /// `worker` may be `*`.
    pub(super) fn result(worker: &str, id: &str) -> String {
        format!("sotto.{}.results.{worker}.{id}", R::NAME)
    }

    pub(super) fn dead(worker: &str, kind: &str) -> String {
        format!("sotto.{}.dead.{worker}.{kind}", R::NAME)
    }

    /// Told when a job was queued; the payload is the consumer's name.
    pub(super) fn wake() -> String {
        format!("sotto.{}.wake", R::NAME)
    }

    /// Told when a job is no longer wanted; the payload is its id.
    pub(super) fn cancel() -> String {
        format!("sotto.{}.cancel", R::NAME)
    }
}

/// The broker's side of a queue, as a submitter uses it.
#[derive(Clone)]
pub(super) struct Topology {
    pub(super) jobs: stream::Stream,
    pub(super) results: stream::Stream,
    pub(super) inputs: stream::Stream,
    pub(super) proofs: stream::Stream,
    pub(super) adverts: kv::Store,
}

impl Topology {
    /// Creates what is missing; what exists is left as it is.
    pub(super) async fn create<R: Reach>(
        context: &Context,
        kinds: &[Kind],
        limits: &Limits,
    ) -> Result<Self, RemoteError> {
        let jobs = stream(context, jobs_config::<R>(limits)).await?;
        for kind in kinds {
            for class in DeadlineClass::ALL {
                let config = consumer_config::<R>(class, *kind, limits);
                let name = config.durable_name.clone().unwrap_or_default();
                jobs.get_or_create_consumer(&name, config)
                    .await
                    .map_err(|e| RemoteError::broker("creating a consumer", &e))?;
            }
        }
        let results = stream(context, results_config::<R>(limits)).await?;
        stream(context, dead_config::<R>(limits)).await?;
        let payloads = |name, subject: &str| {
            stream(context, payloads_config(name, format!("sotto.{}.{subject}", R::NAME), limits))
        };
        let inputs = payloads(Names::<R>::inputs_stream(), "inputs.*.*").await?;
        let proofs = payloads(Names::<R>::proofs_stream(), "proofs.*.*.*").await?;
        Ok(Self { jobs, results, inputs, proofs, adverts: adverts::<R>(context).await? })
    }
}

/// The broker's side of a queue, as a worker uses it. A worker creates nothing.
#[derive(Clone)]
pub(super) struct Bound {
    /// Consumers of the worker's kinds, the most urgent class first, by name.
    pub(super) consumers: Vec<(String, PullConsumer)>,
    pub(super) results: stream::Stream,
    pub(super) inputs: stream::Stream,
    pub(super) adverts: kv::Store,
}

impl Bound {
    pub(super) async fn find<R: Reach>(context: &Context, kinds: &[Kind]) -> Result<Self, RemoteError> {
        let missing = |e: &dyn std::fmt::Display| RemoteError::Unavailable { reason: e.to_string() };
        let jobs = context.get_stream(Names::<R>::jobs_stream()).await.map_err(|e| missing(&e))?;
        let mut consumers = Vec::new();
        for class in DeadlineClass::ALL {
            for kind in kinds {
                let name = Names::<R>::consumer(class, kind.name());
                let found = jobs.get_consumer::<pull::Config>(&name).await.map_err(|e| missing(&e))?;
                consumers.push((name, found));
            }
        }
        let results = context.get_stream(Names::<R>::results_stream()).await.map_err(|e| missing(&e))?;
        let inputs = context.get_stream(Names::<R>::inputs_stream()).await.map_err(|e| missing(&e))?;
        let adverts = context.get_key_value(Names::<R>::adverts()).await.map_err(|e| missing(&e))?;
        Ok(Self { consumers, results, inputs, adverts })
    }
}

async fn stream(context: &Context, config: stream::Config) -> Result<stream::Stream, RemoteError> {
    context.get_or_create_stream(config).await.map_err(|e| RemoteError::broker("creating a stream", &e))
}

fn jobs_config<R: Reach>(limits: &Limits) -> stream::Config {
    stream::Config {
        name: Names::<R>::jobs_stream(),
        subjects: vec![format!("sotto.{}.jobs.*.*", R::NAME)],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_bytes: limits.jobs_bytes,
        max_messages: 65_536,
        max_age: limits.keep,
        duplicate_window: limits.keep.min(Duration::from_secs(120)),
        ..stream::Config::default()
    }
}

fn consumer_config<R: Reach>(class: DeadlineClass, kind: Kind, limits: &Limits) -> pull::Config {
    pull::Config {
        durable_name: Some(Names::<R>::consumer(class, kind.name())),
        filter_subject: Names::<R>::job(class, kind.name()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: limits.silence,
        // One more than the job gets: the worker that sees it writes the dead letter.
        max_deliver: limits.deliveries + 1,
        max_ack_pending: 4096,
        ..pull::Config::default()
    }
}

fn results_config<R: Reach>(limits: &Limits) -> stream::Config {
    stream::Config {
        name: Names::<R>::results_stream(),
        subjects: vec![format!("sotto.{}.results.*.*", R::NAME)],
        max_messages_per_subject: 1,
        discard: DiscardPolicy::Old,
        max_bytes: limits.jobs_bytes,
        max_age: limits.keep,
        duplicate_window: limits.keep.min(Duration::from_secs(120)),
        ..stream::Config::default()
    }
}

fn dead_config<R: Reach>(limits: &Limits) -> stream::Config {
    stream::Config {
        name: Names::<R>::dead_stream(),
        subjects: vec![format!("sotto.{}.dead.*.*", R::NAME)],
        discard: DiscardPolicy::Old,
        max_bytes: (limits.jobs_bytes / 4).max(1 << 16),
        max_age: limits.keep_dead,
        ..stream::Config::default()
    }
}

/// What is too large for a message, in parts. A payload that is stored again replaces the first.
fn payloads_config(name: String, subject: String, limits: &Limits) -> stream::Config {
    stream::Config {
        name,
        subjects: vec![subject],
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        max_bytes: limits.store_bytes,
        max_age: limits.keep,
        duplicate_window: limits.keep.min(Duration::from_secs(120)),
        allow_direct: true,
        ..stream::Config::default()
    }
}

async fn adverts<R: Reach>(context: &Context) -> Result<kv::Store, RemoteError> {
    if let Ok(found) = context.get_key_value(Names::<R>::adverts()).await {
        return Ok(found);
    }
    // The stream of a key-value bucket, made by hand: the client's own way asks for the account's limits first, and cannot
    // read those of nats-server 2.9.
    let config = stream::Config {
        name: format!("KV_{}", Names::<R>::adverts()),
        subjects: vec![format!("$KV.{}.>", Names::<R>::adverts())],
        max_messages_per_subject: 1,
        max_bytes: 4 << 20,
        max_age: ADVERT_LIFE,
        duplicate_window: ADVERT_LIFE,
        max_message_size: 16 << 10,
        storage: stream::StorageType::Memory,
        num_replicas: 1,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..stream::Config::default()
    };
    stream(context, config).await?;
    let found = context.get_key_value(Names::<R>::adverts()).await;
    found.map_err(|e| RemoteError::broker("finding the list of workers", &e))
}
