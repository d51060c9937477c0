//! The database file, its lock, and the units of work on it.

use std::{
    fmt,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::{Result, StoreError, schema};

/// Name of the database in the data directory.
const FILE: &str = "ledger.sqlite";
/// Name of the lock in the data directory.
const LOCK: &str = "ledger.lock";

/// What to do when there is no ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// Create an empty one.
    IfMissing,
    /// Refuse: keys exist, and only their ledger knows which sheets they committed to.
    Never,
}

/// The durable ledger of a process.
///
/// A clone shares the same connection, behind a mutex. Calls block on the disk (each write waits for `fsync`), so async code
/// calls them through `spawn_blocking` or a thread of its own; never hold a [`Unit`] over anything slow. The file holds the
/// salts of sheets and the blindings of slots in the clear, under mode 0600 in a directory of mode 0700: whoever can read it
/// can link this node's bids before they are opened.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    connection: Mutex<Connection>,
    path: PathBuf,
    /// Released after the connection is closed: fields are dropped in order.
    _lock: DirLock,
}

/// An exclusive lock on a data directory. It is released explicitly, for a child process that is just being started holds a
/// copy of the descriptor until it runs its own program.
struct DirLock(File);

impl Drop for DirLock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

/// Reads and writes within one transaction. Its methods are grouped by table in the modules of this crate.
#[derive(Debug)]
pub struct Unit<'a> {
    pub(crate) sql: &'a Connection,
}

impl Ledger {
    /// Opens the ledger in a data directory: takes the lock, checks the file, brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Absent`], [`StoreError::NotALedger`], [`StoreError::NewerSchema`],
    /// [`StoreError::Corrupt`], and those of the file system.
    pub fn open(datadir: &Path, create: Create) -> Result<Self> {
        let path = datadir.join(FILE);
        if create == Create::Never && !path.exists() {
            return Err(StoreError::Absent { path: path.display().to_string() });
        }
        make_private_dir(datadir)?;
        let lock = lock(&datadir.join(LOCK))?;
        make_private_file(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags)?;
        prepare(&connection)?;
        check(&connection)?;
        schema::migrate(&mut connection, &path.display().to_string())?;
        let inner = Inner { connection: Mutex::new(connection), path, _lock: lock };
        let ledger = Self { inner: Arc::new(inner) };
        ledger.read(|unit| {
            unit.check_sheets()?;
            unit.check_txs()
        })?;
        Ok(ledger)
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Runs a unit of work: durable as a whole when this returns `Ok`, undone as a whole otherwise.
    ///
    /// # Errors
    /// Those of the unit, and of the commit.
    pub fn write<T>(&self, work: impl FnOnce(&Unit<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.inner.connection.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&Unit { sql: &transaction })?;
        transaction.commit()?;
        Ok(value)
    }

    /// Runs reads on one consistent state. What it writes is undone.
    ///
    /// # Errors
    /// Those of the unit.
    pub fn read<T>(&self, work: impl FnOnce(&Unit<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.inner.connection.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
        work(&Unit { sql: &transaction })
    }
}

/// Write-ahead log, every commit synced, references enforced.
fn prepare(connection: &Connection) -> Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(())
}

fn check(connection: &Connection) -> Result<()> {
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError::Corrupt { reason: verdict }) }
}

fn lock(path: &Path) -> Result<DirLock> {
    let file = private(File::options().create(true).truncate(false).write(true)).open(path);
    let file = file.map_err(|e| StoreError::io(path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(DirLock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.display().to_string() }),
        Err(TryLockError::Error(e)) => Err(StoreError::io(path, &e)),
    }
}

fn make_private_dir(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|e| StoreError::io(path, &e))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(|e| StoreError::io(path, &e))?;
    }
    Ok(())
}

/// Creates the file with mode 0600 before SQLite sees it; its side files inherit the mode.
fn make_private_file(path: &Path) -> Result<()> {
    let file = private(File::options().create(true).truncate(false).write(true)).open(path);
    file.map(drop).map_err(|e| StoreError::io(path, &e))
}

fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600)
    }
    #[cfg(not(unix))]
    options
}

#[cfg(test)]
mod tests {
    use sotto_chain::ErrorClass;

    use super::*;

    fn note(ledger: &Ledger, n: u64) -> Result<()> {
        let subject = alloy_primitives::keccak256(n.to_be_bytes());
        ledger.write(|unit| unit.note_stage(subject, crate::Stage::Seen, n))
    }

    // covers: P7
    #[test]
    fn a_full_disk_is_typed_and_the_ledger_goes_on_when_there_is_space() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path(), Create::IfMissing).unwrap();
        let limit = |pages: u32| ledger.inner.connection.lock().pragma_update(None, "max_page_count", pages);
        // SQLite reports its own limit and ENOSPC with the same code.
        limit(1).unwrap();
        let mut stored = 0;
        let error = loop {
            match note(&ledger, stored) {
                Ok(()) => stored += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::DiskFull), "{error}");
        assert_eq!(error.class(), ErrorClass::Retry);
        limit(1_000_000).unwrap();
        note(&ledger, stored).unwrap();
        drop(ledger);
        let ledger = Ledger::open(dir.path(), Create::Never).unwrap();
        for n in 0..=stored {
            let subject = alloy_primitives::keccak256(n.to_be_bytes());
            assert_eq!(ledger.read(|unit| unit.stages(subject)).unwrap().len(), 1);
        }
    }

    // covers: P8
    #[test]
    fn a_ledger_that_cannot_be_written_is_a_fatal_typed_error() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path(), Create::IfMissing).unwrap();
        ledger.inner.connection.lock().pragma_update(None, "query_only", true).unwrap();
        let error = note(&ledger, 1).unwrap_err();
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
        assert_eq!(error.class(), ErrorClass::Fatal);
    }
}
