//! What operators ask over HTTP.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use prometheus::{Encoder, Registry, TextEncoder};
use sotto_auction::gateway::Gateway;

use crate::{page, wire::StatusView};

/// Rounds that the status shows.
const SHOWN_ROUNDS: usize = 20;

/// What the routes work with.
#[derive(Clone, Debug)]
pub(crate) struct Operators {
    pub(crate) gateway: Gateway,
    pub(crate) registry: Registry,
    pub(crate) max_idle: Duration,
}

impl Operators {
    /// Why requests would not be served well now; empty when they would.
    fn not_ready(&self) -> Vec<String> {
        let status = self.gateway.status();
        let mut reasons = Vec::new();
        if status.head.is_none() {
            reasons.push("no block was seen yet".to_owned());
        } else if !status.caught_up {
            reasons.push("the chain is not followed to its head".to_owned());
        }
        if status.idle > self.max_idle {
            reasons.push(format!("the gateway's loop has not come round for {:?}", status.idle));
        }
        reasons
    }

    fn status(&self) -> StatusView {
        let rounds = self.gateway.recent_rounds(SHOWN_ROUNDS);
        StatusView::new(&self.gateway.auction(), &self.gateway.status(), self.not_ready(), &rounds)
    }
}

/// The routes.
pub(crate) fn router(operators: Operators) -> Router {
    Router::new()
        .route("/", get(show_page))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .with_state(operators)
}

/// Alive as long as the loop comes round; what the outside does has no part in it.
async fn livez(State(operators): State<Operators>) -> (StatusCode, String) {
    let idle = operators.gateway.status().idle;
    if idle <= operators.max_idle {
        (StatusCode::OK, "ok\n".into())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("the gateway's loop has not come round for {idle:?}\n"))
    }
}

async fn readyz(State(operators): State<Operators>) -> (StatusCode, String) {
    let reasons = operators.not_ready();
    if reasons.is_empty() {
        (StatusCode::OK, "ok\n".into())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n")
    }
}

async fn status(State(operators): State<Operators>) -> Json<StatusView> {
    Json(operators.status())
}

async fn show_page(State(operators): State<Operators>) -> Html<String> {
    Html(page::render(&operators.status()))
}

async fn metrics(State(operators): State<Operators>) -> Response {
    let mut text = Vec::new();
    let encoder = TextEncoder::new();
    match encoder.encode(&operators.registry.gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
