//! What the servers do with clients that mean no good, or know no better.

use std::{net::SocketAddr, time::Duration};

use futures::FutureExt as _;
use serde_json::{Value, json};
use sotto_api::wire::SubscribeTopic;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{LIMIT, auction, process::Setup, round::until};

/// Sends raw bytes and reads until the server closes or says all that it has to say.
async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may refuse before everything is written.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let ended = timeout(LIMIT, stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "the server holds the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(body: &str) -> Vec<u8> {
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

async fn call(address: SocketAddr, body: &Value) -> Value {
    let answer = raw(address, &post(&body.to_string())).await;
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    serde_json::from_str(body).unwrap_or_else(|_| json!({ "raw": answer }))
}

async fn get(address: SocketAddr, path: &str) -> String {
    raw(address, format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await
}

// covers: S20 D1 D4 D5 D6 D7 D11
#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_and_good_ones_still_served() {
    let datadir = tempfile::tempdir().unwrap();
    let auction = auction(&[], 0, [6, 20, 10]).await;
    let setup = Setup::new(&auction, datadir.path());
    let running = setup
        .run(|_, api| {
            api.header_timeout = Duration::from_secs(1);
            api.body_timeout = Duration::from_secs(1);
            api.max_body_bytes = 10_000;
            api.max_batch = 10;
            api.calls_per_second = 0.1;
            api.call_burst = 60.0;
            api.max_connections_per_ip = 20;
        })
        .await;
    let (rpc, http) = (running.bound.rpc, running.bound.http);

    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "sotto_getMarkets", "params": [] });
    assert!(call(rpc, &request).await["result"].is_array());
    let wrong = json!({ "jsonrpc": "2.0", "id": 1, "method": "sotto_sendIntent", "params": [{ "intent": { "owner": 5 } }] });
    let error = call(rpc, &wrong).await;
    assert_eq!(error["error"]["data"]["path"], "intent.owner", "{error}");
    assert_eq!(error["error"]["data"]["code"], "invalid-params");
    let unknown = json!({ "jsonrpc": "2.0", "id": 1, "method": "sotto_stealIntent", "params": [] });
    assert_eq!(call(rpc, &unknown).await["error"]["code"], -32601);

    let large = raw(rpc, &post(&"x".repeat(20_000))).await;
    assert!(large.starts_with("HTTP/1.1 413"), "{large}");
    let nested = "[".repeat(4_000) + &"]".repeat(4_000);
    assert!(raw(rpc, &post(&nested)).await.contains("error"));
    let batch = Value::Array(vec![request.clone(); 11]);
    assert!(call(rpc, &batch).await.to_string().contains("batch"), "too many calls in one batch");
    let gzip = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\nconnection: close\r\n\r\n\x1f\x8b\x08\x00";
    assert!(raw(rpc, gzip).await.contains("error"), "nothing is decompressed");

    // A head and a body that never end.
    for slow in [
        &b"POST / HTTP/1.1\r\nhost: "[..],
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
    ] {
        raw(rpc, slow).await;
    }

    // More connections than one address may have.
    let mut open = Vec::new();
    for _ in 0..40 {
        open.push(TcpStream::connect(rpc).await.unwrap());
    }
    let mut closed = vec![false; open.len()];
    until("the end of half of them", async || {
        for (stream, closed) in open.iter_mut().zip(&mut closed) {
            let mut byte = [0];
            *closed |= matches!(stream.read(&mut byte).now_or_never(), Some(Ok(0) | Err(_)));
        }
        closed.iter().filter(|closed| **closed).count() >= 20
    })
    .await;
    drop(open);
    until("room for one more", async || call(rpc, &request).await["result"].is_array()).await;

    // A flood empties this address's bucket: 429, and the operators' server is not touched.
    let mut limited = false;
    for _ in 0..500 {
        limited = limited || raw(rpc, &post(&request.to_string())).await.starts_with("HTTP/1.1 429");
    }
    assert!(limited);
    assert!(get(http, "/livez").await.starts_with("HTTP/1.1 200"));
    let metrics = get(http, "/metrics").await;
    assert!(metrics.contains("sotto_api_rate_limited_total") && !metrics.contains("stealIntent"));
    let status = get(http, "/status").await;
    assert!(status.contains("\"intentsLive\":0"), "{status}");
    assert!(get(http, "/").await.contains("sotto gateway"));
    until("readiness", async || get(http, "/readyz").await.starts_with("HTTP/1.1 200")).await;
    running.cancel.cancel();
    running.bound.task.await.unwrap();
}

// covers: R1 R14
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_its_node_is_alive_but_not_ready() {
    let datadir = tempfile::tempdir().unwrap();
    let auction = auction(&[], 0, [6, 20, 10]).await;
    let setup = Setup::new(&auction, datadir.path());
    let running = setup.run(|_, _| {}).await;
    let http = running.bound.http;
    let ready = async || get(http, "/readyz").await.starts_with("HTTP/1.1 200");
    until("readiness", ready).await;
    let client = setup.client(LIMIT).await;
    assert!(client.subscribe(SubscribeTopic::Rounds).await.is_ok());
    drop(std::sync::Arc::into_inner(auction).unwrap());
    until("the end of readiness without a node", async || !ready().await).await;
    assert!(get(http, "/livez").await.starts_with("HTTP/1.1 200"));
    running.cancel.cancel();
}
