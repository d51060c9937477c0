//! The gateway behind its own interfaces on a real chain: what it takes and refuses, how it stands abuse, and rounds with
//! real proofs from the intent to the fill, killed at every stage.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod abuse;
mod intake;
mod process;
mod remote;
mod round;
mod tournament;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sotto_auction::local::LocalAuction;
use sotto_contracts::{Packages, local::LocalMarketConfig};

/// Generous: other tests may share the cores with the prover.
pub const LIMIT: Duration = Duration::from_secs(540);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A local auction with these strategies and windows.
pub async fn auction(strategies: &[&str], traders: usize, windows: [u32; 3]) -> Arc<LocalAuction> {
    let packages = Packages::new(root().join("crates/contracts/solidity/node_modules"));
    let folders: Vec<PathBuf> = strategies.iter().map(|name| root().join("strategies").join(name)).collect();
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    let config = LocalMarketConfig { windows, ..LocalMarketConfig::default() };
    let args = ["--enable-tx-gas-limit"];
    Arc::new(LocalAuction::set_up(&args, &folders, &packages, traders, config).await.unwrap())
}

/// Keeps the feeds fresh, as keepers do, for as long as the guard lives.
pub fn keep_feeds(auction: &Arc<LocalAuction>) -> Keeper {
    let auction = Arc::clone(auction);
    Keeper(tokio::spawn(async move {
        loop {
            // A round may be opened between two of these; a failure is made good by the next.
            let _ = auction.refresh_feeds().await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }))
}

#[derive(Debug)]
pub struct Keeper(tokio::task::JoinHandle<()>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}
