//! Why rounds were not bid in, or bids given up, so that a user can ask.

use alloy_primitives::B256;
use rusqlite::{Row, params};

use crate::{
    Result, Unit,
    codec::{hash, signed, unsigned},
};

/// A bid that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropRow {
    /// The round.
    pub round: B256,
    /// The strategy.
    pub strategy: B256,
    /// Stable word for the reason.
    pub reason: String,
    /// The reason with its numbers, for people.
    pub detail: String,
    /// Unix milliseconds.
    pub at_ms: u64,
}

impl Unit<'_> {
    /// Notes why a bid was given up; a later reason for the same round and strategy replaces the earlier one.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn note_drop(
        &self,
        round: B256,
        strategy: B256,
        reason: &str,
        detail: &str,
        at_ms: u64,
    ) -> Result<()> {
        self.sql.execute(
            "INSERT INTO drops (round, strategy, reason, detail, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (round, strategy) DO UPDATE SET
               reason = excluded.reason, detail = excluded.detail, at_ms = excluded.at_ms",
            params![round.0, strategy.0, reason, detail, signed("time", at_ms)?],
        )?;
        Ok(())
    }

    /// The bids that were given up in a round.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn drops(&self, round: B256) -> Result<Vec<DropRow>> {
        let mut statement = self.sql.prepare(
            "SELECT round, strategy, reason, detail, at_ms FROM drops WHERE round = ?1 ORDER BY strategy",
        )?;
        let rows = statement.query_map([round.0], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The newest bids that were given up, newest first.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn recent_drops(&self, limit: usize) -> Result<Vec<DropRow>> {
        let mut statement = self.sql.prepare(
            "SELECT round, strategy, reason, detail, at_ms FROM drops ORDER BY at_ms DESC, round, strategy LIMIT ?1",
        )?;
        let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<DropRow> {
    Ok(DropRow {
        round: hash(row, 0)?,
        strategy: hash(row, 1)?,
        reason: row.get(2)?,
        detail: row.get(3)?,
        at_ms: unsigned(row, 4)?,
    })
}
