//! Starting, feeding and stopping the solver's loop.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use alloy::{primitives::B256, providers::Provider};
use sotto_chain::{ChainError, PendingConfig, PendingStream, Start, WatchConfig, Watcher};
use sotto_store::{Ledger, RoundStatus, SheetStatus};
use sotto_types::Digest;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{BidKey, SolverConfig, SolverDeps, driver::Driver, scribe::Scribe, work::Context};
use crate::{AuctionError, Result, pending::pending_opening};

/// Reports of tasks that wait for the loop.
const REPORTS: usize = 256;
/// How often a silent chain is looked at.
const TICK: Duration = Duration::from_secs(1);

/// The solver daemon.
#[derive(Clone, Copy, Debug)]
pub struct Solver;

impl Solver {
    /// Runs until it is cancelled. Reads the chain, the ledger and the gateway; sends transactions with the strategies'
    /// keys and writes the ledger. Several solvers can run in one process, each with a ledger of its own. Circuits that
    /// are not built yet are built at the first proof, which then takes longer: see `Prover::warm`.
    ///
    /// # Errors
    /// When it cannot start or go on: no contract at an address, a reorganisation that is too deep, a key that somebody
    /// else uses, a damaged ledger, a stopped prover.
    pub async fn run(config: SolverConfig, deps: SolverDeps, cancel: CancellationToken) -> Result<()> {
        for address in [config.auction.auction_house, config.registry, config.markets] {
            deps.pool.expect_code(address, None).await?;
        }
        let left = Left::read(&deps.ledger).await?;
        let from = start_block(&config, &deps, left.oldest_round).await?;
        let house = config.auction.auction_house;
        // A token of its own, so that whatever ends the loop ends its helpers too.
        let cancel = cancel.child_token();
        let watch = WatchConfig::new(vec![house], Start::From(from));
        let mut watcher = Watcher::spawn(deps.pool.clone(), watch, cancel.clone());
        let mut pending =
            PendingStream::spawn(deps.pool.clone(), PendingConfig::new(vec![house]), cancel.clone());
        let scribe = Scribe::spawn(deps.ledger.clone());
        let (reports, mut reported) = mpsc::channel(REPORTS);
        let context = Arc::new(Context::new(config, deps, &cancel)?);
        let notes = scribe.notes.clone();
        let status = watcher.status.clone();
        let mut driver = Driver::new(context, left.unfinished, notes, status, reports, cancel.clone());
        let mut tick = tokio::time::interval(TICK);
        let ended = loop {
            let step = tokio::select! {
                biased;
                () = cancel.cancelled() => break Ok(()),
                Some(report) = reported.recv() => driver.on_report(report),
                event = watcher.events.recv() => match event {
                    Some(event) => { driver.on_chain(&event); Ok(()) }
                    None => break Self::why(watcher.task, &cancel).await,
                },
                Some(tx) = pending.transactions.recv() => {
                    if let Some(opening) = pending_opening(house, Some(tx.to), &tx.input) {
                        driver.on_pending(opening);
                    }
                    Ok(())
                }
                _ = tick.tick() => { driver.on_tick(); Ok(()) }
            };
            if let Err(error) = step {
                break Err(error);
            }
            if driver.flush().await.is_err() {
                break Ok(());
            }
        };
        cancel.cancel();
        driver.stop().await;
        let noted = driver.flush().await;
        drop(driver);
        let Scribe { notes, task } = scribe;
        drop(notes);
        let written = task.await.unwrap_or(Err(AuctionError::Stopped { service: "the ledger's scribe" }));
        ended.and(written).and(noted)
    }

    /// Why the watcher ended.
    async fn why(
        task: tokio::task::JoinHandle<sotto_chain::Result<()>>,
        cancel: &CancellationToken,
    ) -> Result<()> {
        match task.await {
            Ok(Err(error)) => Err(error.into()),
            _ if cancel.is_cancelled() => Ok(()),
            _ => Err(ChainError::Stopped { service: "watcher" }.into()),
        }
    }
}

/// What an earlier run left in the ledger.
struct Left {
    /// Sheets that had not come to an end.
    unfinished: Vec<BidKey>,
    /// Block of the oldest round that had not.
    oldest_round: Option<u64>,
}

impl Left {
    async fn read(ledger: &Ledger) -> Result<Self> {
        let ledger = ledger.clone();
        let read = move || {
            ledger.read(|unit| {
                let mut unfinished = BTreeSet::new();
                let alive = [
                    SheetStatus::Planned,
                    SheetStatus::Committed,
                    SheetStatus::Proved,
                    SheetStatus::Submitted,
                ];
                for status in alive {
                    unfinished.extend(unit.sheets(status)?.into_iter().map(|row| (row.round, row.strategy)));
                }
                let mut rounds = unit.rounds(RoundStatus::Open)?;
                rounds.extend(unit.rounds(RoundStatus::Settled)?);
                Ok((unfinished, rounds.iter().map(|round| round.opened_block).min()))
            })
        };
        let stopped = |_| AuctionError::Stopped { service: "the ledger" };
        let (unfinished, oldest_round): (BTreeSet<(B256, B256)>, _) =
            tokio::task::spawn_blocking(read).await.map_err(stopped)??;
        let keys = unfinished.into_iter().filter_map(|(round, strategy)| {
            Some(BidKey { round, strategy: Digest::try_from(strategy).ok()? })
        });
        Ok(Self { unfinished: keys.collect(), oldest_round })
    }
}

/// Where to start reading: with the oldest round that is not finished, or far enough back to see every open one.
async fn start_block(config: &SolverConfig, deps: &SolverDeps, oldest_round: Option<u64>) -> Result<u64> {
    let newest = deps.pool.provider().get_block_number().await.map_err(ChainError::from)?;
    let back = newest.saturating_sub(config.lookback);
    Ok(oldest_round.map_or(back, |oldest| oldest.min(back)).max(config.from_block).min(newest))
}
