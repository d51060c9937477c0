//! A slot binds an intent without showing it.

use alloy_primitives::{B256, keccak256};

use crate::SlotFeatures;

/// One place in a round: a hiding commitment to an intent, and the features that solvers see of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// `keccak256(intentHash, blinding)`, or zero for an empty slot.
    pub commitment: B256,
    /// Features of the intent; all zero in an empty slot.
    pub features: SlotFeatures,
}

impl Slot {
    /// Whether no intent stands behind this slot.
    pub fn is_empty(&self) -> bool {
        self.commitment.is_zero()
    }
}

/// The commitment of a slot to an intent under a uniformly random 256-bit blinding.
pub fn slot_commitment(intent_hash: B256, blinding: B256) -> B256 {
    keccak256([intent_hash.0, blinding.0].concat())
}
