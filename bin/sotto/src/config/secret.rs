//! References to secrets. The configuration says where a secret is; the secret itself is never part of it.

use std::{
    env, fmt, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize, de};
use zeroize::Zeroizing;

use super::ConfigError;

/// Permission bits that give users other than the owner and the group access.
const OTHERS: u32 = 0o007;

/// Where a secret is: `env:NAME` or `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file that other users may not read; a newline at its end is no part of the secret.
    File(PathBuf),
}

impl SecretRef {
    /// Reads the secret. `key` names the configuration key in errors.
    pub(crate) fn read(&self, key: &str) -> Result<Zeroizing<String>, ConfigError> {
        match self {
            Self::Env(name) => env::var(name)
                .map(Zeroizing::new)
                .map_err(|_| ConfigError::NoVariable { key: key.to_owned(), name: name.clone() }),
            Self::File(path) => read_file(key, path),
        }
    }
}

fn read_file(key: &str, path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let unreadable =
        |source| ConfigError::NoSecretFile { key: key.to_owned(), path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(ConfigError::ExposedSecretFile { key: key.to_owned(), path: path.to_owned(), mode });
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

impl FromStr for SecretRef {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            // the text is not repeated: it may be the secret itself
            _ => Err("a secret is written as env:NAME or file:PATH"),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for SecretRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_with_mode(mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "correct horse\n").unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn a_private_file_gives_its_first_line() {
        for mode in [0o400, 0o600, 0o640] {
            let file = file_with_mode(mode);
            let secret = SecretRef::File(file.path().to_owned()).read("k").unwrap();
            assert_eq!(secret.as_str(), "correct horse");
        }
    }

    // covers: P17
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let file = file_with_mode(0o644);
        let error = SecretRef::File(file.path().to_owned()).read("gateway.keystore.password").unwrap_err();
        assert!(error.to_string().starts_with("gateway.keystore.password: "), "{error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn an_unset_variable_is_named() {
        let error = SecretRef::Env("SOTTO_TEST_UNSET".to_owned()).read("k").unwrap_err();
        assert_eq!(error.to_string(), "k: the environment variable SOTTO_TEST_UNSET is not set");
    }

    #[test]
    fn only_the_two_forms_are_accepted() {
        assert_eq!("env:A".parse(), Ok(SecretRef::Env("A".to_owned())));
        assert_eq!("file:/a:b".parse(), Ok(SecretRef::File("/a:b".into())));
        for text in ["", "A", "env:", "file:", "vault:x", "ENV:A"] {
            assert!(text.parse::<SecretRef>().is_err(), "{text}");
        }
    }
}
