//! Why a configuration is refused. No message repeats a value that may be a secret.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Why a configuration is refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ConfigError {
    /// The file could not be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The text is not TOML.
    #[error("not TOML: {reason}")]
    Syntax {
        /// The parser's reason, with line and column where it knows them.
        reason: String,
    },
    /// A key is unknown, missing, or holds a value that it cannot hold.
    #[error("{key}: {reason}")]
    Key {
        /// Path of the key, e.g. `solver.limits.max-notional`.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// One of the above, in a file.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        #[source]
        source: Box<ConfigError>,
    },
    /// A secret is an environment variable that is not set.
    #[error("{key}: the environment variable {name} is not set")]
    NoVariable {
        /// Path of the key.
        key: String,
        /// The variable.
        name: String,
    },
    /// A secret is in a file that cannot be read.
    #[error("{key}: {} cannot be read", path.display())]
    NoSecretFile {
        /// Path of the key.
        key: String,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A secret is in a file that every user of the machine may read.
    #[error("{key}: {} is open to other users (mode {mode:o}); run: chmod 600 {}", path.display(), path.display())]
    ExposedSecretFile {
        /// Path of the key.
        key: String,
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl ConfigError {
    /// A value that parses but cannot be used.
    pub(crate) fn invalid(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Key { key: key.into(), reason: reason.into() }
    }

    pub(super) fn syntax(source: &toml::de::Error) -> Self {
        Self::Syntax { reason: source.message().to_owned() }
    }

    /// The error of one key. Only the first line is kept: the rest quotes the file, which may hold a secret.
    pub(super) fn key(error: &serde_path_to_error::Error<toml::de::Error>) -> Self {
        let reason = error.inner().message().lines().next().unwrap_or_default().to_owned();
        Self::Key { key: error.path().to_string(), reason }
    }

    pub(super) fn in_file(self, path: &Path) -> Self {
        Self::File { path: path.to_owned(), source: Box::new(self) }
    }
}
