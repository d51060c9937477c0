//! `sotto strategy compile`: from a directory and a secret to the commitment that is registered.

use std::{fmt, path::PathBuf};

use alloy::primitives::{Address, B256};
use clap::Args;
use serde::Serialize;
use sotto_chain::SignerKey;
use sotto_circuits::{model_commitment, strategy_id};
use sotto_model::Strategy;
use sotto_types::Digest;

use super::check;
use crate::{
    args::{OutputArgs, PasswordArgs},
    salt::model_salt,
};

/// A strategy and the secret that hides its model.
#[derive(Args, Debug)]
pub(crate) struct CompileArgs {
    #[command(flatten)]
    pub(super) secret: SecretArgs,
    /// Owner, to whom the strategy's id is bound
    #[arg(long, value_name = "ADDRESS")]
    owner: Address,
    #[command(flatten)]
    password: PasswordArgs,
}

/// A strategy's directory and secret.
#[derive(Args, Debug)]
pub(crate) struct SecretArgs {
    /// Directory with strategy.toml and the model
    pub(super) directory: PathBuf,
    /// The strategy's secret: a key file of its own, made by `sotto keys new`. Without it the strategy can never bid
    /// again, so keep a copy
    #[arg(long, value_name = "FILE")]
    pub(super) secret: PathBuf,
}

/// What is registered of a strategy.
pub(super) struct Compiled {
    pub(super) strategy: Strategy,
    pub(super) commitment: Digest,
}

impl SecretArgs {
    /// Loads the strategy, decrypts the secret and commits to the model.
    pub(super) fn compile(&self, password: &PasswordArgs) -> eyre::Result<Compiled> {
        let strategy = check::load(&self.directory)?;
        let secret = SignerKey::open(&self.secret, &password.read()?)?;
        let salt = model_salt(&secret, strategy.manifest().model.keccak256);
        let commitment = model_commitment(strategy.model()?, &salt);
        Ok(Compiled { strategy, commitment })
    }
}

impl CompileArgs {
    pub(super) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let Compiled { strategy, commitment } = self.secret.compile(&self.password)?;
        let class = strategy.model()?.class();
        output.print(&Report {
            strategy: strategy.manifest().name.clone(),
            class: class.descriptor(),
            class_id: class.id(),
            model_commitment: commitment.to_word(),
            strategy_id: strategy_id(self.owner, class.id(), commitment).to_word(),
        })
    }
}

#[derive(Debug, Serialize)]
struct Report {
    strategy: String,
    class: String,
    class_id: u32,
    model_commitment: B256,
    strategy_id: B256,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} (class {:#010x})", self.strategy, self.class, self.class_id)?;
        writeln!(f, "model commitment  {}", self.model_commitment)?;
        write!(f, "strategy id       {}", self.strategy_id)
    }
}
