//! The constraints of plonky2's Poseidon gate, one point per lane.
//!
//! The gate's wires hold the input of every S-box that is not in the first round; a constraint compares the state with the
//! wire, and the state goes on from the wire. plonky2 takes the partial rounds by sparse matrices, which change nothing that
//! a constraint sees: both forms are the same linear map of what goes in before, and agree on the first element throughout.

use plonky2::field::goldilocks_field::GoldilocksField as F;

use super::{
    FULL, HALF_N_FULL_ROUNDS, Halves, N_PARTIAL_ROUNDS, PARTIAL, PARTIAL_FIRST, WIDTH, ZERO_LIFTED, add_pair,
    cut, fold, fold_element, full_round, multiply, seventh_power,
};
use crate::fast::simd::{EPSILON, Kernel, Simd, words, words_mut};
use plonky2::hash::poseidon::ALL_ROUND_CONSTANTS;

const OUTPUT: usize = WIDTH;
const SWAP: usize = 2 * WIDTH;
const DELTA: usize = SWAP + 1;
const FULL_FIRST: usize = DELTA + 4;
const PARTIAL_WIRES: usize = FULL_FIRST + WIDTH * (HALF_N_FULL_ROUNDS - 1);
const FULL_LAST: usize = PARTIAL_WIRES + N_PARTIAL_ROUNDS;

/// Wires of the gate.
pub(in crate::fast) const WIRES: usize = FULL_LAST + WIDTH * HALF_N_FULL_ROUNDS;
/// Constraints of the gate.
pub(in crate::fast) const CONSTRAINTS: usize = 5 + WIRES - FULL_FIRST + WIDTH;

/// The gate on a batch of points.
pub(in crate::fast) struct PoseidonGateKernel<'a> {
    /// Wires, each for all points.
    pub(in crate::fast) wires: &'a [F],
    /// Points, a multiple of eight.
    pub(in crate::fast) batch: usize,
    /// Constraints, each for all points.
    pub(in crate::fast) out: &'a mut [F],
}

impl Kernel for PoseidonGateKernel<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (wires, out) = (words(self.wires), words_mut(self.out));
        for from in (0..self.batch).step_by(S::LANES) {
            let mut point = Point { s, wires, out, batch: self.batch, from, next: 0 };
            point.evaluate();
        }
    }
}

/// `LANES` points.
struct Point<'a, S: Simd> {
    s: S,
    wires: &'a [u64],
    out: &'a mut [u64],
    batch: usize,
    from: usize,
    next: usize,
}

impl<S: Simd> Point<'_, S> {
    #[inline(always)]
    fn wire(&self, at: usize) -> S::V {
        self.s.load(&self.wires[at * self.batch + self.from..])
    }

    #[inline(always)]
    fn constrain(&mut self, value: S::V) {
        let at = self.next * self.batch + self.from;
        self.s.store(value, &mut self.out[at..]);
        self.next += 1;
    }

    /// Constrains the state to the wires from one on, and takes them for the state.
    #[inline(always)]
    fn replace(&mut self, state: &mut [S::V; WIDTH], first: usize) {
        for (i, x) in state.iter_mut().enumerate() {
            let wire = self.wire(first + i);
            self.constrain(self.s.sub_mod(*x, wire));
            *x = wire;
        }
    }

    #[inline(always)]
    fn evaluate(&mut self) {
        let s = self.s;
        let mut state = self.swapped();
        for (x, constant) in state.iter_mut().zip(ALL_ROUND_CONSTANTS) {
            *x = s.add_carry_mod(*x, s.splat(constant));
        }
        for (round, constants) in FULL.iter().enumerate().take(HALF_N_FULL_ROUNDS).skip(1) {
            let halves = full_round(s, &state);
            fold(s, &halves, constants, &mut state);
            self.replace(&mut state, FULL_FIRST + WIDTH * (round - 1));
        }
        let mut halves = full_round(s, &state);
        self.partial_rounds(&mut halves);
        let first = HALF_N_FULL_ROUNDS + N_PARTIAL_ROUNDS;
        for round in 0..HALF_N_FULL_ROUNDS {
            fold(s, &halves, &FULL[first + round], &mut state);
            self.replace(&mut state, FULL_LAST + WIDTH * round);
            halves = full_round(s, &state);
        }
        fold(s, &halves, &[ZERO_LIFTED; WIDTH], &mut state);
        self.replace(&mut state, OUTPUT);
    }

    /// The swap is a bit, and the inputs after it.
    #[inline(always)]
    fn swapped(&mut self) -> [S::V; WIDTH] {
        let s = self.s;
        let swap = self.wire(SWAP);
        self.constrain(s.mul_mod(swap, s.sub_mod(swap, s.splat(1))));
        let mut state = core::array::from_fn(|i| self.wire(i));
        for i in 0..4 {
            let delta = self.wire(DELTA + i);
            let (left, right) = (state[i], state[i + 4]);
            self.constrain(s.sub_mod(s.mul_mod(swap, s.sub_mod(right, left)), delta));
            state[i] = s.add_mod(left, delta);
            state[i + 4] = s.sub_mod(right, delta);
        }
        state
    }

    #[inline(always)]
    fn partial_rounds(&mut self, halves: &mut Halves<S>) {
        let s = self.s;
        for (i, &pair) in PARTIAL_FIRST.iter().enumerate() {
            add_pair(s, halves, i, pair);
        }
        for (round, &constant) in PARTIAL.iter().enumerate() {
            let wire = self.wire(PARTIAL_WIRES + round);
            self.constrain(s.sub_mod(fold_element(s, halves, 0, ZERO_LIFTED), wire));
            (halves.low[0], halves.high[0]) = seventh_power(s, wire);
            add_pair(s, halves, 0, constant);
            multiply(s, halves);
            // As in the permutation: the pairs that come in have 42 bits, and each round adds 8.05.
            if round % 3 == 1 && round + 1 < N_PARTIAL_ROUNDS {
                cut(s, halves);
            }
        }
    }
}

/// Wires of plonky2's gate of the matrix: twelve elements of the extension, and their product.
pub(in crate::fast) const MATRIX_WIRES: usize = 4 * WIDTH;

/// plonky2's gate of the matrix alone, on elements of the extension, each component by itself.
pub(in crate::fast) struct MatrixGateKernel<'a> {
    /// Wires, each for all points.
    pub(in crate::fast) wires: &'a [F],
    /// Points, a multiple of eight.
    pub(in crate::fast) batch: usize,
    /// Constraints, each for all points.
    pub(in crate::fast) out: &'a mut [F],
}

impl Kernel for MatrixGateKernel<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (wires, out) = (words(self.wires), words_mut(self.out));
        let mask = s.splat(EPSILON);
        for from in (0..self.batch).step_by(S::LANES) {
            for component in 0..2 {
                let at = |i: usize| (2 * i + component) * self.batch + from;
                let state: [S::V; WIDTH] = core::array::from_fn(|i| s.load(&wires[at(i)..]));
                let mut halves =
                    Halves::<S> { low: state.map(|x| s.and(x, mask)), high: state.map(|x| s.shr::<32>(x)) };
                multiply(s, &mut halves);
                for i in 0..WIDTH {
                    let product = fold_element(s, &halves, i, ZERO_LIFTED);
                    s.store(s.sub_mod(s.load(&wires[at(WIDTH + i)..]), product), &mut out[at(i)..]);
                }
            }
        }
    }
}
