//! Saturation and scaling of a model's input.

use plonky2::field::types::Field;

use super::{
    arith::Arith,
    gate::{Gadget, limbs, power, signed},
};
use crate::field::F;

/// Limbs of the lower 32 bits of a 33-bit difference.
pub(crate) const WORD_LIMBS: usize = 16;

/// `a = (min(max(x, lo), hi) − lo)·m` for carried `x`, `lo ≤ hi`.
///
/// Wires: `x, lo, hi, m | a | g, h, limbs of g's difference (16), of h's (16)`. Constraints, of degree 4 at most:
///
/// ```text
/// g·(g−1) = 0,  h·(h−1) = 0,  l·(l−1)·(l−2)·(l−3) = 0    for each limb
/// x − lo + 2^32 = 2^32·g + Σ 4^i·l_i                     (g: x ≥ lo)
/// hi − x + 2^32 = 2^32·h + Σ 4^i·k_i                     (h: x ≤ hi)
/// a = m·(g·h·(x − lo) + (1−h)·(hi − lo))
/// ```
///
/// With `lo ≤ hi`, one of `g` and `h` is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clamp;

impl Gadget for Clamp {
    fn inputs(&self) -> usize {
        4
    }

    fn outputs(&self) -> usize {
        1
    }

    fn advice(&self) -> usize {
        2 + 2 * WORD_LIMBS
    }

    fn constraint_count(&self) -> usize {
        2 * WORD_LIMBS + 5
    }

    fn degree(&self) -> usize {
        4
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let [x, lo, hi, mult, out, above, below] = [0, 1, 2, 3, 4, 5, 6].map(|w| wires[w]);
        let (low_limbs, high_limbs) = wires[7..].split_at(WORD_LIMBS);
        let mut constraints = at_least(a, x, lo, above, low_limbs);
        constraints.extend(at_least(a, hi, x, below, high_limbs));

        let (from_lo, width) = (a.sub(x, lo), a.sub(hi, lo));
        let inside = a.mul(above, below);
        let inside = a.mul(inside, from_lo);
        let not_below = a.fma(F::NEG_ONE, below, width, F::ONE, width);
        let mapped = a.add(inside, not_below);
        let expected = a.mul(mult, mapped);
        constraints.push(a.sub(out, expected));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let [x, lo, hi] = [0, 1, 2].map(|i| signed(inputs[i]));
        let [(above, low_limbs), (below, high_limbs)] = [compare(x, lo), compare(hi, x)];
        let inside = if above == F::ONE && below == F::ONE { inputs[0] - inputs[1] } else { F::ZERO };
        let over = if below == F::ONE { F::ZERO } else { inputs[2] - inputs[1] };
        let mut out = vec![inputs[3] * (inside + over), above, below];
        out.extend(low_limbs);
        out.extend(high_limbs);
        out
    }
}

/// `x − y + 2^32 = 2^32·flag + Σ 4^i·limbs_i` with a bit and base-4 limbs: the flag says `x ≥ y` for `|x − y| < 2^32`.
pub(crate) fn at_least<A: Arith>(a: &mut A, x: A::V, y: A::V, flag: A::V, limbs: &[A::V]) -> Vec<A::V> {
    let mut constraints: Vec<_> = limbs.iter().map(|&l| a.limb(l)).collect();
    constraints.push(a.bit(flag));
    let difference = a.sub(x, y);
    let offset = a.add_const(difference, power(32));
    let low = a.compose(limbs);
    let composed = a.add_scaled(low, power(32), flag);
    constraints.push(a.sub(offset, composed));
    constraints
}

/// The flag and limbs of [`at_least`].
pub(crate) fn compare(x: i128, y: i128) -> (F, Vec<F>) {
    let offset = x - y + (1 << 32);
    (F::from_bool((offset >> 32) & 1 == 1), limbs(offset, WORD_LIMBS))
}
