//! The verifier's generator and the encoding of proofs, on a circuit that stands in for the wrap.
#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built is a failed test")]

mod verifier_standin;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plonky2::field::goldilocks_field::GoldilocksField;
use plonky2::field::types::{Field64, PrimeField64};
use plonky2::plonk::circuit_builder::CircuitBuilder;
use plonky2::plonk::circuit_data::{CircuitConfig, CircuitData};
use sotto_circuits::evm_hash::EvmConfig;
use sotto_contracts::verifier::{
    Error, Layout, Names, decode_proof, encode_proof, generate_named, verify_encoded,
};
use verifier_standin::{Outer, OuterProof, build, outer_config};

type F = GoldilocksField;

const NAMES: Names<'static> = Names { prefix: "StandIn", libraries: "../../../src/verifier" };
const CONSTANT: u64 = 0x12345;
const OTHER_CONSTANT: u64 = 0x54321;

struct StandIn {
    circuit: Outer,
    proof: OuterProof,
    inputs: Vec<u64>,
    bytes: Vec<u8>,
}

impl StandIn {
    fn verify(&self, inputs: &[u64], bytes: &[u8]) -> Result<(), Error> {
        verify_encoded(&self.circuit.common, &self.circuit.verifier_only, inputs, bytes)
    }

    fn layout(&self) -> Layout {
        Layout::new(&self.circuit.common).unwrap()
    }
}

fn stand_in() -> &'static StandIn {
    static STAND_IN: OnceLock<StandIn> = OnceLock::new();
    STAND_IN.get_or_init(|| {
        let (circuit, proof) = build(outer_config(), false, CONSTANT);
        let inputs = proof.public_inputs.iter().map(PrimeField64::to_canonical_u64).collect();
        let bytes = encode_proof(&proof);
        StandIn { circuit, proof, inputs, bytes }
    })
}

fn solidity() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("solidity/test")
}

#[test]
fn an_encoded_proof_has_the_layouts_length_and_decodes_to_itself() {
    let s = stand_in();
    assert_eq!(s.bytes.len(), s.layout().proof_bytes());
    assert_eq!(s.layout().sections().last().unwrap().1.end, s.bytes.len());
    assert_eq!(decode_proof(&s.circuit.common, &s.inputs, &s.bytes).unwrap(), s.proof);
    s.verify(&s.inputs, &s.bytes).unwrap();
}

// covers: Z3
#[test]
fn a_flipped_bit_in_any_section_is_refused() {
    let s = stand_in();
    for (section, range) in s.layout().sections() {
        for position in [range.start, range.start + range.len() / 2, range.end - 1] {
            let mut changed = s.bytes.clone();
            changed[position] ^= 0x10;
            assert!(s.verify(&s.inputs, &changed).is_err(), "{section}, byte {position}");
        }
    }
}

// covers: Z2
#[test]
fn an_element_from_p_upwards_is_refused_in_any_section() {
    let s = stand_in();
    for (section, range) in s.layout().sections() {
        if section.ends_with("cap") || section.ends_with("path") || section.starts_with("middle") {
            continue;
        }
        for value in [F::ORDER, u64::MAX] {
            let mut changed = s.bytes.clone();
            changed[range.end - 8..range.end].copy_from_slice(&value.to_be_bytes());
            let error = s.verify(&s.inputs, &changed).unwrap_err();
            let offset = range.end - 8;
            assert!(
                matches!(error, Error::NotCanonical { offset: o, value: v } if o == offset && v == value),
                "{section}: {error}"
            );
        }
    }
}

// covers: Z3
#[test]
fn any_other_length_is_refused() {
    let s = stand_in();
    for len in [0, 1, s.bytes.len() - 1] {
        let error = s.verify(&s.inputs, &s.bytes[..len]).unwrap_err();
        assert!(matches!(error, Error::ProofLength { got, .. } if got == len));
    }
    let longer = [&s.bytes[..], &[0]].concat();
    assert!(matches!(s.verify(&s.inputs, &longer), Err(Error::ProofLength { .. })));
}

// covers: Z1 Z4
#[test]
fn public_inputs_must_be_the_circuits_and_below_p() {
    let s = stand_in();
    for index in 0..s.inputs.len() {
        let mut changed = s.inputs.clone();
        changed[index] ^= 1;
        assert!(s.verify(&changed, &s.bytes).is_err());
        changed[index] = F::ORDER;
        assert!(matches!(s.verify(&changed, &s.bytes), Err(Error::NotCanonical { .. })));
    }
    let count = s.verify(&s.inputs[1..], &s.bytes).unwrap_err();
    assert!(matches!(count, Error::PublicInputCount { expected: 8, got: 7 }));
}

// covers: Z5
#[test]
fn a_proof_of_another_circuit_of_the_same_shape_is_refused() {
    let s = stand_in();
    let (other, proof) = build(outer_config(), false, OTHER_CONSTANT);
    assert_eq!(other.common, s.circuit.common);
    let inputs: Vec<u64> = proof.public_inputs.iter().map(PrimeField64::to_canonical_u64).collect();
    let bytes = encode_proof(&proof);
    verify_encoded(&other.common, &other.verifier_only, &inputs, &bytes).unwrap();
    assert!(matches!(s.verify(&inputs, &bytes), Err(Error::InvalidProof { .. })));
}

// covers: Z22
#[test]
fn the_generated_stand_in_is_up_to_date() {
    let s = stand_in();
    let files = generate_named(&s.circuit.common, &s.circuit.verifier_only, NAMES).unwrap();
    assert_eq!(files.len(), 3);
    for file in files {
        let path = solidity().join("verifier/generated").join(&file.name);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), file.contents, "{}", path.display());
    }
}

/// The proof that the Solidity tests use must be one of the circuit that their verifier was generated from.
#[test]
fn the_stand_ins_fixtures_are_proofs_of_their_circuits() {
    let s = stand_in();
    let read = |name: &str| std::fs::read(solidity().join("vectors/verifier").join(name)).unwrap();
    let packed = read("standin_inputs.bin");
    let inputs: Vec<u64> =
        packed.chunks_exact(8).map(|chunk| u64::from_be_bytes(chunk.try_into().unwrap())).collect();
    s.verify(&inputs, &read("standin_proof.bin")).unwrap();
    assert!(matches!(s.verify(&inputs, &read("standin_other.bin")), Err(Error::InvalidProof { .. })));
}

/// Writes the generated contracts and the fixtures of the stand-in anew.
#[test]
#[ignore = "rewrites committed files; run it when the stand-in or the generator changes"]
fn regenerate_the_stand_in() {
    let s = stand_in();
    for file in generate_named(&s.circuit.common, &s.circuit.verifier_only, NAMES).unwrap() {
        std::fs::write(solidity().join("verifier/generated").join(file.name), file.contents).unwrap();
    }
    let (_, other) = build(outer_config(), false, OTHER_CONSTANT);
    let inputs: Vec<u8> = s.inputs.iter().flat_map(|input| input.to_be_bytes()).collect();
    let fixtures = solidity().join("vectors/verifier");
    std::fs::write(fixtures.join("standin_proof.bin"), &s.bytes).unwrap();
    std::fs::write(fixtures.join("standin_inputs.bin"), inputs).unwrap();
    std::fs::write(fixtures.join("standin_other.bin"), encode_proof(&other)).unwrap();
}

fn circuit_with(
    config: CircuitConfig,
    inputs: usize,
    change: impl FnOnce(&mut CircuitBuilder<F, 2>),
) -> CircuitData<F, EvmConfig, 2> {
    let mut builder = CircuitBuilder::<F, 2>::new(config);
    let targets = builder.add_virtual_targets(inputs);
    builder.register_public_inputs(&targets);
    change(&mut builder);
    builder.build()
}

fn generated(circuit: &CircuitData<F, EvmConfig, 2>) -> Result<(), Error> {
    generate_named(&circuit.common, &circuit.verifier_only, NAMES).map(|_| ())
}

#[test]
fn a_small_circuit_without_folding_steps_is_supported() {
    generated(&circuit_with(outer_config(), 8, |_| {})).unwrap();
}

#[test]
fn a_gate_without_constraints_on_chain_is_refused() {
    let circuit = circuit_with(outer_config(), 8, |builder| {
        let x = builder.zero();
        builder.split_le_base::<8>(x, 10);
    });
    let error = generated(&circuit).unwrap_err();
    assert!(matches!(&error, Error::UnknownGate { id } if id.contains("Base: 8")), "{error}");
}

#[test]
fn lookups_are_refused() {
    let circuit = circuit_with(outer_config(), 8, |builder| {
        let table = builder.add_lookup_table_from_pairs(std::sync::Arc::new(vec![(0, 1), (1, 2)]));
        let x = builder.zero();
        builder.add_lookup_from_index(x, table);
    });
    assert!(generated(&circuit).is_err());
}

// covers: Z7
#[test]
fn hiding_circuits_and_other_public_input_counts_are_refused() {
    let hiding = circuit_with(CircuitConfig { zero_knowledge: true, ..outer_config() }, 8, |_| {});
    let error = generated(&hiding).unwrap_err();
    assert!(matches!(error, Error::UnsupportedCircuit { property: "fri_params.hiding", .. }), "{error}");
    let nine = generated(&circuit_with(outer_config(), 9, |_| {})).unwrap_err();
    assert!(matches!(nine, Error::UnsupportedCircuit { property: "num_public_inputs", .. }), "{nine}");
}
