//! What the solver could be asked to deliver: the slots of its live bids, each counted once.

use std::collections::BTreeMap;

use alloy::primitives::{B256, U256};
use sotto_types::{
    DEADLINE_EPOCH, Digest, LOG2_FRACTION_BITS, NO_BID, Price, Quote, SLOTS, Slot, SlotFeature, log2_q22,
    mul_div_up,
};

/// A bid: one strategy in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BidKey {
    /// The round.
    pub round: B256,
    /// The strategy.
    pub strategy: Digest,
}

/// A slot that a bid could win.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    commitment: B256,
    /// Raw units of the market's base token, at most.
    size: U256,
    /// Unix seconds after which the intent cannot be filled.
    deadline: u64,
}

/// Slots of all live bids. A slot that a strategy could win in several rounds counts once: its intent can be filled once.
/// Slots whose intents have expired do not count.
#[derive(Debug, Default)]
pub struct Exposure {
    bids: BTreeMap<BidKey, Vec<Held>>,
}

/// The largest amount whose log2 feature is `feature`: what a slot sells at most, in raw units.
pub fn largest_size(feature: i32) -> U256 {
    let Ok(feature) = u32::try_from(feature) else { return U256::ZERO };
    let exponent = feature >> LOG2_FRACTION_BITS;
    if exponent > 255 {
        return U256::MAX;
    }
    let mut low = U256::from(1) << exponent;
    // Exclusive; the wrap to zero at 2^256 is what `MAX` stands for.
    let mut high = if exponent == 255 { U256::MAX } else { low << 1 };
    while high - low > U256::from(1) {
        let middle = low + ((high - low) >> 1);
        if u32::try_from(log2_q22(middle)).is_ok_and(|log| log <= feature) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The most that a slot is worth in raw units of the base token, at the reference price.
pub fn base_size(slot: &Slot, reference: Price) -> U256 {
    let size = largest_size(slot.features[SlotFeature::Size as usize]);
    if slot.features[SlotFeature::Direction as usize] == 0 {
        return size;
    }
    mul_div_up(size, U256::from(1) << 128, reference).unwrap_or(U256::MAX)
}

fn held(slots: &[Slot; SLOTS], quotes: &[Quote; SLOTS], reference: Price) -> Vec<Held> {
    let bids = slots.iter().zip(quotes).filter(|(slot, quote)| !slot.is_empty() && **quote != NO_BID);
    bids.map(|(slot, _)| {
        let deadline = i64::from(slot.features[SlotFeature::Deadline as usize]);
        // A saturated feature stands for any later deadline.
        let deadline = if deadline == i64::from(i32::MAX) {
            u64::MAX
        } else {
            DEADLINE_EPOCH.saturating_add_signed(deadline)
        };
        Held { commitment: slot.commitment, size: base_size(slot, reference), deadline }
    })
    .collect()
}

impl Exposure {
    /// Counts the slots that a bid quotes on from now on; a second call for the same bid replaces the first, and one
    /// without quotes stops counting the bid.
    pub fn hold(&mut self, bid: BidKey, slots: &[Slot; SLOTS], quotes: &[Quote; SLOTS], reference: Price) {
        let held = held(slots, quotes, reference);
        if held.is_empty() {
            self.bids.remove(&bid);
        } else {
            self.bids.insert(bid, held);
        }
    }

    /// Stops counting a bid.
    pub fn release(&mut self, bid: &BidKey) {
        self.bids.remove(bid);
    }

    /// Bids that count.
    pub fn bids(&self) -> usize {
        self.bids.len()
    }

    /// What a strategy could have to deliver on at `now` (Unix seconds), in raw units of its market's base token.
    pub fn in_flight(&self, strategy: Digest, now: u64) -> U256 {
        let bids = self.bids.iter().filter(|(bid, _)| bid.strategy == strategy);
        total(bids.flat_map(|(_, slots)| slots), now)
    }

    /// As [`Exposure::in_flight`], with one more bid.
    pub fn with(
        &self,
        bid: BidKey,
        slots: &[Slot; SLOTS],
        quotes: &[Quote; SLOTS],
        reference: Price,
        now: u64,
    ) -> U256 {
        let others = self.bids.iter().filter(|(other, _)| other.strategy == bid.strategy && **other != bid);
        let added = held(slots, quotes, reference);
        total(others.flat_map(|(_, slots)| slots).chain(&added), now)
    }
}

fn total<'a>(slots: impl Iterator<Item = &'a Held>, now: u64) -> U256 {
    let mut distinct: BTreeMap<B256, U256> = BTreeMap::new();
    for slot in slots.filter(|slot| slot.deadline >= now) {
        let place = distinct.entry(slot.commitment).or_default();
        *place = (*place).max(slot.size);
    }
    distinct.into_values().fold(U256::ZERO, U256::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REFERENCE: u64 = 4;

    fn key(round: u8, strategy: u64) -> BidKey {
        BidKey { round: B256::with_last_byte(round), strategy: Digest::new([strategy, 0, 0, 0]).unwrap() }
    }

    fn slots(specs: &[(u8, i32, u64, i32)]) -> [Slot; SLOTS] {
        let mut slots = [Slot::default(); SLOTS];
        for (slot, (id, direction, size, deadline)) in slots.iter_mut().zip(specs) {
            slot.commitment = B256::repeat_byte(*id);
            slot.features = [*direction, log2_q22(U256::from(*size)), *deadline, 0];
        }
        slots
    }

    fn bids(n: usize) -> [Quote; SLOTS] {
        std::array::from_fn(|i| if i < n { 5 } else { NO_BID })
    }

    fn reference() -> Price {
        U256::from(REFERENCE) << 128
    }

    #[test]
    fn a_slot_in_two_rounds_counts_once_and_an_expired_one_not_at_all() {
        let mut exposure = Exposure::default();
        let slots = slots(&[(1, 0, 5, 100), (2, 1, 7, 200)]);
        let strategy = key(1, 1).strategy;
        exposure.hold(key(1, 1), &slots, &bids(2), reference());
        assert_eq!(
            exposure.in_flight(strategy, DEADLINE_EPOCH),
            U256::from(5 + 2),
            "7 quote units are 2 base units"
        );
        assert_eq!(exposure.with(key(2, 1), &slots, &bids(2), reference(), 0), U256::from(7));
        exposure.hold(key(2, 1), &slots, &bids(2), reference());
        assert_eq!(exposure.in_flight(strategy, DEADLINE_EPOCH), U256::from(7));
        assert_eq!(exposure.in_flight(strategy, DEADLINE_EPOCH + 101), U256::from(2));
        assert_eq!(exposure.in_flight(strategy, DEADLINE_EPOCH + 201), U256::ZERO);
        exposure.release(&key(1, 1));
        exposure.hold(key(2, 1), &slots, &bids(1), reference());
        assert_eq!(exposure.in_flight(strategy, DEADLINE_EPOCH), U256::from(5));
        exposure.hold(key(2, 1), &slots, &bids(0), reference());
        assert_eq!(exposure.bids(), 0);
    }

    #[test]
    fn strategies_are_counted_apart() {
        let mut exposure = Exposure::default();
        let slots = slots(&[(1, 0, 7, 100)]);
        exposure.hold(key(1, 1), &slots, &bids(1), reference());
        exposure.hold(key(1, 2), &slots, &bids(1), reference());
        assert_eq!(exposure.in_flight(key(1, 1).strategy, 0), U256::from(7));
        assert_eq!(exposure.in_flight(key(1, 3).strategy, 0), U256::ZERO);
    }

    #[test]
    fn odd_features_saturate() {
        assert_eq!(largest_size(i32::MIN), U256::ZERO);
        assert_eq!(largest_size(-1), U256::ZERO);
        assert_eq!(largest_size(0), U256::from(1));
        assert!(largest_size(i32::MAX) >= U256::MAX - U256::from(1));
        let slot = Slot { commitment: B256::ZERO, features: [1, i32::MAX, i32::MAX, 0] };
        assert_eq!(base_size(&slot, U256::from(1)), U256::MAX);
    }

    proptest! {
        #[test]
        fn the_largest_size_has_the_feature_and_the_next_one_has_not(size in 1u128..u128::MAX) {
            let feature = log2_q22(U256::from(size));
            let largest = largest_size(feature);
            prop_assert!(largest >= U256::from(size));
            prop_assert_eq!(log2_q22(largest), feature);
            prop_assert!(log2_q22(largest + U256::from(1)) > feature);
        }
    }
}
