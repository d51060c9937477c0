//! Rounds, and the drafts that a gateway opens them from.

use alloy_primitives::{Address, B256, keccak256};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::{
    Result, StoreError, Unit,
    codec::{Word, address, hash, signed, state, unsigned, words},
};

/// In which part this process takes part in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It opened the round.
    Gateway,
    /// It may bid in the round.
    Solver,
}

words!(Role { Gateway => "gateway", Solver => "solver" });

/// State of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DraftStatus {
    /// Its transaction may be on its way.
    Planned,
    /// A round with these slots is on chain.
    Opened,
    /// Given up; its intents were released.
    Abandoned,
}

words!(DraftStatus { Planned => "planned", Opened => "opened", Abandoned => "abandoned" });

/// State of a round as this process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoundStatus {
    /// On chain, no settlement yet.
    Open,
    /// Settled at least once.
    Settled,
    /// The fill window ended and nothing is left to do.
    Closed,
    /// Cleanly given up.
    Abandoned,
    /// A reorganisation removed it.
    Void,
}

words!(RoundStatus {
    Open => "open", Settled => "settled", Closed => "closed", Abandoned => "abandoned", Void => "void",
});

/// The opening of one slot of a draft. `blinding` is secret until the fill; `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SlotOpening {
    /// Slot index, below 32.
    pub slot: u8,
    /// The intent.
    pub intent_hash: B256,
    /// The blinding of its commitment.
    pub blinding: B256,
}

impl std::fmt::Debug for SlotOpening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlotOpening")
            .field("slot", &self.slot)
            .field("intent_hash", &self.intent_hash)
            .finish_non_exhaustive()
    }
}

/// A draft of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// keccak256 of `slots`.
    pub slots_hash: B256,
    /// The market.
    pub market: B256,
    /// The 32 slots as the public data has them, 1536 bytes.
    pub slots: Vec<u8>,
    /// State.
    pub status: DraftStatus,
    /// Unix milliseconds.
    pub created_ms: u64,
}

/// A round on chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundRow {
    /// Its id.
    pub id: B256,
    /// This process's part.
    pub role: Role,
    /// The market.
    pub market: B256,
    /// Who opened it.
    pub opener: Address,
    /// Number of the opening block.
    pub opened_block: u64,
    /// Hash of the opening block.
    pub opened_hash: B256,
    /// Last block of the commit window.
    pub commit_end: u64,
    /// Last block of the settle window.
    pub settle_end: u64,
    /// Last block of the fill window.
    pub fill_end: u64,
    /// Key-set root that the round is pinned to.
    pub key_set_root: B256,
    /// Market features (128 bytes) and reference price (32 bytes).
    pub snapshot: Vec<u8>,
    /// The 32 slots as the public data has them, 1536 bytes.
    pub slots: Vec<u8>,
    /// State.
    pub status: RoundStatus,
}

const COLUMNS: &str = "id, role, market, opener, opened_block, opened_hash, commit_end, settle_end, fill_end, \
                       key_set_root, snapshot, slots, status";

impl Unit<'_> {
    /// Stores a draft with its openings, before its transaction is sent. Returns the hash of its slots.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the same slots are drafted already; an opening of an unknown intent fails too.
    pub fn plan_draft(
        &self,
        market: B256,
        slots: &[u8],
        openings: &[SlotOpening],
        created_ms: u64,
    ) -> Result<B256> {
        let slots_hash = keccak256(slots);
        let rows = self.sql.execute(
            "INSERT INTO drafts (slots_hash, market, slots, status, created_ms) VALUES (?1, ?2, ?3, 'planned', ?4)
             ON CONFLICT (slots_hash) DO NOTHING",
            params![slots_hash.0, market.0, slots, signed("time", created_ms)?],
        )?;
        if rows == 0 {
            return Err(StoreError::Conflict { what: "draft", key: slots_hash.to_string() });
        }
        for opening in openings {
            self.sql.execute(
                "INSERT INTO slots (slots_hash, slot, intent_hash, blinding) VALUES (?1, ?2, ?3, ?4)",
                params![slots_hash.0, opening.slot, opening.intent_hash.0, opening.blinding.0],
            )?;
        }
        Ok(slots_hash)
    }

    /// Moves a draft from one state to another.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when it is not in `from`, [`StoreError::NotFound`].
    pub fn move_draft(&self, slots_hash: B256, from: DraftStatus, to: DraftStatus) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE drafts SET status = ?3 WHERE slots_hash = ?1 AND status = ?2",
            params![slots_hash.0, from.word(), to.word()],
        )?;
        if rows == 1 {
            return Ok(());
        }
        let found = self.draft(slots_hash)?.map(|draft| draft.status.word());
        Err(self.step_error("draft", slots_hash.to_string(), from.word(), found))
    }

    /// One draft.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn draft(&self, slots_hash: B256) -> Result<Option<Draft>> {
        let sql = "SELECT slots_hash, market, slots, status, created_ms FROM drafts WHERE slots_hash = ?1";
        Ok(self.sql.query_row(sql, [slots_hash.0], read_draft).optional()?)
    }

    /// The drafts in a state, oldest first.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn drafts(&self, status: DraftStatus) -> Result<Vec<Draft>> {
        let mut statement = self.sql.prepare(
            "SELECT slots_hash, market, slots, status, created_ms FROM drafts WHERE status = ?1
             ORDER BY created_ms, slots_hash",
        )?;
        let rows = statement.query_map([status.word()], read_draft)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The openings of a draft's slots, by slot.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn openings(&self, slots_hash: B256) -> Result<Vec<SlotOpening>> {
        let mut statement = self
            .sql
            .prepare("SELECT slot, intent_hash, blinding FROM slots WHERE slots_hash = ?1 ORDER BY slot")?;
        let rows = statement.query_map([slots_hash.0], |row| {
            Ok(SlotOpening { slot: row.get(0)?, intent_hash: hash(row, 1)?, blinding: hash(row, 2)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The drafts in which an intent has a slot, with the slot, oldest first.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn slots_of_intent(&self, intent_hash: B256) -> Result<Vec<(B256, u8)>> {
        let mut statement = self.sql.prepare(
            "SELECT slots.slots_hash, slots.slot FROM slots JOIN drafts USING (slots_hash)
             WHERE intent_hash = ?1 ORDER BY created_ms",
        )?;
        let rows = statement.query_map([intent_hash.0], |row| Ok((hash(row, 0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Stores a round that was opened. A round that a reorganisation had made `Void` and that is on chain again takes its
    /// new block and state. Returns false when it was known and not void.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn put_round(&self, round: &RoundRow) -> Result<bool> {
        let rows = self.sql.execute(
            "INSERT INTO rounds (id, role, market, opener, opened_block, opened_hash, commit_end, settle_end,
                                 fill_end, key_set_root, snapshot, slots, slots_hash, status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT (id) DO UPDATE SET
               opened_block = excluded.opened_block, opened_hash = excluded.opened_hash,
               commit_end = excluded.commit_end, settle_end = excluded.settle_end, fill_end = excluded.fill_end,
               status = excluded.status
             WHERE rounds.status = 'void'",
            params![
                round.id.0,
                round.role.word(),
                round.market.0,
                round.opener.as_slice(),
                signed("block", round.opened_block)?,
                round.opened_hash.0,
                signed("block", round.commit_end)?,
                signed("block", round.settle_end)?,
                signed("block", round.fill_end)?,
                round.key_set_root.0,
                round.snapshot,
                round.slots,
                keccak256(&round.slots).0,
                round.status.word()
            ],
        )?;
        Ok(rows == 1)
    }

    /// Moves a round from one state to another.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when it is not in `from`, [`StoreError::NotFound`].
    pub fn move_round(&self, id: B256, from: RoundStatus, to: RoundStatus) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE rounds SET status = ?3 WHERE id = ?1 AND status = ?2",
            params![id.0, from.word(), to.word()],
        )?;
        if rows == 1 {
            return Ok(());
        }
        let found = self.round(id)?.map(|round| round.status.word());
        Err(self.step_error("round", id.to_string(), from.word(), found))
    }

    /// One round.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn round(&self, id: B256) -> Result<Option<RoundRow>> {
        let sql = format!("SELECT {COLUMNS} FROM rounds WHERE id = ?1");
        Ok(self.sql.query_row(&sql, [id.0], read_round).optional()?)
    }

    /// The rounds in a state, oldest first.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn rounds(&self, status: RoundStatus) -> Result<Vec<RoundRow>> {
        let sql = format!("SELECT {COLUMNS} FROM rounds WHERE status = ?1 ORDER BY opened_block, id");
        let mut statement = self.sql.prepare(&sql)?;
        let rows = statement.query_map([status.word()], read_round)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The newest rounds in any state, at most `limit`, newest first.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn recent_rounds(&self, limit: usize) -> Result<Vec<RoundRow>> {
        let sql = format!("SELECT {COLUMNS} FROM rounds ORDER BY opened_block DESC, id LIMIT ?1");
        let mut statement = self.sql.prepare(&sql)?;
        let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], read_round)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn read_draft(row: &Row<'_>) -> rusqlite::Result<Draft> {
    Ok(Draft {
        slots_hash: hash(row, 0)?,
        market: hash(row, 1)?,
        slots: row.get(2)?,
        status: state(row, 3)?,
        created_ms: unsigned(row, 4)?,
    })
}

fn read_round(row: &Row<'_>) -> rusqlite::Result<RoundRow> {
    Ok(RoundRow {
        id: hash(row, 0)?,
        role: state(row, 1)?,
        market: hash(row, 2)?,
        opener: address(row, 3)?,
        opened_block: unsigned(row, 4)?,
        opened_hash: hash(row, 5)?,
        commit_end: unsigned(row, 6)?,
        settle_end: unsigned(row, 7)?,
        fill_end: unsigned(row, 8)?,
        key_set_root: hash(row, 9)?,
        snapshot: row.get(10)?,
        slots: row.get(11)?,
        status: state(row, 12)?,
    })
}
