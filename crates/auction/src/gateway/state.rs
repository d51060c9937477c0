//! What becomes of an intent, and the plan of a round.

use alloy::primitives::{B256, Bytes, U256};
use serde::{Deserialize, Serialize};
use sotto_types::{Direction, Intent, Quote};

use super::{refusal::Refusal, slots::Placement};

/// Notes that are kept of one intent; older ones make room.
const LONGEST_HISTORY: usize = 16;

/// State of an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "state")]
#[non_exhaustive]
pub enum IntentState {
    /// Waits for a round.
    Waiting,
    /// Stands behind a slot of a round that is being opened or runs.
    InRound {
        /// Slots hash of the round's plan.
        plan: B256,
        /// The slot.
        slot: u8,
    },
    /// The recipient was paid.
    Filled {
        /// The round.
        round_id: B256,
        /// The slot.
        slot: u8,
        /// The winner.
        strategy: B256,
        /// Raw units that the recipient got.
        buy_amount: U256,
        /// The winner's quote in pips.
        pips: Quote,
    },
    /// The trader withdrew it.
    Cancelled,
    /// Its deadline passed before it could be filled.
    Expired,
    /// It can no longer be filled: the owner's nonce, balance or allowance is gone.
    Dropped {
        /// Why.
        refusal: Refusal,
    },
    /// It was never taken. Kept for a while in memory only.
    Refused {
        /// Why.
        refusal: Refusal,
    },
}

impl IntentState {
    /// Whether nothing more will happen to the intent, short of a reorganisation.
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Waiting | Self::InRound { .. })
    }

    /// Name of the state, the label under which it is counted.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InRound { .. } => "in-round",
            Self::Filled { .. } => "filled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Dropped { .. } => "dropped",
            Self::Refused { .. } => "refused",
        }
    }
}

/// What happened to an intent in one round that did not fill it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoundNote {
    /// The round; `None` when it was never opened.
    pub round_id: Option<B256>,
    /// Why the intent was not filled in it.
    pub reason: String,
}

/// An accepted intent as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntentRecord {
    /// Struct hash.
    pub hash: B256,
    /// The intent.
    pub intent: Intent,
    /// Its owner's signature.
    pub signature: Bytes,
    /// Its side of the market.
    pub direction: Direction,
    /// Order of arrival.
    pub sequence: u64,
    /// When it was accepted, Unix milliseconds of this machine's clock.
    pub accepted_ms: u64,
    /// Its state.
    pub state: IntentState,
    /// Rounds that did not fill it, oldest first.
    pub history: Vec<RoundNote>,
}

impl IntentRecord {
    /// Adds a note; a note about the same round is there once.
    pub fn note(&mut self, round_id: Option<B256>, reason: impl Into<String>) {
        let note = RoundNote { round_id, reason: reason.into() };
        if self.history.last() == Some(&note) {
            return;
        }
        if self.history.len() >= LONGEST_HISTORY {
            self.history.remove(0);
        }
        self.history.push(note);
    }
}

/// A round that this gateway opens, written before the transaction that opens it. Its slots hash is unique because of
/// the blindings, so the round on chain is found by it, whatever block the opening ends up in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Slots hash.
    pub slots_hash: B256,
    /// The market.
    pub market: B256,
    /// The slots as the contract takes them.
    pub slots: Bytes,
    /// What stands behind the slots, by index.
    pub placements: Vec<Placement>,
    /// Value that the opening sends, wei.
    pub value: U256,
    /// Last block in which the opening is wanted.
    pub open_until: u64,
    /// When the plan was made, Unix milliseconds of this machine's clock.
    pub created_ms: u64,
}

impl Plan {
    /// The slot behind which an intent stands.
    pub fn slot_of(&self, intent: B256) -> Option<u8> {
        let at = self.placements.iter().position(|p| p.intent == intent)?;
        u8::try_from(at).ok()
    }
}

/// The idempotency key of the transaction that opens the round with this slots hash.
pub(super) fn open_key(slots_hash: B256) -> String {
    format!("open:{slots_hash}")
}

#[cfg(test)]
mod tests {
    use super::super::refusal::RefusalCode;
    use super::*;
    use alloy::primitives::Address;

    fn record() -> IntentRecord {
        let intent = Intent {
            owner: Address::repeat_byte(1),
            recipient: Address::repeat_byte(1),
            sellToken: Address::repeat_byte(2),
            buyToken: Address::repeat_byte(3),
            sellAmount: U256::MAX,
            minBuyAmount: U256::from(1),
            validFrom: 0,
            deadline: u64::MAX,
            nonce: U256::MAX,
            market: B256::ZERO,
            appData: B256::ZERO,
        };
        IntentRecord {
            hash: B256::repeat_byte(9),
            intent,
            signature: vec![1, 2].into(),
            direction: Direction::SellsQuote,
            sequence: 7,
            accepted_ms: 8,
            state: IntentState::Waiting,
            history: Vec::new(),
        }
    }

    #[test]
    fn every_state_survives_the_ledger() {
        let refusal = Refusal::new(RefusalCode::NonceUsed, "nonce 1 is spent");
        let states = [
            IntentState::Waiting,
            IntentState::InRound { plan: B256::repeat_byte(1), slot: 31 },
            IntentState::Filled {
                round_id: B256::repeat_byte(1),
                slot: 0,
                strategy: B256::repeat_byte(2),
                buy_amount: U256::MAX,
                pips: -5,
            },
            IntentState::Cancelled,
            IntentState::Expired,
            IntentState::Dropped { refusal: refusal.clone() },
            IntentState::Refused { refusal },
        ];
        for state in states {
            let mut written = record();
            written.state = state;
            written.note(None, "x");
            let text = serde_json::to_string(&written).unwrap();
            assert_eq!(serde_json::from_str::<IntentRecord>(&text).unwrap(), written);
        }
    }

    #[test]
    fn history_is_bounded_and_keeps_the_newest() {
        let mut record = record();
        for i in 0..40 {
            record.note(None, i.to_string());
            record.note(None, i.to_string());
        }
        assert_eq!(record.history.len(), LONGEST_HISTORY);
        assert_eq!(record.history.last().unwrap().reason, "39");
    }
}
