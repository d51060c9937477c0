//! Counters, gauges and durations of the gateway, under `sotto_gateway_`. Labels are names of enums only.

use std::time::Duration;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector,
};

use super::{refusal::RefusalCode, state::IntentState, steps::Step};

/// What a duration is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timed {
    /// From the arrival of an intent until it is in the ledger.
    Intake,
    /// From an intent's acceptance until it is placed in a round.
    Waiting,
    /// From a round's plan until it is on chain.
    Opening,
    /// The verification of a sheet from outside.
    Verify,
    /// Merging two sheets or nodes.
    Merge,
    /// Making a merged proof zero-knowledge.
    Seal,
    /// Wrapping a sheet, or some that are merged, for the chain.
    Wrap,
    /// From sending a settlement until it is mined.
    Settle,
    /// From sending a fill until it is mined.
    Fill,
    /// From an intent's acceptance until its recipient is paid.
    Intent,
    /// From a round's plan until it is closed.
    Round,
}

impl Timed {
    const fn label(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Waiting => "waiting",
            Self::Opening => "opening",
            Self::Verify => "verify",
            Self::Merge => "merge",
            Self::Seal => "seal",
            Self::Wrap => "wrap",
            Self::Settle => "settle",
            Self::Fill => "fill",
            Self::Intent => "intent",
            Self::Round => "round",
        }
    }
}

/// How something ended, as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As wanted.
    Done,
    /// Not as wanted.
    Failed,
}

impl Outcome {
    /// Of a result.
    pub(super) fn of<T, E>(result: &Result<T, E>) -> Self {
        if result.is_ok() { Self::Done } else { Self::Failed }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// Metrics of a gateway. Cloning shares the values.
#[derive(Clone, Debug)]
pub(super) struct GatewayMetrics {
    /// Intents taken.
    pub(super) accepted: IntCounter,
    refused: IntCounterVec,
    ended: IntCounterVec,
    /// Live intents.
    pub(super) live: IntGauge,
    /// Intents that wait for a round.
    pub(super) waiting: IntGauge,
    /// Rounds that are being opened or run.
    pub(super) rounds_active: IntGauge,
    /// Rounds opened.
    pub(super) rounds_opened: IntCounter,
    /// Round plans given up before they were on chain.
    pub(super) rounds_abandoned: IntCounter,
    /// Rounds closed.
    pub(super) rounds_closed: IntCounter,
    /// Sheets taken.
    pub(super) sheets: IntCounter,
    /// Merges that failed for good.
    pub(super) merge_failures: IntCounter,
    /// Rounds whose settlement was begun without a sheet that could still have come.
    pub(super) last_calls: IntCounter,
    steps: IntCounterVec,
    /// Slots filled.
    pub(super) fills: IntCounter,
    /// Slots whose winner did not deliver.
    pub(super) defaults: IntCounter,
    /// Rounds, fills and settlements that a reorganisation took back.
    pub(super) rolled_back: IntCounter,
    /// Settlements whose stored results differ from what was predicted.
    pub(super) mispredicted: IntCounter,
    /// Logs of the auction house that could not be used.
    pub(super) bad_logs: IntCounter,
    /// Writes to the ledger that failed.
    pub(super) ledger_failures: IntCounter,
    /// Subscribers.
    pub(super) subscribers: IntGauge,
    /// Subscribers let go because they did not read.
    pub(super) subscribers_dropped: IntCounter,
    /// Number of the newest block that was worked on.
    pub(super) head: IntGauge,
    seconds: HistogramVec,
}

impl GatewayMetrics {
    /// Creates the metrics and registers them.
    ///
    /// # Errors
    /// When the registry holds them already.
    #[rustfmt::skip]
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let seconds = HistogramOpts::new("stage_seconds", "Duration of a stage.")
            .namespace("sotto").subsystem("gateway")
            .buckets(vec![0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0]);
        Ok(Self {
            accepted: counter(registry, "intents_accepted_total", "Intents taken.")?,
            refused: counters(registry, "refusals_total", "Requests refused, by reason.", &["reason"])?,
            ended: counters(registry, "intents_ended_total", "Intents that came to an end, by outcome.", &["outcome"])?,
            live: gauge(registry, "intents_live", "Live intents.")?,
            waiting: gauge(registry, "intents_waiting", "Intents that wait for a round.")?,
            rounds_active: gauge(registry, "rounds_active", "Rounds that are being opened or run.")?,
            rounds_opened: counter(registry, "rounds_opened_total", "Rounds opened.")?,
            rounds_abandoned: counter(registry, "rounds_abandoned_total", "Round plans given up before they were on chain.")?,
            rounds_closed: counter(registry, "rounds_closed_total", "Rounds closed.")?,
            sheets: counter(registry, "sheets_accepted_total", "Sheets taken.")?,
            merge_failures: counter(registry, "merge_failures_total", "Merges given up; their sheets are settled one by one.")?,
            last_calls: counter(registry, "last_calls_total", "Rounds that were settled without waiting for every sheet.")?,
            steps: counters(registry, "steps_total", "Transactions for a round, by step and outcome.", &["step", "outcome"])?,
            fills: counter(registry, "fills_total", "Slots filled.")?,
            defaults: counter(registry, "defaults_total", "Slots whose winner did not deliver.")?,
            rolled_back: counter(registry, "rolled_back_total", "Events of rounds that a reorganisation took back.")?,
            mispredicted: counter(registry, "mispredicted_results_total", "Settlements whose stored results differ from the prediction.")?,
            bad_logs: counter(registry, "bad_logs_total", "Logs of the auction house that could not be used.")?,
            ledger_failures: counter(registry, "ledger_failures_total", "Writes to the ledger that failed.")?,
            subscribers: gauge(registry, "subscribers", "Subscribers.")?,
            subscribers_dropped: counter(registry, "subscribers_dropped_total", "Subscribers let go because they did not read.")?,
            head: gauge(registry, "head_number", "Number of the newest block that was worked on.")?,
            seconds: register(registry, HistogramVec::new(seconds, &["stage"])?)?,
        })
    }

    /// Counts a refusal.
    pub(super) fn refused(&self, code: RefusalCode) {
        self.refused.with_label_values(&[code.label()]).inc();
    }

    /// Counts an intent's end.
    pub(super) fn ended(&self, state: &IntentState) {
        self.ended.with_label_values(&[state.label()]).inc();
    }

    /// Counts a step of a round.
    pub(super) fn step(&self, step: Step, outcome: Outcome) {
        self.steps.with_label_values(&[step.label(), outcome.label()]).inc();
    }

    /// Notes a duration.
    pub(super) fn timed(&self, what: Timed, took: Duration) {
        self.seconds.with_label_values(&[what.label()]).observe(took.as_secs_f64());
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("sotto").subsystem("gateway")
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    register(registry, IntCounter::with_opts(options(name, help))?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    register(registry, IntGauge::with_opts(options(name, help))?)
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    register(registry, IntCounterVec::new(options(name, help), labels)?)
}

fn register<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
