//! A whole auction on a local chain: contracts, a market with a pool, searchers with inventory, traders with tokens. The
//! demo and the end-to-end tests run on it.

use std::{path::Path, sync::Arc, time::Duration};

use alloy::{
    network::{EthereumWallet, TransactionBuilder},
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::{DynProvider, Provider, ProviderBuilder, ext::AnvilApi as _},
    rpc::types::TransactionRequest,
    signers::{SignerSync, local::PrivateKeySigner},
};
use sotto_chain::{Anvil, ChainError};
use sotto_circuits::{CircuitError, KeySet, Salt, model_commitment};
use sotto_contracts::{
    CoreDelays, DeployError, Deployment, Packages, deploy_verifier,
    local::{
        BASE_DECIMALS, LocalExecutor, LocalMarket, LocalMarketConfig, QUOTE_DECIMALS, install_permit2, whole,
    },
    send,
    strategy::{Registration, activate, register},
};
use sotto_model::{ModelError, Strategy};
use sotto_types::{Digest, Direction, Intent, PERMIT2, permit_digest};
use thiserror::Error;

/// Seconds between blocks once all is set up.
pub const BLOCK_SECONDS: u64 = 1;
/// Bond of each strategy, in whole coins.
const BOND: u64 = 5;
/// Coins of each searcher, for its bond and its transactions.
const SEARCHER_COINS: u64 = 100;
/// Coins of each trader, for approvals.
const TRADER_COINS: u64 = 10;
/// How far below the reference a trader's limit lies, in pips: half a percent.
const LIMIT_PIPS: u64 = 5_000;
/// How long an intent stands, in seconds.
const VALIDITY: u64 = 3_600;

/// Why a local auction could not be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LocalError {
    /// Anvil, or the way to it.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Deploying or registering.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A strategy's files.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The committed keys.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// The node did not answer.
    #[error("{what}: {reason}")]
    Node {
        /// What was asked.
        what: &'static str,
        /// What came.
        reason: String,
    },
}

fn failed(what: &'static str) -> impl Fn(&dyn std::fmt::Display) -> LocalError {
    move |error| LocalError::Node { what, reason: error.to_string() }
}

/// An account of the local chain.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its key.
    pub signer: PrivateKeySigner,
    /// A provider whose wallet has the key.
    pub provider: DynProvider,
}

impl Account {
    fn new(anvil: &Anvil, signer: PrivateKeySigner) -> Result<Self, LocalError> {
        let url = anvil.http_url().parse().map_err(|e| failed("anvil's address")(&e))?;
        let wallet = EthereumWallet::from(signer.clone());
        let provider = ProviderBuilder::new().wallet(wallet).connect_http(url).erased();
        Ok(Self { signer, provider })
    }

    /// Its address.
    pub const fn address(&self) -> Address {
        self.signer.address()
    }
}

/// A searcher with its registered and active strategy.
#[derive(Debug)]
pub struct Searcher {
    /// Owner of the strategy.
    pub account: Account,
    /// The strategy.
    pub strategy: Arc<Strategy>,
    /// Salt of the model's commitment.
    pub salt: Salt,
    /// The strategy's id.
    pub id: Digest,
    /// The contract that delivers.
    pub executor: Address,
}

/// Everything that stands before the first round.
#[derive(Debug)]
pub struct LocalAuction {
    /// The chain.
    pub anvil: Anvil,
    /// Owner of the contracts, minter of the tokens.
    pub deployer: Account,
    /// Opens rounds.
    pub gateway: Account,
    /// Sell and buy.
    pub traders: Vec<Account>,
    /// Bid.
    pub searchers: Vec<Searcher>,
    /// The contracts.
    pub deployment: Deployment,
    /// The market.
    pub market: LocalMarket,
    /// Its shape.
    pub config: LocalMarketConfig,
}

/// What a trader wants; quote-token amounts follow from the market's starting price.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Side.
    pub direction: Direction,
    /// Thousandths of a whole base token.
    pub milli_base: u64,
    /// Whether solvers see the limit price.
    pub disclose: bool,
}

/// A signed intent.
#[derive(Clone, Debug)]
pub struct SignedIntent {
    /// The intent.
    pub intent: Intent,
    /// Its Permit2 witness signature, 65 bytes.
    pub signature: Bytes,
}

impl LocalAuction {
    /// Starts anvil with `anvil_args`, deploys, registers a strategy for each folder, each of another searcher, funds everybody
    /// and warms the feeds. A folder may come several times.
    /// Blocks come with transactions until all is set up, and every [`BLOCK_SECONDS`] from then on.
    ///
    /// # Errors
    /// When a package is missing, a strategy does not load, or the chain refuses.
    pub async fn set_up(
        anvil_args: &[&str],
        strategies: &[&Path],
        packages: &Packages,
        traders: usize,
        config: LocalMarketConfig,
    ) -> Result<Self, LocalError> {
        let anvil = Anvil::spawn(None, anvil_args)?;
        let account = |index| Account::new(&anvil, Anvil::signer(index)?);
        let (deployer, gateway) = (account(0)?, account(1)?);
        let deployment = deploy(&deployer, packages).await?;
        let owner = deployer.address();
        let market = LocalMarket::deploy(&deployer.provider, &deployment, packages, owner, &config).await?;
        let mut searchers = Vec::new();
        for (position, folder) in strategies.iter().enumerate() {
            let name = format!("searcher {position} of a local auction");
            let owner = funded_account(&anvil, &deployer, &name, SEARCHER_COINS).await?;
            searchers.push(enrol(&deployer, owner, folder, position, &deployment, &market).await?);
        }
        let mut funded = Vec::new();
        for index in 0..traders {
            let name = format!("trader {index} of a local auction");
            let trader = funded_account(&anvil, &deployer, &name, TRADER_COINS).await?;
            market.fund_trader(&deployer.provider, &trader.provider, trader.address()).await?;
            funded.push(trader);
        }
        // Blocks with every transaction were for the set-up alone.
        let node = &deployer.provider;
        node.anvil_set_auto_mine(false).await.map_err(|e| failed("interval mining")(&e))?;
        node.anvil_set_interval_mining(BLOCK_SECONDS).await.map_err(|e| failed("interval mining")(&e))?;
        let auction =
            Self { anvil, deployer, gateway, traders: funded, searchers, deployment, market, config };
        auction.warm_feeds().await?;
        Ok(auction)
    }

    /// Gives the feeds their first observations, until a snapshot can be taken.
    async fn warm_feeds(&self) -> Result<(), LocalError> {
        let (window, interval) = self.config.twap;
        for _ in 0..=window / interval + 1 {
            self.refresh_feeds().await?;
            tokio::time::sleep(Duration::from_secs(interval)).await;
        }
        Ok(())
    }

    /// Posts the reference price and records observations, as keepers do on a real chain. Side effect: three transactions.
    ///
    /// # Errors
    /// When one fails.
    pub async fn refresh_feeds(&self) -> Result<(), LocalError> {
        self.market.post_price(&self.deployer.provider, self.config.price).await?;
        self.market.observe(&self.deployer.provider).await?;
        Ok(())
    }

    /// The chain's time: seconds of the newest block.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn now(&self) -> Result<u64, LocalError> {
        let block = self.deployer.provider.get_block(alloy::eips::BlockId::latest()).await;
        let block = block.map_err(|e| failed("the newest block")(&e))?;
        block.map(|b| b.header.timestamp).ok_or_else(|| failed("the newest block")(&"none"))
    }

    /// The intent of a trader, signed for Permit2. `now` is the chain's time in seconds.
    ///
    /// # Errors
    /// When the key fails to sign.
    pub fn sign(
        &self,
        wish: Wish,
        trader: &Account,
        nonce: u64,
        now: u64,
    ) -> Result<SignedIntent, LocalError> {
        let milli = |decimals: u8| U256::from(10).pow(U256::from(decimals)) / U256::from(1_000);
        let base = (self.market.base, U256::from(wish.milli_base) * milli(BASE_DECIMALS));
        let quote =
            (self.market.quote, U256::from(wish.milli_base * self.config.price) * milli(QUOTE_DECIMALS));
        let (sell, buy) = match wish.direction {
            Direction::SellsBase => (base, quote),
            Direction::SellsQuote => (quote, base),
        };
        let intent = Intent {
            owner: trader.address(),
            recipient: trader.address(),
            sellToken: sell.0,
            buyToken: buy.0,
            sellAmount: sell.1,
            minBuyAmount: buy.1 * U256::from(1_000_000 - LIMIT_PIPS) / U256::from(1_000_000),
            validFrom: now.saturating_sub(60),
            deadline: now + VALIDITY,
            nonce: U256::from(nonce),
            market: self.market.market,
            appData: B256::with_last_byte(u8::from(wish.disclose)),
        };
        let digest = permit_digest(&intent, self.deployment.chain_id, self.deployment.auction_house());
        let signature = trader.signer.sign_hash_sync(&digest).map_err(|e| failed("signing")(&e))?;
        Ok(SignedIntent { intent, signature: signature.as_bytes().to_vec().into() })
    }
}

/// An account of this name, with so many coins.
async fn funded_account(
    anvil: &Anvil,
    deployer: &Account,
    name: &str,
    coins: u64,
) -> Result<Account, LocalError> {
    let signer =
        PrivateKeySigner::from_bytes(&keccak256(name)).map_err(|e| failed("an account's key")(&e))?;
    let account = Account::new(anvil, signer)?;
    let coins = TransactionRequest::default().with_to(account.address()).with_value(whole(coins, 18));
    send(&deployer.provider, "funding an account", coins).await?;
    Ok(account)
}

async fn deploy(deployer: &Account, packages: &Packages) -> Result<Deployment, LocalError> {
    let provider = &deployer.provider;
    install_permit2(provider, packages).await?;
    let verifier = deploy_verifier(provider).await?;
    let root = KeySet::committed()?.root();
    let delays = CoreDelays { activation_blocks: 1, withdrawal_blocks: 100, key_set_seconds: 86_400 };
    Ok(Deployment::core(provider, deployer.address(), verifier, PERMIT2, root, delays).await?)
}

/// Registers and activates a strategy: its owner deploys an executor, the deployer fills it with inventory.
async fn enrol(
    deployer: &Account,
    account: Account,
    folder: &Path,
    position: usize,
    deployment: &Deployment,
    market: &LocalMarket,
) -> Result<Searcher, LocalError> {
    let strategy = Strategy::load(folder)?;
    // One searcher routes through the pool and tops up, the others pay from inventory.
    let kind = if position == 0 { LocalExecutor::Pair } else { LocalExecutor::Inventory };
    let owner = account.address();
    let house = deployment.auction_house();
    let executor = market.executor(&deployer.provider, &account.provider, owner, house, kind).await?;
    let salt = Salt::from_bytes(rand::random());
    let policy = strategy.program().policy();
    let registration = Registration {
        market: market.market,
        class_id: strategy.program().shape().id(),
        model_commitment: model_commitment(strategy.program(), &salt),
        executor,
        operator: Address::ZERO,
        quotes: (policy.min_quote, policy.max_quote),
        bond: whole(BOND, 18),
    };
    let registry = deployment.registry();
    let id = register(&account.provider, registry, owner, &registration).await?;
    activate(&account.provider, registry, owner, id).await?;
    Ok(Searcher { account, strategy: Arc::new(strategy), salt, id, executor })
}
