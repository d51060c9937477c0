//! Heads and logs over reorganisations, gaps and silent connections.

use std::time::Duration;

use alloy::{
    primitives::B256,
    providers::{Provider, ext::AnvilApi},
    rpc::types::anvil::ReorgOptions,
};
use sotto_chain::{BlockRef, ChainError, ChainEvent, ErrorClass, ProviderPool, Start, WatchConfig, Watcher};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{
    EMITTER, Gateway, PATIENCE, Relay, Reply, chain, config, log, metrics, mine, pool, rpc_error, topic,
};

fn watch(pool: &ProviderPool, start: Start) -> Watcher {
    let mut config = WatchConfig::new(vec![EMITTER], start);
    config.heartbeat = Duration::from_millis(300);
    config.poll = Duration::from_millis(50);
    config.max_range = 50;
    Watcher::spawn(pool.clone(), config, CancellationToken::new())
}

async fn next(watcher: &mut Watcher) -> ChainEvent {
    timeout(PATIENCE, watcher.events.recv()).await.expect("an event in time").expect("a running watcher")
}

/// Events until the head with this number.
async fn until(watcher: &mut Watcher, number: u64) -> Vec<ChainEvent> {
    let mut events = Vec::new();
    loop {
        let event = next(watcher).await;
        let done = matches!(&event, ChainEvent::Head { block, .. } if block.number >= number);
        events.push(event);
        if done {
            return events;
        }
    }
}

fn added(events: &[ChainEvent]) -> Vec<u64> {
    let logs = events.iter().filter_map(|event| match event {
        ChainEvent::Added(log) => Some(topic(log)),
        _ => None,
    });
    logs.collect()
}

fn heads(events: &[ChainEvent]) -> Vec<BlockRef> {
    let heads = events.iter().filter_map(|event| match event {
        ChainEvent::Head { block, .. } => Some(*block),
        _ => None,
    });
    heads.collect()
}

async fn reorg(pool: &ProviderPool, depth: u64) {
    pool.provider().anvil_reorg(ReorgOptions { depth, tx_block_pairs: vec![] }).await.unwrap();
}

// covers: R8 R20
#[tokio::test]
async fn every_block_arrives_once_in_order_with_its_logs_before_it() {
    let (_anvil, pool) = chain(&[]).await;
    let mut watcher = watch(&pool, Start::From(1));
    let provider = pool.provider();
    log(&provider, 1).await;
    mine(&provider, 3).await;
    log(&provider, 2).await;
    let events = until(&mut watcher, 5).await;
    assert_eq!(heads(&events).iter().map(|head| head.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(added(&events), [1, 2]);
    assert!(matches!((&events[0], &events[1]), (ChainEvent::Added(_), ChainEvent::Head { .. })));
    let live = async || watcher.status.borrow().is_live(PATIENCE);
    crate::support::eventually("live", live).await;
}

// covers: R4
#[tokio::test]
async fn a_reorg_takes_logs_back_newest_first_before_the_new_branch() {
    let (_anvil, pool) = chain(&[]).await;
    let mut watcher = watch(&pool, Start::From(1));
    for topic in 1..=4 {
        log(&pool.provider(), topic).await;
    }
    let old = heads(&until(&mut watcher, 4).await);
    reorg(&pool, 3).await;
    let events = until(&mut watcher, 4).await;
    let ChainEvent::Rewound { to, depth } = events[0] else { panic!("{events:?}") };
    assert_eq!((to, depth), (old[0], 3));
    let removed: Vec<u64> = events[1..4]
        .iter()
        .map(|event| match event {
            ChainEvent::Removed(log) => topic(log),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(removed, [4, 3, 2]);
    let new = heads(&events);
    assert_eq!(new.iter().map(|head| head.number).collect::<Vec<_>>(), [2, 3, 4]);
    assert!(new.iter().zip(&old[1..]).all(|(new, old)| new.hash != old.hash));
    assert_eq!(pool.metrics().reorgs.get(), 1);
}

// covers: R4
#[tokio::test]
async fn a_reorg_of_64_blocks_is_followed_and_a_deeper_one_ends_the_watcher() {
    let (_anvil, pool) = chain(&[]).await;
    let mut watcher = watch(&pool, Start::From(1));
    mine(&pool.provider(), 150).await;
    until(&mut watcher, 150).await;
    reorg(&pool, 64).await;
    let events = until(&mut watcher, 150).await;
    assert!(matches!(events[0], ChainEvent::Rewound { depth: 64, .. }), "{:?}", events[0]);
    assert_eq!(heads(&events).len(), 64);
    // covers: R5
    reorg(&pool, 70).await;
    let error = timeout(PATIENCE, watcher.task).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, ChainError::ReorgTooDeep { limit: 64, .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Fatal);
}

// covers: R4
#[tokio::test]
async fn a_restart_after_a_reorg_rewinds_to_the_newest_block_still_canonical() {
    let (_anvil, pool) = chain(&[]).await;
    for topic in 1..=4 {
        log(&pool.provider(), topic).await;
    }
    let mut watcher = watch(&pool, Start::From(1));
    let known = heads(&until(&mut watcher, 4).await);
    drop(watcher);
    let mut resumed = watch(&pool, Start::After(known.clone()));
    log(&pool.provider(), 5).await;
    assert_eq!(added(&until(&mut resumed, 5).await), [5]);
    drop(resumed);
    reorg(&pool, 3).await;
    log(&pool.provider(), 6).await;
    let mut resumed = watch(&pool, Start::After(known.clone()));
    assert_eq!(next(&mut resumed).await, ChainEvent::Rewound { to: known[1], depth: 2 });
    assert_eq!(added(&until(&mut resumed, 6).await), [6]);
}

// covers: R5
#[tokio::test]
async fn a_restart_on_another_chain_does_not_pass_as_a_reorg() {
    let (_anvil, pool) = chain(&[]).await;
    mine(&pool.provider(), 3).await;
    let strange = BlockRef { number: 2, hash: B256::repeat_byte(1) };
    let watcher = watch(&pool, Start::After(vec![strange]));
    let error = timeout(PATIENCE, watcher.task).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, ChainError::ReorgTooDeep { .. }));
}

// covers: R7 R12
#[tokio::test]
async fn a_long_backfill_splits_ranges_that_the_node_refuses_and_hands_each_log_out_once() {
    let (anvil, direct) = chain(&[]).await;
    let provider = direct.provider();
    for topic in 0..10 {
        log(&provider, topic).await;
        mine(&provider, 19).await;
    }
    let (node, url) = Gateway::spawn(anvil.http_url(), |request| {
        if request["method"] != "eth_getLogs" {
            return Reply::Forward;
        }
        let block = |key: &str| {
            let text = request["params"][0][key].as_str()?;
            u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
        };
        match (block("fromBlock"), block("toBlock")) {
            (Some(from), Some(to)) if to - from >= 16 => {
                Reply::Answer(200, None, rpc_error(request, -32602, "query returns too many results"))
            }
            _ => Reply::ForwardLogsTwice,
        }
    })
    .await;
    let pool = pool(&[url]).await;
    let mut watcher = watch(&pool, Start::From(1));
    let events = until(&mut watcher, 200).await;
    assert_eq!(added(&events), (0..10).collect::<Vec<_>>());
    let numbers: Vec<u64> = heads(&events).iter().map(|head| head.number).collect();
    assert!(numbers.is_sorted() && numbers.len() < 200, "ranges were used: {numbers:?}");
    assert_eq!(numbers[numbers.len() - 64..], (137..=200).collect::<Vec<_>>());
    assert!(pool.metrics().logs_duplicate.get() >= 10);
    assert!(node.calls.load(std::sync::atomic::Ordering::SeqCst) > 10);
}

// covers: R1 R3
#[tokio::test]
async fn a_connection_that_falls_silent_is_replaced_and_nothing_is_missed() {
    let (anvil, direct) = chain(&[]).await;
    let relay = Relay::spawn(anvil.port()).await;
    let pool = ProviderPool::connect(config(&[relay.ws_url(), anvil.ws_url()]), metrics()).await.unwrap();
    let mut watcher = watch(&pool, Start::From(1));
    crate::support::eventually("subscribed", async || watcher.status.borrow().subscribed).await;
    log(&direct.provider(), 1).await;
    until(&mut watcher, 1).await;
    relay.freeze();
    log(&direct.provider(), 2).await;
    log(&direct.provider(), 3).await;
    assert_eq!(added(&until(&mut watcher, 3).await), [2, 3]);
    crate::support::eventually("resubscribed", async || pool.metrics().resubscriptions.get() >= 1).await;
    log(&direct.provider(), 4).await;
    assert_eq!(added(&until(&mut watcher, 4).await), [4]);
}

// covers: R1 R14
#[tokio::test]
async fn readiness_is_lost_when_the_node_is_gone_and_comes_back_with_it() {
    let (anvil, direct) = chain(&[]).await;
    let relay = Relay::spawn(anvil.port()).await;
    let pool = pool(&[relay.ws_url()]).await;
    let mut watcher = watch(&pool, Start::Latest);
    let limit = Duration::from_secs(1);
    crate::support::eventually("live", async || watcher.status.borrow().is_live(limit)).await;
    relay.freeze();
    crate::support::eventually("not live", async || !watcher.status.borrow().is_live(limit)).await;
    relay.thaw();
    mine(&direct.provider(), 2).await;
    until(&mut watcher, 2).await;
    crate::support::eventually("live again", async || watcher.status.borrow().is_live(limit)).await;
}

#[tokio::test]
async fn a_slow_receiver_holds_the_watcher_back_and_loses_nothing() {
    let (_anvil, pool) = chain(&[]).await;
    let mut settings = WatchConfig::new(vec![EMITTER], Start::From(1));
    settings.buffer = 1;
    let mut watcher = Watcher::spawn(pool.clone(), settings, CancellationToken::new());
    for topic in 1..=20 {
        log(&pool.provider(), topic).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(added(&until(&mut watcher, 20).await), (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn shutdown_ends_the_watcher_without_an_error() {
    let (_anvil, pool) = chain(&[]).await;
    let shutdown = CancellationToken::new();
    let watcher = Watcher::spawn(pool.clone(), WatchConfig::new(vec![], Start::Latest), shutdown.clone());
    shutdown.cancel();
    timeout(PATIENCE, watcher.task).await.unwrap().unwrap().unwrap();
    pool.provider().get_block_number().await.unwrap();
}
