//! What a round of this gateway needs next: a pure function of the chain's state, asked again at every head. Nothing is
//! remembered between two heads, so a restart and a reorganisation need no code of their own here.

use sotto_types::{Claim, NO_BID, Quote, uncarry};

use crate::{CommitView, Phase, RoundView, SlotState};

/// Something to do on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Publish the proof of the sheet with this commit index.
    Settle {
        /// Commit index.
        index: u32,
    },
    /// Fill a slot.
    Fill {
        /// The slot.
        slot: u8,
    },
    /// Burn the bond of a commitment that no settlement covers.
    Penalise {
        /// Commit index.
        index: u32,
    },
    /// Free the bond of a covered commitment.
    Release {
        /// Commit index.
        index: u32,
    },
    /// Close the round and take the rest of the bond back.
    Close,
}

impl Step {
    /// Name of the step, the label under which it is counted.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Settle { .. } => "settle",
            Self::Fill { .. } => "fill",
            Self::Penalise { .. } => "penalise",
            Self::Release { .. } => "release",
            Self::Close => "close",
        }
    }
}

/// How far a head is past a round's windows, with confirmations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The newest block.
    pub head: u64,
    /// Blocks on top of a window's end after which it counts as closed for good; at least 1 is used.
    pub confirmations: u64,
}

impl Timing {
    fn past(&self, end: u64) -> bool {
        self.head >= end.saturating_add(self.confirmations.max(1))
    }

    /// Whether sheets of the round may be handed over: its commit window is closed and confirmed.
    pub fn takes_sheets(&self, round: &RoundView) -> bool {
        self.past(round.opening.commit_end)
    }

    /// Whether a sheet that comes now can still be settled in the first half of the settle window.
    pub fn sheets_in_time(&self, round: &RoundView) -> bool {
        self.head.saturating_add(1) < round.second_half()
    }

    /// Whether the fill window is closed and confirmed: slots that are not filled stay so.
    pub fn fills_over(&self, round: &RoundView) -> bool {
        self.past(round.opening.fill_end)
    }
}

/// The steps that a round is due in the next block. `ready` are the commit indices whose wrapped proofs are at hand.
///
/// At most one settlement is due at a time, the lowest index first: each brings the results that the one before stored.
pub fn due_steps(round: &RoundView, timing: Timing, ready: &[u32]) -> Vec<Step> {
    // A call is simulated on the newest block, so that block must be inside of the window already.
    match round.phase(timing.head) {
        Phase::Commit => Vec::new(),
        Phase::Settle if !timing.takes_sheets(round) => Vec::new(),
        Phase::Settle => next_settlement(round, ready).into_iter().collect(),
        Phase::Fill => fills(round).chain(closings(round, CommitView::is_penalisable, penalise)).collect(),
        Phase::Over => closings(round, CommitView::is_penalisable, penalise)
            .chain(closings(round, CommitView::is_releasable, release))
            .chain((!round.closed).then_some(Step::Close))
            .collect(),
    }
}

fn next_settlement(round: &RoundView, ready: &[u32]) -> Option<Step> {
    let open = |index: &&u32| round.commits.get(index).is_some_and(|c| !c.covered && !c.closed);
    ready.iter().filter(open).min().map(|&index| Step::Settle { index })
}

/// Slots with a winner that are still open.
fn fills(round: &RoundView) -> impl Iterator<Item = Step> {
    let taken = u8::try_from(round.non_empty_slots()).unwrap_or(0);
    (0..taken)
        .filter(|slot| has_winner(round, *slot) && is_open(round, *slot))
        .map(|slot| Step::Fill { slot })
}

fn has_winner(round: &RoundView, slot: u8) -> bool {
    claim_of(round, slot).is_some_and(|claim| claim.winner != 0)
}

fn is_open(round: &RoundView, slot: u8) -> bool {
    round.slots.get(usize::from(slot)).is_some_and(|state| matches!(state, SlotState::Open))
}

/// What is stored of a slot; `None` before the first settlement.
pub fn claim_of(round: &RoundView, slot: u8) -> Option<Claim> {
    round.results.as_ref()?.get(usize::from(slot)).copied()
}

/// The best quote stored of a slot, [`NO_BID`] when there is none.
pub fn best_of(round: &RoundView, slot: u8) -> Quote {
    claim_of(round, slot).and_then(|claim| uncarry(u64::from(claim.best)).ok()).unwrap_or(NO_BID)
}

fn closings<'a>(
    round: &'a RoundView,
    wanted: fn(&CommitView) -> bool,
    step: fn(u32) -> Step,
) -> impl Iterator<Item = Step> + 'a {
    round.commits.iter().filter(move |(_, commit)| wanted(commit)).map(move |(index, _)| step(*index))
}

fn penalise(index: u32) -> Step {
    Step::Penalise { index }
}

fn release(index: u32) -> Step {
    Step::Release { index }
}

impl CommitView {
    fn is_penalisable(&self) -> bool {
        !self.covered && !self.closed
    }

    fn is_releasable(&self) -> bool {
        self.covered && !self.closed
    }
}

/// Whether nothing is left to do for a round, short of a reorganisation: closed, and every bond freed or burned.
pub fn is_finished(round: &RoundView) -> bool {
    round.closed && round.commits.values().all(|commit| commit.closed)
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
