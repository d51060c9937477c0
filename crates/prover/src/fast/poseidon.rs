//! Poseidon of width 12 over Goldilocks, one permutation per lane, equal to plonky2's.
//!
//! The S-box works on words. Everything linear works on pairs of signed words with `low + 2^32·high` for a value: the
//! entries of the matrix are small, so sums of products stay far below `2^63`, and no carry is propagated before the next
//! S-box. In a partial round that is one element of twelve; the others stay pairs, and are cut back to 33 bits every third
//! round.
//!
//! The matrix is circulant but for one entry. Its product with a vector is a convolution of length 12, taken as three
//! transforms of length 4 followed by convolutions of length 3, whose constants plonky2's authors chose to be sums of few
//! powers of two (the split that winterfell describes for its Rescue matrix).

use plonky2::{
    field::goldilocks_field::GoldilocksField,
    hash::poseidon::{ALL_ROUND_CONSTANTS, HALF_N_FULL_ROUNDS, N_PARTIAL_ROUNDS, N_ROUNDS, Poseidon},
};

pub(super) mod gate;

use super::leaves::scatter;
use super::simd::{EPSILON, ORDER, Simd};

/// Elements of the state.
pub(super) const WIDTH: usize = 12;
/// Elements absorbed by a permutation.
pub(super) const RATE: usize = 8;

/// What is added to low halves before a fold, so that they are not negative: more than `2^33·264^3`.
const LOW_BIAS: u64 = 1 << 58;
/// What is added to high halves before a fold.
const HIGH_BIAS: u64 = 1 << 57;

/// A constant as a pair of words.
type Pair = (u64, u64);

/// The pair of a constant.
const fn pair(constant: u64) -> Pair {
    (constant & EPSILON, constant >> 32)
}

/// A pair equal to a constant below the order, with both words large enough to lift a negative word above zero.
const fn lifted(constant: u64) -> Pair {
    let order = ORDER as u128;
    let bias = (LOW_BIAS as u128 + ((HIGH_BIAS as u128) << 32)) % order;
    let (low, high) = pair(((constant as u128 + order - bias) % order) as u64);
    (low + LOW_BIAS, high + HIGH_BIAS)
}

const ZERO_LIFTED: Pair = lifted(0);

/// Constants in front of the S-boxes of each full round, lifted; partial rounds leave theirs unused.
static FULL: [[Pair; WIDTH]; N_ROUNDS] = {
    let mut table = [[(0, 0); WIDTH]; N_ROUNDS];
    let mut i = 0;
    while i < WIDTH * N_ROUNDS {
        table[i / WIDTH][i % WIDTH] = lifted(ALL_ROUND_CONSTANTS[i]);
        i += 1;
    }
    table
};

/// Constants in front of the partial rounds.
static PARTIAL_FIRST: [Pair; WIDTH] = {
    let mut table = [(0, 0); WIDTH];
    let mut i = 0;
    while i < WIDTH {
        table[i] = pair(<GoldilocksField as Poseidon>::FAST_PARTIAL_FIRST_ROUND_CONSTANT[i]);
        i += 1;
    }
    table
};

/// Constants behind the S-box of each partial round.
static PARTIAL: [Pair; N_PARTIAL_ROUNDS] = {
    let mut table = [(0, 0); N_PARTIAL_ROUNDS];
    let mut i = 0;
    while i < N_PARTIAL_ROUNDS {
        table[i] = pair(<GoldilocksField as Poseidon>::FAST_PARTIAL_ROUND_CONSTANTS[i]);
        i += 1;
    }
    table
};

// The products below are written for these constants.
const _: () = {
    let circulant = <GoldilocksField as Poseidon>::MDS_MATRIX_CIRC;
    let expected = [17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20];
    let diagonal = <GoldilocksField as Poseidon>::MDS_MATRIX_DIAG;
    let mut i = 0;
    while i < WIDTH {
        assert!(circulant[i] == expected[i]);
        assert!(diagonal[i] == if i == 0 { 8 } else { 0 });
        i += 1;
    }
};

/// The state as pairs.
struct Halves<S: Simd> {
    low: [S::V; WIDTH],
    high: [S::V; WIDTH],
}

/// Permutes the state of each lane. Any representatives come in; the outputs are representatives below `2^64`.
#[inline(always)]
pub(super) fn permute<S: Simd>(s: S, state: &mut [S::V; WIDTH]) {
    if S::LANES == 1 {
        // With a 64-bit multiplier plonky2's sparse matrices cost less than small constants on halves.
        let words = state.map(|x| GoldilocksField(scatter(s, x)[0]));
        *state = GoldilocksField::poseidon(words).map(|x| s.splat(x.0));
        return;
    }
    for (x, constant) in state.iter_mut().zip(ALL_ROUND_CONSTANTS) {
        *x = s.add_carry_mod(*x, s.splat(constant));
    }
    for constants in &FULL[1..HALF_N_FULL_ROUNDS] {
        let halves = full_round(s, state);
        fold(s, &halves, constants, state);
    }
    let mut halves = full_round(s, state);
    for (i, &constant) in PARTIAL_FIRST.iter().enumerate() {
        add_pair(s, &mut halves, i, constant);
    }
    for (round, &constant) in PARTIAL.iter().enumerate() {
        partial_round(s, &mut halves, constant);
        // The pairs that come in have 42 bits, and each round adds 8.05.
        if round % 3 == 1 && round + 1 < N_PARTIAL_ROUNDS {
            cut(s, &mut halves);
        }
    }
    fold(s, &halves, &FULL[HALF_N_FULL_ROUNDS + N_PARTIAL_ROUNDS], state);
    for constants in &FULL[HALF_N_FULL_ROUNDS + N_PARTIAL_ROUNDS + 1..] {
        let halves = full_round(s, state);
        fold(s, &halves, constants, state);
    }
    let halves = full_round(s, state);
    fold(s, &halves, &[ZERO_LIFTED; WIDTH], state);
}

/// S-boxes and the matrix.
#[inline(always)]
fn full_round<S: Simd>(s: S, state: &[S::V; WIDTH]) -> Halves<S> {
    let mut halves = Halves { low: *state, high: *state };
    for (i, &x) in state.iter().enumerate() {
        (halves.low[i], halves.high[i]) = seventh_power(s, x);
    }
    multiply(s, &mut halves);
    halves
}

/// S-box of the first element and the matrix.
#[inline(always)]
fn partial_round<S: Simd>(s: S, halves: &mut Halves<S>, constant: Pair) {
    let x = fold_element(s, halves, 0, ZERO_LIFTED);
    (halves.low[0], halves.high[0]) = seventh_power(s, x);
    add_pair(s, halves, 0, constant);
    multiply(s, halves);
}

/// The seventh power as a pair: `-2^33 < low < 2^32`, `0 <= high < 2^33`.
#[inline(always)]
fn seventh_power<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
    let square = s.square_mod(x);
    let cube = s.mul_mod(square, x);
    s.mul_halves(s.square_mod(square), cube)
}

#[inline(always)]
fn add_pair<S: Simd>(s: S, halves: &mut Halves<S>, i: usize, (low, high): Pair) {
    halves.low[i] = s.add(halves.low[i], s.splat(low));
    halves.high[i] = s.add(halves.high[i], s.splat(high));
}

#[inline(always)]
fn fold_element<S: Simd>(s: S, halves: &Halves<S>, i: usize, (low, high): Pair) -> S::V {
    s.fold_halves(s.add(halves.low[i], s.splat(low)), s.add(halves.high[i], s.splat(high)))
}

/// Adds lifted constants and makes words.
#[inline(always)]
fn fold<S: Simd>(s: S, halves: &Halves<S>, constants: &[Pair; WIDTH], state: &mut [S::V; WIDTH]) {
    for i in 0..WIDTH {
        state[i] = fold_element(s, halves, i, constants[i]);
    }
}

/// Cuts every pair but the first back: for words below `2^58`, to `|low|, |high| < 2^32 + 2^27`.
#[inline(always)]
fn cut<S: Simd>(s: S, halves: &mut Halves<S>) {
    let mask = s.splat(EPSILON);
    for i in 0..WIDTH {
        let (low, high) = (halves.low[i], halves.high[i]);
        let (low_top, high_top) = (s.sar::<32>(low), s.sar::<32>(high));
        // 2^64 = 2^32 - 1.
        halves.low[i] = s.sub(s.and(low, mask), high_top);
        halves.high[i] = s.add(s.add(s.and(high, mask), low_top), high_top);
    }
}

/// The matrix on both halves.
#[inline(always)]
fn multiply<S: Simd>(s: S, halves: &mut Halves<S>) {
    let (low, high) = (halves.low[0], halves.high[0]);
    halves.low = circulant(s, &halves.low);
    halves.high = circulant(s, &halves.high);
    halves.low[0] = s.add(halves.low[0], s.shl::<3>(low));
    halves.high[0] = s.add(halves.high[0], s.shl::<3>(high));
}

/// The circulant product, exact modulo `2^64`.
#[inline(always)]
fn circulant<S: Simd>(s: S, x: &[S::V; WIDTH]) -> [S::V; WIDTH] {
    let sum = |a: S::V, b: S::V| s.add(a, b);
    let diff = |a: S::V, b: S::V| s.sub(a, b);
    // Modulo X^4 = 1, for each residue k of the index modulo 3: at 1, at -1, and the parts at -i.
    let even = [sum(x[0], x[6]), sum(x[1], x[7]), sum(x[2], x[8])];
    let odd = [sum(x[3], x[9]), sum(x[4], x[10]), sum(x[5], x[11])];
    let one = core::array::from_fn(|k| sum(even[k], odd[k]));
    let minus = core::array::from_fn(|k| diff(even[k], odd[k]));
    // Turned by i^k, which makes the complex convolution below cyclic.
    let real = [diff(x[0], x[6]), diff(x[4], x[10]), diff(x[8], x[2])];
    let imaginary = [diff(x[9], x[3]), diff(x[1], x[7]), diff(x[5], x[11])];

    let one = cyclic_one(s, &one);
    let minus = negacyclic(s, &minus);
    let (real, imaginary) = cyclic_complex(s, &real, &imaginary);

    let even: [S::V; 3] = core::array::from_fn(|k| sum(one[k], minus[k]));
    let odd: [S::V; 3] = core::array::from_fn(|k| diff(one[k], minus[k]));
    [
        sum(even[0], real[0]),
        sum(even[1], imaginary[1]),
        diff(even[2], real[2]),
        diff(odd[0], imaginary[0]),
        sum(odd[1], real[1]),
        sum(odd[2], imaginary[2]),
        diff(even[0], real[0]),
        diff(even[1], imaginary[1]),
        sum(even[2], real[2]),
        sum(odd[0], imaginary[0]),
        diff(odd[1], real[1]),
        diff(odd[2], imaginary[2]),
    ]
}

/// Cyclic convolution with `(16, 32, 16)`.
#[inline(always)]
fn cyclic_one<S: Simd>(s: S, x: &[S::V; 3]) -> [S::V; 3] {
    let sum = s.add(s.add(x[1], x[2]), x[0]);
    core::array::from_fn(|k| s.shl::<4>(s.add(sum, x[(k + 2) % 3])))
}

/// Convolution modulo `X^3 = -1` with `(-1, -8, 2)`.
#[inline(always)]
fn negacyclic<S: Simd>(s: S, x: &[S::V; 3]) -> [S::V; 3] {
    let double = |v| s.add(v, v);
    [
        s.sub(double(s.sub(s.shl::<2>(x[2]), x[1])), x[0]),
        s.sub(s.sub(s.sub(s.splat(0), double(x[2])), x[1]), s.shl::<3>(x[0])),
        s.sub(double(s.sub(x[0], s.shl::<2>(x[1]))), x[2]),
    ]
}

/// Cyclic convolution of complex numbers with `(2 - i, -1 - 4i, -16 - i)`.
#[inline(always)]
fn cyclic_complex<S: Simd>(s: S, re: &[S::V; 3], im: &[S::V; 3]) -> ([S::V; 3], [S::V; 3]) {
    let total = |v: &[S::V; 3]| s.add(s.add(v[1], v[2]), v[0]);
    let triple = |v| s.add(s.add(v, v), v);
    // (2, -1, -16) is 3·(1, 0, -5) less a constant, and (1, 4, 1) is 3·(0, 1, 0) plus the same constant.
    let (re_total, im_total) = (total(re), total(im));
    let (difference, both) = (s.sub(im_total, re_total), s.add(re_total, im_total));
    let core = |v: &[S::V; 3], k: usize| {
        let last = v[(k + 1) % 3];
        s.sub(s.sub(v[k], last), s.shl::<2>(last))
    };
    (
        core::array::from_fn(|k| s.add(triple(s.add(core(re, k), im[(k + 2) % 3])), difference)),
        core::array::from_fn(|k| s.sub(triple(s.sub(core(im, k), re[(k + 2) % 3])), both)),
    )
}
