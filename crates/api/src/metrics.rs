//! Counters of the servers, under `sotto_api_`.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector,
};

/// Metrics of both servers. Cloning shares the values.
#[derive(Clone, Debug)]
pub(crate) struct ApiMetrics {
    /// JSON-RPC connections.
    pub(crate) rpc: ServerMetrics,
    /// Operators' connections.
    pub(crate) http: ServerMetrics,
    /// Calls refused because their address makes too many.
    pub(crate) rate_limited: IntCounter,
    calls: IntCounterVec,
    seconds: HistogramVec,
}

/// Connections of one server.
#[derive(Clone, Debug)]
pub(crate) struct ServerMetrics {
    /// Open connections.
    pub(crate) connections: IntGauge,
    /// Connections closed at once for want of a place.
    pub(crate) connections_refused: IntCounter,
}

impl ApiMetrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let seconds = HistogramOpts::new("call_seconds", "Duration of a call, by method.")
            .namespace("sotto")
            .subsystem("api");
        Ok(Self {
            rpc: ServerMetrics::new(registry, "rpc")?,
            http: ServerMetrics::new(registry, "http")?,
            rate_limited: counter(
                registry,
                "rate_limited_total",
                "Calls refused because their address makes too many.",
            )?,
            calls: register(
                registry,
                IntCounterVec::new(
                    options("calls_total", "Calls, by method and outcome."),
                    &["method", "outcome"],
                )?,
            )?,
            seconds: register(registry, HistogramVec::new(seconds, &["method"])?)?,
        })
    }

    /// Notes a call of a known method.
    pub(crate) fn call(&self, method: &'static str, ok: bool, took: std::time::Duration) {
        self.calls.with_label_values(&[method, if ok { "ok" } else { "refused" }]).inc();
        self.seconds.with_label_values(&[method]).observe(took.as_secs_f64());
    }
}

impl ServerMetrics {
    fn new(registry: &Registry, server: &str) -> Result<Self, prometheus::Error> {
        let connections =
            IntGauge::with_opts(options(&format!("{server}_connections"), "Open connections."))?;
        let refused = format!("{server}_connections_refused_total");
        Ok(Self {
            connections: register(registry, connections)?,
            connections_refused: counter(
                registry,
                &refused,
                "Connections closed at once for want of a place.",
            )?,
        })
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("sotto").subsystem("api")
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    register(registry, IntCounter::with_opts(options(name, help))?)
}

fn register<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
