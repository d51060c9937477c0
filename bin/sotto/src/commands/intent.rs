//! `sotto intent`: what a trader does at a gateway.

use std::{fmt, fs, path::PathBuf};

use alloy::{primitives::B256, signers::SignerSync as _};
use clap::{Args, Subcommand};
use eyre::{OptionExt as _, WrapErr as _, ensure};
use serde::Serialize;
use sotto_api::wire::IntentRequest;
use sotto_auction::{AuctionId, gateway::cancel_digest};
use sotto_types::{Intent, permit_digest};

use crate::{
    args::{ConfigArgs, GatewayUrlArgs, KeyArgs, OutputArgs},
    output::Answer,
};

/// Send, follow and cancel intents.
#[derive(Debug, Subcommand)]
pub(crate) enum IntentCommand {
    /// Sign an intent as its owner and send it
    Send(SendArgs),
    /// Show what became of an intent
    Show(ShowArgs),
    /// Withdraw an intent that waits; only this gateway is told, the Permit2 nonce stays valid
    Cancel(CancelArgs),
}

/// The signer and the auction.
#[derive(Args, Debug)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    gateway: GatewayUrlArgs,
}

/// An intent to send.
#[derive(Args, Debug)]
pub(crate) struct SendArgs {
    /// The intent as JSON: the fields of the EIP-712 struct, 256-bit numbers as strings
    file: PathBuf,
    #[command(flatten)]
    sign: SignArgs,
}

/// An intent to look at.
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// Its hash
    hash: B256,
    #[command(flatten)]
    gateway: GatewayUrlArgs,
}

/// An intent to withdraw.
#[derive(Args, Debug)]
pub(crate) struct CancelArgs {
    /// Its hash
    hash: B256,
    #[command(flatten)]
    sign: SignArgs,
}

impl IntentCommand {
    /// Runs the command.
    pub(crate) async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        match self {
            Self::Send(args) => args.run(output).await,
            Self::Show(args) => output.print(&Answer(args.gateway.connect().await?.intent(args.hash).await?)),
            Self::Cancel(args) => args.run(output).await,
        }
    }
}

impl SignArgs {
    fn auction(&self) -> eyre::Result<AuctionId> {
        let config = self.config.load()?;
        let contracts = config.contracts.ok_or_eyre("the configuration has no [contracts] section")?;
        Ok(AuctionId { chain_id: config.chain.id, auction_house: contracts.read()?.auction_house() })
    }
}

impl SendArgs {
    async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let text = fs::read_to_string(&self.file)
            .wrap_err_with(|| format!("{} cannot be read", self.file.display()))?;
        let request: IntentRequest =
            serde_json::from_str(&text).wrap_err_with(|| format!("{} is no intent", self.file.display()))?;
        let intent = Intent::from(request);
        let (auction, key) = (self.sign.auction()?, self.sign.key.open().await?);
        ensure!(key.address() == intent.owner, "the key is {}, the owner is {}", key.address(), intent.owner);
        let digest = permit_digest(&intent, auction.chain_id, auction.auction_house);
        let signature = key.signer().sign_hash_sync(&digest)?.as_bytes().into();
        let intent_hash = self.sign.gateway.connect().await?.send_intent(&intent, signature).await?;
        output.print(&Done { done: "sent", intent_hash })
    }
}

impl CancelArgs {
    async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let (auction, key) = (self.sign.auction()?, self.sign.key.open().await?);
        let signature = key.signer().sign_hash_sync(&cancel_digest(&auction, self.hash))?.as_bytes().into();
        self.sign.gateway.connect().await?.cancel_intent(self.hash, Some(signature)).await?;
        output.print(&Done { done: "cancelled", intent_hash: self.hash })
    }
}

#[derive(Debug, Serialize)]
struct Done {
    done: &'static str,
    intent_hash: B256,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.done, self.intent_hash)
    }
}
