//! The journal of transactions.

use alloy_primitives::{Address, B256, U256, keccak256};
use rusqlite::{Row, params};
use sotto_chain::{JournalId, Mined, TxAttempt, TxJournal, TxPlan, TxRecord, TxState};

use crate::{
    Ledger, Result, StoreError, Unit,
    codec::{Word, address, bytes, hash, optional_hash, signed, state, unsigned},
};

impl Word for TxState {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Planned, "planned"),
        (Self::Signed, "signed"),
        (Self::Broadcast, "broadcast"),
        (Self::Mined, "mined"),
        (Self::Reverted, "reverted"),
        (Self::Cancelled, "cancelled"),
        (Self::Failed, "failed"),
    ];
}

const COLUMNS: &str = "id, state, signer, nonce, target, value, data, gas_limit, deadline, purpose, idempotency, \
                       round, mined_tx, mined_block, mined_hash, mined_gas, checksum";

impl Unit<'_> {
    /// Writes a `planned` row.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the nonce or the idempotency key is taken.
    pub fn plan_tx(&self, plan: &TxPlan) -> Result<JournalId> {
        let rows = self.sql.execute(
            "INSERT INTO txs (signer, nonce, target, value, data, gas_limit, deadline, purpose, idempotency,
                              round, checksum, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'planned') ON CONFLICT DO NOTHING",
            params![
                plan.signer.as_slice(),
                signed("nonce", plan.nonce)?,
                plan.to.as_slice(),
                plan.value.to_be_bytes::<32>(),
                plan.data.as_ref(),
                signed("gas limit", plan.gas_limit)?,
                signed("deadline", plan.deadline)?,
                plan.purpose,
                plan.key,
                plan.round.map(|round| round.0),
                checksum(plan)?.0
            ],
        )?;
        if rows == 1 {
            return Ok(self.sql.last_insert_rowid());
        }
        let key = format!("nonce {} or {:?} of {}", plan.nonce, plan.key, plan.signer);
        Err(StoreError::Conflict { what: "transaction", key })
    }

    /// Adds a signed attempt to an open row.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when the row is not open, [`StoreError::NotFound`].
    pub fn sign_tx(&self, id: JournalId, attempt: &TxAttempt) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE txs SET state = CASE state WHEN 'planned' THEN 'signed' ELSE state END
             WHERE id = ?1 AND state IN ('planned', 'signed', 'broadcast')",
            [id],
        )?;
        self.tx_stepped(rows, id, "open")?;
        self.sql.execute(
            "INSERT INTO tx_attempts (tx, position, hash, raw, max_fee, priority_fee, cancels)
             VALUES (?1, (SELECT count(*) FROM tx_attempts WHERE tx = ?1), ?2, ?3, ?4, ?5, ?6)",
            params![
                id,
                attempt.hash.0,
                attempt.raw.as_ref(),
                attempt.max_fee.to_be_bytes(),
                attempt.priority_fee.to_be_bytes(),
                attempt.cancels
            ],
        )?;
        Ok(())
    }

    /// Moves a signed row to `broadcast`; one that is there stays.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when the row is neither, [`StoreError::NotFound`].
    pub fn broadcast_tx(&self, id: JournalId) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE txs SET state = 'broadcast' WHERE id = ?1 AND state IN ('signed', 'broadcast')",
            [id],
        )?;
        self.tx_stepped(rows, id, "signed")
    }

    /// Notes the block of a row and its final state; a row that is final takes the block and state of another fork.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when the row is planned or failed, [`StoreError::NotFound`].
    pub fn mined_tx(&self, id: JournalId, to: TxState, mined: &Mined) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE txs SET state = ?2, mined_tx = ?3, mined_block = ?4, mined_hash = ?5, mined_gas = ?6
             WHERE id = ?1 AND state NOT IN ('planned', 'failed')",
            params![
                id,
                to.word(),
                mined.hash.0,
                signed("block", mined.block)?,
                mined.block_hash.0,
                signed("gas", mined.gas_used)?
            ],
        )?;
        self.tx_stepped(rows, id, "sent")
    }

    /// Brings a final row back to `broadcast`.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when the row is not mined, reverted or cancelled, [`StoreError::NotFound`].
    pub fn unmined_tx(&self, id: JournalId) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE txs SET state = 'broadcast', mined_tx = NULL, mined_block = NULL, mined_hash = NULL,
                            mined_gas = NULL
             WHERE id = ?1 AND state IN ('mined', 'reverted', 'cancelled')",
            [id],
        )?;
        self.tx_stepped(rows, id, "mined")
    }

    /// Ends an open row that will never be mined.
    ///
    /// # Errors
    /// [`StoreError::StateChanged`] when the row is not open, [`StoreError::NotFound`].
    pub fn fail_tx(&self, id: JournalId, reason: &str) -> Result<()> {
        let rows = self.sql.execute(
            "UPDATE txs SET state = 'failed', reason = ?2
             WHERE id = ?1 AND state IN ('planned', 'signed', 'broadcast')",
            params![id, reason],
        )?;
        self.tx_stepped(rows, id, "open")
    }

    /// One row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is not what was written.
    pub fn tx(&self, id: JournalId) -> Result<Option<TxRecord>> {
        Ok(self.txs("id = ?1", params![id])?.pop())
    }

    /// The rows of a round, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one is not what was written.
    pub fn txs_of_round(&self, round: B256) -> Result<Vec<TxRecord>> {
        self.txs("round = ?1", params![round.0])
    }

    /// The open rows of a signer, by nonce.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one is not what was written.
    pub fn open_txs(&self, signer: Address) -> Result<Vec<TxRecord>> {
        let open = "signer = ?1 AND state IN ('planned', 'signed', 'broadcast')";
        let mut rows = self.txs(open, params![signer.as_slice()])?;
        rows.sort_by_key(|row| row.plan.nonce);
        Ok(rows)
    }

    /// The rows of a signer that were mined in `block` or later, by nonce.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one is not what was written.
    pub fn txs_mined_since(&self, signer: Address, block: u64) -> Result<Vec<TxRecord>> {
        let sql = "signer = ?1 AND state IN ('mined', 'reverted', 'cancelled') AND mined_block >= ?2";
        let mut rows = self.txs(sql, params![signer.as_slice(), signed("block", block)?])?;
        rows.sort_by_key(|row| row.plan.nonce);
        Ok(rows)
    }

    /// The row of an idempotency key that did not fail.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is not what was written.
    pub fn tx_by_key(&self, signer: Address, key: &str) -> Result<Option<TxRecord>> {
        let sql = "signer = ?1 AND idempotency = ?2 AND state <> 'failed'";
        Ok(self.txs(sql, params![signer.as_slice(), key])?.pop())
    }

    /// Checks every open row against its checksum.
    pub(crate) fn check_txs(&self) -> Result<()> {
        self.txs("state IN ('planned', 'signed', 'broadcast')", params![]).map(drop)
    }

    fn txs(&self, condition: &str, values: impl rusqlite::Params) -> Result<Vec<TxRecord>> {
        let sql = format!("SELECT {COLUMNS} FROM txs WHERE {condition} ORDER BY id");
        let mut statement = self.sql.prepare(&sql)?;
        let rows = statement.query_map(values, |row| Ok((read_tx(row)?, hash(row, 16)?)))?;
        let rows: Vec<(TxRecord, B256)> = rows.collect::<rusqlite::Result<_>>()?;
        let checked = rows.into_iter().map(|(mut record, expected)| {
            if checksum(&record.plan)? != expected {
                let reason = format!("transaction {} fails its checksum", record.id);
                return Err(StoreError::Corrupt { reason });
            }
            record.attempts = self.attempts(record.id)?;
            Ok(record)
        });
        checked.collect()
    }

    /// Attempts of a row, oldest first; each must hash to its key.
    fn attempts(&self, id: JournalId) -> Result<Vec<TxAttempt>> {
        let mut statement = self.sql.prepare(
            "SELECT hash, raw, max_fee, priority_fee, cancels FROM tx_attempts WHERE tx = ?1 ORDER BY position",
        )?;
        let rows = statement.query_map([id], |row| {
            Ok(TxAttempt {
                hash: hash(row, 0)?,
                raw: row.get::<_, Vec<u8>>(1)?.into(),
                max_fee: u128::from_be_bytes(bytes(row, 2)?),
                priority_fee: u128::from_be_bytes(bytes(row, 3)?),
                cancels: row.get(4)?,
            })
        })?;
        let attempts: Vec<TxAttempt> = rows.collect::<rusqlite::Result<_>>()?;
        match attempts.iter().find(|attempt| keccak256(&attempt.raw) != attempt.hash) {
            Some(bad) => {
                Err(StoreError::Corrupt { reason: format!("attempt {} does not hash to its key", bad.hash) })
            }
            None => Ok(attempts),
        }
    }

    fn tx_stepped(&self, rows: usize, id: JournalId, expected: &str) -> Result<()> {
        if rows == 1 {
            return Ok(());
        }
        let found = self.tx(id)?.map(|record| record.state.word());
        Err(self.step_error("transaction", id.to_string(), expected, found))
    }
}

/// Over everything that a plan fixes.
fn checksum(plan: &TxPlan) -> Result<B256> {
    let mut bytes = plan.signer.to_vec();
    bytes.extend(plan.nonce.to_be_bytes());
    bytes.extend(plan.to);
    bytes.extend(plan.value.to_be_bytes::<32>());
    bytes.extend(plan.gas_limit.to_be_bytes());
    bytes.extend(plan.deadline.to_be_bytes());
    bytes.extend(plan.round.unwrap_or_default());
    for text in [plan.data.as_ref(), plan.purpose.as_bytes(), plan.key.as_bytes()] {
        let length = u64::try_from(text.len()).map_err(|_| StoreError::OutOfRange { what: "text" })?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(text);
    }
    Ok(keccak256(bytes))
}

fn read_tx(row: &Row<'_>) -> rusqlite::Result<TxRecord> {
    let mined = match optional_hash(row, 12)? {
        None => None,
        Some(mined_tx) => Some(Mined {
            hash: mined_tx,
            block: unsigned(row, 13)?,
            block_hash: hash(row, 14)?,
            gas_used: unsigned(row, 15)?,
        }),
    };
    Ok(TxRecord {
        id: row.get(0)?,
        state: state(row, 1)?,
        plan: TxPlan {
            signer: address(row, 2)?,
            nonce: unsigned(row, 3)?,
            to: address(row, 4)?,
            value: U256::from_be_bytes(bytes::<32>(row, 5)?),
            data: row.get::<_, Vec<u8>>(6)?.into(),
            gas_limit: unsigned(row, 7)?,
            deadline: unsigned(row, 8)?,
            purpose: row.get(9)?,
            key: row.get(10)?,
            round: optional_hash(row, 11)?,
        },
        attempts: Vec::new(),
        mined,
    })
}

impl TxJournal for Ledger {
    fn plan(&self, plan: &TxPlan) -> sotto_chain::Result<JournalId> {
        Ok(self.write(|unit| unit.plan_tx(plan))?)
    }

    fn sign(&self, id: JournalId, attempt: &TxAttempt) -> sotto_chain::Result<()> {
        Ok(self.write(|unit| unit.sign_tx(id, attempt))?)
    }

    fn broadcast(&self, id: JournalId) -> sotto_chain::Result<()> {
        Ok(self.write(|unit| unit.broadcast_tx(id))?)
    }

    fn mined(&self, id: JournalId, state: TxState, mined: &Mined) -> sotto_chain::Result<()> {
        Ok(self.write(|unit| unit.mined_tx(id, state, mined))?)
    }

    fn unmined(&self, id: JournalId) -> sotto_chain::Result<()> {
        Ok(self.write(|unit| unit.unmined_tx(id))?)
    }

    fn fail(&self, id: JournalId, reason: &str) -> sotto_chain::Result<()> {
        Ok(self.write(|unit| unit.fail_tx(id, reason))?)
    }

    fn open(&self, signer: Address) -> sotto_chain::Result<Vec<TxRecord>> {
        Ok(self.read(|unit| unit.open_txs(signer))?)
    }

    fn mined_since(&self, signer: Address, block: u64) -> sotto_chain::Result<Vec<TxRecord>> {
        Ok(self.read(|unit| unit.txs_mined_since(signer, block))?)
    }

    fn find(&self, signer: Address, key: &str) -> sotto_chain::Result<Option<TxRecord>> {
        Ok(self.read(|unit| unit.tx_by_key(signer, key))?)
    }
}
