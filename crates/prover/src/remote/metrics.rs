//! Metrics of submitters and of workers. Labels are enums and configured kinds; a worker's own figures are on its own page.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

const SECONDS: [f64; 12] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// What a submitter counts, over both queues.
#[derive(Clone, Debug)]
pub struct QueueMetrics {
    pub(super) jobs: IntCounterVec,
    pub(super) retries: IntCounterVec,
    pub(super) wrong: IntCounterVec,
    pub(super) dead: IntCounterVec,
    pub(super) seconds: HistogramVec,
    pub(super) lateness: HistogramVec,
    pub(super) waiting: IntGaugeVec,
    pub(super) running: IntGaugeVec,
    pub(super) age: IntGaugeVec,
    pub(super) workers: IntGaugeVec,
    pub(super) shunned: IntGaugeVec,
}

impl QueueMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// When one is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name, help, labels: &[&str]| counters(registry, name, help, labels);
        let gauges = |name, help, labels: &[&str]| gauges(registry, name, help, labels);
        let histograms = |name, help, labels: &[&str]| histograms(registry, name, help, labels);
        Ok(Self {
            jobs: counters(
                "sotto_queue_jobs_total",
                "Jobs sent to workers, by outcome; any outcome but `proved` was proved at home",
                &["queue", "kind", "outcome"],
            )?,
            retries: counters(
                "sotto_queue_retries_total",
                "Attempts that were repeated",
                &["queue", "reason"],
            )?,
            wrong: counters(
                "sotto_queue_wrong_proofs_total",
                "Proofs of workers that did not verify",
                &["queue", "kind"],
            )?,
            dead: counters("sotto_queue_dead_letters_total", "Jobs given up by workers", &["queue", "kind"])?,
            seconds: histograms(
                "sotto_queue_job_seconds",
                "From submitting a job to its verified proof",
                &["queue", "kind"],
            )?,
            lateness: histograms(
                "sotto_queue_lateness_seconds",
                "How long after its deadline a job ended",
                &["queue", "kind"],
            )?,
            waiting: gauges("sotto_queue_waiting_jobs", "Jobs that wait for a worker", &["queue", "class"])?,
            running: gauges("sotto_queue_running_jobs", "Jobs that workers hold", &["queue", "class"])?,
            age: gauges("sotto_queue_oldest_seconds", "Age of the oldest job", &["queue"])?,
            workers: gauges("sotto_queue_workers", "Workers that advertise themselves", &["queue"])?,
            shunned: gauges("sotto_queue_shunned_workers", "Workers that get no jobs", &["queue"])?,
        })
    }
}

/// What a worker counts.
#[derive(Clone, Debug)]
pub struct WorkerMetrics {
    pub(super) jobs: IntCounterVec,
    pub(super) seconds: HistogramVec,
    pub(super) lateness: HistogramVec,
    pub(super) redelivered: IntCounter,
    pub(super) dead: IntCounter,
    pub(super) busy: IntGauge,
}

impl WorkerMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// When one is registered already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name, help| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let busy = IntGauge::new("sotto_worker_busy", "1 while a job is at work")?;
        registry.register(Box::new(busy.clone()))?;
        let labels = ["kind"];
        Ok(Self {
            jobs: counters(registry, "sotto_worker_jobs_total", "Jobs by outcome", &["kind", "outcome"])?,
            seconds: histograms(registry, "sotto_worker_job_seconds", "Duration of a job", &labels)?,
            lateness: histograms(
                registry,
                "sotto_worker_lateness_seconds",
                "How late a job was that came after its deadline",
                &labels,
            )?,
            redelivered: counter("sotto_worker_redelivered_total", "Jobs that another worker had before")?,
            dead: counter("sotto_worker_dead_letters_total", "Jobs that were given up")?,
            busy,
        })
    }
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    let made = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, prometheus::Error> {
    let made = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<HistogramVec, prometheus::Error> {
    let made = HistogramVec::new(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()), labels)?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}
