//! `sotto strategy register|activate|retire`: a strategy's life in the registry.

use std::fmt;

use alloy::primitives::{Address, B256, U256};
use clap::Args;
use eyre::OptionExt as _;
use serde::Serialize;
use sotto_contracts::{Deployment, strategy};
use sotto_types::Digest;

use super::compile::{Compiled, SecretArgs};
use crate::args::{ConfigArgs, KeyArgs, OutputArgs, PasswordArgs, signing_provider};

/// The owner's key and the chain.
#[derive(Args, Debug)]
pub(crate) struct OwnerArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    key: KeyArgs,
}

/// What to register.
#[derive(Args, Debug)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    secret: SecretArgs,
    /// Market to bid in
    #[arg(long, value_name = "ID")]
    market: B256,
    /// Contract that delivers for the strategy; it has to accept it
    #[arg(long, value_name = "ADDRESS")]
    executor: Address,
    /// A key that may commit besides the owner's
    #[arg(long, value_name = "ADDRESS", default_value_t = Address::ZERO, hide_default_value = true)]
    operator: Address,
    /// Bond in wei, sent along
    #[arg(long, value_name = "WEI")]
    bond: U256,
    #[command(flatten)]
    owner: OwnerArgs,
}

/// A registered strategy.
#[derive(Args, Debug)]
pub(crate) struct IdArgs {
    /// The strategy's id
    strategy_id: B256,
    #[command(flatten)]
    owner: OwnerArgs,
}

/// A connection that signs, and where the registry is.
struct Session {
    provider: alloy::providers::DynProvider,
    owner: Address,
    deployment: Deployment,
}

impl OwnerArgs {
    async fn open(&self) -> eyre::Result<Session> {
        let config = self.config.load()?;
        let contracts =
            config.contracts.as_ref().ok_or_eyre("the configuration has no [contracts] section")?;
        let deployment = contracts.read()?;
        let key = self.key.open().await?;
        let pool = config.chain.connect().await?;
        deployment.check(&pool.provider()).await?;
        Ok(Session { provider: signing_provider(&pool, &key), owner: key.address(), deployment })
    }

    fn password(&self) -> &PasswordArgs {
        self.key.password()
    }
}

impl RegisterArgs {
    pub(super) async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let Compiled { strategy: compiled, commitment } = self.secret.compile(self.owner.password())?;
        let session = self.owner.open().await?;
        let policy = compiled.program().policy();
        let registration = strategy::Registration {
            market: self.market,
            class_id: compiled.program().shape().id(),
            model_commitment: commitment,
            executor: self.executor,
            operator: self.operator,
            quotes: (policy.min_quote, policy.max_quote),
            bond: self.bond,
        };
        let registry = session.deployment.registry();
        let id = strategy::register(&session.provider, registry, session.owner, &registration).await?;
        output.print(&Done { done: "registered", strategy_id: id.to_word(), owner: session.owner })
    }
}

impl IdArgs {
    pub(super) async fn activate(self, output: OutputArgs) -> eyre::Result<()> {
        let (session, id) = (self.owner.open().await?, Digest::try_from(self.strategy_id)?);
        strategy::activate(&session.provider, session.deployment.registry(), session.owner, id).await?;
        output.print(&Done { done: "activated", strategy_id: self.strategy_id, owner: session.owner })
    }

    pub(super) async fn retire(self, output: OutputArgs) -> eyre::Result<()> {
        let (session, id) = (self.owner.open().await?, Digest::try_from(self.strategy_id)?);
        strategy::retire(&session.provider, session.deployment.registry(), session.owner, id).await?;
        output.print(&Done { done: "retired", strategy_id: self.strategy_id, owner: session.owner })
    }
}

#[derive(Debug, Serialize)]
struct Done {
    done: &'static str,
    strategy_id: B256,
    owner: Address,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, owner {}", self.done, self.strategy_id, self.owner)
    }
}
