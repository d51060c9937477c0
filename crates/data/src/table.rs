//! Rows of numbers, with names and reference values where the file has them.

use crate::{DataError, csv, npz, parquet};

/// Largest file that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 512 << 20;
/// Most numbers of a table.
pub const MAX_VALUES: usize = 1 << 26;
/// Most columns of a table.
pub const MAX_COLUMNS: usize = 1 << 16;

/// Rows of finite numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    names: Vec<String>,
    width: usize,
    values: Vec<f64>,
    reference: Option<Vec<f64>>,
}

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A NumPy archive with arrays `X` and, optionally, `y` and one of `columns`, `feature_names` or `names`.
    Npz,
    /// Comma-separated values under a header; the column `y` is the reference.
    Csv,
    /// Apache Parquet, flat and without missing values; the column `y` is the reference.
    Parquet,
}

impl FileKind {
    /// The kind that a file's name ends in, whatever its case.
    ///
    /// # Errors
    /// When it ends in none.
    pub fn of(name: &str) -> Result<Self, DataError> {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        match ending.as_deref() {
            Some("npz") => Ok(Self::Npz),
            Some("csv") => Ok(Self::Csv),
            Some("parquet" | "pq") => Ok(Self::Parquet),
            _ => Err(DataError::Kind { name: name.to_owned() }),
        }
    }
}

impl Table {
    /// Reads a file's bytes.
    ///
    /// # Errors
    /// For bytes that do not have the format, are too many, or hold anything but finite numbers; see [`DataError`].
    pub fn read(bytes: Vec<u8>, kind: FileKind) -> Result<Self, DataError> {
        limit("bytes of the file", bytes.len() as u64, MAX_FILE_BYTES)?;
        match kind {
            FileKind::Npz => npz::read(&bytes),
            FileKind::Csv => csv::read(&bytes),
            FileKind::Parquet => parquet::read(bytes),
        }
    }

    /// A table of `width` columns, named or not (`names` empty), in row-major order.
    ///
    /// # Errors
    /// When counts do not fit, a name is empty or repeated, or a value is not finite.
    pub fn new(
        names: Vec<String>,
        width: usize,
        values: Vec<f64>,
        reference: Option<Vec<f64>>,
    ) -> Result<Self, DataError> {
        limit("columns", width as u64, MAX_COLUMNS as u64)?;
        limit("values", values.len() as u64, MAX_VALUES as u64)?;
        if width == 0 {
            return Err(DataError::Missing { what: "columns" });
        }
        if values.is_empty() {
            return Err(DataError::Missing { what: "rows" });
        }
        let rows = values.len() / width;
        let count = |what, expected, got| {
            if expected == got { Ok(()) } else { Err(DataError::Count { what, expected, got }) }
        };
        count("values", rows * width, values.len())?;
        if !names.is_empty() {
            count("names of columns", width, names.len())?;
        }
        if let Some(reference) = &reference {
            count("values of y", rows, reference.len())?;
        }
        let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        let twice = sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        if let Some(name) = sorted.first().copied().filter(|name| name.is_empty()).or(twice) {
            return Err(DataError::Name { name: name.to_owned() });
        }
        let table = Self { names, width, values, reference };
        table.check_finite()?;
        Ok(table)
    }

    fn check_finite(&self) -> Result<(), DataError> {
        let refuse = |row, column, got: f64| Err(DataError::Value { row, column, got: got.to_string() });
        if let Some(at) = self.values.iter().position(|x| !x.is_finite()) {
            return refuse(at / self.width, self.column_name(at % self.width), self.values[at]);
        }
        let reference = self.reference.as_deref().unwrap_or_default();
        match reference.iter().position(|y| !y.is_finite()) {
            Some(row) => refuse(row, "y".to_owned(), reference[row]),
            None => Ok(()),
        }
    }

    /// Name of a column, or its position.
    pub fn column_name(&self, column: usize) -> String {
        self.names.get(column).cloned().unwrap_or_else(|| column.to_string())
    }

    /// Names of the columns; empty when the file has none.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Columns.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Number of rows; at least one.
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Never: a table has a row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.width)
    }

    /// A column's values, row by row; none for a column that does not exist.
    pub fn column(&self, column: usize) -> impl Iterator<Item = f64> {
        self.rows().filter_map(move |row| row.get(column).copied())
    }

    /// The reference values `y`, one for each row.
    pub fn reference(&self) -> Option<&[f64]> {
        self.reference.as_deref()
    }
}

/// Refuses what is over a limit.
pub(crate) fn limit(what: &'static str, got: u64, limit: u64) -> Result<(), DataError> {
    if got <= limit { Ok(()) } else { Err(DataError::TooLarge { what, got, limit }) }
}

/// Splits a column `y` off.
pub(crate) fn with_reference(mut names: Vec<String>, mut columns: Vec<Vec<f64>>) -> Result<Table, DataError> {
    let at = names.iter().position(|name| name == "y");
    let reference = at.map(|at| {
        names.remove(at);
        columns.remove(at)
    });
    let rows = columns.first().map_or(0, Vec::len);
    if let Some(odd) = columns.iter().find(|column| column.len() != rows) {
        return Err(DataError::Count { what: "values of a column", expected: rows, got: odd.len() });
    }
    limit("values", (rows * columns.len()) as u64, MAX_VALUES as u64)?;
    let values = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    Table::new(names, columns.len(), values, reference)
}
