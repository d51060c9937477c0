//! A pool of RPC endpoints that looks like one provider.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use alloy::{
    network::Ethereum,
    primitives::{Address, B256, keccak256},
    providers::{DynProvider, Provider, RootProvider},
    rpc::{
        client::RpcClient,
        json_rpc::{RequestPacket, ResponsePacket},
        types::SyncStatus,
    },
    transports::{TransportError, TransportErrorKind, TransportFut, TransportResult},
};
use futures::future::join_all;
use rand::Rng;
use tower::Service;

use crate::{
    BreakerConfig, ChainError, ChainMetrics, Result,
    endpoint::Endpoint,
    retry::{backoff_hint, retryable},
};

/// Configuration of a [`ProviderPool`].
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// RPC URLs in order of preference; `ws(s)://` ones can push heads.
    pub urls: Vec<String>,
    /// The chain that every endpoint must serve.
    pub chain_id: u64,
    /// Limit of one call to one endpoint, connecting included.
    pub call_timeout: Duration,
    /// Time after which a request begins no further attempt, rests included.
    pub request_timeout: Duration,
    /// Calls made for one request before it fails.
    pub max_attempts: u32,
    /// First wait between two attempts at the same endpoint; doubled each time, with jitter.
    pub backoff: Duration,
    /// Largest response that is read, bytes.
    pub max_response_bytes: usize,
    /// Items that a subscription buffers before it counts as lagging.
    pub subscription_buffer: usize,
    /// When an endpoint is left to rest.
    pub breaker: BreakerConfig,
}

impl PoolConfig {
    /// Defaults for a list of URLs and a chain.
    pub fn new(urls: Vec<String>, chain_id: u64) -> Self {
        Self {
            urls,
            chain_id,
            call_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(12),
            max_attempts: 6,
            backoff: Duration::from_millis(100),
            max_response_bytes: 16 << 20,
            subscription_buffer: 1024,
            breaker: BreakerConfig::default(),
        }
    }
}

/// State of one endpoint, for status pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Scheme and host.
    pub endpoint: String,
    /// Whether its breaker is closed.
    pub healthy: bool,
    /// Whether requests go to it first.
    pub preferred: bool,
}

/// RPC endpoints behind one provider. Each call goes to the preferred endpoint and, when that fails in a way that another
/// could mend, to the next; JSON-RPC errors that a retry cannot help come back at once. Cloning shares the pool.
#[derive(Clone, Debug)]
pub struct ProviderPool {
    inner: Arc<Inner>,
    provider: DynProvider,
}

#[derive(Debug)]
struct Inner {
    endpoints: Vec<Endpoint>,
    preferred: AtomicUsize,
    config: PoolConfig,
    metrics: ChainMetrics,
}

impl ProviderPool {
    /// Checks the chain of every endpoint that answers.
    ///
    /// # Errors
    /// [`ChainError::WrongChain`] when any endpoint serves another chain, [`ChainError::NoEndpoints`] and
    /// [`ChainError::BadUrl`] for the configuration, and the last failure when none answers.
    pub async fn connect(config: PoolConfig, metrics: ChainMetrics) -> Result<Self> {
        let endpoints = config.urls.iter().enumerate();
        let endpoints: Vec<_> =
            endpoints.map(|(i, url)| Endpoint::new(i, url, &config)).collect::<Result<_>>()?;
        let checks = join_all(endpoints.iter().map(Endpoint::transport)).await;
        let mut first_good = None;
        let mut last = ChainError::NoEndpoints;
        for (i, check) in checks.into_iter().enumerate() {
            match check {
                Ok(_) => first_good = first_good.or(Some(i)),
                Err(e @ ChainError::WrongChain { .. }) => return Err(e),
                Err(e) => last = e,
            }
        }
        let preferred = AtomicUsize::new(first_good.ok_or(last)?);
        let inner = Arc::new(Inner { endpoints, preferred, config, metrics });
        inner.note_health();
        let client = RpcClient::new(Failover(inner.clone()), false);
        Ok(Self { inner, provider: RootProvider::<Ethereum>::new(client).erased() })
    }

    /// The provider to make calls and contract instances with. It fills in nothing and signs nothing.
    pub fn provider(&self) -> DynProvider {
        self.provider.clone()
    }

    /// The chain that every endpoint was checked to serve.
    pub fn chain_id(&self) -> u64 {
        self.inner.config.chain_id
    }

    /// The metrics that the pool was made with.
    pub fn metrics(&self) -> &ChainMetrics {
        &self.inner.metrics
    }

    /// State of the endpoints, in configuration order.
    pub fn health(&self) -> Vec<EndpointHealth> {
        let preferred = self.inner.preferred.load(Ordering::Relaxed);
        let endpoints = self.inner.endpoints.iter().enumerate();
        endpoints
            .map(|(i, e)| EndpointHealth {
                endpoint: e.label().to_owned(),
                healthy: e.breaker.is_closed(),
                preferred: i == preferred,
            })
            .collect()
    }

    /// Whether the node says that it is still syncing.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn is_syncing(&self) -> Result<bool> {
        Ok(!matches!(self.provider.syncing().await?, SyncStatus::None))
    }

    /// Checks that a contract is deployed, and returns keccak256 of its code.
    ///
    /// # Errors
    /// [`ChainError::NoCode`], [`ChainError::CodeHash`] when it is not `expected`, and those of the call.
    pub async fn expect_code(&self, address: Address, expected: Option<B256>) -> Result<B256> {
        let code = self.provider.get_code_at(address).await?;
        if code.is_empty() {
            return Err(ChainError::NoCode { address });
        }
        let got = keccak256(&code);
        match expected {
            Some(expected) if expected != got => Err(ChainError::CodeHash { address, expected, got }),
            _ => Ok(got),
        }
    }

    /// The hash of a block on which every endpoint that answers agrees, to be asked before acting on something that
    /// cannot be undone. `None` when no endpoint has the block.
    ///
    /// # Errors
    /// [`ChainError::Disagreement`], or the last failure when none answers.
    pub async fn agreed_block_hash(&self, number: u64) -> Result<Option<B256>> {
        let answers = join_all(self.inner.endpoints.iter().map(|e| block_hash(e, number))).await;
        let mut agreed: Option<B256> = None;
        let mut answered = false;
        let mut last = ChainError::NoEndpoints;
        for answer in answers {
            match answer {
                Ok(Some(other)) => match agreed {
                    Some(first) if first != other => {
                        return Err(ChainError::Disagreement { number, first, other });
                    }
                    _ => (answered, agreed) = (true, Some(other)),
                },
                Ok(None) => answered = true,
                Err(e) => last = e,
            }
        }
        if answered { Ok(agreed) } else { Err(last) }
    }

    /// How long one call may take.
    pub(crate) fn call_timeout(&self) -> Duration {
        self.inner.config.call_timeout
    }

    /// Number of endpoints.
    pub(crate) fn len(&self) -> usize {
        self.inner.endpoints.len()
    }

    /// A connection for subscriptions to endpoint `index`, `None` when it speaks HTTP or rests.
    pub(crate) async fn subscriber(&self, index: usize) -> Result<Option<DynProvider>> {
        let Some(endpoint) = self.inner.endpoints.get(index) else { return Ok(None) };
        if endpoint.wait() != Some(Duration::ZERO) {
            return Ok(None);
        }
        let result = endpoint.subscriber().await;
        match &result {
            Ok(Some(_)) => endpoint.breaker.success(),
            Ok(None) => {}
            Err(_) => {
                endpoint.breaker.failure(Instant::now(), None);
            }
        }
        self.inner.note_health();
        result
    }

    /// Whether any endpoint can push subscriptions.
    pub(crate) fn has_websocket(&self) -> bool {
        self.inner.endpoints.iter().any(Endpoint::is_websocket)
    }
}

async fn block_hash(endpoint: &Endpoint, number: u64) -> Result<Option<B256>> {
    let client = RpcClient::new(endpoint.transport().await?, true);
    let provider = RootProvider::<Ethereum>::new(client);
    let block = endpoint.bounded(provider.get_block_by_number(number.into()).into_future()).await?;
    Ok(block.map(|block| block.header.hash))
}

impl Inner {
    /// The endpoint to ask next: the preferred one if it is up, else the next that is; with the wait before it may be asked.
    fn pick(&self, failed: &[usize]) -> Option<(usize, Duration)> {
        let start = self.preferred.load(Ordering::Relaxed);
        let count = self.endpoints.len();
        let order = (0..count).map(|i| (start + i) % count);
        let waits = order.filter_map(|i| Some((i, self.endpoints.get(i)?.wait()?)));
        waits.min_by_key(|(i, wait)| (*wait, failed.iter().filter(|f| *f == i).count()))
    }

    async fn request(self: Arc<Self>, packet: RequestPacket) -> TransportResult<ResponsePacket> {
        let start = Instant::now();
        let mut failed = Vec::new();
        let mut last: Option<TransportError> = None;
        for attempt in 0..self.config.max_attempts {
            let Some((index, wait)) = self.pick(&failed) else { break };
            let tried = failed.contains(&index);
            if tried || !wait.is_zero() {
                let pause = self.backoff(attempt).max(wait);
                if start.elapsed().saturating_add(pause) > self.config.request_timeout {
                    break;
                }
                tokio::time::sleep(pause).await;
            }
            match self.attempt(index, packet.clone()).await {
                Ok(response) => return Ok(response),
                Err(e) if retryable(&e) => last = Some(e),
                Err(e) => return Err(e),
            }
            failed.push(index);
        }
        let attempts = u32::try_from(failed.len()).unwrap_or(u32::MAX);
        // Nothing was tried when every endpoint rests for longer than the request may take.
        let resting = || ChainError::RateLimited { reason: "every endpoint rests".into() };
        let last = last.map_or_else(resting, ChainError::from);
        if matches!(last, ChainError::RateLimited { .. } | ChainError::Timeout { .. }) {
            return Err(TransportErrorKind::custom(last));
        }
        Err(TransportErrorKind::custom(ChainError::Exhausted { attempts, last: last.to_string() }))
    }

    /// One call. A rate limit that arrives as a JSON-RPC error counts as a failure, every other JSON-RPC error is an answer.
    async fn attempt(&self, index: usize, packet: RequestPacket) -> TransportResult<ResponsePacket> {
        let Some(endpoint) = self.endpoints.get(index) else {
            return Err(TransportErrorKind::custom(ChainError::NoEndpoints));
        };
        self.metrics.rpc_calls.inc();
        let result = match endpoint.call(packet).await {
            Ok(ResponsePacket::Single(response)) => match response.payload.as_error() {
                Some(error) if error.is_retry_err() => Err(TransportError::ErrorResp(error.clone())),
                _ => Ok(ResponsePacket::Single(response)),
            },
            other => other,
        };
        match &result {
            Ok(_) => {
                endpoint.breaker.success();
                self.preferred.store(index, Ordering::Relaxed);
            }
            Err(e) => self.note_failure(endpoint, e),
        }
        self.note_health();
        result
    }

    fn note_failure(&self, endpoint: &Endpoint, error: &TransportError) {
        self.metrics.rpc_failures.inc();
        if !retryable(error) {
            return;
        }
        if let Some(ChainError::WrongChain { .. }) = crate::retry::own(error) {
            self.metrics.rpc_wrong_chain.inc();
        }
        tracing::debug!(endpoint = endpoint.label(), %error, "rpc call failed");
        if endpoint.breaker.failure(Instant::now(), backoff_hint(error)) {
            self.metrics.rpc_breaker_openings.inc();
            tracing::warn!(endpoint = endpoint.label(), "endpoint rests after failures");
        }
    }

    fn note_health(&self) {
        let healthy = self.endpoints.iter().filter(|e| e.breaker.is_closed()).count();
        self.metrics.rpc_endpoints_healthy.set(i64::try_from(healthy).unwrap_or(i64::MAX));
    }

    /// Exponential, with full jitter on the upper half.
    fn backoff(&self, attempt: u32) -> Duration {
        let full = self.config.backoff.saturating_mul(1 << attempt.min(6));
        full.mul_f64(rand::thread_rng().gen_range(0.5..1.0))
    }
}

/// The transport under [`ProviderPool::provider`].
#[derive(Clone, Debug)]
struct Failover(Arc<Inner>);

impl Service<RequestPacket> for Failover {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.0.clone().request(packet))
    }
}
