//! What was seen inside a model on data: ranges only, never the data.

use serde::{Deserialize, Serialize};

use crate::real::RealOp;
use crate::{ModelError, RealProgram};

/// Least and greatest value of each row of each matrix, after its activation, with a margin. Rows saturate beyond.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Calibration {
    /// Least values, a list for each matrix; without it only the greatest bound. A ReLU's is zero in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub least: Vec<Vec<f64>>,
    /// Greatest values, a list for each matrix.
    #[serde(alias = "hidden")]
    pub greatest: Vec<Vec<f64>>,
}

/// Share of a row's range that it may exceed the range seen by, on each side.
const MARGIN: f64 = 0.5;
/// A row that was always zero gets this share of the widest range of its matrix, should it wake up.
const ASLEEP: f64 = 0.01;

impl Calibration {
    /// Runs a model on rows of inputs and keeps the ranges, widened by half of their width to each side; what was never
    /// negative stays so.
    pub fn observe<'a>(real: &RealProgram, rows: impl IntoIterator<Item = &'a [f64]>) -> Self {
        let mut seen: Vec<Vec<[f64; 2]>> =
            real.matrices.iter().map(|m| vec![[f64::INFINITY, f64::NEG_INFINITY]; m.biases.len()]).collect();
        for row in rows {
            let (values, _) = real.trace(row);
            let mut next = real.inputs;
            for op in &real.ops {
                let given = op.given(real);
                if let RealOp::Linear { matrix, .. } = op {
                    let seen = &mut seen[*matrix];
                    let count = seen.len().max(1);
                    for (position, &value) in values[next..next + given].iter().enumerate() {
                        let range = &mut seen[position % count];
                        *range = [range[0].min(value), range[1].max(value)];
                    }
                }
                next += given;
            }
        }
        let widened = |rows: &Vec<[f64; 2]>| -> Vec<[f64; 2]> {
            let widest = rows.iter().map(|r| r[1] - r[0]).fold(0.0, f64::max);
            rows.iter().map(|&range| widen(range, widest)).collect()
        };
        let rows: Vec<Vec<[f64; 2]>> = seen.iter().map(widened).collect();
        let end = |end: usize| rows.iter().map(|m| m.iter().map(|r| r[end]).collect()).collect();
        Self { least: end(0), greatest: end(1) }
    }

    /// Range of a row of a matrix.
    pub(crate) fn row(&self, matrix: usize, row: usize) -> [f64; 2] {
        let at = |rows: &[Vec<f64>], none: f64| {
            rows.get(matrix).and_then(|rows| rows.get(row)).copied().unwrap_or(none)
        };
        [at(&self.least, f64::NEG_INFINITY), at(&self.greatest, f64::INFINITY)]
    }

    /// Whether it is of this model.
    ///
    /// # Errors
    /// When counts of matrices or rows differ.
    pub(crate) fn check(&self, real: &RealProgram) -> Result<(), ModelError> {
        let same = |what, expected: usize, got: usize| {
            if expected == got { Ok(()) } else { Err(ModelError::Width { what, expected, got }) }
        };
        for rows in [&self.least, &self.greatest] {
            if rows.is_empty() {
                continue;
            }
            same("calibrated matrices", real.matrices.len(), rows.len())?;
            for (matrix, rows) in real.matrices.iter().zip(rows) {
                same("calibrated rows of a matrix", matrix.biases.len(), rows.len())?;
            }
        }
        Ok(())
    }

    /// Whether every number is finite and no range is empty.
    pub(crate) fn is_sound(&self) -> bool {
        let finite = self.least.iter().chain(&self.greatest).flatten().all(|x| x.is_finite());
        let rows = self.least.iter().flatten().zip(self.greatest.iter().flatten());
        finite && rows.into_iter().all(|(lo, hi)| lo <= hi)
    }
}

fn widen([lo, hi]: [f64; 2], widest: f64) -> [f64; 2] {
    if lo > hi {
        return [0.0, 0.0];
    }
    let (lo, hi) = if lo == 0.0 && hi == 0.0 { (0.0, ASLEEP * widest) } else { (lo, hi) };
    let margin = MARGIN * (hi - lo);
    let least = if lo >= 0.0 { (lo - margin).max(0.9 * lo) } else { lo - margin };
    let greatest = if hi <= 0.0 { (hi + margin).min(0.9 * hi) } else { hi + margin };
    [significant(least, f64::floor), significant(greatest, f64::ceil)]
}

/// Four significant digits, rounded outwards.
fn significant(x: f64, round: fn(f64) -> f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return 0.0;
    }
    let digits = 3 - x.abs().log10().floor() as i32;
    let (whole, power) = (round(x * 10f64.powi(digits)), digits);
    // Through its decimal form, so that it is the number that a file would say.
    format!("{whole}e{}", -power).parse().unwrap_or(x)
}
