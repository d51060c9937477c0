//! Token buckets per address: one noisy client does not slow the others down.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::Instant,
};

use jsonrpsee::{
    MethodResponse,
    core::middleware::{Batch, BatchEntry, BatchEntryErr, Notification, RpcServiceT},
    types::{Id, Request},
};
use parking_lot::Mutex;
use prometheus::IntCounter;
use std::sync::Arc;

use crate::error::rate_limited;

/// Addresses that are remembered; when there are more, those with a full bucket are forgotten.
const REMEMBERED: usize = 65_536;

/// Buckets by address; an IPv6 network of 64 bits counts as one address.
#[derive(Debug)]
pub(crate) struct Buckets {
    rate: f64,
    burst: f64,
    levels: Mutex<HashMap<IpAddr, Level>>,
    refused: IntCounter,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    tokens: f64,
    at: Instant,
}

impl Buckets {
    pub(crate) fn new(rate: f64, burst: f64, refused: IntCounter) -> Self {
        Self { rate: rate.max(0.1), burst: burst.max(1.0), levels: Mutex::default(), refused }
    }

    /// Takes `count` tokens of an address; false, and none are taken, when it has fewer.
    pub(crate) fn take(&self, address: IpAddr, count: usize) -> bool {
        self.take_at(address, count, Instant::now())
    }

    /// Whether an address has a token, without taking it.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.take_at(address, 0, Instant::now()) && {
            let levels = self.levels.lock();
            levels.get(&network(address)).is_none_or(|level| level.tokens >= 1.0)
        }
    }

    fn take_at(&self, address: IpAddr, count: usize, now: Instant) -> bool {
        let wanted = count as f64;
        let mut levels = self.levels.lock();
        if levels.len() >= REMEMBERED && !levels.contains_key(&network(address)) {
            let (rate, burst) = (self.rate, self.burst);
            levels.retain(|_, level| level.refilled(rate, burst, now) < burst);
        }
        let full = Level { tokens: self.burst, at: now };
        let level = levels.entry(network(address)).or_insert(full);
        let tokens = level.refilled(self.rate, self.burst, now);
        let enough = tokens >= wanted;
        *level = Level { tokens: if enough { tokens - wanted } else { tokens }, at: now };
        drop(levels);
        if !enough {
            self.refused.inc();
        }
        enough
    }
}

impl Level {
    fn refilled(&self, rate: f64, burst: f64, now: Instant) -> f64 {
        (self.tokens + rate * now.saturating_duration_since(self.at).as_secs_f64()).min(burst)
    }
}

/// What shares a bucket, and places for connections.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)).into(),
        },
    }
}

/// Takes a token for each call, those of a batch included, over HTTP and WebSocket alike.
#[derive(Clone, Debug)]
pub(crate) struct Limited<S> {
    pub(crate) inner: S,
    pub(crate) buckets: Arc<Buckets>,
    pub(crate) address: IpAddr,
}

impl<S> RpcServiceT for Limited<S>
where
    S: RpcServiceT<MethodResponse = MethodResponse> + Clone + Send + Sync + 'static,
{
    type MethodResponse = MethodResponse;
    type NotificationResponse = S::NotificationResponse;
    type BatchResponse = S::BatchResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let (inner, free) = (self.inner.clone(), self.buckets.take(self.address, 1));
        async move {
            if free { inner.call(request).await } else { MethodResponse::error(request.id, rate_limited()) }
        }
    }

    fn batch<'a>(&self, mut batch: Batch<'a>) -> impl Future<Output = Self::BatchResponse> + Send + 'a {
        if !self.buckets.take(self.address, batch.len()) {
            for entry in batch.iter_mut() {
                let id = match entry {
                    Ok(BatchEntry::Call(request)) => request.id.clone(),
                    _ => Id::Null,
                };
                *entry = Err(BatchEntryErr::new(id, rate_limited()));
            }
        }
        let inner = self.inner.clone();
        async move { inner.batch(batch).await }
    }

    fn notification<'a>(
        &self,
        n: Notification<'a>,
    ) -> impl Future<Output = Self::NotificationResponse> + Send + 'a {
        self.inner.notification(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn buckets() -> Buckets {
        Buckets::new(10.0, 20.0, IntCounter::new("refused", "x").unwrap())
    }

    // covers: D1
    #[test]
    fn a_flood_from_one_address_leaves_the_others_alone() {
        let (buckets, now) = (buckets(), Instant::now());
        let (noisy, quiet) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let passed = (0..1000).filter(|_| buckets.take_at(noisy, 1, now)).count();
        assert_eq!(passed, 20);
        assert!(buckets.take_at(quiet, 1, now));
        assert_eq!(buckets.refused.get(), 980);
        let later = now + Duration::from_secs(1);
        assert_eq!((0..1000).filter(|_| buckets.take_at(noisy, 1, later)).count(), 10);
    }

    // covers: D7
    #[test]
    fn a_batch_costs_as_much_as_its_calls() {
        let (buckets, now, address) = (buckets(), Instant::now(), IpAddr::from([10, 0, 0, 1]));
        assert!(!buckets.take_at(address, 21, now));
        assert!(buckets.take_at(address, 20, now));
        assert!(!buckets.take_at(address, 1, now));
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_bucket() {
        let (buckets, now) = (buckets(), Instant::now());
        assert!(buckets.take_at("2001:db8::1".parse().unwrap(), 20, now));
        assert!(!buckets.take_at("2001:db8::2".parse().unwrap(), 1, now));
        assert!(buckets.take_at("2001:db8:0:1::1".parse().unwrap(), 1, now));
        assert!(buckets.take_at("10.0.0.1".parse().unwrap(), 20, now));
        assert!(!buckets.take_at("::ffff:10.0.0.1".parse().unwrap(), 1, now), "mapped");
    }

    // covers: D2
    #[test]
    fn memory_is_bounded_however_many_addresses_come() {
        let (buckets, mut now) = (buckets(), Instant::now());
        for n in 0..200_000u32 {
            buckets.take_at(IpAddr::from(n.to_be_bytes()), 1, now);
            now += Duration::from_millis(1);
        }
        assert!(buckets.levels.lock().len() <= REMEMBERED + 1);
    }
}
