//! Why a proof was not made.

use std::time::Duration;

use sotto_circuits::{CircuitError, Layer};
use thiserror::Error;

use crate::{MergeError, Stage};

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The same job may succeed later.
    Retry,
    /// The job itself cannot succeed.
    Permanent,
    /// The service cannot go on.
    Fatal,
}

/// Why a proving job ended without a proof.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The queue is full.
    #[error("the proving queue holds {capacity} jobs already")]
    QueueFull {
        /// Jobs that the queue takes.
        capacity: usize,
    },
    /// The deadline passed before the job could start.
    #[error("{stage}: the deadline passed {late:?} before the job could start")]
    DeadlinePassed {
        /// Stage of the job.
        stage: Stage,
        /// How late it would have started.
        late: Duration,
    },
    /// The deadline passed while the job ran.
    #[error("{stage}: the deadline passed {late:?} ago, before the proof was made")]
    Late {
        /// Stage of the job.
        stage: Stage,
        /// How late it was when it stopped.
        late: Duration,
    },
    /// The caller no longer wants the proof.
    #[error("{stage}: cancelled")]
    Cancelled {
        /// Stage of the job.
        stage: Stage,
    },
    /// The proving library panicked; its state is discarded with the job.
    #[error("{stage}: the prover panicked: {message}")]
    Panicked {
        /// Stage of the job.
        stage: Stage,
        /// The panic's message.
        message: String,
    },
    /// A finished proof did not verify, twice.
    #[error("{stage}: the proof did not verify, twice")]
    Unverifiable {
        /// Stage of the job.
        stage: Stage,
        /// What the verifier said.
        #[source]
        source: CircuitError,
    },
    /// The circuits refused the job.
    #[error("{stage}: {source}")]
    Circuit {
        /// Stage of the job.
        stage: Stage,
        /// Their reason.
        #[source]
        source: CircuitError,
    },
    /// The parts of a merge do not belong together.
    #[error("the parts do not merge: {source}")]
    Unmergeable {
        /// Why.
        #[source]
        source: MergeError,
    },
    /// The circuit or the proof has what the fast prover does not handle.
    #[error("the fast prover does not handle {what}")]
    Unsupported {
        /// What that is.
        what: &'static str,
    },
    /// The operating system gives no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(String),
    /// A worker thread or pool could not be started.
    #[error("the proving threads could not be started: {0}")]
    Threads(String),
    /// The service was shut down.
    #[error("the proving service has stopped")]
    Stopped,
}

impl ProveError {
    /// A valid proof from outside that is of something else than was asked for.
    pub(crate) fn foreign(layer: Layer) -> Self {
        let source = CircuitError::Invalid { layer, reason: "it shows another statement".into() };
        Self::Circuit { stage: Stage::Verify, source }
    }

    /// Whether trying again can help.
    pub const fn class(&self) -> ErrorClass {
        match self {
            // What panics while it is verified does so again.
            Self::Panicked { stage: Stage::Verify, .. } => ErrorClass::Permanent,
            Self::QueueFull { .. } | Self::Panicked { .. } | Self::Randomness(_) => ErrorClass::Retry,
            Self::DeadlinePassed { .. }
            | Self::Late { .. }
            | Self::Cancelled { .. }
            | Self::Circuit { .. }
            | Self::Unmergeable { .. }
            | Self::Unsupported { .. } => ErrorClass::Permanent,
            Self::Unverifiable { .. } | Self::Threads(_) | Self::Stopped => ErrorClass::Fatal,
        }
    }
}
