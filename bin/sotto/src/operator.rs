//! What an operator asks a solver over HTTP: `/livez`, `/readyz`, `/status`, `/metrics`.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use eyre::WrapErr as _;
use prometheus::{Encoder as _, Registry, TextEncoder};
use serde::Serialize;
use sotto_chain::ProviderPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
struct Operator {
    pool: ProviderPool,
    registry: Registry,
    max_head_age: Duration,
}

/// Serves an operator until `shutdown`. Keep the address private.
pub(crate) async fn serve(
    listen: SocketAddr,
    pool: ProviderPool,
    registry: Registry,
    max_head_age: Duration,
    shutdown: CancellationToken,
) -> eyre::Result<()> {
    let listener = TcpListener::bind(listen).await.wrap_err_with(|| format!("{listen} cannot be bound"))?;
    tracing::info!(http = %listener.local_addr()?, "listening");
    let routes = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .with_state(Operator { pool, registry, max_head_age });
    Ok(axum::serve(listener, routes).with_graceful_shutdown(shutdown.cancelled_owned()).await?)
}

#[derive(Serialize)]
struct Status {
    ready: bool,
    reasons: Vec<String>,
    chain_id: u64,
    head: i64,
    head_age_seconds: i64,
    nodes: Vec<Node>,
}

#[derive(Serialize)]
struct Node {
    node: String,
    healthy: bool,
    preferred: bool,
}

impl Operator {
    fn status(&self) -> Status {
        let metrics = self.pool.metrics();
        let (head, age) = (metrics.head_number.get(), metrics.head_age_seconds.get());
        let health = self.pool.health();
        let nodes = health
            .into_iter()
            .map(|node| Node { node: node.endpoint, healthy: node.healthy, preferred: node.preferred })
            .collect::<Vec<_>>();
        let mut reasons = Vec::new();
        if head == 0 {
            reasons.push("no block was seen yet".to_owned());
        }
        if u64::try_from(age).unwrap_or(0) > self.max_head_age.as_secs() {
            reasons.push(format!("the newest block arrived {age} s ago"));
        }
        if nodes.iter().all(|node| !node.healthy) {
            reasons.push("no node answers".to_owned());
        }
        let chain_id = self.pool.chain_id();
        Status { ready: reasons.is_empty(), reasons, chain_id, head, head_age_seconds: age, nodes }
    }
}

async fn readyz(State(operator): State<Operator>) -> Response {
    let status = operator.status();
    let code = if status.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(status.reasons)).into_response()
}

async fn status(State(operator): State<Operator>) -> Json<Status> {
    Json(operator.status())
}

async fn metrics(State(operator): State<Operator>) -> Response {
    let mut body = Vec::new();
    match TextEncoder::new().encode(&operator.registry.gather(), &mut body) {
        Ok(()) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
