//! What is proven while the commitment is on its way.

use std::time::{Duration, Instant};

use alloy::providers::ext::AnvilApi;
use sotto_auction::solver::Stage;
use tokio_util::sync::CancellationToken;

use super::{LIMIT, auction, process::Setup, round::Round, strategy};

async fn until(what: &str, reached: impl Fn() -> bool) {
    let end = Instant::now() + LIMIT;
    while !reached() {
        assert!(Instant::now() < end, "{what} did not happen within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leaf_is_proven_before_the_commitment_is_mined_and_the_sheet_around_it() {
    let auction = auction([40, 900, 30]).await;
    let searcher = &auction.searchers[0];
    let datadir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&auction, searcher, &strategy(), datadir.path());
    let round = Round::open(&auction, 1).await;
    let provider = &auction.deployer.provider;
    provider.anvil_set_interval_mining(0).await.unwrap();

    let cancel = CancellationToken::new();
    let (sender, started) = tokio::sync::oneshot::channel();
    let run = setup.run(cancel.clone(), |metrics, ledger| drop(sender.send((metrics, ledger))));
    let solver = tokio::spawn(run);
    let (metrics, _ledger) = started.await.unwrap();
    until("the leaf", || metrics.leaves("proved") == 1).await;
    assert!(round.view(&auction).await.unwrap().commits.is_empty(), "nothing was mined");
    assert_eq!((metrics.bids(Stage::Committed), metrics.leaves("used")), (0, 0));

    provider.anvil_set_interval_mining(1).await.unwrap();
    provider.anvil_mine(Some(1), None).await.unwrap();
    until("the commitment", || metrics.bids(Stage::Committed) == 1).await;
    let committed = Instant::now();
    until("the sheet", || metrics.bids(Stage::Proved) == 1).await;
    eprintln!("from committed to proved: {:.2?}", committed.elapsed());
    cancel.cancel();
    solver.await.unwrap().unwrap();
    let counts = ["started", "proved", "used", "failed"].map(|event| metrics.leaves(event));
    assert_eq!(counts, [1, 1, 1, 0], "one leaf, and the sheet around it");
}
