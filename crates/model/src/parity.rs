//! How far the integer model's quotes are from the floating-point model's, on rows of data.

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

/// What to compare with besides the model's own output.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParityOptions<'a> {
    /// The market's reserve quote in pips: a lower one is no bid that counts.
    pub reserve: Quote,
    /// Quotes of rivals on each row, for a simulated auction; ties go to this strategy, then to the first.
    pub rivals: &'a [Vec<Quote>],
    /// Outputs in pips of the runtime that trained the model, on each row.
    pub reference: Option<&'a [f64]>,
}

/// Agreement of the integer model with the model that it was made from. Errors are in pips, after the policy's clamp.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ParityReport {
    /// Comparison with the model in floating point.
    #[serde(flatten)]
    pub model: Agreement,
    /// Comparison with the outputs given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Agreement>,
    /// The rows of the largest errors, worst first.
    pub worst: Vec<WorstRow>,
}

/// Agreement of quotes with outputs in floating point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// Rows compared.
    pub rows_tested: usize,
    /// Greatest difference from the output, which is not rounded: rounding alone makes it up to 0.5.
    pub max_abs_error: f64,
    /// Mean difference.
    pub mean_abs_error: f64,
    /// Rows whose quote is within one pip of the rounded output.
    pub within_one_pip: usize,
    /// Rows where the decision differs: by more than a pip, or a bid against no bid.
    pub decision_flips: usize,
    /// Rows whose quote is more than one pip from the rounded output.
    pub quote_flips: usize,
    /// Rows where the output is a bid and the quote is not: below the reserve, or no bid at all.
    pub bids_lost: usize,
    /// Rows where the quote is a bid and the output is not.
    pub bids_gained: usize,
    /// Rows with rivals.
    pub contests: usize,
    /// Rows with rivals where another one wins.
    pub winner_flips: usize,
}

/// A row with a large error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WorstRow {
    /// Position among the rows, from 0.
    pub row: usize,
    /// The model's output in pips, clamped by the policy.
    pub float_pips: f64,
    /// The quote.
    pub quote: Quote,
    /// The difference.
    pub error: f64,
}

/// Most rows that a report lists as its worst.
const WORST: usize = 10;

impl Agreement {
    /// Share of rows within one pip, in [0, 1]; 1 without rows.
    pub fn share_within_one_pip(&self) -> f64 {
        if self.rows_tested == 0 { 1.0 } else { self.within_one_pip as f64 / self.rows_tested as f64 }
    }

    /// Share of contests that another one wins, in [0, 1]; 0 without contests.
    pub fn share_of_winner_flips(&self) -> f64 {
        if self.contests == 0 { 0.0 } else { self.winner_flips as f64 / self.contests as f64 }
    }

    /// Adds a row: the output, the quote, both clamped, and the rivals' quotes. `least` is the least quote that is a bid.
    fn add(&mut self, float: f64, quote: Quote, least: Quote, rivals: &[Quote]) {
        let integer = f64::from(quote);
        let rounded = (float.round() as i64).clamp(i64::from(Quote::MIN), i64::from(Quote::MAX));
        let rounded = Quote::try_from(rounded).unwrap_or(quote);
        let error = (float - integer).abs();
        self.mean_abs_error =
            self.mean_abs_error.mul_add(self.rows_tested as f64, error) / (self.rows_tested as f64 + 1.0);
        self.rows_tested += 1;
        self.max_abs_error = self.max_abs_error.max(error);
        let moved = (i64::from(rounded) - i64::from(quote)).abs() > 1;
        let (lost, gained) = (rounded >= least && quote < least, rounded < least && quote >= least);
        self.within_one_pip += usize::from(!moved);
        self.quote_flips += usize::from(moved);
        self.bids_lost += usize::from(lost);
        self.bids_gained += usize::from(gained);
        self.decision_flips += usize::from(moved || lost || gained);
        if !rivals.is_empty() {
            self.contests += 1;
            self.winner_flips += usize::from(winner(rounded, least, rivals) != winner(quote, least, rivals));
        }
    }
}

/// Who wins a slot: 0 for the strategy itself, then the rivals; `None` without a bid.
fn winner(own: Quote, least: Quote, rivals: &[Quote]) -> Option<usize> {
    let mut best: Option<(usize, Quote)> = None;
    for (index, &quote) in std::iter::once(&own).chain(rivals).enumerate() {
        if quote >= least && best.is_none_or(|(_, top)| quote > top) {
            best = Some((index, quote));
        }
    }
    best.map(|(index, _)| index)
}

/// Compares the two on each row.
///
/// # Errors
/// When rivals or reference outputs are given for another number of rows.
pub(crate) fn compare(
    strategy: &Strategy,
    rows: &[Row],
    options: &ParityOptions<'_>,
) -> Result<ParityReport, ModelError> {
    let ParityOptions { reserve, rivals, reference } = *options;
    let given = [(!rivals.is_empty()).then_some(rivals.len()), reference.map(<[f64]>::len)];
    if let Some(got) = given.into_iter().flatten().find(|&got| got != rows.len()) {
        return Err(ModelError::Width { what: "hold-out rows", expected: rows.len(), got });
    }
    let policy = strategy.program().policy();
    let clamp = |x: f64| x.clamp(f64::from(policy.min_quote), f64::from(policy.max_quote));
    let least = reserve.max(MAX_NO_BID_PIPS + 1);
    let mut report =
        ParityReport { reference: reference.map(|_| Agreement::default()), ..ParityReport::default() };
    for (position, Row { market, slot }) in rows.iter().enumerate() {
        let float_pips = clamp(strategy.float_pips(market, slot));
        let quote = strategy.program().quote(market, slot).max(policy.min_quote);
        let against = rivals.get(position).map_or(&[][..], Vec::as_slice);
        report.model.add(float_pips, quote, least, against);
        if let (Some(agreement), Some(y)) = (&mut report.reference, reference.and_then(|y| y.get(position))) {
            agreement.add(clamp(*y), quote, least, against);
        }
        let error = (float_pips - f64::from(quote)).abs();
        let place = report.worst.partition_point(|worse| worse.error >= error);
        if place < WORST {
            report.worst.insert(place, WorstRow { row: position, float_pips, quote, error });
            report.worst.truncate(WORST);
        }
    }
    Ok(report)
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
