//! How intents come in and are withdrawn. The cheapest check comes first; nothing is answered before it is durable.

use std::time::Instant;

use alloy::{
    primitives::{Address, B256, Bytes},
    sol,
    sol_types::{Eip712Domain, SolStruct},
};
use sotto_store::IntentStatus;
use sotto_types::{Direction, Intent, SignatureError, intent_hash, permit_digest, validate_intent};

use super::{
    core::{Core, unix_ms},
    feed::News,
    ledger::Move,
    metrics::Timed,
    owner::is_counterfactual,
    refusal::{Refusal, RefusalCode},
    state::{IntentRecord, IntentState},
};
use crate::AuctionId;

sol! {
    /// What an owner signs to withdraw an intent from a gateway.
    #[derive(Debug)]
    struct CancelIntent {
        bytes32 intentHash;
    }
}

/// The digest of a cancellation: EIP-712 `CancelIntent(bytes32 intentHash)` under the domain `sotto`, version `1`, of the
/// chain and the auction house.
pub fn cancel_digest(auction: &AuctionId, intent_hash: B256) -> B256 {
    let domain = Eip712Domain {
        name: Some("sotto".into()),
        version: Some("1".into()),
        chain_id: Some(alloy::primitives::U256::from(auction.chain_id)),
        verifying_contract: Some(auction.auction_house),
        salt: None,
    };
    CancelIntent { intentHash: intent_hash }.eip712_signing_hash(&domain)
}

impl Core {
    /// Takes an intent: checked, in the ledger, and in the book when this returns.
    ///
    /// # Errors
    /// A [`Refusal`]; it is counted, and for a while the state of the intent.
    pub(super) async fn send_intent(&self, intent: Intent, signature: Bytes) -> Result<B256, Refusal> {
        let seen = Instant::now();
        let hash = intent_hash(&intent);
        let result = self.admit(hash, &intent, &signature).await;
        match result {
            Ok(()) => {
                self.metrics.accepted.inc();
                self.metrics.timed(Timed::Intake, seen.elapsed());
                self.wake.notify_one();
                Ok(hash)
            }
            Err(refusal) => {
                self.metrics.refused(refusal.code);
                self.remember_refusal(hash, intent, &refusal);
                Err(refusal)
            }
        }
    }

    async fn admit(&self, hash: B256, intent: &Intent, signature: &Bytes) -> Result<(), Refusal> {
        let direction = self.check_shape(intent, signature)?;
        self.state.lock().book.check(hash, intent)?;
        self.not_ended(hash).await?;
        let _place = self.intake.try_acquire().map_err(|_| busy())?;
        let digest = permit_digest(intent, self.auction.chain_id, self.auction.auction_house);
        let recovered = self.recover_if_key(digest, signature).await;
        self.owners.check(intent, digest, signature, recovered).await?;
        self.store(hash, intent, signature, direction).await
    }

    /// Checks without a question to anybody.
    fn check_shape(&self, intent: &Intent, signature: &Bytes) -> Result<Direction, Refusal> {
        if self.cancel.is_cancelled() {
            return Err(Refusal::new(RefusalCode::ShuttingDown, "the gateway is shutting down"));
        }
        if signature.is_empty() || signature.len() > self.config.max_signature_bytes {
            let reason =
                format!("{} bytes, expected 1 to {}", signature.len(), self.config.max_signature_bytes);
            return Err(Refusal::new(RefusalCode::BadSignature, reason));
        }
        if is_counterfactual(signature) {
            return Err(Refusal::new(RefusalCode::NotDeployed, "the signature is an ERC-6492 one"));
        }
        let market =
            self.markets.get(&intent.market).ok_or_else(|| Refusal::unknown_market(intent.market))?;
        let Some(head) = self.head() else {
            return Err(Refusal::new(RefusalCode::ChainUnavailable, "no block was seen yet"));
        };
        let direction = validate_intent(intent, market.params.base, market.params.quote, head.timestamp)?;
        if intent.recipient == self.auction.auction_house {
            return Err(Refusal::new(RefusalCode::MalformedIntent, "recipient is the auction house"));
        }
        Ok(direction)
    }

    /// The ledger knows intents that the book has forgotten.
    async fn not_ended(&self, hash: B256) -> Result<(), Refusal> {
        match self.books.intent(hash).await {
            Ok(None) => Ok(()),
            Ok(Some(row)) => Err(Refusal::new(
                RefusalCode::AlreadyKnown,
                format!("intent {hash} was accepted before and is {}", row.status),
            )),
            Err(error) => Err(storage_failed(&error)),
        }
    }

    async fn recover_if_key(&self, digest: B256, signature: &Bytes) -> Result<Address, SignatureError> {
        match signature.len() {
            64 | 65 => self.recover(digest, signature.clone()).await,
            n => Err(SignatureError::Length(n)),
        }
    }

    /// Reserves the place in the book, writes, and only then makes the intent a candidate. Of two equal intents that get
    /// here at once the book takes one; of two on either side of a restart the ledger does.
    async fn store(
        &self,
        hash: B256,
        intent: &Intent,
        signature: &Bytes,
        direction: Direction,
    ) -> Result<(), Refusal> {
        let accepted_ms = unix_ms();
        let record = {
            let mut state = self.state.lock();
            let live = state.book.insert(hash, intent.clone(), signature.clone(), direction, accepted_ms)?;
            let sequence = live.sequence;
            state.book.assign(&hash, B256::ZERO);
            IntentRecord {
                hash,
                intent: intent.clone(),
                signature: signature.clone(),
                direction,
                sequence,
                accepted_ms,
                state: IntentState::Waiting,
                history: Vec::new(),
            }
        };
        let written = self.books.accept(intent.clone(), signature.clone(), accepted_ms).await;
        let mut state = self.state.lock();
        match written {
            Ok(true) => {
                let record = state.remember(record);
                state.book.release(&hash);
                drop(state);
                self.feed.publish(&News::Intent(record));
                self.gauge();
                Ok(())
            }
            Ok(false) => {
                state.book.remove(&hash);
                Err(Refusal::new(RefusalCode::AlreadyKnown, format!("intent {hash} was accepted before")))
            }
            Err(error) => {
                state.book.remove(&hash);
                Err(storage_failed(&error))
            }
        }
    }

    /// Keeps a refusal for questions, unless something is known of the intent.
    fn remember_refusal(&self, hash: B256, intent: Intent, refusal: &Refusal) {
        let mut state = self.state.lock();
        let known = state.records.get(&hash).is_some_and(|r| !matches!(r.state, IntentState::Refused { .. }));
        if known || refusal.code == RefusalCode::AlreadyKnown {
            return;
        }
        state.remember(IntentRecord {
            hash,
            intent,
            signature: Bytes::new(),
            direction: Direction::SellsBase,
            sequence: 0,
            accepted_ms: unix_ms(),
            state: IntentState::Refused { refusal: refusal.clone() },
            history: Vec::new(),
        });
    }

    /// Withdraws an intent that waits: by its owner's signature of [`cancel_digest`], or without one when its Permit2
    /// nonce is spent. An intent in a round ends with the round; a spent nonce keeps it from being filled.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub(super) async fn cancel_intent(&self, hash: B256, signature: Option<Bytes>) -> Result<(), Refusal> {
        // Anybody can ask.
        let result = self.withdraw(hash, signature).await.map_err(Refusal::without_contents);
        if let Err(refusal) = &result {
            self.metrics.refused(refusal.code);
        }
        result
    }

    async fn withdraw(&self, hash: B256, signature: Option<Bytes>) -> Result<(), Refusal> {
        let record = self.find(hash).await?;
        if let IntentState::Refused { .. } = record.state {
            return Err(Refusal::unknown_intent(hash));
        }
        if record.state.is_final() {
            let reason = format!("intent {hash} is {}", record.state.label());
            return Err(Refusal::new(RefusalCode::AlreadyFinal, reason));
        }
        let spent = self.authorised(&record, signature).await?;
        let in_round = {
            let mut state = self.state.lock();
            let waits = state.book.get(&hash).is_some_and(|live| live.plan.is_none());
            if waits {
                // Out of reach of the next round while the ledger is written.
                state.book.assign(&hash, B256::ZERO);
            }
            !waits
        };
        if in_round {
            let hint = if spent { "; it will not be filled, and ends with the round" } else { "" };
            return Err(Refusal::new(
                RefusalCode::InRound,
                format!("intent {hash} is in a running round{hint}"),
            ));
        }
        let change = Move { hash, from: IntentStatus::Open, to: IntentState::Cancelled, note: None };
        match self.make(vec![change]).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.state.lock().book.release(&hash);
                Err(storage_failed(&error))
            }
        }
    }

    /// Whether the caller may withdraw the intent; true when it is because the nonce is spent.
    async fn authorised(&self, record: &IntentRecord, signature: Option<Bytes>) -> Result<bool, Refusal> {
        let owner = record.intent.owner;
        let _place = self.intake.try_acquire().map_err(|_| busy())?;
        let Some(signature) = signature else {
            let spent = self.owners.in_time(self.owners.nonce_spent(owner, record.intent.nonce)).await?;
            let open = || {
                Refusal::new(RefusalCode::NonceStillOpen, format!("nonce {} is unspent", record.intent.nonce))
            };
            return if spent { Ok(true) } else { Err(open()) };
        };
        if signature.is_empty() || signature.len() > self.config.max_signature_bytes {
            let reason =
                format!("{} bytes, expected 1 to {}", signature.len(), self.config.max_signature_bytes);
            return Err(Refusal::new(RefusalCode::BadSignature, reason));
        }
        let digest = cancel_digest(&self.auction, record.hash);
        let recovered = self.recover_if_key(digest, &signature).await;
        self.owners.in_time(self.owners.signed(owner, digest, &signature, recovered)).await?;
        Ok(false)
    }

    /// What is known of an intent.
    ///
    /// # Errors
    /// [`RefusalCode::UnknownIntent`], [`RefusalCode::StorageFailed`].
    pub(super) async fn find(&self, hash: B256) -> Result<std::sync::Arc<IntentRecord>, Refusal> {
        if let Some(record) = self.state.lock().records.get(&hash) {
            return Ok(std::sync::Arc::clone(record));
        }
        match self.books.intent(hash).await {
            Ok(Some(row)) => Ok(std::sync::Arc::new(self.record_of(row, 0))),
            Ok(None) => Err(Refusal::unknown_intent(hash)),
            Err(error) => Err(storage_failed(&error)),
        }
    }

    /// An intent's record as the ledger has it.
    pub(super) fn record_of(&self, row: sotto_store::StoredIntent, sequence: u64) -> IntentRecord {
        let (state, note) = super::ledger::state_of(&row);
        let base = self.markets.get(&row.intent.market).map(|market| market.params.base);
        let sells_base = base.is_none_or(|base| base == row.intent.sellToken);
        let mut record = IntentRecord {
            hash: row.hash,
            direction: if sells_base { Direction::SellsBase } else { Direction::SellsQuote },
            intent: row.intent,
            signature: row.signature,
            sequence,
            accepted_ms: row.received_ms,
            state,
            history: Vec::new(),
        };
        if let Some(note) = note {
            record.note(None, note);
        }
        record
    }
}

fn busy() -> Refusal {
    Refusal::new(RefusalCode::Busy, "as many requests as the gateway takes on are in work")
}

pub(super) fn storage_failed(error: &sotto_store::StoreError) -> Refusal {
    tracing::error!(%error, "the ledger failed");
    Refusal::new(RefusalCode::StorageFailed, "the ledger could not be used")
}
