//! The fast prover: the phases of plonky2's prover over vectorised kernels.

mod hash;
mod leaves;
mod merkle;
mod poseidon;
mod poseidon_hash;
pub(crate) mod simd;

#[cfg(test)]
mod hash_tests;

pub use hash::FastHash;
pub use leaves::Leaves;
pub use merkle::{build_tree_from_leaf_digests, hash_columns, hash_leaves, merkle_tree};
pub use simd::Backend;
