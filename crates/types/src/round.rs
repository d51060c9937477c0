//! Identity of a round and the Merkle root of its results.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;

use crate::{
    Claim, MarketFeatures, SLOTS, Slot,
    data::{features_bytes, limbs, slots_bytes},
};

/// What identifies a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundHeader {
    /// Chain of the auction.
    pub chain_id: u64,
    /// The settlement contract.
    pub auction_house: Address,
    /// The market.
    pub market: B256,
    /// Who opened the round.
    pub opener: Address,
    /// Hash of the block before the one that opened it.
    pub parent_block_hash: B256,
    /// The contract's count of rounds before this one.
    pub counter: u64,
    /// [`snapshot_hash`].
    pub snapshot_hash: B256,
    /// [`slots_hash`].
    pub slots_hash: B256,
}

/// `keccak256(abi.encode(chainid, auctionHouse, market, opener, parentBlockhash, counter, snapshotHash, slotsHash))`.
pub fn round_id(header: &RoundHeader) -> B256 {
    keccak256(
        (
            U256::from(header.chain_id),
            header.auction_house,
            header.market,
            header.opener,
            header.parent_block_hash,
            U256::from(header.counter),
            header.snapshot_hash,
            header.slots_hash,
        )
            .abi_encode(),
    )
}

/// `keccak256(features (128 bytes) || reference price Q128 (32 bytes))`.
pub fn snapshot_hash(features: &MarketFeatures, reference: U256) -> B256 {
    let mut bytes: Vec<u8> = features_bytes(features).collect();
    bytes.extend_from_slice(&reference.to_be_bytes::<32>());
    keccak256(bytes)
}

/// `keccak256` of the slots as the public data has them.
pub fn slots_hash(slots: &[Slot; SLOTS]) -> B256 {
    keccak256(slots_bytes(slots))
}

/// The limbs that identify a round inside circuits: round id (8), features (32), slots (32 × 12).
pub(crate) fn round_limbs(round_id: B256, features: &MarketFeatures, slots: &[Slot; SLOTS]) -> Vec<u32> {
    let mut bytes = round_id.to_vec();
    bytes.extend(features_bytes(features));
    bytes.extend(slots_bytes(slots));
    limbs(&bytes)
}

/// A leaf of the results tree: `keccak256(uint8 slot, uint32 best, uint32 second, uint32 winner)`, packed.
pub fn results_leaf(slot: usize, claim: &Claim) -> B256 {
    let mut bytes = vec![u8::try_from(slot).unwrap_or(u8::MAX)];
    for word in [claim.best, claim.second, claim.winner] {
        bytes.extend(word.to_be_bytes());
    }
    keccak256(bytes)
}

/// Levels of the results tree from the 32 leaves to the root.
fn results_levels(claims: &[Claim; SLOTS]) -> Vec<Vec<B256>> {
    let mut levels = vec![claims.iter().enumerate().map(|(i, c)| results_leaf(i, c)).collect::<Vec<_>>()];
    while levels.last().is_some_and(|level| level.len() > 1) {
        let next = levels
            .last()
            .map(|level| {
                level.chunks_exact(2).map(|pair| keccak256([pair[0].0, pair[1].0].concat())).collect()
            })
            .unwrap_or_default();
        levels.push(next);
    }
    levels
}

/// Root of the results tree: inner nodes are `keccak256(left || right)`, positions by slot index.
pub fn results_root(claims: &[Claim; SLOTS]) -> B256 {
    results_levels(claims).last().map_or(B256::ZERO, |level| level[0])
}

/// The five siblings that open one slot of the results root, leaf level first; empty when the slot is out of range.
pub fn results_proof(claims: &[Claim; SLOTS], slot: usize) -> Vec<B256> {
    if slot >= SLOTS {
        return Vec::new();
    }
    let levels = results_levels(claims);
    levels[..levels.len() - 1].iter().enumerate().map(|(depth, level)| level[(slot >> depth) ^ 1]).collect()
}

impl crate::PublicData {
    /// The limbs that identify the round inside circuits: round id (8), features (32), slots (32 × 12); 424 in all.
    pub fn round_limbs(&self) -> Vec<u32> {
        round_limbs(self.round_id, &self.features, &self.slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_opens_the_results_root() {
        let mut claims = [Claim::default(); SLOTS];
        for (i, claim) in claims.iter_mut().enumerate() {
            *claim = Claim { best: u32::try_from(i).unwrap(), second: 1, winner: 2 };
        }
        let root = results_root(&claims);
        for (slot, claim) in claims.iter().enumerate() {
            let mut node = results_leaf(slot, claim);
            for (depth, sibling) in results_proof(&claims, slot).into_iter().enumerate() {
                let pair = if slot >> depth & 1 == 0 { [node.0, sibling.0] } else { [sibling.0, node.0] };
                node = keccak256(pair.concat());
            }
            assert_eq!(node, root);
        }
    }
}
