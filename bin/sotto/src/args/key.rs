//! Which key signs, and where its password is. Neither a key nor a password is ever an argument.

use std::path::PathBuf;

use alloy::{
    network::EthereumWallet,
    providers::{DynProvider, Provider as _, ProviderBuilder},
};
use clap::Args;
use sotto_chain::{Password, PasswordSource, ProviderPool, SignerKey};

/// Where a password is; it is asked for at the terminal when nothing is said.
#[derive(Args, Clone, Debug)]
pub(crate) struct PasswordArgs {
    /// File with the password in its first line; only its owner may read it
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    password_file: Option<PathBuf>,
    /// Environment variable with the password
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
}

impl PasswordArgs {
    /// Reads the password.
    pub(crate) fn read(&self) -> eyre::Result<Password> {
        let source = match (&self.password_file, &self.password_env) {
            (Some(path), _) => PasswordSource::File(path.clone()),
            (None, Some(name)) => PasswordSource::Env(name.clone()),
            (None, None) => PasswordSource::Prompt,
        };
        Ok(Password::read(&source)?)
    }
}

/// The key that signs a command's transactions.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyArgs {
    /// Key file (Web3 Secret Storage v3), as `sotto keys new` makes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    password: PasswordArgs,
}

impl KeyArgs {
    /// Where its password is.
    pub(crate) fn password(&self) -> &PasswordArgs {
        &self.password
    }

    /// Decrypts the key, which takes about a second.
    pub(crate) async fn open(&self) -> eyre::Result<SignerKey> {
        let (path, password) = (self.key.clone(), self.password.read()?);
        Ok(tokio::task::spawn_blocking(move || SignerKey::open(&path, &password)).await??)
    }
}

/// A provider that signs with `key` and calls through the pool.
pub(crate) fn signing_provider(pool: &ProviderPool, key: &SignerKey) -> DynProvider {
    let wallet = EthereumWallet::from(key.signer().clone());
    ProviderBuilder::new().wallet(wallet).connect_provider(pool.provider()).erased()
}
