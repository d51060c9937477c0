//! A circuit that stands in for the wrap: it verifies an inner Poseidon proof and uses every gate that a wrap may use.

use plonky2::field::extension::quadratic::QuadraticExtension;
use plonky2::field::goldilocks_field::GoldilocksField;
use plonky2::field::types::Field;
use plonky2::fri::FriConfig;
use plonky2::fri::reduction_strategies::FriReductionStrategy;
use plonky2::gates::noop::NoopGate;
use plonky2::hash::hash_types::HashOutTarget;
use plonky2::hash::poseidon::PoseidonHash;
use plonky2::iop::target::{BoolTarget, Target};
use plonky2::iop::witness::{PartialWitness, WitnessWrite};
use plonky2::plonk::circuit_builder::CircuitBuilder;
use plonky2::plonk::circuit_data::{CircuitConfig, CircuitData};
use plonky2::plonk::config::PoseidonGoldilocksConfig;
use plonky2::plonk::proof::ProofWithPublicInputs;
use plonky2::util::reducing::ReducingFactorTarget;
use sotto_circuits::evm_hash::EvmConfig;

type F = GoldilocksField;
type Inner = CircuitData<F, PoseidonGoldilocksConfig, 2>;
type InnerProof = ProofWithPublicInputs<F, PoseidonGoldilocksConfig, 2>;
pub(crate) type Outer = CircuitData<F, EvmConfig, 2>;
pub(crate) type OuterProof = ProofWithPublicInputs<F, EvmConfig, 2>;

/// The configuration of the `fast` wrap profile.
pub(crate) fn outer_config() -> CircuitConfig {
    CircuitConfig {
        num_challenges: 3,
        fri_config: FriConfig {
            rate_bits: 5,
            cap_height: 4,
            proof_of_work_bits: 20,
            reduction_strategy: FriReductionStrategy::ConstantArityBits(4, 5),
            num_query_rounds: 16,
        },
        ..CircuitConfig::standard_recursion_config()
    }
}

fn inner_proof(zero_knowledge: bool, seed: u64) -> (Inner, InnerProof) {
    let base = match zero_knowledge {
        true => CircuitConfig::standard_recursion_zk_config(),
        false => CircuitConfig::standard_recursion_config(),
    };
    let mut builder = CircuitBuilder::<F, 2>::new(CircuitConfig { num_challenges: 3, ..base });
    let inputs = builder.add_virtual_targets(8);
    let digest = builder.hash_n_to_hash_no_pad::<PoseidonHash>(inputs.clone());
    let random = builder.random_access(inputs[0], inputs.clone());
    builder.range_check(inputs[1], 32);
    builder.register_public_inputs(&digest.elements);
    builder.register_public_input(random);
    // rows enough for folding steps, whose verification takes the interpolation gate
    for _ in 0..600 {
        builder.add_gate(NoopGate, vec![]);
    }
    let data = builder.build::<PoseidonGoldilocksConfig>();
    let mut witness = PartialWitness::new();
    for (i, &target) in inputs.iter().enumerate() {
        let value = if i == 0 { 3 } else { seed + u64::try_from(i).unwrap() };
        witness.set_target(target, F::from_canonical_u64(value)).unwrap();
    }
    let proof = data.prove(witness).unwrap();
    (data, proof)
}

/// Builds the circuit and proves it once. `constant` goes into the circuit, so that two values make two circuits of
/// one shape.
pub(crate) fn build(config: CircuitConfig, zero_knowledge: bool, constant: u64) -> (Outer, OuterProof) {
    let (inner, proof) = inner_proof(zero_knowledge, 11);
    let mut builder = CircuitBuilder::<F, 2>::new(config);
    let proof_target = builder.add_virtual_proof_with_pis(&inner.common);
    let data_target = builder.add_virtual_verifier_data(inner.common.config.fri_config.cap_height);
    builder.verify_proof::<PoseidonGoldilocksConfig>(&proof_target, &data_target, &inner.common);
    let extra = other_gates(&mut builder, constant);
    let hashed: HashOutTarget = builder.hash_n_to_hash_no_pad::<PoseidonHash>(
        [&proof_target.public_inputs[..], &data_target.circuit_digest.elements, &extra].concat(),
    );
    builder.register_public_inputs(&hashed.elements);
    builder.register_public_inputs(&extra[..4]);
    let outer = builder.build::<EvmConfig>();
    let mut witness = PartialWitness::new();
    witness.set_proof_with_pis_target(&proof_target, &proof).unwrap();
    witness.set_verifier_data_target(&data_target, &inner.verifier_only).unwrap();
    let proof = outer.prove(witness).unwrap();
    (outer, proof)
}

/// Uses the gates that a recursive verifier alone may leave out; returns values that depend on all of them.
fn other_gates(builder: &mut CircuitBuilder<F, 2>, constant: u64) -> Vec<Target> {
    let seed = builder.constant(F::from_canonical_u64(constant));
    let two = builder.two();
    let quartic = builder.split_le_base::<4>(seed, 16);
    let list: Vec<Target> = (0..64).map(|i| builder.constant(F::from_canonical_u64(1000 + i))).collect();
    let picked = builder.random_access(two, list.clone());
    let picked_small = builder.random_access(two, list[..4].to_vec());
    let bits: Vec<BoolTarget> = builder.split_le(seed, 20);
    let power = builder.exp_from_bits(picked, bits.iter());
    let alpha =
        builder.constant_extension(QuadraticExtension([F::from_canonical_u64(5), F::from_canonical_u64(9)]));
    let terms: Vec<_> = list.iter().map(|&t| builder.convert_to_ext(t)).collect();
    let terms: Vec<_> = terms.iter().map(|&t| builder.mul_extension(t, alpha)).collect();
    let reduced = ReducingFactorTarget::new(alpha).reduce(&terms, builder);
    let reduced_base = ReducingFactorTarget::new(alpha).reduce_base(&list, builder);
    let sum = builder.add_many([quartic[0], quartic[15], picked_small]);
    vec![power, reduced.0[0], reduced_base.0[1], reduced.0[1], reduced_base.0[0], sum]
}
