//! A look at the chain: what was mined, what must be raised, cancelled or sent again.

use super::{
    actor::Actor,
    flight::Flight,
    wire::{Head, Sent},
};
use crate::{ChainError, ErrorClass, Mined, Result, TxAttempt, TxState};

impl Actor {
    /// One look. Errors of the node and the journal leave the flights as they are; the next look repeats the work.
    pub(super) async fn look(&mut self) -> Result<()> {
        if self.flights.is_empty() && self.reported.is_empty() {
            return Ok(());
        }
        let head = self.wire.head().await?;
        let new_block = self.seen.is_none_or(|seen| seen.block != head.block);
        if new_block {
            let used = self.wire.used_nonces().await?;
            self.recheck_reported(head, used).await?;
            for nonce in self.nonces() {
                self.follow(nonce, head, used).await?;
            }
        } else {
            self.send_unsent().await;
        }
        self.seen = Some(head);
        Ok(())
    }

    fn nonces(&self) -> Vec<u64> {
        self.flights.keys().copied().collect()
    }

    /// Sends again what was signed and perhaps never arrived; no block needs to pass for that.
    async fn send_unsent(&mut self) {
        for nonce in self.nonces() {
            let unsent = |flight: &&mut Flight| flight.record.state == TxState::Signed;
            let Some(flight) = self.flights.get_mut(&nonce).filter(unsent) else { continue };
            if let Some(attempt) = flight.newest().cloned() {
                self.metrics.tx_rebroadcasts.inc();
                self.deliver(nonce, &attempt).await;
            }
        }
    }

    /// Mined transactions that were reported: re-mined elsewhere, back in flight, or out of a reorganisation's reach.
    async fn recheck_reported(&mut self, head: Head, used: u64) -> Result<()> {
        let nonces: Vec<u64> = self.reported.keys().copied().collect();
        for nonce in nonces {
            let Some((flight, state)) = self.reported.get(&nonce) else { continue };
            let (id, was) = (flight.record.id, flight.record.mined);
            if nonce >= used {
                self.journal(move |journal| journal.unmined(id)).await?;
                self.metrics.tx_reexposed.inc();
                tracing::warn!(nonce, "a reorg put the transaction back into flight");
                if let Some((mut flight, _)) = self.reported.remove(&nonce) {
                    flight.record.state = TxState::Signed;
                    flight.record.mined = None;
                    flight.tried_at = head.block.number;
                    self.flights.insert(nonce, flight);
                }
                continue;
            }
            let Some(was) = was else { continue };
            if head.block.number.saturating_sub(was.block) > self.config.reorg_watch_blocks {
                self.reported.remove(&nonce);
                continue;
            }
            let state = *state;
            if let Some((now, mined, _)) = self.find_receipt(nonce, true).await?
                && (mined != was || now != state)
            {
                self.journal(move |journal| journal.mined(id, now, &mined)).await?;
                if let Some((flight, state)) = self.reported.get_mut(&nonce) {
                    flight.record.mined = Some(mined);
                    *state = now;
                }
            }
        }
        Ok(())
    }

    /// The receipt of any attempt at a nonce: final state, place, and the attempt's hash.
    async fn find_receipt(&self, nonce: u64, reported: bool) -> Result<Option<(TxState, Mined, TxAttempt)>> {
        let flight = if reported {
            self.reported.get(&nonce).map(|(flight, _)| flight)
        } else {
            self.flights.get(&nonce)
        };
        let Some(flight) = flight else { return Ok(None) };
        for attempt in flight.record.attempts.iter().rev() {
            if let Some((mined, success)) = self.wire.receipt(attempt.hash).await? {
                let state = match (attempt.cancels, success) {
                    (true, _) => TxState::Cancelled,
                    (false, true) => TxState::Mined,
                    (false, false) => TxState::Reverted,
                };
                return Ok(Some((state, mined, attempt.clone())));
            }
        }
        Ok(None)
    }

    async fn follow(&mut self, nonce: u64, head: Head, used: u64) -> Result<()> {
        if nonce < used {
            return self.conclude(nonce, head).await;
        }
        let Some(flight) = self.flights.get_mut(&nonce) else { return Ok(()) };
        flight.missing_since = None;
        let plan = &flight.record.plan;
        if flight.cancelling.is_none() {
            if head.block.number >= plan.deadline {
                let cause = ChainError::DeadlinePassed { nonce, deadline: plan.deadline };
                return self.cancel(nonce, cause, head).await;
            }
            // Later nonces may depend on earlier ones, so only the first can be judged on the latest block.
            if nonce == used
                && let Err(ChainError::Reverts { revert }) = self.wire.simulate(plan).await
            {
                return self.cancel(nonce, ChainError::Cancelled { nonce, revert }, head).await;
            }
        }
        let waited = head.block.number.saturating_sub(flight.tried_at);
        if waited >= self.config.bump_every_blocks {
            return self.raise(nonce, head).await;
        }
        self.keep_alive(nonce).await
    }

    /// The nonce is used: by an attempt of ours, whose receipt may lag, or by somebody else.
    async fn conclude(&mut self, nonce: u64, head: Head) -> Result<()> {
        let Some((state, mined, _)) = self.find_receipt(nonce, false).await? else {
            let Some(flight) = self.flights.get_mut(&nonce) else { return Ok(()) };
            let since = *flight.missing_since.get_or_insert(head.block.number);
            if head.block.number.saturating_sub(since) < self.config.receipt_lag_blocks {
                return Ok(());
            }
            let error = ChainError::ForeignNonce { address: self.wire.address(), nonce };
            flight.answer(&Err(error.clone()));
            return Err(error);
        };
        let confirmations = head.block.number.saturating_sub(mined.block).saturating_add(1);
        let Some(flight) = self.flights.get(&nonce) else { return Ok(()) };
        if confirmations < self.config.confirmations {
            return Ok(());
        }
        let id = flight.record.id;
        self.journal(move |journal| journal.mined(id, state, &mined)).await?;
        match state {
            TxState::Mined => self.metrics.tx_mined.inc(),
            TxState::Reverted => self.metrics.tx_reverted.inc(),
            _ => self.metrics.tx_failed.inc(),
        }
        if let Some(mut flight) = self.flights.remove(&nonce) {
            flight.record.state = state;
            flight.record.mined = Some(mined);
            let result = flight.outcome(state, mined);
            flight.answer(&result);
            self.reported.insert(nonce, (flight, state));
        }
        Ok(())
    }

    /// Replaces the newest attempt by the same transaction, or the same cancellation, at higher fees.
    async fn raise(&mut self, nonce: u64, head: Head) -> Result<()> {
        let Some(flight) = self.flights.get_mut(&nonce) else { return Ok(()) };
        let Some(old) = flight.fees() else { return Ok(()) };
        let market = self.wire.offer(head, &self.config).await.ok();
        let Some(fees) = old.bump(market, self.config.fee_cap) else {
            self.metrics.tx_fee_capped.inc();
            tracing::warn!(nonce, "the fee cap holds back a replacement");
            return self.keep_alive(nonce).await;
        };
        let attempt = if flight.cancelling.is_some() {
            let gas = self.wire.cancel_gas().await;
            self.wire.sign_cancel(nonce, fees, gas).await?
        } else {
            self.wire.sign(&flight.record.plan, fees).await?
        };
        self.metrics.tx_bumps.inc();
        self.replace(nonce, attempt, head).await
    }

    /// Uses the nonce for a self-transfer instead.
    async fn cancel(&mut self, nonce: u64, cause: ChainError, head: Head) -> Result<()> {
        let Some(flight) = self.flights.get_mut(&nonce) else { return Ok(()) };
        let Some(old) = flight.fees() else { return Ok(()) };
        tracing::warn!(nonce, reason = %cause, "cancelling");
        flight.cancelling = Some(cause);
        let market = self.wire.offer(head, &self.config).await.ok();
        let Some(fees) = old.bump(market, self.config.fee_cap) else {
            self.metrics.tx_fee_capped.inc();
            return Ok(());
        };
        let gas = self.wire.cancel_gas().await;
        let attempt = self.wire.sign_cancel(nonce, fees, gas).await?;
        self.metrics.tx_cancels.inc();
        self.replace(nonce, attempt, head).await
    }

    /// Journals a replacement, then sends it.
    async fn replace(&mut self, nonce: u64, attempt: TxAttempt, head: Head) -> Result<()> {
        let Some(flight) = self.flights.get_mut(&nonce) else { return Ok(()) };
        flight.tried_at = head.block.number;
        let (id, signed) = (flight.record.id, attempt.clone());
        self.journal(move |journal| journal.sign(id, &signed)).await?;
        if let Some(flight) = self.flights.get_mut(&nonce) {
            flight.record.attempts.push(attempt.clone());
        }
        self.deliver(nonce, &attempt).await;
        Ok(())
    }

    /// Sends the same bytes again when the node does not have them any more.
    async fn keep_alive(&mut self, nonce: u64) -> Result<()> {
        let Some(attempt) = self.flights.get(&nonce).and_then(|flight| flight.newest().cloned()) else {
            return Ok(());
        };
        if !self.wire.is_known(attempt.hash).await? {
            self.metrics.tx_rebroadcasts.inc();
            self.deliver(nonce, &attempt).await;
        }
        Ok(())
    }

    /// Sends signed bytes of a nonce that is in flight. Whatever the node says, the nonce stays consumed; a refusal shows
    /// in the next look as a nonce that is used, or leads to a higher fee.
    async fn deliver(&mut self, nonce: u64, attempt: &TxAttempt) {
        match self.wire.send(attempt).await {
            Sent::Accepted => {
                let Some(flight) = self.flights.get_mut(&nonce) else { return };
                let id = flight.record.id;
                if flight.record.state == TxState::Signed {
                    flight.record.state = TxState::Broadcast;
                    if let Err(error) = self.journal(move |journal| journal.broadcast(id)).await {
                        tracing::warn!(%error, "the journal did not take the broadcast");
                    }
                }
            }
            Sent::NonceTooLow => tracing::debug!(nonce, "the nonce is used"),
            Sent::Underpriced => {
                // Raise again at the next block, from the fees of this attempt.
                if let Some(flight) = self.flights.get_mut(&nonce) {
                    flight.tried_at = flight.tried_at.saturating_sub(self.config.bump_every_blocks);
                }
            }
            Sent::Ambiguous(error) | Sent::Rejected(error) => {
                let halt = error.class() == ErrorClass::Fatal;
                tracing::warn!(nonce, %error, halt, "the node did not take the transaction");
            }
        }
    }
}
