//! Rows of data for a strategy: what the columns of a file mean, and the features that they stand for.

mod inverse;

use std::{fmt, fs, path::Path};

use eyre::WrapErr as _;
use serde::Serialize;
use sotto_data::{DataError, FileKind, MAX_FILE_BYTES, Table};
use sotto_model::{Decimals, Feature, FeatureCatalog, Row, Strategy};
use sotto_types::{MARKET_FEATURES, MODEL_FEATURES, SlotFeature};

use crate::exit::Refused;
use inverse::Inverse;

/// Name of the hold-out rows in a strategy's directory.
pub(super) const HOLDOUT: &str = "holdout.csv";
/// Column with the training runtime's output, in pips.
const FLOAT_PIPS: &str = "float-pips";

/// What the columns of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Columns {
    /// Features by name, as a market records them: integers.
    RawFeatures,
    /// Features by name, in natural units.
    NaturalFeatures,
    /// The model's inputs, in its order.
    NetworkInputs,
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RawFeatures => "features by name, raw",
            Self::NaturalFeatures => "features by name, in natural units",
            Self::NetworkInputs => "the model's inputs, in its order",
        })
    }
}

/// Rows of features, and what the file says of the outputs.
#[derive(Debug)]
pub(super) struct Rows {
    /// What the columns were.
    pub(super) columns: Columns,
    /// The rows.
    pub(super) rows: Vec<Row>,
    /// Reference outputs in pips.
    pub(super) reference: Option<Vec<f64>>,
    /// Rows with a value outside its feature's range, where it counts as the end of the range.
    pub(super) saturated: usize,
}

/// Why a table is no data for a strategy.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(super) enum RowsError {
    #[error("unknown columns: {}; the market's features are {}", .names.join(", "), .known.join(", "))]
    Unknown { names: Vec<String>, known: Vec<String> },
    #[error("{got} columns, the model has {expected} inputs")]
    Width { expected: usize, got: usize },
    #[error("no column for {}, which the model reads", .names.join(", "))]
    Lacking { names: Vec<String> },
    #[error("row {row}, column `{column}`: {value} does not fit the feature's int32")]
    Range { row: usize, column: String, value: f64 },
    #[error("row {row}: input {input} contradicts the other inputs under the mapping in strategy.toml")]
    Contradiction { row: usize, input: usize },
}

/// Reads a table; what is wrong with its content is a refusal, what the disk does wrong is a failure.
pub(super) fn read_table(path: &Path) -> eyre::Result<Table> {
    let shown = || path.display().to_string();
    let refuse = |error: DataError| Refused { what: shown(), reason: error.to_string() };
    let kind = FileKind::of(&path.to_string_lossy()).map_err(refuse)?;
    let size = fs::metadata(path).wrap_err_with(|| format!("{} cannot be read", shown()))?.len();
    if size > MAX_FILE_BYTES {
        let (what, got, limit) = ("bytes of the file", size, MAX_FILE_BYTES);
        return Err(refuse(DataError::TooLarge { what, got, limit }).into());
    }
    let bytes = fs::read(path).wrap_err_with(|| format!("{} cannot be read", shown()))?;
    Ok(Table::read(bytes, kind).map_err(refuse)?)
}

/// The rows of a file for a strategy; the hold-out rows in its directory when none is given.
pub(super) fn read(file: Option<&Path>, directory: &Path, strategy: &Strategy) -> eyre::Result<Rows> {
    let holdout = directory.join(HOLDOUT);
    let path = file.unwrap_or(&holdout);
    if file.is_none() && !path.exists() {
        eyre::bail!("{} does not exist; name data with --data", path.display());
    }
    let table = read_table(path)?;
    let rows = interpret(&table, strategy);
    Ok(rows.map_err(|error| Refused { what: path.display().to_string(), reason: error.to_string() })?)
}

fn interpret(table: &Table, strategy: &Strategy) -> Result<Rows, RowsError> {
    let catalog = strategy.manifest().market.catalog();
    let columns: Vec<_> = table.names().iter().map(|name| catalog.feature(name).ok()).collect();
    let known = columns.iter().flatten().count();
    let float_pips = table.names().iter().position(|name| name == FLOAT_PIPS);
    if known == 0 || names_forms(table, strategy) {
        return from_inputs(table, strategy);
    }
    let unknown = table.names().iter().zip(&columns).filter(|(name, c)| c.is_none() && *name != FLOAT_PIPS);
    let names: Vec<String> = unknown.map(|(name, _)| name.clone()).collect();
    if !names.is_empty() {
        return Err(RowsError::Unknown { names, known: feature_names(&catalog) });
    }
    let lacking: Vec<String> = strategy
        .manifest()
        .features
        .keys()
        .filter(|name| {
            let index = catalog.feature(name).map(|f| f.index).ok();
            !columns.iter().flatten().any(|column| Some(column.index) == index)
        })
        .cloned()
        .collect();
    if !lacking.is_empty() {
        return Err(RowsError::Lacking { names: lacking });
    }
    let mut rows = from_features(table, &columns, strategy.manifest().decimals())?;
    let ranges = &strategy.frontend().ranges;
    rows.saturated = rows.rows.iter().filter(|row| is_outside(row, ranges)).count();
    let pips = strategy.manifest().output.pips();
    rows.reference = match (float_pips, table.reference()) {
        (Some(at), _) => Some(table.column(at).collect()),
        (None, reference) => reference.map(|y| y.iter().map(|y| y * pips).collect()),
    };
    Ok(rows)
}

/// Whether the columns are named as the inputs are in the manifest.
fn names_forms(table: &Table, strategy: &Strategy) -> bool {
    let inputs = &strategy.manifest().inputs;
    inputs.len() == table.width()
        && inputs.iter().zip(table.names()).all(|(input, name)| input.name.as_ref() == Some(name))
}

/// Names of a market's features and of a slot's.
pub(super) fn feature_names(catalog: &FeatureCatalog) -> Vec<String> {
    (0..MODEL_FEATURES).filter_map(|index| catalog.name(index)).map(str::to_owned).collect()
}

fn is_outside(row: &Row, ranges: &[Option<[i32; 2]>; MODEL_FEATURES]) -> bool {
    let values = row.market.iter().chain(&row.slot).zip(ranges);
    values.into_iter().any(|(x, range)| range.is_some_and(|[lo, hi]| *x < lo || *x > hi))
}

fn from_features(table: &Table, columns: &[Option<Feature>], decimals: Decimals) -> Result<Rows, RowsError> {
    let known = || columns.iter().enumerate().filter_map(|(at, column)| column.map(|c| (at, c)));
    // Logarithms in natural units are whole numbers in all rows by a rare chance only; counts are the same either way.
    let raw = table.rows().all(|row| known().all(|(at, _)| row.get(at).is_some_and(|x| x.fract() == 0.0)));
    let direction_at =
        known().find(|(_, c)| c.index == MARKET_FEATURES + SlotFeature::Direction as usize).map(|(at, _)| at);
    let mut rows = Vec::with_capacity(table.len());
    for (row, values) in table.rows().enumerate() {
        let sells_quote = direction_at.and_then(|at| values.get(at)).is_some_and(|&d| d != 0.0);
        let mut features = [0i32; MODEL_FEATURES];
        for (at, Feature { index, unit }) in known() {
            let value = values.get(at).copied().unwrap_or_default();
            let (base, quote) = unit.shift(decimals);
            let shift = if sells_quote { quote } else { base };
            let x = if raw { value } else { ((value + shift) * unit.steps()).round() };
            if x < f64::from(i32::MIN) || x > f64::from(i32::MAX) {
                return Err(RowsError::Range { row, column: table.column_name(at), value });
            }
            // In range by the check above.
            features[index] = x as i32;
        }
        let mut full = Row { market: [0; MARKET_FEATURES], slot: [0; MODEL_FEATURES - MARKET_FEATURES] };
        full.market.copy_from_slice(&features[..MARKET_FEATURES]);
        full.slot.copy_from_slice(&features[MARKET_FEATURES..]);
        rows.push(full);
    }
    let columns = if raw { Columns::RawFeatures } else { Columns::NaturalFeatures };
    Ok(Rows { columns, rows, reference: None, saturated: 0 })
}

fn from_inputs(table: &Table, strategy: &Strategy) -> Result<Rows, RowsError> {
    let (expected, got) = (strategy.frontend().inputs.len(), table.width());
    if expected != got {
        return Err(RowsError::Width { expected, got });
    }
    let inverse = Inverse::new(strategy.frontend());
    let mut saturated = 0;
    let mut rows = Vec::with_capacity(table.len());
    for (row, inputs) in table.rows().enumerate() {
        let found = inverse.row(inputs).map_err(|input| RowsError::Contradiction { row, input })?;
        saturated += usize::from(found.saturated);
        rows.push(found.row);
    }
    let pips = strategy.manifest().output.pips();
    let reference = table.reference().map(|y| y.iter().map(|y| y * pips).collect());
    Ok(Rows { columns: Columns::NetworkInputs, rows, reference, saturated })
}
