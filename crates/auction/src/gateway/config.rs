//! What the gateway is told and what it is built from.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use sotto_chain::{ProviderPool, TxManager};
use sotto_prover::Prover;
use sotto_store::Ledger;
use sotto_types::SLOTS;

use super::book::BookLimits;

/// Settings of a gateway.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Markets that it opens rounds for.
    pub markets: Vec<B256>,
    /// A round opens at once when this many intents wait, 1 to [`SLOTS`].
    pub full_round: usize,
    /// A round with fewer intents opens when the oldest of them has waited this long.
    pub round_interval: Duration,
    /// Rounds of one market that may run at once.
    pub max_open_rounds: usize,
    /// Blocks within which an opening must be mined; after them it is cancelled and its intents wait again.
    pub open_within_blocks: u64,
    /// Blocks after an opening failed before the market is tried again.
    pub open_backoff_blocks: u64,
    /// Blocks on top of a window's end before it counts as closed; at least 1 is used.
    pub confirmations: u64,
    /// Blocks after which a round and its intents are forgotten in memory, and that a restart reads again; more than the
    /// deepest reorganisation.
    pub retention_blocks: u64,
    /// Bounds of the book of intents.
    pub book: BookLimits,
    /// Longest signature taken, bytes; a contract's may be long.
    pub max_signature_bytes: usize,
    /// Gas that a contract signer may use.
    pub signature_gas: u64,
    /// Limit of the questions to the chain about one intent.
    pub chain_timeout: Duration,
    /// Intents that are checked at once; further ones are refused.
    pub intake_at_once: usize,
    /// Threads that recover signers.
    pub signature_threads: usize,
    /// Longest sheet proof taken, bytes.
    pub max_sheet_bytes: usize,
    /// Sheets that are verified at once; further ones are refused.
    pub sheets_at_once: usize,
    /// Whether sheets are merged and settled by one proof, instead of one by one.
    pub merge_sheets: bool,
    /// Subscribers at once.
    pub max_subscribers: usize,
    /// News that wait for one subscriber; when it is full the subscriber is let go.
    pub subscriber_buffer: usize,
    /// Times that one step of a round is tried again after the chain refused it.
    pub step_attempts: u32,
}

impl GatewayConfig {
    /// Defaults for a set of markets.
    pub fn new(markets: Vec<B256>) -> Self {
        Self {
            markets,
            full_round: SLOTS,
            round_interval: Duration::from_secs(12),
            max_open_rounds: 2,
            open_within_blocks: 10,
            open_backoff_blocks: 3,
            confirmations: 1,
            retention_blocks: 128,
            book: BookLimits::default(),
            max_signature_bytes: 4096,
            signature_gas: 1_000_000,
            chain_timeout: Duration::from_secs(5),
            intake_at_once: 64,
            signature_threads: 1,
            max_sheet_bytes: 1 << 20,
            sheets_at_once: 4,
            merge_sheets: true,
            max_subscribers: 256,
            subscriber_buffer: 256,
            step_attempts: 5,
        }
    }
}

/// What a gateway works with.
#[derive(Clone, Debug)]
pub struct GatewayDeps {
    /// Endpoints of the chain.
    pub pool: ProviderPool,
    /// The auction house.
    pub auction_house: Address,
    /// The block from which the auction house has logs.
    pub deployed_at: u64,
    /// The ledger.
    pub ledger: Ledger,
    /// The transactions of the gateway's key.
    pub tx: TxManager,
    /// The prover, which verifies and wraps sheets.
    pub prover: Prover,
    /// Where metrics are registered.
    pub registry: prometheus::Registry,
}
