//! Intents.

use alloy_primitives::{B256, Bytes};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use sotto_types::{Intent, intent_hash};

use crate::{
    Result, StoreError, Unit,
    codec::{Word, hash, signed, state, unsigned, words},
};

/// State of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntentStatus {
    /// Accepted, waits for a round.
    Open,
    /// In a slot of a draft or round.
    Assigned,
    /// Filled on chain.
    Filled,
    /// The winner defaulted; the trader was compensated.
    Defaulted,
    /// Cancelled by the trader.
    Cancelled,
    /// Its deadline passed.
    Expired,
    /// Refused after acceptance, with a reason.
    Rejected,
}

words!(IntentStatus {
    Open => "open", Assigned => "assigned", Filled => "filled", Defaulted => "defaulted",
    Cancelled => "cancelled", Expired => "expired", Rejected => "rejected",
});

/// An intent with its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredIntent {
    /// EIP-712 struct hash.
    pub hash: B256,
    /// The intent.
    pub intent: Intent,
    /// The owner's signature.
    pub signature: Bytes,
    /// State.
    pub status: IntentStatus,
    /// Why it is in that state, for the trader.
    pub reason: Option<String>,
    /// When it was accepted, Unix milliseconds.
    pub received_ms: u64,
}

const COLUMNS: &str = "hash, json, signature, status, reason, received_ms";

impl Unit<'_> {
    /// Stores a new intent as `Open`. Returns false, and changes nothing, when it is known already.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn insert_intent(&self, intent: &Intent, signature: &[u8], received_ms: u64) -> Result<bool> {
        let json = serde_json::to_string(intent).map_err(|_| StoreError::OutOfRange { what: "intent" })?;
        let rows = self.sql.execute(
            "INSERT INTO intents (hash, json, signature, status, received_ms) VALUES (?1, ?2, ?3, 'open', ?4)
             ON CONFLICT DO NOTHING",
            params![intent_hash(intent).0, json, signature, signed("time", received_ms)?],
        )?;
        Ok(rows == 1)
    }

    /// Moves an intent from one state to another.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when it is not in `from`, [`StoreError::NotFound`].
    pub fn move_intent(
        &self,
        hash: B256,
        from: IntentStatus,
        to: IntentStatus,
        reason: Option<&str>,
    ) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE intents SET status = ?3, reason = ?4 WHERE hash = ?1 AND status = ?2",
            params![hash.0, from.word(), to.word(), reason],
        )?;
        if rows == 1 {
            return Ok(());
        }
        let found = self.intent(hash)?.map(|row| row.status.word());
        Err(self.step_error("intent", hash.to_string(), from.word(), found))
    }

    /// One intent.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn intent(&self, hash: B256) -> Result<Option<StoredIntent>> {
        let sql = format!("SELECT {COLUMNS} FROM intents WHERE hash = ?1");
        self.sql.query_row(&sql, [hash.0], read).optional()?.transpose()
    }

    /// The oldest intents in a state, at most `limit`.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn intents(&self, status: IntentStatus, limit: usize) -> Result<Vec<StoredIntent>> {
        let sql =
            format!("SELECT {COLUMNS} FROM intents WHERE status = ?1 ORDER BY received_ms, hash LIMIT ?2");
        let mut statement = self.sql.prepare(&sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![status.word(), limit], read)?;
        rows.map(|row| row?).collect()
    }

    /// The error of a step that found no row in the state it starts from.
    pub(crate) fn step_error(
        &self,
        what: &'static str,
        key: String,
        expected: &str,
        found: Option<&str>,
    ) -> StoreError {
        match found {
            Some(found) => {
                StoreError::StateChanged { what, key, expected: expected.to_owned(), found: found.to_owned() }
            }
            None => StoreError::NotFound { what, key },
        }
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of a row reader whose JSON may be refused")]
fn read(row: &Row<'_>) -> rusqlite::Result<Result<StoredIntent>> {
    let stored_hash = hash(row, 0)?;
    let json = row.get_ref(1)?.as_str()?;
    let intent = match serde_json::from_str::<Intent>(json) {
        Ok(intent) if intent_hash(&intent) == stored_hash => intent,
        _ => {
            let reason = format!("intent {stored_hash} does not hash to its key");
            return Ok(Err(StoreError::Corrupt { reason }));
        }
    };
    Ok(Ok(StoredIntent {
        hash: stored_hash,
        intent,
        signature: row.get::<_, Vec<u8>>(2)?.into(),
        status: state(row, 3)?,
        reason: row.get(4)?,
        received_ms: unsigned(row, 5)?,
    }))
}
