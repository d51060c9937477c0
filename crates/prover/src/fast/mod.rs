//! A prover for Plonky2's circuits that its verifier accepts, several times as fast as Plonky2's own.
//!
//! It works on the stock circuit data, and does what Plonky2 does in another order: polynomials stay in columns, values over
//! the domain are made block by block and hashed while they are in cache, and nothing is kept that a query can make again.
//! The phases stand on vectorised kernels, whose instructions are chosen at run time.

mod circuit;
mod columns;
mod commit;
mod domain;
mod evaluate;
mod evm_hash;
mod extension_gates;
mod fft;
mod fri;
mod gates;
mod grind;
mod hash;
mod keccak;
mod leaves;
mod merkle;
mod permutation;
mod poseidon;
mod poseidon_hash;
mod prove;
mod quotient;
mod salt;
mod schedule;
mod scratch;
pub(crate) mod simd;
mod witness;

#[cfg(test)]
mod circuit_tests;
#[cfg(test)]
mod hash_tests;
#[cfg(test)]
mod tests;

pub use circuit::FastCircuit;
pub use fft::{Evaluation, Interpolation, lde_columns};
pub use grind::grind;
pub use hash::FastHash;
pub use leaves::Leaves;
pub use merkle::{build_tree_from_leaf_digests, hash_columns, hash_leaves, merkle_tree};
pub use prove::{Phase, PhaseSeconds, Run};
pub use simd::Backend;
