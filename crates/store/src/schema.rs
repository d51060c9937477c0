//! The tables, and the steps from one schema version to the next.

use rusqlite::{Connection, TransactionBehavior};

use crate::{Result, StoreError};

/// Marks a database file as ours: the bytes "sott".
pub(crate) const APPLICATION_ID: i32 = 0x736f_7474;

/// The steps: entry `i` leads from version `i` to `i + 1`. Published steps never change; a change is a new step.
const MIGRATIONS: &[&str] = &[include_str!("schema_v1.sql")];

/// The newest schema version that this program knows.
pub const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// Brings a database to the newest version, each step in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection, path: &str) -> Result<()> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (found != 0 || tables != 0) {
        return Err(StoreError::NotALedger { path: path.to_owned() });
    }
    if found > SCHEMA_VERSION {
        return Err(StoreError::NewerSchema { found, known: SCHEMA_VERSION });
    }
    for (version, step) in (1..=SCHEMA_VERSION).zip(MIGRATIONS).skip(found as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
        tracing::info!(version, "ledger schema");
    }
    Ok(())
}
