//! Blinding, drawn from the operating system.

use plonky2::field::types::{Field, Field64};
use rand::{RngCore, rngs::OsRng};
use rayon::prelude::*;
use sotto_circuits::field::F;

use super::columns::Columns;
use crate::ProveError;

/// Bytes asked of the operating system at once.
const REQUEST: usize = 1 << 16;

/// Uniform elements in columns.
///
/// # Errors
/// When the operating system gives no randomness.
pub(super) fn random_columns(columns: usize, rows: usize) -> Result<Columns, ProveError> {
    let mut out = Columns::zeros(columns, rows);
    fill(out.elements_mut())?;
    Ok(out)
}

/// As many uniform elements.
///
/// # Errors
/// When the operating system gives no randomness.
pub(super) fn random(count: usize) -> Result<Vec<F>, ProveError> {
    let mut out = vec![F::ZERO; count];
    fill(&mut out)?;
    Ok(out)
}

/// Fills a slice with uniform elements: 64 random bits that are not below the order are drawn again.
fn fill(out: &mut [F]) -> Result<(), ProveError> {
    out.par_chunks_mut(REQUEST / 8).try_for_each(|chunk| {
        let mut bytes = vec![0; 8 * chunk.len()];
        let mut missing: Vec<&mut F> = chunk.iter_mut().collect();
        while !missing.is_empty() {
            let bytes = &mut bytes[..8 * missing.len()];
            OsRng.try_fill_bytes(bytes).map_err(|e| ProveError::Randomness(e.to_string()))?;
            let mut words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
            missing.retain_mut(|element| match words.next() {
                Some(word) if word < F::ORDER => {
                    **element = F::from_canonical_u64(word);
                    false
                }
                _ => true,
            });
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn random_columns_hold_no_element_twice() {
        let columns = random_columns(3, 20_000).unwrap();
        let seen: HashSet<F> = columns.iter().flatten().copied().collect();
        assert_eq!(seen.len(), 60_000);
    }
}
