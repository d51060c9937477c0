//! The vector of public data `d` that a settlement's proof is bound to.

use alloy_primitives::{B256, U256, keccak256};
use thiserror::Error;

use crate::{Digest, DigestError, GOLDILOCKS_ORDER, MarketFeatures, SHEETS, SLOTS, Slot, carry, uncarry};

/// 32-bit limbs of [`PublicData`].
pub const DATA_LIMBS: usize = 800;
/// Bytes of [`PublicData`], each limb big-endian.
pub const DATA_BYTES: usize = 4 * DATA_LIMBS;

/// Bytes that are no [`PublicData`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataError {
    /// Another length than [`DATA_BYTES`].
    #[error("public data has {DATA_BYTES} bytes, not {0}")]
    Length(usize),
    /// A word that should be a digest is none.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

/// Reads big-endian words and digests in order.
struct Words<'a>(std::slice::ChunksExact<'a, u8>);

impl Words<'_> {
    fn word(&mut self) -> u32 {
        self.0.next().map_or(0, |bytes| bytes.iter().fold(0, |acc, &byte| (acc << 8) | u32::from(byte)))
    }

    fn signed(&mut self) -> i32 {
        // Every word carries some value.
        uncarry(u64::from(self.word())).unwrap_or(i32::MIN)
    }

    fn bytes32(&mut self) -> B256 {
        let mut out = B256::ZERO;
        for bytes in out.0.chunks_exact_mut(4) {
            bytes.copy_from_slice(&self.word().to_be_bytes());
        }
        out
    }

    fn digest(&mut self) -> Result<Digest, DigestError> {
        Digest::try_from(self.bytes32())
    }
}

/// What a tournament claims of one slot. Quotes are carried (`x + 2^31`, 0 for no bid).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The best quote.
    pub best: u32,
    /// The second-best quote.
    pub second: u32,
    /// One more than the winner's commit index; 0 when nobody bids.
    pub winner: u32,
}

/// A sheet that a tournament covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SheetRef {
    /// One more than the commit index in the round; 0 for a null sheet, whose other fields are zero.
    pub index: u32,
    /// The strategy.
    pub strategy: Digest,
    /// Its commitment to the quotes.
    pub commitment: Digest,
}

/// Everything public that a settlement's proof speaks of, of fixed length; the contract rebuilds it from its storage.
///
/// Field order and widths in bytes: round id 32, key-set root 32, 32 market features of 4, 32 slots of 32 + 4·4,
/// 32 claims of 3·4, 16 sheets of 4 + 32 + 32.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicData {
    /// The round.
    pub round_id: B256,
    /// Root of the set of allowed circuit keys, as the round pinned it.
    pub key_set_root: Digest,
    /// The snapshot's features.
    pub features: MarketFeatures,
    /// The round's slots.
    pub slots: [Slot; SLOTS],
    /// What is claimed of each slot.
    pub claims: [Claim; SLOTS],
    /// The sheets covered: strictly increasing indices, null sheets last.
    pub sheets: [SheetRef; SHEETS],
}

impl PublicData {
    /// The canonical encoding, [`DATA_BYTES`] long.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(DATA_BYTES);
        out.extend_from_slice(self.round_id.as_slice());
        out.extend_from_slice(self.key_set_root.to_word().as_slice());
        out.extend(features_bytes(&self.features));
        out.extend(slots_bytes(&self.slots));
        for claim in &self.claims {
            for word in [claim.best, claim.second, claim.winner] {
                out.extend(word.to_be_bytes());
            }
        }
        for sheet in &self.sheets {
            out.extend(sheet.index.to_be_bytes());
            out.extend_from_slice(sheet.strategy.to_word().as_slice());
            out.extend_from_slice(sheet.commitment.to_word().as_slice());
        }
        out
    }

    /// Decodes [`Self::to_bytes`].
    ///
    /// # Errors
    /// When the length is another one, or a digest is not canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DataError> {
        if bytes.len() != DATA_BYTES {
            return Err(DataError::Length(bytes.len()));
        }
        let mut words = Words(bytes.chunks_exact(4));
        let (round_id, key_set_root) = (words.bytes32(), words.digest()?);
        let features = std::array::from_fn(|_| words.signed());
        let slots = std::array::from_fn(|_| Slot {
            commitment: words.bytes32(),
            features: std::array::from_fn(|_| words.signed()),
        });
        let claims =
            std::array::from_fn(|_| Claim { best: words.word(), second: words.word(), winner: words.word() });
        let mut sheets = [SheetRef::default(); SHEETS];
        for sheet in &mut sheets {
            *sheet = SheetRef { index: words.word(), strategy: words.digest()?, commitment: words.digest()? };
        }
        Ok(Self { round_id, key_set_root, features, slots, claims, sheets })
    }

    /// The encoding as [`DATA_LIMBS`] limbs of 32 bits.
    pub fn limbs(&self) -> Vec<u32> {
        limbs(&self.to_bytes())
    }

    /// The challenge σ, two field elements drawn from Keccak over everything that fixes the statement:
    /// `keccak(keccak("sotto.sigma.v1"), chainId, auctionHouse, roundId, d, β)`.
    pub fn sigma(&self, chain_id: u64, auction_house: alloy_primitives::Address, beta: Digest) -> [u64; 2] {
        let mut preimage = Vec::with_capacity(DATA_BYTES + 148);
        preimage.extend_from_slice(keccak256("sotto.sigma.v1").as_slice());
        preimage.extend_from_slice(&U256::from(chain_id).to_be_bytes::<32>());
        preimage.extend_from_slice(auction_house.as_slice());
        preimage.extend_from_slice(self.round_id.as_slice());
        preimage.extend(self.to_bytes());
        preimage.extend_from_slice(beta.to_word().as_slice());
        let hash = keccak256(preimage);
        let element = |at: usize| {
            hash[at..at + 8].iter().fold(0u64, |acc, &b| (acc << 8) | u64::from(b)) % GOLDILOCKS_ORDER
        };
        [element(0), element(8)]
    }
}

/// Market features as the public data has them, 128 bytes.
pub(crate) fn features_bytes(features: &MarketFeatures) -> impl Iterator<Item = u8> {
    features.iter().flat_map(|&x| carry(x).to_be_bytes())
}

/// Slots as the public data has them and as the contract takes them, 1536 bytes. The features of an empty slot are
/// carried zeros.
pub fn slots_bytes(slots: &[Slot; SLOTS]) -> Vec<u8> {
    let mut out = Vec::with_capacity(48 * SLOTS);
    for slot in slots {
        out.extend_from_slice(slot.commitment.as_slice());
        out.extend(slot.features.iter().flat_map(|&x| carry(x).to_be_bytes()));
    }
    out
}

/// Big-endian bytes as 32-bit limbs.
pub(crate) fn limbs(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|b| b.iter().fold(0, |acc, &b| (acc << 8) | u32::from(b))).collect()
}
