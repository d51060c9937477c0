//! The sections about the roles and what they share.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use alloy::primitives::{B256, U256};
use serde::{Deserialize, Serialize};

use super::{ConfigError, Keystore};

/// Where the ledger is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Store {
    /// Directory of the ledger and its lock file; one process at a time.
    pub(crate) directory: PathBuf,
}

/// The solver role.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Solver {
    /// The strategies that this process bids with.
    pub(crate) strategies: Vec<Strategy>,
    /// The gateway's JSON-RPC address, to which sheet proofs are sent.
    pub(crate) gateway: String,
    /// Rounds that may be open at once; further ones are skipped and counted.
    #[serde(default = "Solver::max_open_rounds")]
    pub(crate) max_open_rounds: usize,
}

impl Solver {
    const fn max_open_rounds() -> usize {
        4
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.strategies.is_empty() {
            return Err(ConfigError::invalid("solver.strategies", "at least one strategy is needed"));
        }
        if self.max_open_rounds == 0 {
            return Err(ConfigError::invalid("solver.max-open-rounds", "must be at least 1"));
        }
        Ok(())
    }
}

/// One strategy of a solver.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Strategy {
    /// The strategy's directory, with `strategy.toml` and the model.
    pub(crate) directory: PathBuf,
    /// The key that signs its transactions: the owner's or the operator's.
    pub(crate) keystore: Keystore,
    /// The secret behind the strategy's commitment, encrypted like a key.
    pub(crate) secret: Keystore,
    /// Largest sum of sell amounts bid on and not yet filled, in raw units of the market's base token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_exposure: Option<U256>,
}

/// The gateway role.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Gateway {
    /// Markets that it opens rounds for.
    pub(crate) markets: Vec<B256>,
    /// The key that opens, settles and fills.
    pub(crate) keystore: Keystore,
    /// How long intents are collected before a round opens.
    #[serde(default = "Gateway::round_interval", with = "humantime_serde")]
    pub(crate) round_interval: Duration,
    /// A round opens with fewer intents than this only when the interval has passed.
    #[serde(default = "Gateway::full_round")]
    pub(crate) full_round: usize,
}

impl Gateway {
    const fn round_interval() -> Duration {
        Duration::from_secs(12)
    }

    const fn full_round() -> usize {
        sotto_types::SLOTS
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.markets.is_empty() {
            return Err(ConfigError::invalid("gateway.markets", "at least one market is needed"));
        }
        if !(1..=sotto_types::SLOTS).contains(&self.full_round) {
            let reason = format!("must be between 1 and {}", sotto_types::SLOTS);
            return Err(ConfigError::invalid("gateway.full-round", reason));
        }
        Ok(())
    }
}

/// The prover, in the solver's or the gateway's process.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Prover {
    /// Threads that prove; 0 means all cores.
    pub(crate) threads: usize,
    /// Jobs that may wait; further ones are refused.
    pub(crate) queue: usize,
}

impl Default for Prover {
    fn default() -> Self {
        Self { threads: 0, queue: 64 }
    }
}

impl Prover {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.queue == 0 {
            return Err(ConfigError::invalid("prover.queue", "must be at least 1"));
        }
        Ok(())
    }
}

/// What the process serves over HTTP.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Api {
    /// JSON-RPC over HTTP and WebSocket.
    pub(crate) rpc_listen: SocketAddr,
    /// `/livez`, `/readyz`, `/status`, `/metrics`; keep it on a private address.
    pub(crate) http_listen: SocketAddr,
    /// Largest request body, in bytes.
    pub(crate) max_body_bytes: u32,
    /// Connections at once; further ones are refused.
    pub(crate) max_connections: u32,
}

impl Default for Api {
    fn default() -> Self {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            rpc_listen: SocketAddr::new(local, 9545),
            http_listen: SocketAddr::new(local, 9546),
            max_body_bytes: 1 << 20,
            max_connections: 500,
        }
    }
}

impl Api {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.max_body_bytes < 4096 {
            return Err(ConfigError::invalid("api.max-body-bytes", "must be at least 4096"));
        }
        if self.max_connections == 0 {
            return Err(ConfigError::invalid("api.max-connections", "must be at least 1"));
        }
        if self.rpc_listen == self.http_listen && self.rpc_listen.port() != 0 {
            return Err(ConfigError::invalid("api.http-listen", "is the same address as api.rpc-listen"));
        }
        Ok(())
    }
}
