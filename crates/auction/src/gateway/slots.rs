//! From waiting intents to the slots of a round.

use alloy::primitives::{B256, U256};
use rand::{RngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use sotto_types::{Direction, Intent, SLOTS, Slot, slot_commitment, slot_features, slots_hash};

/// An intent behind a slot, with what opens the slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Struct hash of the intent.
    pub intent: B256,
    /// The intent's side, which the slot shows.
    pub direction: Direction,
    /// Blinding of the slot's commitment; secret until the fill.
    pub blinding: B256,
}

/// The slots of a round with the placements behind them, by slot index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// All slots; the empty ones are at the end.
    pub slots: [Slot; SLOTS],
    /// What stands behind the non-empty ones.
    pub placements: Vec<Placement>,
}

/// A candidate for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Struct hash of the intent.
    pub hash: B256,
    /// Its side of the market.
    pub direction: Direction,
    /// The intent.
    pub intent: Intent,
}

impl Assignment {
    /// Places candidates, the first [`SLOTS`] of them, under fresh random blindings.
    pub fn new(candidates: &[Candidate]) -> Self {
        Self::with_blindings(candidates, || {
            let mut blinding = B256::ZERO;
            OsRng.fill_bytes(blinding.as_mut_slice());
            blinding
        })
    }

    fn with_blindings(candidates: &[Candidate], mut blinding: impl FnMut() -> B256) -> Self {
        let mut slots = [Slot::default(); SLOTS];
        let mut placements = Vec::with_capacity(candidates.len().min(SLOTS));
        for (slot, candidate) in slots.iter_mut().zip(candidates) {
            let Candidate { hash, direction, intent } = candidate;
            let blinding = blinding();
            *slot = Slot {
                commitment: slot_commitment(*hash, blinding),
                features: slot_features(intent, *direction),
            };
            placements.push(Placement { intent: *hash, direction: *direction, blinding });
        }
        Self { slots, placements }
    }

    /// `keccak256` of the encoded slots; unique to this assignment because of the blindings.
    pub fn hash(&self) -> B256 {
        slots_hash(&self.slots)
    }
}

/// The value that `openRound` needs: the opener's bond for each slot taken, and the reward for the first settlement.
pub fn open_value(opener_bond: U256, settle_reward: U256, taken: usize) -> U256 {
    opener_bond.saturating_mul(U256::from(taken)).saturating_add(settle_reward)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Address, keccak256};
    use sotto_types::intent_hash;

    fn candidates(n: u64) -> Vec<Candidate> {
        (0..n)
            .map(|i| {
                let intent = Intent {
                    owner: Address::repeat_byte(1),
                    recipient: Address::repeat_byte(1),
                    sellToken: Address::repeat_byte(2),
                    buyToken: Address::repeat_byte(3),
                    sellAmount: U256::from(1000 + i),
                    minBuyAmount: U256::from(1),
                    validFrom: 0,
                    deadline: 1_790_000_000,
                    nonce: U256::from(i),
                    market: B256::ZERO,
                    appData: B256::ZERO,
                };
                Candidate { hash: intent_hash(&intent), direction: Direction::SellsBase, intent }
            })
            .collect()
    }

    #[test]
    fn slots_taken_come_first_and_open_to_their_intents() {
        let taken = candidates(5);
        let assignment = Assignment::new(&taken);
        assert_eq!(assignment.placements.len(), 5);
        for (i, slot) in assignment.slots.iter().enumerate() {
            assert_eq!(slot.is_empty(), i >= 5);
            if let (Some(p), Some(c)) = (assignment.placements.get(i), taken.get(i)) {
                assert_eq!(p.intent, c.hash);
                assert_eq!(slot.commitment, slot_commitment(c.hash, p.blinding));
                assert_eq!(slot.features, slot_features(&c.intent, c.direction));
            } else {
                assert_eq!(*slot, Slot::default());
            }
        }
    }

    #[test]
    fn a_round_takes_no_more_intents_than_it_has_slots() {
        let assignment = Assignment::new(&candidates(40));
        assert_eq!(assignment.placements.len(), SLOTS);
        assert!(assignment.slots.iter().all(|s| !s.is_empty()));
    }

    #[test]
    fn the_same_intent_is_hidden_anew_in_every_round() {
        let taken = candidates(1);
        assert_ne!(Assignment::new(&taken).hash(), Assignment::new(&taken).hash());
    }

    #[test]
    fn the_encoding_hashes_to_what_the_round_records() {
        let assignment = Assignment::new(&candidates(3));
        let bytes = sotto_types::slots_bytes(&assignment.slots);
        assert_eq!(bytes.len(), 48 * SLOTS);
        assert_eq!(keccak256(&bytes), assignment.hash());
    }

    #[test]
    fn the_opener_leaves_a_bond_per_slot_taken_and_the_reward() {
        assert_eq!(open_value(U256::from(10), U256::from(7), 3), U256::from(37));
    }
}
