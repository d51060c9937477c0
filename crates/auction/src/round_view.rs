//! Rounds as the chain's events tell them, rolled back when the chain is.

use std::collections::BTreeMap;

use alloy::primitives::{B256, U256};
use sotto_chain::{BlockRef, LogEvent, LogId};
use sotto_types::{Claim, Digest, Quote, SLOTS};

use crate::{AuctionEvent, AuctionId, EventError, RoundOpening};

/// Rounds of one auction. Each keeps the events that made it, so that a reorganisation takes back exactly what it voids.
#[derive(Debug)]
pub struct RoundBook {
    auction: AuctionId,
    capacity: usize,
    rounds: BTreeMap<B256, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    /// In the order of the chain: block number, then position in the block.
    events: BTreeMap<(u64, u64), Recorded>,
    view: Option<RoundView>,
}

#[derive(Debug)]
struct Recorded {
    id: LogId,
    block: BlockRef,
    event: AuctionEvent,
}

/// What a log did to the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The round changed.
    Changed(B256),
    /// The log was known.
    Duplicate,
    /// The book is full, and the log is of a round that is not in it.
    Full,
}

/// Which calls a round takes in a given block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Commitments.
    Commit,
    /// Settlements.
    Settle,
    /// Fills.
    Fill,
    /// Nothing but releases and the closing.
    Over,
}

/// A commitment of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitView {
    /// The strategy.
    pub strategy: Digest,
    /// Its sheet commitment.
    pub commitment: Digest,
    /// Block that holds it.
    pub block: u64,
    /// Whether a settlement covers it.
    pub covered: bool,
    /// Whether its bond is free again, or burned for want of a settlement.
    pub closed: bool,
}

/// What became of a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SlotState {
    /// Nothing yet.
    #[default]
    Open,
    /// The trader was paid.
    Filled {
        /// The winner.
        strategy: Digest,
        /// Raw units sold.
        sell_amount: U256,
        /// Raw units that the recipient got.
        buy_amount: U256,
        /// The winner's quote in pips.
        pips: Quote,
    },
    /// The winner did not deliver.
    Defaulted {
        /// The winner.
        strategy: Digest,
        /// Wei paid to the trader.
        compensation: U256,
        /// Wei burned.
        burned: U256,
    },
    /// The opener left it unfilled, and the winner was paid the fee.
    Unfilled {
        /// The winner.
        strategy: Digest,
        /// Wei paid.
        fee: U256,
    },
}

/// A round, as of the last event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundView {
    /// The opening.
    pub opening: RoundOpening,
    /// The block that opened it.
    pub opened_in: BlockRef,
    /// Commitments by index.
    pub commits: BTreeMap<u32, CommitView>,
    /// Stored results; `None` before the first settlement.
    pub results: Option<[Claim; SLOTS]>,
    /// Settlements so far.
    pub settlements: u32,
    /// What became of each slot.
    pub slots: [SlotState; SLOTS],
    /// Whether the round was closed.
    pub closed: bool,
}

impl RoundView {
    fn new(opening: RoundOpening, opened_in: BlockRef) -> Self {
        Self {
            opening,
            opened_in,
            commits: BTreeMap::new(),
            results: None,
            settlements: 0,
            slots: std::array::from_fn(|_| SlotState::Open),
            closed: false,
        }
    }

    /// Which calls a transaction in `block` can make.
    pub fn phase(&self, block: u64) -> Phase {
        match block {
            b if b <= self.opening.commit_end => Phase::Commit,
            b if b <= self.opening.settle_end => Phase::Settle,
            b if b <= self.opening.fill_end => Phase::Fill,
            _ => Phase::Over,
        }
    }

    /// First block of the second half of the settle window, which is for those whom the aggregator left out.
    pub fn second_half(&self) -> u64 {
        let (from, to) = (self.opening.commit_end, self.opening.settle_end);
        from + (to - from) / 2 + 1
    }

    /// A strategy's commitment and its index.
    pub fn commit_of(&self, strategy: Digest) -> Option<(u32, &CommitView)> {
        self.commits
            .iter()
            .find(|(_, commit)| commit.strategy == strategy)
            .map(|(index, commit)| (*index, commit))
    }

    /// Slots that hold an intent.
    pub fn non_empty_slots(&self) -> usize {
        self.opening.slots.iter().filter(|slot| !slot.is_empty()).count()
    }

    /// Slots whose stored winner is the commitment with this index.
    pub fn won_by(&self, index: u32) -> Vec<usize> {
        let winner = index.checked_add(1);
        let results = self.results.iter().flatten().enumerate();
        results.filter(|(_, claim)| Some(claim.winner) == winner).map(|(slot, _)| slot).collect()
    }

    fn apply(&mut self, event: &AuctionEvent, block: BlockRef) {
        match event {
            AuctionEvent::Opened(_) => {}
            AuctionEvent::Committed { strategy, index, commitment, .. } => {
                let commit = CommitView {
                    strategy: *strategy,
                    commitment: *commitment,
                    block: block.number,
                    covered: false,
                    closed: false,
                };
                self.commits.insert(*index, commit);
            }
            AuctionEvent::Settled { indices, results, .. } => {
                self.results = Some(**results);
                self.settlements += 1;
                for index in indices {
                    self.edit(*index, |commit| commit.covered = true);
                }
            }
            AuctionEvent::Filled { strategy, slot, sell_amount, buy_amount, pips, .. } => {
                let (strategy, pips) = (*strategy, *pips);
                let (sell_amount, buy_amount) = (*sell_amount, *buy_amount);
                self.end_slot(*slot, SlotState::Filled { strategy, sell_amount, buy_amount, pips });
            }
            AuctionEvent::Defaulted { strategy, slot, compensation, burned, .. } => {
                let (strategy, compensation, burned) = (*strategy, *compensation, *burned);
                self.end_slot(*slot, SlotState::Defaulted { strategy, compensation, burned });
            }
            AuctionEvent::UnfilledFee { strategy, slot, fee, .. } => {
                self.end_slot(*slot, SlotState::Unfilled { strategy: *strategy, fee: *fee });
            }
            AuctionEvent::Penalised { index, .. } | AuctionEvent::Released { index, .. } => {
                self.edit(*index, |commit| commit.closed = true);
            }
            AuctionEvent::Closed { .. } => self.closed = true,
        }
    }

    fn edit(&mut self, index: u32, change: impl FnOnce(&mut CommitView)) {
        if let Some(commit) = self.commits.get_mut(&index) {
            change(commit);
        }
    }

    fn end_slot(&mut self, slot: u8, state: SlotState) {
        if let Some(place) = self.slots.get_mut(usize::from(slot)) {
            *place = state;
        }
    }
}

impl Entry {
    /// Folds the events again; few enough that this is cheaper than being clever.
    fn refold(&mut self) {
        self.view = None;
        for Recorded { event, block, .. } in self.events.values() {
            match (&mut self.view, event) {
                (None, AuctionEvent::Opened(opening)) => {
                    self.view = Some(RoundView::new((**opening).clone(), *block));
                }
                (Some(view), event) => view.apply(event, *block),
                // Events before the opening are of a round whose opening lies before the first log that was read.
                (None, _) => {}
            }
        }
    }
}

impl RoundBook {
    /// An empty book that holds at most `capacity` rounds.
    pub fn new(auction: AuctionId, capacity: usize) -> Self {
        Self { auction, capacity, rounds: BTreeMap::new() }
    }

    /// The auction.
    pub fn auction(&self) -> &AuctionId {
        &self.auction
    }

    /// Takes a log of the canonical chain.
    ///
    /// # Errors
    /// [`EventError`] when it cannot be decoded; the book is unchanged.
    pub fn added(&mut self, log: &LogEvent) -> Result<(AuctionEvent, Applied), EventError> {
        let event = AuctionEvent::decode(&self.auction, &log.log.inner)?;
        let applied = self.insert(log.id, log.block, &event);
        Ok((event, applied))
    }

    fn insert(&mut self, id: LogId, block: BlockRef, event: &AuctionEvent) -> Applied {
        let round_id = event.round_id();
        if self.rounds.len() >= self.capacity && !self.rounds.contains_key(&round_id) {
            return Applied::Full;
        }
        let entry = self.rounds.entry(round_id).or_default();
        let place = (block.number, id.log_index);
        if entry.events.get(&place).is_some_and(|recorded| recorded.id == id) {
            return Applied::Duplicate;
        }
        // Another branch's log at the same place is void: one block has one log at an index.
        let replaced = entry.events.insert(place, Recorded { id, block, event: event.clone() }).is_some();
        let last = entry.events.last_key_value().is_some_and(|(key, _)| *key == place);
        match &mut entry.view {
            Some(view) if last && !replaced => view.apply(event, block),
            _ => entry.refold(),
        }
        Applied::Changed(round_id)
    }

    /// Takes back a log that left the canonical chain; the round that changed, if it was known.
    pub fn removed(&mut self, log: &LogEvent) -> Option<B256> {
        let place = (log.block.number, log.id.log_index);
        let held = |entry: &Entry| entry.events.get(&place).is_some_and(|recorded| recorded.id == log.id);
        let round_id = self.rounds.iter().find(|(_, entry)| held(entry)).map(|(id, _)| *id)?;
        if let Some(entry) = self.rounds.get_mut(&round_id) {
            entry.events.remove(&place);
            entry.refold();
            if entry.events.is_empty() {
                self.rounds.remove(&round_id);
            }
        }
        Some(round_id)
    }

    /// Takes back everything above a block; the rounds that changed.
    pub fn rewound(&mut self, to: u64) -> Vec<B256> {
        let mut changed = Vec::new();
        for (round_id, entry) in &mut self.rounds {
            let Some(above) = to.checked_add(1) else { break };
            if !entry.events.split_off(&(above, 0)).is_empty() {
                entry.refold();
                changed.push(*round_id);
            }
        }
        self.rounds.retain(|_, entry| !entry.events.is_empty());
        changed
    }

    /// A round whose opening is known.
    pub fn get(&self, round_id: B256) -> Option<&RoundView> {
        self.rounds.get(&round_id)?.view.as_ref()
    }

    /// The rounds whose opening is known, by id.
    pub fn iter(&self) -> impl Iterator<Item = &RoundView> {
        self.rounds.values().filter_map(|entry| entry.view.as_ref())
    }

    /// Forgets rounds that ended more than `retention` blocks before `head`, and those whose opening is unknown and whose
    /// last event is as old; the ids forgotten.
    pub fn prune(&mut self, head: u64, retention: u64) -> Vec<B256> {
        self.prune_except(head, retention, |_| false)
    }

    /// As [`RoundBook::prune`], except for rounds to `keep`.
    pub fn prune_except(&mut self, head: u64, retention: u64, keep: impl Fn(B256) -> bool) -> Vec<B256> {
        let last = |entry: &Entry| match &entry.view {
            Some(view) => view.opening.fill_end,
            None => entry.events.keys().next_back().map_or(0, |(block, _)| *block),
        };
        let old: Vec<_> = self
            .rounds
            .iter()
            .filter(|(id, entry)| last(entry).saturating_add(retention) < head && !keep(**id))
            .map(|(id, _)| *id)
            .collect();
        for id in &old {
            self.rounds.remove(id);
        }
        old
    }
}

#[cfg(test)]
#[path = "round_view_tests.rs"]
mod tests;
