//! A chain, a pool, a contract that logs, and nodes that misbehave.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256, address, hex},
    providers::{DynProvider, Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
    transports::http::reqwest,
};
use axum::{Json, Router, extract::State, routing::post};
use prometheus::Registry;
use serde_json::Value;
use sotto_chain::{Anvil, ChainMetrics, PoolConfig, ProviderPool};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Chain id of anvil.
pub(crate) const CHAIN: u64 = 31_337;
/// Logs the first word of its calldata as a topic.
pub(crate) const EMITTER: Address = address!("00000000000000000000000000000000000e0001");
/// Reverts once its storage slot 0 is set.
pub(crate) const TRAP: Address = address!("00000000000000000000000000000000000e0002");
/// Long enough for anything that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) fn config(urls: &[String]) -> PoolConfig {
    let mut config = PoolConfig::new(urls.to_vec(), CHAIN);
    config.call_timeout = Duration::from_secs(2);
    config.backoff = Duration::from_millis(10);
    config.max_attempts = 4;
    config.breaker.rest = Duration::from_millis(50);
    config.breaker.longest_rest = Duration::from_millis(200);
    config
}

pub(crate) async fn pool(urls: &[String]) -> ProviderPool {
    ProviderPool::connect(config(urls), metrics()).await.unwrap()
}

pub(crate) fn metrics() -> ChainMetrics {
    ChainMetrics::new(&Registry::new()).unwrap()
}

/// An anvil with the two contracts, and a pool over its WebSocket.
pub(crate) async fn chain(args: &[&str]) -> (Anvil, ProviderPool) {
    let anvil = Anvil::spawn(None, args).unwrap();
    let pool = pool(&[anvil.ws_url()]).await;
    let provider = pool.provider();
    provider.anvil_set_code(EMITTER, hex!("60003560006000a100").into()).await.unwrap();
    provider.anvil_set_code(TRAP, hex!("600054600757005b60006000fd").into()).await.unwrap();
    (anvil, pool)
}

/// Sends a transaction from anvil's last account that logs `topic`, and waits for its block.
pub(crate) async fn log(provider: &DynProvider, topic: u64) {
    let hash = log_pending(provider, topic).await;
    // Anvil answers before it mines; a block mined meanwhile on request would take the transaction in.
    eventually("mined", async || provider.get_transaction_receipt(hash).await.unwrap().is_some()).await;
}

/// Sends the same transaction without waiting for a block.
pub(crate) async fn log_pending(provider: &DynProvider, topic: u64) -> B256 {
    let from = Anvil::signer(9).unwrap().address();
    let tx = TransactionRequest::default()
        .with_from(from)
        .with_to(EMITTER)
        .with_input(Bytes::from(U256::from(topic).to_be_bytes::<32>()))
        .with_gas_limit(100_000);
    *provider.send_transaction(tx).await.unwrap().tx_hash()
}

pub(crate) async fn mine(provider: &DynProvider, blocks: u64) {
    provider.anvil_mine(Some(blocks), None).await.unwrap();
}

pub(crate) fn topic(log: &sotto_chain::LogEvent) -> u64 {
    U256::from_be_bytes(log.log.topics()[0].0).to::<u64>()
}

/// Waits until a condition holds.
pub(crate) async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
}

/// How a [`Gateway`] treats a request: what it answers itself, if anything.
pub(crate) type Rule = fn(&Value) -> Reply;

/// What a rule decides.
pub(crate) enum Reply {
    /// Pass the request on.
    Forward,
    /// Pass it on, and every log twice back.
    ForwardLogsTwice,
    /// Pass it on, but never answer.
    ForwardSilently,
    /// Answer with this status, headers and body.
    Answer(u16, Option<&'static str>, String),
}

/// A JSON-RPC node in front of anvil that follows a rule.
#[derive(Clone)]
pub(crate) struct Gateway {
    target: String,
    rule: Rule,
    client: reqwest::Client,
    pub(crate) calls: Arc<AtomicUsize>,
}

impl Gateway {
    pub(crate) async fn spawn(target: String, rule: Rule) -> (Self, String) {
        let gateway = Self { target, rule, client: reqwest::Client::new(), calls: Arc::default() };
        let app = Router::new().route("/", post(answer)).with_state(gateway.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (gateway, url)
    }
}

pub(crate) fn rpc_error(request: &Value, code: i64, message: &str) -> String {
    serde_json::json!({ "jsonrpc": "2.0", "id": request["id"], "error": { "code": code, "message": message } })
        .to_string()
}

async fn answer(State(gateway): State<Gateway>, Json(request): Json<Value>) -> axum::response::Response {
    let response = |status: u16, header: Option<&'static str>, body: String| {
        let mut builder = axum::response::Response::builder().status(status);
        if let Some(seconds) = header {
            builder = builder.header("retry-after", seconds);
        }
        builder.body(body.into()).unwrap()
    };
    let reply = (gateway.rule)(&request);
    if !matches!(reply, Reply::Forward) {
        gateway.calls.fetch_add(1, Ordering::SeqCst);
    }
    if let Reply::Answer(status, header, body) = reply {
        return response(status, header, body);
    }
    let answered = gateway.client.post(&gateway.target).json(&request).send().await.unwrap();
    let mut body: Value = answered.json().await.unwrap();
    if matches!(reply, Reply::ForwardSilently) {
        std::future::pending::<()>().await;
    }
    if matches!(reply, Reply::ForwardLogsTwice)
        && let Some(logs) = body["result"].as_array_mut()
    {
        let again = logs.clone();
        logs.extend(again);
    }
    response(200, None, body.to_string())
}

/// A TCP relay that can stop passing bytes without closing anything.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    frozen: Arc<AtomicBool>,
}

impl Relay {
    pub(crate) async fn spawn(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let frozen = Arc::new(AtomicBool::new(false));
        let shared = frozen.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let (client_read, client_write) = client.into_split();
                let (server_read, server_write) = server.into_split();
                tokio::spawn(pass(client_read, server_write, shared.clone()));
                tokio::spawn(pass(server_read, client_write, shared.clone()));
            }
        });
        Self { address, frozen }
    }

    pub(crate) fn thaw(&self) {
        self.frozen.store(false, Ordering::SeqCst);
    }

    pub(crate) fn freeze(&self) {
        self.frozen.store(true, Ordering::SeqCst);
    }

    pub(crate) fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

async fn pass<R: AsyncReadExt + Unpin, W: AsyncWriteExt + Unpin>(
    mut from: R,
    mut to: W,
    frozen: Arc<AtomicBool>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count) = from.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        while frozen.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// A listener that accepts connections and never answers.
pub(crate) async fn silent_node() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    url
}

pub(crate) fn word(value: u64) -> B256 {
    B256::from(U256::from(value))
}
