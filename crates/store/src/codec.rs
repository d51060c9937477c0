//! Columns: fixed-width values as big-endian blobs, states as words.

use alloy_primitives::{Address, B256};
use rusqlite::{Row, types::Type};

use crate::{Result, StoreError};

/// A state that is stored as a word, so that the tables can be read by people.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// Every state with its word.
    const WORDS: &'static [(Self, &'static str)];

    /// The word of a state.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }
}

/// Declares the words of a state enum.
macro_rules! words {
    ($name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl crate::codec::Word for $name {
            const WORDS: &'static [(Self, &'static str)] = &[$(($name::$variant, $word)),+];
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(crate::codec::Word::word(*self))
            }
        }
    };
}
pub(crate) use words;

fn bad(column: usize, reason: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, reason.into())
}

/// A fixed-width blob.
pub(crate) fn bytes<const N: usize>(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; N]> {
    let blob = row.get_ref(column)?.as_blob()?;
    blob.try_into().map_err(|_| bad(column, "a blob of the wrong length"))
}

pub(crate) fn hash(row: &Row<'_>, column: usize) -> rusqlite::Result<B256> {
    bytes(row, column).map(B256::new)
}

pub(crate) fn optional_hash(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<B256>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => hash(row, column).map(Some),
    }
}

pub(crate) fn address(row: &Row<'_>, column: usize) -> rusqlite::Result<Address> {
    bytes(row, column).map(Address::new)
}

/// A number that is never negative.
pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| bad(column, "a negative number"))
}

pub(crate) fn state<S: Word>(row: &Row<'_>, column: usize) -> rusqlite::Result<S> {
    let word = row.get_ref(column)?.as_str()?;
    let found = S::WORDS.iter().find(|(_, known)| *known == word);
    found.map(|(state, _)| *state).ok_or_else(|| bad(column, "an unknown state"))
}

/// A number as SQLite keeps it.
pub(crate) fn signed(what: &'static str, number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| StoreError::OutOfRange { what })
}
