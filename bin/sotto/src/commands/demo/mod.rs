//! `sotto demo`: whole rounds on a local chain, from signed intents to the traders' balances.

mod fleet;
mod report;
mod traders;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;
use eyre::{Result, WrapErr as _};
use sotto_api::client::Client;
use sotto_auction::local::LocalAuction;
use sotto_contracts::{Packages, local::LocalMarketConfig};
use tokio_util::sync::CancellationToken;

use self::{
    fleet::Fleet,
    report::{Report, Summary},
    traders::Batch,
};
use crate::{output, shutdown::cancel_on_signal};

/// The strategies of the demo's searchers, taken in turn.
const STRATEGIES: [&str; 3] = ["linear-spread", "mlp-16-32-16", "mlp-32-64-64"];
/// Traders of the demo, one intent of each a round.
const TRADERS: usize = 4;
/// Most searchers of the demo.
const MAX_SOLVERS: usize = 48;
/// How often keepers refresh the feeds.
const KEEPER_PERIOD: Duration = Duration::from_secs(3);
/// Longest time for one round; the prover has two cores in mind.
const ROUND_LIMIT: Duration = Duration::from_secs(1_800);

/// Run whole rounds on a local chain.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Rounds to run.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Searchers, each with a strategy, a key and a solver of its own. Up to sixteen settle by one proof.
    #[arg(long, default_value_t = STRATEGIES.len(), value_parser = solvers)]
    solvers: usize,
    /// Settle each sheet by a proof of its own, for comparison.
    #[arg(long)]
    apart: bool,
    /// Folder with the strategies.
    #[arg(long, default_value = "strategies")]
    strategies: PathBuf,
    /// Installed npm packages, for anvil and for other projects' contracts.
    #[arg(long, default_value = "crates/contracts/solidity/node_modules")]
    packages: PathBuf,
}

/// A number of searchers that a machine can bear.
fn solvers(text: &str) -> Result<usize, String> {
    let count: usize = text.parse().map_err(|e| format!("{e}"))?;
    if (1..=MAX_SOLVERS).contains(&count) { Ok(count) } else { Err(format!("not in 1..={MAX_SOLVERS}")) }
}

/// Says what happens, with the time since the start. Progress goes to stderr, the result to stdout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress(Instant);

impl Progress {
    pub(crate) fn say(self, what: impl std::fmt::Display) {
        output::tell(format_args!("{:>7.1} s  {what}", self.0.elapsed().as_secs_f64()));
    }
}

impl DemoArgs {
    /// Runs the rounds; ends with an error unless each settled with a verified proof and each fill paid what was proven.
    pub(crate) async fn run(self) -> Result<()> {
        let progress = Progress(Instant::now());
        let cancel = CancellationToken::new();
        cancel_on_signal(cancel.clone())?;
        let auction = self.set_up(progress).await?;
        let folder = tempfile::tempdir().wrap_err("a folder for the ledgers")?;
        let fleet = Fleet::start(&auction, folder.path(), !self.apart, progress, cancel.clone()).await?;
        let client = Client::connect(&fleet.rpc_url()).await?;

        let keeper = keep_feeds(&auction, cancel.clone());
        let rounds = async {
            let mut report = Report::new(&auction).await?;
            for number in 1..=self.rounds {
                let batch = Batch::send(&auction, &client, number, progress).await?;
                let limit =
                    tokio::time::timeout(ROUND_LIMIT, batch.follow(&auction, &client, progress)).await;
                limit.wrap_err_with(|| format!("round {number} took longer than {ROUND_LIMIT:?}"))??;
                report.add(&auction, batch).await?;
            }
            report.finish(&auction).await
        };
        let summary = tokio::select! {
            result = rounds => result,
            failed = keeper => failed.and_then(|()| Err(eyre::eyre!("interrupted"))),
            failed = fleet.failure() => Err(failed),
        };
        cancel.cancel();
        fleet.stop().await;
        finish(&summary?, progress)
    }

    async fn set_up(&self, progress: Progress) -> Result<LocalAuction> {
        progress.say("starting anvil, deploying contracts, registering strategies");
        let names = STRATEGIES.iter().cycle().take(self.solvers);
        let folders: Vec<PathBuf> = names.map(|name| self.strategies.join(name)).collect();
        let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
        let packages = Packages::new(self.packages.clone());
        // Every sheet is proven on this machine, one after the other; a round that is settled does not wait for the window's end.
        let solvers = u32::try_from(self.solvers).unwrap_or(u32::MAX);
        let windows = [8 + solvers, 60 + 100 * solvers, 20];
        let config = LocalMarketConfig { windows, ..LocalMarketConfig::default() };
        let args = ["--enable-tx-gas-limit"];
        Ok(LocalAuction::set_up(&args, &folders, &packages, TRADERS, config).await?)
    }
}

/// Refreshes the feeds until it is cancelled.
async fn keep_feeds(auction: &LocalAuction, cancel: CancellationToken) -> Result<()> {
    while !cancel.is_cancelled() {
        auction.refresh_feeds().await?;
        tokio::select! {
            () = cancel.cancelled() => break,
            () = tokio::time::sleep(KEEPER_PERIOD) => {}
        }
    }
    Ok(())
}

/// Prints table and summary; the last line is one JSON object.
fn finish(summary: &Summary, progress: Progress) -> Result<()> {
    output::write(format_args!("{}{}\n", summary.table, summary.json(progress.0.elapsed())))?;
    summary.check()
}
