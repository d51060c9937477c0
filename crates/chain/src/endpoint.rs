//! One RPC endpoint: its connection, the check of its chain, its breaker.

use std::time::{Duration, Instant};

use alloy::{
    primitives::U64,
    providers::{DynProvider, Provider, RootProvider},
    pubsub::PubSubConnect,
    rpc::{
        client::RpcClient,
        json_rpc::{RequestPacket, ResponsePacket},
    },
    transports::{
        BoxTransport, TransportError, TransportErrorKind, TransportResult,
        http::reqwest::Url,
        ws::{WebSocketConfig, WsConnect},
    },
};
use tokio::{sync::Mutex, time::timeout};
use tower::ServiceExt;

use crate::{ChainError, PoolConfig, Result, breaker::Breaker, http::BoundedHttp};

/// An endpoint of the pool. Its connection is made on demand and its chain id checked on each connection.
#[derive(Debug)]
pub(crate) struct Endpoint {
    url: Url,
    label: String,
    config: PoolConfig,
    connection: Mutex<Option<BoxTransport>>,
    pub(crate) breaker: Breaker,
}

impl Endpoint {
    pub(crate) fn new(index: usize, url: &str, config: &PoolConfig) -> Result<Self> {
        let bad = |reason: String| ChainError::BadUrl { index, reason };
        let url = Url::parse(url).map_err(|e| bad(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
            return Err(bad(format!("scheme {:?} is not http, https, ws or wss", url.scheme())));
        }
        let host = url.host_str().unwrap_or("unknown");
        let label = match url.port() {
            Some(port) => format!("{}://{host}:{port}", url.scheme()),
            None => format!("{}://{host}", url.scheme()),
        };
        let breaker = Breaker::new(config.breaker);
        Ok(Self { url, label, config: config.clone(), connection: Mutex::new(None), breaker })
    }

    /// Scheme and host, fit for logs.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Whether the endpoint can push subscriptions.
    pub(crate) fn is_websocket(&self) -> bool {
        self.url.scheme().starts_with("ws")
    }

    /// Sends one packet within the call timeout; a connection that failed is dropped, so that the next call reconnects.
    pub(crate) async fn call(&self, packet: RequestPacket) -> TransportResult<ResponsePacket> {
        let transport = self.transport().await.map_err(TransportErrorKind::custom)?;
        let result = self.bounded(transport.oneshot(packet)).await;
        if result.as_ref().is_err_and(|e| e.as_error_resp().is_none()) {
            *self.connection.lock().await = None;
        }
        result
    }

    /// Connects if need be and checks the chain id.
    pub(crate) async fn transport(&self) -> Result<BoxTransport> {
        let mut connection = self.connection.lock().await;
        if let Some(transport) = connection.as_ref() {
            return Ok(transport.clone());
        }
        let transport = if self.is_websocket() {
            let connect = self.bounded(self.ws_connect().into_service()).await?;
            BoxTransport::new(connect)
        } else {
            let (timeout, limit) = (self.config.call_timeout, self.config.max_response_bytes);
            BoxTransport::new(BoundedHttp::new(self.url.clone(), self.label.clone(), timeout, limit)?)
        };
        self.check_chain(&RpcClient::new(transport.clone(), true)).await?;
        *connection = Some(transport.clone());
        Ok(transport)
    }

    /// A connection of its own, for subscriptions; `None` when the endpoint speaks HTTP.
    pub(crate) async fn subscriber(&self) -> Result<Option<DynProvider>> {
        if !self.is_websocket() {
            return Ok(None);
        }
        let client = self.bounded(RpcClient::builder().ws(self.ws_connect())).await?;
        self.check_chain(&client).await?;
        client.expect_pubsub_frontend().set_channel_size(self.config.subscription_buffer);
        Ok(Some(RootProvider::<alloy::network::Ethereum>::new(client).erased()))
    }

    fn ws_connect(&self) -> WsConnect {
        let limit = self.config.max_response_bytes;
        let limits = WebSocketConfig::default().max_message_size(Some(limit)).max_frame_size(Some(limit));
        WsConnect::new(self.url.as_str())
            .with_config(limits)
            .with_max_retries(1)
            .with_retry_interval(Duration::from_millis(100))
            .with_keepalive_interval(self.config.call_timeout)
    }

    async fn check_chain(&self, client: &RpcClient) -> Result<()> {
        let call = client.request_noparams::<U64>("eth_chainId").into_future();
        let got: U64 = self.bounded(call).await?;
        let got = got.to::<u64>();
        if got == self.config.chain_id {
            return Ok(());
        }
        self.breaker.ban();
        Err(ChainError::WrongChain { endpoint: self.label.clone(), expected: self.config.chain_id, got })
    }

    /// A call under the call timeout.
    pub(crate) async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, TransportError>>,
    ) -> TransportResult<T> {
        match timeout(self.config.call_timeout, call).await {
            Ok(result) => result,
            Err(_) => Err(TransportErrorKind::custom(ChainError::Timeout {
                endpoint: self.label.clone(),
                timeout: self.config.call_timeout,
            })),
        }
    }

    /// How long the endpoint rests; `None` when it is banned.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.breaker.wait(Instant::now())
    }
}
