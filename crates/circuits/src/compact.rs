//! The profile `compact`: the statement of the wrap in two steps, for the shortest proof.
//!
//! The shrink proves what the `fast` wrap proves, with queries few enough that the proof around it fits 2^12 rows; that one
//! adds nothing but Keccak trees and a far lower rate. Its key is the constant that the chain pins.

use plonky2::{
    iop::witness::{PartialWitness, WitnessWrite},
    plonk::proof::ProofWithPublicInputsTarget,
};
use sotto_types::PublicData;

use crate::{
    CircuitError, KeySet, Layer, SheetKey, SheetProof, SheetShape, WrapProof, WrapPublicInputs,
    field::{
        Builder, C, CircuitData, Common, CompactQueries, D, F, KC, Proof, VerifierData, compact_config,
        shrink_config,
    },
    reduction::verified,
    wrap::WrapTargets,
};

/// The first step: an allowed sheet, bound to the public data.
#[derive(Debug)]
pub struct ShrinkCircuit {
    targets: WrapTargets,
    data: CircuitData<C>,
    rows: usize,
}

/// A proof of the first step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShrinkProof(Proof<C>);

/// The second step: the proof for the chain.
#[derive(Debug)]
pub struct CompactCircuit {
    inner: ProofWithPublicInputsTarget<D>,
    data: CircuitData<KC>,
    rows: usize,
}

impl ShrinkCircuit {
    /// Builds the circuit for the sheets' shape; seconds of work, most of it commitments at the low rate.
    pub fn build(shape: &SheetShape) -> Self {
        let mut builder = Builder::new(shrink_config());
        let targets = WrapTargets::constrain(&mut builder, shape);
        let rows = builder.num_gates();
        Self { targets, data: builder.build::<C>(), rows }
    }

    /// Rows before padding.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// What a prover needs of the circuit.
    pub const fn data(&self) -> &CircuitData<C> {
        &self.data
    }

    /// The witness of these inputs.
    ///
    /// # Errors
    /// When the key is not in the set, or the proof does not show what the data says.
    pub fn witness(
        &self,
        proof: &SheetProof,
        key: &SheetKey,
        keys: &KeySet,
        data: &PublicData,
        sigma: [u64; 2],
    ) -> Result<PartialWitness<F>, CircuitError> {
        let path = keys.proof(key)?;
        let witness = self.targets.assign(proof, &key.verifier_data(), &path, data, sigma);
        witness.map_err(|e| CircuitError::unprovable(Layer::Shrink, &e))
    }

    /// Verifies a proof against the data and challenge that it should show.
    ///
    /// # Errors
    /// When it shows something else, or is not valid.
    pub fn verify(&self, proof: &ShrinkProof, expected: &WrapPublicInputs) -> Result<(), CircuitError> {
        expected.check(&proof.0.public_inputs)?;
        self.data
            .verify(proof.0.clone())
            .map_err(|e| CircuitError::Invalid { layer: Layer::Shrink, reason: e.to_string() })
    }
}

impl ShrinkProof {
    /// A proof as the proof system made it; it still has to be verified.
    pub const fn new(proof: Proof<C>) -> Self {
        Self(proof)
    }
}

impl CompactCircuit {
    /// Builds the circuit around a shrink, whose key becomes a constant; up to a minute of work.
    pub fn build(shrink: &ShrinkCircuit, queries: CompactQueries) -> Self {
        let mut builder = Builder::new(compact_config(queries));
        let inner = verified(&mut builder, &shrink.data);
        builder.register_public_inputs(&inner.public_inputs);
        let rows = builder.num_gates();
        Self { inner, data: builder.build::<KC>(), rows }
    }

    /// Rows before padding.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// What a prover needs of the circuit.
    pub const fn data(&self) -> &CircuitData<KC> {
        &self.data
    }

    /// The circuit's shape, which a verifier is generated from.
    pub const fn common(&self) -> &Common {
        &self.data.common
    }

    /// The circuit's key.
    pub const fn verifier_data(&self) -> &VerifierData<KC> {
        &self.data.verifier_only
    }

    /// The witness of a shrink's proof.
    ///
    /// # Errors
    /// When the proof is of another shape.
    pub fn witness(&self, proof: &ShrinkProof) -> Result<PartialWitness<F>, CircuitError> {
        let mut witness = PartialWitness::new();
        witness
            .set_proof_with_pis_target(&self.inner, &proof.0)
            .map_err(|e| CircuitError::unprovable(Layer::Wrap, &e))?;
        Ok(witness)
    }

    /// Verifies a proof against the data and challenge that it should show.
    ///
    /// # Errors
    /// When it shows something else, or is not valid.
    pub fn verify(&self, proof: &WrapProof, expected: &WrapPublicInputs) -> Result<(), CircuitError> {
        proof.verify(&self.data, expected)
    }

    /// Decodes a proof from outside: exact length, every element below the field order. It still has to be verified.
    ///
    /// # Errors
    /// When the bytes are not the canonical encoding of a proof.
    pub fn proof_from_bytes(&self, bytes: &[u8]) -> Result<WrapProof, CircuitError> {
        WrapProof::from_bytes(bytes, &self.data.common)
    }
}
