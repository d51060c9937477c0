//! Range checks of a model's parameters, which also pack them for hashing.

use plonky2::field::types::Field;

use super::{
    arith::Arith,
    gate::{Gadget, limbs, power, signed},
};
use crate::field::F;
use sotto_model::INPUT_BITS;

/// `count` signed parameters of `bits` bits (even), packed into one element.
///
/// Wires: `w[0..count] | e | limbs, bits/2 for each parameter`. Constraints, of degree 4 at most:
///
/// ```text
/// l·(l−1)·(l−2)·(l−3) = 0                             for each limb
/// w_j + 2^(bits−1) = Σ_i 4^i·l_(j,i)
/// e = Σ_j 2^(bits·j)·(w_j + 2^(bits−1))
/// ```
///
/// `bits·count ≤ 62`, so that the packing is injective.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pack {
    pub(crate) bits: u32,
    pub(crate) count: usize,
}

impl Pack {
    /// The packing of parameters with this many bits: as many as fit 62 bits.
    pub(crate) const fn of(bits: u32) -> Self {
        Self { bits, count: (62 / bits) as usize }
    }

    const fn limb_count(&self) -> usize {
        (self.bits / 2) as usize
    }
}

impl Gadget for Pack {
    fn inputs(&self) -> usize {
        self.count
    }

    fn outputs(&self) -> usize {
        1
    }

    fn advice(&self) -> usize {
        self.count * self.limb_count()
    }

    fn constraint_count(&self) -> usize {
        self.count * (self.limb_count() + 1) + 1
    }

    fn degree(&self) -> usize {
        4
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let (parameters, rest) = wires.split_at(self.count);
        let Some((&packed, limbs)) = rest.split_first() else { return Vec::new() };
        let mut constraints: Vec<_> = limbs.iter().map(|&l| a.limb(l)).collect();
        let mut sum = a.constant(F::ZERO);
        for (j, (&parameter, limbs)) in parameters.iter().zip(limbs.chunks(self.limb_count())).enumerate() {
            let offset = a.add_const(parameter, power(self.bits - 1));
            let composed = a.compose(limbs);
            constraints.push(a.sub(offset, composed));
            sum = a.add_scaled(sum, power(self.bits * j as u32), offset);
        }
        constraints.push(a.sub(packed, sum));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let half = power(self.bits - 1);
        let packed = inputs
            .iter()
            .enumerate()
            .fold(F::ZERO, |sum, (j, &w)| sum + (w + half) * power(self.bits * j as u32));
        let mut out = vec![packed];
        for &w in inputs {
            out.extend(limbs(signed(w) + (1 << (self.bits - 1)), self.limb_count()));
        }
        out
    }
}

/// The map of one input: `lo`, `hi` carried in 32 bits, `m` of 28 bits.
///
/// Wires: `lo, hi, m | e | limbs of lo (16), hi (16), m (14), hi − lo (16), (hi − lo)·m (14)`. Constraints, of degree 4 at
/// most: each limb is in `0..4`; each of the five values is what its limbs compose to; `e = lo + 2^32·m`. The committed
/// elements are `e` and `hi`.
///
/// So `lo ≤ hi`, and no mapped input reaches 2^28.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InputMapCheck;

const WORD_LIMBS: usize = 16;
const INPUT_LIMBS: usize = (INPUT_BITS / 2) as usize;

impl Gadget for InputMapCheck {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        1
    }

    fn advice(&self) -> usize {
        3 * WORD_LIMBS + 2 * INPUT_LIMBS
    }

    fn constraint_count(&self) -> usize {
        self.advice() + 6
    }

    fn degree(&self) -> usize {
        4
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let [lo, hi, mult, packed] = [0, 1, 2, 3].map(|w| wires[w]);
        let width = a.sub(hi, lo);
        let span = a.mul(width, mult);
        let widths = [WORD_LIMBS, WORD_LIMBS, INPUT_LIMBS, WORD_LIMBS, INPUT_LIMBS];
        let mut constraints = ranges(a, &[lo, hi, mult, width, span], &widths, &wires[4..]);
        let expected = a.add_scaled(lo, power(32), mult);
        constraints.push(a.sub(packed, expected));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let [lo, hi, mult] = [0, 1, 2].map(|i| signed(inputs[i]));
        let mut out = vec![inputs[0] + inputs[2] * power(32)];
        out.extend(limbs(lo, WORD_LIMBS));
        out.extend(limbs(hi, WORD_LIMBS));
        out.extend(limbs(mult, INPUT_LIMBS));
        out.extend(limbs(hi - lo, WORD_LIMBS));
        out.extend(limbs((hi - lo).wrapping_mul(mult), INPUT_LIMBS));
        out
    }
}

/// The policy: `min`, `max` carried in 32 bits, `n` at most 32 bids in a direction.
///
/// Wires: `min, max, n | e | limbs of min − 1 (16), max (16), max − min (16), n (3), 32 − n (3)`. Constraints, of degree 4
/// at most: each limb is in `0..4`; each of the five values is what its limbs compose to; `e = min + 2^32·n`. The
/// committed elements are `e` and `max`. A `min` of zero would be `NO_BID`.
///
/// Zeros do not satisfy it, and need not: an operation fills its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyCheck;

const COUNT_LIMBS: usize = 3;

impl Gadget for PolicyCheck {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        1
    }

    fn advice(&self) -> usize {
        3 * WORD_LIMBS + 2 * COUNT_LIMBS
    }

    fn ops(&self, _routed_wires: usize) -> usize {
        1
    }

    fn constraint_count(&self) -> usize {
        self.advice() + 6
    }

    fn degree(&self) -> usize {
        4
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let [min, max, slots, packed] = [0, 1, 2, 3].map(|w| wires[w]);
        let above = a.add_const(min, F::NEG_ONE);
        let width = a.sub(max, min);
        let limit = a.constant(F::from_canonical_u64(32));
        let rest = a.sub(limit, slots);
        let widths = [WORD_LIMBS, WORD_LIMBS, WORD_LIMBS, COUNT_LIMBS, COUNT_LIMBS];
        let mut constraints = ranges(a, &[above, max, width, slots, rest], &widths, &wires[4..]);
        let expected = a.add_scaled(min, power(32), slots);
        constraints.push(a.sub(packed, expected));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let [min, max, slots] = [0, 1, 2].map(|i| signed(inputs[i]));
        let mut out = vec![inputs[0] + inputs[2] * power(32)];
        out.extend(limbs(min - 1, WORD_LIMBS));
        out.extend(limbs(max, WORD_LIMBS));
        out.extend(limbs(max - min, WORD_LIMBS));
        out.extend(limbs(slots, COUNT_LIMBS));
        out.extend(limbs(32 - slots, COUNT_LIMBS));
        out
    }
}

/// Limbs are in `0..4`, and each value is what its limbs compose to.
fn ranges<A: Arith>(a: &mut A, values: &[A::V], widths: &[usize], limbs: &[A::V]) -> Vec<A::V> {
    let mut constraints: Vec<_> = limbs.iter().map(|&l| a.limb(l)).collect();
    let mut start = 0;
    for (&value, &width) in values.iter().zip(widths) {
        let composed = a.compose(&limbs[start..start + width]);
        constraints.push(a.sub(value, composed));
        start += width;
    }
    constraints
}
