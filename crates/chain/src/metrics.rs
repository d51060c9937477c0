//! Counters and gauges of this crate, under `sotto_chain_`.

use prometheus::{IntCounter, IntGauge, Opts, Registry, core::Collector};

use crate::{ChainError, Result};

/// Metrics of the chain connection. Cloning shares the values.
#[derive(Clone, Debug)]
pub struct ChainMetrics {
    /// Calls sent to RPC endpoints.
    pub rpc_calls: IntCounter,
    /// Calls that an endpoint failed.
    pub rpc_failures: IntCounter,
    /// Times that an endpoint's breaker opened.
    pub rpc_breaker_openings: IntCounter,
    /// Endpoints whose breaker is closed.
    pub rpc_endpoints_healthy: IntGauge,
    /// Endpoints refused because they serve another chain.
    pub rpc_wrong_chain: IntCounter,
    /// Number of the latest block that was handed out.
    pub head_number: IntGauge,
    /// Seconds since the last new head arrived.
    pub head_age_seconds: IntGauge,
    /// Reorganisations followed.
    pub reorgs: IntCounter,
    /// Depth of the last reorganisation, blocks.
    pub reorg_depth_blocks: IntGauge,
    /// Log events handed out, added and removed.
    pub logs: IntCounter,
    /// Logs that were seen before and not handed out again.
    pub logs_duplicate: IntCounter,
    /// Subscriptions opened again after a silence or an error.
    pub resubscriptions: IntCounter,
    /// Pending transactions handed out.
    pub pending_seen: IntCounter,
    /// Pending transactions dropped because the receiver was behind.
    pub pending_dropped_full: IntCounter,
    /// Pending transactions dropped because their calldata was too large.
    pub pending_dropped_oversized: IntCounter,
    /// Transactions asked for.
    pub tx_requested: IntCounter,
    /// Transactions mined successfully.
    pub tx_mined: IntCounter,
    /// Transactions mined and reverted.
    pub tx_reverted: IntCounter,
    /// Transactions that ended in any other way.
    pub tx_failed: IntCounter,
    /// Replacements sent with higher fees.
    pub tx_bumps: IntCounter,
    /// Times that a bump was held back by the fee cap.
    pub tx_fee_capped: IntCounter,
    /// Cancellations sent.
    pub tx_cancels: IntCounter,
    /// Same bytes sent again.
    pub tx_rebroadcasts: IntCounter,
    /// Nonce drift corrected.
    pub tx_nonce_resyncs: IntCounter,
    /// Transactions that a reorganisation put back into flight.
    pub tx_reexposed: IntCounter,
    /// Transactions in flight.
    pub tx_in_flight: IntGauge,
}

impl ChainMetrics {
    /// Creates the metrics and registers them.
    ///
    /// # Errors
    /// [`ChainError::Metrics`] when the registry holds them already.
    #[rustfmt::skip]
    pub fn new(registry: &Registry) -> Result<Self> {
        Ok(Self {
            rpc_calls: counter(registry, "rpc_calls_total", "Calls sent to RPC endpoints.")?,
            rpc_failures: counter(registry, "rpc_failures_total", "Calls that an endpoint failed.")?,
            rpc_breaker_openings: counter(registry, "rpc_breaker_openings_total", "Times that an endpoint's breaker opened.")?,
            rpc_endpoints_healthy: gauge(registry, "rpc_endpoints_healthy", "Endpoints whose breaker is closed.")?,
            rpc_wrong_chain: counter(registry, "rpc_wrong_chain_total", "Endpoints refused because they serve another chain.")?,
            head_number: gauge(registry, "head_number", "Number of the latest block that was handed out.")?,
            head_age_seconds: gauge(registry, "head_age_seconds", "Seconds since the last new head arrived.")?,
            reorgs: counter(registry, "reorgs_total", "Reorganisations followed.")?,
            reorg_depth_blocks: gauge(registry, "reorg_depth_blocks", "Depth of the last reorganisation.")?,
            logs: counter(registry, "logs_total", "Log events handed out, added and removed.")?,
            logs_duplicate: counter(registry, "logs_duplicate_total", "Logs seen before and not handed out again.")?,
            resubscriptions: counter(registry, "resubscriptions_total", "Subscriptions opened again after a silence or an error.")?,
            pending_seen: counter(registry, "pending_seen_total", "Pending transactions handed out.")?,
            pending_dropped_full: counter(registry, "pending_dropped_full_total", "Pending transactions dropped because the receiver was behind.")?,
            pending_dropped_oversized: counter(registry, "pending_dropped_oversized_total", "Pending transactions dropped because their calldata was too large.")?,
            tx_requested: counter(registry, "tx_requested_total", "Transactions asked for.")?,
            tx_mined: counter(registry, "tx_mined_total", "Transactions mined successfully.")?,
            tx_reverted: counter(registry, "tx_reverted_total", "Transactions mined and reverted.")?,
            tx_failed: counter(registry, "tx_failed_total", "Transactions that ended in any other way.")?,
            tx_bumps: counter(registry, "tx_bumps_total", "Replacements sent with higher fees.")?,
            tx_fee_capped: counter(registry, "tx_fee_capped_total", "Times that a bump was held back by the fee cap.")?,
            tx_cancels: counter(registry, "tx_cancels_total", "Cancellations sent.")?,
            tx_rebroadcasts: counter(registry, "tx_rebroadcasts_total", "Same bytes sent again.")?,
            tx_nonce_resyncs: counter(registry, "tx_nonce_resyncs_total", "Nonce drift corrected.")?,
            tx_reexposed: counter(registry, "tx_reexposed_total", "Transactions that a reorganisation put back into flight.")?,
            tx_in_flight: gauge(registry, "tx_in_flight", "Transactions in flight.")?,
        })
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter> {
    let metric = IntCounter::with_opts(options(name, help)).map_err(refused)?;
    register(registry, metric)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge> {
    let metric = IntGauge::with_opts(options(name, help)).map_err(refused)?;
    register(registry, metric)
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("sotto").subsystem("chain")
}

fn register<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M> {
    registry.register(Box::new(metric.clone())).map_err(refused)?;
    Ok(metric)
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of map_err's argument")]
fn refused(error: prometheus::Error) -> ChainError {
    ChainError::Metrics { reason: error.to_string() }
}
