//! `sotto round`: what a gateway knows of rounds and markets.

use alloy::primitives::B256;
use clap::{Args, Subcommand};

use crate::{
    args::{GatewayUrlArgs, OutputArgs},
    output::Answer,
};

/// Look at rounds and markets.
#[derive(Debug, Subcommand)]
pub(crate) enum RoundCommand {
    /// Show a round: windows, slots, commitments, results
    Show(ShowArgs),
    /// List the markets that the gateway serves
    Markets(GatewayUrlArgs),
}

/// A round to look at.
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// Its id
    id: B256,
    #[command(flatten)]
    gateway: GatewayUrlArgs,
}

impl RoundCommand {
    /// Runs the command.
    pub(crate) async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        match self {
            Self::Show(args) => output.print(&Answer(args.gateway.connect().await?.round(args.id).await?)),
            Self::Markets(gateway) => output.print(&Answer(gateway.connect().await?.markets().await?)),
        }
    }
}
