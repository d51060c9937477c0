//! A gateway with its servers, in this process or in one of its own that can die as processes do.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::{
    primitives::{Address, B256},
    signers::local::PrivateKeySigner,
};
use prometheus::Registry;
use serde::{Deserialize, Serialize};
use sotto_api::{ApiConfig, Bound, client::Client, serve};
use sotto_auction::{
    gateway::{Gateway, GatewayConfig, GatewayDeps},
    local::LocalAuction,
};
use sotto_chain::{ChainMetrics, KeyLock, PoolConfig, ProviderPool, TxConfig, TxManager};
use sotto_prover::{Prover, ProverConfig};
use sotto_store::{Create, Ledger};
use tokio_util::sync::CancellationToken;

/// Variable that carries the [`Setup`] of a child.
const VARIABLE: &str = "SOTTO_TEST_GATEWAY";

/// What a gateway process needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    pub urls: Vec<String>,
    pub chain_id: u64,
    pub auction_house: Address,
    pub market: B256,
    pub key: B256,
    pub datadir: PathBuf,
    pub rpc: SocketAddr,
    pub http: SocketAddr,
    /// Intents that make a round.
    pub full_round: usize,
    /// Metric whose first increment ends the process, without notice.
    pub die_at: Option<String>,
}

/// A gateway with its servers.
#[derive(Debug)]
pub struct Running {
    pub gateway: Gateway,
    pub bound: Bound,
    pub registry: Registry,
    pub prover: Prover,
    pub cancel: CancellationToken,
    pub task: tokio::task::JoinHandle<sotto_auction::Result<()>>,
}

/// A free port of the loopback interface.
fn free() -> SocketAddr {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

impl Setup {
    pub fn new(auction: &LocalAuction, datadir: &Path) -> Self {
        Self {
            urls: vec![auction.anvil.ws_url(), auction.anvil.http_url()],
            chain_id: auction.deployment.chain_id,
            auction_house: auction.deployment.auction_house(),
            market: auction.market.market,
            key: auction.gateway.signer.to_bytes(),
            datadir: datadir.to_owned(),
            rpc: free(),
            http: free(),
            full_round: 1,
            die_at: None,
        }
    }

    /// Starts everything in this process.
    pub async fn run(&self, change: impl FnOnce(&mut GatewayConfig, &mut ApiConfig)) -> Running {
        let registry = Registry::new();
        let prover = Prover::start(ProverConfig::default(), &registry).unwrap();
        self.run_with(prover, registry, change).await
    }

    /// The same with this prover.
    pub async fn run_with(
        &self,
        prover: Prover,
        registry: Registry,
        change: impl FnOnce(&mut GatewayConfig, &mut ApiConfig),
    ) -> Running {
        let cancel = CancellationToken::new();
        let pool = PoolConfig::new(self.urls.clone(), self.chain_id);
        let pool = ProviderPool::connect(pool, ChainMetrics::new(&registry).unwrap()).await.unwrap();
        let ledger = Ledger::open(&self.datadir, Create::IfMissing).unwrap();
        let signer = PrivateKeySigner::from_bytes(&self.key).unwrap();
        let lock = KeyLock::acquire(&self.datadir, signer.address()).unwrap();
        let tx_config = TxConfig { poll: Duration::from_millis(100), ..TxConfig::default() };
        let journal = Arc::new(ledger.clone());
        let (tx, _) =
            TxManager::spawn(pool.clone(), signer, lock, journal, tx_config, cancel.clone()).await.unwrap();
        let mut config = GatewayConfig::new(vec![self.market]);
        config.full_round = self.full_round;
        config.round_interval = Duration::from_secs(5);
        let mut api = ApiConfig { rpc_listen: self.rpc, http_listen: self.http, ..ApiConfig::default() };
        change(&mut config, &mut api);
        let deps = GatewayDeps {
            pool,
            auction_house: self.auction_house,
            deployed_at: 0,
            ledger,
            tx,
            prover: prover.clone(),
            registry: registry.clone(),
        };
        let (gateway, task) = Gateway::start(config, deps, cancel.clone()).await.unwrap();
        let bound = serve(gateway.clone(), api, registry.clone(), cancel.clone()).await.unwrap();
        Running { gateway, bound, registry, prover, cancel, task }
    }

    /// Starts a child, which dies by itself when the metric is first incremented.
    pub fn start(&self, die_at: Option<&str>) -> Process {
        let setup = Self { die_at: die_at.map(ToOwned::to_owned), ..self.clone() };
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["process::gateway_process", "--exact", "--ignored", "--nocapture"])
            .env(VARIABLE, serde_json::to_string(&setup).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Process(child)
    }

    /// A client of the gateway, as soon as it answers.
    pub async fn client(&self, limit: Duration) -> Client {
        let (end, url) = (Instant::now() + limit, format!("ws://{}", self.rpc));
        loop {
            match Client::connect(&url).await {
                Ok(client) => return client,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A running child; dropping it kills it without notice.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Waits until the child has died by itself.
    pub async fn died(mut self, limit: Duration) {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(!status.success(), "the gateway was to die, it ended with {status}");
                return;
            }
            assert!(Instant::now() < end, "the gateway did not reach its stage within {limit:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sum of a metric over its labels.
pub fn metric(registry: &Registry, name: &str) -> f64 {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == name);
    family.map_or(0.0, |f| {
        f.get_metric().iter().map(|m| m.get_counter().get_value() + m.get_gauge().get_value()).sum()
    })
}

/// Aborts the process, with no chance to clean up, as soon as the metric is not zero.
fn abort_at(registry: Registry, name: String) {
    std::thread::spawn(move || {
        while metric(&registry, &name) == 0.0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::process::abort();
    });
}

/// Not a test of its own: the entry of the children.
#[test]
#[ignore = "entry of the child processes"]
fn gateway_process() {
    let Ok(setup) = std::env::var(VARIABLE) else { return };
    let setup: Setup = serde_json::from_str(&setup).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let running = setup.run(|_, _| {}).await;
        if let Some(name) = setup.die_at {
            abort_at(running.registry.clone(), name);
        }
        running.task.await.unwrap().unwrap();
    });
}
