//! Transactions that are dropped, outbid, too late, reorganised away, or sent by a process that died.

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    network::TxSigner,
    primitives::{Bytes, TxKind, U256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::anvil::ReorgOptions,
};
use sotto_chain::{ChainError, ErrorClass, ProviderPool, TxAttempt, TxPlan, TxRequest, TxState};
use sotto_store::{Create, Ledger};

use crate::{
    support::{CHAIN, EMITTER, Gateway, Reply, TRAP, config, eventually, metrics, word},
    tx::{Bench, request},
};

/// A signed transaction of the bench's key, made by somebody else.
async fn foreign(bench: &Bench, nonce: u64, fee: u128) -> TxAttempt {
    let mut tx = TxEip1559 {
        chain_id: CHAIN,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: fee,
        max_priority_fee_per_gas: fee,
        to: TxKind::Call(EMITTER),
        value: U256::ZERO,
        input: word(99).0.into(),
        access_list: Default::default(),
    };
    let signature = bench.signer.sign_transaction(&mut tx).await.unwrap();
    let envelope = TxEnvelope::from(tx.into_signed(signature));
    let raw = Bytes::from(envelope.encoded_2718());
    TxAttempt { hash: *envelope.tx_hash(), raw, max_fee: fee, priority_fee: fee, cancels: false }
}

fn plan(bench: &Bench, key: &str, nonce: u64) -> TxPlan {
    TxPlan {
        signer: bench.signer.address(),
        nonce,
        to: EMITTER,
        value: U256::ZERO,
        data: word(99).0.into(),
        gas_limit: 100_000,
        deadline: 1_000_000,
        purpose: "test".into(),
        key: key.into(),
        round: None,
    }
}

/// Makes the next blocks too dear for what is in the pool.
async fn raise_base_fee(bench: &Bench, fee: u128) {
    bench.provider().anvil_set_next_block_base_fee_per_gas(fee).await.unwrap();
    bench.mine(1).await;
}

// covers: T4 T6
#[tokio::test]
async fn a_stuck_transaction_is_replaced_with_both_fees_raised() {
    let bench = Bench::new(&["--no-mining"]).await;
    let running = bench.start().await;
    let send = running.send(request("stuck"));
    bench.sent("stuck", 1).await;
    raise_base_fee(&bench, 20_000_000_000).await;
    bench.mine(1).await;
    bench.sent("stuck", 2).await;
    bench.mine(1).await;
    let receipt = send.await.unwrap().unwrap();
    assert_eq!((receipt.nonce, receipt.attempts), (0, 2));
    let attempts = bench.record("stuck").unwrap().attempts;
    assert!(attempts[1].max_fee * 8 >= attempts[0].max_fee * 9);
    assert!(attempts[1].priority_fee * 8 >= attempts[0].priority_fee * 9);
    assert_eq!(receipt.hash(), attempts[1].hash);
}

// covers: T5
#[tokio::test]
async fn the_fee_cap_stops_bumps_and_the_transaction_goes_in_when_fees_fall() {
    let mut bench = Bench::new(&["--no-mining"]).await;
    bench.config.fee_cap = 3_000_000_000;
    let running = bench.start().await;
    let send = running.send(request("capped"));
    bench.sent("capped", 1).await;
    raise_base_fee(&bench, 50_000_000_000).await;
    let metrics = bench.pool.metrics().clone();
    eventually("capped", async || {
        bench.mine(1).await;
        metrics.tx_fee_capped.get() >= 1
    })
    .await;
    let record = bench.record("capped").unwrap();
    assert!(record.attempts.iter().all(|attempt| attempt.max_fee <= 3_000_000_000));
    raise_base_fee(&bench, 1_000_000).await;
    eventually("mined", async || {
        bench.mine(1).await;
        send.is_finished()
    })
    .await;
    send.await.unwrap().unwrap();
}

// covers: T8 T10
#[tokio::test]
async fn a_transaction_past_its_deadline_is_cancelled_by_a_self_transfer() {
    let bench = Bench::new(&["--no-mining"]).await;
    let running = bench.start().await;
    let send = running.send(TxRequest { deadline: 2, ..request("late") });
    bench.sent("late", 1).await;
    raise_base_fee(&bench, 20_000_000_000).await;
    bench.mine(1).await;
    bench.sent("late", 2).await;
    bench.mine(1).await;
    let error = send.await.unwrap().unwrap_err();
    assert!(matches!(error, ChainError::DeadlinePassed { nonce: 0, deadline: 2 }), "{error}");
    let record = bench.record("late").unwrap();
    assert_eq!(record.state, TxState::Cancelled);
    assert!(record.attempts.last().unwrap().cancels);
    let mined = bench.provider().get_transaction_by_hash(record.mined.unwrap().hash).await.unwrap().unwrap();
    let (from, to) = (bench.signer.address(), alloy::consensus::Transaction::to(&mined));
    assert_eq!(to, Some(from));
}

// covers: T9
#[tokio::test]
async fn a_transaction_that_begins_to_revert_is_cancelled_before_it_is_mined() {
    let bench = Bench::new(&["--no-mining"]).await;
    let running = bench.start().await;
    let send = running.send(TxRequest { to: TRAP, ..request("trap") });
    let hash = bench.sent("trap", 1).await;
    let provider = bench.provider();
    provider.anvil_drop_transaction(hash).await.unwrap();
    provider.anvil_set_storage_at(TRAP, U256::ZERO, word(1)).await.unwrap();
    bench.mine(1).await;
    bench.sent("trap", 2).await;
    bench.mine(1).await;
    let error = send.await.unwrap().unwrap_err();
    assert!(matches!(error, ChainError::Cancelled { nonce: 0, .. }), "{error}");
}

// covers: T11
#[tokio::test]
async fn a_transaction_dropped_from_the_pool_is_sent_again_as_it_was() {
    let bench = Bench::new(&["--no-mining"]).await;
    let running = bench.start().await;
    let send = running.send(request("dropped"));
    let hash = bench.sent("dropped", 1).await;
    bench.provider().anvil_drop_transaction(hash).await.unwrap();
    bench.mine(1).await;
    bench.sent("dropped", 1).await;
    bench.mine(1).await;
    let receipt = send.await.unwrap().unwrap();
    assert_eq!((receipt.hash(), receipt.attempts), (hash, 1));
    assert!(bench.pool.metrics().tx_rebroadcasts.get() >= 1);
}

// covers: T1
#[tokio::test]
async fn nonce_drift_is_corrected_once_and_the_transaction_goes_through() {
    let bench = Bench::new(&[]).await;
    let running = bench.start().await;
    running.manager.send(request("before")).await.unwrap();
    bench.provider().anvil_set_nonce(bench.signer.address(), 5).await.unwrap();
    let receipt = running.manager.send(request("after")).await.unwrap();
    assert_eq!(receipt.nonce, 5);
    assert_eq!(bench.pool.metrics().tx_nonce_resyncs.get(), 1);
}

// covers: T12
#[tokio::test]
async fn a_nonce_in_flight_used_by_somebody_else_halts_the_key() {
    let bench = Bench::new(&["--no-mining"]).await;
    let running = bench.start().await;
    let send = running.send(request("ours"));
    let hash = bench.sent("ours", 1).await;
    bench.provider().anvil_drop_transaction(hash).await.unwrap();
    let theirs = foreign(&bench, 0, 50_000_000_000).await;
    let _ = bench.provider().send_raw_transaction(&theirs.raw).await.unwrap();
    bench.mine(1).await;
    let mut task = running.task;
    let ended = async {
        loop {
            tokio::select! {
                ended = &mut task => return ended.unwrap(),
                () = tokio::time::sleep(std::time::Duration::from_millis(60)) => bench.mine(1).await,
            }
        }
    };
    let error = tokio::time::timeout(crate::support::PATIENCE, ended).await.unwrap().unwrap_err();
    assert!(matches!(error, ChainError::ForeignNonce { nonce: 0, .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(matches!(send.await.unwrap(), Err(ChainError::ForeignNonce { .. })));
    assert!(matches!(running.manager.send(request("next")).await, Err(ChainError::Stopped { .. })));
}

// covers: T3
#[tokio::test]
async fn a_send_without_an_answer_keeps_its_nonce_and_is_found_by_its_hash() {
    let bench = Bench::new(&[]).await;
    let (node, url) = Gateway::spawn(bench.anvil.http_url(), |request| match request["method"].as_str() {
        Some("eth_sendRawTransaction") => Reply::ForwardSilently,
        _ => Reply::Forward,
    })
    .await;
    let mut settings = config(&[url]);
    settings.max_attempts = 2;
    let pool = ProviderPool::connect(settings, metrics()).await.unwrap();
    let running = bench.start_on(pool).await;
    let receipt = running.manager.send(request("quiet")).await.unwrap();
    assert_eq!((receipt.nonce, receipt.attempts), (0, 1));
    assert!(node.calls.load(std::sync::atomic::Ordering::SeqCst) >= 1);
    assert_eq!(bench.nonce().await, 1, "one transaction, however often its bytes were sent");
}

// covers: T7 P2
#[tokio::test]
async fn a_restart_follows_what_was_sent_instead_of_sending_another() {
    let mut bench = Bench::new(&["--no-mining"]).await;
    let running = bench.start().await;
    let send = running.send(request("commit"));
    let hash = bench.sent("commit", 1).await;
    running.stop().await;
    assert!(matches!(send.await.unwrap(), Err(ChainError::Stopped { .. })));
    bench.ledger = None;
    bench.ledger = Some(Ledger::open(bench.dir.path(), Create::Never).unwrap());
    let running = bench.start().await;
    let again = running.send(request("commit"));
    let other = running.send(request("other"));
    bench.sent("other", 1).await;
    bench.mine(1).await;
    assert_eq!(again.await.unwrap().unwrap().hash(), hash);
    assert_eq!(other.await.unwrap().unwrap().nonce, 1);
    assert_eq!(bench.nonce().await, 2);
}

// covers: P2 T7
#[tokio::test]
async fn a_death_before_signing_frees_the_nonce_and_one_before_sending_sends_the_same_bytes() {
    let bench = Bench::new(&["--no-mining"]).await;
    let attempt = foreign(&bench, 0, 50_000_000_000).await;
    let signed = plan(&bench, "signed", 0);
    let planned = plan(&bench, "planned", 1);
    bench
        .ledger()
        .write(|unit| {
            let id = unit.plan_tx(&signed)?;
            unit.sign_tx(id, &attempt)?;
            unit.plan_tx(&planned)
        })
        .unwrap();
    let running = bench.start().await;
    assert!(bench.record("planned").is_none(), "its row failed, its key and nonce are free");
    let resumed = running.send(request("signed"));
    let next = running.send(request("planned"));
    bench.sent("signed", 1).await;
    bench.sent("planned", 1).await;
    bench.mine(1).await;
    assert_eq!(resumed.await.unwrap().unwrap().hash(), attempt.hash);
    assert_eq!(next.await.unwrap().unwrap().nonce, 1);
}

// covers: R6
#[tokio::test]
async fn a_transaction_that_a_reorg_drops_is_sent_again_with_the_same_nonce() {
    let bench = Bench::new(&[]).await;
    let running = bench.start().await;
    bench.mine(3).await;
    let receipt = running.manager.send(request("reorged")).await.unwrap();
    let options = ReorgOptions { depth: 2, tx_block_pairs: vec![] };
    bench.provider().anvil_reorg(options).await.unwrap();
    let metrics = bench.pool.metrics().clone();
    eventually("back in flight", async || metrics.tx_reexposed.get() == 1).await;
    eventually("mined again", async || {
        let record = bench.record("reorged").unwrap();
        record.state == TxState::Mined && record.mined.unwrap().block_hash != receipt.mined.block_hash
    })
    .await;
    let record = bench.record("reorged").unwrap();
    assert_eq!(record.attempts.len(), 1);
    assert_eq!(record.mined.unwrap().hash, receipt.hash());
}

// covers: R6 T7
#[tokio::test]
async fn a_reorg_while_the_process_was_down_is_made_good_after_the_restart() {
    let bench = Bench::new(&[]).await;
    bench.mine(3).await;
    let running = bench.start().await;
    let receipt = running.manager.send(request("reorged")).await.unwrap();
    running.stop().await;
    let options = ReorgOptions { depth: 2, tx_block_pairs: vec![] };
    bench.provider().anvil_reorg(options).await.unwrap();
    assert_eq!(bench.nonce().await, 0);
    let running = bench.start().await;
    eventually("mined again", async || bench.nonce().await == 1).await;
    let again = running.manager.send(request("reorged")).await.unwrap();
    assert_eq!(again.hash(), receipt.hash());
}
