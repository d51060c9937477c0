//! `sotto gateway`: takes intents, opens rounds, settles and fills.

use clap::Args;
use eyre::OptionExt as _;
use sotto_api::ApiConfig;
use sotto_auction::gateway::{Gateway, GatewayConfig, GatewayDeps};
use tracing::info;

use crate::{
    config,
    role::{Role, RoleArgs},
};

/// Run a gateway.
#[derive(Args, Debug)]
pub(crate) struct GatewayArgs {
    #[command(flatten)]
    role: RoleArgs,
}

impl GatewayArgs {
    /// Runs until a signal, or until a critical task fails.
    pub(crate) async fn run(self) -> eyre::Result<()> {
        let mut role = self.role.start().await?;
        let settings =
            role.config.gateway.clone().ok_or_eyre("the configuration has no [gateway] section")?;
        let tx = role.signer(&settings.keystore, "gateway.keystore").await?;
        let deps = GatewayDeps {
            pool: role.pool.clone(),
            auction_house: role.deployment.auction_house(),
            deployed_at: role.deployment.from_block,
            ledger: role.ledger.clone(),
            tx,
            prover: role.prover.clone(),
            registry: role.registry.clone(),
        };
        info!("building the wrap circuit");
        role.prover.warm(Vec::new(), true).await?;
        let config = gateway_config(&role, &settings);
        let (gateway, task) = Gateway::start(config, deps, role.shutdown.clone()).await?;
        role.tasks.spawn("gateway", async move { Ok(task.await??) });
        let served = sotto_api::serve(
            gateway,
            api_config(&role.config.api),
            role.registry.clone(),
            role.shutdown.clone(),
        )
        .await?;
        info!(rpc = %served.rpc, http = %served.http, "listening");
        role.tasks.spawn("api", async move { Ok(served.task.await?) });
        role.run().await
    }
}

fn gateway_config(role: &Role, settings: &config::Gateway) -> GatewayConfig {
    GatewayConfig {
        full_round: settings.full_round,
        round_interval: settings.round_interval,
        confirmations: role.config.chain.confirmations,
        chain_timeout: role.config.chain.call_timeout,
        ..GatewayConfig::new(settings.markets.clone())
    }
}

fn api_config(api: &config::Api) -> ApiConfig {
    ApiConfig {
        rpc_listen: api.rpc_listen,
        http_listen: api.http_listen,
        max_body_bytes: api.max_body_bytes,
        max_connections: api.max_connections,
        calls_per_second: f64::from(api.calls_per_second),
        call_burst: 2.0 * f64::from(api.calls_per_second),
        ..ApiConfig::default()
    }
}
