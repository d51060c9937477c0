//! `sotto strategy`: from a model file to a proof.

mod check;
mod compile;
mod holdout;
mod parity;
mod prove;
mod registry;
mod verify;

pub(crate) use check::load;
use clap::Subcommand;

use crate::args::OutputArgs;

/// Work with a strategy's directory.
#[derive(Debug, Subcommand)]
pub(crate) enum StrategyCommand {
    /// Read manifest and model, and bound every accumulator
    Check(check::CheckArgs),
    /// Compare the integer model with the network, on data that it was not trained on
    Parity(parity::ParityArgs),
    /// Commit to the model: class, commitment and the strategy's id
    Compile(compile::CompileArgs),
    /// Prove one slot's quote, from the features to the proof for the chain
    Prove(prove::ProveArgs),
    /// Verify a proof with the proof system's own verifier
    Verify(verify::VerifyArgs),
    /// Register a strategy with its executor and bond
    Register(registry::RegisterArgs),
    /// Make a registered strategy its owner's active one in its market
    Activate(registry::IdArgs),
    /// Retire an active strategy
    Retire(registry::IdArgs),
}

impl StrategyCommand {
    /// Runs the command.
    pub(crate) async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        match self {
            Self::Check(args) => args.run(output),
            Self::Parity(args) => args.run(output),
            Self::Compile(args) => args.run(output),
            Self::Prove(args) => args.run(output).await,
            Self::Verify(args) => args.run(output),
            Self::Register(args) => args.run(output).await,
            Self::Activate(args) => args.activate(output).await,
            Self::Retire(args) => args.retire(output).await,
        }
    }
}
