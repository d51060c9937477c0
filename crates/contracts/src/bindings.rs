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
sol!(
    #[sol(rpc)]
    UniswapV2TwapFeed,
    "artifacts/UniswapV2TwapFeed.json"
);
sol!(
    #[sol(rpc)]
    ChainFeed,
    "artifacts/ChainFeed.json"
);
sol!(
    #[sol(rpc)]
    PostedAggregator,
    "artifacts/PostedAggregator.json"
);
sol!(
    #[sol(rpc)]
    InventoryExecutor,
    "artifacts/InventoryExecutor.json"
);
sol!(
    #[sol(rpc)]
    UniswapV2Executor,
    "artifacts/UniswapV2Executor.json"
);
sol!(
    #[sol(rpc)]
    DemoToken,
    "artifacts/DemoToken.json"
);

sol! {
    /// The one call that the registry's deployer makes.
    interface StrategyRegistryAdmin {
        function bindAuctionHouse(address auctionHouse) external;
    }
}
