//! `sotto strategy`: from a model file to a proof.

mod check;

use clap::Subcommand;

use crate::args::OutputArgs;

/// Work with a strategy's directory.
#[derive(Debug, Subcommand)]
pub(crate) enum StrategyCommand {
    /// Read manifest and model, and bound every accumulator
    Check(check::CheckArgs),
}

impl StrategyCommand {
    /// Runs the command.
    pub(crate) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        match self {
            Self::Check(args) => args.run(output),
        }
    }
}
