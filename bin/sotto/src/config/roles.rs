//! The sections about the roles and what they share.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use sotto_prover::WrapProfile;

use super::{ConfigError, Keystore, Queue};

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
    /// Gateways that take sheet proofs; without one for a round the solver settles by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gateways: Vec<SolverGateway>,
    /// How long one call to a gateway may take.
    #[serde(default = "Solver::gateway_timeout", with = "humantime_serde")]
    pub(crate) gateway_timeout: Duration,
    /// Time between blocks, from which the deadlines of proofs follow.
    #[serde(default = "Solver::block_time", with = "humantime_serde")]
    pub(crate) block_time: Duration,
    /// Bids in flight over all strategies.
    #[serde(default = "Solver::max_bids")]
    pub(crate) max_bids: usize,
    /// Blocks of the commit window that must be left.
    #[serde(default = "Solver::min_commit_blocks")]
    pub(crate) min_commit_blocks: u64,
    /// Wei that a key must hold beyond its transactions in flight.
    #[serde(default = "Solver::min_gas_balance_wei")]
    pub(crate) min_gas_balance_wei: U256,
}

impl Solver {
    const fn gateway_timeout() -> Duration {
        Duration::from_secs(10)
    }

    const fn block_time() -> Duration {
        Duration::from_secs(12)
    }

    const fn max_bids() -> usize {
        32
    }

    const fn min_commit_blocks() -> u64 {
        1
    }

    const fn min_gas_balance_wei() -> U256 {
        U256::from_limbs([20_000_000_000_000_000, 0, 0, 0])
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.strategies.is_empty() {
            return Err(ConfigError::invalid("solver.strategies", "at least one strategy is needed"));
        }
        if self.max_bids == 0 {
            return Err(ConfigError::invalid("solver.max-bids", "must be at least 1"));
        }
        if self.block_time.is_zero() {
            return Err(ConfigError::invalid("solver.block-time", "must not be zero"));
        }
        for (index, gateway) in self.gateways.iter().enumerate() {
            if !["http://", "https://"].iter().any(|scheme| gateway.url.starts_with(scheme)) {
                let key = format!("solver.gateways[{index}].url");
                return Err(ConfigError::invalid(key, "not http:// or https://"));
            }
        }
        Ok(())
    }
}

/// A gateway that a solver hands sheets to.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SolverGateway {
    /// Its JSON-RPC address.
    pub(crate) url: String,
    /// It takes the sheets of rounds that this address opened; of anybody's rounds, after the opener's own gateways, if
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) opener: Option<Address>,
}

/// One strategy of a solver.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Strategy {
    /// The strategy's directory, with `strategy.toml` and the model.
    pub(crate) directory: PathBuf,
    /// The market that it is registered for.
    pub(crate) market: B256,
    /// Who registered it; the keystore's address if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<Address>,
    /// The key that signs its transactions: the owner's or the operator's.
    pub(crate) keystore: Keystore,
    /// The secret behind the strategy's commitment, encrypted like a key.
    pub(crate) secret: Keystore,
    /// Most that it may have to deliver on at once, in raw units of the market's base token.
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
    /// Form of the proofs: the one that the deployment's verifier takes.
    pub(crate) profile: WrapProfile,
    /// Workers for proofs whose inputs hide what they are about; without it they are proved in this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_queue: Option<Queue>,
    /// Workers for sheets and merges, whose inputs are secrets: an account and machines of the own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) private_queue: Option<Queue>,
}

impl Default for Prover {
    fn default() -> Self {
        Self { threads: 0, queue: 64, profile: WrapProfile::Fast, public_queue: None, private_queue: None }
    }
}

impl Prover {
    /// The queues that are configured, with their keys.
    pub(crate) fn queues(&self) -> impl Iterator<Item = (&'static str, &Queue)> {
        let all =
            [("prover.public-queue", &self.public_queue), ("prover.private-queue", &self.private_queue)];
        all.into_iter().filter_map(|(key, queue)| Some((key, queue.as_ref()?)))
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.queue == 0 {
            return Err(ConfigError::invalid("prover.queue", "must be at least 1"));
        }
        self.queues().try_for_each(|(key, queue)| queue.check(key))
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
    /// Calls per second of one address, on average.
    pub(crate) calls_per_second: u32,
}

impl Default for Api {
    fn default() -> Self {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            rpc_listen: SocketAddr::new(local, 9545),
            http_listen: SocketAddr::new(local, 9546),
            max_body_bytes: 1 << 20,
            max_connections: 500,
            calls_per_second: 200,
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
        if self.calls_per_second == 0 {
            return Err(ConfigError::invalid("api.calls-per-second", "must be at least 1"));
        }
        if self.rpc_listen == self.http_listen && self.rpc_listen.port() != 0 {
            return Err(ConfigError::invalid("api.http-listen", "is the same address as api.rpc-listen"));
        }
        Ok(())
    }
}
