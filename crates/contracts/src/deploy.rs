//! Deployment of the contracts, and the manifest that a daemon checks a chain against.

use std::collections::BTreeMap;

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, keccak256},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol_types::SolValue,
};
use serde::{Deserialize, Serialize};
use sotto_types::Digest;
use thiserror::Error;

use crate::{
    ArtifactError, ForeignError, IAuctionHouse, artifact, bindings::StrategyRegistryAdmin, verifier::Profile,
};

/// Why a deployment, or the check of one, failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeployError {
    /// An embedded artifact is unusable.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// Another project's contract could not be read.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    /// The node refused or did not answer.
    #[error("{what}: {reason}")]
    Node {
        /// What was asked of it.
        what: String,
        /// Its answer.
        reason: String,
    },
    /// The transaction was mined and reverted.
    #[error("{what} reverted in transaction {hash}")]
    Reverted {
        /// What was done.
        what: String,
        /// Transaction.
        hash: B256,
    },
    /// The chain is not the manifest's.
    #[error("the deployment is on chain {expected}, the node is on chain {got}")]
    WrongChain {
        /// Chain of the manifest.
        expected: u64,
        /// Chain of the node.
        got: u64,
    },
    /// The chain lacks a contract that a deployment builds on.
    #[error("the chain has no {name} at {address}")]
    Prerequisite {
        /// What is missing.
        name: &'static str,
        /// Where it belongs.
        address: Address,
    },
    /// The sources of a contract are not embedded.
    #[error("the sources of {contract} are not embedded; `make contracts` writes them")]
    NoSources {
        /// Contract.
        contract: String,
    },
    /// An address has other code than the manifest says.
    #[error("{name} at {address} has code hash {got}, the deployment says {expected}")]
    WrongCode {
        /// Contract.
        name: String,
        /// Its address.
        address: Address,
        /// Hash in the manifest.
        expected: B256,
        /// Hash on the chain; zero without code.
        got: B256,
    },
}

/// One deployed contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deployed {
    /// Where it is.
    pub address: Address,
    /// Keccak hash of its runtime code.
    pub code_hash: B256,
}

/// The manifest of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deployment {
    /// Chain.
    pub chain_id: u64,
    /// Block from which events are read.
    pub from_block: u64,
    /// Root of the key set that rounds pin.
    pub key_set_root: B256,
    /// Every contract by name: `auction-house`, `registry`, `markets`, `verifier`, `permit2`, and the verifier's parts.
    pub contracts: BTreeMap<String, Deployed>,
}

/// Delays of the core contracts.
#[derive(Clone, Copy, Debug)]
pub struct CoreDelays {
    /// Blocks from a strategy's activation to its first round.
    pub activation_blocks: u32,
    /// Blocks from the request to the withdrawal of a bond.
    pub withdrawal_blocks: u32,
    /// Seconds from the proposal of a key-set root to its use.
    pub key_set_seconds: u64,
}

pub(crate) fn node(what: &str) -> impl Fn(&dyn std::fmt::Display) -> DeployError + '_ {
    move |error| DeployError::Node { what: what.into(), reason: error.to_string() }
}

/// Sends a transaction and waits for its receipt. Side effect: one transaction of the provider's wallet.
///
/// # Errors
/// When the node refuses it, or it reverts.
pub async fn send<P: Provider>(
    provider: &P,
    what: &str,
    request: TransactionRequest,
) -> Result<alloy::rpc::types::TransactionReceipt, DeployError> {
    let pending = provider.send_transaction(request).await.map_err(|e| node(what)(&e))?;
    let receipt = pending.get_receipt().await.map_err(|e| node(what)(&e))?;
    if !receipt.status() {
        return Err(DeployError::Reverted { what: what.into(), hash: receipt.transaction_hash });
    }
    Ok(receipt)
}

/// Creates a contract from creation code. Side effect: one transaction of the provider's wallet.
///
/// # Errors
/// When the node refuses it, or the constructor reverts.
pub async fn create<P: Provider>(provider: &P, what: &str, code: Bytes) -> Result<Address, DeployError> {
    let receipt = send(provider, what, TransactionRequest::default().with_deploy_code(code)).await?;
    receipt.contract_address.ok_or_else(|| node(what)(&"the receipt names no contract"))
}

/// Creates an embedded contract with ABI-encoded constructor arguments. Side effect: one transaction.
///
/// # Errors
/// When the artifact is unusable, the node refuses, or the constructor reverts.
pub async fn create_embedded<P: Provider>(
    provider: &P,
    name: &str,
    libraries: &[(&str, Address)],
    arguments: &[u8],
) -> Result<Address, DeployError> {
    create(provider, name, artifact(name)?.creation_code(libraries, arguments)?).await
}

/// Deploys the verifier of the profile `fast`, as [`deploy_profile`] does. Side effect: two transactions.
///
/// # Errors
/// When a transaction fails.
pub async fn deploy_verifier<P: Provider>(provider: &P) -> Result<BTreeMap<String, Address>, DeployError> {
    deploy_profile(provider, Profile::Fast).await
}

/// Deploys a profile's proof verifier and its parts, by their names in the manifest; `verifier` is the one to call. Side
/// effect: two transactions of the provider's wallet.
///
/// # Errors
/// When a transaction fails.
pub async fn deploy_profile<P: Provider>(
    provider: &P,
    profile: Profile,
) -> Result<BTreeMap<String, Address>, DeployError> {
    let [identity, verifier] = profile.contracts();
    let identity = create_embedded(provider, identity, &[], &[]).await?;
    let verifier = create_embedded(provider, verifier, &[], &identity.abi_encode()).await?;
    Ok(BTreeMap::from([("verifier-identity".into(), identity), ("verifier".into(), verifier)]))
}

impl Deployment {
    /// Deploys registry, markets and auction house around a verifier (with its `parts`) and Permit2, all owned by
    /// `owner`, whose wallet the provider has. Side effect: four transactions. [`Plan`](crate::Plan) deploys at addresses known
    /// beforehand.
    ///
    /// # Errors
    /// When a transaction fails.
    pub async fn core<P: Provider>(
        provider: &P,
        owner: Address,
        verifier: BTreeMap<String, Address>,
        permit2: Address,
        key_set_root: Digest,
        delays: CoreDelays,
    ) -> Result<Self, DeployError> {
        let chain_id = provider.get_chain_id().await.map_err(|e| node("chain id")(&e))?;
        let from_block = provider.get_block_number().await.map_err(|e| node("block number")(&e))?;
        let root = key_set_root.to_word();
        let mut contracts = verifier;
        let main_verifier = contracts.get("verifier").copied().unwrap_or_default();
        let arguments = (delays.activation_blocks, delays.withdrawal_blocks, owner).abi_encode_params();
        let registry = create_embedded(provider, "StrategyRegistry", &[], &arguments).await?;
        let markets = create_embedded(provider, "Markets", &[], &owner.abi_encode()).await?;
        let wrapped = Address::ZERO;
        let arguments =
            (owner, markets, registry, main_verifier, permit2, wrapped, root, delays.key_set_seconds)
                .abi_encode_params();
        let house = create_embedded(provider, "AuctionHouse", &[], &arguments).await?;
        let bind = StrategyRegistryAdmin::bindAuctionHouseCall { auctionHouse: house };
        let request = TransactionRequest::default().to(registry).with_call(&bind);
        send(provider, "binding the registry", request).await?;
        for (name, address) in
            [("registry", registry), ("markets", markets), ("auction-house", house), ("permit2", permit2)]
        {
            contracts.insert(name.into(), address);
        }
        Self::of(provider, chain_id, from_block, root, contracts).await
    }

    pub(crate) async fn of<P: Provider>(
        provider: &P,
        chain_id: u64,
        from_block: u64,
        key_set_root: B256,
        addresses: BTreeMap<String, Address>,
    ) -> Result<Self, DeployError> {
        let mut contracts = BTreeMap::new();
        for (name, address) in addresses {
            let code_hash = code_hash(provider, address).await?;
            contracts.insert(name, Deployed { address, code_hash });
        }
        Ok(Self { chain_id, from_block, key_set_root, contracts })
    }

    /// Address of a contract by its name in the manifest; zero when the manifest lacks it.
    pub fn address(&self, name: &str) -> Address {
        self.contracts.get(name).map(|c| c.address).unwrap_or_default()
    }

    /// The settlement contract.
    pub fn auction_house(&self) -> Address {
        self.address("auction-house")
    }

    /// The registry of strategies.
    pub fn registry(&self) -> Address {
        self.address("registry")
    }

    /// The markets.
    pub fn markets(&self) -> Address {
        self.address("markets")
    }

    /// The proof verifier.
    pub fn verifier(&self) -> Address {
        self.address("verifier")
    }

    /// Asserts that the chain holds this deployment: chain id, the code at every address, and that the auction house
    /// is wired to the manifest's verifier, registry and markets.
    ///
    /// # Errors
    /// When anything differs, or the node does not answer.
    pub async fn check<P: Provider>(&self, provider: &P) -> Result<(), DeployError> {
        let got = provider.get_chain_id().await.map_err(|e| node("chain id")(&e))?;
        if got != self.chain_id {
            return Err(DeployError::WrongChain { expected: self.chain_id, got });
        }
        for (name, &Deployed { address, code_hash: expected }) in &self.contracts {
            let got = code_hash(provider, address).await?;
            if got != expected {
                return Err(DeployError::WrongCode { name: name.clone(), address, expected, got });
            }
        }
        let house = IAuctionHouse::new(self.auction_house(), provider);
        let wired = [
            ("verifier", house.verifier().call().await),
            ("registry", house.registry().call().await),
            ("markets", house.markets().call().await),
            ("permit2", house.permit2().call().await),
        ];
        for (name, answer) in wired {
            let got = answer.map_err(|e| node(name)(&e))?;
            if got != self.address(name) {
                let reason =
                    format!("the auction house uses {got}, the deployment says {}", self.address(name));
                return Err(DeployError::Node { what: name.into(), reason });
            }
        }
        Ok(())
    }
}

/// Keccak hash of the code at an address; zero without code.
async fn code_hash<P: Provider>(provider: &P, address: Address) -> Result<B256, DeployError> {
    let code = provider.get_code_at(address).await.map_err(|e| node("code")(&e))?;
    Ok(if code.is_empty() { B256::ZERO } else { keccak256(&code) })
}
