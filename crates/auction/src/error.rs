//! What can go wrong in the auction's daemons, and what a caller can do about it.

use sotto_chain::{ChainError, ErrorClass};
use sotto_prover::ProveError;
use sotto_store::StoreError;
use thiserror::Error;

use crate::EventError;

/// An error of this crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuctionError {
    /// The chain, or the way to it, failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The ledger failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A proof was not made.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// A log of the auction house cannot be used.
    #[error(transparent)]
    Event(#[from] EventError),
    /// A metric is registered twice, or its name is refused.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The gateway's URL is none.
    #[error("the gateway's URL cannot be used")]
    GatewayUrl,
    /// A thread pool could not be started, or a thread of it died.
    #[error("the evaluation threads failed: {reason}")]
    Threads {
        /// What the system said.
        reason: String,
    },
    /// A part of the daemon is gone.
    #[error("{service} has stopped")]
    Stopped {
        /// Which.
        service: &'static str,
    },
}

/// Result of this crate.
pub type Result<T, E = AuctionError> = std::result::Result<T, E>;

impl AuctionError {
    /// What the caller can do about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Chain(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Prove(error) => match error.class() {
                sotto_prover::ErrorClass::Retry => ErrorClass::Retry,
                sotto_prover::ErrorClass::Permanent => ErrorClass::Permanent,
                sotto_prover::ErrorClass::Fatal => ErrorClass::Fatal,
            },
            Self::Event(_) => ErrorClass::PeerFault,
            Self::GatewayUrl => ErrorClass::Permanent,
            Self::Metrics(_) | Self::Threads { .. } | Self::Stopped { .. } => ErrorClass::Fatal,
        }
    }
}
