//! Every operation of every backend against plain words, and against the field.

use plonky2::field::{
    goldilocks_field::GoldilocksField as F,
    types::{Field, PrimeField64},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{Backend, EPSILON, Kernel, ORDER, Simd, words, words_mut};

/// Words at the edges of halves, of the order and of the word, then random ones.
pub(crate) fn samples(count: usize) -> Vec<u64> {
    let mut rng = StdRng::seed_from_u64(7);
    let edges =
        [0, 1, EPSILON - 1, EPSILON, EPSILON + 1, ORDER - 1, ORDER, ORDER + 1, u64::MAX - 1, u64::MAX];
    let shifted = [1 << 31, 1 << 63, (1 << 63) - 1, EPSILON << 32, (EPSILON << 32) - 1];
    edges.into_iter().chain(shifted).chain((0..count).map(|_| rng.r#gen())).collect()
}

/// Pairs of samples, each edge with each.
fn sample_pairs() -> (Vec<u64>, Vec<u64>) {
    let words = samples(25);
    words.iter().flat_map(|&a| words.iter().map(move |&b| (a, b))).unzip()
}

/// An operation on two words.
trait Operation {
    fn apply<S: Simd>(s: S, a: S::V, b: S::V) -> S::V;
}

/// Applies an operation to every pair.
struct Map<'a, O>(&'a [u64], &'a [u64], O);

impl<O: Operation> Kernel for Map<'_, O> {
    type Output = Vec<u64>;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Vec<u64> {
        let pad = self.0.len().next_multiple_of(S::LANES);
        let padded = |words: &[u64]| {
            let mut words = words.to_vec();
            words.resize(pad, 1);
            words
        };
        let (a, b) = (padded(self.0), padded(self.1));
        let mut out = vec![0; pad];
        for i in (0..pad).step_by(S::LANES) {
            s.prefetch(&a[i..]);
            s.store(O::apply(s, s.load(&a[i..]), s.load(&b[i..])), &mut out[i..]);
        }
        out.truncate(self.0.len());
        out
    }
}

macro_rules! check {
    ($name:ident, |$s:ident, $a:ident, $b:ident| $vector:expr, |$x:ident, $y:ident| $word:expr, $equal:expr) => {
        #[test]
        fn $name() {
            struct Op;
            impl Operation for Op {
                #[inline(always)]
                fn apply<S: Simd>($s: S, $a: S::V, $b: S::V) -> S::V {
                    $vector
                }
            }
            let (a, b) = sample_pairs();
            for backend in Backend::available() {
                let out = backend.run(Map(&a, &b, Op));
                for i in 0..a.len() {
                    let ($x, $y) = (a[i], b[i]);
                    let expected: Option<u64> = $word;
                    if let Some(expected) = expected {
                        assert!($equal(out[i], expected), "{} of {:x}, {:x}", backend.name(), a[i], b[i]);
                    }
                }
            }
        }
    };
    (words $name:ident, |$s:ident, $a:ident, $b:ident| $vector:expr, |$x:ident, $y:ident| $word:expr) => {
        check!($name, |$s, $a, $b| $vector, |$x, $y| Some($word), |got: u64, expected| got == expected);
    };
    (field $name:ident, |$s:ident, $a:ident, $b:ident| $vector:expr, |$x:ident, $y:ident| $word:expr) => {
        check!(
            $name,
            |$s, $a, $b| $vector,
            |$x, $y| {
                let ($x, $y) = (F::from_noncanonical_u64($x), F::from_noncanonical_u64($y));
                Some(F::to_canonical_u64(&$word))
            },
            |got: u64, expected| F::from_noncanonical_u64(got).to_canonical_u64() == expected
        );
    };
}

check!(words adds, |s, a, b| s.add(a, b), |a, b| a.wrapping_add(b));
check!(words subtracts, |s, a, b| s.sub(a, b), |a, b| a.wrapping_sub(b));
check!(words ands, |s, a, b| s.and(a, b), |a, b| a & b);
check!(words xors, |s, a, b| s.xor(a, b), |a, b| a ^ b);
check!(words ands_not, |s, a, b| s.and_not(a, b), |a, b| !a & b);
check!(words xors_three, |s, a, b| s.xor3(a, b, s.splat(EPSILON)), |a, b| a ^ b ^ EPSILON);
check!(words does_chi, |s, a, b| s.chi(a, b, s.splat(EPSILON)), |a, b| a ^ (!b & EPSILON));
check!(words shifts_left, |s, a, _b| s.shl::<13>(a), |a, _b| a << 13);
check!(words shifts_right, |s, a, _b| s.shr::<33>(a), |a, _b| a >> 33);
check!(words shifts_signed, |s, a, _b| s.sar::<32>(a), |a, _b| (a.cast_signed() >> 32).cast_unsigned());
check!(words rotates, |s, a, _b| s.rotl::<21, 43>(a), |a, _b| a.rotate_left(21));
check!(words swaps_bytes, |s, a, _b| s.swap_bytes(a), |a, _b| a.swap_bytes());
check!(words multiplies_halves, |s, a, b| s.mul_low(a, b), |a, b| (a & EPSILON) * (b & EPSILON));
check!(words joins, |s, a, b| s.join_halves(a, b), |a, b| (a & EPSILON) | (b << 32));
check!(words canonicalises, |s, a, _b| s.canonical(a), |a, _b| a % ORDER);
check!(words high_product, |s, a, b| s.mul_wide(a, b).0, |a, b| ((u128::from(a) * u128::from(b)) >> 64) as u64);
check!(words low_product, |s, a, b| s.mul_wide(a, b).1, |a, b| a.wrapping_mul(b));
check!(words high_square, |s, a, _b| s.square_wide(a).0, |a, _b| ((u128::from(a) * u128::from(a)) >> 64) as u64);
check!(words low_square, |s, a, _b| s.square_wide(a).1, |a, _b| a.wrapping_mul(a));
check!(field multiplies, |s, a, b| s.mul_mod(a, b), |a, b| a * b);
check!(field squares, |s, a, _b| s.square_mod(a), |a, _b| a * a);
check!(
    folds_halves,
    |s, a, b| s.fold_halves(s.shr::<2>(a), s.shr::<2>(b)),
    |a, b| Some(((u128::from(a >> 2) + (u128::from(b >> 2) << 32)) % u128::from(ORDER)) as u64),
    |got: u64, expected| got % ORDER == expected
);
check!(
    product_halves_are_a_product,
    |s, a, b| {
        let (low, high) = s.mul_halves(a, b);
        s.fold_halves(s.add(low, s.splat(1 << 40)), high)
    },
    |a, b| Some(((u128::from(a) * u128::from(b) + (1 << 40)) % u128::from(ORDER)) as u64),
    |got: u64, expected| got % ORDER == expected
);
check!(
    product_halves_are_bounded,
    |s, a, b| {
        let (low, high) = s.mul_halves(a, b);
        s.xor(s.shr::<33>(s.add(low, s.splat(1 << 33))), s.shr::<33>(high))
    },
    // `low + 2^33` and `high` lie below 2^34 and 2^33, so their tops differ in at most the lowest bit.
    |_a, _b| Some(0),
    |got: u64, _expected| got <= 1
);

/// Interleaves two blocks of lanes by each run.
struct Interleave<'a>(&'a [u64]);

impl Kernel for Interleave<'_> {
    type Output = (usize, Vec<Vec<u64>>);
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Self::Output {
        let (a, b) = (s.load(self.0), s.load(&self.0[S::LANES..]));
        let both = |(a, b)| {
            let mut out = vec![0; 2 * S::LANES];
            s.store(a, &mut out);
            s.store(b, &mut out[S::LANES..]);
            out
        };
        let all =
            [both(s.interleave::<1>(a, b)), both(s.interleave::<2>(a, b)), both(s.interleave::<4>(a, b))];
        (S::LANES, all.into_iter().take(S::LANES.trailing_zeros() as usize).collect())
    }
}

#[test]
fn interleaves_runs_of_lanes() {
    let input: Vec<u64> = (0..16).collect();
    for backend in Backend::available() {
        let (lanes, outputs) = backend.run(Interleave(&input));
        for (log, output) in outputs.into_iter().enumerate() {
            let run = 1 << log;
            let expected = |vector: usize, lane: usize| {
                let (from_second, within) = (lane / run % 2, lane / (2 * run) * 2 * run + lane % run);
                (from_second * lanes + within + vector * run) as u64
            };
            let expected: Vec<u64> = (0..2 * lanes).map(|i| expected(i / lanes, i % lanes)).collect();
            assert_eq!(output, expected, "{} {run}", backend.name());
        }
    }
}

#[test]
fn words_are_the_elements() {
    let mut elements: Vec<F> = samples(3).into_iter().map(F::from_noncanonical_u64).collect();
    assert_eq!(words(&elements), samples(3));
    words_mut(&mut elements)[2] = 5;
    assert_eq!(elements[2], F::from_canonical_u64(5));
}

#[test]
fn the_scalar_backend_is_always_there_and_last() {
    let all = Backend::available();
    assert_eq!(all.last(), Some(&Backend::Scalar));
    assert_eq!(all.first(), Some(&Backend::detect()));
    assert!(all.iter().all(|backend| backend.is_available() && !backend.name().is_empty()));
}
