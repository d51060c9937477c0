//! Logs on standard error, as text or as JSON lines.

use std::io::{self, IsTerminal as _};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// What is logged, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct LogArgs {
    /// Filter, e.g. `info` or `sotto_auction=debug,warn`
    #[arg(
        long,
        global = true,
        env = "SOTTO_LOG",
        default_value = "info,plonky2=warn",
        value_name = "FILTER"
    )]
    log: String,
    /// Format of a log line
    #[arg(long, global = true, env = "SOTTO_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
}

/// Format of a log line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// For a person at a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogArgs {
    /// Installs the process's log subscriber.
    pub(crate) fn init(&self) -> eyre::Result<()> {
        let filter = EnvFilter::try_new(&self.log)?;
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal());
        let installed = match self.log_format {
            LogFormat::Text => builder.with_target(false).try_init(),
            LogFormat::Json => builder.json().flatten_event(true).try_init(),
        };
        installed.map_err(|error| eyre::eyre!("the log subscriber was not installed: {error}"))
    }
}
