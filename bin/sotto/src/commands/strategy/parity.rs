//! `sotto strategy parity`: how far the integer model is from the model that it was made from.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;
use sotto_model::{Agreement, ParityOptions, ParityReport, Row, Strategy};
use sotto_types::Quote;

use super::{
    check,
    rows::{self, Columns, Rows},
};
use crate::{args::OutputArgs, exit::Refused, progress::Spinner};

/// Most rivals of a simulated auction; a tournament has 16 sheets.
const MAX_RIVALS: u16 = 15;

/// What to compare, and what to accept.
#[derive(Args, Debug)]
pub(crate) struct ParityArgs {
    /// Directory with strategy.toml and the model
    directory: PathBuf,
    /// Rows to compare on (.npz with X, .csv or .parquet): features by name, raw or in natural units, or the model's inputs
    /// in its order; `y`, if there, is the output of the runtime that trained the model. The directory's holdout.csv if
    /// absent
    #[arg(long, value_name = "FILE", visible_alias = "rows")]
    data: Option<PathBuf>,
    /// The market's reserve quote in pips: a quote below it cannot be filled
    #[arg(long, default_value_t = 0, value_name = "PIPS", allow_hyphen_values = true)]
    reserve: Quote,
    /// Rivals in the simulated auction; each quotes what this model quotes on another row
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(0..=i64::from(MAX_RIVALS)))]
    rivals: u16,
    /// Fail when fewer rows than this share are within one pip
    #[arg(long, default_value_t = 0.99, value_name = "SHARE")]
    min_share: f64,
}

impl ParityArgs {
    pub(super) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let strategy = check::load(&self.directory)?;
        let data = rows::read(self.data.as_deref(), &self.directory, &strategy)?;
        let report = self.compare(&strategy, &data)?;
        let share = report.model.share_within_one_pip();
        let winners = report.model.share_of_winner_flips();
        output.print(&Parity { columns: data.columns, saturated: data.saturated, report, share, winners })?;
        if share < self.min_share {
            let reason = format!(
                "{:.2} % of the rows are within one pip, {:.2} % are asked for",
                100.0 * share,
                100.0 * self.min_share
            );
            return Err(Refused { what: self.directory.display().to_string(), reason }.into());
        }
        Ok(())
    }

    fn compare(&self, strategy: &Strategy, data: &Rows) -> eyre::Result<ParityReport> {
        let _spinner = Spinner::start(format!("comparing {} rows", data.rows.len()));
        let rivals = rivals(strategy, &data.rows, usize::from(self.rivals));
        let reference = data.reference.as_deref();
        let options = ParityOptions { reserve: self.reserve, rivals: &rivals, reference };
        Ok(strategy.parity(&data.rows, &options)?)
    }
}

/// For each row what rivals quote: the model's own outputs on rows that lie apart by equal shares of the data.
fn rivals(strategy: &Strategy, rows: &[Row], count: usize) -> Vec<Vec<Quote>> {
    if count == 0 || rows.len() < 2 {
        return Vec::new();
    }
    let policy = strategy.program().policy();
    let limits = (f64::from(policy.min_quote), f64::from(policy.max_quote));
    // The clamp brings every value into i32.
    let quote =
        |row: &Row| strategy.float_pips(&row.market, &row.slot).round().clamp(limits.0, limits.1) as Quote;
    let quotes: Vec<Quote> = rows.iter().map(quote).collect();
    let apart = (rows.len() / (count + 1)).max(1);
    let of_row = |row| (1..=count).map(|rival| quotes[(row + rival * apart) % quotes.len()]).collect();
    (0..rows.len()).map(of_row).collect()
}

#[derive(Debug, Serialize)]
struct Parity {
    columns: Columns,
    /// Rows with a feature outside its range, where it counts as the end of the range.
    #[serde(rename = "rows_out_of_range")]
    saturated: usize,
    #[serde(flatten)]
    report: ParityReport,
    #[serde(rename = "share_within_one_pip")]
    share: f64,
    #[serde(rename = "share_of_winner_flips")]
    winners: f64,
}

impl fmt::Display for Parity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "columns         {}", self.columns)?;
        if self.saturated > 0 {
            write!(f, ", {} rows out of the features' ranges", self.saturated)?;
        }
        write!(f, "\nagainst the model in floating point\n{}", Lines(&self.report.model))?;
        if let Some(reference) = &self.report.reference {
            write!(f, "\nagainst the reference outputs\n{}", Lines(reference))?;
        }
        Ok(())
    }
}

/// An agreement in lines.
struct Lines<'a>(&'a Agreement);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Agreement { rows_tested, max_abs_error, mean_abs_error, within_one_pip, .. } = self.0;
        let share = 100.0 * self.0.share_within_one_pip();
        writeln!(f, "rows            {rows_tested}")?;
        writeln!(f, "largest error   {max_abs_error:.3} pips")?;
        writeln!(f, "mean error      {mean_abs_error:.3} pips")?;
        writeln!(f, "within one pip  {within_one_pip} ({share:.2} %)")?;
        let Agreement { decision_flips, quote_flips, bids_lost, bids_gained, winner_flips, contests, .. } =
            self.0;
        writeln!(
            f,
            "decision flips  {decision_flips}: {quote_flips} by more than a pip, {bids_lost} bids lost, {bids_gained} gained"
        )?;
        write!(f, "winner flips    {winner_flips} of {contests} auctions")
    }
}
