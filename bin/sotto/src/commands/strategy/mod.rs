//! `sotto strategy`: from a model file to a proof.

mod calibrate;
mod check;
mod compile;
mod init;
mod inspect;
mod parity;
mod prove;
mod registry;
mod repeats;
mod rows;
mod verify;

pub(crate) use check::load;
use clap::Subcommand;

use crate::args::OutputArgs;

/// Work with a strategy's directory.
#[derive(Debug, Subcommand)]
pub(crate) enum StrategyCommand {
    /// Turn a model and sample inputs into a strategy's directory
    Init(init::InitArgs),
    /// Take the ranges inside a model anew, from data
    Calibrate(calibrate::CalibrateArgs),
    /// Read manifest and model, and bound every accumulator
    Check(check::CheckArgs),
    /// Compare the integer model with the one in floating point, on data that it was not trained on
    Parity(parity::ParityArgs),
    /// Show operations, ranges and costs, and draw the quotes
    Inspect(inspect::InspectArgs),
    /// Build the class's circuits where they are new, and commit to the model
    Compile(compile::CompileArgs),
    /// Prove quotes, from the features to the proof for the chain
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
            Self::Init(args) => args.run(output),
            Self::Calibrate(args) => args.run(output),
            Self::Check(args) => args.run(output),
            Self::Parity(args) => args.run(output),
            Self::Inspect(args) => args.run(output),
            Self::Compile(args) => args.run(output),
            Self::Prove(args) => args.run(output).await,
            Self::Verify(args) => args.run(output),
            Self::Register(args) => args.run(output).await,
            Self::Activate(args) => args.activate(output).await,
            Self::Retire(args) => args.retire(output).await,
        }
    }
}
