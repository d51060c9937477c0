//! Calls of the auction house seen in the mempool, before a block holds them.

use alloy::{
    primitives::{Address, B256, Selector},
    sol_types::SolCall,
};
use sotto_contracts::IAuctionHouse;
use sotto_types::{SLOTS, Slot};

use crate::events::decode_slots;

/// Longest calldata that is decoded, bytes; an `openRound` has 1636.
const LONGEST_CALLDATA: usize = 4096;

/// A round that somebody is about to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingOpening {
    /// The market.
    pub market: B256,
    /// The slots.
    pub slots: [Slot; SLOTS],
}

/// The round that a pending transaction opens, if that is what it does. Nothing is trusted: whatever is too long, is
/// truncated, has odd offsets or ill-ordered slots is none.
pub fn pending_opening(auction_house: Address, to: Option<Address>, data: &[u8]) -> Option<PendingOpening> {
    if to != Some(auction_house) || data.len() > LONGEST_CALLDATA {
        return None;
    }
    let selector = Selector::try_from(data.get(..4)?).ok()?;
    if selector != IAuctionHouse::openRoundCall::SELECTOR {
        return None;
    }
    let call = IAuctionHouse::openRoundCall::abi_decode_validate(data).ok()?;
    let slots = decode_slots(&call.slots).ok()?;
    let filled = slots.iter().take_while(|slot| !slot.is_empty()).count();
    let ordered = slots.iter().skip(filled).all(Slot::is_empty);
    (filled > 0 && ordered).then_some(PendingOpening { market: call.market, slots })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUSE: Address = Address::repeat_byte(7);

    fn calldata(slots: Vec<u8>) -> Vec<u8> {
        IAuctionHouse::openRoundCall { market: B256::repeat_byte(3), slots: slots.into() }.abi_encode()
    }

    fn slots(filled: &[usize]) -> Vec<u8> {
        let mut bytes = vec![0; 48 * SLOTS];
        for slot in filled {
            bytes[48 * slot] = 1;
        }
        bytes
    }

    #[test]
    fn an_opening_is_decoded() {
        let opening = pending_opening(HOUSE, Some(HOUSE), &calldata(slots(&[0, 1]))).unwrap();
        assert_eq!(opening.market, B256::repeat_byte(3));
        assert_eq!(opening.slots.iter().filter(|slot| !slot.is_empty()).count(), 2);
    }

    // covers: S21
    #[test]
    fn what_is_no_opening_is_left_alone() {
        let good = calldata(slots(&[0]));
        assert_eq!(pending_opening(HOUSE, None, &good), None, "a deployment");
        assert_eq!(pending_opening(HOUSE, Some(Address::ZERO), &good), None, "another target");
        assert_eq!(pending_opening(HOUSE, Some(HOUSE), &calldata(slots(&[]))), None, "no intent");
        assert_eq!(pending_opening(HOUSE, Some(HOUSE), &calldata(slots(&[1]))), None, "a gap");
        assert_eq!(pending_opening(HOUSE, Some(HOUSE), &calldata(vec![1; 100])), None, "short slots");
        assert_eq!(pending_opening(HOUSE, Some(HOUSE), &calldata(vec![1; 5000])), None, "oversized");
        for length in 0..good.len() {
            assert_eq!(pending_opening(HOUSE, Some(HOUSE), &good[..length]), None, "cut at {length}");
        }
        let mut bomb = good.clone();
        bomb[36..68].fill(0xff);
        assert_eq!(pending_opening(HOUSE, Some(HOUSE), &bomb), None, "an offset beyond the end");
    }

    proptest! {
        // covers: S21
        #[test]
        fn arbitrary_bytes_never_panic(mut data in prop::collection::vec(any::<u8>(), 0..600)) {
            if data.len() >= 4 {
                data[..4].copy_from_slice(&IAuctionHouse::openRoundCall::SELECTOR);
            }
            let _ = pending_opening(HOUSE, Some(HOUSE), &data);
        }
    }
}
