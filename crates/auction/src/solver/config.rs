//! What a solver is made of.

use std::{sync::Arc, time::Duration};

use alloy::primitives::{Address, B256, U256};
use sotto_chain::{ProviderPool, TxManager};
use sotto_circuits::{Salt, model_commitment, strategy_id};
use sotto_model::program::Program;
use sotto_prover::Prover;
use sotto_store::Ledger;
use sotto_types::Digest;

use super::{RiskLimits, SolverMetrics, decide::Timing};
use crate::AuctionId;

/// A strategy that a solver bids with.
#[derive(Clone, Debug)]
pub struct SolverStrategy {
    /// Name for people.
    pub name: String,
    /// Market that it is registered for.
    pub market: B256,
    /// Who registered it.
    pub owner: Address,
    /// The program.
    pub program: Arc<Program>,
    /// Salt of the model's commitment, a secret.
    pub salt: Salt,
    /// Most that it may have to deliver on at once, in raw units of the market's base token.
    pub max_exposure: Option<U256>,
    /// Key of the owner or the operator, which sends the strategy's transactions.
    pub signer: TxManager,
}

impl SolverStrategy {
    /// The id under which it is registered.
    pub fn id(&self) -> Digest {
        strategy_id(self.owner, self.program.shape().id(), model_commitment(&self.program, &self.salt))
    }
}

/// A gateway that merges sheets and settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayEndpoint {
    /// JSON-RPC URL.
    pub url: String,
    /// Whose rounds it is told of: those that this address opened. Anybody's, after the opener's own gateways, if absent.
    pub opener: Option<Address>,
    /// Limit of one call.
    pub timeout: Duration,
}

/// Configuration of a solver.
#[derive(Clone, Debug)]
pub struct SolverConfig {
    /// The auction.
    pub auction: AuctionId,
    /// The registry of strategies.
    pub registry: Address,
    /// The markets.
    pub markets: Address,
    /// Block of the deployment; nothing before it is read.
    pub from_block: u64,
    /// Strategies to bid with.
    pub strategies: Vec<SolverStrategy>,
    /// Where sheets are handed in, by the round's opener; without one for a round the solver settles by itself.
    pub gateways: Vec<GatewayEndpoint>,
    /// Limits.
    pub limits: RiskLimits,
    /// Blocks after the commit window before a sheet leaves.
    pub confirmations: u64,
    /// Blocks that an opener is given to close a round.
    pub close_grace: u64,
    /// Blocks before the newest one whose rounds are looked at after a start.
    pub lookback: u64,
    /// Expected time between blocks, from which the deadlines of proofs follow.
    pub block_time: Duration,
    /// Rounds kept in memory.
    pub max_rounds: usize,
    /// Threads that evaluate models.
    pub evaluation_threads: usize,
}

impl SolverConfig {
    /// Defaults for an auction.
    pub fn new(auction: AuctionId, registry: Address, markets: Address, from_block: u64) -> Self {
        Self {
            auction,
            registry,
            markets,
            from_block,
            strategies: Vec::new(),
            gateways: Vec::new(),
            limits: RiskLimits::default(),
            confirmations: 2,
            close_grace: 8,
            lookback: 4096,
            block_time: Duration::from_secs(12),
            max_rounds: 1024,
            evaluation_threads: 1,
        }
    }

    pub(super) fn timing(&self) -> Timing {
        Timing {
            confirmations: self.confirmations,
            aggregator: !self.gateways.is_empty(),
            close_grace: self.close_grace,
        }
    }
}

/// The services that a solver uses. All are handles that share their state when cloned.
#[derive(Clone, Debug)]
pub struct SolverDeps {
    /// The chain.
    pub pool: ProviderPool,
    /// The ledger, of this solver alone.
    pub ledger: Ledger,
    /// The prover.
    pub prover: Prover,
    /// Metrics; solvers of one process may share them.
    pub metrics: SolverMetrics,
}
