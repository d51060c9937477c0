//! Why a file is not a table of numbers.

use thiserror::Error;

/// Everything that reading can refuse. None of it gets better by trying again: the file has to change.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// The name ends in something else.
    #[error("`{name}` ends in none of .npz, .csv and .parquet")]
    Kind {
        /// Name of the file.
        name: String,
    },
    /// Bytes, rows, columns or values over their limit.
    #[error("{what}: {got} is over the limit of {limit}")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// Its size.
        got: u64,
        /// The largest that is accepted.
        limit: u64,
    },
    /// The file or one of its parts does not have its format.
    #[error("{part}: {reason}")]
    Malformed {
        /// The file's kind, or the name of an array or column in it.
        part: String,
        /// What is wrong.
        reason: String,
    },
    /// There is no `X`, no header, no row.
    #[error("the file has no {what}")]
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// An array or column holds no numbers of a kind that is read.
    #[error("{part} holds {got}, expected {expected}")]
    Type {
        /// Name of the array or column.
        part: String,
        /// What it holds.
        got: String,
        /// What is read.
        expected: &'static str,
    },
    /// Two parts that belong together differ in length.
    #[error("{what}: expected {expected}, got {got}")]
    Count {
        /// What was counted.
        what: &'static str,
        /// The right count.
        expected: usize,
        /// The count found.
        got: usize,
    },
    /// A column's name is empty or occurs twice.
    #[error("column name `{name}` is empty or occurs twice")]
    Name {
        /// The name.
        name: String,
    },
    /// A value is missing, not a number, or not finite.
    #[error("row {row}, column `{column}`: {got} is not a finite number")]
    Value {
        /// Row, from 0.
        row: usize,
        /// Name or position of the column.
        column: String,
        /// What is there.
        got: String,
    },
}

impl DataError {
    #[allow(clippy::needless_pass_by_value, reason = "errors and texts are handed over")]
    pub(crate) fn malformed(part: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { part: part.into(), reason: reason.to_string() }
    }
}
