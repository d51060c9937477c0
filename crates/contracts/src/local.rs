//! A market on a local chain: two tokens, a Uniswap V2 pair with liquidity, feeds, and the market itself. The demo and
//! the end-to-end tests run on it.

use alloy::{
    primitives::{Address, B256, Bytes, I256, U256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::TransactionRequest,
    sol,
    sol_types::{SolCall, SolValue},
};
use sotto_types::{PERMIT2, PricingRule};

use crate::{
    DeployError, Deployment, IMarkets, Packages,
    bindings::{ChainFeed, DemoToken, PostedAggregator, UniswapV2TwapFeed},
    deploy::{create, create_embedded, send},
};

sol! {
    #[sol(rpc)]
    interface IUniswapV2Factory {
        function createPair(address a, address b) external returns (address pair);
        function getPair(address a, address b) external view returns (address pair);
    }

    #[sol(rpc)]
    interface IUniswapV2PairCalls {
        function mint(address to) external returns (uint256 liquidity);
        function swap(uint256 amount0Out, uint256 amount1Out, address to, bytes calldata data) external;
        function sync() external;
        function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 timestamp);
        function token0() external view returns (address);
    }

    #[sol(rpc)]
    interface IErc20 {
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address owner) external view returns (uint256);
    }
}

/// Whole base tokens of inventory for each executor; the quote side is worth as much.
const INVENTORY: u64 = 500;
/// Whole base tokens of each trader; the quote side is worth as much.
const WEALTH: u64 = 1_000;
/// Pips of a delivery that a routing executor adds from inventory.
const TOP_UP_PIPS: u64 = 20_000;

/// How a local searcher delivers what it wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalExecutor {
    /// From its own tokens.
    Inventory,
    /// Through the market's pair, topped up from its own tokens.
    Pair,
}

/// Shape of the local market.
#[derive(Clone, Debug)]
pub struct LocalMarketConfig {
    /// Price of one whole base token in whole quote tokens.
    pub price: u64,
    /// Whole base tokens in the pair's reserves; the quote side follows from the price.
    pub liquidity: u64,
    /// How the winner pays.
    pub pricing: PricingRule,
    /// Windows in blocks: commit, settle, fill.
    pub windows: [u32; 3],
    /// Least span of the time-weighted average, and between observations, in seconds.
    pub twap: (u64, u64),
}

impl Default for LocalMarketConfig {
    fn default() -> Self {
        Self {
            price: 2_500,
            liquidity: 10_000,
            pricing: PricingRule::SecondPrice,
            windows: [8, 160, 60],
            twap: (6, 2),
        }
    }
}

/// Decimals of the local base token.
pub const BASE_DECIMALS: u8 = 18;
/// Decimals of the local quote token.
pub const QUOTE_DECIMALS: u8 = 6;
/// Decimals of the local aggregator's answers.
const ANSWER_DECIMALS: u8 = 8;

/// The local market's contracts.
#[derive(Clone, Debug)]
pub struct LocalMarket {
    /// Market id.
    pub market: B256,
    /// Base token, 18 decimals.
    pub base: Address,
    /// Quote token, 6 decimals.
    pub quote: Address,
    /// The Uniswap V2 pair.
    pub pair: Address,
    /// The time-weighted feed.
    pub twap_feed: Address,
    /// The chain feed.
    pub chain_feed: Address,
    /// The aggregator behind the second price feed; the deployer posts its answers.
    pub aggregator: Address,
    /// Whole quote tokens for a base token at the start.
    pub price: u64,
}

/// Puts Permit2's code at its canonical address, as on a real chain. Anvil only.
///
/// # Errors
/// When the package is missing or the node refuses.
pub async fn install_permit2<P: Provider>(provider: &P, packages: &Packages) -> Result<(), DeployError> {
    let code = packages.permit2_runtime()?;
    provider
        .anvil_set_code(PERMIT2, code)
        .await
        .map_err(|e| DeployError::Node { what: "installing Permit2".into(), reason: e.to_string() })
}

/// Wei per raw quote unit, Q128, if one base token is worth one coin of the chain.
fn bond_rate(price: u64) -> U256 {
    (U256::from(10).pow(U256::from(18)) << 128)
        / (U256::from(price) * U256::from(10).pow(U256::from(QUOTE_DECIMALS)))
}

impl LocalMarket {
    /// Deploys tokens, pair, feeds and market, and seeds the pair. The provider's wallet must own `deployment`'s markets.
    /// Side effect: about 15 transactions.
    ///
    /// # Errors
    /// When a package is missing or a transaction fails.
    pub async fn deploy<P: Provider>(
        provider: &P,
        deployment: &Deployment,
        packages: &Packages,
        deployer: Address,
        config: &LocalMarketConfig,
    ) -> Result<Self, DeployError> {
        let base = token(provider, "Wrapped Ether", "WETH", BASE_DECIMALS).await?;
        let quote = token(provider, "USD Coin", "USDC", QUOTE_DECIMALS).await?;
        let factory = [packages.uniswap_v2_factory()?.as_ref(), &deployer.abi_encode()].concat();
        let factory = create(provider, "UniswapV2Factory", factory.into()).await?;
        call(provider, factory, &IUniswapV2Factory::createPairCall { a: base, b: quote }).await?;
        let pair = IUniswapV2Factory::new(factory, provider).getPair(base, quote).call().await;
        let pair =
            pair.map_err(|e| DeployError::Node { what: "pair address".into(), reason: e.to_string() })?;
        mint(provider, base, pair, whole(config.liquidity, BASE_DECIMALS)).await?;
        mint(provider, quote, pair, whole(config.liquidity * config.price, QUOTE_DECIMALS)).await?;
        call(provider, pair, &IUniswapV2PairCalls::mintCall { to: deployer }).await?;

        let (window, interval) = config.twap;
        let arguments =
            (pair, base, U256::from(window), U256::from(interval), U256::from(3600)).abi_encode_params();
        let twap_feed = create_embedded(provider, "UniswapV2TwapFeed", &[], &arguments).await?;
        let arguments = (deployer, U256::from(ANSWER_DECIMALS)).abi_encode_params();
        let aggregator = create_embedded(provider, "PostedAggregator", &[], &arguments).await?;
        let decimals = (U256::from(BASE_DECIMALS), U256::from(QUOTE_DECIMALS));
        // no bounds but those of the arithmetic, and no sequencer
        let bounds = (U256::ZERO, U256::MAX >> 129);
        let sequencer = (Address::ZERO, U256::ZERO);
        let arguments =
            (aggregator, base, quote, decimals.0, decimals.1, U256::from(3600), bounds, sequencer)
                .abi_encode_params();
        let check_feed = create_embedded(provider, "ChainlinkFeed", &[], &arguments).await?;
        let chain_feed = create_embedded(provider, "ChainFeed", &[], &U256::from(1).abi_encode()).await?;
        let params = params(config, [base, quote], [twap_feed, check_feed, chain_feed]);
        let markets = IMarkets::new(deployment.markets(), provider);
        let what = "the market's id";
        let node = |e: alloy::contract::Error| DeployError::Node { what: what.into(), reason: e.to_string() };
        let create_market = markets.createMarket(params);
        let market = create_market.call().await.map_err(node)?;
        send(provider, "creating the market", create_market.into_transaction_request()).await?;
        Ok(Self { market, base, quote, pair, twap_feed, chain_feed, aggregator, price: config.price })
    }

    /// Posts the aggregator's price, in whole quote tokens per base token. Side effect: one transaction.
    ///
    /// # Errors
    /// When it fails.
    pub async fn post_price<P: Provider>(&self, provider: &P, price: u64) -> Result<(), DeployError> {
        let answer = I256::from_raw(U256::from(price) * U256::from(10).pow(U256::from(ANSWER_DECIMALS)));
        call(provider, self.aggregator, &PostedAggregator::postCall { answer }).await
    }

    /// Records an observation in each feed that keeps some. Side effect: two transactions.
    ///
    /// # Errors
    /// When one fails.
    pub async fn observe<P: Provider>(&self, provider: &P) -> Result<(), DeployError> {
        call(provider, self.twap_feed, &UniswapV2TwapFeed::observeCall {}).await?;
        call(provider, self.chain_feed, &ChainFeed::observeCall {}).await
    }

    /// Deploys an executor for `owner` (whose wallet `owner_provider` has) and fills it with inventory. Side effect: three
    /// transactions.
    ///
    /// # Errors
    /// When one fails.
    pub async fn executor<P: Provider, Q: Provider>(
        &self,
        provider: &P,
        owner_provider: &Q,
        owner: Address,
        auction_house: Address,
        kind: LocalExecutor,
    ) -> Result<Address, DeployError> {
        let executor = match kind {
            LocalExecutor::Inventory => {
                let arguments = (auction_house, owner).abi_encode_params();
                create_embedded(owner_provider, "InventoryExecutor", &[], &arguments).await?
            }
            LocalExecutor::Pair => {
                let arguments =
                    (auction_house, owner, self.pair, U256::from(TOP_UP_PIPS)).abi_encode_params();
                create_embedded(owner_provider, "UniswapV2Executor", &[], &arguments).await?
            }
        };
        self.endow(provider, executor, INVENTORY).await?;
        Ok(executor)
    }

    /// Gives a trader tokens of both kinds and lets Permit2 take them. Side effect: four transactions.
    ///
    /// # Errors
    /// When one fails.
    pub async fn fund_trader<P: Provider, Q: Provider>(
        &self,
        provider: &P,
        trader_provider: &Q,
        trader: Address,
    ) -> Result<(), DeployError> {
        self.endow(provider, trader, WEALTH).await?;
        for token in [self.base, self.quote] {
            call(trader_provider, token, &IErc20::approveCall { spender: PERMIT2, amount: U256::MAX })
                .await?;
        }
        Ok(())
    }

    async fn endow<P: Provider>(&self, provider: &P, to: Address, tokens: u64) -> Result<(), DeployError> {
        self.mint_base(provider, to, whole(tokens, BASE_DECIMALS)).await?;
        self.mint_quote(provider, to, whole(tokens * self.price, QUOTE_DECIMALS)).await
    }

    /// Balance of a token in raw units.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn balance<P: Provider>(
        &self,
        provider: &P,
        token: Address,
        owner: Address,
    ) -> Result<U256, DeployError> {
        let answer = IErc20::new(token, provider).balanceOf(owner).call().await;
        answer.map_err(|e| DeployError::Node { what: "reading a balance".into(), reason: e.to_string() })
    }

    /// Mints raw units of the base token. Side effect: one transaction.
    ///
    /// # Errors
    /// When it fails.
    pub async fn mint_base<P: Provider>(
        &self,
        provider: &P,
        to: Address,
        amount: U256,
    ) -> Result<(), DeployError> {
        mint(provider, self.base, to, amount).await
    }

    /// Mints raw units of the quote token. Side effect: one transaction.
    ///
    /// # Errors
    /// When it fails.
    pub async fn mint_quote<P: Provider>(
        &self,
        provider: &P,
        to: Address,
        amount: U256,
    ) -> Result<(), DeployError> {
        mint(provider, self.quote, to, amount).await
    }
}

/// Raw units of a number of whole tokens.
pub fn whole(tokens: u64, decimals: u8) -> U256 {
    U256::from(tokens) * U256::from(10).pow(U256::from(decimals))
}

fn params(
    config: &LocalMarketConfig,
    [base, quote]: [Address; 2],
    [twap, check, chain]: [Address; 3],
) -> IMarkets::MarketParams {
    let coin = whole(1, 18);
    let milli = |n: u64| (coin * U256::from(n) / U256::from(1000)).to();
    IMarkets::MarketParams {
        base,
        quote,
        feeds: vec![twap, check, chain],
        checkFeed: check,
        maxDeviationPips: 50_000,
        pricing: config.pricing as u8,
        reserveQuote: 0,
        minNotional: whole(10, QUOTE_DECIMALS),
        maxNotional: whole(10_000_000, QUOTE_DECIMALS),
        commitBlocks: config.windows[0],
        settleBlocks: config.windows[1],
        fillBlocks: config.windows[2],
        executorGas: 500_000,
        sheetBond: milli(50),
        slotBond: milli(20),
        openerBond: milli(10),
        unfilledFee: milli(5),
        settleReward: milli(10),
        bondPerQuoteQ128: bond_rate(config.price),
    }
}

async fn token<P: Provider>(
    provider: &P,
    name: &str,
    symbol: &str,
    decimals: u8,
) -> Result<Address, DeployError> {
    let arguments = (name.to_owned(), symbol.to_owned(), U256::from(decimals)).abi_encode_params();
    create_embedded(provider, "DemoToken", &[], &arguments).await
}

async fn mint<P: Provider>(
    provider: &P,
    token: Address,
    to: Address,
    amount: U256,
) -> Result<(), DeployError> {
    call(provider, token, &DemoToken::mintCall { to, amount }).await
}

/// Calls a contract in a transaction of its own.
async fn call<P: Provider, C: SolCall>(provider: &P, to: Address, call: &C) -> Result<(), DeployError> {
    let input: Bytes = call.abi_encode().into();
    let request = TransactionRequest::default().to(to).input(input.into());
    send(provider, C::SIGNATURE, request).await.map(|_| ())
}
