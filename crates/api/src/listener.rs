//! Accepts connections, in bounded numbers and with time limits, and serves HTTP/1.1 on them.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper::{Request, Response, body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use parking_lot::Mutex;
use prometheus::IntGauge;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{limit::network, metrics::ServerMetrics};

/// Pause after a failed accept, which is most often a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long open connections may finish after a shutdown began.
const DRAIN: Duration = Duration::from_secs(5);

/// Limits of one server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) per_address: usize,
    pub(crate) header_timeout: Duration,
}

/// Places for connections, in all and per address.
#[derive(Clone, Debug)]
struct Places {
    all: Arc<Semaphore>,
    per_address: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection's place; a WebSocket session keeps it after the HTTP connection handed it over.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    address: IpAddr,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    gauge: Option<IntGauge>,
}

impl Place {
    fn counted(mut self, gauge: IntGauge) -> Self {
        gauge.inc();
        self.gauge = Some(gauge);
        self
    }
}

impl Places {
    fn new(limits: Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.connections)),
            per_address: limits.per_address,
            taken: Arc::default(),
        }
    }

    /// A place, if one is free; whoever has one IPv6 address has 2^64 of them.
    fn take(&self, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let permit = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let mut taken = self.taken.lock();
        let count = taken.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Place { _permit: permit, address, taken: Arc::clone(&self.taken), gauge: None })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(gauge) = &self.gauge {
            gauge.dec();
        }
        let mut taken = self.taken.lock();
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

/// Serves connections until the token is cancelled, then lets open requests finish, shortly.
pub(crate) async fn accept<M, S, B>(
    listener: TcpListener,
    limits: Limits,
    metrics: ServerMetrics,
    cancel: CancellationToken,
    make: M,
) where
    M: Fn(SocketAddr, Arc<Place>) -> S,
    S: tower::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body<Data = hyper::body::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (places, tasks) = (Places::new(limits), TaskTracker::new());
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = places.take(peer.ip()) else {
            metrics.connections_refused.inc();
            continue;
        };
        let place = Arc::new(place.counted(metrics.connections.clone()));
        let (service, cancel) = (make(peer, Arc::clone(&place)), cancel.clone());
        tasks.spawn(async move {
            serve(stream, service, limits.header_timeout, cancel).await;
            drop(place);
        });
    }
    tasks.close();
    let _ = tokio::time::timeout(DRAIN, tasks.wait()).await;
}

async fn serve<S, B>(stream: TcpStream, service: S, header_timeout: Duration, cancel: CancellationToken)
where
    S: tower::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body<Data = hyper::body::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = cancel.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: D4
    #[test]
    fn places_are_limited_in_all_and_per_address_and_come_back() {
        let limits = Limits { connections: 3, per_address: 2, header_timeout: Duration::from_secs(1) };
        let places = Places::new(limits);
        let (a, b) = (IpAddr::from([1, 1, 1, 1]), IpAddr::from([2, 2, 2, 2]));
        let first = places.take(a).unwrap();
        let _second = places.take(a).unwrap();
        assert!(places.take(a).is_none(), "the address has two");
        let _third = places.take(b).unwrap();
        assert!(places.take(b).is_none(), "the server has three");
        drop(first);
        assert!(places.take(a).is_some());
    }

    // covers: D4
    #[test]
    fn addresses_of_one_ipv6_network_share_places() {
        let limits = Limits { connections: 9, per_address: 1, header_timeout: Duration::from_secs(1) };
        let places = Places::new(limits);
        let _first = places.take("2001:db8::1".parse().unwrap()).unwrap();
        assert!(places.take("2001:db8::2".parse().unwrap()).is_none());
        assert!(places.take("2001:db8:0:1::1".parse().unwrap()).is_some());
    }
}
