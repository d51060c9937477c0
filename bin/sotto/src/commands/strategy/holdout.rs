//! Hold-out data: rows of features that a model was not trained on, as CSV with feature names in the first line.

use std::{fs, path::Path};

use eyre::{WrapErr as _, ensure, eyre};
use sotto_model::{FeatureCatalog, Row};
use sotto_types::{MARKET_FEATURES, SLOT_FEATURES};

/// Name of the file in a strategy's directory.
pub(super) const FILE: &str = "holdout.csv";
/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// A column that is no feature: the network's own output, for whoever reads the file.
const OUTPUT: &str = "float-pips";

/// Reads the rows of a file. Features without a column are zero.
pub(super) fn read(path: &Path) -> eyre::Result<Vec<Row>> {
    let size = fs::metadata(path).wrap_err_with(|| format!("{} cannot be read", path.display()))?.len();
    ensure!(size <= MAX_BYTES, "{} has {size} bytes, the limit is {MAX_BYTES}", path.display());
    parse(&fs::read_to_string(path)?).wrap_err_with(|| path.display().to_string())
}

fn parse(text: &str) -> eyre::Result<Vec<Row>> {
    let mut lines = text.lines();
    let header = lines.next().ok_or_else(|| eyre!("the file is empty"))?;
    let catalog = FeatureCatalog::default();
    let columns = header
        .split(',')
        .map(|name| if name == OUTPUT { Ok(None) } else { catalog.feature(name).map(|f| Some(f.index)) })
        .collect::<Result<Vec<_>, _>>()?;
    lines
        .enumerate()
        .map(|(index, line)| row(&columns, line).wrap_err_with(|| format!("line {}", index + 2)))
        .collect()
}

fn row(columns: &[Option<usize>], line: &str) -> eyre::Result<Row> {
    let cells: Vec<&str> = line.split(',').collect();
    ensure!(cells.len() == columns.len(), "{} cells, expected {}", cells.len(), columns.len());
    let mut values = [0i32; MARKET_FEATURES + SLOT_FEATURES];
    for (cell, column) in cells.iter().zip(columns) {
        if let Some(value) = column.and_then(|index| values.get_mut(index)) {
            *value = cell.parse().wrap_err_with(|| format!("`{cell}` is no feature value"))?;
        }
    }
    let mut row = Row { market: [0; MARKET_FEATURES], slot: [0; SLOT_FEATURES] };
    let (market, slot) = values.split_at(MARKET_FEATURES);
    row.market.copy_from_slice(market);
    row.slot.copy_from_slice(slot);
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let rows = parse("slot.size,chain.base-fee,float-pips\n7,-3,1.5\n8,4,0\n").unwrap();
        let at = |name| FeatureCatalog::default().feature(name).unwrap().index;
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].slot[at("slot.size") - MARKET_FEATURES], 7);
        assert_eq!(rows[0].market[at("chain.base-fee")], -3);
    }

    #[test]
    fn bad_cells_are_refused_with_their_line() {
        for (text, line) in [("slot.size\n1\n1,2\n", "line 3"), ("slot.size\n99999999999\n", "line 2")] {
            assert_eq!(parse(text).unwrap_err().to_string(), line);
        }
        assert!(parse("no.such-feature\n1\n").is_err());
        assert!(parse("").is_err());
    }
}
