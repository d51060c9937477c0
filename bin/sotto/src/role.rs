//! What a role is started from: the chain, the ledger, keys with their transaction managers, the prover, metrics.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use alloy::primitives::Address;
use clap::Args;
use eyre::OptionExt as _;
use prometheus::Registry;
use sotto_chain::{ChainMetrics, KeyLock, Password, ProviderPool, SignerKey, TxConfig, TxManager};
use sotto_contracts::Deployment;
use sotto_prover::{
    Prover, ProverConfig, QueueConfig,
    remote::{Kind, Limits, PRIVATE_KINDS, PUBLIC_KINDS, QueueMetrics, Reach, RemoteProving, RemoteQueue},
};
use sotto_store::{Create, Ledger};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    args::ConfigArgs,
    config::{self, Config, Keystore},
    shutdown::cancel_on_signal,
    tasks::CriticalTasks,
};

/// Wei in a gwei.
const GWEI: u128 = 1_000_000_000;

/// How a role is started.
#[derive(Args, Debug)]
pub(crate) struct RoleArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Start with an empty ledger if there is none. Only a first start needs it: the ledger is what keeps a key from
    /// committing twice to one round
    #[arg(long)]
    init_ledger: bool,
}

/// A role's surroundings, checked and connected.
pub(crate) struct Role {
    pub(crate) config: Config,
    pub(crate) deployment: Deployment,
    pub(crate) pool: ProviderPool,
    pub(crate) ledger: Ledger,
    pub(crate) prover: Prover,
    pub(crate) registry: Registry,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: CriticalTasks,
    managers: HashMap<Address, TxManager>,
}

impl RoleArgs {
    /// Connects, checks that the chain holds the deployment, opens the ledger and starts the prover.
    pub(crate) async fn start(&self) -> eyre::Result<Role> {
        let config = self.config.load()?;
        let contracts =
            config.contracts.as_ref().ok_or_eyre("the configuration has no [contracts] section")?;
        let deployment = contracts.read()?;
        let shutdown = CancellationToken::new();
        cancel_on_signal(shutdown.clone())?;
        let registry = Registry::new();
        let pool = config.chain.connect_with(ChainMetrics::new(&registry)?).await?;
        deployment.check(&pool.provider()).await?;
        let create = if self.init_ledger { Create::IfMissing } else { Create::Never };
        let directory = config.store.directory.clone();
        let ledger = tokio::task::spawn_blocking(move || Ledger::open(&directory, create)).await??;
        let queue = QueueConfig { threads: config.prover.threads, capacity: config.prover.queue };
        let remote = remote(&config.prover, &registry).await?;
        let profile = config.prover.profile;
        let prover = Prover::start(ProverConfig { queue, profile }, &registry)?.with_remote(remote);
        info!(chain = config.chain.id, auction_house = %deployment.auction_house(), "connected");
        let tasks = CriticalTasks::new(shutdown.clone());
        let managers = HashMap::new();
        Ok(Role { config, deployment, pool, ledger, prover, registry, shutdown, tasks, managers })
    }
}

impl Role {
    /// The transaction manager of a key, started at its first use. Its task is a critical one.
    pub(crate) async fn signer(&mut self, keystore: &Keystore, key: &str) -> eyre::Result<TxManager> {
        let signer = open(keystore, key).await?;
        if let Some(manager) = self.managers.get(&signer.address()) {
            return Ok(manager.clone());
        }
        let lock = KeyLock::acquire(&self.config.store.directory, signer.address())?;
        let transactions = &self.config.transactions;
        let settings = TxConfig {
            fee_cap: u128::from(transactions.max_fee_gwei) * GWEI,
            min_priority_fee: u128::from(transactions.priority_fee_gwei) * GWEI,
            bump_every_blocks: transactions.bump_after_blocks,
            ..TxConfig::default()
        };
        let journal = Arc::new(self.ledger.clone());
        let (manager, task) = TxManager::spawn(
            self.pool.clone(),
            signer.signer().clone(),
            lock,
            journal,
            settings,
            self.shutdown.clone(),
        )
        .await?;
        self.tasks.spawn("transactions", async move { Ok(task.await??) });
        self.managers.insert(signer.address(), manager.clone());
        Ok(manager)
    }

    /// Runs until the shutdown, or until a critical task fails.
    pub(crate) async fn run(self) -> eyre::Result<()> {
        let result = self.tasks.run().await;
        self.prover.stop();
        Ok(result?)
    }
}

/// The queues that the configuration names. Their brokers may be away: the process then proves by itself.
async fn remote(prover: &config::Prover, registry: &Registry) -> eyre::Result<RemoteProving> {
    if prover.queues().next().is_none() {
        return Ok(RemoteProving::default());
    }
    let metrics = QueueMetrics::new(registry)?;
    let mut remote = RemoteProving::default();
    if let Some(queue) = &prover.public_queue {
        remote.public = Some(connect(queue, "prover.public-queue", &PUBLIC_KINDS, &metrics).await?);
    }
    if let Some(queue) = &prover.private_queue {
        remote.private = Some(connect(queue, "prover.private-queue", &PRIVATE_KINDS, &metrics).await?);
    }
    Ok(remote)
}

async fn connect<R: Reach>(
    queue: &config::Queue,
    key: &str,
    kinds: &[Kind],
    metrics: &QueueMetrics,
) -> eyre::Result<RemoteQueue<R>> {
    let broker = queue.broker(key)?;
    let limits = Limits::default();
    RemoteQueue::connect(&broker, kinds, limits, queue.patience(), metrics.clone())
        .await
        .map_err(|error| config::ConfigError::invalid(key, error.to_string()).into())
}

/// Decrypts a key off the async threads. `key` is the configuration key of the keystore.
pub(crate) async fn open(keystore: &Keystore, key: &str) -> eyre::Result<SignerKey> {
    let secret = keystore.password.read(&format!("{key}.password"))?;
    let (path, password): (PathBuf, _) = (keystore.path.clone(), Password::new(secret.to_string()));
    Ok(tokio::task::spawn_blocking(move || SignerKey::open(&path, &password)).await??)
}
