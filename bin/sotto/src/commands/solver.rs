//! `sotto solver`: bids with proven sheets.

use std::{sync::Arc, time::Duration};

use clap::Args;
use eyre::OptionExt as _;
use sotto_auction::{
    AuctionId,
    solver::{GatewayEndpoint, RiskLimits, Solver, SolverConfig, SolverDeps, SolverMetrics, SolverStrategy},
};
use sotto_circuits::CAPACITIES;
use sotto_model::program::Shape;
use sotto_prover::Prover;
use tracing::{info, warn};

use crate::{
    config, operator,
    role::{self, Role, RoleArgs},
    salt::model_salt,
};

/// Run a solver.
#[derive(Args, Debug)]
pub(crate) struct SolverArgs {
    #[command(flatten)]
    role: RoleArgs,
}

impl SolverArgs {
    /// Runs until a signal, or until a critical task fails.
    pub(crate) async fn run(self) -> eyre::Result<()> {
        let mut role = self.role.start().await?;
        let settings = role.config.solver.clone().ok_or_eyre("the configuration has no [solver] section")?;
        let strategies = strategies(&mut role, &settings).await?;
        let shapes: Vec<Shape> = strategies.iter().map(|strategy| strategy.program.shape().clone()).collect();
        let solver = solver_config(&role, &settings, strategies);
        let deps = SolverDeps {
            pool: role.pool.clone(),
            ledger: role.ledger.clone(),
            prover: role.prover.clone(),
            metrics: SolverMetrics::new(&role.registry)?,
        };
        let (listen, pool, limit) =
            (role.config.api.http_listen, role.pool.clone(), role.config.chain.max_head_age);
        let served = operator::serve(listen, pool, role.registry.clone(), limit, role.shutdown.clone());
        role.tasks.spawn("operator-http", served);
        // Where some rounds have no gateway, the solver settles by itself.
        let wrap = settings.gateways.iter().all(|gateway| gateway.opener.is_some());
        let prover = role.prover.clone();
        info!("building circuits");
        prover.warm(shapes.iter().map(|shape| (shape.clone(), 1)).collect(), wrap).await?;
        tokio::spawn(warm_rest(prover, shapes));
        let cancel = role.shutdown.clone();
        role.tasks.spawn("solver", async move { Ok(Solver::run(solver, deps, cancel).await?) });
        role.run().await
    }
}

/// Builds the circuits of fuller rounds while the solver already bids. Without a deadline they wait behind proofs.
async fn warm_rest(prover: Prover, shapes: Vec<Shape>) {
    for slots in CAPACITIES.into_iter().skip(1) {
        for shape in &shapes {
            if let Err(error) = prover.warm(vec![(shape.clone(), slots)], false).await {
                warn!(class = shape.descriptor(), slots, %error, "circuits not built ahead");
            }
        }
    }
}

fn solver_config(role: &Role, settings: &config::Solver, strategies: Vec<SolverStrategy>) -> SolverConfig {
    let deployment = &role.deployment;
    let auction = AuctionId { chain_id: role.config.chain.id, auction_house: deployment.auction_house() };
    let endpoint = |gateway: &config::SolverGateway| GatewayEndpoint {
        url: gateway.url.clone(),
        opener: gateway.opener,
        timeout: settings.gateway_timeout,
    };
    let max_silence = role.config.chain.max_head_age;
    SolverConfig {
        strategies,
        gateways: settings.gateways.iter().map(endpoint).collect(),
        limits: RiskLimits {
            max_bids: settings.max_bids,
            max_silence,
            min_commit_blocks: settings.min_commit_blocks,
            min_gas_balance: settings.min_gas_balance_wei,
            ..RiskLimits::default()
        },
        confirmations: role.config.chain.confirmations,
        block_time: settings.block_time.max(Duration::from_millis(1)),
        ..SolverConfig::new(auction, deployment.registry(), deployment.markets(), deployment.from_block)
    }
}

async fn strategies(role: &mut Role, settings: &config::Solver) -> eyre::Result<Vec<SolverStrategy>> {
    let mut strategies = Vec::with_capacity(settings.strategies.len());
    for (index, entry) in settings.strategies.iter().enumerate() {
        let key = |part: &str| format!("solver.strategies[{index}].{part}");
        let loaded = super::strategy::load(&entry.directory)?;
        let secret = role::open(&entry.secret, &key("secret")).await?;
        let signer = role.signer(&entry.keystore, &key("keystore")).await?;
        let strategy = SolverStrategy {
            name: loaded.manifest().name.clone(),
            market: entry.market,
            owner: entry.owner.unwrap_or_else(|| signer.address()),
            program: Arc::new(loaded.program().clone()),
            salt: model_salt(&secret, loaded.manifest().model.keccak256),
            max_exposure: entry.max_exposure,
            signer,
        };
        info!(name = strategy.name, id = %strategy.id().to_word(), "strategy");
        strategies.push(strategy);
    }
    Ok(strategies)
}
