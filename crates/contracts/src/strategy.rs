//! A strategy's life in the registry: register, activate, retire. One-off acts of its owner, sent and awaited.

use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use sotto_types::{Digest, Quote};

use crate::{DeployError, IStrategyRegistry, deploy::send};

/// What a strategy is registered with.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Its market.
    pub market: B256,
    /// Its shape class.
    pub class_id: u32,
    /// Salted commitment to its model.
    pub model_commitment: Digest,
    /// The contract that delivers for it.
    pub executor: Address,
    /// A key that may commit besides the owner's; zero for none.
    pub operator: Address,
    /// Range of quotes that the auction accepts from it, in pips.
    pub quotes: (Quote, Quote),
    /// Bond in wei, sent along.
    pub bond: U256,
}

fn failed(what: &'static str) -> impl Fn(alloy::contract::Error) -> DeployError {
    move |error| {
        let decoded = error.as_decoded_interface_error::<IStrategyRegistry::IStrategyRegistryErrors>();
        let reason = decoded.map_or_else(|| error.to_string(), |known| format!("{known:?}"));
        DeployError::Node { what: what.into(), reason }
    }
}

/// Registers a strategy of the provider's wallet and returns its id. Side effect: one transaction with the bond.
///
/// # Errors
/// When the registry refuses it (the reason is in the error), or the transaction fails.
pub async fn register<P: Provider>(
    provider: &P,
    registry: Address,
    owner: Address,
    strategy: &Registration,
) -> Result<Digest, DeployError> {
    let what = "registering the strategy";
    let contract = IStrategyRegistry::new(registry, provider);
    let call = contract
        .register(
            strategy.market,
            strategy.class_id,
            strategy.model_commitment.to_word(),
            strategy.executor,
            strategy.operator,
            strategy.quotes.0,
            strategy.quotes.1,
        )
        .value(strategy.bond)
        .from(owner);
    let id = call.call().await.map_err(failed(what))?;
    send(provider, what, call.into_transaction_request()).await?;
    Digest::try_from(id).map_err(|e| DeployError::Node { what: what.into(), reason: e.to_string() })
}

/// Activates a registered strategy. Side effect: one transaction.
///
/// # Errors
/// When the registry refuses, or the transaction fails.
pub async fn activate<P: Provider>(
    provider: &P,
    registry: Address,
    owner: Address,
    id: Digest,
) -> Result<(), DeployError> {
    let contract = IStrategyRegistry::new(registry, provider);
    let call = contract.activate(id.to_word()).from(owner);
    checked(
        provider,
        "activating the strategy",
        call.call().await.map(|_| ()),
        call.into_transaction_request(),
    )
    .await
}

/// Retires an active strategy. Side effect: one transaction.
///
/// # Errors
/// When the registry refuses, or the transaction fails.
pub async fn retire<P: Provider>(
    provider: &P,
    registry: Address,
    owner: Address,
    id: Digest,
) -> Result<(), DeployError> {
    let contract = IStrategyRegistry::new(registry, provider);
    let call = contract.retire(id.to_word()).from(owner);
    checked(provider, "retiring the strategy", call.call().await.map(|_| ()), call.into_transaction_request())
        .await
}

/// Sends what a dry run accepted.
async fn checked<P: Provider>(
    provider: &P,
    what: &'static str,
    dry_run: Result<(), alloy::contract::Error>,
    request: TransactionRequest,
) -> Result<(), DeployError> {
    dry_run.map_err(failed(what))?;
    send(provider, what, request).await.map(|_| ())
}
