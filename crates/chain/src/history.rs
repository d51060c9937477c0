//! The recent blocks that were handed out, with their logs: what a reorganisation can take back.

use std::collections::VecDeque;

use crate::{BlockRef, LogEvent};

/// A block that was handed out.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) block: BlockRef,
    /// Logs handed out with it, by index.
    pub(crate) logs: Vec<LogEvent>,
}

/// The newest blocks, oldest first; at most `limit + 1`, so that a reorganisation of `limit` blocks finds its ancestor.
#[derive(Debug)]
pub(crate) struct History {
    entries: VecDeque<Entry>,
    limit: usize,
    /// Lowest block of which everything above is still here, if nothing was forgotten or inherited from an earlier run.
    complete_from: Option<u64>,
}

impl History {
    pub(crate) fn new(limit: usize) -> Self {
        Self { entries: VecDeque::new(), limit, complete_from: None }
    }

    /// Starts with nothing handed out yet, upon a base whose own content was not handed out.
    pub(crate) fn begin(&mut self, base: BlockRef) {
        self.entries.clear();
        self.entries.push_back(Entry { block: base, logs: Vec::new() });
        self.complete_from = Some(base.number);
    }

    /// Takes over what an earlier run had handed out.
    pub(crate) fn inherit(&mut self, mut blocks: Vec<BlockRef>) {
        blocks.sort_by_key(|block| block.number);
        blocks.dedup_by_key(|block| block.number);
        self.complete_from = None;
        self.entries = blocks.into_iter().map(|block| Entry { block, logs: Vec::new() }).collect();
        self.trim();
    }

    pub(crate) fn tip(&self) -> Option<BlockRef> {
        self.entries.back().map(|entry| entry.block)
    }

    pub(crate) fn lowest(&self) -> u64 {
        self.entries.front().map_or(0, |entry| entry.block.number)
    }

    pub(crate) fn at(&self, number: u64) -> Option<BlockRef> {
        self.entries.iter().rev().map(|entry| entry.block).find(|block| block.number == number)
    }

    /// Blocks from the newest to the oldest.
    pub(crate) fn newest_first(&self) -> Vec<BlockRef> {
        self.entries.iter().rev().map(|entry| entry.block).collect()
    }

    /// The base below everything that was handed out, when all of that is still here.
    pub(crate) fn complete_from(&self) -> Option<u64> {
        self.complete_from
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        self.trim();
    }

    /// Removes and returns the blocks above `number`, newest first.
    pub(crate) fn rewind(&mut self, number: u64) -> Vec<Entry> {
        let mut removed = Vec::new();
        while self.entries.back().is_some_and(|entry| entry.block.number > number) {
            removed.extend(self.entries.pop_back());
        }
        removed
    }

    fn trim(&mut self) {
        while self.entries.len() > self.limit.saturating_add(1) {
            self.entries.pop_front();
            self.complete_from = None;
        }
    }
}
