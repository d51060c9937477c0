//! The solver on a real chain with real proofs, alone, and killed at every stage of a round.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod early;
mod process;
mod round;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy::providers::{Provider, ext::AnvilApi};
use process::Setup;
use round::{Round, account, mine_to};
use sotto_auction::{
    RoundView,
    local::LocalAuction,
    solver::{DropReason, SolverMetrics, Stage},
};
use sotto_contracts::{Packages, local::LocalMarketConfig};
use sotto_store::SheetStatus;
use sotto_types::Digest;
use tokio_util::sync::CancellationToken;

/// Generous: other tests may share the cores with the prover.
const LIMIT: Duration = Duration::from_secs(540);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn strategy() -> PathBuf {
    root().join("strategies/linear-spread")
}

async fn auction(windows: [u32; 3]) -> LocalAuction {
    let packages = Packages::new(root().join("crates/contracts/solidity/node_modules"));
    let config = LocalMarketConfig { windows, ..LocalMarketConfig::default() };
    let args = ["--enable-tx-gas-limit"];
    LocalAuction::set_up(&args, &[&strategy()], &packages, 1, config).await.unwrap()
}

fn committed(id: Digest) -> impl Fn(&RoundView) -> bool {
    move |round| round.commit_of(id).is_some()
}

fn covered(id: Digest) -> impl Fn(&RoundView) -> bool {
    move |round| round.commit_of(id).is_some_and(|(_, commit)| commit.covered)
}

/// Waits until a bid was given up for this reason.
async fn dropped(metrics: &SolverMetrics, reason: DropReason) {
    let end = Instant::now() + LIMIT;
    while metrics.drops(reason) == 0 {
        assert!(Instant::now() < end, "no bid was given up: {reason:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

// covers: P1 P2 T7 K5
#[tokio::test(flavor = "multi_thread")]
async fn a_solver_killed_at_every_stage_still_takes_its_bid_to_the_fill() {
    let auction = auction([30, 900, 30]).await;
    let searcher = &auction.searchers[0];
    let datadir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&auction, searcher, &strategy(), datadir.path());
    let bond = account(&auction, searcher.id.to_word()).await.bond;

    let first = setup.start(Some(Stage::Evaluated));
    let round = Round::open(&auction, 1).await;
    first.died(LIMIT).await;
    setup.start(Some(Stage::Committed)).died(LIMIT).await;
    let view = round.until(&auction, LIMIT, "the commitment", committed(searcher.id)).await;
    let commitment = view.commit_of(searcher.id).unwrap().1.commitment;
    mine_to(&auction, view.opening.commit_end + 2).await;
    setup.start(Some(Stage::Proved)).died(LIMIT).await;
    // Amid the wrap, as chance has it.
    let wrapping = setup.start(None);
    tokio::time::sleep(Duration::from_secs(4)).await;
    drop(wrapping);

    let mut last = setup.start(None);
    let view = round.until(&auction, LIMIT, "the settlement", covered(searcher.id)).await;
    assert_eq!(view.commits.len(), 1, "one commitment over five lives");
    assert_eq!(view.commit_of(searcher.id).unwrap().1.commitment, commitment);
    assert_eq!(view.won_by(0), [0]);
    mine_to(&auction, view.opening.settle_end).await;
    let paid = round.fill(&auction).await;
    assert!(paid > alloy::primitives::U256::ZERO);
    mine_to(&auction, view.opening.fill_end).await;
    let freed = |round: &RoundView| round.commits[&0].closed;
    round.until(&auction, LIMIT, "the release of the bond", freed).await;
    assert!(last.runs());

    let account = account(&auction, searcher.id.to_word()).await;
    assert_eq!((account.bond, account.locked), (bond, 0), "nothing was slashed, nothing stays locked");
    assert_eq!((account.committed, account.uncovered, account.defaults), (1, 0, 0));
}

// covers: R4 R6
#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_takes_back_bids_and_brings_them_again() {
    let auction = auction([40, 60, 60]).await;
    let searcher = &auction.searchers[0];
    let datadir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&auction, searcher, &strategy(), datadir.path());
    let cancel = CancellationToken::new();
    let (sender, started) = tokio::sync::oneshot::channel();
    let run = setup.run(cancel.clone(), |metrics, ledger| drop(sender.send((metrics, ledger))));
    let solver = tokio::spawn(run);
    let (metrics, ledger) = started.await.unwrap();

    let round = Round::open(&auction, 1).await;
    let view = round.until(&auction, LIMIT, "the commitment", committed(searcher.id)).await;
    let provider = &auction.deployer.provider;
    let (_, commit) = view.commit_of(searcher.id).unwrap();
    let head = provider.get_block_number().await.unwrap();
    let depth = head + 1 - commit.block;
    let options = alloy::rpc::types::anvil::ReorgOptions { depth, tx_block_pairs: Vec::new() };
    provider.anvil_reorg(options).await.unwrap();
    let again = round.until(&auction, LIMIT, "the second commitment", committed(searcher.id)).await;
    assert_eq!(again.commits.len(), 1);
    assert_eq!(again.commit_of(searcher.id).unwrap().1.commitment, commit.commitment, "the same sheet");
    assert_eq!(metrics.drops(DropReason::RoundVanished), 0);

    let head = provider.get_block_number().await.unwrap();
    let depth = head + 1 - again.opened_in.number;
    let options = alloy::rpc::types::anvil::ReorgOptions { depth, tx_block_pairs: Vec::new() };
    provider.anvil_reorg(options).await.unwrap();
    dropped(&metrics, DropReason::RoundVanished).await;
    cancel.cancel();
    solver.await.unwrap().unwrap();
    let drops = ledger.read(|unit| unit.drops(round.id)).unwrap();
    assert_eq!(drops.iter().map(|row| row.reason.as_str()).collect::<Vec<_>>(), ["round-vanished"]);
}

// covers: P1
#[tokio::test(flavor = "multi_thread")]
async fn a_solver_that_comes_back_too_late_abandons_the_bid_and_frees_what_is_left_of_its_bond() {
    let auction = auction([20, 30, 10]).await;
    let searcher = &auction.searchers[0];
    let datadir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&auction, searcher, &strategy(), datadir.path());
    let bond = account(&auction, searcher.id.to_word()).await.bond;
    let first = setup.start(Some(Stage::Committed));
    let round = Round::open(&auction, 1).await;
    first.died(LIMIT).await;
    let view = round.until(&auction, LIMIT, "the commitment", committed(searcher.id)).await;
    mine_to(&auction, view.opening.settle_end + 1).await;

    let cancel = CancellationToken::new();
    let (sender, started) = tokio::sync::oneshot::channel();
    let run = setup.run(cancel.clone(), |metrics, ledger| drop(sender.send((metrics, ledger))));
    let solver = tokio::spawn(run);
    let (metrics, ledger) = started.await.unwrap();
    round.until(&auction, LIMIT, "the penalty", |round| round.commits[&0].closed).await;
    cancel.cancel();
    solver.await.unwrap().unwrap();
    assert_eq!(metrics.drops(DropReason::SettleMissed), 1);
    let (drops, sheets) =
        ledger.read(|unit| Ok((unit.drops(round.id)?, unit.sheets(SheetStatus::Abandoned)?))).unwrap();
    assert_eq!(drops[0].reason, "settle-missed");
    assert_eq!(sheets.len(), 1);
    let account = account(&auction, searcher.id.to_word()).await;
    assert!(account.bond < bond, "the sheet bond is burned");
    assert_eq!((account.locked, account.uncovered), (0, 1));
}

alloy::sol! {
    #[sol(rpc)]
    interface IKeySet {
        function proposeKeySetRoot(bytes32 root) external;
        function applyKeySetRoot() external;
    }
}

/// Whoever controls the set of circuits could prove any quotes in the name of those who bid under it.
// covers: C18 Z23
#[tokio::test(flavor = "multi_thread")]
async fn a_solver_does_not_bid_under_circuits_that_it_does_not_know() {
    let auction = auction([40, 60, 60]).await;
    let searcher = &auction.searchers[0];
    let datadir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&auction, searcher, &strategy(), datadir.path());
    let provider = &auction.deployer.provider;
    let house = IKeySet::new(auction.deployment.auction_house(), provider);
    let other = alloy::primitives::B256::with_last_byte(1);
    assert!(house.proposeKeySetRoot(other).send().await.unwrap().get_receipt().await.unwrap().status());
    provider.anvil_increase_time(86_400).await.unwrap();
    provider.anvil_mine(Some(1), None).await.unwrap();
    assert!(house.applyKeySetRoot().send().await.unwrap().get_receipt().await.unwrap().status());

    let cancel = CancellationToken::new();
    let (sender, started) = tokio::sync::oneshot::channel();
    let run = setup.run(cancel.clone(), |metrics, ledger| drop(sender.send((metrics, ledger))));
    let solver = tokio::spawn(run);
    let (metrics, _ledger) = started.await.unwrap();
    let round = Round::open(&auction, 1).await;
    dropped(&metrics, DropReason::UnknownKeySet).await;
    cancel.cancel();
    solver.await.unwrap().unwrap();
    assert_eq!(metrics.drops(DropReason::UnknownKeySet), 1);
    assert!(round.view(&auction).await.unwrap().commits.is_empty());
}
