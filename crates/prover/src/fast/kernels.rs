//! What the phases ask of the arithmetic kernels.

use plonky2::field::{
    fft::FftRootTable,
    polynomial::{PolynomialCoeffs, PolynomialValues},
    types::{Field, Field64},
};
use rayon::prelude::*;
use sotto_circuits::field::F;

use super::{hash::FastHash, simd::Backend};

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

/// An element whose absorption at this position of the state gives a response with enough leading zeros. Threads search
/// neighbouring ranges in turn.
pub(super) fn grind<H: FastHash>(
    backend: Backend,
    state: &H::Permutation,
    position: usize,
    zeros: u32,
) -> Option<F> {
    const RANGE: u64 = 1 << 11;
    (0..((F::ORDER - 1) / RANGE) as usize)
        .into_par_iter()
        .by_exponential_blocks()
        .find_map_any(|range| H::grind_range(backend, state, position, zeros, range as u64 * RANGE, RANGE))
        .map(F::from_canonical_u64)
}
