//! `sotto deploy`: the contracts on a chain, and the manifest that every other command checks the chain against.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, keccak256};
use clap::Args;
use eyre::WrapErr as _;
use serde::Serialize;
use sotto_circuits::KeySet;
use sotto_contracts::{CoreDelays, CoreSettings, Deployment, Plan, Step, verification, verifier::Profile};
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
    /// The wrapped coin that intents may have paid out as coins; none if absent
    #[arg(long, value_name = "ADDRESS", default_value_t = Address::ZERO, hide_default_value = true)]
    wrapped_coin: Address,
    /// Distinguishes deployments of the same code and owner: the addresses follow from it
    #[arg(long, default_value = "sotto", value_name = "TEXT")]
    salt: String,
    /// Say what would be deployed and where, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Write what block explorers need to verify each contract into this directory
    #[arg(long, value_name = "DIRECTORY")]
    verification: Option<PathBuf>,
}

impl DeployArgs {
    /// Deploys verifier, registry, markets and auction house, checks them, and writes the manifest. Contracts that the
    /// chain has already are not created again, so an interrupted deployment is taken up.
    pub(crate) async fn run(self, output: OutputArgs) -> eyre::Result<()> {
        let config = self.config.load()?;
        let configured = config.contracts.as_ref().map(|contracts| contracts.deployment.clone());
        let out = self.out.clone().or(configured).unwrap_or_else(|| "deployment.json".into());
        if !self.dry_run {
            eyre::ensure!(!out.exists(), "{} exists; a deployment is never overwritten", out.display());
        }
        let key = self.key.open().await?;
        let pool = config.chain.connect().await?;
        let plan = Plan::core(self.settings(key.address())?)?;
        let missing = plan.missing(&pool.provider()).await?;
        if let Some(directory) = &self.verification {
            write_verification(directory, &plan)?;
        }
        if self.dry_run {
            return output.print(&Planned { contracts: plan.steps().to_vec(), missing });
        }
        let deployment = plan.execute(&signing_provider(&pool, &key)).await?;
        if let Some(parent) = out.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&out, serde_json::to_string_pretty(&deployment)?)
            .wrap_err_with(|| format!("{} cannot be written", out.display()))?;
        output.print(&Report { manifest: out, deployment })
    }

    fn settings(&self, deployer: Address) -> eyre::Result<CoreSettings> {
        Ok(CoreSettings {
            owner: self.owner.unwrap_or(deployer),
            binder: deployer,
            permit2: PERMIT2,
            wrapped_coin: self.wrapped_coin,
            key_set_root: KeySet::committed()?.root(),
            delays: CoreDelays {
                activation_blocks: self.activation_blocks,
                withdrawal_blocks: self.withdrawal_blocks,
                key_set_seconds: self.key_set_seconds,
            },
            profile: Profile::Fast,
            salt: keccak256(&self.salt),
        })
    }
}

/// One file a contract, named after it.
fn write_verification(directory: &Path, plan: &Plan) -> eyre::Result<()> {
    fs::create_dir_all(directory)?;
    for step in plan.steps() {
        let text = serde_json::to_string_pretty(&verification(step)?)?;
        fs::write(directory.join(format!("{}.json", step.name)), text)?;
    }
    Ok(())
}

/// What a dry run tells.
#[derive(Debug, Serialize)]
struct Planned {
    contracts: Vec<Step>,
    /// Names of those that the chain does not have.
    missing: Vec<String>,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.contracts.iter().enumerate() {
            let state = if self.missing.contains(&step.name) { "to be created" } else { "there already" };
            let end = if i + 1 == self.contracts.len() { "" } else { "\n" };
            write!(f, "{:<20} {} {state}{end}", step.name, step.address)?;
        }
        Ok(())
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
