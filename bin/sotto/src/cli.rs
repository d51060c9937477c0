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
    /// Measure proving on this machine, beside plonky2's own prover.
    Bench(commands::bench::BenchArgs),
    /// Look at the circuits: rows, degrees, security.
    #[command(subcommand)]
    Circuit(commands::circuit::CircuitCommand),
    /// Check or show the configuration.
    #[command(subcommand)]
    Config(commands::config::ConfigCommand),
    /// Run whole rounds on a local chain: intents, proofs, settlements, fills.
    Demo(commands::demo::DemoArgs),
    /// Deploy the contracts to a chain that has Permit2.
    Deploy(commands::deploy::DeployArgs),
    /// Check nodes, contracts, keys, clock and disk.
    Doctor(commands::doctor::DoctorArgs),
    /// Run a gateway: take intents, open rounds, settle and fill.
    Gateway(commands::gateway::GatewayArgs),
    /// Send, follow and cancel intents.
    #[command(subcommand)]
    Intent(commands::intent::IntentCommand),
    /// Make, import and list encrypted keys.
    #[command(subcommand)]
    Keys(commands::keys::KeysCommand),
    /// Run a proving worker: take jobs from a broker until told to leave.
    Prover(commands::prover::ProverArgs),
    /// Look at rounds and markets.
    #[command(subcommand)]
    Round(commands::round::RoundCommand),
    /// Run a solver: bid with proven sheets.
    Solver(commands::solver::SolverArgs),
    /// Work with a strategy: check it, prove with it.
    #[command(subcommand)]
    Strategy(commands::strategy::StrategyCommand),
}

impl Command {
    /// Runs the command to its end.
    pub(crate) async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        match self {
            Self::Bench(args) => tokio::task::block_in_place(|| args.run(output)),
            Self::Circuit(command) => command.run(output),
            Self::Config(command) => command.run(output),
            Self::Demo(args) => args.run().await,
            Self::Deploy(args) => args.run(output).await,
            Self::Doctor(args) => args.run(output).await,
            Self::Gateway(args) => args.run().await,
            Self::Intent(command) => command.run(output).await,
            Self::Keys(command) => command.run(output),
            Self::Prover(args) => args.run().await,
            Self::Round(command) => command.run(output).await,
            Self::Solver(args) => args.run().await,
            Self::Strategy(command) => command.run(output).await,
        }
    }
}
