//! A strategy and a round to measure with.

use alloy_primitives::{Address, B256};
use plonky2::{
    field::types::Field,
    hash::poseidon::PoseidonHash,
    iop::witness::{PartialWitness, WitnessWrite},
    plonk::circuit_data::CircuitConfig,
};
use sotto_circuits::{
    CircuitError, KeySet, Layer, LeafInputs, Salt, SheetCircuit, SheetInputs, SheetProof, WrapPublicInputs,
    field::{Builder, C, CircuitData, F},
};
use sotto_model::{
    Dense, InputMap, Policy,
    program::{Ensemble, EnsembleParameters, Node, Program, Shape},
};
use sotto_types::{MARKET_FEATURES, PublicData, SLOTS, Slot};

const COMMIT_INDEX: u32 = 2;

/// A model, and a round in which it bids.
pub(crate) struct Sample {
    program: Program,
    salt: Salt,
    owner: Address,
    round_id: B256,
    features: [i32; MARKET_FEATURES],
    slots: [Slot; SLOTS],
    sheet_salt: Salt,
}

/// The public side of a sheet.
pub(crate) struct Shown {
    pub(crate) keys: KeySet,
    pub(crate) data: PublicData,
    pub(crate) sigma: [u64; 2],
    pub(crate) inputs: WrapPublicInputs,
}

/// Small numbers of both signs without a pattern that a circuit could notice.
fn number(at: usize) -> i32 {
    (at as u32).cast_signed().wrapping_mul(1_103_515_245).wrapping_add(12_345) >> 16
}

/// Trees with rising thresholds, nodes of every feature and rank in turn, and leaves of both signs.
fn ensemble(shape: &Ensemble) -> EnsembleParameters {
    let thresholds = (0..).step_by(1 << 10).take(shape.thresholds()).collect();
    let node = |at: usize| Node {
        feature: (at % shape.features.len()) as u8,
        rank: (at * 3 % (1 << shape.rank_bits)) as u16,
    };
    EnsembleParameters {
        thresholds: vec![thresholds; shape.features.len()],
        nodes: (0..shape.trees * shape.nodes()).map(node).collect(),
        leaves: (0..shape.trees << shape.depth).map(number).collect(),
    }
}

impl Sample {
    /// A model with these hidden layers, and a round whose first slots hold intents.
    pub(crate) fn new(hidden: &[usize], slots: usize) -> Result<Self, CircuitError> {
        Self::of(&Shape::dense(hidden)?, slots)
    }

    /// A model of a class, and such a round.
    pub(crate) fn of(class: &Shape, slots: usize) -> Result<Self, CircuitError> {
        let layers = class.linear_formats().iter().map(|format| Dense {
            weights: (0..format.inputs * format.rows).map(number).collect(),
            biases: (0..format.rows).map(|at| i64::from(number(at))).collect(),
        });
        let ensembles = class.ensembles().map(ensemble).collect();
        let inputs = std::array::from_fn(|_| InputMap { lo: -(1 << 20), hi: 1 << 20, mult: 64 });
        let policy = Policy { min_quote: -900_000, max_quote: 900_000, max_slots: 32 };
        let program = Program::new(class.clone(), inputs, layers.collect(), ensembles, policy);
        let mut round = [Slot::default(); SLOTS];
        for (at, slot) in round.iter_mut().take(slots).enumerate() {
            slot.commitment = B256::repeat_byte(at as u8 + 1);
            slot.features = [i32::from(at % 2 == 1), number(at), number(at + 7), i32::MIN + 1];
        }
        Ok(Self {
            program: program.map_err(|e| CircuitError::unprovable(Layer::Leaf, &e))?,
            salt: Salt::from_bytes([1; 16]),
            owner: Address::repeat_byte(3),
            round_id: B256::repeat_byte(5),
            features: std::array::from_fn(number),
            slots: round,
            sheet_salt: Salt::from_bytes([2; 16]),
        })
    }

    /// The model's class.
    pub(crate) fn class(&self) -> &Shape {
        self.program.shape()
    }

    pub(crate) fn leaf_inputs(&self) -> LeafInputs<'_> {
        LeafInputs {
            program: &self.program,
            salt: &self.salt,
            owner: self.owner,
            round_id: self.round_id,
            features: &self.features,
            slots: &self.slots,
        }
    }

    pub(crate) fn sheet_inputs(&self, sheet: &SheetCircuit) -> SheetInputs<'_> {
        let root = keys(sheet).root();
        SheetInputs { sheet_salt: &self.sheet_salt, commit_index: COMMIT_INDEX, key_set_root: root }
    }

    pub(crate) fn shown(&self, proof: &SheetProof, sheet: &SheetCircuit) -> Shown {
        let keys = keys(sheet);
        let data = PublicData {
            round_id: self.round_id,
            key_set_root: keys.root(),
            features: self.features,
            slots: self.slots,
            claims: proof.claims(),
            sheets: proof.sheets(),
        };
        let sigma = [0x0123_4567_89ab_cdef, 42];
        let inputs = WrapPublicInputs::of(&data, sigma);
        Shown { keys, data, sigma, inputs }
    }
}

/// A set of this circuit's key alone.
fn keys(sheet: &SheetCircuit) -> KeySet {
    KeySet::new(vec![sheet.key()]).unwrap_or_else(|_| unreachable!("a circuit's own key is well-formed"))
}

/// A recursion of 2^12 rows in plonky2's standard configuration, and its witness.
pub(crate) fn recursion() -> (CircuitData<C>, PartialWitness<F>) {
    let config = CircuitConfig::standard_recursion_config();
    let mut builder = Builder::new(config.clone());
    let input = builder.add_virtual_public_input();
    let mut state = vec![input];
    for _ in 0..60 {
        state = builder.hash_n_to_hash_no_pad::<PoseidonHash>(state).elements.to_vec();
    }
    let inner = builder.build::<C>();
    let mut witness = PartialWitness::new();
    let proof = witness.set_target(input, F::from_canonical_u64(3)).and_then(|()| inner.prove(witness));

    let mut builder = Builder::new(config);
    let target = builder.add_virtual_proof_with_pis(&inner.common);
    let key = builder.constant_verifier_data(&inner.verifier_only);
    builder.verify_proof::<C>(&target, &key, &inner.common);
    let mut witness = PartialWitness::new();
    // A failure leaves targets unset, which the proof of the recursion then reports.
    let _ = proof.and_then(|proof| witness.set_proof_with_pis_target(&target, &proof));
    (builder.build::<C>(), witness)
}
