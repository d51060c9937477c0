//! The circuit of a node: two proofs verified, their statements merged.

use plonky2::{
    field::types::{Field, PrimeField64},
    hash::hash_types::HashOutTarget,
    iop::{
        target::BoolTarget,
        witness::{PartialWitness, WitnessWrite},
    },
    plonk::{circuit_data::VerifierCircuitTarget, proof::ProofWithPublicInputsTarget},
};
use sotto_types::{Digest, LEVELS, Standing};

use super::merge::{Statement, constrain_words, merge};
use crate::{
    CircuitError, KeyProof, KeySet, Layer, SheetKey, SheetProof, SheetShape,
    decode::{decode_proof, encode_proof},
    field::{Builder, C, CAP_HEIGHT, CircuitData, D, F, Proof, VerifierData, node_config},
    keys::{KEY_SET_DEPTH, constrain_membership},
    poseidon::hash_out,
    reduction::verified,
};

/// A sheet's proof and the key that it verifies under.
#[derive(Clone, Copy, Debug)]
pub struct KeyedSheet<'a> {
    /// The proof.
    pub proof: &'a SheetProof,
    /// Its key.
    pub key: &'a SheetKey,
}

/// Targets of a key and of its place in the key set.
#[derive(Debug)]
struct KeyTargets {
    key: VerifierCircuitTarget,
    position: Vec<BoolTarget>,
    siblings: Vec<HashOutTarget>,
}

#[derive(Debug)]
struct NodeTargets {
    children: [ProofWithPublicInputsTarget<D>; 2],
    /// Of each child at level 1, where keys are part of the witness.
    keys: Vec<KeyTargets>,
    present: BoolTarget,
}

/// The circuit of the nodes of a level.
#[derive(Debug)]
pub struct NodeCircuit {
    level: usize,
    targets: NodeTargets,
    pub(crate) data: CircuitData<C>,
    rows: usize,
}

/// A proof of a node. It is not zero-knowledge: whoever may see the sheets' proofs may see it, and nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeProof(pub(crate) Proof<C>);

impl std::fmt::Debug for NodeProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeProof(..)")
    }
}

impl NodeCircuit {
    /// The circuit of level 1, around two proofs of the sheets' shape; seconds of work.
    pub fn first(shape: &SheetShape) -> Self {
        let mut builder = Builder::new(node_config());
        let children = [(); 2].map(|()| builder.add_virtual_proof_with_pis(&shape.0));
        let mut keys = Vec::with_capacity(children.len());
        for child in &children {
            let key = builder.add_virtual_verifier_data(CAP_HEIGHT);
            builder.verify_proof::<C>(child, &key, &shape.0);
            let position: Vec<BoolTarget> =
                (0..KEY_SET_DEPTH).map(|_| builder.add_virtual_bool_target_safe()).collect();
            let siblings = builder.add_virtual_hashes(KEY_SET_DEPTH);
            let statement = Statement::of(&child.public_inputs);
            let root = statement.key_set_root();
            constrain_membership(&mut builder, statement.class, &key, root, &position, &siblings);
            constrain_words(&mut builder, &statement);
            keys.push(KeyTargets { key, position, siblings });
        }
        Self::finish(builder, 1, children, keys)
    }

    /// The circuit of the next level, around two nodes of this one; seconds of work.
    ///
    /// # Errors
    /// When this is the last level.
    pub fn next(&self) -> Result<Self, CircuitError> {
        if self.level == LEVELS {
            return Err(CircuitError::Level { level: self.level + 1 });
        }
        let mut builder = Builder::new(node_config());
        let children = [(); 2].map(|()| verified(&mut builder, &self.data));
        Ok(Self::finish(builder, self.level + 1, children, Vec::new()))
    }

    fn finish(
        mut builder: Builder,
        level: usize,
        children: [ProofWithPublicInputsTarget<D>; 2],
        keys: Vec<KeyTargets>,
    ) -> Self {
        let present = builder.add_virtual_bool_target_safe();
        let [left, right] = [0, 1].map(|side: usize| Statement::of(&children[side].public_inputs));
        let merged = merge(&mut builder, 1 << (level - 1), &left, &right, present);
        let class = builder.constant(F::from_canonical_usize(level));
        builder.register_public_input(class);
        builder.register_public_inputs(&merged);
        let rows = builder.num_gates();
        let targets = NodeTargets { children, keys, present };
        Self { level, targets, data: builder.build::<C>(), rows }
    }

    /// The level, 1 to 4.
    pub const fn level(&self) -> usize {
        self.level
    }

    /// Rows before padding.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// What a prover needs of the circuit.
    pub const fn data(&self) -> &CircuitData<C> {
        &self.data
    }

    /// The witness of a node of level 1. Without a right side, the left one covers it alone.
    ///
    /// # Errors
    /// When this is another level, or a key is not in the set.
    pub fn witness_of_sheets(
        &self,
        left: KeyedSheet<'_>,
        right: Option<KeyedSheet<'_>>,
        keys: &KeySet,
    ) -> Result<PartialWitness<F>, CircuitError> {
        if self.level != 1 {
            return Err(CircuitError::Level { level: self.level });
        }
        let sides = [left, right.unwrap_or(left)];
        let mut found = Vec::with_capacity(sides.len());
        for side in sides {
            found.push((side.key.verifier_data(), keys.proof(side.key)?));
        }
        self.assign(sides.map(|side| &side.proof.0), right.is_some(), &found)
    }

    /// The witness of a node of a higher level.
    ///
    /// # Errors
    /// When this is level 1, or a proof is not of the form of the level below.
    pub fn witness_of_nodes(
        &self,
        left: &NodeProof,
        right: Option<&NodeProof>,
    ) -> Result<PartialWitness<F>, CircuitError> {
        if self.level == 1 {
            return Err(CircuitError::Level { level: 1 });
        }
        self.assign([&left.0, &right.unwrap_or(left).0], right.is_some(), &[])
    }

    /// The witness as given, whether or not it satisfies the statement.
    pub(crate) fn assign(
        &self,
        children: [&Proof<C>; 2],
        present: bool,
        keys: &[(VerifierData<C>, KeyProof)],
    ) -> Result<PartialWitness<F>, CircuitError> {
        let mut witness = PartialWitness::new();
        self.fill(&mut witness, children, present, keys).map_err(|e| unprovable(&e))?;
        Ok(witness)
    }

    fn fill(
        &self,
        witness: &mut PartialWitness<F>,
        children: [&Proof<C>; 2],
        present: bool,
        keys: &[(VerifierData<C>, KeyProof)],
    ) -> anyhow::Result<()> {
        for (target, child) in self.targets.children.iter().zip(children) {
            witness.set_proof_with_pis_target(target, child)?;
        }
        for (target, (key, path)) in self.targets.keys.iter().zip(keys) {
            witness.set_verifier_data_target(&target.key, key)?;
            for (depth, &bit) in target.position.iter().enumerate() {
                witness.set_bool_target(bit, path.index >> depth & 1 == 1)?;
            }
            for (&sibling, &value) in target.siblings.iter().zip(&path.siblings) {
                witness.set_hash_target(sibling, hash_out(value))?;
            }
        }
        witness.set_bool_target(self.targets.present, present)
    }

    /// Proves a node of level 1.
    ///
    /// # Errors
    /// As [`Self::witness_of_sheets`], and when the sides do not merge.
    pub fn prove_sheets(
        &self,
        left: KeyedSheet<'_>,
        right: Option<KeyedSheet<'_>>,
        keys: &KeySet,
    ) -> Result<NodeProof, CircuitError> {
        self.prove(self.witness_of_sheets(left, right, keys)?)
    }

    /// Proves a node of a higher level.
    ///
    /// # Errors
    /// As [`Self::witness_of_nodes`], and when the sides do not merge.
    pub fn prove_nodes(
        &self,
        left: &NodeProof,
        right: Option<&NodeProof>,
    ) -> Result<NodeProof, CircuitError> {
        self.prove(self.witness_of_nodes(left, right)?)
    }

    /// Proves what a witness says.
    pub(crate) fn prove(&self, witness: PartialWitness<F>) -> Result<NodeProof, CircuitError> {
        self.data.prove(witness).map(NodeProof).map_err(|e| unprovable(&e))
    }

    /// Verifies a proof.
    ///
    /// # Errors
    /// When it is not valid.
    pub fn verify(&self, proof: &NodeProof) -> Result<(), CircuitError> {
        self.data
            .verify(proof.0.clone())
            .map_err(|e| CircuitError::Invalid { layer: Layer::Node, reason: e.to_string() })
    }

    /// Decodes a proof of this level from outside; it still has to be verified.
    ///
    /// # Errors
    /// When the bytes are not the canonical encoding of a proof.
    pub fn proof_from_bytes(&self, bytes: &[u8]) -> Result<NodeProof, CircuitError> {
        decode_proof::<C>(Layer::Node, bytes, &self.data.common).map(NodeProof)
    }
}

fn unprovable(error: &anyhow::Error) -> CircuitError {
    CircuitError::unprovable(Layer::Node, error)
}

impl NodeProof {
    /// A proof as the proof system made it; it still has to be verified.
    pub const fn new(proof: Proof<C>) -> Self {
        Self(proof)
    }

    /// The proof system's view.
    pub const fn inner(&self) -> &Proof<C> {
        &self.0
    }

    /// The canonical encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode_proof(&self.0)
    }

    /// The level; 0 if the proof has no public inputs.
    pub fn level(&self) -> usize {
        self.0.public_inputs.first().map_or(0, |level| level.to_canonical_u64() as usize)
    }

    fn as_sheet(&self) -> SheetProof {
        SheetProof::new(self.0.clone())
    }

    /// The round.
    pub fn round_digest(&self) -> Digest {
        self.as_sheet().round_digest()
    }

    /// Root of the key set that the proof speaks of.
    pub fn key_set_root(&self) -> Digest {
        self.as_sheet().key_set_root()
    }

    /// What it claims, and of which sheets.
    pub fn standing(&self) -> Standing {
        self.as_sheet().standing()
    }
}
