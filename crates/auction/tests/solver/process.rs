//! A solver in a process of its own, so that it can die as processes do.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use alloy::{
    primitives::{Address, B256},
    signers::local::PrivateKeySigner,
};
use prometheus::Registry;
use serde::{Deserialize, Serialize};
use sotto_auction::{
    AuctionId,
    local::{LocalAuction, Searcher},
    solver::{Solver, SolverConfig, SolverDeps, SolverMetrics, SolverStrategy, Stage},
};
use sotto_chain::{ChainMetrics, KeyLock, PoolConfig, ProviderPool, TxConfig, TxManager};
use sotto_circuits::Salt;
use sotto_model::Strategy;
use sotto_prover::{Prover, ProverConfig};
use sotto_store::{Create, Ledger};
use tokio_util::sync::CancellationToken;

/// Variable that carries the [`Setup`] of a child.
const VARIABLE: &str = "SOTTO_TEST_SOLVER";

/// What a solver process needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    pub urls: Vec<String>,
    pub chain_id: u64,
    pub auction_house: Address,
    pub registry: Address,
    pub markets: Address,
    pub market: B256,
    pub owner: Address,
    pub key: B256,
    pub salt: [u8; 16],
    pub strategy: PathBuf,
    pub datadir: PathBuf,
    /// Stage at which the process aborts.
    pub die_at: Option<usize>,
}

impl Setup {
    pub fn new(auction: &LocalAuction, searcher: &Searcher, strategy: &Path, datadir: &Path) -> Self {
        Self {
            urls: vec![auction.anvil.ws_url(), auction.anvil.http_url()],
            chain_id: auction.deployment.chain_id,
            auction_house: auction.deployment.auction_house(),
            registry: auction.deployment.registry(),
            markets: auction.deployment.markets(),
            market: auction.market.market,
            owner: searcher.account.address(),
            key: searcher.account.signer.to_bytes(),
            salt: searcher.salt.to_bytes(),
            strategy: strategy.to_owned(),
            datadir: datadir.to_owned(),
            die_at: None,
        }
    }

    /// Starts a child that runs the solver, and aborts when a bid of it reaches `die_at`.
    pub fn start(&self, die_at: Option<Stage>) -> Process {
        let position = die_at.and_then(|stage| Stage::ALL.iter().position(|known| *known == stage));
        let setup = Self { die_at: position, ..self.clone() };
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["process::solver_process", "--exact", "--ignored", "--nocapture"])
            .env(VARIABLE, serde_json::to_string(&setup).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Process(child)
    }

    /// Everything around the solver, and the solver's own future.
    pub async fn run(
        self,
        cancel: CancellationToken,
        watch: impl FnOnce(SolverMetrics, Ledger),
    ) -> sotto_auction::Result<()> {
        let registry = Registry::new();
        let pool = PoolConfig::new(self.urls.clone(), self.chain_id);
        let pool = ProviderPool::connect(pool, ChainMetrics::new(&registry)?).await?;
        let ledger = Ledger::open(&self.datadir, Create::IfMissing)?;
        let prover = Prover::start(ProverConfig::default(), &registry)?;
        let metrics = SolverMetrics::new(&registry)?;
        watch(metrics.clone(), ledger.clone());
        let signer = PrivateKeySigner::from_bytes(&self.key).unwrap();
        let lock = KeyLock::acquire(&self.datadir, signer.address())?;
        let journal = Arc::new(ledger.clone());
        let poll = Duration::from_millis(100);
        let config = TxConfig { poll, ..TxConfig::default() };
        let (signer, _task) =
            TxManager::spawn(pool.clone(), signer, lock, journal, config, cancel.clone()).await?;
        let strategy = Strategy::load(&self.strategy).unwrap();
        let id = AuctionId { chain_id: self.chain_id, auction_house: self.auction_house };
        let mut config = SolverConfig::new(id, self.registry, self.markets, 0);
        config.confirmations = 1;
        config.close_grace = 2;
        config.strategies.push(SolverStrategy {
            name: strategy.manifest().name.clone(),
            market: self.market,
            owner: self.owner,
            program: Arc::new(strategy.program().clone()),
            salt: Salt::from_bytes(self.salt),
            max_exposure: None,
            signer,
        });
        let deps = SolverDeps { pool, ledger, prover, metrics };
        Solver::run(config, deps, cancel).await
    }
}

/// A running child; dropping it kills it without notice.
pub struct Process(Child);

impl Process {
    /// Waits until the child has died by itself.
    pub async fn died(mut self, limit: Duration) {
        let end = std::time::Instant::now() + limit;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(!status.success(), "the solver was to die, it ended with {status}");
                return;
            }
            assert!(std::time::Instant::now() < end, "the solver did not reach its stage within {limit:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether the child still runs.
    pub fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Aborts the process, with no chance to clean up, as soon as a bid reached the stage.
fn abort_at(stage: Stage, metrics: SolverMetrics) {
    std::thread::spawn(move || {
        while metrics.bids(stage) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::process::abort();
    });
}

/// Not a test of its own: the entry of the children.
#[test]
#[ignore = "entry of the child processes"]
fn solver_process() {
    let Ok(setup) = std::env::var(VARIABLE) else { return };
    let setup: Setup = serde_json::from_str(&setup).unwrap();
    let die_at = setup.die_at.map(|position| Stage::ALL[position]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let run = setup.run(CancellationToken::new(), |metrics, _| {
        if let Some(stage) = die_at {
            abort_at(stage, metrics);
        }
    });
    runtime.block_on(run).unwrap();
}
