//! Rounding shift, ReLU and saturation of an accumulator in one operation.

use plonky2::field::types::Field;

use super::{
    arith::Arith,
    gate::{Gadget, element, limbs, power, signed},
};
use crate::field::F;
use sotto_model::ACTIVATION_BITS;

const ACTIVATION_LIMBS: usize = (ACTIVATION_BITS / 2) as usize;
const ACTIVATION_MAX: u64 = (1 << ACTIVATION_BITS) - 1;

/// `v = clamp((acc + 2^(S−1)) >> S, 0, 2^16 − 1)` for `−2^B ≤ acc + 2^(S−1) < 2^B`, with `S` = `shift` and `B` = `bits`
/// both even.
///
/// Wires: `acc | v | s, i, z, l[0..B/2]`. Constraints, of degree 4 at most, with `mid` the value of limbs `S/2..S/2+8` and
/// `high` that of the limbs above:
///
/// ```text
/// l·(l−1)·(l−2)·(l−3) = 0                    for each limb
/// s·(s−1) = 0
/// acc + 2^(S−1) + 2^B = 2^B·s + Σ 4^i·l_i    (s: the rounded value is not negative)
/// z = 1 − high·i,   z·high = 0,   z·i = 0    (z: high is zero; i its inverse, or zero)
/// v = s·(z·mid + (1−z)·(2^16−1))
/// ```
///
/// The decomposition is unique because `2^(B+1) ≤ 2^62 < p`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requant {
    pub(crate) shift: u32,
    pub(crate) bits: u32,
}

impl Requant {
    fn limb_count(&self) -> usize {
        (self.bits / 2) as usize
    }

    fn split<'a, T>(&self, limbs: &'a [T]) -> (&'a [T], &'a [T]) {
        limbs[(self.shift / 2) as usize..].split_at(ACTIVATION_LIMBS)
    }
}

impl Gadget for Requant {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn advice(&self) -> usize {
        3 + self.limb_count()
    }

    fn constraint_count(&self) -> usize {
        self.limb_count() + 6
    }

    fn degree(&self) -> usize {
        4
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let [acc, v, sign, inverse, zero] = [0, 1, 2, 3, 4].map(|w| wires[w]);
        let limbs = &wires[5..];
        let mut constraints: Vec<_> = limbs.iter().map(|&l| a.limb(l)).collect();
        constraints.push(a.bit(sign));

        let shifted = a.add_const(acc, power(self.shift - 1) + power(self.bits));
        let low = a.compose(limbs);
        let composed = a.add_scaled(low, power(self.bits), sign);
        constraints.push(a.sub(shifted, composed));

        let (mid, high) = self.split(limbs);
        let (mid, high) = (a.compose(mid), a.compose(high));
        let not_zero = a.mul_add(high, inverse, zero);
        constraints.push(a.add_const(not_zero, F::NEG_ONE));
        constraints.push(a.mul(zero, high));
        constraints.push(a.mul(zero, inverse));

        let max = F::from_canonical_u64(ACTIVATION_MAX);
        let below = a.add_const(mid, -max);
        let saturated = a.mul(zero, below);
        let saturated = a.add_const(saturated, max);
        let expected = a.mul(sign, saturated);
        constraints.push(a.sub(v, expected));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let shifted = signed(inputs[0]) + (1 << (self.shift - 1)) + (1 << self.bits);
        let limbs = limbs(shifted, self.limb_count());
        let positive = (shifted >> self.bits) & 1 == 1;
        let mid = (shifted >> self.shift) & i128::from(ACTIVATION_MAX);
        let high = (shifted & ((1 << self.bits) - 1)) >> (self.shift + ACTIVATION_BITS);
        let value = match (positive, high) {
            (false, _) => F::ZERO,
            (true, 0) => element(mid),
            (true, _) => F::from_canonical_u64(ACTIVATION_MAX),
        };
        let inverse = element(high).try_inverse().unwrap_or(F::ZERO);
        let mut out = vec![value, F::from_bool(positive), inverse, F::from_bool(high == 0)];
        out.extend(limbs);
        out
    }
}
