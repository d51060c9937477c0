//! Starts both servers.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use hyper::{Request, Response, StatusCode, body::Incoming, header};
use jsonrpsee::{
    Methods,
    core::middleware::RpcServiceBuilder,
    server::{
        BatchRequestConfig, HttpBody, PingConfig, ServerConfig, StopHandle, TowerServiceBuilder, stop_channel,
    },
};
use prometheus::Registry;
use sotto_auction::gateway::Gateway;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt, layer::util::Identity};
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::{
    ApiConfig, ApiError,
    http::{Operators, router},
    limit::{Buckets, Limited},
    listener::{Limits, Place, accept},
    metrics::ApiMetrics,
    rpc::{self, Context},
};

/// Running servers.
#[derive(Debug)]
pub struct Bound {
    /// Where JSON-RPC is served.
    pub rpc: SocketAddr,
    /// Where operators are served.
    pub http: SocketAddr,
    /// Ends after `cancel` was cancelled and open requests were answered.
    pub task: JoinHandle<()>,
}

/// Binds both servers and serves the gateway until `cancel` is cancelled. Metrics go to `registry`, and `/metrics` shows
/// all that is in it.
///
/// # Errors
/// When an address cannot be bound or a metric is registered already.
pub async fn serve(
    gateway: Gateway,
    config: ApiConfig,
    registry: Registry,
    cancel: CancellationToken,
) -> Result<Bound, ApiError> {
    let metrics = ApiMetrics::new(&registry)?;
    let context =
        Context { gateway: gateway.clone(), metrics: metrics.clone(), patience: config.idle_timeout };
    let methods: Methods = rpc::module(context)?.into();
    let (rpc_listener, http_listener) = (bind(config.rpc_listen).await?, bind(config.http_listen).await?);
    let (rpc, http) =
        (address(&rpc_listener, config.rpc_listen), address(&http_listener, config.http_listen));
    let limits = Limits {
        connections: usize::try_from(config.max_connections).unwrap_or(usize::MAX),
        per_address: usize::try_from(config.max_connections_per_ip).unwrap_or(usize::MAX),
        header_timeout: config.header_timeout,
    };
    let routes = router(Operators { gateway, registry, max_idle: config.max_idle });
    let buckets =
        Arc::new(Buckets::new(config.calls_per_second, config.call_burst, metrics.rate_limited.clone()));
    let (stop, handle) = stop_channel();
    let builder =
        jsonrpsee::server::Server::builder().set_config(server_config(&config)).to_service_builder();
    let factory = RpcFactory { builder, methods, stop, buckets, limits: config };
    let task = tokio::spawn(async move {
        let make = move |peer, place| RpcConnection { factory: factory.clone(), peer, place };
        let rpc = accept(rpc_listener, limits, metrics.rpc, cancel.clone(), make);
        let http = accept(http_listener, limits, metrics.http, cancel.clone(), move |_, _| routes.clone());
        let stopping = async {
            cancel.cancelled().await;
            // WebSocket sessions end with this.
            let _ = handle.stop();
        };
        tokio::join!(rpc, http, stopping);
    });
    Ok(Bound { rpc, http, task })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ApiError> {
    TcpListener::bind(address).await.map_err(|source| ApiError::Bind { address, source })
}

fn address(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

fn server_config(config: &ApiConfig) -> ServerConfig {
    let ping = PingConfig::new()
        .ping_interval(config.idle_timeout / 2)
        .inactive_limit(config.idle_timeout)
        .max_failures(1);
    ServerConfig::builder()
        .max_request_body_size(config.max_body_bytes)
        .max_response_body_size(config.max_response_bytes)
        .max_connections(config.max_connections)
        .max_subscriptions_per_connection(config.max_subscriptions)
        .set_batch_request_config(BatchRequestConfig::Limit(config.max_batch))
        .set_message_buffer_capacity(config.message_buffer)
        .enable_ws_ping(ping)
        .build()
}

/// Makes the service of a JSON-RPC connection.
#[derive(Clone)]
struct RpcFactory {
    builder: TowerServiceBuilder<Identity, Identity>,
    methods: Methods,
    stop: StopHandle,
    buckets: Arc<Buckets>,
    limits: ApiConfig,
}

impl RpcFactory {
    /// Serves one request; a WebSocket goes on for as long as the client stays.
    async fn answer(
        self,
        peer: SocketAddr,
        place: Arc<Place>,
        request: Request<Incoming>,
    ) -> Response<HttpBody> {
        let (buckets, address) = (Arc::clone(&self.buckets), peer.ip());
        let limited = RpcServiceBuilder::new().layer_fn(move |inner| Limited {
            inner,
            buckets: Arc::clone(&buckets),
            address,
        });
        let upgrade = jsonrpsee::server::ws::is_upgrade_request(&request);
        let mut service = self.builder.set_rpc_middleware(limited).build(self.methods, self.stop);
        if upgrade {
            let closed = service.on_session_closed();
            tokio::spawn(async move {
                closed.await;
                drop(place);
            });
            return service
                .oneshot(request)
                .await
                .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "failed"));
        }
        let service = tower::ServiceBuilder::new()
            .layer(RequestBodyTimeoutLayer::new(self.limits.body_timeout))
            .service(service);
        match tokio::time::timeout(self.limits.request_timeout, service.oneshot(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => plain(StatusCode::INTERNAL_SERVER_ERROR, "failed"),
            Err(_) => plain(StatusCode::REQUEST_TIMEOUT, "the request took too long"),
        }
    }
}

/// A JSON-RPC connection.
#[derive(Clone)]
struct RpcConnection {
    factory: RpcFactory,
    peer: SocketAddr,
    place: Arc<Place>,
}

impl tower::Service<Request<Incoming>> for RpcConnection {
    type Response = Response<HttpBody>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let (factory, peer, place) = (self.factory.clone(), self.peer, Arc::clone(&self.place));
        Box::pin(async move {
            // An address whose bucket is empty is answered without reading the body.
            if !factory.buckets.has(peer.ip()) {
                return Ok(slow_down());
            }
            Ok(factory.answer(peer, place, request).await)
        })
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<HttpBody> {
    let mut response = Response::new(HttpBody::from(text));
    *response.status_mut() = status;
    response
}

fn slow_down() -> Response<HttpBody> {
    let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "too many calls from this address");
    let second = header::HeaderValue::from(Duration::from_secs(1).as_secs());
    response.headers_mut().insert(header::RETRY_AFTER, second);
    response
}
