//! Typed calls, events and errors of the contracts, generated from their ABI.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]
#![allow(clippy::all)]

use alloy::sol;

sol!(
    #[sol(rpc, all_derives)]
    IAuctionHouse,
    "artifacts/IAuctionHouse.json"
);
sol!(
    #[sol(rpc, all_derives)]
    IStrategyRegistry,
    "artifacts/IStrategyRegistry.json"
);
sol!(
    #[sol(rpc, all_derives)]
    IMarkets,
    "artifacts/IMarkets.json"
);
sol!(
    #[sol(rpc, all_derives)]
    IFeed,
    "artifacts/IFeed.json"
);
sol!(
    #[sol(rpc, all_derives)]
    IExecutor,
    "artifacts/IExecutor.json"
);
sol!(
    #[sol(rpc, all_derives)]
    IProofVerifier,
    "artifacts/IProofVerifier.json"
);
