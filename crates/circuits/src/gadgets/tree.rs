//! Decision trees: ordered thresholds, ranks, selection and comparison.

use plonky2::field::types::Field;
use sotto_model::program::Format;

use super::{
    arith::Arith,
    clamp::WORD_LIMBS,
    gate::{Gadget, element, limbs, power, signed},
};
use crate::field::F;

/// Bits of a node's rank; the feature's index stands above them.
pub(crate) const RANK_BITS: u32 = 12;
/// Bits of a node: rank and feature.
pub(crate) const NODE_BITS: u32 = 18;
const RANK_LIMBS: usize = (RANK_BITS / 2) as usize;
/// Bits of a selection's index that one [`Select::DIGIT`] takes.
pub(crate) const DIGIT_BITS: u32 = 3;

/// Two thresholds that follow another in order, packed as their increments.
///
/// Wires: `t, u, v | e | limbs of u − t (15), of v − u (15)`. Constraints, of degree 4 at most: each limb is in `0..4`; both
/// differences are what their limbs compose to; `e = (u − t) + 2^30·(v − u)`. So `t ≤ u ≤ v`, and with the first `t` a
/// constant the increments, which are committed, determine every threshold; `e < 2^60` has one reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Steps;

const STEP_BITS: u32 = 30;
const STEP_LIMBS: usize = (STEP_BITS / 2) as usize;

impl Gadget for Steps {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        1
    }

    fn advice(&self) -> usize {
        2 * STEP_LIMBS
    }

    fn constraint_count(&self) -> usize {
        2 * STEP_LIMBS + 3
    }

    fn degree(&self) -> usize {
        4
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let (first, second) = wires[4..].split_at(STEP_LIMBS);
        let mut constraints: Vec<_> = wires[4..].iter().map(|&l| a.limb(l)).collect();
        let steps = [a.sub(wires[1], wires[0]), a.sub(wires[2], wires[1])];
        for (step, limbs) in steps.into_iter().zip([first, second]) {
            let composed = a.compose(limbs);
            constraints.push(a.sub(step, composed));
        }
        let packed = a.add_scaled(steps[0], power(STEP_BITS), steps[1]);
        constraints.push(a.sub(wires[3], packed));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let steps = [inputs[1] - inputs[0], inputs[2] - inputs[1]];
        let mut out = vec![steps[0] + steps[1] * power(STEP_BITS)];
        out.extend(steps.into_iter().flat_map(|step| limbs(signed(step), STEP_LIMBS)));
        out
    }
}

/// `columns` selections from the same `2^bits` entries.
///
/// Wires: `e[0..2^bits], i[0..columns] | o[0..columns] | bits of each index`. Constraints for each column, of degree
/// `bits + 1` at most; the selection is multilinear in the bits of the index:
///
/// ```text
/// b·(b−1) = 0         for each bit
/// i = Σ 2^k·b_k
/// o = Σ_j eq(b, j)·e_j
/// ```
///
/// [`Self::DIGIT`] is 8 to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Select {
    pub(crate) bits: u32,
    pub(crate) columns: usize,
}

impl Select {
    /// One of eight entries.
    pub(crate) const DIGIT: Self = Self { bits: DIGIT_BITS, columns: 1 };

    /// As many columns on `2^bits` entries as a row holds.
    pub(crate) const fn shared(bits: u32, routed_wires: usize) -> Self {
        let entries = 1 << bits;
        let by_routed = (routed_wires - entries) / 2;
        let by_wires = (crate::field::WIRES - entries) / (2 + bits as usize);
        Self { bits, columns: if by_routed < by_wires { by_routed } else { by_wires } }
    }

    /// The selection of one of a few features.
    pub(crate) fn by_feature(features: usize, routed_wires: usize) -> Self {
        Self::shared(features.next_power_of_two().ilog2().max(1), routed_wires)
    }

    pub(crate) const fn entries(&self) -> usize {
        1 << self.bits
    }
}

impl Gadget for Select {
    fn inputs(&self) -> usize {
        self.entries() + self.columns
    }

    fn outputs(&self) -> usize {
        self.columns
    }

    fn advice(&self) -> usize {
        self.columns * self.bits as usize
    }

    fn constraint_count(&self) -> usize {
        self.columns * (self.bits as usize + 2)
    }

    fn degree(&self) -> usize {
        self.bits as usize + 1
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let (entries, rest) = wires.split_at(self.entries());
        let (indices, rest) = rest.split_at(self.columns);
        let (outputs, bits) = rest.split_at(self.columns);
        let mut constraints = Vec::with_capacity(self.constraint_count());
        for (column, bits) in bits.chunks_exact(self.bits as usize).enumerate() {
            let mut index = a.constant(F::ZERO);
            let mut values = entries.to_vec();
            for (k, &bit) in (0u32..).zip(bits) {
                constraints.push(a.bit(bit));
                index = a.add_scaled(index, power(k), bit);
                values = values
                    .chunks_exact(2)
                    .map(|pair| {
                        let step = a.sub(pair[1], pair[0]);
                        a.mul_add(bit, step, pair[0])
                    })
                    .collect();
            }
            constraints.push(a.sub(indices[column], index));
            constraints.push(a.sub(outputs[column], values[0]));
        }
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let (entries, indices) = inputs.split_at(self.entries());
        let indices: Vec<usize> = indices
            .iter()
            .map(|&i| (signed(i) & (self.entries() as i128 - 1)).cast_unsigned() as usize)
            .collect();
        let mut out: Vec<F> = indices.iter().map(|&i| entries[i]).collect();
        out.extend(indices.iter().flat_map(|i| (0..self.bits).map(move |k| F::from_bool((i >> k) & 1 == 1))));
        out
    }
}

/// How a path's steps are cut into digits that choose by turns: a first digit, then digits of [`DIGIT_BITS`].
///
/// Columns that choose from the same nodes share the rows of the first digit. That pays from 16 columns on, with a first
/// digit as long as a row has room for; before, the rows of [`Select::DIGIT`] are as few, and need no other gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digits {
    first: u32,
}

impl Digits {
    /// Columns from which sharing pays.
    const SHARED_FROM: usize = 16;
    /// The digits for this many columns. The longest has 64 entries, which with 8 columns fill 80 routed wires; where there are
    /// fewer, 32.
    pub(crate) const fn of(columns: usize, routed_wires: usize) -> Self {
        let longest = if routed_wires < crate::field::ROUTED_WIRES { 5 } else { 6 };
        Self { first: if columns < Self::SHARED_FROM { DIGIT_BITS } else { longest } }
    }

    /// Whether the step at a level starts a digit.
    pub(crate) const fn starts(self, level: u32) -> bool {
        level == 0 || (level >= self.first && (level - self.first).is_multiple_of(DIGIT_BITS))
    }

    /// Steps after the first digit.
    pub(crate) const fn rest(self, level: u32) -> u32 {
        level.saturating_sub(self.first)
    }

    /// What columns share for the first digit of a path among `entries`; none where nothing is shared.
    pub(crate) fn gate(self, entries: usize, routed_wires: usize) -> Option<Select> {
        let shares = self.first > DIGIT_BITS && entries > 1;
        shares.then(|| Select::shared(entries.ilog2().min(self.first), routed_wires))
    }
}

/// That a value lies above one threshold and not above the next, and its rank from the digits that chose the two.
///
/// Wires: `z, t, u, d[..] | r | limbs of z − t − 1 (16), of u − z (16)`. Constraints, of degree 4 at most: each limb is in
/// `0..4`; both differences are what their limbs compose to, so `t < z ≤ u`; `r = Σ weight_j·d_j`, top digit first.
/// With sorted thresholds one rank satisfies this. Three operations a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Between {
    pub(crate) rank_bits: u32,
}

impl Between {
    pub(crate) const fn digits(&self) -> usize {
        self.rank_bits.div_ceil(DIGIT_BITS) as usize
    }

    /// log2 of the weight of a digit.
    pub(crate) fn weight(&self, digit: usize) -> u32 {
        self.rank_bits.saturating_sub(DIGIT_BITS * (digit as u32 + 1))
    }

    /// The digits of a rank, top first.
    pub(crate) fn split(&self, rank: usize) -> Vec<u64> {
        let mut rest = rank as u64;
        (0..self.digits())
            .map(|digit| {
                let value = rest >> self.weight(digit);
                rest &= (1 << self.weight(digit)) - 1;
                value
            })
            .collect()
    }
}

impl Gadget for Between {
    fn inputs(&self) -> usize {
        3 + self.digits()
    }

    fn outputs(&self) -> usize {
        1
    }

    fn advice(&self) -> usize {
        2 * WORD_LIMBS
    }

    fn constraint_count(&self) -> usize {
        2 * WORD_LIMBS + 3
    }

    fn degree(&self) -> usize {
        4
    }

    /// The value 1 between 0 and 1, of rank 0.
    fn filling(&self) -> Vec<F> {
        let mut inputs = vec![F::ZERO; self.inputs()];
        (inputs[0], inputs[2]) = (F::ONE, F::ONE);
        inputs
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let (inputs, rest) = wires.split_at(self.inputs());
        let (z, t, u, digits) = (inputs[0], inputs[1], inputs[2], &inputs[3..]);
        let (above, below) = rest[1..].split_at(WORD_LIMBS);
        let mut constraints: Vec<_> = rest[1..].iter().map(|&l| a.limb(l)).collect();
        let over = a.sub(z, t);
        let over = a.add_const(over, F::NEG_ONE);
        for (difference, limbs) in [(over, above), (a.sub(u, z), below)] {
            let composed = a.compose(limbs);
            constraints.push(a.sub(difference, composed));
        }
        let mut rank = a.constant(F::ZERO);
        for (j, &digit) in digits.iter().enumerate() {
            rank = a.add_scaled(rank, power(self.weight(j)), digit);
        }
        constraints.push(a.sub(rest[0], rank));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let digits = inputs[3..].iter().enumerate();
        let mut out = vec![digits.fold(F::ZERO, |sum, (j, &d)| sum + d * power(self.weight(j)))];
        out.extend(limbs(signed(inputs[0] - inputs[1] - F::ONE), WORD_LIMBS));
        out.extend(limbs(signed(inputs[2] - inputs[0]), WORD_LIMBS));
        out
    }
}

/// The least threshold's predecessor: below every value.
pub(crate) const BELOW_ALL: i64 = Format::WIDE.least() - 1;
/// Above every value.
pub(crate) const ABOVE_ALL: i64 = Format::WIDE.greatest() + 1;
/// What digits past the end select as the lower threshold: no value lies above it.
pub(crate) const NO_THRESHOLD: i64 = 1 << 31;

/// A node as it is committed: `2^12·feature + rank − 2^17`.
pub(crate) fn node_value(feature: u8, rank: u16) -> i64 {
    (i64::from(feature) << RANK_BITS) + i64::from(rank) - (1 << (NODE_BITS - 1))
}

/// Feature and rank of a node.
///
/// Wires: `n | f, r | limbs of r (6)`. Constraints, of degree 4 at most: each limb is in `0..4`; `r` is what they compose
/// to; `n + 2^17 = 2^12·f + r`. Unique once a selection by `f` bounds it. 15 operations a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeSplit;

impl Gadget for NodeSplit {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        2
    }

    fn advice(&self) -> usize {
        RANK_LIMBS
    }

    fn constraint_count(&self) -> usize {
        RANK_LIMBS + 2
    }

    fn degree(&self) -> usize {
        4
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let mut constraints: Vec<_> = wires[3..].iter().map(|&l| a.limb(l)).collect();
        let rank = a.compose(&wires[3..]);
        constraints.push(a.sub(wires[2], rank));
        let offset = a.add_const(wires[0], power(NODE_BITS - 1));
        let composed = a.add_scaled(wires[2], power(RANK_BITS), wires[1]);
        constraints.push(a.sub(offset, composed));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let offset = signed(inputs[0]).wrapping_add(1 << (NODE_BITS - 1));
        let rank = offset & ((1 << RANK_BITS) - 1);
        let mut out = vec![element(offset >> RANK_BITS), element(rank)];
        out.extend(limbs(rank, RANK_LIMBS));
        out
    }
}

/// One step down a tree: appends to the path whether a feature's rank exceeds the node's, both below 2^12.
///
/// Wires: `x, r, p | q | b, limbs (6)`. Constraints, of degree 4 at most:
///
/// ```text
/// b·(b−1) = 0,  l·(l−1)·(l−2)·(l−3) = 0           for each limb
/// x − r − 1 + 2^12 = 2^12·b + Σ 4^i·l_i            (b: x > r)
/// q = 2·p + b
/// ```
///
/// 12 operations a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descend;

impl Gadget for Descend {
    fn inputs(&self) -> usize {
        3
    }

    fn outputs(&self) -> usize {
        1
    }

    fn advice(&self) -> usize {
        1 + RANK_LIMBS
    }

    fn constraint_count(&self) -> usize {
        RANK_LIMBS + 3
    }

    fn degree(&self) -> usize {
        4
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let [x, r, path, next, bit] = [0, 1, 2, 3, 4].map(|w| wires[w]);
        let limbs = &wires[5..];
        let mut constraints: Vec<_> = limbs.iter().map(|&l| a.limb(l)).collect();
        constraints.push(a.bit(bit));
        let difference = a.sub(x, r);
        let offset = a.add_const(difference, power(RANK_BITS) - F::ONE);
        let low = a.compose(limbs);
        let composed = a.add_scaled(low, power(RANK_BITS), bit);
        constraints.push(a.sub(offset, composed));
        let expected = a.add_scaled(bit, F::TWO, path);
        constraints.push(a.sub(next, expected));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let offset = signed(inputs[0] - inputs[1]) + (1 << RANK_BITS) - 1;
        let bit = F::from_bool((offset >> RANK_BITS) & 1 == 1);
        let mut out = vec![inputs[2] * F::TWO + bit, bit];
        out.extend(limbs(offset, RANK_LIMBS));
        out
    }
}
