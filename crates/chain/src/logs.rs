//! Logs by block and by range.

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    consensus::BlockHeader,
    primitives::{Address, B256},
    providers::{DynProvider, Provider},
    rpc::types::{Filter, Header, Log},
};

use crate::{BlockRef, ChainError, ChainMetrics, LogEvent, LogId, Result};

/// Reads the logs of a set of addresses.
#[derive(Clone, Debug)]
pub(crate) struct LogReader {
    provider: DynProvider,
    addresses: Vec<Address>,
    metrics: ChainMetrics,
}

impl LogReader {
    pub(crate) fn new(provider: DynProvider, addresses: Vec<Address>, metrics: ChainMetrics) -> Self {
        Self { provider, addresses, metrics }
    }

    /// The header at a height of the canonical chain.
    pub(crate) async fn header(&self, number: u64) -> Result<Option<Header>> {
        let block = self.provider.get_block_by_number(number.into()).await?;
        Ok(block.map(|block| block.header).filter(|header| header.number() == number))
    }

    /// The newest header.
    pub(crate) async fn latest(&self) -> Result<Header> {
        let block = self.provider.get_block_by_number(alloy::eips::BlockNumberOrTag::Latest).await?;
        block.map(|block| block.header).ok_or_else(|| ChainError::Missing { what: "latest block".into() })
    }

    /// The logs of exactly one block, by its hash, in order and without duplicates. When the bloom filter promises logs
    /// and the node gives none, it is asked once more: its index may lag.
    pub(crate) async fn of_block(&self, header: &Header) -> Result<Vec<LogEvent>> {
        if self.addresses.is_empty() {
            return Ok(Vec::new());
        }
        let filter = Filter::new().address(self.addresses.clone()).at_block_hash(header.hash);
        let mut logs = self.provider.get_logs(&filter).await?;
        if logs.is_empty() && self.bloom_matches(header) {
            logs = self.provider.get_logs(&filter).await?;
        }
        let timestamps = BTreeMap::from([(header.hash, header.timestamp())]);
        self.events(logs, &timestamps)
    }

    /// The logs of blocks `from..=to` of the canonical chain; the range is halved for as long as the node refuses it.
    /// Returns how far it got, with the logs.
    pub(crate) async fn of_range(&self, from: u64, mut to: u64) -> Result<(u64, Vec<LogEvent>)> {
        if self.addresses.is_empty() {
            return Ok((to, Vec::new()));
        }
        loop {
            let filter = Filter::new().address(self.addresses.clone()).from_block(from).to_block(to);
            match self.provider.get_logs(&filter).await.map_err(ChainError::from) {
                Ok(logs) => {
                    let timestamps = self.timestamps(&logs).await?;
                    return Ok((to, self.events(logs, &timestamps)?));
                }
                Err(e) if to > from && narrower_may_pass(&e) => {
                    to = from + (to - from) / 2;
                    tracing::debug!(from, to, error = %e, "log range halved");
                }
                Err(e) => return Err(e),
            }
        }
    }

    fn bloom_matches(&self, header: &Header) -> bool {
        self.addresses.iter().any(|address| {
            let input = alloy::primitives::BloomInput::Raw(address.as_slice());
            header.logs_bloom().contains_input(input)
        })
    }

    /// Timestamps of the blocks in which the logs lie, from the logs themselves or from headers.
    async fn timestamps(&self, logs: &[Log]) -> Result<BTreeMap<B256, u64>> {
        let mut timestamps = BTreeMap::new();
        for log in logs {
            let (Some(hash), Some(number)) = (log.block_hash, log.block_number) else { continue };
            if timestamps.contains_key(&hash) {
                continue;
            }
            let timestamp = match log.block_timestamp {
                Some(timestamp) => timestamp,
                None => {
                    let header = self.header(number).await?.filter(|header| header.hash == hash);
                    let moved = || ChainError::Missing { what: format!("block {number}") };
                    header.ok_or_else(moved)?.timestamp()
                }
            };
            timestamps.insert(hash, timestamp);
        }
        Ok(timestamps)
    }

    /// Checks and orders logs. A log of another address or another block than asked for is the node's fault.
    fn events(&self, logs: Vec<Log>, timestamps: &BTreeMap<B256, u64>) -> Result<Vec<LogEvent>> {
        let mut seen = BTreeSet::new();
        let mut events = Vec::with_capacity(logs.len());
        for log in logs {
            let event = self.event(log, timestamps)?;
            if seen.insert(event.id) {
                events.push(event);
            } else {
                self.metrics.logs_duplicate.inc();
            }
        }
        events.sort_by_key(|event| (event.block.number, event.id.log_index));
        Ok(events)
    }

    fn event(&self, log: Log, timestamps: &BTreeMap<B256, u64>) -> Result<LogEvent> {
        let fault = |what: &str| ChainError::Decode { reason: format!("a log with {what}") };
        if log.removed || !self.addresses.contains(&log.address()) {
            return Err(fault("an address that was not asked for, or marked as removed"));
        }
        let hash = log.block_hash.ok_or_else(|| fault("no block hash"))?;
        let timestamp = *timestamps.get(&hash).ok_or_else(|| fault("another block's hash"))?;
        let id = LogId {
            block_hash: hash,
            tx_hash: log.transaction_hash.ok_or_else(|| fault("no transaction hash"))?,
            log_index: log.log_index.ok_or_else(|| fault("no index"))?,
        };
        let number = log.block_number.ok_or_else(|| fault("no block number"))?;
        Ok(LogEvent { id, block: BlockRef { number, hash }, timestamp, log })
    }
}

/// Whether a smaller range may be answered where this one was refused.
fn narrower_may_pass(error: &ChainError) -> bool {
    matches!(
        error,
        ChainError::Rpc { .. }
            | ChainError::ResponseTooLarge { .. }
            | ChainError::Timeout { .. }
            | ChainError::Exhausted { .. }
            | ChainError::RateLimited { .. }
            | ChainError::Transport { .. }
    )
}
