//! The seal: a node brought to the sheets' shape and made zero-knowledge, which is what a wrap takes.

use plonky2::{
    iop::witness::{PartialWitness, WitnessWrite},
    plonk::proof::ProofWithPublicInputsTarget,
};
use sotto_types::{LEVELS, SLOTS, node_descriptor};

use super::node::{NodeCircuit, NodeProof};
use crate::{
    CircuitError, Layer, SheetKey, SheetProof, SheetShape,
    field::{Builder, C, CircuitData, D, F, sheet_config},
    reduction::verified,
};

/// The circuit of the seals of a level; the node's key is a constant.
///
/// The public inputs are the node's, whose class is its level. The gates are those of the shared shape, used or not, so that
/// the circuit's description equals that of every sheet circuit.
#[derive(Debug)]
pub struct SealCircuit {
    level: usize,
    node: ProofWithPublicInputsTarget<D>,
    pub(crate) data: CircuitData<C>,
    rows: usize,
}

impl SealCircuit {
    /// Builds the circuit around the nodes of a level; seconds of work.
    ///
    /// # Errors
    /// When it does not come out in the shared shape.
    pub fn build(node: &NodeCircuit, shape: &SheetShape) -> Result<Self, CircuitError> {
        let mut builder = Builder::new(sheet_config());
        for gate in &shape.0.gates {
            builder.add_gate_to_gate_set(gate.clone());
        }
        let proof = verified(&mut builder, node.data());
        builder.register_public_inputs(&proof.public_inputs);
        let rows = builder.num_gates();
        let level = node.level();
        let seal = Self { level, node: proof, data: builder.build::<C>(), rows };
        shape.check(&node_descriptor(level), &seal.data.common)?;
        Ok(seal)
    }

    /// The level, 1 to 4.
    pub const fn level(&self) -> usize {
        self.level
    }

    /// Rows before blinding and padding.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The key of this circuit, a leaf of the key set. Seals serve every slot.
    pub fn key(&self) -> SheetKey {
        // Levels are at most four.
        let class_id = u32::try_from(self.level).unwrap_or(u32::MAX);
        SheetKey::new(&node_descriptor(self.level), class_id, SLOTS, &self.data.verifier_only)
    }

    /// What a prover needs of the circuit.
    pub const fn data(&self) -> &CircuitData<C> {
        &self.data
    }

    /// The witness for a node's proof.
    ///
    /// # Errors
    /// When the proof is not of the node's form.
    pub fn witness(&self, node: &NodeProof) -> Result<PartialWitness<F>, CircuitError> {
        let mut witness = PartialWitness::new();
        witness
            .set_proof_with_pis_target(&self.node, node.inner())
            .map_err(|e| CircuitError::unprovable(Layer::Seal, &e))?;
        Ok(witness)
    }

    /// Seals a node.
    ///
    /// # Errors
    /// When the proof does not verify under the node's key.
    pub fn prove(&self, node: &NodeProof) -> Result<SheetProof, CircuitError> {
        let witness = self.witness(node)?;
        self.data.prove(witness).map(SheetProof).map_err(|e| CircuitError::unprovable(Layer::Seal, &e))
    }
}

/// Keys of the seals of all levels, in order. Builds each node and seal: half a minute or less.
///
/// # Errors
/// When a seal does not come out in the shared shape.
pub fn seal_keys(shape: &SheetShape) -> Result<Vec<SheetKey>, CircuitError> {
    let mut node = NodeCircuit::first(shape);
    let mut keys = vec![SealCircuit::build(&node, shape)?.key()];
    while node.level() < LEVELS {
        node = node.next()?;
        keys.push(SealCircuit::build(&node, shape)?.key());
    }
    Ok(keys)
}
