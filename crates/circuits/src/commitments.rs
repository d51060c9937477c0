//! The hashes that bind a proof to its model, owner, round and public data, natively.

use alloy_primitives::{Address, B256};
use plonky2::{
    field::{
        extension::FieldExtension,
        types::{Field, PrimeField64},
    },
    hash::poseidon::PoseidonHash,
    plonk::config::Hasher,
};
use sotto_model::program::Program;
use sotto_types::{Digest, GOLDILOCKS_ORDER, MarketFeatures, PublicData, Quote, SLOTS, Slot, carry};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    field::{D, F},
    gadgets::arith::FE,
    parameters::{Native, Parameters, packed},
    poseidon::{Domain, digest, hash, hash_out},
};

/// 128 random bits that make a commitment hiding. A secret: never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Salt([u8; 16]);

impl Salt {
    /// A salt of 16 bytes, which must be uniformly random and used once.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn to_bytes(&self) -> [u8; 16] {
        self.0
    }

    /// The two elements that are hashed: the halves, big-endian, modulo the field's order.
    pub(crate) fn elements(&self) -> [F; 2] {
        let element = |bytes: &[u8]| {
            let value = bytes.iter().fold(0u64, |acc, &b| (acc << 8) | u64::from(b));
            F::from_canonical_u64(value % GOLDILOCKS_ORDER)
        };
        let (first, second) = self.0.split_at(8);
        [element(first), element(second)]
    }
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// A quote or feature as circuits carry it.
pub(crate) fn carried(x: i32) -> F {
    F::from_canonical_u32(carry(x))
}

/// `Poseidon(tag(WEIGHTS, len), salt, packed parameters)`; the order and packing are those of [`crate::parameters`].
pub fn model_commitment(program: &Program, salt: &Salt) -> Digest {
    let mut message = salt.elements().to_vec();
    message.extend(packed(&mut Native, program.shape(), &Parameters::of(program)));
    digest(hash(Domain::Weights, &message))
}

/// The owner's address as three elements of 6, 7 and 7 bytes.
pub(crate) fn owner_limbs(owner: Address) -> [F; 3] {
    let element =
        |bytes: &[u8]| F::from_canonical_u64(bytes.iter().fold(0u64, |acc, &b| (acc << 8) | u64::from(b)));
    let bytes = owner.as_slice();
    [element(&bytes[..6]), element(&bytes[6..13]), element(&bytes[13..])]
}

/// `strategyId`: one Poseidon permutation over owner, class and model commitment.
pub fn strategy_id(owner: Address, class_id: u32, commitment: Digest) -> Digest {
    let mut message = vec![Domain::Strategy.tag(class_id)];
    message.extend(owner_limbs(owner));
    message.extend(hash_out(commitment).elements);
    digest(PoseidonHash::hash_no_pad(&message))
}

/// The limbs of a 256-bit word, big-endian.
pub(crate) fn word_limbs(word: B256) -> [F; 8] {
    let mut limbs = [F::ZERO; 8];
    for (limb, bytes) in limbs.iter_mut().zip(word.chunks_exact(4)) {
        *limb = F::from_canonical_u32(bytes.iter().fold(0, |acc, &b| (acc << 8) | u32::from(b)));
    }
    limbs
}

/// The message of [`round_digest`]: round id (8), features (32), slots (32 × 12).
pub(crate) fn round_elements(round_id: B256, features: &MarketFeatures, slots: &[Slot; SLOTS]) -> Vec<F> {
    let mut out = word_limbs(round_id).to_vec();
    out.extend(features.iter().map(|&x| carried(x)));
    for slot in slots {
        out.extend(word_limbs(slot.commitment));
        out.extend(slot.features.iter().map(|&x| carried(x)));
    }
    out
}

/// What circuits know a round by: its id, snapshot features and slots.
pub fn round_digest(round_id: B256, features: &MarketFeatures, slots: &[Slot; SLOTS]) -> Digest {
    digest(hash(Domain::Round, &round_elements(round_id, features, slots)))
}

/// A strategy's commitment to its quotes in a round.
pub fn sheet_commitment(strategy: Digest, round: Digest, quotes: &[Quote; SLOTS], salt: &Salt) -> Digest {
    let mut message = hash_out(strategy).elements.to_vec();
    message.extend(hash_out(round).elements);
    message.extend(quotes.iter().map(|&q| carried(q)));
    message.extend(salt.elements());
    digest(hash(Domain::Sheet, &message))
}

fn data_elements(data: &PublicData) -> Vec<F> {
    data.limbs().into_iter().map(F::from_canonical_u32).collect()
}

/// β: the Poseidon digest of the public data.
pub fn data_digest(data: &PublicData) -> Digest {
    digest(hash(Domain::Data, &data_elements(data)))
}

/// γ = Σ d_i·σ^i in the quadratic extension.
pub fn gamma(data: &PublicData, sigma: [u64; 2]) -> [u64; 2] {
    let sigma = extension(sigma);
    let sum = data_elements(data).into_iter().rev().fold(FE::ZERO, |acc, d| acc * sigma + FE::from(d));
    <FE as FieldExtension<D>>::to_basefield_array(&sum).map(|e| e.to_canonical_u64())
}

/// σ as an element of the extension; components at the order or above are reduced.
pub(crate) fn extension(sigma: [u64; 2]) -> FE {
    <FE as FieldExtension<D>>::from_basefield_array(
        sigma.map(|s| F::from_canonical_u64(s % GOLDILOCKS_ORDER)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salt_is_never_printed() {
        assert_eq!(format!("{:?}", Salt::from_bytes([7; 16])), "Salt(..)");
    }

    #[test]
    fn a_strategy_depends_on_owner_class_and_model() {
        let commitment = Digest::new([1, 2, 3, 4]).unwrap();
        let id = strategy_id(Address::repeat_byte(1), 5, commitment);
        assert_ne!(id, strategy_id(Address::repeat_byte(2), 5, commitment));
        assert_ne!(id, strategy_id(Address::repeat_byte(1), 6, commitment));
        assert_ne!(id, strategy_id(Address::repeat_byte(1), 5, Digest::new([1, 2, 3, 5]).unwrap()));
    }
}
