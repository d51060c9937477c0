//! Sending transactions: one manager per signer key, which owns the key's nonces.

mod actor;

mod fees;
mod flight;
mod look;
mod recover;
mod wire;

use std::{sync::Arc, time::Duration};

use alloy::{
    primitives::{Address, B256, Bytes, TxHash, U256},
    signers::local::PrivateKeySigner,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub use fees::{BUMP_PERCENT, Fees};

use crate::{ChainError, KeyLock, Mined, ProviderPool, Result, TxJournal};

/// A transaction to send.
#[derive(Clone, Debug)]
pub struct TxRequest {
    /// Target.
    pub to: Address,
    /// Calldata.
    pub data: Bytes,
    /// Value, wei.
    pub value: U256,
    /// Gas limit; estimated with a margin when absent.
    pub gas_limit: Option<u64>,
    /// Last block number in which it is wanted; after it the nonce is used for a self-transfer.
    pub deadline: u64,
    /// What it does, for people.
    pub purpose: String,
    /// Idempotency key: a second request with the same key attaches to the first, over restarts as well. A key is free
    /// again only after its transaction failed without reaching the chain.
    pub key: String,
    /// Round it belongs to.
    pub round: Option<B256>,
}

/// How a transaction was mined, successfully.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxReceipt {
    /// Its nonce.
    pub nonce: u64,
    /// The block and the attempt.
    pub mined: Mined,
    /// Signed versions sent, the first included.
    pub attempts: usize,
}

impl TxReceipt {
    /// Hash of the mined transaction.
    pub fn hash(&self) -> TxHash {
        self.mined.hash
    }
}

/// Configuration of a [`TxManager`].
#[derive(Clone, Debug)]
pub struct TxConfig {
    /// Highest fee, wei per gas.
    pub fee_cap: u128,
    /// Lowest priority fee, wei per gas.
    pub min_priority_fee: u128,
    /// Blocks without inclusion after which fees are raised.
    pub bump_every_blocks: u64,
    /// Largest gas limit accepted.
    pub gas_limit_cap: u64,
    /// Margin over the estimate, percent.
    pub gas_margin_percent: u64,
    /// Blocks, the including one counted, after which a transaction is reported as mined.
    pub confirmations: u64,
    /// Blocks for which a mined transaction is still watched, and sent again if a reorganisation drops it.
    pub reorg_watch_blocks: u64,
    /// Blocks that a receipt may lag behind the nonce before the nonce counts as used by somebody else.
    pub receipt_lag_blocks: u64,
    /// Transactions in flight at once.
    pub max_in_flight: usize,
    /// How often the chain is looked at.
    pub poll: Duration,
}

impl Default for TxConfig {
    fn default() -> Self {
        Self {
            fee_cap: 500_000_000_000,
            min_priority_fee: 100_000_000,
            bump_every_blocks: 2,
            gas_limit_cap: 16_700_000,
            gas_margin_percent: 20,
            confirmations: 1,
            reorg_watch_blocks: 16,
            receipt_lag_blocks: 4,
            max_in_flight: 16,
            poll: Duration::from_millis(400),
        }
    }
}

/// Handle to the task that owns one signer key. Cloning shares the task.
#[derive(Clone, Debug)]
pub struct TxManager {
    address: Address,
    commands: mpsc::Sender<Command>,
}

/// A request with the place for its answer.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) request: TxRequest,
    pub(crate) reply: oneshot::Sender<Result<TxReceipt>>,
}

impl TxManager {
    /// Recovers what an earlier process left in the journal, then starts the task of this key. The lock on the key is held
    /// until the task ends. The task ends with an error when the key must not be used any more: the journal failed, or
    /// somebody else used a nonce.
    ///
    /// # Errors
    /// Those of the journal and of the node.
    pub async fn spawn(
        pool: ProviderPool,
        signer: PrivateKeySigner,
        lock: KeyLock,
        journal: Arc<dyn TxJournal>,
        config: TxConfig,
        shutdown: CancellationToken,
    ) -> Result<(Self, JoinHandle<Result<()>>)> {
        let address = signer.address();
        if lock.address() != address {
            return Err(ChainError::KeyInUse { address });
        }
        let (commands, receiver) = mpsc::channel(config.max_in_flight.max(1));
        let actor = actor::Actor::start(pool, signer, journal, config).await?;
        let task = tokio::spawn(async move {
            let result = actor.run(receiver, shutdown).await;
            drop(lock);
            result
        });
        Ok((Self { address, commands }, task))
    }

    /// The signer's address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Sends a transaction and waits until it is mined. Dropping the future does not stop the transaction.
    ///
    /// # Errors
    /// [`ChainError::Reverts`] and [`ChainError::GasTooHigh`] from the estimate, [`ChainError::InsufficientNativeGas`],
    /// [`ChainError::FeeAboveCap`], [`ChainError::Backlog`] and [`ChainError::Rejected`] before anything was sent;
    /// [`ChainError::Reverted`], [`ChainError::Cancelled`], [`ChainError::DeadlinePassed`] and
    /// [`ChainError::ForeignNonce`] for what became of it.
    pub async fn send(&self, request: TxRequest) -> Result<TxReceipt> {
        let (reply, answer) = oneshot::channel();
        let stopped = || ChainError::Stopped { service: "transaction manager" };
        self.commands.send(Command { request, reply }).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}
