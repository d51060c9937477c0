//! How far the chain was processed, and which logs were applied.

use alloy_primitives::B256;
use rusqlite::{Row, params};
use sotto_chain::{BlockRef, LogId};

use crate::{
    Result, StoreError, Unit,
    codec::{hash, signed, unsigned},
};

/// Processed blocks that are kept, and below them events: one more than the deepest reorganisation that is followed.
const KEPT_BLOCKS: u64 = sotto_chain::MAX_REORG_DEPTH as u64 + 1;

/// A log that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedEvent {
    /// Identity.
    pub id: LogId,
    /// Block number.
    pub block_number: u64,
    /// What the caller stored with it, enough to take its effect back.
    pub payload: Vec<u8>,
}

impl Unit<'_> {
    /// Notes that a block was processed completely, and forgets blocks and events too old to be reorganised.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a block of this height or a higher one is noted: the caller did not rewind.
    pub fn advance_cursor(&self, block: BlockRef) -> Result<()> {
        if let Some(newest) = self.cursor()? {
            if newest == block {
                return Ok(());
            }
            if newest.number >= block.number {
                return Err(StoreError::Conflict { what: "block", key: block.number.to_string() });
            }
        }
        let number = signed("block", block.number)?;
        self.sql
            .execute("INSERT INTO blocks (number, hash) VALUES (?1, ?2)", params![number, block.hash.0])?;
        let keep = signed("block", block.number.saturating_sub(KEPT_BLOCKS))?;
        self.sql.execute("DELETE FROM blocks WHERE number < ?1", [keep])?;
        self.sql.execute("DELETE FROM events WHERE block_number < ?1", [keep])?;
        Ok(())
    }

    /// Takes the cursor back to `to`, which a reorganisation left as the newest common block, and removes the events above
    /// it. Returns those, newest first: their effects are the caller's to take back, in the same unit of work.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn rewind_cursor(&self, to: BlockRef) -> Result<Vec<AppliedEvent>> {
        let number = signed("block", to.number)?;
        let removed = self.events_above(to.number)?;
        self.sql.execute("DELETE FROM events WHERE block_number > ?1", [number])?;
        self.sql.execute("DELETE FROM blocks WHERE number >= ?1", [number])?;
        self.sql.execute("INSERT INTO blocks (number, hash) VALUES (?1, ?2)", params![number, to.hash.0])?;
        Ok(removed)
    }

    /// The newest block that was processed completely.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn cursor(&self) -> Result<Option<BlockRef>> {
        Ok(self.recent_blocks()?.pop())
    }

    /// The newest blocks that were processed completely, oldest first: what the watcher resumes after.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn recent_blocks(&self) -> Result<Vec<BlockRef>> {
        let mut statement = self.sql.prepare("SELECT number, hash FROM blocks ORDER BY number")?;
        let rows =
            statement.query_map([], |row| Ok(BlockRef { number: unsigned(row, 0)?, hash: hash(row, 1)? }))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes that a log is applied in this unit of work. Returns false when it was applied before: then do nothing.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn apply_event(&self, id: &LogId, block_number: u64, payload: &[u8]) -> Result<bool> {
        let rows = self.sql.execute(
            "INSERT INTO events (block_hash, tx_hash, log_index, block_number, payload)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            params![
                id.block_hash.0,
                id.tx_hash.0,
                signed("log index", id.log_index)?,
                signed("block", block_number)?,
                payload
            ],
        )?;
        Ok(rows == 1)
    }

    /// Notes that a log is taken back in this unit of work. Returns false when it is not applied: then do nothing.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn remove_event(&self, id: &LogId) -> Result<bool> {
        let rows = self.sql.execute(
            "DELETE FROM events WHERE block_hash = ?1 AND tx_hash = ?2 AND log_index = ?3",
            params![id.block_hash.0, id.tx_hash.0, signed("log index", id.log_index)?],
        )?;
        Ok(rows == 1)
    }

    /// The events applied above a block, newest first.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn events_above(&self, number: u64) -> Result<Vec<AppliedEvent>> {
        let mut statement = self.sql.prepare(
            "SELECT block_hash, tx_hash, log_index, block_number, payload FROM events
             WHERE block_number > ?1 ORDER BY block_number DESC, log_index DESC",
        )?;
        let rows = statement.query_map([signed("block", number)?], read_event)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn read_event(row: &Row<'_>) -> rusqlite::Result<AppliedEvent> {
    let block_hash: B256 = hash(row, 0)?;
    Ok(AppliedEvent {
        id: LogId { block_hash, tx_hash: hash(row, 1)?, log_index: unsigned(row, 2)? },
        block_number: unsigned(row, 3)?,
        payload: row.get(4)?,
    })
}
