//! Hold-out data: rows of features that a model was not trained on.

use std::{fs, path::Path};

use eyre::{WrapErr as _, ensure};
use sotto_model::{FeatureCatalog, Row, parse_rows};

/// Name of the file in a strategy's directory.
pub(super) const FILE: &str = "holdout.csv";
/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Reads the rows of a CSV file with feature names in its first line. Features without a column are zero.
pub(super) fn read(path: &Path) -> eyre::Result<Vec<Row>> {
    let size = fs::metadata(path).wrap_err_with(|| format!("{} cannot be read", path.display()))?.len();
    ensure!(size <= MAX_BYTES, "{} has {size} bytes, the limit is {MAX_BYTES}", path.display());
    let rows = parse_rows(&fs::read_to_string(path)?, &FeatureCatalog::default())
        .wrap_err_with(|| path.display().to_string())?;
    Ok(rows.into_iter().map(|row| row.row).collect())
}
