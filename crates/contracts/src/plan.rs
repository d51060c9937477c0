//! Deployments at addresses that are known beforehand: every contract is created through the canonical CREATE2 deployer, so
//! its address follows from its code, its constructor's arguments and a salt, on every chain alike.

use std::collections::BTreeMap;

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, address, keccak256},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol_types::SolValue,
};
use serde::Serialize;
use sotto_types::Digest;

use crate::{
    CoreDelays, DeployError, Deployment, IStrategyRegistry, artifact,
    bindings::StrategyRegistryAdmin,
    deploy::{node, send},
    verifier::Profile,
};

/// The canonical CREATE2 deployer (github.com/Arachnid/deterministic-deployment-proxy); most chains and anvil have it.
pub const CREATE2_DEPLOYER: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");

/// What a core deployment is made from. The same settings give the same addresses on every chain.
#[derive(Clone, Copy, Debug)]
pub struct CoreSettings {
    /// Owner of markets, key set and protocol share.
    pub owner: Address,
    /// Who names the auction house to the registry: the key that deploys.
    pub binder: Address,
    /// Permit2.
    pub permit2: Address,
    /// The wrapped coin that intents may have paid out as coins; zero for none.
    pub wrapped_coin: Address,
    /// Root of the allowed circuits.
    pub key_set_root: Digest,
    /// Delays.
    pub delays: CoreDelays,
    /// Verifier.
    pub profile: Profile,
    /// Distinguishes deployments of the same settings.
    pub salt: B256,
}

/// One contract to create.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// Name in the manifest.
    pub name: String,
    /// Contract, as its source names it.
    pub contract: String,
    /// Where it will be.
    pub address: Address,
    /// ABI-encoded arguments of its constructor.
    pub arguments: Bytes,
    /// Creation code with the arguments.
    #[serde(skip)]
    pub code: Bytes,
}

/// A deployment that can be looked at before it is made, and taken up again after it was interrupted.
#[derive(Clone, Debug)]
pub struct Plan {
    settings: CoreSettings,
    steps: Vec<Step>,
}

impl Plan {
    /// Plans verifier, registry, markets, auction house and the contract of proven quotes.
    ///
    /// # Errors
    /// When an embedded artifact is unusable.
    pub fn core(settings: CoreSettings) -> Result<Self, DeployError> {
        let mut plan = Self { settings, steps: Vec::new() };
        let CoreSettings { owner, binder, permit2, wrapped_coin, delays, .. } = settings;
        let [identity, verifier] = settings.profile.contracts();
        let identity = plan.add("verifier-identity", identity, Vec::new())?;
        let verifier = plan.add("verifier", verifier, identity.abi_encode())?;
        let arguments = (delays.activation_blocks, delays.withdrawal_blocks, binder).abi_encode_params();
        let registry = plan.add("registry", "StrategyRegistry", arguments)?;
        let markets = plan.add("markets", "Markets", owner.abi_encode())?;
        let root = settings.key_set_root.to_word();
        let arguments =
            (owner, markets, registry, verifier, permit2, wrapped_coin, root, delays.key_set_seconds)
                .abi_encode_params();
        let house = plan.add("auction-house", "AuctionHouse", arguments)?;
        plan.add("proven-quotes", "ProvenQuotes", house.abi_encode())?;
        Ok(plan)
    }

    fn add(&mut self, name: &str, contract: &str, arguments: Vec<u8>) -> Result<Address, DeployError> {
        let code = artifact(contract)?.creation_code(&[], &arguments)?;
        let address = CREATE2_DEPLOYER.create2(self.settings.salt, keccak256(&code));
        let (name, contract) = (name.to_owned(), contract.to_owned());
        self.steps.push(Step { name, contract, address, arguments: arguments.into(), code });
        Ok(address)
    }

    /// The contracts in the order in which they are created.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Names of the contracts that the chain does not have yet.
    ///
    /// # Errors
    /// When the chain lacks the CREATE2 deployer or Permit2, or the node does not answer.
    pub async fn missing<P: Provider>(&self, provider: &P) -> Result<Vec<String>, DeployError> {
        for (name, address) in [("CREATE2 deployer", CREATE2_DEPLOYER), ("Permit2", self.settings.permit2)] {
            if !has_code(provider, address).await? {
                return Err(DeployError::Prerequisite { name, address });
            }
        }
        let mut missing = Vec::new();
        for step in &self.steps {
            if !has_code(provider, step.address).await? {
                missing.push(step.name.clone());
            }
        }
        Ok(missing)
    }

    /// Creates what is missing and binds the registry. Side effect: at most one transaction a contract and one more, of
    /// the wallet of `binder`.
    ///
    /// # Errors
    /// When a prerequisite is missing, a transaction fails, or the chain holds something else afterwards.
    pub async fn execute<P: Provider>(&self, provider: &P) -> Result<Deployment, DeployError> {
        let chain_id = provider.get_chain_id().await.map_err(|e| node("chain id")(&e))?;
        let from_block = provider.get_block_number().await.map_err(|e| node("block number")(&e))?;
        let missing = self.missing(provider).await?;
        for step in self.steps.iter().filter(|step| missing.contains(&step.name)) {
            let input = [self.settings.salt.as_slice(), &step.code].concat();
            let request = TransactionRequest::default().with_to(CREATE2_DEPLOYER).with_input(input);
            send(provider, &step.name, request).await?;
        }
        self.bind(provider).await?;
        let root = self.settings.key_set_root.to_word();
        let deployment = Deployment::of(provider, chain_id, from_block, root, self.addresses()).await?;
        deployment.check(provider).await?;
        Ok(deployment)
    }

    /// Every contract of the manifest.
    fn addresses(&self) -> BTreeMap<String, Address> {
        let mut addresses: BTreeMap<_, _> =
            self.steps.iter().map(|step| (step.name.clone(), step.address)).collect();
        addresses.insert("permit2".into(), self.settings.permit2);
        if let Some(house) = addresses.get("auction-house").copied() {
            // the house creates its other half in its constructor, as its first creation
            addresses.insert("auction-end".into(), house.create(1));
        }
        addresses
    }

    async fn bind<P: Provider>(&self, provider: &P) -> Result<(), DeployError> {
        let addresses = self.addresses();
        let of = |name: &str| addresses.get(name).copied().unwrap_or_default();
        let (registry, house) = (of("registry"), of("auction-house"));
        let bound = IStrategyRegistry::new(registry, provider).auctionHouse().call().await;
        let bound = bound.map_err(|e| node("the registry's auction house")(&e))?;
        if bound == house {
            return Ok(());
        }
        let bind = StrategyRegistryAdmin::bindAuctionHouseCall { auctionHouse: house };
        let request = TransactionRequest::default().with_to(registry).with_call(&bind);
        send(provider, "binding the registry", request).await.map(|_| ())
    }
}

async fn has_code<P: Provider>(provider: &P, address: Address) -> Result<bool, DeployError> {
    let code = provider.get_code_at(address).await.map_err(|e| node("code")(&e))?;
    Ok(!code.is_empty())
}
