//! Tables of numbers from the files that model authors have: NumPy archives, CSV and Parquet.
//!
//! The bytes are hostile: sizes are bounded before memory is taken, a value that is not a finite number is refused with its
//! row and column, and nothing panics. There is no I/O here.

mod csv;
mod error;
mod npy;
mod npz;
mod parquet;
mod table;

pub use error::DataError;
pub use table::{FileKind, MAX_COLUMNS, MAX_FILE_BYTES, MAX_VALUES, Table};
