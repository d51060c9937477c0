//! Plonky2 circuits of the auction, and the native hashes that go with them.
//!
//! A [`LeafCircuit`] proves that quotes are the output of a committed model; a [`SheetCircuit`] brings any leaf to one shape,
//! opens the sheet's commitment and hides the rest; the [`WrapCircuit`] makes one such proof cheap for the chain and binds it
//! to the public data. A [`NodeCircuit`] merges two sheets or nodes, and a [`SealCircuit`] brings the last of them to the
//! sheets' shape, so that many sheets settle as one. Which circuits are allowed is a [`KeySet`].

pub mod classes;
mod commitments;
mod compact;
mod decode;
mod error;
mod estimate;
mod evaluate;
pub mod evm_hash;
pub mod field;
mod freivalds;
mod gadgets;
mod info;
mod keys;
mod leaf;
mod parameters;
pub mod poseidon;
mod reduction;
pub mod security;
mod sheet;
mod tournament;
mod trees;
mod wrap;

#[cfg(test)]
mod tests;

pub use commitments::{
    Salt, data_digest, gamma, model_commitment, round_digest, sheet_commitment, strategy_id,
};
pub use compact::{CompactCircuit, ShrinkCircuit, ShrinkProof};
pub use error::{CircuitError, Layer};
pub use estimate::{Estimate, PartRows, estimate};
pub use info::{CircuitInfo, GateCount};
pub use keys::{KEY_SET_DEPTH, KeyProof, KeySet, SheetKey};
pub use leaf::{
    CAPACITIES, LEAF_PUBLIC_INPUTS, LeafCircuit, LeafInputs, LeafProof, MAX_LEAF_DEGREE_BITS, capacity_for,
};
pub use reduction::Reduction;
pub use security::SecurityTerms;
pub use sheet::{SHEET_DEGREE_BITS, SHEET_PUBLIC_INPUTS, SheetCircuit, SheetInputs, SheetProof, SheetShape};
pub use tournament::{KeyedSheet, NodeCircuit, NodeProof, SealCircuit, seal_keys};
pub use wrap::{WRAP_PUBLIC_INPUTS, WrapCircuit, WrapProof, WrapPublicInputs};
