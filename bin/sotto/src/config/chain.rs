//! The sections about the chain.

use std::{fs, path::PathBuf, time::Duration};

use prometheus::Registry;
use serde::{Deserialize, Serialize};
use sotto_chain::{ChainMetrics, PoolConfig, ProviderPool};
use sotto_contracts::Deployment;

use super::{ConfigError, Endpoint, SecretRef};

/// The chain and how to reach it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Chain {
    /// Chain id; a node that reports another one is refused.
    pub(crate) id: u64,
    /// Nodes in order of preference; the first must speak WebSocket.
    pub(crate) endpoints: Vec<Endpoint>,
    /// How long one call may take.
    #[serde(default = "Chain::call_timeout", with = "humantime_serde")]
    pub(crate) call_timeout: Duration,
    /// A head older than this makes the process unready.
    #[serde(default = "Chain::max_head_age", with = "humantime_serde")]
    pub(crate) max_head_age: Duration,
    /// Blocks on top of the commit window's end before a sheet leaves the solver.
    #[serde(default = "Chain::confirmations")]
    pub(crate) confirmations: u64,
    /// Deepest reorg that is rolled back; a deeper one stops the process.
    #[serde(default = "Chain::reorg_depth")]
    pub(crate) reorg_depth: u64,
}

impl Chain {
    const fn call_timeout() -> Duration {
        Duration::from_secs(3)
    }

    const fn max_head_age() -> Duration {
        Duration::from_secs(60)
    }

    const fn confirmations() -> u64 {
        2
    }

    const fn reorg_depth() -> u64 {
        64
    }

    /// Connects to the nodes; each that answers has been checked to serve this chain. `metrics` count the calls.
    pub(crate) async fn connect_with(&self, metrics: ChainMetrics) -> eyre::Result<ProviderPool> {
        let mut urls = Vec::with_capacity(self.endpoints.len());
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            urls.push(endpoint.url(&format!("chain.endpoints[{index}]"))?.to_string());
        }
        let config = PoolConfig { call_timeout: self.call_timeout, ..PoolConfig::new(urls, self.id) };
        Ok(ProviderPool::connect(config, metrics).await?)
    }

    /// As [`Chain::connect_with`], for tools that serve no metrics.
    pub(crate) async fn connect(&self) -> eyre::Result<ProviderPool> {
        self.connect_with(ChainMetrics::new(&Registry::new())?).await
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let Some(first) = self.endpoints.first() else {
            return Err(ConfigError::invalid("chain.endpoints", "at least one node is needed"));
        };
        if let Endpoint::Plain(url) = first
            && !url.scheme().starts_with("ws")
        {
            return Err(ConfigError::invalid("chain.endpoints[0]", "the first node must be ws:// or wss://"));
        }
        if self.call_timeout.is_zero() {
            return Err(ConfigError::invalid("chain.call-timeout", "must not be zero"));
        }
        if self.reorg_depth == 0 || self.reorg_depth > 64 {
            return Err(ConfigError::invalid("chain.reorg-depth", "must be between 1 and 64 blocks"));
        }
        Ok(())
    }
}

/// Which deployment of the contracts to talk to.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Contracts {
    /// The manifest that `sotto deploy` wrote: addresses and code hashes. A chain that differs is refused.
    pub(crate) deployment: PathBuf,
}

impl Contracts {
    /// Reads the manifest.
    pub(crate) fn read(&self) -> Result<Deployment, ConfigError> {
        let path = &self.deployment;
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
        serde_json::from_str(&text)
            .map_err(|error| ConfigError::invalid("contracts.deployment", error.to_string()))
    }
}

/// How transactions are priced and repriced.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Transactions {
    /// Highest fee per gas that is ever offered, in gwei.
    pub(crate) max_fee_gwei: u64,
    /// Tip per gas of a first attempt, in gwei.
    pub(crate) priority_fee_gwei: u64,
    /// Blocks without inclusion after which a transaction is sent again with higher fees.
    pub(crate) bump_after_blocks: u64,
}

impl Default for Transactions {
    fn default() -> Self {
        Self { max_fee_gwei: 200, priority_fee_gwei: 1, bump_after_blocks: 2 }
    }
}

impl Transactions {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.priority_fee_gwei > self.max_fee_gwei {
            return Err(ConfigError::invalid("transactions.priority-fee-gwei", "is above max-fee-gwei"));
        }
        if self.bump_after_blocks == 0 {
            return Err(ConfigError::invalid("transactions.bump-after-blocks", "must be at least 1"));
        }
        Ok(())
    }
}

/// An encrypted key (Web3 Secret Storage v3) and where its password is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Keystore {
    /// The keystore file.
    pub(crate) path: PathBuf,
    /// Its password.
    pub(crate) password: SecretRef,
}
