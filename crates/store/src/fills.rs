//! Settlements and fills.

use alloy_primitives::{B256, U256};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::{
    Result, StoreError, Unit,
    codec::{Word, bytes, hash, optional_hash, state, words},
};

/// State of a settlement that this process sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettlementStatus {
    /// The proof is made; its transaction may be on its way.
    Planned,
    /// On chain.
    Mined,
    /// Somebody else settled the same.
    Superseded,
    /// Given up.
    Abandoned,
}

words!(SettlementStatus {
    Planned => "planned", Mined => "mined", Superseded => "superseded", Abandoned => "abandoned",
});

/// A settlement with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementRow {
    /// The round.
    pub round: B256,
    /// The 32 claims as the public data has them, 384 bytes.
    pub claims: Vec<u8>,
    /// The covered sheets as the public data has them, 68 bytes each.
    pub sheets: Vec<u8>,
    /// The wrapped proof.
    pub proof: Vec<u8>,
    /// State.
    pub status: SettlementStatus,
}

/// State of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FillStatus {
    /// Its transaction may be on its way.
    Planned,
    /// The trader was paid.
    Filled,
    /// The winner defaulted.
    Defaulted,
    /// The call failed without moving a bond; may be planned again.
    Failed,
    /// Not filled by the end of the window.
    Missed,
}

words!(FillStatus {
    Planned => "planned", Filled => "filled", Defaulted => "defaulted", Failed => "failed", Missed => "missed",
});

/// A fill of one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillRow {
    /// The round.
    pub round: B256,
    /// Slot index, below 32.
    pub slot: u8,
    /// The intent.
    pub intent_hash: B256,
    /// The winning strategy.
    pub strategy: B256,
    /// Its quote, pips.
    pub quote: i32,
    /// What the recipient received, raw token units.
    pub paid: Option<U256>,
    /// The transaction.
    pub tx: Option<B256>,
    /// State.
    pub status: FillStatus,
    /// Why it failed.
    pub reason: Option<String>,
}

const FILL_COLUMNS: &str = "round, slot, intent_hash, strategy, quote, paid, tx, status, reason";

impl Unit<'_> {
    /// Stores a settlement as `Planned`, before it is sent; replaces one that is planned but covers less.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the round has one that is not planned.
    pub fn plan_settlement(&self, round: B256, claims: &[u8], sheets: &[u8], proof: &[u8]) -> Result<()> {
        let rows = self.sql.execute(
            "INSERT INTO settlements (round, claims, sheets, proof, status) VALUES (?1, ?2, ?3, ?4, 'planned')
             ON CONFLICT (round) DO UPDATE SET claims = excluded.claims, sheets = excluded.sheets,
               proof = excluded.proof WHERE settlements.status = 'planned'",
            params![round.0, claims, sheets, proof],
        )?;
        if rows == 1 {
            return Ok(());
        }
        Err(StoreError::Conflict { what: "settlement", key: round.to_string() })
    }

    /// Moves a settlement from one state to another.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when it is not in `from`, [`StoreError::NotFound`].
    pub fn move_settlement(&self, round: B256, from: SettlementStatus, to: SettlementStatus) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE settlements SET status = ?3 WHERE round = ?1 AND status = ?2",
            params![round.0, from.word(), to.word()],
        )?;
        if rows == 1 {
            return Ok(());
        }
        let found = self.settlement(round)?.map(|row| row.status.word());
        Err(self.step_error("settlement", round.to_string(), from.word(), found))
    }

    /// The settlement of a round.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn settlement(&self, round: B256) -> Result<Option<SettlementRow>> {
        let sql = "SELECT round, claims, sheets, proof, status FROM settlements WHERE round = ?1";
        let row = self.sql.query_row(sql, [round.0], |row| {
            Ok(SettlementRow {
                round: hash(row, 0)?,
                claims: row.get(1)?,
                sheets: row.get(2)?,
                proof: row.get(3)?,
                status: state(row, 4)?,
            })
        });
        Ok(row.optional()?)
    }

    /// Stores a fill as `Planned`, before it is sent; one that failed may be planned again.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the slot has a fill in any other state.
    pub fn plan_fill(
        &self,
        round: B256,
        slot: u8,
        intent_hash: B256,
        strategy: B256,
        quote: i32,
    ) -> Result<()> {
        let rows = self.sql.execute(
            "INSERT INTO fills (round, slot, intent_hash, strategy, quote, status)
             VALUES (?1, ?2, ?3, ?4, ?5, 'planned')
             ON CONFLICT (round, slot) DO UPDATE SET intent_hash = excluded.intent_hash,
               strategy = excluded.strategy, quote = excluded.quote, status = 'planned', reason = NULL
             WHERE fills.status = 'failed'",
            params![round.0, slot, intent_hash.0, strategy.0, quote],
        )?;
        if rows == 1 {
            return Ok(());
        }
        Err(StoreError::Conflict { what: "fill", key: format!("{round}/{slot}") })
    }

    /// Moves a fill from one state to another, with what is known of its outcome.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when it is not in `from`, [`StoreError::NotFound`].
    pub fn move_fill(
        &self,
        (round, slot): (B256, u8),
        from: FillStatus,
        to: FillStatus,
        paid: Option<U256>,
        tx: Option<B256>,
        reason: Option<&str>,
    ) -> Result<()> {
        let paid = paid.map(|paid| paid.to_be_bytes::<32>());
        let rows = self.sql.execute(
            "UPDATE fills SET status = ?4, paid = ?5, tx = ?6, reason = ?7
             WHERE round = ?1 AND slot = ?2 AND status = ?3",
            params![round.0, slot, from.word(), to.word(), paid, tx.map(|tx| tx.0), reason],
        )?;
        if rows == 1 {
            return Ok(());
        }
        let found = self.fill(round, slot)?.map(|row| row.status.word());
        Err(self.step_error("fill", format!("{round}/{slot}"), from.word(), found))
    }

    /// The fill of a slot.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn fill(&self, round: B256, slot: u8) -> Result<Option<FillRow>> {
        let sql = format!("SELECT {FILL_COLUMNS} FROM fills WHERE round = ?1 AND slot = ?2");
        Ok(self.sql.query_row(&sql, params![round.0, slot], read_fill).optional()?)
    }

    /// The fills of a round, by slot.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn fills(&self, round: B256) -> Result<Vec<FillRow>> {
        let sql = format!("SELECT {FILL_COLUMNS} FROM fills WHERE round = ?1 ORDER BY slot");
        let mut statement = self.sql.prepare(&sql)?;
        let rows = statement.query_map([round.0], read_fill)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn read_fill(row: &Row<'_>) -> rusqlite::Result<FillRow> {
    let paid = match row.get_ref(5)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(U256::from_be_bytes(bytes::<32>(row, 5)?)),
    };
    Ok(FillRow {
        round: hash(row, 0)?,
        slot: row.get(1)?,
        intent_hash: hash(row, 2)?,
        strategy: hash(row, 3)?,
        quote: row.get(4)?,
        paid,
        tx: optional_hash(row, 6)?,
        status: state(row, 7)?,
        reason: row.get(8)?,
    })
}
