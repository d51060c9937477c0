//! Why a job did not come back from the queue.

use std::time::Duration;

use thiserror::Error;

use crate::ProveError;

/// Why the queue gave no proof, or a worker ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// An address, a credential or a name that cannot be used.
    #[error("{what}: {reason}")]
    Config {
        /// Which setting.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The broker is another machine, and the connection would not be encrypted.
    #[error("{server} is not on this machine, and TLS is not configured")]
    Plaintext {
        /// The address.
        server: String,
    },
    /// The broker cannot be reached, or its queue is not set up yet.
    #[error("the broker is not available: {reason}")]
    Unavailable {
        /// What was tried.
        reason: String,
    },
    /// No worker advertises the kind.
    #[error("no worker takes {kind} jobs")]
    NoWorkers {
        /// The kind.
        kind: &'static str,
    },
    /// The time that the caller allows had passed before a valid proof came.
    #[error("no valid proof after {waited:?}")]
    NoAnswer {
        /// How long it waited.
        waited: Duration,
    },
    /// The broker takes no more: a stream, a store or the account is full.
    #[error("the broker is full: {reason}")]
    Full {
        /// Its words.
        reason: String,
    },
    /// A job or a proof over the size limit.
    #[error("{what} has {bytes} bytes, over {limit}")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The broker refused or failed a request.
    #[error("{what}: {reason}")]
    Broker {
        /// The request.
        what: &'static str,
        /// Its words.
        reason: String,
    },
    /// Every attempt failed on a worker.
    #[error("{attempts} attempts failed, the last: {reason}")]
    Exhausted {
        /// Attempts made.
        attempts: u32,
        /// Why the last one failed.
        reason: String,
    },
    /// The caller no longer wants the proof.
    #[error("cancelled")]
    Cancelled,
    /// The submitter itself could not verify.
    #[error("the proof could not be checked: {0}")]
    Unverified(#[source] Box<ProveError>),
    /// A job went on long after it should have ended, and holds the worker's threads.
    #[error("a {kind} job did not stop {waited:?} after it was told to")]
    Stuck {
        /// Its kind.
        kind: String,
        /// How long the worker waited.
        waited: Duration,
    },
}

impl RemoteError {
    /// A short name, for labels of metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Config { .. } | Self::Plaintext { .. } => "config",
            Self::Unavailable { .. } => "unavailable",
            Self::NoWorkers { .. } => "no-workers",
            Self::NoAnswer { .. } => "no-answer",
            Self::Full { .. } => "full",
            Self::TooLarge { .. } => "too-large",
            Self::Broker { .. } => "broker",
            Self::Exhausted { .. } => "exhausted",
            Self::Cancelled => "cancelled",
            Self::Unverified(_) => "unverified",
            Self::Stuck { .. } => "stuck",
        }
    }

    pub(super) fn broker(what: &'static str, error: &impl std::fmt::Display) -> Self {
        Self::Broker { what, reason: error.to_string() }
    }
}
