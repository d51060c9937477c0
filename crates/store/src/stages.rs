//! When an intent or a round reached each stage.

use alloy_primitives::B256;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use crate::{
    Result, Unit,
    codec::{Word, signed, state, unsigned, words},
};

/// A stage of the pipeline, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It arrived.
    Seen,
    /// It was checked and stored.
    Accepted,
    /// The model ran on it.
    Evaluated,
    /// The sheet's commitment is on chain.
    Committed,
    /// The sheet's proof is made.
    Proved,
    /// The settlement is on chain.
    Settled,
    /// The trader was paid.
    Filled,
}

words!(Stage {
    Seen => "seen", Accepted => "accepted", Evaluated => "evaluated", Committed => "committed",
    Proved => "proved", Settled => "settled", Filled => "filled",
});

impl Unit<'_> {
    /// Notes when `subject` (an intent's or a round's hash) first reached a stage, Unix milliseconds; later notes of the
    /// same stage are ignored.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn note_stage(&self, subject: B256, stage: Stage, at_ms: u64) -> Result<()> {
        self.sql.execute(
            "INSERT INTO stages (subject, stage, at_ms) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![subject.0, stage.word(), signed("time", at_ms)?],
        )?;
        Ok(())
    }

    /// The stages that `subject` reached, in order, with Unix milliseconds.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn stages(&self, subject: B256) -> Result<Vec<(Stage, u64)>> {
        let mut statement = self.sql.prepare("SELECT stage, at_ms FROM stages WHERE subject = ?1")?;
        let rows = statement.query_map([subject.0], |row| Ok((state(row, 0)?, unsigned(row, 1)?)))?;
        let mut stages: Vec<(Stage, u64)> = rows.collect::<rusqlite::Result<_>>()?;
        stages.sort();
        Ok(stages)
    }
}
