//! What the watcher hands out.

use alloy::{
    primitives::{B256, TxHash},
    rpc::types::Log,
};
use serde::{Deserialize, Serialize};

/// A block by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Height.
    pub number: u64,
    /// Hash.
    pub hash: B256,
}

/// Identity of a log: the same log re-mined in another block is another event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogId {
    /// Hash of the block that holds it.
    pub block_hash: B256,
    /// The transaction that emitted it.
    pub tx_hash: TxHash,
    /// Its index within the block.
    pub log_index: u64,
}

/// A log of a watched address, with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Identity, unique over reorganisations.
    pub id: LogId,
    /// Block that holds it.
    pub block: BlockRef,
    /// That block's timestamp, Unix seconds.
    pub timestamp: u64,
    /// The log as the node gave it.
    pub log: Log,
}

/// Events in the order of the canonical chain. The logs of a block come before its `Head`; after `Head` everything of the
/// block has been handed out, so `Head` is what a consumer persists as its cursor.
///
/// A reorganisation is announced as one `Rewound`, then the `Removed` logs that this watcher had handed out, newest first,
/// then the new branch. State above `Rewound::to` is void even where no `Removed` follows: after a restart the watcher
/// does not know the logs of the old branch, the consumer's ledger does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainEvent {
    /// A log of the canonical chain.
    Added(LogEvent),
    /// A log that left the canonical chain.
    Removed(LogEvent),
    /// The chain was reorganised: blocks above `to` are void.
    Rewound {
        /// The newest block that both branches share.
        to: BlockRef,
        /// Blocks dropped.
        depth: u64,
    },
    /// A block is complete. Numbers are consecutive, except that a long backfill reports only the last block of each range.
    Head {
        /// Number and hash.
        block: BlockRef,
        /// Hash of its parent.
        parent: B256,
        /// Unix seconds.
        timestamp: u64,
        /// Base fee, wei per gas.
        base_fee: u64,
    },
}
