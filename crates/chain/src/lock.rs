//! Exclusive use of a key within a data directory.

use std::{
    fs::{File, TryLockError, create_dir_all},
    path::{Path, PathBuf},
};

use alloy::primitives::Address;

use crate::{ChainError, Result};

/// A lock on a signer key, held by one process at a time. The operating system releases it when the process ends, however
/// it ends. It protects within one data directory; the same key on another host is noticed only when the chain shows a
/// nonce that is not ours ([`ChainError::ForeignNonce`]).
#[derive(Debug)]
pub struct KeyLock {
    address: Address,
    path: PathBuf,
    file: File,
}

impl KeyLock {
    /// Takes the lock `locks/<address>.lock` in a data directory, creating what is missing.
    ///
    /// # Errors
    /// [`ChainError::KeyInUse`] when another process has it, [`ChainError::File`].
    pub fn acquire(datadir: &Path, address: Address) -> Result<Self> {
        let dir = datadir.join("locks");
        create_dir_all(&dir).map_err(|e| ChainError::file(&dir, &e))?;
        let path = dir.join(format!("{address:#x}.lock"));
        let open = File::options().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|e| ChainError::file(&path, &e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { address, path, file }),
            Err(TryLockError::WouldBlock) => Err(ChainError::KeyInUse { address }),
            Err(TryLockError::Error(e)) => Err(ChainError::file(&path, &e)),
        }
    }

    /// The key that is locked.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Released explicitly: a child process that is just being started holds a copy of the descriptor until it runs its own
/// program.
impl Drop for KeyLock {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: P10 T12
    #[test]
    fn a_key_is_held_once() {
        let dir = tempfile::tempdir().unwrap();
        let address = Address::repeat_byte(7);
        let lock = KeyLock::acquire(dir.path(), address).unwrap();
        let second = KeyLock::acquire(dir.path(), address);
        assert!(matches!(second, Err(ChainError::KeyInUse { address: a }) if a == address));
        assert!(KeyLock::acquire(dir.path(), Address::repeat_byte(8)).is_ok());
        drop(lock);
        assert!(KeyLock::acquire(dir.path(), address).is_ok());
    }
}
