//! Writes what happened to the ledger, in order, off the async threads. What must be on disk before an act is written by
//! the act itself; this is the record that a user reads.

use alloy::primitives::B256;
use sotto_chain::ErrorClass;
use sotto_store::{Ledger, Result, RoundStatus, SheetStatus, Stage as StoredStage, Unit};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{BidKey, DropReason, Stage};
use crate::AuctionError;

/// Notes that wait; when as many do, the solver waits.
const WAITING: usize = 1024;

/// Something to write.
#[derive(Clone, Debug)]
pub(super) enum Note {
    /// A bid reached a stage.
    Stage(BidKey, Stage, u64),
    /// A sheet is in this state, with this commit index.
    Sheet(BidKey, SheetStatus, Option<u32>),
    /// A bid was given up.
    Drop(BidKey, DropReason, String, u64),
    /// Nothing is left to do in a round.
    RoundDone(B256, RoundStatus),
}

/// The writing task.
pub(super) struct Scribe {
    pub(super) notes: mpsc::Sender<Note>,
    pub(super) task: JoinHandle<Result<(), AuctionError>>,
}

impl Scribe {
    pub(super) fn spawn(ledger: Ledger) -> Self {
        let (notes, mut waiting) = mpsc::channel(WAITING);
        let task = tokio::task::spawn_blocking(move || {
            while let Some(note) = waiting.blocking_recv() {
                match ledger.write(|unit| write(unit, &note)) {
                    Ok(()) => {}
                    Err(error) if error.class() == ErrorClass::Fatal => return Err(error.into()),
                    Err(error) => tracing::warn!(%error, ?note, "a note could not be written"),
                }
            }
            Ok(())
        });
        Self { notes, task }
    }
}

fn write(unit: &Unit<'_>, note: &Note) -> Result<()> {
    match note {
        Note::Stage(key, stage, at_ms) => unit.note_stage(key.round, stored(*stage), *at_ms),
        Note::Sheet(key, status, index) => move_sheet(unit, *key, *status, *index),
        Note::Drop(key, reason, detail, at_ms) => {
            let strategy = key.strategy.to_word();
            unit.note_drop(key.round, strategy, reason.label(), detail, *at_ms)?;
            move_sheet(unit, *key, SheetStatus::Abandoned, None)
        }
        Note::RoundDone(round, status) => match unit.round(*round)? {
            Some(row) if row.status != *status => unit.move_round(*round, row.status, *status),
            _ => Ok(()),
        },
    }
}

/// Brings a sheet's row to a state, from whichever it is in; a bid that never had a sheet has no row.
pub(super) fn move_sheet(unit: &Unit<'_>, key: BidKey, to: SheetStatus, index: Option<u32>) -> Result<()> {
    let (round, strategy) = (key.round, key.strategy.to_word());
    let Some(row) = unit.sheet(round, strategy)? else { return Ok(()) };
    if row.commit_index != index && to != SheetStatus::Abandoned {
        unit.set_commit_index(round, strategy, index)?;
    }
    if row.status == to { Ok(()) } else { unit.move_sheet(round, strategy, row.status, to) }
}

const fn stored(stage: Stage) -> StoredStage {
    match stage {
        Stage::Seen => StoredStage::Seen,
        Stage::Accepted => StoredStage::Accepted,
        Stage::Evaluated => StoredStage::Evaluated,
        Stage::Committed => StoredStage::Committed,
        Stage::Proved => StoredStage::Proved,
        Stage::Settled => StoredStage::Settled,
        Stage::Filled => StoredStage::Filled,
    }
}
