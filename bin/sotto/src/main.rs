//! The sotto binary: one subcommand per role of the auction, and the tools around them.

mod args;
mod chart;
mod cli;
mod commands;
mod config;
mod exit;
mod logging;
mod operator;
mod output;
mod progress;
mod role;
mod salt;
mod shutdown;
mod tasks;

use std::process::ExitCode;

use clap::Parser as _;
use eyre::WrapErr as _;

use crate::{cli::Cli, exit::exit_code};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = cli.output;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            exit_code(&error)
        }
    }
}

fn run(cli: Cli) -> eyre::Result<()> {
    cli.logging.init()?;
    // Two rustls providers are compiled in; the choice has to be made once, before the first connection.
    let installed = rustls::crypto::ring::default_provider().install_default();
    eyre::ensure!(installed.is_ok(), "a TLS provider was installed before main");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("sotto-io")
        .build()
        .wrap_err("the async runtime did not start")?;
    let result = runtime.block_on(cli.command.run(cli.output));
    // A task that ignores the shutdown cannot hold the process back.
    runtime.shutdown_timeout(tasks::DRAIN);
    result
}
