//! Sums of many terms under one random point: the parts of a check that a matrix product is right.
//!
//! The point is `(x, y)` in K², K = F[X]/(X² − 7). Term `i` of an operation has the coefficient `x^a·y^b` of [`exponents`], and
//! operations follow each other as `out = acc·x^7 + Σ_i x^a·y^b·t_i`. The monomials with `a < 7` and `a + b ≤ 7` are
//! 35, and no power of `x^7` brings two of them together, so a chain of operations is a polynomial in `x` and `y` whose coefficients are
//! the terms, each once. `c` operations have a total degree of at most `7·c`.

use plonky2::field::{
    extension::quadratic::QuadraticExtension,
    types::{Field, PrimeField64},
};

use super::{
    arith::Arith,
    gate::{Gadget, power},
};
use crate::{
    field::{F, WIRES},
    gadgets::arith::FE,
    gadgets::pack::Pack,
};

/// Power of `x` from one operation to the next, and the greatest degree of a coefficient.
pub(crate) const STEP: usize = 7;
/// Coefficients that there are.
#[cfg(test)]
pub(crate) const MOST_TERMS: usize = 35;
/// Elements of the extension: two wires each.
const POINT: usize = 4;
const SUM: usize = 2;
/// `X²` in the extension.
const NON_RESIDUE: u64 = 7;

/// Powers of `x` and `y` in the coefficient of a term.
#[cfg(test)]
pub(crate) fn exponents(term: usize) -> (usize, usize) {
    let mut all = (0..=STEP).flat_map(|b| (0..run(b)).map(move |a| (a, b)));
    all.nth(term).unwrap()
}

/// Terms with the power `b` of `y`.
const fn run(b: usize) -> usize {
    let most = STEP + 1 - b;
    if most < STEP { most } else { STEP }
}

/// A pair of wires or values that stands for `p_0 + p_1·X`.
type Pair<V> = [V; 2];

fn mul<A: Arith>(a: &mut A, p: Pair<A::V>, q: Pair<A::V>) -> Pair<A::V> {
    let low = a.mul(p[0], q[0]);
    let low = a.fma(F::from_canonical_u64(NON_RESIDUE), p[1], q[1], F::ONE, low);
    let high = a.mul(p[0], q[1]);
    [low, a.mul_add(p[1], q[0], high)]
}

fn sum<A: Arith>(a: &mut A, p: Pair<A::V>, q: Pair<A::V>) -> Pair<A::V> {
    [a.add(p[0], q[0]), a.add(p[1], q[1])]
}

/// `acc·x^7 + Σ_i x^a·y^b·t_i`: degree 8 in the point, the terms and the accumulator.
fn fold<A: Arith>(a: &mut A, x: Pair<A::V>, y: Pair<A::V>, acc: Pair<A::V>, terms: &[A::V]) -> Pair<A::V> {
    let square = mul(a, x, x);
    let fourth = mul(a, square, square);
    let sixth = mul(a, fourth, square);
    let seventh = mul(a, sixth, x);
    let mut runs = Vec::new();
    let mut rest = terms;
    for b in 0..=STEP {
        let (head, tail) = rest.split_at(run(b).min(rest.len()));
        rest = tail;
        if !head.is_empty() {
            runs.push(head);
        }
    }
    let zero = a.constant(F::ZERO);
    // Horner in y, of Horner in x.
    let mut total: Option<Pair<A::V>> = None;
    for run in runs.into_iter().rev() {
        let mut inner: Option<Pair<A::V>> = None;
        for &term in run.iter().rev() {
            inner = Some(match inner {
                None => [term, zero],
                Some(value) => {
                    let value = mul(a, value, x);
                    [a.add(value[0], term), value[1]]
                }
            });
        }
        let inner = inner.unwrap_or([zero, zero]);
        total = Some(match total {
            None => inner,
            Some(value) => {
                let value = mul(a, value, y);
                sum(a, value, inner)
            }
        });
    }
    let carried = mul(a, acc, seventh);
    sum(a, carried, total.unwrap_or([zero, zero]))
}

/// [`fold`] over the field itself.
fn fold_values(point: &[F], acc: &[F], terms: &[F]) -> [F; 2] {
    let pair = |v: &[F]| QuadraticExtension([v[0], v[1]]);
    let (x, y, acc): (FE, FE, FE) = (pair(&point[..2]), pair(&point[2..]), pair(acc));
    let mut total = FE::ZERO;
    let mut rest = terms;
    let mut scale = FE::ONE;
    for b in 0..=STEP {
        let (head, tail) = rest.split_at(run(b).min(rest.len()));
        rest = tail;
        let inner = head.iter().rev().fold(FE::ZERO, |sum, &term| sum * x + FE::from(term));
        total += scale * inner;
        scale *= y;
    }
    let out = acc * x.exp_u64(STEP as u64) + total;
    out.0
}

/// Terms that are values: a step of the fold of `count` of them, at most 35.
///
/// Wires: `t[0..count], x (2), y (2), acc (2) | out (2)`. Constraints, of degree 8, are the two parts of
///
/// ```text
/// out = acc·x^7 + Σ_i x^a·y^b·t_i
/// ```
///
/// A row holds `80/(count + 8)` operations: 2 of 30 values, 3 of 18.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueFold {
    pub(crate) count: usize,
}

impl Gadget for ValueFold {
    fn inputs(&self) -> usize {
        self.count + POINT + SUM
    }

    fn outputs(&self) -> usize {
        SUM
    }

    fn advice(&self) -> usize {
        0
    }

    fn constraint_count(&self) -> usize {
        SUM
    }

    fn degree(&self) -> usize {
        STEP + 1
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let (terms, rest) = wires.split_at(self.count);
        let pair = |at: usize| [rest[at], rest[at + 1]];
        let expected = fold(a, pair(0), pair(2), pair(4), terms);
        (0..SUM).map(|i| a.sub(rest[POINT + SUM + i], expected[i])).collect()
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let (terms, rest) = inputs.split_at(self.count);
        fold_values(&rest[..POINT], &rest[POINT..], terms).to_vec()
    }
}

/// Terms that are weights, in the packed form in which they are committed: a step of their fold, and their range check. The
/// weights themselves are no wires.
///
/// With [`Pack::of`]`(bits)`, `count` weights to an element, and elements as many as a row takes:
///
/// Wires: `e[0..elements], x (2), y (2), acc (2) | out (2) | limbs, those of a weight together`. A weight has limbs of three
/// bits, and one of one or two for what is left. Constraints, of degree 8 at most:
///
/// ```text
/// Π_(c<8) (l − c) = 0                                  for each limb; c < 2 or c < 4 for a last one
/// e_i = Σ_j 2^(bits·j)·u_(i,j)                         u: what the limbs compose to
/// out = acc·x^7 + Σ x^a·y^b·(u_(i,j) − 2^(bits−1))     term i·count + j
/// ```
///
/// `bits·count ≤ 62`, so an element has one reading. A row holds one operation: 30 weights of 12 bits, 18 of 18, 14 of 24.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WeightFold {
    pub(crate) bits: u32,
}

impl WeightFold {
    const fn pack(&self) -> Pack {
        Pack::of(self.bits)
    }

    const fn limb_count(&self) -> usize {
        self.bits.div_ceil(3) as usize
    }

    /// Bits of limb `limb` of a weight.
    const fn limb_bits(&self, limb: usize) -> u32 {
        let left = self.bits - 3 * limb as u32;
        if left < 3 { left } else { 3 }
    }

    /// Elements of an operation.
    pub(crate) const fn elements(&self) -> usize {
        (WIRES - POINT - 2 * SUM) / (1 + self.pack().count * self.limb_count())
    }

    /// Weights of an operation, the terms of its fold.
    pub(crate) const fn terms(&self) -> usize {
        self.elements() * self.pack().count
    }

    /// An element of zero weights.
    pub(crate) fn zeros(&self) -> F {
        (0..self.pack().count as u32).fold(F::ZERO, |sum, j| sum + power(self.bits * j + self.bits - 1))
    }

    /// The weights of an element in its range, and of any other some weights.
    pub(crate) fn weights(&self, element: F) -> impl Iterator<Item = i64> {
        let (bits, value) = (self.bits, element.to_canonical_u64());
        (0..self.pack().count as u32)
            .map(move |j| ((value >> (bits * j)) & ((1 << bits) - 1)).cast_signed() - (1 << (bits - 1)))
    }
}

impl Gadget for WeightFold {
    fn inputs(&self) -> usize {
        self.elements() + POINT + SUM
    }

    fn outputs(&self) -> usize {
        SUM
    }

    fn advice(&self) -> usize {
        self.terms() * self.limb_count()
    }

    fn ops(&self, _routed_wires: usize) -> usize {
        1
    }

    fn constraint_count(&self) -> usize {
        self.advice() + self.elements() + SUM
    }

    fn degree(&self) -> usize {
        STEP + 1
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let (elements, rest) = wires.split_at(self.elements());
        let (sums, limbs) = rest.split_at(POINT + 2 * SUM);
        let mut constraints = Vec::with_capacity(self.constraint_count());
        let mut composed = Vec::with_capacity(self.terms());
        for limbs in limbs.chunks(self.limb_count()) {
            for (position, &limb) in limbs.iter().enumerate() {
                constraints.push(match self.limb_bits(position) {
                    1 => a.bit(limb),
                    2 => a.limb(limb),
                    _ => a.octal(limb),
                });
            }
            composed.push(a.compose_octal(limbs));
        }
        for (&element, parts) in elements.iter().zip(composed.chunks(self.pack().count)) {
            let mut packed = parts[0];
            for (j, &part) in (1u32..).zip(&parts[1..]) {
                packed = a.add_scaled(packed, power(self.bits * j), part);
            }
            constraints.push(a.sub(element, packed));
        }
        let half = -power(self.bits - 1);
        let weights: Vec<A::V> = composed.into_iter().map(|part| a.add_const(part, half)).collect();
        let pair = |at: usize| [sums[at], sums[at + 1]];
        let expected = fold(a, pair(0), pair(2), pair(4), &weights);
        constraints.extend((0..SUM).map(|i| a.sub(sums[POINT + SUM + i], expected[i])));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let (elements, rest) = inputs.split_at(self.elements());
        let weights: Vec<i64> = elements.iter().flat_map(|&element| self.weights(element)).collect();
        let terms: Vec<F> = weights.iter().map(|&w| crate::parameters::from_signed(w)).collect();
        let mut out = fold_values(&rest[..POINT], &rest[POINT..], &terms).to_vec();
        for weight in weights {
            let value = (weight + (1 << (self.bits - 1))).cast_unsigned();
            out.extend((0..self.limb_count()).map(|l| F::from_canonical_u64((value >> (3 * l)) & 7)));
        }
        out
    }
}
