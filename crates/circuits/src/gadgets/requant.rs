//! Rounding shift and saturation of an accumulator, or of a product, in one operation; and the sign of an accumulator.

use plonky2::field::types::Field;
use sotto_model::program::{Activation, Format};

use super::{
    arith::Arith,
    gate::{Gadget, element, limbs, power, signed},
};
use crate::field::F;

/// `v = clamp((acc + 2^(S−1)) >> S)` to `[0, 2^W)`, or to `[−2^(W−1), 2^(W−1))` where `signed`; `S` = `shift`, `W` = `width`
/// and `B` = `bits` all even, `S + W ≤ B ≤ 62`; nothing is added for a shift of zero. `acc` is the input `x`, or the product
/// `x·y` where `product`. With `h = 2^(S−1)` for a shift, `o = 2^(W−1)` where signed, 0 otherwise, the operation takes what
/// satisfies `−2^B ≤ acc + h + o·2^S < 2^B`.
///
/// Wires: `x[, y] | v | s, i, z, l[0..B/2]`. Constraints, of degree 4 at most, with `mid` the value of limbs
/// `S/2..(S+W)/2` and `high` that of the limbs above:
///
/// ```text
/// l·(l−1)·(l−2)·(l−3) = 0                            for each limb
/// s·(s−1) = 0
/// acc + h + o·2^S + 2^B = 2^B·s + Σ 4^i·l_i          (s: the rounded value is not below −o)
/// z = 1 − high·i,   z·high = 0,   z·i = 0            (z: high is zero; i its inverse, or zero)
/// v + o = s·(z·mid + (1−z)·(2^W−1))
/// ```
///
/// The decomposition is unique because `2^(B+1) ≤ 2^63 < p`. A row holds `135/(5 + B/2)` operations, one less for products
/// at times: 3 for 58 bits, 5 for 42.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Requant {
    pub(crate) shift: u32,
    pub(crate) bits: u32,
    pub(crate) width: u32,
    pub(crate) signed: bool,
    pub(crate) product: bool,
}

impl Requant {
    /// The operation that brings accumulators of `|acc| + 2^(S−1) ≤ bound` to a format.
    pub(crate) fn to(format: Format, shift: u32, bound: u128, product: bool) -> Self {
        let (width, signed) = match format {
            Format::Unsigned(bits) => (bits, false),
            Format::Signed(bits) => (bits, true),
        };
        let offset = if signed { 1u128 << (shift + width - 1) } else { 0 };
        let bits = (128 - (bound + offset).leading_zeros()).max(shift + width);
        Self { shift, bits: bits + bits % 2, width, signed, product }
    }

    /// The format that an activation saturates to; none for those that do not round.
    pub(crate) const fn format(activation: Activation) -> Option<Format> {
        match activation {
            Activation::Relu => Some(Format::POSITIVE),
            Activation::Signed => Some(Format::SIGNED),
            Activation::Wide => Some(Format::WIDE),
            Activation::Step | Activation::Output => None,
        }
    }

    fn limb_count(&self) -> usize {
        (self.bits / 2) as usize
    }

    fn split<'a, T>(&self, limbs: &'a [T]) -> (&'a [T], &'a [T]) {
        limbs[(self.shift / 2) as usize..].split_at((self.width / 2) as usize)
    }

    const fn max(&self) -> i128 {
        (1 << self.width) - 1
    }

    const fn value_offset(&self) -> i128 {
        if self.signed { 1 << (self.width - 1) } else { 0 }
    }

    const fn offset(&self) -> i128 {
        let half = if self.shift == 0 { 0 } else { 1 << (self.shift - 1) };
        half + (self.value_offset() << self.shift) + (1 << self.bits)
    }
}

impl Gadget for Requant {
    fn inputs(&self) -> usize {
        1 + usize::from(self.product)
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
        let (inputs, rest) = wires.split_at(self.inputs());
        let [v, sign, inverse, zero] = [0, 1, 2, 3].map(|w| rest[w]);
        let limbs = &rest[4..];
        let mut constraints: Vec<_> = limbs.iter().map(|&l| a.limb(l)).collect();
        constraints.push(a.bit(sign));

        let acc = if self.product { a.mul(inputs[0], inputs[1]) } else { inputs[0] };
        let shifted = a.add_const(acc, element(self.offset()));
        let low = a.compose(limbs);
        let composed = a.add_scaled(low, power(self.bits), sign);
        constraints.push(a.sub(shifted, composed));

        let (mid, high) = self.split(limbs);
        let (mid, high) = (a.compose(mid), a.compose(high));
        let not_zero = a.mul_add(high, inverse, zero);
        constraints.push(a.add_const(not_zero, F::NEG_ONE));
        constraints.push(a.mul(zero, high));
        constraints.push(a.mul(zero, inverse));

        let max = element(self.max());
        let below = a.add_const(mid, -max);
        let saturated = a.mul(zero, below);
        let saturated = a.add_const(saturated, max);
        let expected = a.mul(sign, saturated);
        let got = if self.signed { a.add_const(v, element(self.value_offset())) } else { v };
        constraints.push(a.sub(got, expected));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let acc =
            if self.product { signed(inputs[0]).wrapping_mul(signed(inputs[1])) } else { signed(inputs[0]) };
        let shifted = acc.wrapping_add(self.offset());
        let limbs = limbs(shifted, self.limb_count());
        let positive = (shifted >> self.bits) & 1 == 1;
        let mid = (shifted >> self.shift) & self.max();
        let high = (shifted & ((1 << self.bits) - 1)) >> (self.shift + self.width);
        let value = match (positive, high) {
            (false, _) => 0,
            (true, 0) => mid,
            (true, _) => self.max(),
        };
        let inverse = element(high).try_inverse().unwrap_or(F::ZERO);
        let value = element(value - self.value_offset());
        let mut out = vec![value, F::from_bool(positive), inverse, F::from_bool(high == 0)];
        out.extend(limbs);
        out
    }
}

/// Whether an accumulator is at least zero, for `−2^B ≤ acc < 2^B`, `B` = `bits` even, at most 62.
///
/// Wires: `acc | s | l[0..B/2]`. Constraints, of degree 4 at most; unique as in [`Requant`]:
///
/// ```text
/// l·(l−1)·(l−2)·(l−3) = 0             for each limb
/// s·(s−1) = 0
/// acc + 2^B = 2^B·s + Σ 4^i·l_i
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) bits: u32,
}

impl Step {
    /// The operation for accumulators of `|acc| ≤ bound`.
    pub(crate) const fn of(bound: u128) -> Self {
        let bits = 128 - bound.leading_zeros();
        Self { bits: bits + bits % 2 }
    }
}

impl Gadget for Step {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn advice(&self) -> usize {
        (self.bits / 2) as usize
    }

    fn constraint_count(&self) -> usize {
        self.advice() + 2
    }

    fn degree(&self) -> usize {
        4
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let mut constraints: Vec<_> = wires[2..].iter().map(|&l| a.limb(l)).collect();
        constraints.push(a.bit(wires[1]));
        let shifted = a.add_const(wires[0], power(self.bits));
        let low = a.compose(&wires[2..]);
        let composed = a.add_scaled(low, power(self.bits), wires[1]);
        constraints.push(a.sub(shifted, composed));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let shifted = signed(inputs[0]).wrapping_add(1 << self.bits);
        let mut out = vec![F::from_bool((shifted >> self.bits) & 1 == 1)];
        out.extend(limbs(shifted, self.advice()));
        out
    }
}
