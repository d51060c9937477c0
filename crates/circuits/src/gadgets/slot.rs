//! What a slot adds to a quote: emptiness, and the limit on bids in a direction.

use plonky2::field::types::Field;

use super::{
    arith::Arith,
    gate::{Gadget, limbs, power, signed},
};
use crate::field::F;

/// Limbs of a slot's commitment.
pub(crate) const COMMITMENT_LIMBS: usize = 8;

/// Whether any of a commitment's eight limbs is not zero.
///
/// Wires: `c[0..8] | live | i[0..8], z[0..8], p`. Constraints, of degree 5 at most:
///
/// ```text
/// z_k = 1 − c_k·i_k,  z_k·c_k = 0,  z_k·i_k = 0     (z: limb is zero; i its inverse, or zero)
/// p = z_0·z_1·z_2·z_3
/// live = 1 − p·z_4·z_5·z_6·z_7
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Live;

impl Gadget for Live {
    fn inputs(&self) -> usize {
        COMMITMENT_LIMBS
    }

    fn outputs(&self) -> usize {
        1
    }

    fn advice(&self) -> usize {
        2 * COMMITMENT_LIMBS + 1
    }

    fn constraint_count(&self) -> usize {
        3 * COMMITMENT_LIMBS + 2
    }

    fn degree(&self) -> usize {
        5
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let (words, rest) = wires.split_at(COMMITMENT_LIMBS);
        let live = rest[0];
        let (inverses, rest) = rest[1..].split_at(COMMITMENT_LIMBS);
        let (zeros, product) = rest.split_at(COMMITMENT_LIMBS);
        let mut constraints = Vec::with_capacity(self.constraint_count());
        for ((&word, &inverse), &zero) in words.iter().zip(inverses).zip(zeros) {
            let sum = a.mul_add(word, inverse, zero);
            constraints.push(a.add_const(sum, F::NEG_ONE));
            constraints.push(a.mul(zero, word));
            constraints.push(a.mul(zero, inverse));
        }
        let (first, second) = zeros.split_at(COMMITMENT_LIMBS / 2);
        let one = a.constant(F::ONE);
        let first = first.iter().fold(one, |acc, &z| a.mul(acc, z));
        constraints.push(a.sub(product[0], first));
        let all = second.iter().fold(product[0], |acc, &z| a.mul(acc, z));
        let sum = a.add(live, all);
        constraints.push(a.add_const(sum, F::NEG_ONE));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let inverses: Vec<F> = inputs.iter().map(|c| c.try_inverse().unwrap_or(F::ZERO)).collect();
        let zeros: Vec<F> = inputs.iter().map(|&c| F::from_bool(c == F::ZERO)).collect();
        let product: F = zeros[..COMMITMENT_LIMBS / 2].iter().copied().product();
        let live = F::ONE - zeros.iter().copied().product::<F>();
        let mut out = vec![live];
        out.extend(inverses);
        out.extend(zeros);
        out.push(product);
        out
    }
}

/// Counts bids by direction, and lets at most `max` through in each.
///
/// Wires: `live, dir, bid, quote, n0, n1, max | m0, m1, out | t, limbs (3)`, where `live` and `bid` are bits, `dir` the
/// carried direction feature, `n0`, `n1` the bids of the slots before in either direction. With `δ = dir − 2^31` and
/// `n = n0 + live·δ·(n1 − n0)`, constraints of degree 4 at most:
///
/// ```text
/// live·δ·(δ−1) = 0
/// t·(t−1) = 0,  l·(l−1)·(l−2)·(l−3) = 0        for each limb
/// max − n − 1 + 64 = 64·t + Σ 4^i·l_i           (t: n < max)
/// m0 = n0 + live·bid·(1−δ)
/// m1 = n1 + live·bid·δ
/// out = live·t·quote
/// ```
///
/// Bids past the limit are counted on, which changes nothing: a direction that is full stays full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlotLimit;

const COUNT_LIMBS: usize = 3;

impl Gadget for SlotLimit {
    fn inputs(&self) -> usize {
        7
    }

    fn outputs(&self) -> usize {
        3
    }

    fn advice(&self) -> usize {
        1 + COUNT_LIMBS
    }

    fn constraint_count(&self) -> usize {
        COUNT_LIMBS + 6
    }

    fn degree(&self) -> usize {
        4
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let [live, direction, bid, quote, n0, n1, max] = [0, 1, 2, 3, 4, 5, 6].map(|w| wires[w]);
        let [m0, m1, out, free] = [7, 8, 9, 10].map(|w| wires[w]);
        let limbs = &wires[11..];
        let mut constraints: Vec<_> = limbs.iter().map(|&l| a.limb(l)).collect();
        constraints.push(a.bit(free));

        let delta = a.add_const(direction, -power(31));
        let boolean = a.bit(delta);
        constraints.push(a.mul(live, boolean));

        let live_delta = a.mul(live, delta);
        let gap = a.sub(n1, n0);
        let count = a.mul_add(live_delta, gap, n0);
        let left = a.sub(max, count);
        let left = a.add_const(left, F::from_canonical_u64(63));
        let low = a.compose(limbs);
        let composed = a.add_scaled(low, F::from_canonical_u64(64), free);
        constraints.push(a.sub(left, composed));

        let bids1 = a.mul(live_delta, bid);
        let bids = a.mul(live, bid);
        let bids0 = a.sub(bids, bids1);
        for (before, step, after) in [(n0, bids0, m0), (n1, bids1, m1)] {
            let sum = a.add(before, step);
            constraints.push(a.sub(after, sum));
        }
        let passed = a.mul(live, free);
        let passed = a.mul(passed, quote);
        constraints.push(a.sub(out, passed));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let [live, direction, bid, quote, n0, n1, max] = [0, 1, 2, 3, 4, 5, 6].map(|i| inputs[i]);
        let delta = direction - power(31);
        let count = n0 + live * delta * (n1 - n0);
        let left = signed(max - count) + 63;
        let free = F::from_bool((left >> 6) & 1 == 1);
        let bids1 = live * delta * bid;
        let mut out = vec![n0 + live * bid - bids1, n1 + bids1, live * free * quote, free];
        out.extend(limbs(left, COUNT_LIMBS));
        out
    }
}
