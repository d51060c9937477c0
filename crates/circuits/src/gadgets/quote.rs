//! From the last accumulator to a quote.

use plonky2::field::types::Field;
use sotto_types::{MAX_NO_BID_PIPS, carry};

use super::{
    arith::Arith,
    clamp::{WORD_LIMBS, at_least, compare},
    gate::{Gadget, element, limbs, power, signed},
};
use crate::field::F;

/// `y = (acc + 2^(S−1)) >> S`, `q = min(max(y, min), max)`, no bid at −10^6 or less; for
/// `−2^B ≤ acc + 2^(S−1) < 2^B`, with `S` = `shift` odd and `B` = `bits` even, `B − S < 32`.
///
/// Wires: `acc, min, max | bid, quote | b, low limbs ((S−1)/2), high limbs ((B+1−S)/2), g, h, q, limbs of the three
/// comparisons (16 each)`. Quotes are carried (`x + 2^31`). Constraints, of degree 4 at most:
///
/// ```text
/// acc + 2^(S−1) + 2^B = b + 2·low + 2^S·high       with b a bit, low and high composed of base-4 limbs
/// Y = high − 2^(B−S) + 2^31
/// g: Y ≥ min,   h: Y ≤ max,   bid: q ≥ 2^31 − 10^6 + 1   (33-bit differences, as in `Clamp`)
/// q = g·h·Y + (1−g)·min + (1−h)·max
/// quote = bid·q
/// ```
///
/// With `min ≤ max`, one of `g` and `h` is set. The decomposition is unique because `2^(B+1) ≤ 2^62 < p`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QuoteGadget {
    pub(crate) shift: u32,
    pub(crate) bits: u32,
}

/// The least carried quote that is a bid.
const LEAST_BID: u32 = carry(MAX_NO_BID_PIPS + 1);

impl QuoteGadget {
    const fn low_limbs(&self) -> usize {
        ((self.shift - 1) / 2) as usize
    }

    const fn high_limbs(&self) -> usize {
        ((self.bits + 1 - self.shift) / 2) as usize
    }

    /// What the high limbs exceed the carried output by: `2^(B−S) − 2^31`.
    fn high_offset(&self) -> F {
        power(self.bits - self.shift) - power(31)
    }
}

impl Gadget for QuoteGadget {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        2
    }

    fn advice(&self) -> usize {
        4 + self.low_limbs() + self.high_limbs() + 3 * WORD_LIMBS
    }

    fn constraint_count(&self) -> usize {
        self.low_limbs() + self.high_limbs() + 2 + 3 * (WORD_LIMBS + 2) + 2
    }

    fn degree(&self) -> usize {
        4
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let [acc, min, max, bid, quote, bit] = [0, 1, 2, 3, 4, 5].map(|w| wires[w]);
        let (low, rest) = wires[6..].split_at(self.low_limbs());
        let (high, rest) = rest.split_at(self.high_limbs());
        let [above, below, q] = [0, 1, 2].map(|w| rest[w]);
        let limbs: Vec<_> = rest[3..].chunks(WORD_LIMBS).collect();

        let mut constraints: Vec<_> = low.iter().chain(high).map(|&l| a.limb(l)).collect();
        constraints.push(a.bit(bit));
        let (low, high) = (a.compose(low), a.compose(high));
        let low = a.add_scaled(bit, F::TWO, low);
        let composed = a.add_scaled(low, power(self.shift), high);
        let shifted = a.add_const(acc, power(self.shift - 1) + power(self.bits));
        constraints.push(a.sub(shifted, composed));

        let output = a.add_const(high, -self.high_offset());
        constraints.extend(at_least(a, output, min, above, limbs[0]));
        constraints.extend(at_least(a, max, output, below, limbs[1]));
        let least = a.constant(F::from_canonical_u32(LEAST_BID));
        constraints.extend(at_least(a, q, least, bid, limbs[2]));

        let inside = a.mul(above, below);
        let inside = a.mul(inside, output);
        let under = a.fma(F::NEG_ONE, above, min, F::ONE, min);
        let over = a.fma(F::NEG_ONE, below, max, F::ONE, max);
        let sum = a.add(inside, under);
        let sum = a.add(sum, over);
        constraints.push(a.sub(q, sum));
        let expected = a.mul(bid, q);
        constraints.push(a.sub(quote, expected));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let [acc, min, max] = [0, 1, 2].map(|i| signed(inputs[i]));
        let shifted = acc + (1 << (self.shift - 1)) + (1 << self.bits);
        let high = (shifted >> self.shift) & ((1 << (self.bits + 1 - self.shift)) - 1);
        let output = high - (1 << (self.bits - self.shift)) + (1 << 31);
        let [(above, above_limbs), (below, below_limbs)] = [compare(output, min), compare(max, output)];
        let q = match (above == F::ONE, below == F::ONE) {
            (true, true) => output,
            (false, true) => min,
            (true, false) => max,
            (false, false) => min + max,
        };
        let (bid, bid_limbs) = compare(q, i128::from(LEAST_BID));
        let q = element(q);
        let mut out = vec![bid, bid * q, F::from_bool(shifted & 1 == 1)];
        out.extend(limbs(shifted >> 1, self.low_limbs()));
        out.extend(limbs(high, self.high_limbs()));
        out.extend([above, below, q]);
        out.extend(above_limbs);
        out.extend(below_limbs);
        out.extend(bid_limbs);
        out
    }
}
