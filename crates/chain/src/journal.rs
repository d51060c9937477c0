//! The write-ahead journal of transactions: what is about to be signed is on disk before it is signed, and what is about to
//! be sent is on disk before it is sent.

use alloy::primitives::{Address, B256, Bytes, TxHash, U256};
use serde::{Deserialize, Serialize};

use crate::Result;

/// Key of a journal row.
pub type JournalId = i64;

/// State of a journal row. It moves forward only: planned, signed, broadcast, then mined, reverted, cancelled or failed;
/// a reorganisation may bring a mined, reverted or cancelled one back to broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TxState {
    /// Nonce reserved, nothing signed.
    Planned,
    /// Signed bytes are on disk; they may have been sent.
    Signed,
    /// Handed to a node.
    Broadcast,
    /// In a block, successful.
    Mined,
    /// In a block, reverted.
    Reverted,
    /// Another transaction of ours with the same nonce, the cancellation, is in a block.
    Cancelled,
    /// Never reached the chain; its nonce was not used by it.
    Failed,
}

impl TxState {
    /// Whether the chain may still include the transaction.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Signed | Self::Broadcast)
    }
}

/// A transaction about to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxPlan {
    /// Who signs.
    pub signer: Address,
    /// Nonce reserved for it.
    pub nonce: u64,
    /// Target.
    pub to: Address,
    /// Value, wei.
    pub value: U256,
    /// Calldata.
    pub data: Bytes,
    /// Gas limit.
    pub gas_limit: u64,
    /// Last block in which it is wanted.
    pub deadline: u64,
    /// What it does, for people.
    pub purpose: String,
    /// Idempotency key: at most one row per signer and key that did not fail.
    pub key: String,
    /// Round it belongs to.
    pub round: Option<B256>,
}

/// One signed version of a transaction. Replacements and the cancellation share the nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxAttempt {
    /// Hash of the signed transaction.
    pub hash: TxHash,
    /// Signed transaction, EIP-2718 encoded.
    pub raw: Bytes,
    /// Fee cap, wei per gas.
    pub max_fee: u128,
    /// Priority fee, wei per gas.
    pub priority_fee: u128,
    /// Whether this is the cancelling self-transfer.
    pub cancels: bool,
}

/// A journal row with all its attempts, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxRecord {
    /// Key of the row.
    pub id: JournalId,
    /// State.
    pub state: TxState,
    /// What was planned.
    pub plan: TxPlan,
    /// Signed versions, oldest first.
    pub attempts: Vec<TxAttempt>,
    /// Where it was mined: hash, block number, block hash.
    pub mined: Option<Mined>,
}

/// Where a transaction was mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mined {
    /// Hash of the attempt that was mined.
    pub hash: TxHash,
    /// Block number.
    pub block: u64,
    /// Block hash.
    pub block_hash: B256,
    /// Gas used.
    pub gas_used: u64,
}

/// Where the transaction manager writes before it acts. Calls block on the disk; the manager makes them off the async
/// threads. Each write is durable when the call returns, and each state change is a compare-and-set.
///
/// # Errors
/// Every method fails with [`crate::ChainError::Journal`]; the manager then signs nothing.
pub trait TxJournal: Send + Sync + std::fmt::Debug + 'static {
    /// Writes a `planned` row.
    fn plan(&self, plan: &TxPlan) -> Result<JournalId>;

    /// Adds a signed attempt and moves the row to `signed` (or leaves it `broadcast`). Called before the attempt is sent.
    fn sign(&self, id: JournalId, attempt: &TxAttempt) -> Result<()>;

    /// Notes that a node took an attempt.
    fn broadcast(&self, id: JournalId) -> Result<()>;

    /// Notes the block, with the final state `Mined`, `Reverted` or `Cancelled`.
    fn mined(&self, id: JournalId, state: TxState, mined: &Mined) -> Result<()>;

    /// A reorganisation put the transaction back into flight.
    fn unmined(&self, id: JournalId) -> Result<()>;

    /// The transaction will never be mined; its nonce is free again.
    fn fail(&self, id: JournalId, reason: &str) -> Result<()>;

    /// Open rows of a signer, by nonce.
    fn open(&self, signer: Address) -> Result<Vec<TxRecord>>;

    /// Rows of a signer that were mined in `block` or later, by nonce: a reorganisation may have dropped them meanwhile.
    fn mined_since(&self, signer: Address, block: u64) -> Result<Vec<TxRecord>>;

    /// The row of an idempotency key that did not fail.
    fn find(&self, signer: Address, key: &str) -> Result<Option<TxRecord>>;
}
