//! Exit codes, the same for every subcommand.

use std::process::ExitCode;

use crate::{config::ConfigError, output::Closed, tasks::TaskError};

/// Shown under `--help`.
pub(crate) const HELP: &str = "Exit codes:
  0  done
  1  failed; the message says why
  2  the command line was not understood
  3  the configuration or a secret was refused
  4  a check said no (a proof, a model, a health check)
  5  a critical task ended; the message names it
  130  a second signal arrived before the shutdown was complete
  141  nobody read the output to its end";

/// A second SIGTERM or SIGINT ended the process.
pub(crate) const INTERRUPTED: i32 = 130;

/// The output was closed; what a shell reports of a program that SIGPIPE ended.
const CLOSED: u8 = 141;

/// A check that ran to its end and said no.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {reason}")]
pub(crate) struct Refused {
    /// What was checked.
    pub(crate) what: String,
    /// Why the answer is no.
    pub(crate) reason: String,
}

/// The exit code that says what kind of failure `error` is.
pub(crate) fn exit_code(error: &eyre::Report) -> ExitCode {
    ExitCode::from(code_of(error))
}

/// The same as a number, for messages.
pub(crate) fn code_of(error: &eyre::Report) -> u8 {
    for cause in error.chain() {
        if cause.is::<ConfigError>() {
            return 3;
        }
        if cause.is::<Refused>() {
            return 4;
        }
        if cause.is::<TaskError>() {
            return 5;
        }
        if cause.is::<Closed>() {
            return CLOSED;
        }
    }
    1
}
