//! `sotto strategy parity`: how far the integer model is from the network that it was made from.

use std::{fmt, path::PathBuf};

use clap::Args;
use serde::Serialize;
use sotto_model::{ParityOptions, ParityReport};
use sotto_types::Quote;

use super::{check, holdout};
use crate::{args::OutputArgs, exit::Refused};

/// What to compare, and what to accept.
#[derive(Args, Debug)]
pub(crate) struct ParityArgs {
    /// Directory with strategy.toml and the model
    directory: PathBuf,
    /// Rows to compare on (CSV, feature names in the first line); the directory's holdout.csv if absent
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    /// The market's reserve quote in pips: a quote below it cannot be filled
    #[arg(long, default_value_t = 0, value_name = "PIPS", allow_hyphen_values = true)]
    reserve: Quote,
    /// Fail when fewer rows than this share are within one pip
    #[arg(long, default_value_t = 0.99, value_name = "SHARE")]
    min_share: f64,
}

impl ParityArgs {
    pub(super) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let strategy = check::load(&self.directory)?;
        let options = ParityOptions { reserve: self.reserve, ..ParityOptions::default() };
        let file = self.rows.unwrap_or_else(|| self.directory.join(holdout::FILE));
        let report = strategy.parity(&holdout::read(&file)?, &options)?;
        let share = report.model.share_within_one_pip();
        output.print(&Parity { report, share })?;
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
}

#[derive(Debug, Serialize)]
struct Parity {
    #[serde(flatten)]
    report: ParityReport,
    #[serde(rename = "share_within_one_pip")]
    share: f64,
}

impl fmt::Display for Parity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.report.model;
        writeln!(f, "rows            {}", report.rows_tested)?;
        writeln!(f, "largest error   {:.3} pips", report.max_abs_error)?;
        writeln!(f, "mean error      {:.3} pips", report.mean_abs_error)?;
        writeln!(f, "within one pip  {} ({:.2} %)", report.within_one_pip, 100.0 * self.share)?;
        write!(f, "decision flips  {}", report.decision_flips)
    }
}
