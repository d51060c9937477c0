//! How far the integer model's quotes are from the floating-point network's, on rows of data.

use serde::Serialize;
use sotto_types::{MARKET_FEATURES, MAX_NO_BID_PIPS, MODEL_FEATURES, MarketFeatures, Quote, SlotFeatures};

use crate::{FeatureCatalog, ModelError, Strategy};

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

/// Most rows of hold-out data.
const MAX_ROWS: usize = 1 << 20;

/// A row of a `holdout.csv`, with the quote in pips that the runtime which trained the network gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HoldoutRow {
    /// Features.
    pub row: Row,
    /// Column `float-pips`, if there is one.
    pub float_pips: Option<f64>,
}

/// Parses comma-separated rows under a header of feature names (`feed.feature`) and, optionally, `float-pips`. Features
/// without a column are 0.
///
/// # Errors
/// For an unknown or repeated column, a row with too few or too many values, and a value that is not a number.
pub fn parse_rows(text: &str, catalog: &FeatureCatalog) -> Result<Vec<HoldoutRow>, ModelError> {
    let mut lines = text.lines().enumerate();
    let Some((_, header)) = lines.next() else { return Err(ModelError::Missing { what: "hold-out header" }) };
    let mut columns = Vec::new();
    for name in header.split(',').map(str::trim) {
        let column = if name == FLOAT_PIPS { None } else { Some(catalog.feature(name)?.index) };
        if columns.contains(&column) {
            return Err(ModelError::DuplicateName { name: name.to_owned() });
        }
        columns.push(column);
    }
    let mut rows = Vec::new();
    for (line, text) in lines.filter(|(_, l)| !l.trim().is_empty()) {
        if rows.len() == MAX_ROWS {
            return Err(ModelError::TooLarge { what: "hold-out rows", got: MAX_ROWS + 1, limit: MAX_ROWS });
        }
        rows.push(
            parse_row(text, &columns).ok_or(ModelError::Row { line: line + 1, columns: columns.len() })?,
        );
    }
    Ok(rows)
}

/// Name of the column with the training runtime's output.
const FLOAT_PIPS: &str = "float-pips";

fn parse_row(text: &str, columns: &[Option<usize>]) -> Option<HoldoutRow> {
    let mut features = [0i32; MODEL_FEATURES];
    let mut float_pips = None;
    let mut values = text.split(',').map(str::trim);
    for column in columns {
        let value = values.next()?;
        match column {
            Some(index) => *features.get_mut(*index)? = value.parse().ok()?,
            None => float_pips = Some(value.parse::<f64>().ok().filter(|x| x.is_finite())?),
        }
    }
    if values.next().is_some() {
        return None;
    }
    let (market, slot) = features.split_at(MARKET_FEATURES);
    Some(HoldoutRow { row: Row { market: market.try_into().ok()?, slot: slot.try_into().ok()? }, float_pips })
}
