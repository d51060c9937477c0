//! Passwords of key files: from a file, the environment or the terminal, never from the command line.

use std::{
    env, fmt, fs,
    io::{self, BufRead, IsTerminal, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use zeroize::Zeroizing;

use crate::{ChainError, Result};

/// Largest password file read, bytes.
const MAX_FILE: u64 = 4096;

/// A password. `Debug` does not show it; it is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// Where a password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// The first line of a file that only its owner can read.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// Typed at the terminal, without echo.
    Prompt,
}

impl Password {
    /// A password from memory.
    pub fn new(password: String) -> Self {
        Self(Zeroizing::new(password))
    }

    /// Reads a password.
    ///
    /// # Errors
    /// [`ChainError::Password`] when the source is missing, empty, readable by others, or not a terminal.
    pub fn read(source: &PasswordSource) -> Result<Self> {
        let password = match source {
            PasswordSource::File(path) => from_file(path)?,
            PasswordSource::Env(name) => {
                let value =
                    env::var(name).map_err(|e| refused(format!("environment variable {name}: {e}")))?;
                Zeroizing::new(value)
            }
            PasswordSource::Prompt => prompt()?,
        };
        if password.is_empty() {
            return Err(refused("it is empty".into()));
        }
        Ok(Self(password))
    }

    /// The bytes, for decryption alone.
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn from_file(path: &PathBuf) -> Result<Zeroizing<String>> {
    let failed = |e: io::Error| refused(format!("{}: {e}", path.display()));
    let meta = fs::metadata(path).map_err(failed)?;
    if meta.len() > MAX_FILE {
        return Err(refused(format!("{} is larger than any password", path.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(refused(format!("others can read {}; set its mode to 600", path.display())));
        }
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// Asks at the terminal with echo turned off by `stty`, which also works without any terminal library.
fn prompt() -> Result<Zeroizing<String>> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(refused(
            "standard input is not a terminal; use a file or an environment variable".into(),
        ));
    }
    let mut stderr = io::stderr();
    let asked = write!(stderr, "Password: ").and_then(|()| stderr.flush());
    asked.map_err(|e| refused(e.to_string()))?;
    if !echo("-echo") {
        return Err(refused("the terminal's echo cannot be turned off".into()));
    }
    let mut line = Zeroizing::new(String::new());
    let read = stdin.lock().read_line(&mut line);
    echo("echo");
    let _ = writeln!(stderr);
    read.map_err(|e| refused(e.to_string()))?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn echo(setting: &str) -> bool {
    let status = Command::new("stty").arg(setting).stdin(Stdio::inherit()).status();
    status.is_ok_and(|status| status.success())
}

fn refused(reason: String) -> ChainError {
    ChainError::Password { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: K4
    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(format!("{:?}", Password::new("hunter2".into())), "Password");
    }

    // covers: P17
    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        fs::write(&path, "hunter2\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let source = PasswordSource::File(path.clone());
        assert!(matches!(Password::read(&source), Err(ChainError::Password { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(Password::read(&source).unwrap().expose(), b"hunter2");
    }
}
