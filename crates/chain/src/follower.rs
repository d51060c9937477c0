//! Follows the canonical chain block by block and turns it into events.

use alloy::{consensus::BlockHeader, rpc::types::Header};
use tokio::sync::mpsc;

use crate::{
    BlockRef, ChainError, ChainEvent, ChainMetrics, LogEvent, Result,
    history::{Entry, History},
    logs::LogReader,
    watcher::Start,
};

/// Follows the chain from block to block; each step either completes or leaves the state as it was.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) reader: LogReader,
    history: History,
    events: mpsc::Sender<ChainEvent>,
    reorg_limit: usize,
    max_range: u64,
    metrics: ChainMetrics,
    latest: Option<Header>,
}

impl Follower {
    pub(crate) fn new(
        reader: LogReader,
        events: mpsc::Sender<ChainEvent>,
        reorg_limit: usize,
        max_range: u64,
        metrics: ChainMetrics,
    ) -> Self {
        let history = History::new(reorg_limit);
        Self { reader, history, events, reorg_limit, max_range: max_range.max(1), metrics, latest: None }
    }

    pub(crate) fn tip(&self) -> Option<BlockRef> {
        self.history.tip()
    }

    /// The newest header that the node showed.
    pub(crate) fn latest(&self) -> Option<&Header> {
        self.latest.as_ref()
    }

    /// Takes the starting point; may be repeated after an error.
    pub(crate) async fn begin(&mut self, start: &Start) -> Result<()> {
        if self.history.tip().is_some() {
            return Ok(());
        }
        let base = match start {
            Start::After(known) if !known.is_empty() => {
                self.history.inherit(known.clone());
                return Ok(());
            }
            Start::From(first) if *first > 0 => self.reader.header(first - 1).await?,
            Start::From(_) => {
                return self.begin_at_genesis().await;
            }
            Start::After(_) | Start::Latest => Some(self.reader.latest().await?),
        };
        let header = base.ok_or_else(|| ChainError::Missing { what: "the first block to watch".into() })?;
        self.history.begin(reference(&header));
        Ok(())
    }

    /// Hands out the genesis block too: there is no block before it to start upon.
    async fn begin_at_genesis(&mut self) -> Result<()> {
        let header = self.reader.header(0).await?;
        let header = header.ok_or_else(|| ChainError::Missing { what: "block 0".into() })?;
        let logs = self.reader.of_block(&header).await?;
        self.history.begin(reference(&header));
        self.hand_out(&header, &logs).await
    }

    /// Goes as far as the node's newest block. Returns whether anything was handed out.
    pub(crate) async fn advance(&mut self) -> Result<bool> {
        let mut moved = false;
        loop {
            let latest = self.reader.latest().await?;
            let target = reference(&latest);
            self.latest = Some(latest);
            if !self.step_towards(target).await? {
                return Ok(moved);
            }
            moved = true;
        }
    }

    /// One round of steps up to a target; false when there was nothing to do.
    async fn step_towards(&mut self, target: BlockRef) -> Result<bool> {
        let Some(mut tip) = self.history.tip() else { return Ok(false) };
        if target.number <= tip.number {
            // A node that lags shows an old block of the same chain: nothing to undo.
            if self.history.at(target.number) == Some(target) {
                return Ok(false);
            }
            // One that lags further than the history reaches tells nothing about it.
            if target.number < self.history.lowest() {
                return Err(ChainError::Missing { what: format!("block {}", tip.number) });
            }
            return self.rewind().await;
        }
        while tip.number < target.number {
            let behind = target.number - tip.number;
            let retained = u64::try_from(self.reorg_limit).unwrap_or(u64::MAX);
            if behind > retained.saturating_add(1) {
                let last = target.number - retained;
                self.backfill(tip, last).await?;
            } else if !self.extend(tip).await? {
                return self.rewind().await;
            }
            match self.history.tip() {
                Some(new) if new.number > tip.number => tip = new,
                _ => break,
            }
        }
        Ok(true)
    }

    /// Hands out the block after `tip`; false when that block has another parent.
    async fn extend(&mut self, tip: BlockRef) -> Result<bool> {
        let number = tip.number + 1;
        let header = self.reader.header(number).await?;
        let header = header.ok_or_else(|| ChainError::Missing { what: format!("block {number}") })?;
        if header.parent_hash() != tip.hash {
            return Ok(false);
        }
        let logs = self.reader.of_block(&header).await?;
        self.hand_out(&header, &logs).await?;
        self.history.push(Entry { block: reference(&header), logs });
        Ok(true)
    }

    /// Hands out a range far below the head, after checking that the tip still belongs to the chain.
    async fn backfill(&mut self, tip: BlockRef, last: u64) -> Result<()> {
        let same = self.reader.header(tip.number).await?.is_some_and(|header| header.hash == tip.hash);
        if !same {
            self.rewind().await?;
            return Ok(());
        }
        let to = last.min(tip.number.saturating_add(self.max_range));
        let (to, logs) = self.reader.of_range(tip.number + 1, to).await?;
        let header = self.reader.header(to).await?;
        let header = header.ok_or_else(|| ChainError::Missing { what: format!("block {to}") })?;
        self.hand_out(&header, &logs).await?;
        self.history.push(Entry { block: reference(&header), logs });
        Ok(())
    }

    /// Finds the newest block that is still canonical and takes everything above it back.
    async fn rewind(&mut self) -> Result<bool> {
        let Some(tip) = self.history.tip() else { return Ok(false) };
        let ancestor = self.ancestor().await?;
        let depth = tip.number.saturating_sub(ancestor.number);
        if depth == 0 {
            return Ok(false);
        }
        let removed = self.history.rewind(ancestor.number);
        if self.history.tip().is_none() {
            self.history.begin(ancestor);
        }
        self.metrics.reorgs.inc();
        self.metrics.reorg_depth_blocks.set(i64::try_from(depth).unwrap_or(i64::MAX));
        tracing::warn!(depth, ancestor = ancestor.number, "reorg");
        self.emit(ChainEvent::Rewound { to: ancestor, depth }).await?;
        for log in removed.into_iter().flat_map(|entry| entry.logs.into_iter().rev()) {
            self.metrics.logs.inc();
            self.emit(ChainEvent::Removed(log)).await?;
        }
        Ok(true)
    }

    async fn ancestor(&self) -> Result<BlockRef> {
        let too_deep =
            ChainError::ReorgTooDeep { lowest_known: self.history.lowest(), limit: self.reorg_limit };
        let tip = self.history.tip().map_or(0, |tip| tip.number);
        let limit = u64::try_from(self.reorg_limit).unwrap_or(u64::MAX);
        for block in self.history.newest_first() {
            if tip - block.number > limit {
                return Err(too_deep);
            }
            if self.reader.header(block.number).await?.is_some_and(|header| header.hash == block.hash) {
                return Ok(block);
            }
        }
        // Everything handed out is void but also still known: nothing from below the base was ever handed out.
        let below = self.history.complete_from().and_then(|base| base.checked_sub(1));
        match below {
            Some(number) if tip - number <= limit => {
                let header = self.reader.header(number).await?;
                header.map(|header| reference(&header)).ok_or(too_deep)
            }
            _ => Err(too_deep),
        }
    }

    async fn hand_out(&self, header: &Header, logs: &[LogEvent]) -> Result<()> {
        for log in logs {
            self.metrics.logs.inc();
            self.emit(ChainEvent::Added(log.clone())).await?;
        }
        self.metrics.head_number.set(i64::try_from(header.number()).unwrap_or(i64::MAX));
        self.emit(ChainEvent::Head {
            block: reference(header),
            parent: header.parent_hash(),
            timestamp: header.timestamp(),
            base_fee: header.base_fee_per_gas().unwrap_or_default(),
        })
        .await
    }

    async fn emit(&self, event: ChainEvent) -> Result<()> {
        self.events.send(event).await.map_err(|_| ChainError::Stopped { service: "event receiver" })
    }
}

fn reference(header: &Header) -> BlockRef {
    BlockRef { number: header.number(), hash: header.hash }
}
