//! The daemon's side of the chain: a pool of RPC endpoints, heads and logs that survive reorganisations, pending
//! transactions, and a transaction manager per signer key.
//!
//! Everything is generic over contracts: callers give addresses and get logs and calldata back.

mod anvil;
mod breaker;
mod endpoint;
mod error;
mod event;
mod follower;
mod heads;
mod history;
mod http;
mod journal;
mod keys;
mod lock;
mod logs;
mod metrics;
mod password;
mod pending;
mod pool;
mod retry;
mod revert;
mod tx;
mod watcher;

pub use anvil::{Anvil, anvil_binary};
pub use breaker::BreakerConfig;
pub use error::{ChainError, ErrorClass, Result};
pub use event::{BlockRef, ChainEvent, LogEvent, LogId};
pub use journal::{JournalId, Mined, TxAttempt, TxJournal, TxPlan, TxRecord, TxState};
pub use keys::SignerKey;
pub use lock::KeyLock;
pub use metrics::ChainMetrics;
pub use password::{Password, PasswordSource};
pub use pending::{PendingConfig, PendingStream, PendingTx};
pub use pool::{EndpointHealth, PoolConfig, ProviderPool};
pub use revert::Revert;
pub use tx::{BUMP_PERCENT, Fees, TxConfig, TxManager, TxReceipt, TxRequest};
pub use watcher::{MAX_REORG_DEPTH, Start, WatchConfig, WatchStatus, Watcher};
