//! How results are printed.

use clap::Args;

/// How results are printed.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct OutputArgs {
    /// Print the result as one JSON object on standard output, and errors as JSON on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
}
