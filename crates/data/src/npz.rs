//! A NumPy archive: a ZIP file with one array in each member.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::DataError;
use crate::npy::Array;
use crate::table::{MAX_VALUES, Table, limit};

/// Names that an array of column names may have.
const NAMES: [&str; 3] = ["columns", "feature_names", "names"];
/// Most members that an archive may have.
const MAX_MEMBERS: usize = 256;
/// Bytes of the largest array, header included.
const MAX_MEMBER_BYTES: u64 = 8 * MAX_VALUES as u64 + (1 << 16);
/// Bytes of the largest array of names.
const MAX_NAMES_BYTES: u64 = 64 << 20;

/// Reads `X`, batch first and each row flattened, `y`, and names.
pub(crate) fn read(bytes: &[u8]) -> Result<Table, DataError> {
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| DataError::malformed("NPZ", error))?;
    limit("members of the archive", archive.len() as u64, MAX_MEMBERS as u64)?;
    let x = member(&mut archive, "X", MAX_MEMBER_BYTES)?.ok_or(DataError::Missing { what: "array `X`" })?;
    let x = Array::parse("X", &x)?;
    let (rows, width) = match x.shape.as_slice() {
        &[rows] => (rows, 1),
        &[rows, width] => (rows, width),
        &[rows, steps, width] => (rows, steps.saturating_mul(width)),
        more => {
            let reason = format!("{} dimensions, expected 1 to 3, the batch first", more.len());
            return Err(DataError::malformed("X", reason));
        }
    };
    if rows == 0 {
        return Err(DataError::Missing { what: "rows" });
    }
    let values = x.numbers()?;
    let reference = match member(&mut archive, "y", MAX_MEMBER_BYTES)? {
        None => None,
        Some(y) => Some(reference(&Array::parse("y", &y)?)?),
    };
    Table::new(names(&mut archive)?, width, values, reference)
}

fn reference(y: &Array<'_>) -> Result<Vec<f64>, DataError> {
    match y.shape.as_slice() {
        [_] | [_, 1] => y.numbers(),
        shape => Err(DataError::malformed("y", format!("shape {shape:?}, expected one value a row"))),
    }
}

fn names(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<Vec<String>, DataError> {
    for name in NAMES {
        if let Some(bytes) = member(archive, name, MAX_NAMES_BYTES)? {
            return Array::parse(name, &bytes)?.texts();
        }
    }
    Ok(Vec::new())
}

/// The bytes of an array, if the archive has it. What a member claims of its size is not believed.
fn member(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    name: &str,
    most: u64,
) -> Result<Option<Vec<u8>>, DataError> {
    let file = match archive.by_name(&format!("{name}.npy")) {
        Ok(file) => file,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(DataError::malformed(name, error)),
    };
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| DataError::malformed(name, error))?;
    limit("bytes of an array", bytes.len() as u64, most)?;
    Ok(Some(bytes))
}
