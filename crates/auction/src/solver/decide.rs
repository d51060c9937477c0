//! What to do next for a bid: a function of what the chain says, what was done, and the newest block. Restarts,
//! reorganisations and failures need no path of their own: the next step follows from what is true now.

use sotto_types::Digest;

use super::DropReason;
use crate::{Phase, RoundView, SlotState};

/// When things are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Blocks after the commit window before a sheet is handed out, so that no reorganisation opens the window again.
    pub confirmations: u64,
    /// Whether an aggregator is asked first. Otherwise the solver settles as soon as the commit window is closed.
    pub aggregator: bool,
    /// Blocks after the fill window that the opener is given to close the round, before a winner of unfilled slots does.
    pub close_grace: u64,
}

/// What was done for a bid so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Commitment of the sheet in the ledger.
    pub sheet: Option<Digest>,
    /// Commit index that the sheet proof at hand is for.
    pub proof: Option<u32>,
    /// Commit index for which the aggregator took the sheet.
    pub handed_over: Option<u32>,
    /// Commit index that the wrapped proof at hand is for.
    pub wrapped: Option<u32>,
    /// Why no commitment will be made.
    pub given_up: Option<DropReason>,
    /// Whether proving was refused for good.
    pub unprovable: bool,
    /// Nothing is tried before this block is the newest one.
    pub not_before: u64,
}

/// The next step of a bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing until something happens.
    Wait,
    /// Evaluate the model, check the limits, and write the sheet to the ledger.
    Evaluate,
    /// Commit to the sheet in the ledger.
    Commit,
    /// Prove the sheet for this commit index.
    Prove(u32),
    /// Hand the proven sheet to the aggregator.
    Submit(u32),
    /// Wrap the sheet proof for the chain.
    Wrap(u32),
    /// Settle with the wrapped proof.
    Settle(u32),
    /// Free the bond of the commitment that no settlement covered.
    Penalise(u32),
    /// Free the bond of the covered commitment.
    Release(u32),
    /// Close the round, for the fee of slots that were won and left unfilled.
    Close,
    /// Give the bid up; there is nothing on chain.
    GiveUp(DropReason),
    /// Nothing is left to do.
    Done,
}

impl Step {
    /// Name in metrics and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Evaluate => "evaluate",
            Self::Commit => "commit",
            Self::Prove(_) => "prove",
            Self::Submit(_) => "submit",
            Self::Wrap(_) => "wrap",
            Self::Settle(_) => "settle",
            Self::Penalise(_) => "penalise",
            Self::Release(_) => "release",
            Self::Close => "close",
            Self::GiveUp(_) => "give-up",
            Self::Done => "done",
        }
    }
}

/// The next step of a strategy's bid in a round whose newest block is `head`. A transaction sent now is mined in the block
/// after it at the earliest.
pub fn next_step(
    round: &RoundView,
    strategy: Digest,
    progress: &Progress,
    timing: &Timing,
    head: u64,
) -> Step {
    if head < progress.not_before {
        return Step::Wait;
    }
    match round.commit_of(strategy) {
        Some((index, commit)) if commit.closed => after_release(round, index, timing, head),
        Some((index, commit)) if commit.covered => {
            if round.phase(head + 1) == Phase::Over {
                Step::Release(index)
            } else {
                Step::Wait
            }
        }
        Some((index, commit)) => match round.phase(head + 1) {
            Phase::Commit | Phase::Settle
                if progress.sheet == Some(commit.commitment) && !progress.unprovable =>
            {
                toward_settlement(round, index, progress, timing, head)
            }
            // A commitment that cannot be opened waits for the end of the window, when what is left of its bond is free.
            Phase::Commit | Phase::Settle => Step::Wait,
            Phase::Fill | Phase::Over => Step::Penalise(index),
        },
        None => before_commitment(round, progress, head),
    }
}

fn before_commitment(round: &RoundView, progress: &Progress, head: u64) -> Step {
    if progress.given_up.is_some() {
        return Step::Done;
    }
    match (round.phase(head + 1), progress.sheet) {
        (Phase::Commit, None) => Step::Evaluate,
        (Phase::Commit, Some(_)) => Step::Commit,
        (_, None) => Step::GiveUp(DropReason::TooLate),
        (_, Some(_)) => Step::GiveUp(DropReason::CommitMissed),
    }
}

fn toward_settlement(round: &RoundView, index: u32, progress: &Progress, timing: &Timing, head: u64) -> Step {
    if progress.proof != Some(index) {
        return Step::Prove(index);
    }
    if head < round.opening.commit_end + timing.confirmations {
        return Step::Wait;
    }
    if !timing.aggregator || head + 1 >= round.second_half() {
        return if progress.wrapped == Some(index) { Step::Settle(index) } else { Step::Wrap(index) };
    }
    if progress.handed_over == Some(index) { Step::Wait } else { Step::Submit(index) }
}

fn after_release(round: &RoundView, index: u32, timing: &Timing, head: u64) -> Step {
    let owed = round.won_by(index).into_iter().any(|slot| round.slots.get(slot) == Some(&SlotState::Open));
    if round.closed || !owed {
        return Step::Done;
    }
    if head < round.opening.fill_end + timing.close_grace { Step::Wait } else { Step::Close }
}

/// Whether the leaf of a bid may still be needed. It is until the commitment is final and the sheet proven: a
/// reorganisation before that can give the commitment another index.
pub fn leaf_wanted(
    round: &RoundView,
    strategy: Digest,
    progress: &Progress,
    timing: &Timing,
    head: u64,
) -> bool {
    let phase = round.phase(head + 1);
    match round.commit_of(strategy) {
        None => phase == Phase::Commit && progress.given_up.is_none(),
        Some((index, commit)) => {
            let open = phase <= Phase::Settle && !commit.covered && !commit.closed;
            let ours = progress.sheet == Some(commit.commitment) && !progress.unprovable;
            let done = progress.proof == Some(index)
                && head >= round.opening.commit_end.saturating_add(timing.confirmations);
            open && ours && !done
        }
    }
}

/// Whether a step that is under way still makes sense; when not, it is cancelled.
pub fn still_wanted(step: Step, round: &RoundView, strategy: Digest, head: u64) -> bool {
    let uncovered = |index: u32| {
        let same = round.commit_of(strategy).is_some_and(|(at, commit)| at == index && !commit.covered);
        same && round.phase(head + 1) <= Phase::Settle
    };
    match step {
        Step::Evaluate | Step::Commit => {
            round.commit_of(strategy).is_none() && round.phase(head + 1) == Phase::Commit
        }
        Step::Prove(index) | Step::Submit(index) | Step::Wrap(index) | Step::Settle(index) => {
            uncovered(index)
        }
        Step::Penalise(index) | Step::Release(index) => {
            round.commit_of(strategy).is_some_and(|(at, commit)| at == index && !commit.closed)
        }
        Step::Close => !round.closed,
        Step::Wait | Step::GiveUp(_) | Step::Done => false,
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
