//! Rounds with real proofs, from the intent to the fill.

use std::{ops::Range, path::Path, sync::Arc, time::Duration};

use alloy::{
    primitives::{Address, B256, U256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::Filter,
    sol_types::SolEvent,
};
use prometheus::Registry;
use sotto_api::{client::Client, wire::RoundView};
use sotto_auction::{
    AuctionId,
    local::{LocalAuction, Wish},
    solver::{GatewayEndpoint, Solver, SolverConfig, SolverDeps, SolverMetrics, SolverStrategy},
};
use sotto_chain::{ChainMetrics, KeyLock, PoolConfig, ProviderPool, TxConfig, TxManager};
use sotto_contracts::IAuctionHouse;
use sotto_prover::{Prover, ProverConfig};
use sotto_store::{Create, Ledger};
use sotto_types::{Direction, intent_hash};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    LIMIT, auction, keep_feeds,
    process::{Setup, metric},
};

/// Runs a solver for every searcher, which hands its sheets to the gateway.
async fn run_solver(auction: &Arc<LocalAuction>, gateway: String, datadir: &Path, cancel: CancellationToken) {
    let prover = Prover::start(ProverConfig::default(), &Registry::new()).unwrap();
    let all = 0..auction.searchers.len();
    run_solver_for(auction, all, prover, vec![endpoint(gateway, None)], datadir, cancel).await;
}

/// A gateway for the rounds of an opener, or of anybody.
pub fn endpoint(url: String, opener: Option<Address>) -> GatewayEndpoint {
    GatewayEndpoint { url, opener, timeout: Duration::from_secs(30) }
}

/// Runs a solver for some of the searchers.
pub async fn run_solver_for(
    auction: &Arc<LocalAuction>,
    searchers: Range<usize>,
    prover: Prover,
    gateways: Vec<GatewayEndpoint>,
    datadir: &Path,
    cancel: CancellationToken,
) {
    let registry = Registry::new();
    let deployment = &auction.deployment;
    let urls = vec![auction.anvil.ws_url(), auction.anvil.http_url()];
    let pool = PoolConfig::new(urls, deployment.chain_id);
    let pool = ProviderPool::connect(pool, ChainMetrics::new(&registry).unwrap()).await.unwrap();
    let ledger = Ledger::open(datadir, Create::IfMissing).unwrap();
    let id = AuctionId { chain_id: deployment.chain_id, auction_house: deployment.auction_house() };
    let mut config = SolverConfig::new(id, deployment.registry(), deployment.markets(), 0);
    config.confirmations = 1;
    config.gateways = gateways;
    for searcher in &auction.searchers[searchers] {
        let lock = KeyLock::acquire(datadir, searcher.account.address()).unwrap();
        let tx = TxConfig { poll: Duration::from_millis(100), ..TxConfig::default() };
        let (pool, journal) = (pool.clone(), Arc::new(ledger.clone()));
        let signer = searcher.account.signer.clone();
        let (signer, _) = TxManager::spawn(pool, signer, lock, journal, tx, cancel.clone()).await.unwrap();
        config.strategies.push(SolverStrategy {
            name: searcher.strategy.manifest().name.clone(),
            market: auction.market.market,
            owner: searcher.account.address(),
            program: Arc::new(searcher.strategy.program().clone()),
            salt: searcher.salt.clone(),
            max_exposure: None,
            signer,
        });
    }
    let metrics = SolverMetrics::new(&registry).unwrap();
    let deps = SolverDeps { pool, ledger, prover, metrics };
    tokio::spawn(Solver::run(config, deps, cancel));
}

pub async fn send(
    auction: &LocalAuction,
    client: &Client,
    trader: usize,
    nonce: u64,
    milli_base: u64,
) -> B256 {
    let direction = if nonce.is_multiple_of(2) { Direction::SellsBase } else { Direction::SellsQuote };
    let wish = Wish { direction, milli_base, disclose: trader == 0 };
    let now = auction.now().await.unwrap();
    let signed = auction.sign(wish, &auction.traders[trader], nonce, now).unwrap();
    let hash = client.send_intent(&signed.intent, signed.signature.clone()).await.unwrap();
    assert_eq!(hash, intent_hash(&signed.intent));
    hash
}

/// Logs of one event of the auction house.
pub async fn events<E: SolEvent>(auction: &LocalAuction) -> Vec<E> {
    let house = auction.deployment.auction_house();
    let filter = Filter::new().address(house).from_block(0).event_signature(E::SIGNATURE_HASH);
    let logs = auction.deployer.provider.get_logs(&filter).await.unwrap();
    logs.iter().map(|log| E::decode_log(&log.inner).unwrap().data).collect()
}

pub async fn until(what: &str, mut wanted: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !wanted().await {
        assert!(Instant::now() < end, "{what} did not happen within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

pub async fn mine_past(auction: &LocalAuction, block: u64) {
    let provider = &auction.deployer.provider;
    let head = provider.get_block_number().await.unwrap();
    if block >= head {
        provider.anvil_mine(Some(block + 1 - head), None).await.unwrap();
    }
}

// covers: P1 P2 T7 S13
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_killed_at_every_stage_still_takes_its_round_to_the_fill() {
    let auction = auction(&["linear-spread"], 2, [20, 900, 60]).await;
    let _keeper = keep_feeds(&auction);
    let (datadir, solver_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut setup = Setup::new(&auction, datadir.path());
    setup.full_round = 2;
    let cancel = CancellationToken::new();
    run_solver(&auction, format!("http://{}", setup.rpc), solver_dir.path(), cancel.clone()).await;

    // Killed as soon as it has answered.
    let process = setup.start(None);
    let client = setup.client(LIMIT).await;
    until("the first block", async || client.markets().await.is_ok() && get_ready(&setup).await).await;
    let first = send(&auction, &client, 0, 1, 400).await;
    drop(process);

    // Killed when the round is planned, before its opening is known to be mined.
    let process = setup.start(Some("sotto_gateway_rounds_active"));
    let client = setup.client(LIMIT).await;
    until("readiness", async || get_ready(&setup).await).await;
    let second = send(&auction, &client, 1, 2, 300).await;
    process.died(LIMIT).await;

    // Killed when the round is on chain, when the sheet is taken, when it is settled.
    setup.start(Some("sotto_gateway_rounds_opened_total")).died(LIMIT).await;
    let opened = events::<IAuctionHouse::RoundOpened>(&auction).await;
    assert_eq!(opened.len(), 1, "one opening over four lives");
    let round = opened[0].clone();
    until("the commitment", async || !events::<IAuctionHouse::Committed>(&auction).await.is_empty()).await;
    mine_past(&auction, round.commitEnd + 1).await;
    setup.start(Some("sotto_gateway_sheets_accepted_total")).died(LIMIT).await;
    let process = setup.start(None);
    until("the settlement", async || !events::<IAuctionHouse::Settled>(&auction).await.is_empty()).await;
    drop(process);
    mine_past(&auction, round.settleEnd).await;

    // Killed when the first fill is on chain.
    setup.start(Some("sotto_gateway_fills_total")).died(LIMIT).await;
    let _last = setup.start(None);
    let client = setup.client(LIMIT).await;
    let filled = async || {
        let one = client.intent(first).await.is_ok_and(|i| i.state == "filled");
        one && client.intent(second).await.is_ok_and(|i| i.state == "filled")
    };
    until("both fills", filled).await;
    mine_past(&auction, round.fillEnd + 1).await;
    until("the end of the round", async || !events::<IAuctionHouse::RoundClosed>(&auction).await.is_empty())
        .await;
    until("the release of the bond", async || {
        !events::<IAuctionHouse::BondReleased>(&auction).await.is_empty()
    })
    .await;

    assert_eq!(events::<IAuctionHouse::RoundOpened>(&auction).await.len(), 1);
    let fills = events::<IAuctionHouse::Filled>(&auction).await;
    assert_eq!(fills.len(), 2, "each slot once");
    assert!(events::<IAuctionHouse::Defaulted>(&auction).await.is_empty());
    assert!(events::<IAuctionHouse::SheetPenalised>(&auction).await.is_empty());
    assert!(fills.iter().all(|fill| fill.buyAmount > U256::ZERO));
    let closed = &events::<IAuctionHouse::RoundClosed>(&auction).await[0];
    assert!(closed.refund > U256::ZERO, "the opener's bond came back");
    cancel.cancel();
}

pub async fn get_ready(setup: &Setup) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Ok(mut stream) = tokio::net::TcpStream::connect(setup.http).await else { return false };
    let request = b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request).await.is_ok()
        && stream.read_to_string(&mut answer).await.is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

// covers: S17 R4 R7
#[tokio::test(flavor = "multi_thread")]
async fn a_reorganisation_takes_rounds_and_fills_back_and_unfillable_intents_are_dropped() {
    let auction = auction(&["linear-spread"], 2, [20, 900, 60]).await;
    let keeper = keep_feeds(&auction);
    let (datadir, solver_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut setup = Setup::new(&auction, datadir.path());
    setup.full_round = 2;
    let running = setup.run(|_, _| {}).await;
    let client = setup.client(LIMIT).await;
    until("readiness", async || get_ready(&setup).await).await;
    let (good, doomed) = (send(&auction, &client, 0, 1, 400).await, send(&auction, &client, 1, 2, 300).await);
    let active = async || client.intent(good).await.is_ok_and(|i| i.state == "in-round");
    until("the plan", active).await;
    until("the opening", async || !events::<IAuctionHouse::RoundOpened>(&auction).await.is_empty()).await;

    // The opening is taken back, and comes again: in another block, so as another round.
    let provider = &auction.deployer.provider;
    drop(keeper);
    let first = events::<IAuctionHouse::RoundOpened>(&auction).await[0].clone();
    let opened_in = running.gateway.recent_rounds(1).first().map(|round| round.view.opened_in.number);
    let head = provider.get_block_number().await.unwrap();
    let depth = head + 1 - opened_in.unwrap_or(head);
    let options = alloy::rpc::types::anvil::ReorgOptions { depth, tx_block_pairs: Vec::new() };
    provider.anvil_reorg(options).await.unwrap();
    let again = async || {
        running.gateway.recent_rounds(1).first().is_some_and(|r| r.view.opening.round_id != first.roundId)
    };
    until("the second opening", again).await;
    let round: RoundView = (&running.gateway.recent_rounds(1)[0]).into();
    assert_eq!(round.slots.len(), 2);
    assert_eq!(round.slots[0].commitment.0, B256::from_slice(&first.slots[..32]), "the same slots");

    let cancel = CancellationToken::new();
    run_solver(&auction, format!("http://{}", setup.rpc), solver_dir.path(), cancel.clone()).await;
    let view = async || client.round(round.round_id.0).await.unwrap();
    until("the commitment", async || !view().await.commits.is_empty()).await;
    mine_past(&auction, round.commit_end + 1).await;
    until("the settlement", async || view().await.settlements == 1).await;

    // The second trader's tokens are gone before the fill.
    let spend = token::transferCall { to: auction.deployer.address(), amount: balance(&auction, 1).await };
    let request = alloy::rpc::types::TransactionRequest::default()
        .to(auction.market.base)
        .input(alloy::primitives::Bytes::from(alloy::sol_types::SolCall::abi_encode(&spend)).into());
    auction.traders[1].provider.send_transaction(request).await.unwrap().get_receipt().await.unwrap();
    mine_past(&auction, round.settle_end).await;
    until("the fill", async || client.intent(good).await.unwrap().state == "filled").await;
    until("the drop", async || client.intent(doomed).await.unwrap().state == "dropped").await;
    let dropped = client.intent(doomed).await.unwrap();
    assert_eq!(dropped.code.as_deref(), Some("insufficient-balance"));

    // The fill is taken back, and comes again: once.
    let house = auction.deployment.auction_house();
    let filter =
        Filter::new().address(house).from_block(0).event_signature(IAuctionHouse::Filled::SIGNATURE_HASH);
    let filled_in = provider.get_logs(&filter).await.unwrap()[0].block_number.unwrap();
    let depth = provider.get_block_number().await.unwrap() + 1 - filled_in;
    let options = alloy::rpc::types::anvil::ReorgOptions { depth, tx_block_pairs: Vec::new() };
    let before = metric(&running.registry, "sotto_gateway_rolled_back_total");
    provider.anvil_reorg(options).await.unwrap();
    until("the roll-back", async || metric(&running.registry, "sotto_gateway_rolled_back_total") > before)
        .await;
    until("the second fill", async || !events::<IAuctionHouse::Filled>(&auction).await.is_empty()).await;
    until("its notice", async || client.intent(good).await.unwrap().state == "filled").await;
    assert_eq!(events::<IAuctionHouse::Filled>(&auction).await.len(), 1);
    cancel.cancel();
    running.cancel.cancel();
}

mod token {
    alloy::sol! {
        function transfer(address to, uint256 amount) external returns (bool);
        function balanceOf(address owner) external view returns (uint256);
    }
}

async fn balance(auction: &LocalAuction, trader: usize) -> U256 {
    use alloy::sol_types::SolCall;
    let call = token::balanceOfCall { owner: auction.traders[trader].address() };
    let request = alloy::rpc::types::TransactionRequest::default()
        .to(auction.market.base)
        .input(alloy::primitives::Bytes::from(call.abi_encode()).into());
    let answer = auction.deployer.provider.call(request).await.unwrap();
    U256::from_be_slice(&answer)
}
