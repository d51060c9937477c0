//! Reverts of the auction's contracts in words.

use alloy::sol_types::SolInterface;
use sotto_chain::{ChainError, Revert};
use sotto_contracts::{
    IAuctionHouse::IAuctionHouseErrors, IMarkets::IMarketsErrors, IStrategyRegistry::IStrategyRegistryErrors,
};

/// An error with the custom error of the contracts decoded, when it carries one.
pub(super) fn explain(error: &ChainError) -> String {
    let revert = match error {
        ChainError::Reverts { revert } | ChainError::Cancelled { revert, .. } => revert,
        other => return other.to_string(),
    };
    match name(revert) {
        Some(name) => format!("the call reverts: {name}"),
        None => error.to_string(),
    }
}

/// An error with no more than the name of the custom error that it carries.
pub(super) fn outline(error: &ChainError) -> String {
    let (ChainError::Reverts { revert } | ChainError::Cancelled { revert, .. }) = error else {
        return error.to_string();
    };
    match name(revert).as_deref().and_then(|name| name.split('(').next()) {
        Some(name) => format!("the call reverts: {name}"),
        None => "the call reverts".into(),
    }
}

/// The custom error of a revert with its arguments, if it is one of the contracts'.
fn name(revert: &Revert) -> Option<String> {
    if let Ok(error) = IAuctionHouseErrors::abi_decode(&revert.data) {
        return Some(format!("{error:?}"));
    }
    if let Ok(error) = IMarketsErrors::abi_decode(&revert.data) {
        return Some(format!("{error:?}"));
    }
    IStrategyRegistryErrors::abi_decode(&revert.data).ok().map(|error| format!("{error:?}"))
}

/// Whether a fill reverted because Permit2 or the sell token refused the order.
pub(super) fn is_pull_failure(error: &ChainError) -> bool {
    let (ChainError::Reverts { revert } | ChainError::Cancelled { revert, .. }) = error else { return false };
    matches!(IAuctionHouseErrors::abi_decode(&revert.data), Ok(IAuctionHouseErrors::PullFailed(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::{primitives::Bytes, sol_types::SolError};
    use sotto_contracts::{IAuctionHouse, IMarkets};

    fn reverts(data: Vec<u8>) -> ChainError {
        ChainError::Reverts { revert: Revert::decode(data.into(), "execution reverted") }
    }

    #[test]
    fn custom_errors_are_named_and_pull_failures_known() {
        let pull = reverts(IAuctionHouse::PullFailed { reason: Bytes::new() }.abi_encode());
        assert!(is_pull_failure(&pull) && explain(&pull).contains("PullFailed"));
        let paused = reverts(IMarkets::IsPaused { market: Default::default() }.abi_encode());
        assert!(!is_pull_failure(&paused) && explain(&paused).contains("IsPaused"));
        assert!(explain(&reverts(vec![1, 2, 3])).contains("execution reverted"));
        let [due, min] = [31_337u64, 71_077].map(alloy::primitives::U256::from);
        let limit = reverts(IAuctionHouse::LimitNotMet { due, minBuyAmount: min }.abi_encode());
        assert!(explain(&limit).contains("71077"));
        assert_eq!(outline(&limit), "the call reverts: LimitNotMet");
        assert_eq!(outline(&reverts(b"balance of 5".to_vec())), "the call reverts");
    }
}
