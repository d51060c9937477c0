//! The circuits whose proofs the chain verifies, and a proof of each; built for real, or read from what is committed.

use std::path::{Path, PathBuf};

use alloy::{
    hex,
    primitives::{Address, B256, U256},
    sol_types::SolCall,
};
use plonky2::{
    field::{goldilocks_field::GoldilocksField, types::PrimeField64},
    plonk::circuit_data::VerifierCircuitData,
    util::serialization::DefaultGateSerializer,
};
use sotto_circuits::{
    CompactCircuit, KeySet, LeafCircuit, LeafInputs, Salt, SheetCircuit, SheetInputs, ShrinkCircuit,
    ShrinkProof, WrapCircuit, WrapProof, WrapPublicInputs, capacity_for,
    field::{CircuitData, CompactQueries, KC},
};
use sotto_contracts::{
    IProofVerifier,
    verifier::{Names, Profile, encode_proof, verify_encoded},
};
use sotto_model::{
    Dense, InputMap, Policy,
    program::{Program, Shape},
};
use sotto_types::{MARKET_FEATURES, PublicData, SLOTS, Slot};

/// What the verifier of a proof knows of its circuit.
pub(crate) type Circuit = VerifierCircuitData<GoldilocksField, KC, 2>;

/// A circuit with one of its proofs, as the contract takes it.
pub(crate) struct Vector {
    pub(crate) circuit: Circuit,
    pub(crate) inputs: [u64; 8],
    pub(crate) proof: Vec<u8>,
}

pub(crate) fn solidity() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("solidity")
}

/// Name of a profile's files among the vectors.
pub(crate) const fn file(profile: Profile) -> &'static str {
    match profile {
        Profile::Fast => "wrap",
        Profile::Compact => "compact",
        Profile::Compact16 => "compact-16",
    }
}

/// Names of a profile's generated contracts.
pub(crate) const fn names(profile: Profile) -> Names<'static> {
    Names { prefix: profile.prefix(), libraries: ".." }
}

fn path(profile: Profile, extension: &str) -> PathBuf {
    solidity().join("test/vectors/verifier").join(format!("{}.{extension}", file(profile)))
}

impl Vector {
    /// The committed vector.
    pub(crate) fn committed(profile: Profile) -> Self {
        let bytes = std::fs::read(path(profile, "circuit")).unwrap();
        let circuit = Circuit::from_bytes(bytes, &DefaultGateSerializer).unwrap();
        let text = std::fs::read_to_string(path(profile, "calldata")).unwrap();
        let call = IProofVerifier::verifyCall::abi_decode(&hex::decode(text.trim()).unwrap()).unwrap();
        let inputs = call.publicInputs.map(|input| u64::try_from(input).unwrap());
        Self { circuit, inputs, proof: call.proof.to_vec() }
    }

    /// Replaces the committed vector.
    pub(crate) fn commit(&self, profile: Profile) {
        let bytes = self.circuit.to_bytes(&DefaultGateSerializer).unwrap();
        std::fs::write(path(profile, "circuit"), bytes).unwrap();
        std::fs::write(path(profile, "calldata"), hex::encode_prefixed(self.calldata())).unwrap();
    }

    /// The call of a deployed verifier.
    pub(crate) fn calldata(&self) -> Vec<u8> {
        call(&self.inputs.map(U256::from), &self.proof)
    }

    /// The reference's verdict on other inputs and bytes.
    pub(crate) fn accepts(&self, inputs: &[u64], proof: &[u8]) -> bool {
        verify_encoded(&self.circuit.common, &self.circuit.verifier_only, inputs, proof).is_ok()
    }
}

/// The call of a deployed verifier with these arguments.
pub(crate) fn call(inputs: &[U256; 8], proof: &[u8]) -> Vec<u8> {
    IProofVerifier::verifyCall { publicInputs: *inputs, proof: proof.to_vec().into() }.abi_encode()
}

/// Builds the circuits of all profiles and proves the same round in each; minutes of work.
pub(crate) fn prove_all() -> Vec<(Profile, Vector)> {
    let round = Round::prove();
    let shape = round.sheet.shape();
    let fast = WrapCircuit::build(&shape).unwrap();
    let proof = fast.prove(&round.proof, &round.sheet.key(), &round.keys, &round.data, SIGMA).unwrap();
    let mut vectors = vec![(Profile::Fast, vector(fast.data(), &proof))];
    let shrink = ShrinkCircuit::build(&shape);
    let witness = shrink.witness(&round.proof, &round.sheet.key(), &round.keys, &round.data, SIGMA).unwrap();
    let shrunk = ShrinkProof::new(shrink.data().prove(witness).unwrap());
    for (profile, queries) in
        [(Profile::Compact, CompactQueries::Ten), (Profile::Compact16, CompactQueries::Sixteen)]
    {
        let compact = CompactCircuit::build(&shrink, queries);
        let proof = WrapProof::new(compact.data().prove(compact.witness(&shrunk).unwrap()).unwrap());
        compact.verify(&proof, &WrapPublicInputs::of(&round.data, SIGMA)).unwrap();
        vectors.push((profile, vector(compact.data(), &proof)));
    }
    vectors
}

const SIGMA: [u64; 2] = [0x0123_4567_89ab_cdef, 42];

fn vector(data: &CircuitData<KC>, proof: &WrapProof) -> Vector {
    let inputs: Vec<u64> = proof.inner().public_inputs.iter().map(PrimeField64::to_canonical_u64).collect();
    Vector {
        circuit: data.verifier_data(),
        inputs: inputs.try_into().unwrap(),
        proof: encode_proof(proof.inner()),
    }
}

/// A sheet of a linear model with random-looking weights, for a round of three intents.
struct Round {
    sheet: SheetCircuit,
    proof: sotto_circuits::SheetProof,
    keys: KeySet,
    data: PublicData,
}

fn number(at: usize) -> i32 {
    (at as u32).cast_signed().wrapping_mul(1_103_515_245).wrapping_add(12_345) >> 16
}

impl Round {
    fn prove() -> Self {
        let class = Shape::dense(&[]).unwrap();
        let layers = class.linear_formats().iter().map(|format| Dense {
            weights: (0..format.inputs * format.rows).map(number).collect(),
            biases: (0..format.rows).map(|at| i64::from(number(at))).collect(),
        });
        let inputs = std::array::from_fn(|_| InputMap { lo: -(1 << 20), hi: 1 << 20, mult: 64 });
        let policy = Policy { min_quote: -900_000, max_quote: 900_000, max_slots: 32 };
        let program = Program::new(class.clone(), inputs, layers.collect(), Vec::new(), policy).unwrap();
        let mut slots = [Slot::default(); SLOTS];
        for (at, slot) in slots.iter_mut().take(3).enumerate() {
            slot.commitment = B256::repeat_byte(at as u8 + 1);
            slot.features = [i32::from(at % 2 == 1), number(at), number(at + 7), i32::MIN + 1];
        }
        let features: [i32; MARKET_FEATURES] = std::array::from_fn(number);
        let round_id = B256::repeat_byte(5);
        let leaf = LeafCircuit::build(&class, capacity_for(3).unwrap()).unwrap();
        let (salt, sheet_salt) = (Salt::from_bytes([1; 16]), Salt::from_bytes([2; 16]));
        let owner = Address::repeat_byte(3);
        let leaf_inputs = LeafInputs {
            program: &program,
            salt: &salt,
            owner,
            round_id,
            features: &features,
            slots: &slots,
        };
        let leaf_proof = leaf.prove(&leaf_inputs).unwrap();
        let sheet = SheetCircuit::build(&leaf).unwrap();
        let keys = KeySet::new(vec![sheet.key()]).unwrap();
        let sheet_inputs =
            SheetInputs { sheet_salt: &sheet_salt, commit_index: 0, key_set_root: keys.root() };
        let proof = sheet.prove(&leaf_proof, &sheet_inputs).unwrap();
        let data = PublicData {
            round_id,
            key_set_root: keys.root(),
            features,
            slots,
            claims: proof.claims(),
            sheets: proof.sheets(),
        };
        Self { sheet, proof, keys, data }
    }
}
