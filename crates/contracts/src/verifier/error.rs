//! Errors of the verifier's generator and of the proof encoding.

/// Why a verifier could not be generated, or encoded proof bytes were refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The circuit has a gate whose constraints the contract cannot evaluate.
    #[error("the contract has no constraints for gate {id}")]
    UnknownGate {
        /// plonky2's name of the gate, with its parameters.
        id: String,
    },
    /// The circuit has a property that the contract does not support.
    #[error("unsupported circuit: {property} is {got}, expected {expected}")]
    UnsupportedCircuit {
        /// The property, named as in plonky2's `CommonCircuitData`.
        property: &'static str,
        /// What the contract supports.
        expected: String,
        /// What the circuit has.
        got: String,
    },
    /// Part of the circuit's description could not be read.
    #[error("the circuit's {part} cannot be read")]
    UnreadableCircuit {
        /// The part, named as in plonky2's `CommonCircuitData`.
        part: &'static str,
    },
    /// The encoded proof has another length than the circuit's proofs.
    #[error("a proof has {expected} bytes, got {got}")]
    ProofLength {
        /// Length of every proof of the circuit, in bytes.
        expected: usize,
        /// Length of the bytes given.
        got: usize,
    },
    /// A field element is not below p.
    #[error("the element at byte {offset} is {value}, which is not below p")]
    NotCanonical {
        /// Byte offset in the encoded proof; for a public input, 8 times its index.
        offset: usize,
        /// The value found.
        value: u64,
    },
    /// A proof structure does not have the circuit's shape.
    #[error("the proof has not the circuit's shape: {section} has {got} items, expected {expected}")]
    ProofShape {
        /// The section of the proof.
        section: &'static str,
        /// Items that the circuit prescribes.
        expected: usize,
        /// Items found.
        got: usize,
    },
    /// The number of public inputs differs from the circuit's.
    #[error("the circuit has {expected} public inputs, got {got}")]
    PublicInputCount {
        /// Public inputs of the circuit.
        expected: usize,
        /// Public inputs given.
        got: usize,
    },
    /// plonky2 refused the proof.
    #[error("the proof is invalid: {reason}")]
    InvalidProof {
        /// plonky2's message.
        reason: String,
    },
}
