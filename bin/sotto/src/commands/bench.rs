//! `sotto bench`: what proving costs on this machine, with plonky2's own prover beside ours.

mod report;

use std::{fmt, path::PathBuf};

use clap::Args;
use eyre::WrapErr as _;
use serde::Serialize;
use sotto_prover::measure::{Comparison, Measurement, Report};

use crate::args::OutputArgs;

/// How to measure.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// Runs of each comparison; the medians count
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Leave the compact profile out, whose stock proofs take a quarter of a minute each and 4 GB of memory
    #[arg(long)]
    without_compact: bool,
    /// Write the report as `proving.md` and `proving.svg` into this directory as well
    #[arg(long)]
    report: Option<PathBuf>,
}

impl BenchArgs {
    /// Runs the command.
    pub(crate) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let measurement = Measurement { runs: self.runs, compact: !self.without_compact };
        let report = measurement.run(|step| tracing::info!("{step}"))?;
        if let Some(directory) = &self.report {
            std::fs::create_dir_all(directory).wrap_err_with(|| directory.display().to_string())?;
            for (name, text) in
                [("proving.md", report::markdown(&report)), ("proving.svg", report::svg(&report))]
            {
                let path = directory.join(name);
                std::fs::write(&path, text).wrap_err_with(|| path.display().to_string())?;
            }
        }
        output.print(&Measured(report))
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Measured(Report);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.0;
        writeln!(f, "{} on {} threads", report.backend, report.threads)?;
        writeln!(
            f,
            "{:<10} {:>6} {:>5} {:>9} {:>9} {:>6}",
            "circuit", "rows", "rate", "stock", "ours", "ratio"
        )?;
        for Comparison { name, degree_bits, rate_bits, stock_seconds, fast_seconds, ratio, .. } in
            &report.comparisons
        {
            let (rows, rate) = (format!("2^{degree_bits}"), format!("2^-{rate_bits}"));
            writeln!(
                f,
                "{name:<10} {rows:>6} {rate:>5} {stock_seconds:>8.3}s {fast_seconds:>8.3}s {ratio:>6.2}"
            )?;
        }
        write!(
            f,
            "features to sheet {:.3}s, to fast proof {:.3}s",
            report.sheet_seconds, report.fast_seconds
        )?;
        if let Some(seconds) = report.compact_seconds {
            write!(f, ", to compact proof {seconds:.3}s")?;
        }
        write!(f, "; 32 slots take {:.2} times one slot", report.slots32_over_1)?;
        if let Some(peak) = report.peak_rss_mb {
            write!(f, "; peak {peak} MB")?;
        }
        Ok(())
    }
}
