//! `sotto strategy init`: from a bare model and sample inputs to a strategy's directory.

mod form;
mod mapping;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use eyre::{WrapErr as _, ensure};
use serde::Serialize;
use sotto_data::Table;
use sotto_model::{
    Calibration, Choice, Decimals, MANIFEST_FILE, Manifest, MarketLayout, ModelError, Output, OutputUnit,
    PolicyTable, RealProgram, Strategy, Tokens,
    import::{MAX_MODEL_BYTES, import},
    lower,
};
use sotto_types::{MAX_NO_BID_PIPS, Quote, SLOTS};

use super::rows;
use crate::{args::OutputArgs, exit::Refused, progress};
use mapping::{Mapping, Wishes};

/// Name of the model's copy.
const MODEL_FILE: &str = "model.onnx";
/// Most rows that the model is run on; of more, every so many-th.
const MAX_ROWS: usize = 10_000;
/// Shares of the rows whose quotes lie below the least and above the greatest.
const TAIL: f64 = 0.001;

/// A model, data, and what they mean.
#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    /// The model, an ONNX file
    model: PathBuf,
    /// Sample inputs (.npz with X, .csv or .parquet). Columns may be named as features (`uniswap-v2.price`), or as sums of
    /// them (`chainlink.price - uniswap-v2.price`); without names, input k stands for the raw market feature k
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Directory to make
    #[arg(long, value_name = "DIRECTORY")]
    out: PathBuf,
    /// Whose features the model reads
    #[arg(long, value_enum, default_value_t = Market::UniswapV2)]
    market: Market,
    /// Feature of an input, by the column's name or position; repeat it for more inputs
    #[arg(long = "map", value_name = "INPUT=FEATURE")]
    maps: Vec<String>,
    /// How many of the last unnamed inputs are features of the slot: its size, its deadline, its limit
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    slot_inputs: usize,
    /// Unit of the model's output times the scale, an improvement on the reference price
    #[arg(long, value_enum, default_value_t = UnitArg::Pips)]
    unit: UnitArg,
    /// Units in one of the model's output
    #[arg(long, default_value_t = 1.0, allow_hyphen_values = true)]
    scale: f64,
    /// Of a classifier, what the output is: the label, or the score of a class by its name or position
    #[arg(long, value_name = "label|class:NAME", value_parser = output)]
    output: Option<OutputArg>,
    /// Name of the strategy; the directory's if absent
    #[arg(long)]
    name: Option<String>,
    /// Least quote in pips; a bit below the 0.1 percentile of the quotes on the data if absent
    #[arg(long, value_name = "PIPS", allow_hyphen_values = true)]
    min_quote: Option<Quote>,
    /// Greatest quote in pips; a bit above the 99.9 percentile of the quotes on the data if absent
    #[arg(long, value_name = "PIPS", allow_hyphen_values = true)]
    max_quote: Option<Quote>,
    /// Most bids in one direction of a round
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u8).range(1..=SLOTS as i64))]
    max_slots: u8,
    /// Decimals of the base token
    #[arg(long, default_value_t = 18)]
    base_decimals: u8,
    /// Decimals of the quote token
    #[arg(long, default_value_t = 18)]
    quote_decimals: u8,
}

/// Markets whose features have names.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Market {
    UniswapV2,
    UniswapV3,
}

/// Units of an output.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum UnitArg {
    Pips,
    Bps,
    Fraction,
}

/// Which of a model's outputs is the quote.
#[derive(Clone, Debug)]
enum OutputArg {
    Label,
    Class(String),
}

fn output(text: &str) -> Result<OutputArg, String> {
    match text.strip_prefix("class:") {
        Some(class) if !class.is_empty() => Ok(OutputArg::Class(class.to_owned())),
        None if text == "label" => Ok(OutputArg::Label),
        _ => Err("expected label or class:NAME".to_owned()),
    }
}

impl InitArgs {
    pub(super) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        ensure!(!self.out.join(MANIFEST_FILE).exists(), "{} already holds a strategy", self.out.display());
        let bytes = read_model(&self.model)?;
        let table = rows::read_table(&self.data)?;
        let refuse = |what: &Path, reason: String| Refused { what: what.display().to_string(), reason };
        let (real, meaning) =
            self.real_program(&bytes).map_err(|error| refuse(&self.model, error.to_string()))?;
        let layout = match self.market {
            Market::UniswapV2 => MarketLayout::UniswapV2,
            Market::UniswapV3 => MarketLayout::UniswapV3,
        };
        let decimals = Decimals { base: self.base_decimals, quote: self.quote_decimals };
        let wishes = Wishes { maps: &self.maps, slot_inputs: self.slot_inputs, decimals };
        let mapping = mapping::map(&table, real.inputs, &layout.catalog(), &wishes)
            .map_err(|e| refuse(&self.data, e.to_string()))?;
        let unnamed = mapping.unnamed;
        let (calibration, quotes) = self.observe(&real, &table);
        let policy = self.policy(&quotes)?;
        let mut manifest = self.manifest(&bytes, mapping, policy);
        manifest.output = meaning;
        manifest.market = layout;
        manifest.calibration = Some(calibration);
        let refused = |error: ModelError| refuse(&self.model, error.to_string());
        manifest.check().map_err(refused)?;
        let text = commented(&manifest.render(), unnamed);
        // What is written has to load.
        let strategy = Strategy::from_parts(&text, &bytes, &layout.catalog()).map_err(refused)?;
        fs::create_dir_all(&self.out).wrap_err_with(|| format!("{} cannot be made", self.out.display()))?;
        write(&self.out.join(MODEL_FILE), &bytes)?;
        write(&self.out.join(MANIFEST_FILE), text.as_bytes())?;
        output.print(&Initialised::new(&self.out, &strategy, unnamed, &quotes))
    }

    fn manifest(&self, bytes: &[u8], mapping: Mapping, policy: PolicyTable) -> Manifest {
        let directory = fs::canonicalize(&self.out).unwrap_or_else(|_| self.out.clone());
        let of_directory = directory.file_name().and_then(|name| name.to_str());
        let name = self.name.as_deref().or(of_directory).unwrap_or("strategy");
        let Mapping { inputs, features, .. } = mapping;
        let mut manifest = Manifest::for_model(name, MODEL_FILE, bytes, inputs, features, policy);
        manifest.tokens = Tokens { base_decimals: self.base_decimals, quote_decimals: self.quote_decimals };
        manifest
    }

    /// The model in real arithmetic, and what its output means.
    fn real_program(&self, bytes: &[u8]) -> Result<(RealProgram, Output), ModelError> {
        let graph = import(bytes)?;
        let classes = graph.classes();
        let choice = self.output.as_ref().map(|output| match output {
            OutputArg::Label => Choice::Name("label".to_owned()),
            OutputArg::Class(class) => match class.parse() {
                Ok(position) if !classes.contains(class) => Choice::Score(position),
                _ => Choice::Name(class.clone()),
            },
        });
        let output = Output { unit: self.unit(), scale: self.scale, choice };
        Ok((lower(&graph, &output.output_choice(classes)?)?, output))
    }

    const fn unit(&self) -> OutputUnit {
        match self.unit {
            UnitArg::Pips => OutputUnit::Pips,
            UnitArg::Bps => OutputUnit::Bps,
            UnitArg::Fraction => OutputUnit::Fraction,
        }
    }

    /// Runs the model on the data: ranges inside it, and its outputs in pips in increasing order.
    fn observe(&self, real: &RealProgram, table: &Table) -> (Calibration, Vec<f64>) {
        let rows: Vec<&[f64]> = table.rows().step_by(table.len().div_ceil(MAX_ROWS).max(1)).collect();
        let bar = progress::bar("running the model", 2 * rows.len() as u64);
        let calibration = Calibration::observe(
            real,
            rows.iter().map(|row| {
                bar.inc(1);
                *row
            }),
        );
        let pips = self.scale * self.unit().pips();
        let mut quotes: Vec<f64> = rows
            .iter()
            .map(|row| {
                bar.inc(1);
                real.evaluate(row) * pips
            })
            .filter(|x| x.is_finite())
            .collect();
        bar.finish_and_clear();
        quotes.sort_by(f64::total_cmp);
        (calibration, quotes)
    }

    /// Limits a bit beyond what the model quotes on the data.
    fn policy(&self, quotes: &[f64]) -> eyre::Result<PolicyTable> {
        let [lo, hi] = [TAIL, 1.0 - TAIL].map(|share| percentile(quotes, share));
        let margin = (0.05 * (hi - lo)).max(1.0);
        let limit = f64::from(MAX_NO_BID_PIPS + 1);
        if self.min_quote.is_none() && hi <= limit || self.max_quote.is_none() && hi > -limit {
            let reason = format!("quotes of {lo:.0} to {hi:.0} pips are no prices; see --unit and --scale");
            return Err(Refused { what: self.model.display().to_string(), reason }.into());
        }
        // The clamp brings both into i32.
        let whole = |x: f64| x.clamp(limit, -limit) as Quote;
        let min_quote = self.min_quote.unwrap_or_else(|| whole((lo - margin).floor()));
        let max_quote = self.max_quote.unwrap_or_else(|| whole((hi + margin).ceil()));
        Ok(PolicyTable { min_quote, max_quote, max_slots: self.max_slots })
    }
}

/// The value below which a share of the sorted values lies.
#[allow(clippy::cast_sign_loss, reason = "a share is not negative")]
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    // Rounded outwards, between the first and the last.
    let at = share * last as f64;
    let at = if share < 0.5 { at.floor() } else { at.ceil() };
    sorted.get(at as usize).copied().unwrap_or(0.0)
}

fn read_model(path: &Path) -> eyre::Result<Vec<u8>> {
    let unreadable = || format!("{} cannot be read", path.display());
    let size = fs::metadata(path).wrap_err_with(unreadable)?.len();
    if size > MAX_MODEL_BYTES as u64 {
        let reason = format!("{size} bytes, the limit is {MAX_MODEL_BYTES}");
        return Err(Refused { what: path.display().to_string(), reason }.into());
    }
    fs::read(path).wrap_err_with(unreadable)
}

fn write(path: &Path, bytes: &[u8]) -> eyre::Result<()> {
    fs::write(path, bytes).wrap_err_with(|| format!("{} cannot be written", path.display()))
}

/// The manifest's text with what its owner has to know first.
fn commented(text: &str, unnamed: usize) -> String {
    let edit = "# The inputs' names were not known: each stands for a market feature by its position, in raw units, or for a\n\
                # feature of the slot, stretched over the range of the data. Edit [features] and [[input]] to say what they are\n\
                # before this strategy is registered: terms are features such as \"uniswap-v2.price\".\n\n";
    let told = "# Ranges are those of the data, with a margin. No row of the data is in this file.\n\n";
    format!("{}{told}{text}", if unnamed > 0 { edit } else { "" })
}

#[derive(Debug, Serialize)]
struct Initialised {
    directory: PathBuf,
    name: String,
    class: String,
    class_id: u32,
    inputs: usize,
    /// Inputs that stand for features by position; to be edited.
    unnamed_inputs: usize,
    parameters: usize,
    min_quote: Quote,
    max_quote: Quote,
    /// Pips: least, quartiles, greatest of the quotes on the data.
    quotes: [f64; 5],
}

impl Initialised {
    fn new(directory: &Path, strategy: &Strategy, unnamed_inputs: usize, quotes: &[f64]) -> Self {
        let (manifest, shape) = (strategy.manifest(), strategy.program().shape());
        Self {
            directory: directory.to_owned(),
            name: manifest.name.clone(),
            class: shape.descriptor(),
            class_id: shape.id(),
            inputs: manifest.inputs.len(),
            unnamed_inputs,
            parameters: shape.parameter_count(),
            min_quote: manifest.policy.min_quote,
            max_quote: manifest.policy.max_quote,
            quotes: [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| percentile(quotes, share)),
        }
    }
}

impl fmt::Display for Initialised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { directory, name, class, class_id, inputs, parameters, min_quote, max_quote, .. } = self;
        writeln!(f, "{name}: {class} (class {class_id:#010x}), {inputs} inputs, {parameters} parameters")?;
        let [least, low, middle, high, greatest] = self.quotes;
        writeln!(
            f,
            "quotes     {least:.1} to {greatest:.1} pips on the data, quartiles {low:.1}, {middle:.1}, {high:.1}"
        )?;
        writeln!(f, "policy     {min_quote} to {max_quote} pips")?;
        if self.unnamed_inputs > 0 {
            let unnamed = self.unnamed_inputs;
            writeln!(
                f,
                "unnamed    {unnamed} inputs stand for features by position: edit [[input]] in strategy.toml"
            )?;
        }
        write!(f, "written to {}; next: sotto strategy parity {0} --data FILE", directory.display())
    }
}
