//! Number-theoretic transforms between coefficients, in natural order, and values over a coset, in bit-reversed order.
//!
//! A polynomial modulo `X^m - c^2` splits into its remainders modulo `X^(m/2) - c` and `X^(m/2) + c`: a layer of butterflies
//! with one constant per block, whose order in the bit-reversed output is the natural one. The coset's shift lies in these
//! constants, so it costs nothing, and no pass reverses bits. The layers above [`BLOCK`] words run over the whole array;
//! those below run block by block, in the first-level cache; the last ones run inside vectors.

use plonky2::field::{
    goldilocks_field::GoldilocksField as F,
    types::{Field, PrimeField64},
};
use plonky2::util::reverse_index_bits_in_place;
use rayon::prelude::*;

use super::simd::{Backend, Kernel, Simd, words_mut};

/// Words of a block that stays in the first-level cache.
const BLOCK: usize = 1 << 12;

/// The constants of the butterflies for one size, coset and direction; shared by all columns.
#[derive(Debug)]
struct Twiddles {
    backend: Backend,
    log: usize,
    /// The constant of block `k` of the layer with `2^l` blocks at `2^l + k`.
    heap: Vec<u64>,
    /// For each layer inside vectors, the widest first: constants in the lanes' order.
    inner: Vec<Vec<u64>>,
}

impl Twiddles {
    /// Constants for `2^log` points of the coset `shift·<root>`.
    fn new(backend: Backend, log: usize, root: F, shift: F) -> Self {
        let size = 1 << log;
        let lanes = backend.run(Lanes);
        let (backend, lanes) = if size < 2 * lanes { (Backend::Scalar, 1) } else { (backend, lanes) };
        let mut powers = vec![F::ONE];
        let mut heap = vec![0; size];
        for layer in 0..log {
            // `powers[k]` is the root's power whose exponent is `k` with its bits reversed.
            let factor = shift.exp_power_of_2(log - 1 - layer);
            for (word, &power) in heap[1 << layer..].iter_mut().zip(&powers) {
                *word = (power * factor).to_canonical_u64();
            }
            if layer + 1 < log {
                let next = root.exp_power_of_2(log - 2 - layer);
                powers.extend_from_within(..);
                powers[1 << layer..].iter_mut().for_each(|power| *power *= next);
            }
        }
        let inner =
            (0..lanes.trailing_zeros()).rev().map(|bits| inner_layer(&heap, lanes, 1 << bits)).collect();
        Self { backend, log, heap, inner }
    }

    fn layer(&self, layer: usize) -> &[u64] {
        &self.heap[1 << layer..2 << layer]
    }

    /// Layers that are not inside vectors.
    fn outer_layers(&self) -> usize {
        self.log - self.inner.len()
    }
}

/// Constants of the layer with halves of `run` words, for pairs of vectors interleaved by such runs.
fn inner_layer(heap: &[u64], lanes: usize, run: usize) -> Vec<u64> {
    let blocks = &heap[heap.len() / (2 * run)..heap.len() / run];
    let per_vector = lanes / (2 * run);
    let of_pair = |blocks: &[u64]| -> Vec<u64> {
        (0..lanes).map(|lane| blocks[lane / run % 2 * per_vector + lane / (2 * run)]).collect()
    };
    blocks.chunks(2 * per_vector).flat_map(of_pair).collect()
}

/// Words of a backend's vectors.
struct Lanes;

impl Kernel for Lanes {
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, _s: S) -> usize {
        S::LANES
    }
}

/// Coefficients to values over a coset.
#[derive(Debug)]
pub struct Evaluation(Twiddles);

impl Evaluation {
    /// For `2^log` points of the coset of `shift`.
    pub fn new(backend: Backend, log: usize, shift: F) -> Self {
        Self(Twiddles::new(backend, log, F::primitive_root_of_unity(log), shift))
    }

    /// Replaces coefficients, lowest first, by values, that at `shift·w^i` standing at the reverse of `i`.
    ///
    /// # Panics
    /// When there are not as many as points.
    pub fn apply(&self, values: &mut [F]) {
        assert_eq!(values.len(), 1 << self.0.log, "a transform of another size");
        self.0.backend.run(Evaluate { twiddles: &self.0, values: words_mut(values) });
    }
}

/// Values over a coset to coefficients.
#[derive(Debug)]
pub struct Interpolation {
    twiddles: Twiddles,
    scale: u64,
}

impl Interpolation {
    /// For `2^log` points of the coset of `shift`, which is not zero.
    pub fn new(backend: Backend, log: usize, shift: F) -> Self {
        let root = F::primitive_root_of_unity(log).inverse();
        let twiddles = Twiddles::new(backend, log, root, shift.inverse());
        Self { twiddles, scale: F::inverse_2exp(log).to_canonical_u64() }
    }

    /// Replaces values in bit-reversed order by coefficients, lowest first.
    ///
    /// # Panics
    /// When there are not as many as points.
    pub fn apply(&self, values: &mut [F]) {
        let twiddles = &self.twiddles;
        assert_eq!(values.len(), 1 << twiddles.log, "a transform of another size");
        twiddles.backend.run(Interpolate { twiddles, scale: self.scale, values: words_mut(values) });
    }

    /// Replaces values in natural order by coefficients, lowest first.
    ///
    /// # Panics
    /// When there are not as many as points.
    pub fn apply_natural(&self, values: &mut [F]) {
        reverse_index_bits_in_place(values);
        self.apply(values);
    }
}

/// Values of polynomials over the coset of `shift` with `2^rate_bits` times as many points as coefficients, each in
/// bit-reversed order.
///
/// # Panics
/// When columns have different lengths, or not a power of two.
pub fn lde_columns(backend: Backend, coeffs: &[&[F]], rate_bits: usize, shift: F) -> Vec<Vec<F>> {
    let Some(first) = coeffs.first() else { return Vec::new() };
    let log = first.len().trailing_zeros() as usize;
    let mut shifts: Vec<F> =
        F::primitive_root_of_unity(log + rate_bits).powers().take(1 << rate_bits).collect();
    reverse_index_bits_in_place(&mut shifts);
    let blocks: Vec<Evaluation> =
        shifts.into_iter().map(|power| Evaluation::new(backend, log, shift * power)).collect();
    let extend = |column: &&[F]| {
        let mut values = Vec::with_capacity(column.len() << rate_bits);
        for block in &blocks {
            let start = values.len();
            values.extend_from_slice(column);
            block.apply(&mut values[start..]);
        }
        values
    };
    coeffs.par_iter().map(extend).collect()
}

struct Evaluate<'a> {
    twiddles: &'a Twiddles,
    values: &'a mut [u64],
}

impl Kernel for Evaluate<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (twiddles, outer) = (self.twiddles, self.twiddles.outer_layers());
        let global = twiddles.log.saturating_sub(BLOCK.trailing_zeros() as usize).min(outer);
        for layer in 0..global {
            evaluate_layer(s, self.values, twiddles.layer(layer));
        }
        let size = self.values.len() >> global;
        for (k, block) in self.values.chunks_exact_mut(size).enumerate() {
            for layer in global..outer {
                let count = 1 << (layer - global);
                evaluate_layer(s, block, &twiddles.layer(layer)[k * count..(k + 1) * count]);
            }
            inner_layers(s, block, twiddles, k * size / 2, Direction::Evaluate);
        }
    }
}

struct Interpolate<'a> {
    twiddles: &'a Twiddles,
    scale: u64,
    values: &'a mut [u64],
}

impl Kernel for Interpolate<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (twiddles, outer) = (self.twiddles, self.twiddles.outer_layers());
        let global = twiddles.log.saturating_sub(BLOCK.trailing_zeros() as usize).min(outer);
        let size = self.values.len() >> global;
        for (k, block) in self.values.chunks_exact_mut(size).enumerate() {
            inner_layers(s, block, twiddles, k * size / 2, Direction::Interpolate);
            for layer in (global..outer).rev() {
                let count = 1 << (layer - global);
                interpolate_layer(s, block, &twiddles.layer(layer)[k * count..(k + 1) * count]);
            }
        }
        for layer in (0..global).rev() {
            interpolate_layer(s, self.values, twiddles.layer(layer));
        }
        let scale = s.splat(self.scale);
        for words in self.values.chunks_exact_mut(S::LANES) {
            s.store(s.mul_mod(s.load(words), scale), words);
        }
    }
}

/// `(a, b)` to `(a + c·b, a - c·b)`.
#[inline(always)]
fn evaluate_pair<S: Simd>(s: S, a: S::V, b: S::V, c: S::V) -> (S::V, S::V) {
    let t = s.canonical(s.mul_mod(b, c));
    (s.add_carry_mod(a, t), s.sub_borrow_mod(a, t))
}

/// `(a, b)` to `(a + b, c·(a - b))`.
#[inline(always)]
fn interpolate_pair<S: Simd>(s: S, a: S::V, b: S::V, c: S::V) -> (S::V, S::V) {
    let b = s.canonical(b);
    (s.add_carry_mod(a, b), s.mul_mod(s.sub_borrow_mod(a, b), c))
}

/// A layer of blocks whose halves are whole vectors.
macro_rules! outer_layer {
    ($name:ident, $pair:ident) => {
        #[inline(always)]
        fn $name<S: Simd>(s: S, values: &mut [u64], constants: &[u64]) {
            let half = values.len() / (2 * constants.len());
            for (block, &constant) in values.chunks_exact_mut(2 * half).zip(constants) {
                let constant = s.splat(constant);
                let (left, right) = block.split_at_mut(half);
                for (left, right) in left.chunks_exact_mut(S::LANES).zip(right.chunks_exact_mut(S::LANES)) {
                    let (a, b) = $pair(s, s.load(left), s.load(right), constant);
                    s.store(a, left);
                    s.store(b, right);
                }
            }
        }
    };
}

outer_layer!(evaluate_layer, evaluate_pair);
outer_layer!(interpolate_layer, interpolate_pair);

#[derive(Clone, Copy)]
enum Direction {
    Evaluate,
    Interpolate,
}

/// The layers inside vectors, all of them on two vectors at a time. `offset` is the place of the block's first constant.
#[inline(always)]
fn inner_layers<S: Simd>(s: S, block: &mut [u64], twiddles: &Twiddles, offset: usize, direction: Direction) {
    if S::LANES == 1 {
        return;
    }
    let constant = |layer: usize, at: usize| s.load(&twiddles.inner[layer][offset + at..]);
    for (pair, words) in block.chunks_exact_mut(2 * S::LANES).enumerate() {
        let at = pair * S::LANES;
        let (mut a, mut b) = (s.load(words), s.load(&words[S::LANES..]));
        match direction {
            Direction::Evaluate => {
                if S::LANES == 8 {
                    (a, b) = s.interleave::<4>(a, b);
                    (a, b) = evaluate_pair(s, a, b, constant(0, at));
                    (a, b) = s.interleave::<4>(a, b);
                }
                let first = usize::from(S::LANES == 8);
                (a, b) = s.interleave::<2>(a, b);
                (a, b) = evaluate_pair(s, a, b, constant(first, at));
                (a, b) = s.interleave::<2>(a, b);
                (a, b) = s.interleave::<1>(a, b);
                (a, b) = evaluate_pair(s, a, b, constant(first + 1, at));
                (a, b) = s.interleave::<1>(a, b);
            }
            Direction::Interpolate => {
                let first = usize::from(S::LANES == 8);
                (a, b) = s.interleave::<1>(a, b);
                (a, b) = interpolate_pair(s, a, b, constant(first + 1, at));
                (a, b) = s.interleave::<1>(a, b);
                (a, b) = s.interleave::<2>(a, b);
                (a, b) = interpolate_pair(s, a, b, constant(first, at));
                (a, b) = s.interleave::<2>(a, b);
                if S::LANES == 8 {
                    (a, b) = s.interleave::<4>(a, b);
                    (a, b) = interpolate_pair(s, a, b, constant(0, at));
                    (a, b) = s.interleave::<4>(a, b);
                }
            }
        }
        s.store(a, words);
        s.store(b, &mut words[S::LANES..]);
    }
}

#[cfg(test)]
mod tests {
    use plonky2::{
        field::{
            goldilocks_field::GoldilocksField as F,
            polynomial::{PolynomialCoeffs, PolynomialValues},
            types::{Field, Sample},
        },
        util::reverse_index_bits_in_place,
    };

    use super::{Evaluation, Interpolation, lde_columns};
    use crate::fast::{Backend, simd::tests::samples};

    fn shifts() -> [F; 3] {
        [F::ONE, F::MULTIPLICATIVE_GROUP_GENERATOR, F::rand()]
    }

    fn coefficients(log: usize) -> Vec<F> {
        samples(1 << log).into_iter().take(1 << log).map(F::from_noncanonical_u64).collect()
    }

    #[test]
    fn evaluation_equals_plonky2s_in_reverse_order() {
        for log in 0..=14 {
            for shift in shifts() {
                let coeffs = coefficients(log);
                let mut expected = PolynomialCoeffs::new(coeffs.clone()).coset_fft(shift).values;
                reverse_index_bits_in_place(&mut expected);
                for backend in Backend::available() {
                    let mut values = coeffs.clone();
                    Evaluation::new(backend, log, shift).apply(&mut values);
                    assert_eq!(values, expected, "{} 2^{log}", backend.name());
                }
            }
        }
    }

    #[test]
    fn interpolation_equals_plonky2s() {
        // plonky2's own interpolation of one value fails.
        for log in 1..=14 {
            let values = coefficients(log);
            let expected = PolynomialValues::new(values.clone()).ifft().coeffs;
            for backend in Backend::available() {
                let mut coeffs = values.clone();
                Interpolation::new(backend, log, F::ONE).apply_natural(&mut coeffs);
                assert_eq!(coeffs, expected, "{} 2^{log}", backend.name());
            }
        }
    }

    #[test]
    fn interpolation_inverts_evaluation_on_any_coset() {
        for log in 0..=14 {
            for shift in shifts() {
                for backend in Backend::available() {
                    let mut values = coefficients(log);
                    Evaluation::new(backend, log, shift).apply(&mut values);
                    Interpolation::new(backend, log, shift).apply(&mut values);
                    assert_eq!(values, coefficients(log), "{} 2^{log}", backend.name());
                }
            }
        }
    }

    #[test]
    fn extensions_equal_plonky2s_in_reverse_order() {
        let shift = F::coset_shift();
        for (log, rate_bits) in [(0, 0), (0, 3), (1, 1), (3, 2), (5, 3), (10, 3), (13, 1)] {
            let columns: Vec<Vec<F>> = (0..3).map(|_| F::rand_vec(1 << log)).collect();
            let slices: Vec<&[F]> = columns.iter().map(Vec::as_slice).collect();
            let expected: Vec<Vec<F>> = columns
                .iter()
                .map(|coeffs| {
                    let mut values =
                        PolynomialCoeffs::new(coeffs.clone()).lde(rate_bits).coset_fft(shift).values;
                    reverse_index_bits_in_place(&mut values);
                    values
                })
                .collect();
            for backend in Backend::available() {
                assert_eq!(lde_columns(backend, &slices, rate_bits, shift), expected, "{}", backend.name());
            }
        }
    }

    #[test]
    #[should_panic(expected = "a transform of another size")]
    fn a_transform_refuses_another_size() {
        Evaluation::new(Backend::detect(), 3, F::ONE).apply(&mut F::rand_vec(4));
    }
}
