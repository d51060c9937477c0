//! The local chain of the demo: contracts, a market with a pool, solvers with inventory, traders with tokens.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use alloy::{
    network::EthereumWallet,
    primitives::{Address, U256},
    providers::{DynProvider, Provider, ProviderBuilder},
    rpc::types::TransactionRequest,
    signers::local::PrivateKeySigner,
    sol,
    sol_types::{SolCall, SolValue},
};
use eyre::{Result, WrapErr as _};
use sotto_chain::Anvil;
use sotto_circuits::{KeySet, Salt, model_commitment};
use sotto_contracts::{
    CoreDelays, Deployment, Packages, create_embedded,
    local::{BASE_DECIMALS, LocalMarket, LocalMarketConfig, QUOTE_DECIMALS, install_permit2, whole},
    send,
    strategy::{Registration, activate, register},
};
use sotto_model::Strategy;
use sotto_types::{Digest, PERMIT2};

sol! {
    interface IErc20 {
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address owner) external view returns (uint256);
    }
}

/// Whole base tokens of inventory for each solver; the quote side is worth as much.
const INVENTORY: u64 = 500;
/// Bond of each strategy, in whole coins.
const BOND: u64 = 5;
/// Pips of a delivery that the routing executor adds from inventory.
const TOP_UP_PIPS: u64 = 20_000;

/// An account of the local chain.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) signer: PrivateKeySigner,
    pub(crate) provider: DynProvider,
}

impl Account {
    fn new(anvil: &Anvil, index: usize) -> Result<Self> {
        let signer = Anvil::signer(index)?;
        let url = anvil.http_url().parse().wrap_err("anvil's address")?;
        let wallet = EthereumWallet::from(signer.clone());
        Ok(Self { signer, provider: ProviderBuilder::new().wallet(wallet).connect_http(url).erased() })
    }

    pub(crate) fn address(&self) -> Address {
        self.signer.address()
    }
}

/// A registered and active strategy with its owner.
#[derive(Debug)]
pub(crate) struct Searcher {
    pub(crate) name: String,
    pub(crate) account: Account,
    pub(crate) strategy: Arc<Strategy>,
    pub(crate) salt: Salt,
    pub(crate) id: Digest,
}

/// Everything that stands before the first round.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) anvil: Anvil,
    pub(crate) deployer: Account,
    pub(crate) gateway: Account,
    pub(crate) traders: Vec<Account>,
    pub(crate) searchers: Vec<Searcher>,
    pub(crate) deployment: Deployment,
    pub(crate) market: LocalMarket,
    pub(crate) config: LocalMarketConfig,
}

impl World {
    /// Starts anvil, deploys, registers a strategy for each folder and funds everybody.
    pub(crate) async fn set_up(strategies: &[&Path], packages: &Packages, traders: usize) -> Result<Self> {
        let accounts = 2 + strategies.len() + traders;
        let anvil = Anvil::spawn(None, &["--block-time", "1", "--accounts", "10"])?;
        eyre::ensure!(accounts <= 10, "the local chain has ten accounts, {accounts} are needed");
        let account = |index| Account::new(&anvil, index);
        let (deployer, gateway) = (account(0)?, account(1)?);
        let config = LocalMarketConfig::default();
        let deployment = deploy(&deployer, packages).await?;
        let market =
            LocalMarket::deploy(&deployer.provider, &deployment, packages, deployer.address(), &config).await?;
        let mut searchers = Vec::new();
        for (position, folder) in strategies.iter().enumerate() {
            let owner = account(2 + position)?;
            searchers.push(enrol(&deployer, owner, folder, position, &deployment, &market, &config).await?);
        }
        let traders = (0..traders).map(|i| account(2 + strategies.len() + i)).collect::<Result<Vec<_>>>()?;
        for trader in &traders {
            fund_trader(&deployer, trader, &market, &config).await?;
        }
        let world = Self { anvil, deployer, gateway, traders, searchers, deployment, market, config };
        world.warm_feeds().await?;
        Ok(world)
    }

    /// Gives the feeds their first observations, until a snapshot succeeds.
    async fn warm_feeds(&self) -> Result<()> {
        let (window, interval) = self.config.twap;
        for _ in 0..=window / interval + 1 {
            self.refresh_feeds().await?;
            tokio::time::sleep(Duration::from_secs(interval)).await;
        }
        Ok(())
    }

    /// Posts the reference price and records observations, as keepers do on a real chain.
    pub(crate) async fn refresh_feeds(&self) -> Result<()> {
        // The fair price of the demo stands; traders trade against quotes, not against the pool.
        self.market.post_price(&self.deployer.provider, self.config.price as f64).await?;
        self.market.observe(&self.deployer.provider).await?;
        Ok(())
    }

    /// Token balance of an account, in raw units.
    pub(crate) async fn balance(&self, token: Address, owner: Address) -> Result<U256> {
        let input = IErc20::balanceOfCall { owner }.abi_encode();
        let request = TransactionRequest::default().to(token).input(input.into());
        let answer = self.deployer.provider.call(request).await.wrap_err("reading a balance")?;
        U256::abi_decode(&answer).wrap_err("reading a balance")
    }
}

async fn deploy(deployer: &Account, packages: &Packages) -> Result<Deployment> {
    let provider = &deployer.provider;
    install_permit2(provider, packages).await?;
    let verifier = sotto_contracts::deploy_verifier(provider).await?;
    let root = KeySet::committed()?.root();
    let delays = CoreDelays { activation_blocks: 1, withdrawal_blocks: 100, key_set_seconds: 86_400 };
    Ok(Deployment::core(provider, deployer.address(), verifier, PERMIT2, root, delays).await?)
}

/// Registers a strategy: its owner deploys an executor, the deployer fills it with inventory.
async fn enrol(
    deployer: &Account,
    owner: Account,
    folder: &Path,
    position: usize,
    deployment: &Deployment,
    market: &LocalMarket,
    config: &LocalMarketConfig,
) -> Result<Searcher> {
    let strategy = Strategy::load(folder).wrap_err_with(|| format!("strategy {}", folder.display()))?;
    let house = deployment.auction_house();
    // One searcher routes through the pool and tops up, the others pay from inventory.
    let executor = if position == 0 {
        let arguments = (house, owner.address(), market.pair, U256::from(TOP_UP_PIPS)).abi_encode_params();
        create_embedded(&owner.provider, "UniswapV2Executor", &[], &arguments).await?
    } else {
        let arguments = (house, owner.address()).abi_encode_params();
        create_embedded(&owner.provider, "InventoryExecutor", &[], &arguments).await?
    };
    market.mint_base(&deployer.provider, executor, whole(INVENTORY, BASE_DECIMALS)).await?;
    market.mint_quote(&deployer.provider, executor, whole(INVENTORY * config.price, QUOTE_DECIMALS)).await?;
    let salt = Salt::from_bytes(rand::random());
    let policy = strategy.model().policy();
    let registration = Registration {
        market: market.market,
        class_id: strategy.model().class().id(),
        model_commitment: model_commitment(strategy.model(), &salt),
        executor,
        operator: Address::ZERO,
        quotes: (policy.min_quote, policy.max_quote),
        bond: whole(BOND, 18),
    };
    let registry = deployment.registry();
    let id = register(&owner.provider, registry, owner.address(), &registration).await?;
    activate(&owner.provider, registry, owner.address(), id).await?;
    let name = strategy.manifest().name.clone();
    Ok(Searcher { name, account: owner, strategy: Arc::new(strategy), salt, id })
}

/// Gives a trader tokens of both kinds, and lets Permit2 take them.
async fn fund_trader(
    deployer: &Account,
    trader: &Account,
    market: &LocalMarket,
    config: &LocalMarketConfig,
) -> Result<()> {
    market.mint_base(&deployer.provider, trader.address(), whole(1_000, BASE_DECIMALS)).await?;
    market.mint_quote(&deployer.provider, trader.address(), whole(1_000 * config.price, QUOTE_DECIMALS)).await?;
    for token in [market.base, market.quote] {
        let input = IErc20::approveCall { spender: PERMIT2, amount: U256::MAX }.abi_encode();
        let request = TransactionRequest::default().to(token).input(input.into());
        send(&trader.provider, "approving Permit2", request).await?;
    }
    Ok(())
}

/// Names by address, for the table.
pub(crate) fn names(searchers: &[Searcher]) -> BTreeMap<Digest, String> {
    searchers.iter().map(|s| (s.id, s.name.clone())).collect()
}
