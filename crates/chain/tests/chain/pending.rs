//! Pending transactions.

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, Bytes},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use sotto_chain::{Anvil, PendingConfig, PendingStream, PendingTx};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{EMITTER, PATIENCE, chain, eventually, log_pending};

async fn next(stream: &mut PendingStream) -> PendingTx {
    timeout(PATIENCE, stream.transactions.recv()).await.unwrap().unwrap()
}

async fn subscribed(stream: &mut PendingStream) {
    timeout(PATIENCE, stream.subscribed.wait_for(|open| *open)).await.unwrap().unwrap();
}

// covers: S21
#[tokio::test]
async fn calls_to_watched_contracts_arrive_bounded_and_once() {
    let (_anvil, pool) = chain(&["--no-mining"]).await;
    let mut config = PendingConfig::new(vec![EMITTER]);
    config.max_input_bytes = 64;
    let mut stream = PendingStream::spawn(pool.clone(), config, CancellationToken::new());
    subscribed(&mut stream).await;
    let provider = pool.provider();
    let send = |to: Address, input: Bytes| {
        let tx = TransactionRequest::default()
            .with_from(Anvil::signer(8).unwrap().address())
            .with_to(to)
            .with_input(input)
            .with_gas_limit(200_000);
        let provider = provider.clone();
        async move { drop(provider.send_transaction(tx).await.unwrap()) }
    };
    send(Address::repeat_byte(3), Bytes::from(vec![1; 4])).await;
    send(EMITTER, Bytes::from(vec![2; 65])).await;
    send(EMITTER, Bytes::from(vec![3; 5])).await;
    log_pending(&provider, 7).await;
    let (first, second) = (next(&mut stream).await, next(&mut stream).await);
    assert_eq!(first.input, Bytes::from(vec![3; 5]));
    assert_eq!((second.to, second.input.len()), (EMITTER, 32));
    assert_eq!(second.from, Anvil::signer(9).unwrap().address());
    assert_eq!(pool.metrics().pending_dropped_oversized.get(), 1);
}

// covers: D9
#[tokio::test]
async fn what_a_full_channel_cannot_take_is_counted() {
    let (_anvil, pool) = chain(&["--no-mining"]).await;
    let mut config = PendingConfig::new(vec![EMITTER]);
    config.buffer = 1;
    let mut stream = PendingStream::spawn(pool.clone(), config, CancellationToken::new());
    subscribed(&mut stream).await;
    for topic in 0..4 {
        log_pending(&pool.provider(), topic).await;
    }
    let metrics = pool.metrics().clone();
    eventually("drops counted", async || metrics.pending_dropped_full.get() == 3).await;
    next(&mut stream).await;
    assert_eq!(metrics.pending_seen.get(), 1);
}
