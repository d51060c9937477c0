//! The hash of the proofs that the chain verifies: Keccak-256 of big-endian words, which are the EVM's own.
//!
//! plonky2's `KeccakHash` takes elements in little-endian order, which costs the chain a reversal of every element's bytes;
//! its challenger takes three hashes for every eight elements absorbed. Here elements are eight bytes big-endian, and the
//! challenger's state is one digest that is hashed with up to 64 elements at a time.

use std::array;

use alloy_primitives::{B256, Keccak256, keccak256};
use plonky2::{
    field::types::{Field, Field64, PrimeField64},
    hash::{hashing::PlonkyPermutation, poseidon::PoseidonHash},
    plonk::config::{GenericConfig, GenericHashOut, Hasher},
};
use serde::{Deserialize, Serialize};

use crate::field::{D, F};

/// Bytes of a digest: Keccak-256, truncated to 200 bits.
pub const DIGEST_BYTES: usize = 25;
/// Bytes of a digest in one element, so that every value is below the order.
const ELEMENT_BYTES: usize = 7;

/// A digest: a leaf's, or a node's of a Merkle tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvmDigest(pub [u8; DIGEST_BYTES]);

impl GenericHashOut<F> for EvmDigest {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// As everywhere in plonky2, it is the caller who knows the length.
    fn from_bytes(bytes: &[u8]) -> Self {
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(bytes);
        Self(digest)
    }

    /// Seven bytes big-endian an element, the last one four.
    fn to_vec(&self) -> Vec<F> {
        self.0
            .chunks(ELEMENT_BYTES)
            .map(|bytes| {
                F::from_canonical_u64(bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)))
            })
            .collect()
    }
}

impl From<B256> for EvmDigest {
    fn from(hash: B256) -> Self {
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(&hash[..DIGEST_BYTES]);
        Self(digest)
    }
}

/// Elements of the challenger's state that are a digest, all of them squeezed.
const OUTPUTS: usize = 4;
/// Elements that it absorbs at once.
const INPUTS: usize = 64;

/// The challenger's state: four elements, and the inputs that the next permutation takes.
///
/// With `s` the four elements and `x` the inputs written since the last permutation, all big-endian, the next state is the
/// first of `H(s || x)`, `H(H(s || x))`, ... whose four words are all below the order; `H` is Keccak-256. Every
/// challenge is a whole word of such a state, uniform among the elements. The inputs' number is part of what is hashed, and
/// inputs are forgotten once taken, for the state depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvmSponge {
    /// The four elements, then inputs, zero where none is written.
    elements: [F; OUTPUTS + INPUTS],
    inputs: usize,
}

impl EvmSponge {
    /// The message that the next permutation hashes, an element a word.
    pub fn message(&self) -> &[F] {
        &self.elements[..OUTPUTS + self.inputs]
    }
}

impl Default for EvmSponge {
    fn default() -> Self {
        Self { elements: [F::ZERO; OUTPUTS + INPUTS], inputs: 0 }
    }
}

impl AsRef<[F]> for EvmSponge {
    fn as_ref(&self) -> &[F] {
        &self.elements
    }
}

/// The four words of a hash.
fn words(hash: &B256) -> [u64; OUTPUTS] {
    array::from_fn(|i| {
        let mut word = [0; 8];
        word.copy_from_slice(&hash[8 * i..8 * (i + 1)]);
        u64::from_be_bytes(word)
    })
}

/// The hash itself if its words are below the order, or the first of its iterated hashes for which they are.
fn first_canonical(mut hash: B256) -> [F; OUTPUTS] {
    loop {
        let words = words(&hash);
        if words.iter().all(|&word| word < F::ORDER) {
            return words.map(F::from_canonical_u64);
        }
        hash = keccak256(hash);
    }
}

/// Keccak-256 of elements, eight bytes big-endian each.
fn hash_elements(elements: &[F]) -> B256 {
    let mut hasher = Keccak256::new();
    for element in elements {
        hasher.update(element.to_canonical_u64().to_be_bytes());
    }
    hasher.finalize()
}

impl PlonkyPermutation<F> for EvmSponge {
    const RATE: usize = INPUTS;
    const WIDTH: usize = OUTPUTS + INPUTS;

    /// A state whose four elements are the first of these, without inputs.
    fn new<I: IntoIterator<Item = F>>(elements: I) -> Self {
        let mut state = Self::default();
        for (to, from) in state.elements[..OUTPUTS].iter_mut().zip(elements) {
            *to = from;
        }
        state
    }

    fn set_elt(&mut self, element: F, index: usize) {
        self.elements[OUTPUTS + index] = element;
        self.inputs = self.inputs.max(index + 1);
    }

    fn set_from_iter<I: IntoIterator<Item = F>>(&mut self, elements: I, start: usize) {
        for (index, element) in (start..INPUTS).zip(elements) {
            self.set_elt(element, index);
        }
    }

    fn set_from_slice(&mut self, elements: &[F], start: usize) {
        self.set_from_iter(elements.iter().copied(), start);
    }

    fn permute(&mut self) {
        let outputs = first_canonical(hash_elements(self.message()));
        *self = Self::new(outputs);
    }

    fn squeeze(&self) -> &[F] {
        &self.elements[..OUTPUTS]
    }
}

/// Keccak-256 over big-endian elements, truncated to [`DIGEST_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvmHash;

impl Hasher<F> for EvmHash {
    const HASH_SIZE: usize = DIGEST_BYTES;
    type Hash = EvmDigest;
    type Permutation = EvmSponge;

    fn hash_no_pad(input: &[F]) -> EvmDigest {
        hash_elements(input).into()
    }

    fn two_to_one(left: EvmDigest, right: EvmDigest) -> EvmDigest {
        let mut pair = [0; 2 * DIGEST_BYTES];
        pair[..DIGEST_BYTES].copy_from_slice(&left.0);
        pair[DIGEST_BYTES..].copy_from_slice(&right.0);
        keccak256(pair).into()
    }
}

/// The configuration of circuits whose proofs the chain verifies: [`EvmHash`] for trees and challenges, Poseidon for the
/// public inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvmConfig;

impl GenericConfig<D> for EvmConfig {
    type F = F;
    type FE = plonky2::field::extension::quadratic::QuadraticExtension<F>;
    type Hasher = EvmHash;
    type InnerHasher = PoseidonHash;
}

#[cfg(test)]
mod tests {
    use plonky2::{
        field::{goldilocks_field::GoldilocksField, types::Sample},
        iop::challenger::Challenger,
    };

    use super::*;

    fn bytes(elements: &[F]) -> Vec<u8> {
        elements.iter().flat_map(|x| x.to_canonical_u64().to_be_bytes()).collect()
    }

    #[test]
    fn leaves_and_nodes_are_keccak_of_big_endian_bytes() {
        let leaf = F::rand_vec(37);
        let digest = EvmHash::hash_or_noop(&leaf);
        assert_eq!(digest.0, keccak256(bytes(&leaf))[..DIGEST_BYTES]);
        let other = EvmHash::hash_no_pad(&leaf[1..]);
        let node = EvmHash::two_to_one(digest, other);
        assert_eq!(node.0, keccak256([digest.0, other.0].concat())[..DIGEST_BYTES]);
        // elements that are not reduced are the same elements
        assert_eq!(
            EvmHash::hash_no_pad(&[GoldilocksField(F::ORDER + 5); 4]),
            EvmHash::hash_no_pad(&[F::from_canonical_u64(5); 4])
        );
    }

    #[test]
    fn a_digests_elements_are_its_bytes() {
        let digest = EvmDigest(array::from_fn(|i| i as u8 + 0xe0));
        let expected = [0x00e0_e1e2_e3e4_e5e6, 0x00e7_e8e9_eaeb_eced, 0x00ee_eff0_f1f2_f3f4, 0xf5f6_f7f8];
        assert_eq!(GenericHashOut::<F>::to_vec(&digest), expected.map(F::from_canonical_u64));
        assert_eq!(EvmDigest::from_bytes(&digest.to_bytes()), digest);
    }

    #[test]
    fn challenges_are_words_of_the_chained_hashes_from_the_last_on() {
        let observed = F::rand_vec(INPUTS + 3);
        let mut challenger = Challenger::<F, EvmHash>::new();
        challenger.observe_elements(&observed);
        let first = keccak256([vec![0; 32], bytes(&observed[..INPUTS])].concat());
        let second = keccak256([first.to_vec(), bytes(&observed[INPUTS..])].concat());
        let third = keccak256(second);
        for hash in [second, third] {
            for word in words(&hash).into_iter().rev() {
                assert_eq!(challenger.get_challenge().to_canonical_u64(), word);
            }
        }
        challenger.observe_element(F::ONE);
        let fourth = keccak256([third.to_vec(), bytes(&[F::ONE])].concat());
        assert_eq!(challenger.get_challenge().to_canonical_u64(), words(&fourth)[3]);
    }

    #[test]
    fn a_hash_with_a_word_from_the_order_upwards_is_hashed_again() {
        for at in 0..OUTPUTS {
            for word in [F::ORDER, u64::MAX] {
                let mut hash = keccak256([at as u8]);
                hash[8 * at..8 * (at + 1)].copy_from_slice(&word.to_be_bytes());
                assert_eq!(first_canonical(hash), words(&keccak256(hash)).map(F::from_canonical_u64));
            }
            let mut hash = keccak256([at as u8]);
            hash[8 * at..8 * (at + 1)].copy_from_slice(&(F::ORDER - 1).to_be_bytes());
            assert_eq!(first_canonical(hash), words(&hash).map(F::from_canonical_u64));
        }
    }

    #[test]
    fn the_number_of_inputs_counts() {
        let permuted = |inputs: &[F]| {
            let mut state = EvmSponge::new([F::ONE; OUTPUTS]);
            state.set_from_slice(inputs, 0);
            state.permute();
            state
        };
        assert_ne!(permuted(&[F::ZERO]), permuted(&[]));
        assert_ne!(permuted(&[F::ZERO]), permuted(&[F::ZERO; 2]));
        assert_eq!(permuted(&[F::TWO]).message().len(), OUTPUTS);
    }
}
