//! `sotto doctor`: everything that a role needs before it can work, checked once.

use std::{
    fmt, fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy::{eips::BlockNumberOrTag, providers::Provider as _};
use clap::Args;
use serde::Serialize;
use sotto_chain::ProviderPool;

use crate::{
    args::{ConfigArgs, OutputArgs},
    config::Config,
    exit::Refused,
};

/// Check nodes, contracts, keys, clock and disk.
#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

impl DoctorArgs {
    /// Runs every check, prints them all, and fails if one of them did.
    pub(crate) async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let config = self.config.load()?;
        let mut report = Report::default();
        report.add("secrets", config.check_secrets().map(|count| format!("{count} readable")));
        report.add("store", check_store(&config.store.directory));
        match config.chain.connect().await {
            Ok(pool) => check_chain(&mut report, &config, &pool).await,
            Err(error) => report.add("nodes", Err::<String, _>(error)),
        }
        output.print(&report)?;
        report.verdict()
    }
}

async fn check_chain(report: &mut Report, config: &Config, pool: &ProviderPool) {
    let health = pool.health();
    let working = health.iter().filter(|endpoint| endpoint.healthy).count();
    report.add(
        "nodes",
        Ok::<_, Refused>(format!("{working} of {} answer, chain {}", health.len(), pool.chain_id())),
    );
    report.add("sync", check_sync(pool).await);
    report.add("head", check_head(config, pool).await);
    if let Some(contracts) = &config.contracts {
        report.add("contracts", check_contracts(contracts, pool).await);
    }
}

async fn check_sync(pool: &ProviderPool) -> eyre::Result<String> {
    eyre::ensure!(!pool.is_syncing().await?, "the node is still syncing");
    Ok("the node has caught up".to_owned())
}

/// The newest block's age by this machine's clock: an old head and a wrong clock look alike, and both stop bids.
async fn check_head(config: &Config, pool: &ProviderPool) -> eyre::Result<String> {
    let block = pool.provider().get_block_by_number(BlockNumberOrTag::Latest).await?;
    let header = block.ok_or_else(|| eyre::eyre!("the node has no block"))?.header;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let limit = config.chain.max_head_age.as_secs();
    eyre::ensure!(
        now.abs_diff(header.timestamp) <= limit,
        "block {} is {} s away from this machine's clock, the limit is {limit} s",
        header.number,
        now.abs_diff(header.timestamp)
    );
    Ok(format!("block {}, {} s old", header.number, now.saturating_sub(header.timestamp)))
}

async fn check_contracts(contracts: &crate::config::Contracts, pool: &ProviderPool) -> eyre::Result<String> {
    let deployment = contracts.read()?;
    deployment.check(&pool.provider()).await?;
    Ok(format!(
        "{} contracts as deployed, auction house {}",
        deployment.contracts.len(),
        deployment.auction_house()
    ))
}

/// The directory exists or can be made, and takes a file.
fn check_store(directory: &Path) -> eyre::Result<String> {
    fs::create_dir_all(directory)?;
    let probe = directory.join(".doctor");
    fs::write(&probe, b"probe")?;
    fs::remove_file(&probe)?;
    Ok(format!("{} takes files", directory.display()))
}

#[derive(Debug, Default, Serialize)]
struct Report {
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

impl Report {
    fn add<E: Into<eyre::Report>>(&mut self, name: &'static str, result: Result<String, E>) {
        let (ok, detail) = match result.map_err(Into::into) {
            Ok(detail) => (true, detail),
            Err(error) => (false, error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")),
        };
        self.checks.push(Check { name, ok, detail });
    }

    fn verdict(&self) -> eyre::Result<()> {
        let failed: Vec<_> = self.checks.iter().filter(|check| !check.ok).map(|check| check.name).collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(Refused { what: "doctor".to_owned(), reason: format!("{} failed", failed.join(", ")) }.into())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, check) in self.checks.iter().enumerate() {
            let (line, mark) = (if index == 0 { "" } else { "\n" }, if check.ok { "ok  " } else { "FAIL" });
            write!(f, "{line}{mark}  {:<10} {}", check.name, check.detail)?;
        }
        Ok(())
    }
}
