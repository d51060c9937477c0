//! The tournament: sheets merge pairwise, in four levels, to one proof of who won each slot.
//!
//! A [`NodeCircuit`] of level `l` covers up to `2^l` sheets: at level 1 it verifies two proofs of the sheets' shape, each under
//! a key that it shows to be in the key set; above, two nodes of the level below, under their key as a constant. A node is not
//! zero-knowledge and has a shape of its own; a [`SealCircuit`] brings one to the sheets' shape and hides it. The seals'
//! keys are in the key set under the classes 1 to 4, so a wrap takes a sheet or a seal alike.
//!
//! **Null sheets.** A node has a switch that empties its right side. The proof there is then any that verifies, such as the
//! left one once more, and counts for nothing: claims and sheets of the right are multiplied by the switch. So a null sheet
//! has no circuit, no key and no proof, can stand on the right only, and a null subtree costs nothing at any level. The
//! class 0 stays reserved for it.

pub(crate) mod merge;
mod node;
mod seal;

pub use node::{KeyedSheet, NodeCircuit, NodeProof};
pub use seal::{SealCircuit, seal_keys};
