//! `sotto strategy inspect`: what a strategy computes, what that costs, and what it quotes.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use clap::Args;
use eyre::WrapErr as _;
use serde::Serialize;
use sotto_circuits::{Estimate, classes::class_capacities, estimate};
use sotto_model::{OperationBounds, Strategy};

use super::{
    check,
    repeats::{Repeated, repeated},
    rows,
};
use crate::{
    args::OutputArgs,
    chart::{Titles, histogram, scatter},
    progress::Spinner,
};

/// What to look at, and where to draw.
#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    /// Directory with strategy.toml and the model
    directory: PathBuf,
    /// Rows to quote on, as `parity` takes them; the directory's holdout.csv if absent
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Directory for the two charts, quotes.svg and parity.svg; none are drawn without it
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
}

impl InspectArgs {
    pub(super) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let strategy = check::load(&self.directory)?;
        let has_rows = self.data.is_some() || self.directory.join(rows::HOLDOUT).exists();
        let quotes = has_rows.then(|| self.quotes(&strategy)).transpose()?;
        let charts = match (&self.out, &quotes) {
            (Some(out), Some(quotes)) => draw(out, &strategy.manifest().name, quotes)?,
            (Some(_), None) => eyre::bail!("there are no rows to draw: name data with --data"),
            (None, _) => Vec::new(),
        };
        output.print(&Inspected::new(&strategy, quotes.as_deref(), charts))
    }

    /// The model's output, clamped by the policy, and the quote, both in pips, for each row.
    fn quotes(&self, strategy: &Strategy) -> eyre::Result<Vec<[f64; 2]>> {
        let rows = rows::read(self.data.as_deref(), &self.directory, strategy)?.rows;
        let _spinner = Spinner::start(format!("quoting on {} rows", rows.len()));
        let policy = strategy.program().policy();
        let (least, greatest) = (f64::from(policy.min_quote), f64::from(policy.max_quote));
        let pair = |row: &sotto_model::Row| {
            let float = strategy.float_pips(&row.market, &row.slot).clamp(least, greatest);
            [float, f64::from(strategy.program().quote(&row.market, &row.slot)).max(least)]
        };
        Ok(rows.iter().map(pair).collect())
    }
}

fn draw(out: &Path, name: &str, quotes: &[[f64; 2]]) -> eyre::Result<Vec<PathBuf>> {
    fs::create_dir_all(out).wrap_err_with(|| format!("{} cannot be made", out.display()))?;
    let integers: Vec<f64> = quotes.iter().map(|pair| pair[1]).collect();
    let rows = quotes.len();
    let distribution = histogram(
        &integers,
        1.0,
        &Titles { title: &format!("{name}: quotes on {rows} rows"), x: "quote in pips", y: "rows" },
    );
    let title = format!("{name}: integer against floating point on {rows} rows");
    let agreement =
        scatter(quotes, &Titles { title: &title, x: "model's output in pips", y: "quote in pips" });
    let mut charts = Vec::new();
    for (file, svg) in [("quotes.svg", distribution), ("parity.svg", agreement)] {
        let path = out.join(file);
        fs::write(&path, svg).wrap_err_with(|| format!("{} cannot be written", path.display()))?;
        charts.push(path);
    }
    Ok(charts)
}

/// Quotes on rows of data, in pips.
#[derive(Debug, Serialize)]
struct Quotes {
    rows: usize,
    least: f64,
    quartiles: [f64; 3],
    greatest: f64,
    max_abs_error: f64,
}

impl Quotes {
    fn new(pairs: &[[f64; 2]]) -> Self {
        let mut sorted: Vec<f64> = pairs.iter().map(|pair| pair[1]).collect();
        sorted.sort_by(f64::total_cmp);
        let at =
            |share: usize| sorted.get(share * sorted.len().saturating_sub(1) / 4).copied().unwrap_or(0.0);
        let error = pairs.iter().map(|[float, integer]| (float - integer).abs()).fold(0.0, f64::max);
        Self {
            rows: pairs.len(),
            least: at(0),
            quartiles: [at(1), at(2), at(3)],
            greatest: at(4),
            max_abs_error: error,
        }
    }
}

#[derive(Debug, Serialize)]
struct Inspected {
    name: String,
    class: String,
    class_id: u32,
    parameters: usize,
    operations: Vec<OperationBounds>,
    /// Pips before the policy.
    output: [i64; 2],
    /// What the leaf costs, for each number of slots that a key set takes of the class.
    leaves: Vec<LeafCost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quotes: Option<Quotes>,
    charts: Vec<PathBuf>,
}

/// The leaf of a round of so many slots.
#[derive(Debug, Serialize)]
struct LeafCost {
    slots: usize,
    #[serde(flatten)]
    estimate: Estimate,
}

impl Inspected {
    fn new(strategy: &Strategy, quotes: Option<&[[f64; 2]]>, charts: Vec<PathBuf>) -> Self {
        let shape = strategy.program().shape();
        Self {
            name: strategy.manifest().name.clone(),
            class: shape.descriptor(),
            class_id: shape.id(),
            parameters: shape.parameter_count(),
            operations: strategy.intervals().operations.clone(),
            output: strategy.intervals().output,
            leaves: class_capacities(shape)
                .into_iter()
                .map(|slots| LeafCost { slots, estimate: estimate(shape, slots) })
                .collect(),
            quotes: quotes.map(Quotes::new),
            charts,
        }
    }
}

impl fmt::Display for Inspected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, class, class_id, parameters, .. } = self;
        writeln!(f, "{name}: {class} (class {class_id:#010x}), {parameters} parameters\n")?;
        write!(
            f,
            "operation      values  parameters          least       greatest  bits of  can saturate  never active"
        )?;
        for Repeated { times, operations } in repeated(&self.operations) {
            let indent = if times > 1 { "  " } else { "" };
            if times > 1 {
                write!(f, "\n{times} times:")?;
            }
            for bounds in &operations {
                let OperationBounds { kind, values, parameters, least, greatest, bits, limit_bits, .. } =
                    bounds;
                let kind = format!("{indent}{kind}");
                write!(
                    f,
                    "\n{kind:<13}  {values:>6}  {parameters:>10}  {least:>13}  {greatest:>13}  {bits:>4} {limit_bits:>2}"
                )?;
                write!(f, "  {:>12}  {:>12}", bounds.can_saturate, bounds.never_active)?;
            }
        }
        let [least, greatest] = self.output;
        write!(f, "\n\noutput     {least} to {greatest} pips before the policy")?;
        for LeafCost { slots, estimate } in &self.leaves {
            let Estimate { rows, degree_bits, memory_bytes, prove_seconds, .. } = estimate;
            let mebibytes = memory_bytes >> 20;
            write!(
                f,
                "\nleaf       {slots:>2} slots: about {rows} rows (2^{degree_bits}), {prove_seconds:.1} s, {mebibytes} MiB"
            )?;
        }
        if let Some(Quotes { rows, least, quartiles: [low, middle, high], greatest, max_abs_error }) =
            &self.quotes
        {
            write!(
                f,
                "\nquotes     {least} to {greatest} pips on {rows} rows, quartiles {low}, {middle}, {high}"
            )?;
            write!(f, "\nerror      {max_abs_error:.3} pips at most, from the model in floating point")?;
        }
        for chart in &self.charts {
            write!(f, "\nchart      {}", chart.display())?;
        }
        Ok(())
    }
}
