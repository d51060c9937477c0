//! Values and combinations of many polynomials, in one pass over their coefficients.

use plonky2::field::{extension::quadratic::QuadraticExtension, packed::PackedField, types::Field};
use rayon::prelude::*;
use sotto_circuits::field::{D, F};

use super::{columns::Columns, permutation::Packed};

/// The extension that challenges come from.
pub(super) type FE = QuadraticExtension<F>;

/// Powers of a point in two columns of components.
pub(super) struct Powers {
    components: [Vec<F>; D],
}

impl Powers {
    /// The first powers of a point.
    pub(super) fn new(point: FE, count: usize) -> Self {
        let mut components = [Vec::with_capacity(count), Vec::with_capacity(count)];
        for power in point.powers().take(count) {
            for (component, value) in components.iter_mut().zip(power.0) {
                component.push(value);
            }
        }
        Self { components }
    }

    /// Values of the polynomials with these coefficients at the point.
    pub(super) fn evaluate<'a>(&self, polynomials: impl ParallelIterator<Item = &'a [F]>) -> Vec<FE>
    where
        Self: Sync,
    {
        let value = |coeffs: &[F]| QuadraticExtension([0, 1].map(|i| dot(coeffs, &self.components[i])));
        polynomials.map(value).collect::<Vec<_>>()
    }
}

/// Values of all polynomials at a point of the base field.
pub(super) fn at_base_point(polynomials: &Columns, point: F) -> Vec<F> {
    let powers: Vec<F> = point.powers().take(polynomials.rows()).collect();
    polynomials.iter().map(|coeffs| dot(coeffs, &powers)).collect()
}

/// The inner product of two equally long slices.
fn dot(a: &[F], b: &[F]) -> F {
    if !a.len().is_multiple_of(Packed::WIDTH) {
        return a.iter().zip(b).map(|(&a, &b)| a * b).sum();
    }
    let products = Packed::pack_slice(a).iter().zip(Packed::pack_slice(b));
    // Two sums, so that one addition does not wait for the other.
    let (mut even, mut odd) = (Packed::ZEROS, Packed::ZEROS);
    for (at, (&a, &b)) in products.enumerate() {
        if at % 2 == 0 {
            even += a * b;
        } else {
            odd += a * b;
        }
    }
    (even + odd).as_slice().iter().copied().sum()
}

/// `Σ scale_k·p_k` over polynomials in coefficient form, as components.
pub(super) fn combine(polynomials: &[&[F]], scales: &[FE]) -> [Vec<F>; D] {
    const CHUNK: usize = 512;
    let rows = polynomials.first().map_or(0, |coeffs| coeffs.len());
    let mut out = [vec![F::ZERO; rows], vec![F::ZERO; rows]];
    let [first, second] = &mut out;
    first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK)).enumerate().for_each(
        |(at, (first, second))| {
            let from = at * CHUNK;
            for (coeffs, scale) in polynomials.iter().zip(scales) {
                let coeffs = &coeffs[from..from + first.len()];
                let [low, high] = scale.0;
                accumulate(first, coeffs, low);
                accumulate(second, coeffs, high);
            }
        },
    );
    out
}

/// `out += scale·values`.
pub(super) fn accumulate(out: &mut [F], values: &[F], scale: F) {
    if out.len().is_multiple_of(Packed::WIDTH) {
        let scale = Packed::from(scale);
        let values = Packed::pack_slice(values);
        Packed::pack_slice_mut(out).iter_mut().zip(values).for_each(|(o, &v)| *o += v * scale);
    } else {
        out.iter_mut().zip(values).for_each(|(o, &v)| *o += v * scale);
    }
}
