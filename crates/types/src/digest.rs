//! Poseidon digests as 256-bit words, and shape-class identifiers.

use alloy_primitives::{B256, keccak256};
use thiserror::Error;

/// The order of the Goldilocks field, `2^64 - 2^32 + 1`.
pub const GOLDILOCKS_ORDER: u64 = 0xFFFF_FFFF_0000_0001;

/// Four canonical Goldilocks elements; as a 256-bit word each takes eight big-endian bytes, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u64; 4]);

/// A word that is no digest.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("element {index} of the digest is {value:#x}, which is not below the field order")]
pub struct DigestError {
    /// Position of the element, 0 to 3.
    pub index: usize,
    /// Its value.
    pub value: u64,
}

impl Digest {
    /// A digest of four elements.
    ///
    /// # Errors
    /// When an element is not below the field order.
    pub fn new(elements: [u64; 4]) -> Result<Self, DigestError> {
        match elements.iter().position(|&value| value >= GOLDILOCKS_ORDER) {
            Some(index) => Err(DigestError { index, value: elements[index] }),
            None => Ok(Self(elements)),
        }
    }

    /// The four elements, each below the field order.
    pub const fn elements(&self) -> [u64; 4] {
        self.0
    }

    /// The 256-bit word.
    pub fn to_word(self) -> B256 {
        let mut word = B256::ZERO;
        for (bytes, element) in word.0.chunks_exact_mut(8).zip(self.0) {
            bytes.copy_from_slice(&element.to_be_bytes());
        }
        word
    }
}

impl TryFrom<B256> for Digest {
    type Error = DigestError;

    fn try_from(word: B256) -> Result<Self, DigestError> {
        let mut elements = [0; 4];
        for (element, bytes) in elements.iter_mut().zip(word.0.chunks_exact(8)) {
            *element = bytes.iter().fold(0, |acc, &byte| (acc << 8) | u64::from(byte));
        }
        Self::new(elements)
    }
}

/// Identifier of a shape class: the first four bytes of the Keccak hash of its descriptor, such as `dense:36-32-16-1`.
pub fn class_id(descriptor: &str) -> u32 {
    let hash = keccak256(descriptor.as_bytes());
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: Z1
    #[test]
    fn a_word_with_an_element_of_the_order_or_above_is_refused() {
        let digest = Digest::new([1, 2, 3, GOLDILOCKS_ORDER - 1]).unwrap();
        assert_eq!(Digest::try_from(digest.to_word()), Ok(digest));
        let mut word = digest.to_word();
        word.0[0..8].copy_from_slice(&(GOLDILOCKS_ORDER + 1).to_be_bytes());
        assert_eq!(Digest::try_from(word), Err(DigestError { index: 0, value: GOLDILOCKS_ORDER + 1 }));
    }
}
