//! Which sheets merge next. Merging goes on while sheets come in, so that little is left to do after the last one.
//!
//! Commitments stand in groups of [`SHEETS`] by their index, and each group is a binary tree over its indices. A part that
//! covers a node of the tree merges with the part of the sibling node as soon as both are there. Where nothing can come any
//! more, because nobody committed there or the time for sheets is over, a part is lifted to the next level alone. Once nothing
//! is expected in the whole group, neighbours of one level merge wherever they stand, which takes fewer proofs and never more
//! levels. A group that has become one part is ready to be settled.

use std::collections::{BTreeMap, BTreeSet};

use sotto_types::{LEVELS, SHEETS};

/// A part that a merge took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side<P> {
    /// Its level; a sheet's is 0.
    pub level: usize,
    /// The commit indices that it covers, increasing.
    pub covers: Vec<u32>,
    /// The part.
    pub part: P,
}

/// What a group does next. A part is named by the first commit index that it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move<P> {
    /// Merge two parts, or lift one.
    Merge {
        /// The left part.
        left: Side<P>,
        /// The right part, if there is one.
        right: Option<Side<P>>,
    },
    /// Seal and wrap a part: it is all that its group will have.
    Finish(Side<P>),
}

/// A move by the names of its parts.
#[derive(Clone, Copy, Debug)]
enum Choice {
    Merge(u32, Option<u32>),
    Finish(u32),
}

#[derive(Clone, Debug)]
struct Top<P> {
    level: usize,
    /// Commit indices, increasing.
    covers: Vec<u32>,
    /// `None` while it is being made.
    part: Option<P>,
    /// Whether it is being settled.
    finished: bool,
}

/// The parts of a round's tournament that are not merged into others yet, by the first index that they cover.
#[derive(Clone, Debug)]
pub struct Bracket<P> {
    tops: BTreeMap<u32, Top<P>>,
    /// Groups whose parts are settled one by one, because merging failed.
    split: BTreeSet<u32>,
}

impl<P> Default for Bracket<P> {
    fn default() -> Self {
        Self { tops: BTreeMap::new(), split: BTreeSet::new() }
    }
}

/// The group of an index.
const fn group_of(index: u32) -> u32 {
    index / SHEETS as u32
}

impl<P: Clone> Bracket<P> {
    /// Settles a group's sheets one by one from now on.
    pub fn split(&mut self, index: u32) {
        self.split.insert(group_of(index));
    }

    /// Adds a sheet. One whose index is covered already changes nothing. One that comes after its neighbours merged across
    /// its place is settled alone, as is the rest of its group.
    pub fn insert(&mut self, index: u32, sheet: P) {
        if self.tops.values().any(|top| top.covers.contains(&index)) {
            return;
        }
        let spans = |top: &Top<P>| top.covers.first() < Some(&index) && top.covers.last() > Some(&index);
        if self.tops.values().any(spans) {
            self.split.insert(group_of(index));
        }
        let top = Top { level: 0, covers: vec![index], part: Some(sheet), finished: false };
        self.tops.insert(index, top);
    }

    fn is_made(&self, first: u32) -> bool {
        self.tops.get(&first).is_some_and(|top| top.part.is_some())
    }

    /// The moves to make now; each is marked as being made, and is not given again. `expected` are the indices whose sheets may
    /// still come.
    pub fn moves(&mut self, expected: &BTreeSet<u32>) -> Vec<Move<P>> {
        let groups: BTreeSet<u32> = self.tops.keys().map(|&first| group_of(first)).collect();
        let mut choices = Vec::new();
        for group in groups {
            let awaited: Vec<u32> = expected
                .iter()
                .copied()
                .filter(|&index| group_of(index) == group)
                .filter(|index| !self.tops.values().any(|top| top.covers.contains(index)))
                .collect();
            let open: Vec<u32> = self.group(group).filter(|(_, top)| !top.finished).map(|(f, _)| f).collect();
            if self.split.contains(&group) || (open.len() == 1 && awaited.is_empty()) {
                choices.extend(open.into_iter().filter(|first| self.is_made(*first)).map(Choice::Finish));
            } else if awaited.is_empty() {
                choices.extend(self.anywhere(&open));
            } else {
                choices.extend(self.in_the_tree(&open, &awaited));
            }
        }
        choices.into_iter().filter_map(|choice| self.start(choice)).collect()
    }

    fn group(&self, group: u32) -> impl Iterator<Item = (u32, &Top<P>)> {
        self.tops
            .iter()
            .filter(move |(first, _)| group_of(**first) == group)
            .map(|(&first, top)| (first, top))
    }

    fn level(&self, first: u32) -> usize {
        self.tops.get(&first).map_or(0, |top| top.level)
    }

    /// Merges of siblings, and lifts of parts whose sibling nobody will fill.
    fn in_the_tree(&self, open: &[u32], awaited: &[u32]) -> Vec<Choice> {
        let mut moves = Vec::new();
        for &first in open.iter().filter(|first| self.is_made(**first)) {
            let level = self.level(first);
            if level >= LEVELS {
                continue;
            }
            let sibling = (first >> level) ^ 1;
            let inside = |index: &&u32| **index >> level == sibling;
            let beside = open.iter().find(inside).copied();
            match beside {
                Some(right) if right > first && self.level(right) == level && self.is_made(right) => {
                    moves.push(Choice::Merge(first, Some(right)));
                }
                None if !awaited.iter().any(|index| index >> level == sibling) => {
                    moves.push(Choice::Merge(first, None));
                }
                _ => {}
            }
        }
        moves
    }

    /// Merges of neighbours of the lowest level, wherever they stand; one that has none is lifted.
    fn anywhere(&self, open: &[u32]) -> Vec<Choice> {
        pairs(open, |first| self.level(first))
            .into_iter()
            .filter(|(left, right)| self.is_made(*left) && right.is_none_or(|right| self.is_made(right)))
            .map(|(left, right)| Choice::Merge(left, right))
            .collect()
    }

    fn start(&mut self, choice: Choice) -> Option<Move<P>> {
        match choice {
            Choice::Finish(first) => {
                let top = self.tops.get_mut(&first)?;
                top.finished = true;
                let (level, covers, part) = (top.level, top.covers.clone(), top.part.clone()?);
                Some(Move::Finish(Side { level, covers, part }))
            }
            // The left stays in its place, as what is being made, and covers what the result will.
            Choice::Merge(left, right) => {
                let right = right.and_then(|right| self.tops.remove(&right));
                let right = right
                    .and_then(|top| Some(Side { level: top.level, covers: top.covers, part: top.part? }));
                let top = self.tops.get_mut(&left)?;
                let left = Side { level: top.level, covers: top.covers.clone(), part: top.part.take()? };
                top.level += 1;
                top.covers.extend(right.iter().flat_map(|right| &right.covers));
                Some(Move::Merge { left, right })
            }
        }
    }

    /// Gives a started merge its result, by the first index of its left side.
    pub fn merged(&mut self, first: u32, part: P) {
        if let Some(top) = self.tops.get_mut(&first) {
            top.part = Some(part);
        }
    }

    /// Undoes a merge that failed for good: its sides, and all others of the group, are settled one by one.
    pub fn failed(&mut self, left: Side<P>, right: Option<Side<P>>) {
        for Side { level, covers, part } in std::iter::once(left).chain(right) {
            if let Some(&first) = covers.first() {
                self.split.insert(group_of(first));
                self.tops.insert(first, Top { level, covers, part: Some(part), finished: false });
            }
        }
    }

    /// Merges that are left if no further sheet comes, those that are being made included.
    pub fn merges_left(&self) -> usize {
        let groups: BTreeSet<u32> = self.tops.keys().map(|&first| group_of(first)).collect();
        let mut merges = 0;
        for group in groups.into_iter().filter(|group| !self.split.contains(group)) {
            merges += self.group(group).filter(|(_, top)| top.part.is_none()).count();
            let mut levels: BTreeMap<u32, usize> =
                self.group(group).filter(|(_, top)| !top.finished).map(|(f, top)| (f, top.level)).collect();
            while levels.len() > 1 {
                let open: Vec<u32> = levels.keys().copied().collect();
                let level = |first: u32| levels.get(&first).copied().unwrap_or(0);
                for (left, right) in pairs(&open, level) {
                    merges += 1;
                    let _ = right.map(|right| levels.remove(&right));
                    if let Some(level) = levels.get_mut(&left) {
                        *level += 1;
                    }
                }
            }
        }
        merges
    }

    /// Groups that have something to settle.
    pub fn groups(&self) -> usize {
        self.tops.keys().map(|&first| group_of(first)).collect::<BTreeSet<_>>().len()
    }
}

/// Neighbours of the lowest level, paired from the left.
fn pairs(open: &[u32], level: impl Fn(u32) -> usize) -> Vec<(u32, Option<u32>)> {
    let Some(lowest) = open.iter().map(|&first| level(first)).min() else { return Vec::new() };
    let mut out = Vec::new();
    let mut rest = open;
    while let [first, after @ ..] = rest {
        rest = after;
        if level(*first) != lowest {
            continue;
        }
        match after {
            [next, beyond @ ..] if level(*next) == lowest => {
                out.push((*first, Some(*next)));
                rest = beyond;
            }
            _ => out.push((*first, None)),
        }
    }
    out
}

#[cfg(test)]
#[path = "bracket_tests.rs"]
mod tests;
