//! Comma-separated values under a header of names.

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::DataError;
use crate::table::{MAX_COLUMNS, MAX_VALUES, Table, limit};

/// Reads a header and rows of numbers; fields may be quoted.
pub(crate) fn read(bytes: &[u8]) -> Result<Table, DataError> {
    // A byte order mark is what spreadsheets put first.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(bytes);
    let malformed = |error: csv::Error| DataError::malformed("CSV", error);
    let header = reader.headers().map_err(malformed)?.clone();
    limit("columns", header.len() as u64, MAX_COLUMNS as u64 + 1)?;
    let mut names: Vec<String> = header.iter().map(str::to_owned).collect();
    if names.is_empty() || names.iter().all(|name| name.parse::<f64>().is_ok()) {
        return Err(DataError::Missing { what: "header with the names of the columns" });
    }
    let reference_at = names.iter().position(|name| name == "y");
    let (mut values, mut reference) = (Vec::new(), reference_at.map(|_| Vec::new()));
    let mut record = StringRecord::new();
    let mut row = 0;
    while reader.read_record(&mut record).map_err(malformed)? {
        for (column, field) in record.iter().enumerate() {
            let value = field.parse::<f64>().ok().filter(|value| value.is_finite());
            let value = value.ok_or_else(|| DataError::Value {
                row,
                column: names.get(column).cloned().unwrap_or_default(),
                got: excerpt(field),
            })?;
            match &mut reference {
                Some(reference) if Some(column) == reference_at => reference.push(value),
                _ => values.push(value),
            }
        }
        limit("values", values.len() as u64, MAX_VALUES as u64)?;
        row += 1;
    }
    if let Some(at) = reference_at {
        names.remove(at);
    }
    let width = names.len();
    Table::new(names, width, values, reference)
}

/// The start of a field, in quotes.
fn excerpt(field: &str) -> String {
    let start: String = field.chars().take(24).collect();
    format!("{start:?}")
}
