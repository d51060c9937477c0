//! Poseidon hashing with a tag in the first element that separates domain and length, natively and in circuits.

use plonky2::{
    field::types::{Field, PrimeField64},
    hash::{
        hash_types::{HashOut, HashOutTarget},
        poseidon::PoseidonHash,
    },
    plonk::config::Hasher,
};
use sotto_types::Digest;

use crate::field::{Builder, F, Target};

/// Elements that a permutation absorbs.
pub(crate) const RATE: usize = 8;

/// What a hash is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Domain {
    /// A model's parameters.
    Weights = 1,
    /// A strategy: owner, class and model.
    Strategy = 2,
    /// A round: id, features and slots.
    Round = 3,
    /// A sheet of quotes.
    Sheet = 4,
    /// A circuit's key.
    Key = 5,
    /// The vector of public data.
    Data = 6,
    /// What the point of a check of matrix products is drawn from.
    Products = 7,
}

impl Domain {
    /// The first element of what is hashed: the domain in the upper half, `low` in the lower 32 bits.
    pub fn tag(self, low: u32) -> F {
        F::from_canonical_u64(((self as u64) << 32) | u64::from(low))
    }

    /// The tag for a message of `len` elements.
    fn length_tag(self, len: usize) -> F {
        // Messages here have a few thousand elements.
        self.tag(u32::try_from(len).unwrap_or(u32::MAX))
    }
}

/// `Poseidon(tag(domain, len), message)`.
pub fn hash(domain: Domain, message: &[F]) -> HashOut<F> {
    let mut input = vec![domain.length_tag(message.len())];
    input.extend_from_slice(message);
    PoseidonHash::hash_no_pad(&input)
}

/// [`hash`] in a circuit.
pub(crate) fn hash_targets(builder: &mut Builder, domain: Domain, message: &[Target]) -> HashOutTarget {
    let mut input = vec![builder.constant(domain.length_tag(message.len()))];
    input.extend_from_slice(message);
    builder.hash_n_to_hash_no_pad::<PoseidonHash>(input)
}

/// A hash as the vocabulary's digest.
pub fn digest(hash: HashOut<F>) -> Digest {
    // Canonical elements are below the order by definition.
    Digest::new(hash.elements.map(|e| e.to_canonical_u64())).unwrap_or_default()
}

/// A digest as the field's hash.
pub fn hash_out(digest: Digest) -> HashOut<F> {
    HashOut { elements: digest.elements().map(F::from_canonical_u64) }
}
