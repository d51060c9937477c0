//! What a node shows of the two statements that it merges, in constraints.

use plonky2::{field::types::Field, iop::target::BoolTarget};
use sotto_types::{SHEETS, SLOTS};

use crate::{
    field::{Builder, F, Target},
    sheet::{SHEET_ELEMENTS, SHEET_PUBLIC_INPUTS},
};

/// Bits of carried quotes and of indices.
const WORD_BITS: usize = 32;

/// The parts of the public inputs of a sheet or node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement<'a> {
    /// Class of the proof.
    pub(crate) class: Target,
    /// Round digest, then key-set root.
    pub(crate) subject: &'a [Target],
    best: &'a [Target],
    second: &'a [Target],
    winner: &'a [Target],
    sheets: &'a [Target],
}

impl<'a> Statement<'a> {
    /// Splits public inputs.
    pub(crate) fn of(public_inputs: &'a [Target]) -> Self {
        debug_assert_eq!(public_inputs.len(), SHEET_PUBLIC_INPUTS);
        let (subject, rest) = public_inputs[1..].split_at(8);
        let (best, rest) = rest.split_at(SLOTS);
        let (second, rest) = rest.split_at(SLOTS);
        let (winner, sheets) = rest.split_at(SLOTS);
        Self { class: public_inputs[0], subject, best, second, winner, sheets }
    }

    /// Root of the key set that it speaks of.
    pub(crate) fn key_set_root(&self) -> &'a [Target] {
        &self.subject[4..]
    }

    fn index(&self, entry: usize) -> Target {
        self.sheets[entry * SHEET_ELEMENTS]
    }
}

/// Merges two statements of at most `capacity` sheets each, a power of two; returns the public inputs after the class.
///
/// Writing `l`, `r` for the sides, `p` for the bit `present` and `r' = p·r`:
///
/// ```text
/// subject_l = subject_r                                   round, snapshot, slots and key set
/// sheets[capacity..] = 0                                  on both sides
/// p·(r.index_0 − last(l) − 1) < 2^32                      indices increase across the seam
/// last(l) = Σ_i l.index_i·(f_i − f_{i+1}),  f_i = [l.index_i ≠ 0],  f_capacity = 0
/// t = [l.best ≥ r'.best]                                  for each slot
/// best = t ? l.best : r'.best,   winner = t ? l.winner : r.winner
/// second = max(t ? l.second : r'.second,  t ? r'.best : l.best)
/// sheets = l.sheets[0..n], r'.sheets, 0, …                n = Σ f_i
/// ```
///
/// Every comparison is of words below `2^32`, which [`constrain_words`] shows of the sheets and the merge preserves, and so is
/// unique: `a − b + 2^32 = 2^32·t + low`. The left side covers at least one sheet and its null sheets are a suffix; the same
/// then holds of the result. The right side's list is moved down over the left's null sheets by a shift of `capacity − n`, bit
/// by bit. A tie goes to the left, whose indices are lower. Where the right is absent, `r'.best = 0` and the left wins.
pub(crate) fn merge(
    builder: &mut Builder,
    capacity: usize,
    left: &Statement<'_>,
    right: &Statement<'_>,
    present: BoolTarget,
) -> Vec<Target> {
    for (&l, &r) in left.subject.iter().zip(right.subject) {
        builder.connect(l, r);
    }
    for side in [left, right] {
        for &element in &side.sheets[capacity * SHEET_ELEMENTS..] {
            builder.assert_zero(element);
        }
    }
    let used = used_entries(builder, capacity, left);
    constrain_seam(builder, left, right, &used, present);

    let mut merged = left.subject.to_vec();
    let claims: Vec<[Target; 3]> =
        (0..SLOTS).map(|slot| merge_claim(builder, left, right, present, slot)).collect();
    merged.extend((0..3).flat_map(|field| claims.iter().map(move |claim| claim[field])));
    merged.extend(concatenate(builder, capacity, left, right, &used, present));
    merged
}

/// Constrains the words of a statement that covers one sheet: its quotes and its index below `2^32`, the index not zero.
pub(crate) fn constrain_words(builder: &mut Builder, statement: &Statement<'_>) {
    for &word in statement.best.iter().chain(statement.second) {
        builder.range_check(word, WORD_BITS);
    }
    builder.range_check(statement.index(0), WORD_BITS);
    let zero = builder.zero();
    let null = builder.is_equal(statement.index(0), zero);
    builder.assert_zero(null.target);
}

/// Which of the left's entries hold a sheet.
fn used_entries(builder: &mut Builder, capacity: usize, left: &Statement<'_>) -> Vec<BoolTarget> {
    let zero = builder.zero();
    (0..capacity)
        .map(|entry| {
            let null = builder.is_equal(left.index(entry), zero);
            builder.not(null)
        })
        .collect()
}

/// The right's first index is above the left's last one, or the right is absent.
fn constrain_seam(
    builder: &mut Builder,
    left: &Statement<'_>,
    right: &Statement<'_>,
    used: &[BoolTarget],
    present: BoolTarget,
) {
    let mut last = builder.zero();
    for (entry, used_here) in used.iter().enumerate() {
        let next = used.get(entry + 1).map_or_else(|| builder.zero(), |used| used.target);
        let is_last = builder.sub(used_here.target, next);
        last = builder.mul_add(is_last, left.index(entry), last);
    }
    let gap = builder.sub(right.index(0), last);
    let gap = builder.add_const(gap, F::NEG_ONE);
    let gap = builder.mul(present.target, gap);
    builder.range_check(gap, WORD_BITS);
}

/// `[a ≥ b]` for words below `2^32`.
fn at_least(builder: &mut Builder, a: Target, b: Target) -> BoolTarget {
    let difference = builder.sub(a, b);
    let shifted = builder.add_const(difference, F::from_canonical_u64(1 << WORD_BITS));
    builder.split_le(shifted, WORD_BITS + 1)[WORD_BITS]
}

/// Best, second and winner of a slot.
fn merge_claim(
    builder: &mut Builder,
    left: &Statement<'_>,
    right: &Statement<'_>,
    present: BoolTarget,
    slot: usize,
) -> [Target; 3] {
    let right_best = builder.mul(present.target, right.best[slot]);
    let right_second = builder.mul(present.target, right.second[slot]);
    let left_wins = at_least(builder, left.best[slot], right_best);
    let best = builder.select(left_wins, left.best[slot], right_best);
    let winner = builder.select(left_wins, left.winner[slot], right.winner[slot]);
    let of_winner = builder.select(left_wins, left.second[slot], right_second);
    let of_loser = builder.select(left_wins, right_best, left.best[slot]);
    let winner_has_it = at_least(builder, of_winner, of_loser);
    let second = builder.select(winner_has_it, of_winner, of_loser);
    [best, second, winner]
}

/// The 16 entries of the result.
fn concatenate(
    builder: &mut Builder,
    capacity: usize,
    left: &Statement<'_>,
    right: &Statement<'_>,
    used: &[BoolTarget],
    present: BoolTarget,
) -> Vec<Target> {
    let zero = builder.zero();
    let width = capacity * SHEET_ELEMENTS;
    let mut shifted = vec![zero; width];
    for &element in &right.sheets[..width] {
        shifted.push(builder.mul(present.target, element));
    }
    let count = builder.add_many(used.iter().map(|used| used.target));
    let full = builder.constant(F::from_canonical_usize(capacity));
    let nulls = builder.sub(full, count);
    let bits = builder.split_le(nulls, capacity.trailing_zeros() as usize);
    for (power, bit) in bits.into_iter().enumerate() {
        let distance = SHEET_ELEMENTS << power;
        let moved: Vec<Target> = (0..shifted.len())
            .map(|at| {
                let from = shifted.get(at + distance).copied().unwrap_or(zero);
                if from == shifted[at] { from } else { builder.select(bit, from, shifted[at]) }
            })
            .collect();
        shifted = moved;
    }
    let mut entries: Vec<Target> = (0..2 * width)
        .map(|at| if at < width { builder.add(left.sheets[at], shifted[at]) } else { shifted[at] })
        .collect();
    entries.resize(SHEETS * SHEET_ELEMENTS, zero);
    entries
}
