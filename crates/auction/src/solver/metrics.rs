//! Counters, gauges and histograms under `sotto_solver_`.

use std::time::Duration;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector,
};

use super::{DropReason, Stage};
use crate::Result;

/// What became of a slot that was bid on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SlotOutcome {
    /// Somebody else won.
    Lost,
    /// Won and delivered.
    Filled,
    /// Won and not delivered.
    Defaulted,
    /// Won and never called for.
    Unfilled,
}

impl SlotOutcome {
    const fn label(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Filled => "filled",
            Self::Defaulted => "defaulted",
            Self::Unfilled => "unfilled",
        }
    }
}

/// Metrics of one or several solvers. Cloning shares the values.
#[derive(Clone, Debug)]
pub struct SolverMetrics {
    stages: HistogramVec,
    reached: IntCounterVec,
    drops: IntCounterVec,
    slots: IntCounterVec,
    submissions: IntCounterVec,
    failures: IntCounterVec,
    leaves: IntCounterVec,
    /// Logs that could not be decoded.
    pub(super) bad_logs: IntCounter,
    /// Bids in flight.
    pub(super) bids_open: IntGauge,
    /// Openings that were evaluated while they were pending.
    pub(super) evaluated_ahead: IntCounter,
    /// Evaluations that were there already when the round opened.
    pub(super) ahead_hits: IntCounter,
    /// Reorganisations that changed a round.
    pub(super) rollbacks: IntCounter,
}

impl SolverMetrics {
    /// Creates the metrics and registers them.
    ///
    /// # Errors
    /// When the registry holds them already.
    #[rustfmt::skip]
    pub fn new(registry: &Registry) -> Result<Self> {
        let buckets = vec![0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 6.0, 12.0, 24.0, 48.0, 96.0, 240.0];
        let stages = options("stage_seconds", "Seconds from the previous stage of a bid to this one.");
        let stages = HistogramVec::new(HistogramOpts::from(stages).buckets(buckets), &["stage"])?;
        Ok(Self {
            stages: register(registry, stages)?,
            reached: counters(registry, "bids_total", "Bids that reached a stage.", "stage")?,
            drops: counters(registry, "drops_total", "Bids given up, by reason.", "reason")?,
            slots: counters(registry, "slots_total", "Slots bid on, by outcome.", "outcome")?,
            submissions: counters(registry, "submissions_total", "Sheets handed to the gateway, by outcome.", "outcome")?,
            failures: counters(registry, "step_failures_total", "Steps that failed and are tried again, by step.", "step")?,
            leaves: counters(registry, "leaves_total", "Leaves proven ahead of their sheets, by what happened.", "event")?,
            bad_logs: register(registry, IntCounter::with_opts(options("bad_logs_total", "Logs of the auction house that could not be decoded."))?)?,
            bids_open: register(registry, IntGauge::with_opts(options("bids_open", "Bids in flight."))?)?,
            evaluated_ahead: register(registry, IntCounter::with_opts(options("evaluated_ahead_total", "Pending openings that were evaluated ahead."))?)?,
            ahead_hits: register(registry, IntCounter::with_opts(options("ahead_hits_total", "Rounds whose evaluation was there when they opened."))?)?,
            rollbacks: register(registry, IntCounter::with_opts(options("rollbacks_total", "Reorganisations that changed a round."))?)?,
        })
    }

    pub(super) fn reached(&self, stage: Stage, since_previous: Option<Duration>) {
        self.reached.with_label_values(&[stage.label()]).inc();
        if let Some(duration) = since_previous {
            self.stages.with_label_values(&[stage.label()]).observe(duration.as_secs_f64());
        }
    }

    pub(super) fn dropped(&self, reason: DropReason) {
        self.drops.with_label_values(&[reason.label()]).inc();
    }

    pub(super) fn slot(&self, outcome: SlotOutcome) {
        self.slots.with_label_values(&[outcome.label()]).inc();
    }

    pub(super) fn submission(&self, outcome: &'static str) {
        self.submissions.with_label_values(&[outcome]).inc();
    }

    pub(super) fn failed(&self, step: &'static str) {
        self.failures.with_label_values(&[step]).inc();
    }

    pub(super) fn leaf(&self, event: &'static str) {
        self.leaves.with_label_values(&[event]).inc();
    }

    /// Leaves proven ahead that were `started`, `proved`, `failed` or `used` so far.
    pub fn leaves(&self, event: &str) -> u64 {
        self.leaves.with_label_values(&[event]).get()
    }

    /// Bids given up for a reason so far.
    pub fn drops(&self, reason: DropReason) -> u64 {
        self.drops.with_label_values(&[reason.label()]).get()
    }

    /// Bids that reached a stage so far.
    pub fn bids(&self, stage: Stage) -> u64 {
        self.reached.with_label_values(&[stage.label()]).get()
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("sotto").subsystem("solver")
}

fn counters(registry: &Registry, name: &str, help: &str, label: &str) -> Result<IntCounterVec> {
    register(registry, IntCounterVec::new(options(name, help), &[label])?)
}

fn register<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
