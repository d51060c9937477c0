//! `sotto deploy`: the contracts on a chain, and the manifest that every other command checks the chain against.

use std::{fmt, fs, path::PathBuf};

use alloy::{primitives::Address, providers::Provider as _};
use clap::Args;
use eyre::WrapErr as _;
use serde::Serialize;
use sotto_circuits::KeySet;
use sotto_contracts::{CoreDelays, Deployment, deploy_verifier};
use sotto_types::PERMIT2;

use crate::args::{ConfigArgs, KeyArgs, OutputArgs, signing_provider};

/// What to deploy, and for whom.
#[derive(Args, Debug)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    key: KeyArgs,
    /// Owner of markets and key set; the deploying key if absent
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<Address>,
    /// Where the manifest goes; the configuration's `contracts.deployment` if absent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Blocks from a strategy's activation to its first round
    #[arg(long, default_value_t = 50, value_name = "BLOCKS")]
    activation_blocks: u32,
    /// Blocks from the request to the withdrawal of a bond
    #[arg(long, default_value_t = 7200, value_name = "BLOCKS")]
    withdrawal_blocks: u32,
    /// Seconds from the proposal of a key-set root to its use
    #[arg(long, default_value_t = 604_800, value_name = "SECONDS")]
    key_set_seconds: u64,
}

impl DeployArgs {
    /// Deploys verifier, registry, markets and auction house, checks them, and writes the manifest.
    pub(crate) async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let config = self.config.load()?;
        let configured = config.contracts.as_ref().map(|contracts| contracts.deployment.clone());
        let out = self.out.clone().or(configured).unwrap_or_else(|| "deployment.json".into());
        eyre::ensure!(!out.exists(), "{} exists; a deployment is never overwritten", out.display());
        let key = self.key.open().await?;
        let pool = config.chain.connect().await?;
        let code = pool.provider().get_code_at(PERMIT2).await?;
        eyre::ensure!(!code.is_empty(), "the chain has no Permit2 at {PERMIT2}");
        let provider = signing_provider(&pool, &key);
        let verifier = deploy_verifier(&provider).await?;
        let delays = CoreDelays {
            activation_blocks: self.activation_blocks,
            withdrawal_blocks: self.withdrawal_blocks,
            key_set_seconds: self.key_set_seconds,
        };
        let (owner, root) = (self.owner.unwrap_or_else(|| key.address()), KeySet::committed()?.root());
        let deployment = Deployment::core(&provider, owner, verifier, PERMIT2, root, delays).await?;
        deployment.check(&provider).await?;
        if let Some(parent) = out.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&out, serde_json::to_string_pretty(&deployment)?)
            .wrap_err_with(|| format!("{} cannot be written", out.display()))?;
        output.print(&Report { manifest: out, deployment })
    }
}

#[derive(Debug, Serialize)]
struct Report {
    manifest: PathBuf,
    deployment: Deployment,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chain {}, from block {}", self.deployment.chain_id, self.deployment.from_block)?;
        for (name, contract) in &self.deployment.contracts {
            write!(f, "\n{name:<20} {}", contract.address)?;
        }
        write!(f, "\nwritten to {}; put it into the configuration:\n\n", self.manifest.display())?;
        write!(f, "[contracts]\ndeployment = \"{}\"", self.manifest.display())
    }
}
