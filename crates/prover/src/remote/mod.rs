//! Proving on other machines: jobs wait in a broker (NATS JetStream), workers come and go, and no proof is trusted before
//! the submitter has verified it.
//!
//! There are two queues, apart by type here and by account on the broker. What a [`Private`] job carries (weights, salts,
//! quotes of losing sheets) never enters a [`Public`] queue:
//!
//! ```compile_fail
//! use std::time::Instant;
//! use sotto_prover::{SheetJob, remote::{Public, RemoteQueue}};
//! use tokio_util::sync::CancellationToken;
//!
//! async fn leak(queue: &RemoteQueue<Public>, job: SheetJob) {
//!     let verify = |bytes: bytes::Bytes| -> futures::future::BoxFuture<'static, _> { Box::pin(async move { Ok(bytes) }) };
//!     let _ = queue.submit(&job, Instant::now(), &CancellationToken::new(), verify).await;
//! }
//! ```
//!
//! The same call is accepted for the solver's own queue:
//!
//! ```no_run
//! use std::time::Instant;
//! use sotto_prover::{SheetJob, remote::{Private, RemoteQueue}};
//! use tokio_util::sync::CancellationToken;
//!
//! async fn keep(queue: &RemoteQueue<Private>, job: SheetJob) {
//!     let verify = |bytes: bytes::Bytes| -> futures::future::BoxFuture<'static, _> { Box::pin(async move { Ok(bytes) }) };
//!     let _ = queue.submit(&job, Instant::now(), &CancellationToken::new(), verify).await;
//! }
//! ```
//!
//! A job's way: its input goes in parts into a stream of its own (or into the message, when small), its message into a work-queue stream
//! under `sotto.<reach>.jobs.<deadline class>.<kind>`, with the content's hash as the message id, so that the same job
//! submitted twice is proved once. A worker takes the most urgent class first, tells the broker every few seconds that it is
//! still at work, publishes the result under `sotto.<reach>.results.<worker>.<job>` and acknowledges. A worker that dies or
//! falls silent loses the job to another; after a few deliveries the job is a dead letter, with the reason.

mod advert;
mod connect;
mod content;
mod error;
mod job;
mod message;
mod metrics;
mod monitor;
mod payload;
mod program;
mod proving;
mod queue;
mod results;
mod roster;
mod submit;
mod topology;
mod worker;

pub use advert::Advert;
pub use connect::{Auth, Broker, Tls};
pub use error::RemoteError;
pub use job::{DeadlineClass, Holds, JobId, Kind, Private, Public, Reach, RemoteJob};
pub use metrics::{QueueMetrics, WorkerMetrics};
pub use proving::{MERGE, PRIVATE_KINDS, PUBLIC_KINDS, ProverHandler, Proves, RemoteProving, SHEET, WRAP};
pub use queue::{Patience, RemoteQueue};
pub use topology::Limits;
pub use worker::{Handler, Task, Worker, WorkerConfig, valid_name};
