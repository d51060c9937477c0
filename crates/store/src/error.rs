//! What can go wrong with the ledger.

use alloy_primitives::B256;
use rusqlite::ErrorCode;
use sotto_chain::{ChainError, ErrorClass};
use thiserror::Error;

/// An error of the ledger.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process uses the data directory.
    #[error("{path} is in use by another process")]
    InUse {
        /// The lock file.
        path: String,
    },
    /// The ledger does not exist and may not be created: without it nothing protects against a second, different sheet.
    #[error("there is no ledger at {path}; create one only if these keys never signed a sheet elsewhere")]
    Absent {
        /// The database file.
        path: String,
    },
    /// The file is a database of something else.
    #[error("{path} is not a ledger of this program")]
    NotALedger {
        /// The database file.
        path: String,
    },
    /// A newer version wrote the ledger.
    #[error("the ledger has schema version {found}, this program knows {known}: upgrade the program")]
    NewerSchema {
        /// Version in the file.
        found: u32,
        /// Newest version known.
        known: u32,
    },
    /// The ledger is damaged.
    #[error("the ledger is damaged: {reason}; restore it from a backup, do not delete it")]
    Corrupt {
        /// What was found.
        reason: String,
    },
    /// No space is left on the device.
    #[error("no space left for the ledger")]
    DiskFull,
    /// The ledger cannot be written.
    #[error("the ledger cannot be written: {reason}")]
    ReadOnly {
        /// What the system said.
        reason: String,
    },
    /// Reading or writing failed in another way.
    #[error("the ledger failed: {reason}")]
    Io {
        /// What the system said.
        reason: String,
    },
    /// A step was tried from a state that the row is not in.
    #[error("{what} {key} is {found}, not {expected}")]
    StateChanged {
        /// Kind of row.
        what: &'static str,
        /// Its key.
        key: String,
        /// State that the step starts from.
        expected: String,
        /// State of the row.
        found: String,
    },
    /// There is no such row.
    #[error("there is no {what} {key}")]
    NotFound {
        /// Kind of row.
        what: &'static str,
        /// Its key.
        key: String,
    },
    /// A different sheet, or a different row of another kind with the same key, exists already.
    #[error("a different {what} exists for {key}")]
    Conflict {
        /// Kind of row.
        what: &'static str,
        /// Its key.
        key: String,
    },
    /// A second, different sheet for the same round and strategy: signing it is refused.
    #[error("strategy {strategy} has another sheet in round {round}: {protected}")]
    SecondSheet {
        /// The round.
        round: B256,
        /// The strategy.
        strategy: B256,
        /// Commitment that is protected.
        protected: B256,
    },
    /// A value does not fit its column.
    #[error("{what} does not fit the ledger")]
    OutOfRange {
        /// The value's name.
        what: &'static str,
    },
}

/// Result of this crate.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl StoreError {
    /// What the caller can do about it. Running out of space passes once there is space again; a ledger that is damaged,
    /// read-only or of another version must stop the process.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::DiskFull | Self::Io { .. } => ErrorClass::Retry,
            Self::StateChanged { .. }
            | Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::SecondSheet { .. }
            | Self::OutOfRange { .. } => ErrorClass::Permanent,
            _ => ErrorClass::Fatal,
        }
    }

    pub(crate) fn io(path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
        let reason = format!("{}: {error}", path.display());
        match error.kind() {
            StorageFull => Self::DiskFull,
            PermissionDenied | ReadOnlyFilesystem => Self::ReadOnly { reason },
            _ => Self::Io { reason },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly { reason }
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt { reason },
            Some(_) => Self::Io { reason },
            // A column that does not decode was not written by this program.
            None => Self::Corrupt { reason },
        }
    }
}

impl From<StoreError> for ChainError {
    fn from(error: StoreError) -> Self {
        Self::Journal { reason: error.to_string(), class: error.class() }
    }
}
