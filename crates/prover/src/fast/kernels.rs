//! What the phases ask of the arithmetic kernels.

use plonky2::{
    field::{
        fft::FftRootTable,
        polynomial::{PolynomialCoeffs, PolynomialValues},
        types::{Field, PrimeField64},
    },
    hash::hashing::PlonkyPermutation,
    plonk::config::Hasher,
};
use rayon::prelude::*;
use sotto_circuits::field::F;

/// Replaces values over the subgroup, in natural order, by coefficients.
pub(super) fn interpolate(values: &mut [F], table: &FftRootTable<F>) {
    let coeffs =
        plonky2::field::fft::ifft_with_options(PolynomialValues::new(values.to_vec()), None, Some(table));
    values.copy_from_slice(&coeffs.coeffs);
}

/// Values of a polynomial over `shift·H` in bit-reversed order.
pub(super) fn coset_values(coeffs: &[F], shift: F, out: &mut [F], table: &FftRootTable<F>) {
    let polynomial = PolynomialCoeffs::new(coeffs.to_vec());
    let values = polynomial.coset_fft_with_options(shift, None, Some(table)).values;
    let bits = values.len().trailing_zeros();
    for (i, value) in values.iter().enumerate() {
        out[super::domain::reversed(i, bits)] = *value;
    }
}

/// Digests of the leaves whose elements are the rows of these columns.
pub(super) fn hash_columns<H: Hasher<F>>(columns: &[&[F]]) -> Vec<H::Hash> {
    let rows = columns.first().map_or(0, |column| column.len());
    (0..rows)
        .into_par_iter()
        .map(|row| H::hash_or_noop(&columns.iter().map(|column| column[row]).collect::<Vec<_>>()))
        .collect()
}

/// The inner digests, in plonky2's layout, and the cap of the tree over these leaf digests.
pub(super) fn tree<H: Hasher<F>>(leaves: &[H::Hash], cap_height: usize) -> (Vec<H::Hash>, Vec<H::Hash>) {
    let subtree = leaves.len() >> cap_height;
    let parts: Vec<_> = leaves
        .par_chunks_exact(subtree)
        .map(|leaves| {
            let mut digests = Vec::with_capacity(2 * (subtree - 1));
            let root = fill::<H>(leaves, &mut digests);
            (digests, root)
        })
        .collect();
    let cap = parts.iter().map(|(_, root)| *root).collect();
    (parts.into_iter().flat_map(|(digests, _)| digests).collect(), cap)
}

fn fill<H: Hasher<F>>(leaves: &[H::Hash], out: &mut Vec<H::Hash>) -> H::Hash {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = leaves.split_at(leaves.len() / 2);
    let left_root = fill::<H>(left, out);
    let mut rest = Vec::with_capacity(out.len());
    let right_root = fill::<H>(right, &mut rest);
    out.push(left_root);
    out.push(right_root);
    out.extend(rest);
    H::two_to_one(left_root, right_root)
}

/// The least element whose absorption at this position of the state gives a response with enough leading zeros.
pub(super) fn grind<H: Hasher<F>>(state: H::Permutation, position: usize, bits: u32) -> Option<F> {
    (0..F::NEG_ONE.to_canonical_u64())
        .into_par_iter()
        .find_any(|&candidate| {
            let mut state = state;
            state.set_elt(F::from_canonical_u64(candidate), position);
            state.permute();
            state.squeeze().last().is_some_and(|r| r.to_canonical_u64().leading_zeros() >= bits)
        })
        .map(F::from_canonical_u64)
}
