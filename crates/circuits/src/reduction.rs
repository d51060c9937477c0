//! A reduction: a proof that a proof verifies under one key, with the same public inputs, of a size that does not depend
//! on what it reduces. It brings leaves that no sheet takes directly within a sheet's reach. Not zero-knowledge.

use plonky2::{
    iop::witness::{PartialWitness, WitnessWrite},
    plonk::proof::ProofWithPublicInputsTarget,
};

use crate::{
    CircuitError, Layer, LeafProof,
    field::{Builder, C, CircuitData, D, F, leaf_config},
};

/// A proof of a circuit, verified under the circuit's key as a constant.
pub(crate) fn verified(builder: &mut Builder, circuit: &CircuitData<C>) -> ProofWithPublicInputsTarget<D> {
    let proof = builder.add_virtual_proof_with_pis(&circuit.common);
    let key = builder.constant_verifier_data(&circuit.verifier_only);
    builder.verify_proof::<C>(&proof, &key, &circuit.common);
    proof
}

/// The circuit of a reduction; the key of what it reduces is a constant.
#[derive(Debug)]
pub struct Reduction {
    proof: ProofWithPublicInputsTarget<D>,
    data: CircuitData<C>,
    rows: usize,
}

impl Reduction {
    /// Builds the circuit around another, a leaf or a reduction; seconds of work.
    pub(crate) fn build(inner: &CircuitData<C>) -> Self {
        let mut builder = Builder::new(leaf_config());
        let proof = verified(&mut builder, inner);
        builder.register_public_inputs(&proof.public_inputs);
        let rows = builder.num_gates();
        Self { proof, data: builder.build::<C>(), rows }
    }

    /// What a prover needs of the circuit.
    pub const fn data(&self) -> &CircuitData<C> {
        &self.data
    }

    /// Rows before padding.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The witness for a proof of the reduced circuit.
    ///
    /// # Errors
    /// When the proof is not of that circuit's form.
    pub fn witness(&self, proof: &LeafProof) -> Result<PartialWitness<F>, CircuitError> {
        let mut witness = PartialWitness::new();
        witness
            .set_proof_with_pis_target(&self.proof, proof.inner())
            .map_err(|e| CircuitError::unprovable(Layer::Reduction, &e))?;
        Ok(witness)
    }

    /// Reduces a proof.
    ///
    /// # Errors
    /// When the proof does not verify under the reduced circuit's key.
    pub fn prove(&self, proof: &LeafProof) -> Result<LeafProof, CircuitError> {
        let witness = self.witness(proof)?;
        let proof = self.data.prove(witness).map_err(|e| CircuitError::unprovable(Layer::Reduction, &e))?;
        Ok(LeafProof::new(proof))
    }
}
