//! The on-chain verifier of the wrap circuit: its generator, and the bytes that a proof has on chain.

mod encode;
mod error;
mod gates;
mod generate;
mod layout;
mod profile;

pub use encode::{WrapProof, decode_proof, encode_proof, verify_encoded};
pub use error::Error;
pub use generate::{GeneratedFile, Names, WRAP, generate, generate_named};
pub use layout::{DIGEST_BYTES, ELEMENT_BYTES, EXTENSION_BYTES, Layout, PUBLIC_INPUTS};
pub use profile::Profile;
