//! The demo's traders: what they want, and their signatures.

use alloy::{
    primitives::{B256, Bytes, U256},
    signers::SignerSync as _,
};
use eyre::Result;
use sotto_contracts::local::{BASE_DECIMALS, QUOTE_DECIMALS};
use sotto_types::{Direction, Intent, permit_digest};

use super::world::{Account, World};

/// What a trader wants, in thousandths of a whole base token; quote-token amounts follow from the market's price.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) direction: Direction,
    pub(crate) milli_base: u64,
    /// Whether solvers see the limit price.
    pub(crate) disclose: bool,
}

/// Orders of different sizes on both sides.
pub(crate) const WISHES: [Wish; 8] = [
    Wish { direction: Direction::SellsBase, milli_base: 400, disclose: false },
    Wish { direction: Direction::SellsQuote, milli_base: 1_500, disclose: true },
    Wish { direction: Direction::SellsBase, milli_base: 5_000, disclose: true },
    Wish { direction: Direction::SellsQuote, milli_base: 250, disclose: false },
    Wish { direction: Direction::SellsBase, milli_base: 12_000, disclose: false },
    Wish { direction: Direction::SellsQuote, milli_base: 8_000, disclose: true },
    Wish { direction: Direction::SellsBase, milli_base: 900, disclose: true },
    Wish { direction: Direction::SellsQuote, milli_base: 3_000, disclose: false },
];

/// How far below the reference a trader's limit lies, in pips: half a percent.
const LIMIT_PIPS: u64 = 5_000;
/// How long an intent stands, in seconds.
const VALIDITY: u64 = 3_600;

/// A signed intent.
#[derive(Clone, Debug)]
pub(crate) struct SignedIntent {
    pub(crate) intent: Intent,
    pub(crate) signature: Bytes,
}

impl Wish {
    /// Raw amounts of base and quote tokens at the market's price.
    fn amounts(&self, price: u64) -> (U256, U256) {
        let milli = |decimals: u8| U256::from(10).pow(U256::from(decimals)) / U256::from(1_000);
        let base = U256::from(self.milli_base) * milli(BASE_DECIMALS);
        let quote = U256::from(self.milli_base * price) * milli(QUOTE_DECIMALS);
        (base, quote)
    }

    /// The intent of a trader, signed for Permit2. `now` is the chain's time in seconds.
    pub(crate) fn sign(&self, world: &World, trader: &Account, nonce: u64, now: u64) -> Result<SignedIntent> {
        let (base, quote) = self.amounts(world.config.price);
        let market = &world.market;
        let (sell, buy) = match self.direction {
            Direction::SellsBase => ((market.base, base), (market.quote, quote)),
            Direction::SellsQuote => ((market.quote, quote), (market.base, base)),
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
            market: market.market,
            appData: B256::with_last_byte(u8::from(self.disclose)),
        };
        let digest = permit_digest(&intent, world.deployment.chain_id, world.deployment.auction_house());
        let signature = trader.signer.sign_hash_sync(&digest)?;
        Ok(SignedIntent { intent, signature: signature.as_bytes().to_vec().into() })
    }
}
