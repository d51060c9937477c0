//! The command line: one variant per subcommand.

use clap::{Parser, Subcommand};

use crate::{args::OutputArgs, commands, logging::LogArgs};

/// An order-flow auction in which every bid comes with a proof.
#[derive(Debug, Parser)]
#[command(name = "sotto", version, propagate_version = true, after_help = crate::exit::HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) logging: LogArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check or show the configuration.
    #[command(subcommand)]
    Config(commands::config::ConfigCommand),
    /// Check nodes, contracts, keys, clock and disk.
    Doctor(commands::doctor::DoctorArgs),
    /// Work with a strategy: check it, prove with it.
    #[command(subcommand)]
    Strategy(commands::strategy::StrategyCommand),
}

impl Command {
    /// Runs the command to its end.
    pub(crate) async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        match self {
            Self::Config(command) => command.run(output),
            Self::Doctor(args) => args.run(output).await,
            Self::Strategy(command) => command.run(output).await,
        }
    }
}
