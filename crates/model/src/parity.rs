//! How far the integer model's quotes are from the floating-point network's, on rows of data.

use serde::Serialize;
use sotto_types::{MAX_NO_BID_PIPS, MarketFeatures, Quote, SlotFeatures};

use crate::Strategy;

/// One row of hold-out data: the features of a slot and of its round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The round's market features.
    pub market: MarketFeatures,
    /// The slot's features.
    pub slot: SlotFeatures,
}

/// Agreement of the integer model with the network it was made from. Errors are in pips, after the policy's clamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ParityReport {
    /// Rows compared.
    pub rows_tested: usize,
    /// Greatest difference from the network's output, which is not rounded: rounding alone makes it up to 0.5.
    pub max_abs_error: f64,
    /// Mean difference.
    pub mean_abs_error: f64,
    /// Rows whose quote is within one pip of the network's rounded output.
    pub within_one_pip: usize,
    /// Rows where one would win or fill and the other not: a bid against no bid, or the two sides of the reserve.
    pub decision_flips: usize,
}

impl ParityReport {
    /// Share of rows within one pip, in [0, 1]; 1 without rows.
    pub fn share_within_one_pip(&self) -> f64 {
        if self.rows_tested == 0 { 1.0 } else { self.within_one_pip as f64 / self.rows_tested as f64 }
    }
}

/// Compares the two on each row. A quote below `reserve` cannot be filled.
pub(crate) fn compare(strategy: &Strategy, rows: &[Row], reserve: Quote) -> ParityReport {
    let policy = strategy.model().policy();
    let (least, greatest) = (f64::from(policy.min_quote), f64::from(policy.max_quote));
    let mut report = ParityReport { rows_tested: rows.len(), ..ParityReport::default() };
    let mut sum = 0.0;
    for Row { market, slot } in rows {
        let float = strategy.float_pips(market, slot).clamp(least, greatest);
        let quote = strategy.model().quote(market, slot);
        let integer = f64::from(quote.max(policy.min_quote));
        let error = (float - integer).abs();
        sum += error;
        report.max_abs_error = report.max_abs_error.max(error);
        report.within_one_pip += usize::from((float.round() - integer).abs() <= 1.0);
        let floor = reserve.max(MAX_NO_BID_PIPS + 1);
        report.decision_flips += usize::from((quote >= floor) != (float.round() >= f64::from(floor)));
    }
    if !rows.is_empty() {
        report.mean_abs_error = sum / rows.len() as f64;
    }
    report
}
