//! Which gateway to talk to.

use clap::Args;
use sotto_api::client::Client;

/// Which gateway to talk to.
#[derive(Args, Clone, Debug)]
pub(crate) struct GatewayUrlArgs {
    /// The gateway's JSON-RPC address
    #[arg(long, env = "SOTTO_GATEWAY", default_value = "http://127.0.0.1:9545", value_name = "URL")]
    gateway: String,
}

impl GatewayUrlArgs {
    /// Connects to it.
    pub(crate) async fn connect(&self) -> eyre::Result<Client> {
        Ok(Client::connect(&self.gateway).await?)
    }
}
