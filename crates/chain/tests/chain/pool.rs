//! Endpoints that fail in every way that nodes do.

use std::sync::atomic::Ordering;

use alloy::{
    primitives::{Address, B256, keccak256},
    providers::{Provider, ext::AnvilApi},
};
use serde_json::json;
use sotto_chain::{Anvil, ChainError, ErrorClass, PoolConfig, ProviderPool};

use crate::support::{
    EMITTER, Gateway, PATIENCE, Reply, chain, config, metrics, mine, pool, rpc_error, silent_node,
};

/// Endpoints that are left to rest for longer than a test takes.
fn resting(urls: &[String]) -> PoolConfig {
    let mut config = config(urls);
    config.breaker.rest = PATIENCE;
    config.breaker.longest_rest = PATIENCE;
    config
}

// covers: R1 R2
#[tokio::test]
async fn a_node_that_never_answers_is_left_alone_and_the_next_is_used() {
    let anvil = Anvil::spawn(None, &[]).unwrap();
    let (relay, metrics) = (crate::support::Relay::spawn(anvil.port()).await, metrics());
    let urls = [format!("http://{}", relay.address), anvil.http_url()];
    let pool = ProviderPool::connect(resting(&urls), metrics.clone()).await.unwrap();
    assert!(pool.health()[0].preferred);
    relay.freeze();
    for _ in 0..3 {
        assert_eq!(pool.provider().get_chain_id().await.unwrap(), 31_337);
    }
    let health = pool.health();
    assert!(!health[0].preferred && health[1].preferred && health[1].healthy);
    let failures = metrics.rpc_failures.get();
    assert!(failures >= 1);
    pool.provider().get_block_number().await.unwrap();
    assert_eq!(metrics.rpc_failures.get(), failures, "the silent node is still asked");
}

// covers: R2
#[tokio::test]
async fn a_pool_starts_while_one_node_answers_and_fails_typed_when_none_does() {
    let anvil = Anvil::spawn(None, &[]).unwrap();
    let both = pool(&[silent_node().await, anvil.http_url()]).await;
    both.provider().get_block_number().await.unwrap();
    let none = ProviderPool::connect(config(&[silent_node().await]), metrics()).await;
    let error = none.unwrap_err();
    assert!(matches!(error, ChainError::Timeout { .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Retry);
    drop(both);
    let pool = pool(&[anvil.http_url()]).await;
    drop(anvil);
    let error = ChainError::from(pool.provider().get_block_number().await.unwrap_err());
    assert_eq!(error.class(), ErrorClass::Retry, "{error}");
}

// covers: R13
#[tokio::test]
async fn a_node_of_another_chain_is_refused() {
    let other = Anvil::spawn(None, &["--chain-id", "5"]).unwrap();
    let anvil = Anvil::spawn(None, &[]).unwrap();
    let urls = [anvil.http_url(), other.http_url()];
    let error = ProviderPool::connect(config(&urls), metrics()).await.unwrap_err();
    assert!(matches!(error, ChainError::WrongChain { expected: 31_337, got: 5, .. }));
    assert_eq!(error.class(), ErrorClass::Fatal);
}

// covers: R10
#[tokio::test]
async fn a_json_rpc_error_is_no_success_and_is_not_repeated() {
    let anvil = Anvil::spawn(None, &[]).unwrap();
    let (node, url) = Gateway::spawn(anvil.http_url(), |request| match request["method"].as_str() {
        Some("eth_blockNumber") => Reply::Answer(200, None, rpc_error(request, -32601, "no such method")),
        _ => Reply::Forward,
    })
    .await;
    let pool = pool(&[url]).await;
    let error = ChainError::from(pool.provider().get_block_number().await.unwrap_err());
    assert!(matches!(error, ChainError::Rpc { code: -32601, .. }));
    assert_eq!(node.calls.load(Ordering::SeqCst), 1);
}

// covers: R11
#[tokio::test]
async fn a_rate_limited_node_rests_and_another_answers() {
    let anvil = Anvil::spawn(None, &[]).unwrap();
    for (status, code) in [(429, -32000), (200, -32005)] {
        let rule: crate::support::Rule = if status == 429 {
            |request| match request["method"].as_str() {
                Some("eth_blockNumber") => Reply::Answer(429, Some("7"), "slow down".into()),
                _ => Reply::Forward,
            }
        } else {
            |request| match request["method"].as_str() {
                Some("eth_blockNumber") => {
                    Reply::Answer(200, None, rpc_error(request, -32005, "limit exceeded"))
                }
                _ => Reply::Forward,
            }
        };
        let (node, url) = Gateway::spawn(anvil.http_url(), rule).await;
        let mut settings = resting(&[url, anvil.http_url()]);
        settings.breaker.failures = 1;
        let pool = ProviderPool::connect(settings, metrics()).await.unwrap();
        for _ in 0..3 {
            pool.provider().get_block_number().await.unwrap();
        }
        assert_eq!(node.calls.load(Ordering::SeqCst), 1, "{status} {code}");
        assert!(!pool.health()[0].healthy);
    }
}

// covers: R11
#[tokio::test]
async fn a_lone_node_that_asks_for_rest_gets_it_and_requests_fail_typed() {
    let anvil = Anvil::spawn(None, &[]).unwrap();
    let (node, url) = Gateway::spawn(anvil.http_url(), |request| match request["method"].as_str() {
        Some("eth_blockNumber") => Reply::Answer(429, Some("600"), "slow down".into()),
        _ => Reply::Forward,
    })
    .await;
    let mut settings = config(&[url]);
    settings.request_timeout = std::time::Duration::from_secs(1);
    let pool = ProviderPool::connect(settings, metrics()).await.unwrap();
    for _ in 0..3 {
        let error = ChainError::from(pool.provider().get_block_number().await.unwrap_err());
        assert_eq!(error.class(), ErrorClass::Retry, "{error}");
    }
    assert_eq!(node.calls.load(Ordering::SeqCst), 1);
}

// covers: R19
#[tokio::test]
async fn giant_and_garbled_responses_are_refused() {
    let anvil = Anvil::spawn(None, &[]).unwrap();
    let (_, giant) = Gateway::spawn(anvil.http_url(), |request| match request["method"].as_str() {
        Some("eth_blockNumber") => {
            let body = json!({ "jsonrpc": "2.0", "id": request["id"], "result": "0".repeat(4 << 20) });
            Reply::Answer(200, None, body.to_string())
        }
        Some("eth_gasPrice") => Reply::Answer(200, None, "[".repeat(1 << 20)),
        Some("eth_accounts") => {
            let body = json!({ "jsonrpc": "2.0", "id": request["id"], "result": "-0x1" });
            Reply::Answer(200, None, body.to_string())
        }
        _ => Reply::Forward,
    })
    .await;
    let mut settings = config(&[giant]);
    settings.max_response_bytes = 2 << 20;
    let pool = ProviderPool::connect(settings, metrics()).await.unwrap();
    let error = ChainError::from(pool.provider().get_block_number().await.unwrap_err());
    assert!(error.to_string().contains("more than 2097152 bytes"), "{error}");
    assert!(pool.provider().get_gas_price().await.is_err());
    assert!(pool.provider().get_accounts().await.is_err());
}

// covers: R17
#[tokio::test]
async fn a_contract_is_checked_by_its_code() {
    let (_anvil, pool) = chain(&[]).await;
    let code = pool.provider().get_code_at(EMITTER).await.unwrap();
    assert_eq!(pool.expect_code(EMITTER, None).await.unwrap(), keccak256(&code));
    pool.expect_code(EMITTER, Some(keccak256(&code))).await.unwrap();
    let other = pool.expect_code(EMITTER, Some(B256::ZERO)).await.unwrap_err();
    assert!(matches!(other, ChainError::CodeHash { .. }));
    let none = pool.expect_code(Address::repeat_byte(9), None).await.unwrap_err();
    assert!(matches!(none, ChainError::NoCode { .. }));
    assert_eq!((other.class(), none.class()), (ErrorClass::Fatal, ErrorClass::Fatal));
}

// covers: R9
#[tokio::test]
async fn two_nodes_that_disagree_about_a_block_are_noticed() {
    let (one, two) = (Anvil::spawn(None, &[]).unwrap(), Anvil::spawn(None, &[]).unwrap());
    let both = pool(&[one.http_url(), two.http_url()]).await;
    let (a, b) = (pool(&[one.http_url()]).await, pool(&[two.http_url()]).await);
    a.provider().anvil_set_next_block_timestamp(4_000_000_000).await.unwrap();
    mine(&a.provider(), 1).await;
    assert!(both.agreed_block_hash(1).await.unwrap().is_some(), "only one node has it");
    assert_eq!(both.agreed_block_hash(2).await.unwrap(), None);
    b.provider().anvil_set_next_block_timestamp(4_000_000_007).await.unwrap();
    mine(&b.provider(), 1).await;
    let error = both.agreed_block_hash(1).await.unwrap_err();
    assert!(matches!(error, ChainError::Disagreement { number: 1, .. }));
}

#[tokio::test]
async fn errors_do_not_show_the_path_or_query_of_a_url() {
    let url = format!("{}/v3/secret-key?token=secret-token", silent_node().await);
    let error = ProviderPool::connect(config(&[url]), metrics()).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}
