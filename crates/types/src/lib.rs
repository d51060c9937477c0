//! The vocabulary of the auction: intents, slots, features, quotes, sheets, and the vector of public data that a proof
//! is bound to. Everything here is pure and has one canonical encoding, shared bit for bit with the contracts.

mod amount;
mod data;
mod digest;
mod features;
mod intent;
mod quote;
mod round;
mod signature;
mod slot;
mod tournament;

pub use amount::{Price, amount_out, mul_div_up};
pub use data::{Claim, DATA_BYTES, DATA_LIMBS, DataError, PublicData, SheetRef, slots_bytes};
pub use digest::{Digest, DigestError, GOLDILOCKS_ORDER, class_id};
pub use features::{
    CarriedError, DEADLINE_EPOCH, LIMIT_UNDISCLOSED, LOG2_FRACTION_BITS, MARKET_FEATURES, MODEL_FEATURES,
    MarketFeatures, SLOT_FEATURES, SlotFeature, SlotFeatures, carry, log2_q22, uncarry,
};
pub use intent::{
    Direction, Intent, IntentError, PERMIT2, WITNESS_TYPE_STRING, intent_hash, permit_digest, slot_features,
    validate_intent,
};
pub use quote::{MAX_NO_BID_PIPS, NO_BID, PIPS, PricingRule, Quote};
pub use round::{
    RoundHeader, results_leaf, results_proof, results_root, round_id, slots_hash, snapshot_hash,
};
pub use signature::{SignatureError, recover_signer};
pub use slot::{Slot, slot_commitment};
pub use tournament::{LEVELS, Standing, StandingError, merge_claims, node_descriptor, tournament};

/// Slots of a round, zero-padded where fewer are used.
pub const SLOTS: usize = 32;
/// Sheets that one tournament proof covers, zero-padded where fewer are merged.
pub const SHEETS: usize = 16;
