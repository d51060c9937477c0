//! What the servers are told.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// Addresses and limits of the servers.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Where JSON-RPC is served, over HTTP and WebSocket; port 0 takes a free one.
    pub rpc_listen: SocketAddr,
    /// Where operators are served; keep it on a private address.
    pub http_listen: SocketAddr,
    /// Largest request body and WebSocket message, bytes. Bodies are never decompressed.
    pub max_body_bytes: u32,
    /// Largest response, bytes.
    pub max_response_bytes: u32,
    /// Connections of one server at once; further ones wait for a place, shortly, and are closed.
    pub max_connections: u32,
    /// Connections of one address at once.
    pub max_connections_per_ip: u32,
    /// Calls in one batch.
    pub max_batch: u32,
    /// Subscriptions on one connection.
    pub max_subscriptions: u32,
    /// Messages that wait for one WebSocket client.
    pub message_buffer: u32,
    /// Calls per second and address, on average.
    pub calls_per_second: f64,
    /// Calls that an address may make at once.
    pub call_burst: f64,
    /// Time for a request's head.
    pub header_timeout: Duration,
    /// Longest pause within a request's body.
    pub body_timeout: Duration,
    /// Time for a whole request over HTTP.
    pub request_timeout: Duration,
    /// A WebSocket client that does not answer pings, or take a message, for this long is disconnected.
    pub idle_timeout: Duration,
    /// The loop counts as stuck when it has not come round for this long.
    pub max_idle: Duration,
}

impl Default for ApiConfig {
    fn default() -> Self {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            rpc_listen: local(9545),
            http_listen: local(9546),
            max_body_bytes: 4 << 20,
            max_response_bytes: 4 << 20,
            max_connections: 500,
            max_connections_per_ip: 128,
            max_batch: 100,
            max_subscriptions: 8,
            message_buffer: 64,
            calls_per_second: 200.0,
            call_burst: 400.0,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(20),
            max_idle: Duration::from_secs(30),
        }
    }
}
