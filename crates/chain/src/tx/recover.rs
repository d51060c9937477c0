//! What a new process does with the transactions of the one before it.

use super::{actor::Actor, flight::Flight};
use crate::{Result, TxState};

impl Actor {
    /// Rows without a signature are ended: nothing of them can be in a pool. Signed ones fly on; they are sent again as
    /// they are, and cancelled when their deadline has passed. Recently mined ones are watched again, for a reorganisation
    /// may have dropped them meanwhile. The next nonce is the one after everything that the node and
    /// the journal know.
    pub(super) async fn recover(&mut self) -> Result<()> {
        let signer = self.wire.address();
        let head = self.wire.head().await?;
        self.next_nonce = self.wire.pending_nonces().await?;
        for mut record in self.journal(move |journal| journal.open(signer)).await? {
            if record.attempts.is_empty() {
                let id = record.id;
                self.journal(move |journal| journal.fail(id, "the process ended before it was signed"))
                    .await?;
                continue;
            }
            tracing::info!(nonce = record.plan.nonce, purpose = %record.plan.purpose, "resuming a transaction");
            // Sent or not: sending it again does no harm, and `signed` makes the first look do so.
            record.state = TxState::Signed;
            self.next_nonce = self.next_nonce.max(record.plan.nonce.saturating_add(1));
            self.flights.insert(record.plan.nonce, Flight::new(record, head.block.number));
        }
        let since = head.block.number.saturating_sub(self.config.reorg_watch_blocks);
        for record in self.journal(move |journal| journal.mined_since(signer, since)).await? {
            let (nonce, state) = (record.plan.nonce, record.state);
            self.next_nonce = self.next_nonce.max(nonce.saturating_add(1));
            self.reported.insert(nonce, (Flight::new(record, head.block.number), state));
        }
        Ok(())
    }
}
