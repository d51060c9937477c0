//! Sheets: the bid protection of a solver, and what a gateway received.

use alloy_primitives::{B256, keccak256};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use sotto_types::SLOTS;

use crate::{
    Result, StoreError, Unit,
    codec::{Word, bytes, hash, signed, state, words},
};

/// State of an own sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SheetStatus {
    /// Quotes and salt are fixed; the commitment may be sent.
    Planned,
    /// The commitment is on chain.
    Committed,
    /// The proof is made.
    Proved,
    /// The proof was handed to an aggregator.
    Submitted,
    /// A settlement covers it.
    Settled,
    /// Given up, with the commitment on chain or not.
    Abandoned,
}

words!(SheetStatus {
    Planned => "planned", Committed => "committed", Proved => "proved", Submitted => "submitted",
    Settled => "settled", Abandoned => "abandoned",
});

/// An own sheet. `salt` is secret until the sheet is handed out; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SheetRow {
    /// The round.
    pub round: B256,
    /// The strategy.
    pub strategy: B256,
    /// Quotes by slot, pips or `NO_BID`.
    pub quotes: [i32; SLOTS],
    /// The 128-bit salt, as two 64-bit limbs big-endian.
    pub salt: [u8; 16],
    /// The sheet commitment.
    pub commitment: B256,
    /// Its index among the round's commitments, once it is on chain.
    pub commit_index: Option<u32>,
    /// State.
    pub status: SheetStatus,
    /// The sheet proof, once it is made.
    pub proof: Option<Vec<u8>>,
}

impl std::fmt::Debug for SheetRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SheetRow")
            .field("round", &self.round)
            .field("strategy", &self.strategy)
            .field("commitment", &self.commitment)
            .field("commit_index", &self.commit_index)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A sheet that a gateway took from a solver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedSheet {
    /// The round.
    pub round: B256,
    /// The strategy.
    pub strategy: B256,
    /// The commitment on chain.
    pub commitment: B256,
    /// Its index among the round's commitments.
    pub commit_index: u32,
    /// The sheet proof.
    pub proof: Vec<u8>,
    /// Unix milliseconds.
    pub received_ms: u64,
}

const COLUMNS: &str = "round, strategy, quotes, salt, commitment, commit_index, status, proof, checksum";

impl Unit<'_> {
    /// Fixes the sheet of a round and strategy, as `Planned`. Returns the row that is protected: the new one, or the
    /// existing one when it holds the same commitment. Only what this returns may be committed to on chain.
    ///
    /// # Errors
    /// [`StoreError::SecondSheet`] when another sheet is protected.
    pub fn protect_sheet(
        &self,
        round: B256,
        strategy: B256,
        quotes: &[i32; SLOTS],
        salt: &[u8; 16],
        commitment: B256,
    ) -> Result<SheetRow> {
        if let Some(existing) = self.sheet(round, strategy)? {
            if existing.commitment == commitment {
                return Ok(existing);
            }
            let protected = existing.commitment;
            return Err(StoreError::SecondSheet { round, strategy, protected });
        }
        let row = SheetRow {
            round,
            strategy,
            quotes: *quotes,
            salt: *salt,
            commitment,
            commit_index: None,
            status: SheetStatus::Planned,
            proof: None,
        };
        self.sql.execute(
            "INSERT INTO sheets (round, strategy, quotes, salt, commitment, checksum, status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'planned')",
            params![round.0, strategy.0, quote_bytes(quotes), salt, commitment.0, checksum(&row).0],
        )?;
        Ok(row)
    }

    /// Moves a sheet from one state to another.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when it is not in `from`, [`StoreError::NotFound`].
    pub fn move_sheet(&self, round: B256, strategy: B256, from: SheetStatus, to: SheetStatus) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE sheets SET status = ?4 WHERE round = ?1 AND strategy = ?2 AND status = ?3",
            params![round.0, strategy.0, from.word(), to.word()],
        )?;
        self.sheet_stepped(rows, round, strategy, from)
    }

    /// Notes the commitment's index on chain; a reorganisation may change it, or take it back with `None`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn set_commit_index(&self, round: B256, strategy: B256, index: Option<u32>) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE sheets SET commit_index = ?3 WHERE round = ?1 AND strategy = ?2",
            params![round.0, strategy.0, index],
        )?;
        if rows == 1 {
            return Ok(());
        }
        Err(StoreError::NotFound { what: "sheet", key: format!("{round}/{strategy}") })
    }

    /// Stores the proof and moves a sheet from `Committed` to `Proved`.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when it is not committed, [`StoreError::NotFound`].
    pub fn prove_sheet(&self, round: B256, strategy: B256, proof: &[u8]) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE sheets SET status = 'proved', proof = ?3
             WHERE round = ?1 AND strategy = ?2 AND status = 'committed'",
            params![round.0, strategy.0, proof],
        )?;
        self.sheet_stepped(rows, round, strategy, SheetStatus::Committed)
    }

    /// One sheet.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is not what was written.
    pub fn sheet(&self, round: B256, strategy: B256) -> Result<Option<SheetRow>> {
        let sql = format!("SELECT {COLUMNS} FROM sheets WHERE round = ?1 AND strategy = ?2");
        self.sql.query_row(&sql, params![round.0, strategy.0], read).optional()?.transpose()
    }

    /// The sheets in a state, for recovery.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one is not what was written.
    pub fn sheets(&self, status: SheetStatus) -> Result<Vec<SheetRow>> {
        let sql = format!("SELECT {COLUMNS} FROM sheets WHERE status = ?1 ORDER BY round, strategy");
        let mut statement = self.sql.prepare(&sql)?;
        statement.query_map([status.word()], read)?.map(|row| row?).collect()
    }

    /// Keeps a sheet that a solver handed in. Returns false when it is known already.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn receive_sheet(&self, sheet: &ReceivedSheet) -> Result<bool> {
        let rows = self.sql.execute(
            "INSERT INTO received_sheets (round, strategy, commitment, commit_index, proof, received_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            params![
                sheet.round.0,
                sheet.strategy.0,
                sheet.commitment.0,
                sheet.commit_index,
                sheet.proof,
                signed("time", sheet.received_ms)?
            ],
        )?;
        Ok(rows == 1)
    }

    /// The sheets received for a round, by commit index.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn received_sheets(&self, round: B256) -> Result<Vec<ReceivedSheet>> {
        let mut statement = self.sql.prepare(
            "SELECT round, strategy, commitment, commit_index, proof, received_ms FROM received_sheets
             WHERE round = ?1 ORDER BY commit_index",
        )?;
        let rows = statement.query_map([round.0], |row| {
            Ok(ReceivedSheet {
                round: hash(row, 0)?,
                strategy: hash(row, 1)?,
                commitment: hash(row, 2)?,
                commit_index: row.get(3)?,
                proof: row.get(4)?,
                received_ms: crate::codec::unsigned(row, 5)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Checks every protected sheet against its checksum: a page that was torn without SQLite noticing would disarm the
    /// protection.
    pub(crate) fn check_sheets(&self) -> Result<()> {
        let mut statement = self.sql.prepare(&format!("SELECT {COLUMNS} FROM sheets"))?;
        statement.query_map([], read)?.try_for_each(|row| row?.map(drop))
    }

    fn sheet_stepped(&self, rows: usize, round: B256, strategy: B256, from: SheetStatus) -> Result<()> {
        if rows == 1 {
            return Ok(());
        }
        let found = self.sheet(round, strategy)?.map(|row| row.status.word());
        Err(self.step_error("sheet", format!("{round}/{strategy}"), from.word(), found))
    }
}

fn quote_bytes(quotes: &[i32; SLOTS]) -> Vec<u8> {
    quotes.iter().flat_map(|quote| quote.to_be_bytes()).collect()
}

/// Over everything that a sheet fixes.
fn checksum(row: &SheetRow) -> B256 {
    let parts = [&row.round.0[..], &row.strategy.0, &quote_bytes(&row.quotes), &row.salt, &row.commitment.0];
    keccak256(parts.concat())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<SheetRow>> {
    let flat: [u8; 4 * SLOTS] = bytes(row, 2)?;
    let mut quotes = [0; SLOTS];
    for (quote, raw) in quotes.iter_mut().zip(flat.as_chunks::<4>().0) {
        *quote = i32::from_be_bytes(*raw);
    }
    let sheet = SheetRow {
        round: hash(row, 0)?,
        strategy: hash(row, 1)?,
        quotes,
        salt: bytes(row, 3)?,
        commitment: hash(row, 4)?,
        commit_index: row.get(5)?,
        status: state(row, 6)?,
        proof: row.get(7)?,
    };
    if checksum(&sheet) != hash(row, 8)? {
        let reason = format!("the sheet of round {} fails its checksum", sheet.round);
        return Ok(Err(StoreError::Corrupt { reason }));
    }
    Ok(Ok(sheet))
}
