//! The sheet: a leaf of some allowed class brought to one common shape, with its commitment opened. Zero-knowledge.

use plonky2::{
    field::types::{Field, PrimeField64},
    iop::witness::{PartialWitness, WitnessWrite},
    plonk::{circuit_data::VerifierCircuitData, proof::ProofWithPublicInputsTarget},
};
use sotto_model::program::Shape;
use sotto_types::{Claim, Digest, SHEETS, SLOTS, SheetRef, Standing};

use crate::{
    CircuitError, Layer, LeafCircuit, LeafProof, Reduction, Salt, SheetKey,
    decode::{decode_proof, encode_proof},
    field::{Builder, C, CircuitData, Common, D, F, Proof, Target, VerifierData, sheet_config},
    leaf::LEAF_PUBLIC_INPUTS,
    poseidon::{Domain, hash_out, hash_targets},
    reduction::verified,
};

/// log2 of the rows of every sheet circuit.
pub const SHEET_DEGREE_BITS: usize = 13;
/// A leaf above this degree is reduced before the sheet.
const MAX_INNER_DEGREE_BITS: usize = 13;
/// Most reductions between a leaf and its sheet.
const MAX_REDUCTIONS: usize = 3;
/// Elements of a covered sheet: index, strategy, commitment.
pub(crate) const SHEET_ELEMENTS: usize = 9;
/// Public inputs of sheets and nodes: class, round digest, key-set root, claims by field, sheets.
pub const SHEET_PUBLIC_INPUTS: usize = 9 + 3 * SLOTS + SHEETS * SHEET_ELEMENTS;

/// The shape that all sheet circuits share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetShape(pub(crate) Common);

impl SheetShape {
    /// The shared shape, from the cheapest sheet circuit; a few seconds of work.
    ///
    /// # Errors
    /// When that circuit cannot be built.
    pub fn canonical() -> Result<Self, CircuitError> {
        Ok(SheetCircuit::build(&LeafCircuit::build(&crate::classes::linear()?, 1)?)?.shape())
    }

    /// The proof system's description of it.
    pub const fn common(&self) -> &Common {
        &self.0
    }

    /// Refuses another description, naming the first part that differs.
    pub(crate) fn check(&self, descriptor: &str, mine: &Common) -> Result<(), CircuitError> {
        let shared = &self.0;
        let what = if mine == shared {
            return Ok(());
        } else if mine.gates != shared.gates || mine.selectors_info != shared.selectors_info {
            "gates"
        } else if mine.fri_params != shared.fri_params || mine.config != shared.config {
            "configuration"
        } else {
            "dimensions"
        };
        Err(CircuitError::Shape { descriptor: descriptor.to_owned(), what })
    }
}

/// What a sheet adds to its leaf.
#[derive(Clone, Copy, Debug)]
pub struct SheetInputs<'a> {
    /// Salt of the sheet's commitment.
    pub sheet_salt: &'a Salt,
    /// Position of the commitment in the round, from zero.
    pub commit_index: u32,
    /// Root of the key set that the round pinned.
    pub key_set_root: Digest,
}

#[derive(Debug)]
struct SheetTargets {
    leaf: ProofWithPublicInputsTarget<D>,
    salt: [Target; 2],
    index: Target,
    key_set_root: Vec<Target>,
}

/// The sheet circuit of a class and capacity; its leaf's key is a constant.
#[derive(Debug)]
pub struct SheetCircuit {
    class: Shape,
    capacity: usize,
    reductions: Vec<Reduction>,
    targets: SheetTargets,
    pub(crate) data: CircuitData<C>,
    rows: usize,
}

/// A proof of a sheet: zero-knowledge, of one shape for all classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetProof(pub(crate) Proof<C>);

impl SheetCircuit {
    /// Builds the circuit around a leaf, with as many reductions between them as it takes to fit the pinned degree; seconds
    /// of work. Everything follows from the leaf's class and capacity.
    ///
    /// # Errors
    /// When the leaf is too large for the pinned degree, however reduced.
    pub fn build(leaf: &LeafCircuit) -> Result<Self, CircuitError> {
        let mut reductions: Vec<Reduction> = Vec::new();
        loop {
            let inner = reductions.last().map_or(&leaf.data, Reduction::data);
            let got = match Self::around(leaf, inner) {
                Ok((targets, data, rows)) => {
                    let (class, capacity) = (leaf.class().clone(), leaf.capacity());
                    return Ok(Self { class, capacity, reductions, targets, data, rows });
                }
                Err(got) => got,
            };
            if reductions.len() == MAX_REDUCTIONS {
                return Err(CircuitError::Degree { layer: Layer::Sheet, expected: SHEET_DEGREE_BITS, got });
            }
            let next = Reduction::build(inner);
            reductions.push(next);
        }
    }

    /// The sheet of `leaf` around its last reduction, or the degree that it would need.
    fn around(
        leaf: &LeafCircuit,
        inner: &CircuitData<C>,
    ) -> Result<(SheetTargets, CircuitData<C>, usize), usize> {
        if inner.common.degree_bits() > MAX_INNER_DEGREE_BITS {
            return Err(SHEET_DEGREE_BITS + 1);
        }
        let mut builder = Builder::new(sheet_config());
        let targets = SheetTargets::constrain(&mut builder, leaf, inner);
        let rows = builder.num_gates();
        if rows >= 1 << SHEET_DEGREE_BITS {
            return Err(SHEET_DEGREE_BITS + 1);
        }
        let data = builder.build::<C>();
        match data.common.degree_bits() {
            SHEET_DEGREE_BITS => Ok((targets, data, rows)),
            got => Err(got),
        }
    }

    /// The reductions between leaf and sheet, in order; most classes need none.
    pub fn reductions(&self) -> &[Reduction] {
        &self.reductions
    }

    /// The class.
    pub const fn class(&self) -> &Shape {
        &self.class
    }

    /// The capacity.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Rows before blinding and padding.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The circuit's shape.
    pub fn shape(&self) -> SheetShape {
        SheetShape(self.data.common.clone())
    }

    /// Refuses a circuit whose shape is not the shared one.
    ///
    /// # Errors
    /// With the first part that differs.
    pub fn check_shape(&self, shape: &SheetShape) -> Result<(), CircuitError> {
        shape.check(&self.class.descriptor(), &self.data.common)
    }

    /// The key of this circuit, a leaf of the key set.
    pub fn key(&self) -> SheetKey {
        SheetKey::new(&self.class.descriptor(), self.class.id(), self.capacity, &self.data.verifier_only)
    }

    /// The verifier's part of the circuit.
    pub const fn verifier_data(&self) -> &VerifierData<C> {
        &self.data.verifier_only
    }

    /// Proves a sheet from its leaf's proof.
    ///
    /// # Errors
    /// When the commit index is out of range or the leaf's proof is not one of this circuit's leaf.
    pub fn prove(&self, leaf: &LeafProof, inputs: &SheetInputs<'_>) -> Result<SheetProof, CircuitError> {
        let mut inner = leaf.clone();
        for reduction in &self.reductions {
            inner = reduction.prove(&inner)?;
        }
        let witness = self.witness(&inner, inputs)?;
        self.data.prove(witness).map(SheetProof).map_err(|e| unprovable(&e))
    }

    /// What a prover needs of the circuit.
    pub const fn data(&self) -> &CircuitData<C> {
        &self.data
    }

    /// The witness of these inputs, for a leaf's proof after the [`Self::reductions`].
    ///
    /// # Errors
    /// As [`Self::prove`], when the inputs have none.
    pub fn witness(
        &self,
        leaf: &LeafProof,
        inputs: &SheetInputs<'_>,
    ) -> Result<PartialWitness<F>, CircuitError> {
        self.targets.assign(leaf, inputs)
    }

    /// Verifies a proof.
    ///
    /// # Errors
    /// When it is not valid.
    pub fn verify(&self, proof: &SheetProof) -> Result<(), CircuitError> {
        proof.verify(&self.shape(), &self.key())
    }
}

fn unprovable(error: &anyhow::Error) -> CircuitError {
    CircuitError::unprovable(Layer::Sheet, error)
}

impl SheetTargets {
    fn constrain(builder: &mut Builder, leaf: &LeafCircuit, inner: &CircuitData<C>) -> Self {
        let proof = verified(builder, inner);
        let (strategy, rest) = proof.public_inputs.split_at(4);
        let (round, quotes) = rest.split_at(4);

        let salt = builder.add_virtual_target_arr();
        let message: Vec<Target> = proof.public_inputs.iter().chain(&salt).copied().collect();
        let commitment = hash_targets(builder, Domain::Sheet, &message);

        let index = builder.add_virtual_target();
        builder.range_check(index, 32);
        builder.inverse(index);
        let key_set_root = builder.add_virtual_targets(4);
        let zero = builder.zero();
        let winners: Vec<Target> = quotes
            .iter()
            .map(|&quote| {
                let none = builder.is_equal(quote, zero);
                builder.select(none, zero, index)
            })
            .collect();

        let class = builder.constant(F::from_canonical_u32(leaf.class().id()));
        builder.register_public_input(class);
        builder.register_public_inputs(round);
        builder.register_public_inputs(&key_set_root);
        builder.register_public_inputs(quotes);
        builder.register_public_inputs(&[zero; SLOTS]);
        builder.register_public_inputs(&winners);
        builder.register_public_input(index);
        builder.register_public_inputs(strategy);
        builder.register_public_inputs(&commitment.elements);
        builder.register_public_inputs(&[zero; (SHEETS - 1) * SHEET_ELEMENTS]);
        Self { leaf: proof, salt, index, key_set_root }
    }

    fn assign(&self, leaf: &LeafProof, inputs: &SheetInputs<'_>) -> Result<PartialWitness<F>, CircuitError> {
        let index =
            inputs.commit_index.checked_add(1).ok_or(CircuitError::CommitIndex(inputs.commit_index))?;
        let mut witness = PartialWitness::new();
        let assigned = witness
            .set_proof_with_pis_target(&self.leaf, &leaf.0)
            .and_then(|()| witness.set_target_arr(&self.salt, &inputs.sheet_salt.elements()))
            .and_then(|()| witness.set_target(self.index, F::from_canonical_u32(index)))
            .and_then(|()| {
                witness.set_target_arr(&self.key_set_root, &hash_out(inputs.key_set_root).elements)
            });
        assigned.map_err(|e| unprovable(&e))?;
        Ok(witness)
    }
}

impl SheetProof {
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

    /// Decodes a proof from outside: exact length, every element below the field order, the right number of public inputs.
    /// It still has to be verified.
    ///
    /// # Errors
    /// When the bytes are not the canonical encoding of a proof of this shape.
    pub fn from_bytes(bytes: &[u8], shape: &SheetShape) -> Result<Self, CircuitError> {
        decode_proof::<C>(Layer::Sheet, bytes, &shape.0).map(Self)
    }

    /// Verifies the proof under a key, and that it is of the key's class.
    ///
    /// # Errors
    /// When it is not valid.
    pub fn verify(&self, shape: &SheetShape, key: &SheetKey) -> Result<(), CircuitError> {
        if self.class_id() != key.class_id {
            return Err(CircuitError::PublicInput {
                what: "class",
                index: 0,
                expected: u64::from(key.class_id),
                got: u64::from(self.class_id()),
            });
        }
        let verifier = VerifierCircuitData { verifier_only: key.verifier_data(), common: shape.0.clone() };
        verifier
            .verify(self.0.clone())
            .map_err(|e| CircuitError::Invalid { layer: Layer::Sheet, reason: e.to_string() })
    }

    fn element(&self, at: usize) -> u64 {
        self.0.public_inputs.get(at).map_or(0, PrimeField64::to_canonical_u64)
    }

    fn word(&self, at: usize) -> u32 {
        u32::try_from(self.element(at)).unwrap_or(u32::MAX)
    }

    fn digest(&self, at: usize) -> Digest {
        Digest::new(std::array::from_fn(|i| self.element(at + i))).unwrap_or_default()
    }

    /// Id of the class.
    pub fn class_id(&self) -> u32 {
        self.word(0)
    }

    /// The round.
    pub fn round_digest(&self) -> Digest {
        self.digest(1)
    }

    /// Root of the key set that the proof speaks of.
    pub fn key_set_root(&self) -> Digest {
        self.digest(5)
    }

    /// What it claims of each slot.
    pub fn claims(&self) -> [Claim; SLOTS] {
        std::array::from_fn(|slot| Claim {
            best: self.word(9 + slot),
            second: self.word(9 + SLOTS + slot),
            winner: self.word(9 + 2 * SLOTS + slot),
        })
    }

    /// What it claims, and of which sheets.
    pub fn standing(&self) -> Standing {
        Standing { claims: self.claims(), sheets: self.sheets() }
    }

    /// The sheets that it covers.
    pub fn sheets(&self) -> [SheetRef; SHEETS] {
        std::array::from_fn(|i| {
            let at = 9 + 3 * SLOTS + i * SHEET_ELEMENTS;
            SheetRef { index: self.word(at), strategy: self.digest(at + 1), commitment: self.digest(at + 5) }
        })
    }
}

const _: () = assert!(SHEET_PUBLIC_INPUTS == 249 && LEAF_PUBLIC_INPUTS == 40);
