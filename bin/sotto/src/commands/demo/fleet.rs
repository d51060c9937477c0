//! The demo's daemons in one process: a gateway with its servers, and a solver for each searcher, each with its own key,
//! ledger and tasks.

use std::{net::Ipv4Addr, path::Path, sync::Arc, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use eyre::{Result, WrapErr as _};
use prometheus::Registry;
use sotto_api::{ApiConfig, Bound, serve};
use sotto_auction::{
    AuctionId,
    gateway::{Gateway, GatewayConfig, GatewayDeps},
    local::{LocalAuction, Searcher},
    solver::{GatewayEndpoint, Solver, SolverConfig, SolverDeps, SolverMetrics, SolverStrategy},
};
use sotto_chain::{ChainMetrics, KeyLock, PoolConfig, ProviderPool, TxConfig, TxManager};
use sotto_prover::{Prover, ProverConfig};
use sotto_store::{Create, Ledger};
use sotto_types::SHEETS;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Progress, TRADERS};

/// Seconds between the local chain's blocks.
const BLOCK_TIME: Duration = Duration::from_secs(1);
/// Time for a call to the gateway, which verifies proofs.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(30);

/// The running daemons.
pub(super) struct Fleet {
    bound: Bound,
    tasks: tokio::sync::Mutex<JoinSet<(String, Result<()>)>>,
    prover: Prover,
}

/// What every daemon needs.
struct Ground<'a> {
    auction: &'a LocalAuction,
    folder: &'a Path,
    pool: ProviderPool,
    prover: Prover,
    cancel: CancellationToken,
}

impl Ground<'_> {
    /// A ledger and a transaction manager for one key, in a folder of their own.
    async fn identity(
        &self,
        name: &str,
        signer: &PrivateKeySigner,
        tasks: &mut JoinSet<(String, Result<()>)>,
    ) -> Result<(Ledger, TxManager)> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).wrap_err("a ledger's folder")?;
        let ledger = Ledger::open(&folder, Create::IfMissing)?;
        let lock = KeyLock::acquire(&folder, signer.address())?;
        let config = TxConfig { poll: Duration::from_millis(200), ..TxConfig::default() };
        let journal = Arc::new(ledger.clone());
        let (manager, task) =
            TxManager::spawn(self.pool.clone(), signer.clone(), lock, journal, config, self.cancel.clone())
                .await?;
        let label = format!("transactions of {name}");
        tasks.spawn(async move { (label, flatten(task.await)) });
        Ok((ledger, manager))
    }
}

fn flatten<E: Into<eyre::Report>>(joined: Result<Result<(), E>, tokio::task::JoinError>) -> Result<()> {
    joined?.map_err(Into::into)
}

impl Fleet {
    /// Builds the circuits, then starts gateway, servers and solvers.
    pub(super) async fn start(
        auction: &LocalAuction,
        folder: &Path,
        merge: bool,
        progress: Progress,
        cancel: CancellationToken,
    ) -> Result<Self> {
        let registry = Registry::new();
        let deployment = &auction.deployment;
        let urls = vec![auction.anvil.ws_url(), auction.anvil.http_url()];
        let pool = PoolConfig::new(urls, deployment.chain_id);
        let pool = ProviderPool::connect(pool, ChainMetrics::new(&registry)?).await?;
        deployment.check(&pool.provider()).await?;
        let prover = Prover::start(ProverConfig::default(), &registry)?;
        let solvers = auction.searchers.len();
        // A tournament of this level covers them all.
        let level = if merge { solvers.min(SHEETS).next_power_of_two().trailing_zeros() as usize } else { 0 };
        progress.say(format_args!(
            "building the circuits of the model classes, of {level} levels of the tournament and of the wrap"
        ));
        let class = |s: &Searcher| (s.strategy.program().shape().clone(), TRADERS);
        let classes = auction.searchers.iter().map(class).collect();
        prover.warm(classes, true).await?;
        prover.warm_tournament(level).await?;

        let ground = Ground { auction, folder, pool, prover: prover.clone(), cancel };
        let mut tasks = JoinSet::new();
        let bound = gateway(&ground, merge, &registry, &mut tasks).await?;
        let metrics = SolverMetrics::new(&registry)?;
        let url = format!("http://{}", bound.rpc);
        for (position, searcher) in auction.searchers.iter().enumerate() {
            solver(&ground, searcher, position, &url, &metrics, &mut tasks).await?;
        }
        progress
            .say(format_args!("gateway on {url}, status page on http://{}, {solvers} solvers", bound.http));
        Ok(Self { bound, tasks: tokio::sync::Mutex::new(tasks), prover })
    }

    /// Where the gateway serves JSON-RPC.
    pub(super) fn rpc_url(&self) -> String {
        format!("ws://{}", self.bound.rpc)
    }

    /// Waits for a daemon to end, which none should.
    pub(super) async fn failure(&self) -> eyre::Report {
        match self.tasks.lock().await.join_next().await {
            Some(Ok((name, Err(error)))) => error.wrap_err(format!("{name} failed")),
            Some(Ok((name, Ok(())))) => eyre::eyre!("{name} ended"),
            Some(Err(error)) => eyre::eyre!(error),
            None => eyre::eyre!("no daemon runs"),
        }
    }

    /// Waits for the daemons to end after the cancellation, a while.
    pub(super) async fn stop(self) {
        self.prover.stop();
        let mut tasks = self.tasks.into_inner();
        let drained = async { while tasks.join_next().await.is_some() {} };
        // What does not end in time is dropped with the process.
        let _ = tokio::time::timeout(Duration::from_secs(10), drained).await;
    }
}

async fn gateway(
    ground: &Ground<'_>,
    merge: bool,
    registry: &Registry,
    tasks: &mut JoinSet<(String, Result<()>)>,
) -> Result<Bound> {
    let auction = ground.auction;
    let (ledger, tx) = ground.identity("gateway", &auction.gateway.signer, tasks).await?;
    let config = GatewayConfig {
        full_round: TRADERS,
        round_interval: Duration::from_secs(30),
        merge_sheets: merge,
        ..GatewayConfig::new(vec![auction.market.market])
    };
    let deps = GatewayDeps {
        pool: ground.pool.clone(),
        auction_house: auction.deployment.auction_house(),
        deployed_at: auction.deployment.from_block,
        ledger,
        tx,
        prover: ground.prover.clone(),
        registry: registry.clone(),
    };
    let (gateway, task) = Gateway::start(config, deps, ground.cancel.clone()).await?;
    tasks.spawn(async move { ("gateway".into(), flatten(task.await)) });
    let any = (Ipv4Addr::LOCALHOST, 0).into();
    let api = ApiConfig { rpc_listen: any, http_listen: any, ..ApiConfig::default() };
    Ok(serve(gateway, api, registry.clone(), ground.cancel.clone()).await?)
}

async fn solver(
    ground: &Ground<'_>,
    searcher: &Searcher,
    position: usize,
    gateway_url: &str,
    metrics: &SolverMetrics,
    tasks: &mut JoinSet<(String, Result<()>)>,
) -> Result<()> {
    let deployment = &ground.auction.deployment;
    let name = format!("{}-{position}", searcher.strategy.manifest().name);
    let (ledger, signer) = ground.identity(&name, &searcher.account.signer, tasks).await?;
    let id = AuctionId { chain_id: deployment.chain_id, auction_house: deployment.auction_house() };
    let mut config =
        SolverConfig::new(id, deployment.registry(), deployment.markets(), deployment.from_block);
    config.confirmations = 1;
    config.block_time = BLOCK_TIME;
    config.gateways =
        vec![GatewayEndpoint { url: gateway_url.to_owned(), opener: None, timeout: GATEWAY_TIMEOUT }];
    config.strategies.push(SolverStrategy {
        name: name.clone(),
        market: ground.auction.market.market,
        owner: searcher.account.address(),
        program: Arc::new(searcher.strategy.program().clone()),
        salt: searcher.salt.clone(),
        max_exposure: None,
        signer,
    });
    let deps = SolverDeps {
        pool: ground.pool.clone(),
        ledger,
        prover: ground.prover.clone(),
        metrics: metrics.clone(),
    };
    let cancel = ground.cancel.clone();
    tasks.spawn(async move {
        (format!("solver {name}"), Solver::run(config, deps, cancel).await.map_err(Into::into))
    });
    Ok(())
}
