//! `sotto keys`: encrypted keys. A key is never an argument, and never printed.

use std::{
    fmt, fs,
    io::{self, Read as _},
    path::PathBuf,
};

use alloy::primitives::Address;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use sotto_chain::SignerKey;
use zeroize::Zeroizing;

use crate::args::{OutputArgs, PasswordArgs};

/// Most bytes that are read of a key on standard input.
const MAX_KEY_BYTES: u64 = 256;

/// Make, import and list encrypted keys (Web3 Secret Storage v3).
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key and encrypt it; it also serves as the secret of a strategy
    New(NewArgs),
    /// Encrypt a key that is read from standard input, as 64 hexadecimal digits
    Import(NewArgs),
    /// List the key files of a directory by address; nothing is decrypted
    List(DirectoryArgs),
}

/// Where a new key goes and what encrypts it.
#[derive(Args, Debug)]
pub(crate) struct NewArgs {
    #[command(flatten)]
    directory: DirectoryArgs,
    #[command(flatten)]
    password: PasswordArgs,
}

/// A directory of key files.
#[derive(Args, Debug)]
pub(crate) struct DirectoryArgs {
    /// Directory of the key files, each named after its address
    #[arg(long, env = "SOTTO_KEYS", default_value = ".sotto/keys", value_name = "DIRECTORY")]
    dir: PathBuf,
}

impl KeysCommand {
    /// Runs the command.
    pub(crate) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        match self {
            Self::New(args) => {
                let key = SignerKey::create(&args.directory.dir, &args.password.read()?)?;
                output.print(&KeyLine::of(&key))
            }
            Self::Import(args) => {
                let secret = read_secret()?;
                let key = SignerKey::import(&args.directory.dir, &args.password.read()?, &secret)?;
                output.print(&KeyLine::of(&key))
            }
            Self::List(args) => output.print(&KeyList::read(&args)?),
        }
    }
}

fn read_secret() -> eyre::Result<Zeroizing<String>> {
    let mut secret = Zeroizing::new(String::new());
    io::stdin().take(MAX_KEY_BYTES).read_to_string(&mut secret)?;
    Ok(secret)
}

#[derive(Debug, Serialize)]
struct KeyLine {
    address: Address,
    path: PathBuf,
}

impl KeyLine {
    fn of(key: &SignerKey) -> Self {
        Self { address: key.address(), path: key.path().to_owned() }
    }
}

impl fmt::Display for KeyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.address, self.path.display())
    }
}

#[derive(Debug, Serialize)]
struct KeyList {
    keys: Vec<KeyLine>,
}

/// The part of a key file that is not encrypted.
#[derive(Deserialize)]
struct Header {
    address: Address,
}

impl KeyList {
    fn read(args: &DirectoryArgs) -> eyre::Result<Self> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(&args.dir)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            if let Ok(header) = serde_json::from_str::<Header>(&fs::read_to_string(&path)?) {
                keys.push(KeyLine { address: header.address, path });
            }
        }
        keys.sort_by_key(|key| key.address);
        Ok(Self { keys })
    }
}

impl fmt::Display for KeyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.keys.iter().enumerate() {
            write!(f, "{}{key}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
