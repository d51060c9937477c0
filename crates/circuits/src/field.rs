//! The proof system's types under the names that this crate uses; the one place to change for a fork of plonky2.

use plonky2::{
    field::goldilocks_field::GoldilocksField,
    fri::{FriConfig, reduction_strategies::FriReductionStrategy},
    iop::target::Target as PlonkTarget,
    plonk::{
        circuit_builder::CircuitBuilder,
        circuit_data::{
            CircuitConfig, CircuitData as PlonkCircuitData, CommonCircuitData, VerifierOnlyCircuitData,
        },
        config::PoseidonGoldilocksConfig,
        proof::ProofWithPublicInputs,
    },
};

use crate::evm_hash::EvmConfig;

/// Degree of the extension field that challenges come from.
pub const D: usize = 2;
/// The Goldilocks field.
pub type F = GoldilocksField;
/// Poseidon Merkle trees: every layer that another circuit verifies.
pub type C = PoseidonGoldilocksConfig;
/// Keccak Merkle trees over big-endian words: the wraps, which the chain verifies.
pub type KC = EvmConfig;
/// A circuit under construction.
pub type Builder = CircuitBuilder<F, D>;
/// A wire or virtual wire.
pub type Target = PlonkTarget;
/// Everything about a circuit that its prover needs.
pub type CircuitData<K> = PlonkCircuitData<F, K, D>;
/// A circuit's shape: configuration, gates, FRI parameters.
pub type Common = CommonCircuitData<F, D>;
/// A circuit's key: digest and the cap of its constants.
pub type VerifierData<K> = VerifierOnlyCircuitData<K, D>;
/// A proof together with its public inputs.
pub type Proof<K> = ProofWithPublicInputs<F, K, D>;

/// Wires of a row, in every layer.
pub const WIRES: usize = 135;
/// Routed wires of a row, in every layer.
pub const ROUTED_WIRES: usize = 80;
/// Repetitions of the arguments whose challenges lie in the base field.
pub const CHALLENGES: usize = 3;
/// Height of the Merkle caps, in every layer.
pub const CAP_HEIGHT: usize = 4;

const fn config(zero_knowledge: bool, fri_config: FriConfig) -> CircuitConfig {
    CircuitConfig {
        num_wires: WIRES,
        num_routed_wires: ROUTED_WIRES,
        num_constants: 2,
        use_base_arithmetic_gate: true,
        security_bits: 100,
        num_challenges: CHALLENGES,
        zero_knowledge,
        max_quotient_degree_factor: 8,
        fri_config,
    }
}

const RECURSION_FRI: FriConfig = FriConfig {
    rate_bits: 3,
    cap_height: CAP_HEIGHT,
    proof_of_work_bits: 16,
    reduction_strategy: FriReductionStrategy::ConstantArityBits(4, 5),
    num_query_rounds: 28,
};

/// Configuration of leaves: no zero knowledge, for a leaf proof never leaves its prover.
pub const fn leaf_config() -> CircuitConfig {
    config(false, RECURSION_FRI)
}

/// Configuration of leaves with fewer routed wires, and so with fewer polynomials.
pub(crate) fn narrow_leaf_config(num_routed_wires: usize) -> CircuitConfig {
    CircuitConfig { num_routed_wires, ..leaf_config() }
}

/// Configuration of nodes: no zero knowledge, for the seal hides them.
///
/// A query less for three bits more of work, and a final polynomial of 64 coefficients, save rows where a node is verified: a
/// seal has room for 4234 beside its blinding, and takes 4207.
pub const fn node_config() -> CircuitConfig {
    config(
        false,
        FriConfig {
            reduction_strategy: FriReductionStrategy::ConstantArityBits(4, 6),
            proof_of_work_bits: 19,
            num_query_rounds: 27,
            ..RECURSION_FRI
        },
    )
}

/// Configuration of sheets: zero knowledge.
///
/// Blinding takes three rows for each value that the FRI queries open, so folding by four to eight coefficients (3958 rows)
/// fits the sheets into 2^13 rows, where folding by sixteen (8326 rows) would take 2^14.
pub const fn sheet_config() -> CircuitConfig {
    config(
        true,
        FriConfig { reduction_strategy: FriReductionStrategy::ConstantArityBits(2, 3), ..RECURSION_FRI },
    )
}

/// Routed wires of the shrink: fewer permutation polynomials are fewer to hash and to verify.
pub const SHRINK_ROUTED_WIRES: usize = 40;

/// Configuration of the shrink, which brings a sheet into the form that the `compact` wrap verifies with few rows.
///
/// The wrap has 4096 rows whatever it verifies, so the shrink takes the highest rate that still fits. Its own rows have
/// room to spare, which pays for few routed wires: with 40 of them the shrink has 6161 rows and the wrap 3614; with 80 it
/// has 5015 rows, and the wrap would not fit. A step in between, to 2^12 rows, would cost what it saves.
pub fn shrink_config() -> CircuitConfig {
    let fri = FriConfig {
        rate_bits: 5,
        num_query_rounds: 17,
        proof_of_work_bits: 16,
        reduction_strategy: FriReductionStrategy::ConstantArityBits(4, 5),
        cap_height: CAP_HEIGHT,
    };
    CircuitConfig { num_routed_wires: SHRINK_ROUTED_WIRES, ..config(false, fri) }
}

/// Routed wires of the `compact` wrap: fewer permutation polynomials make a shorter proof.
pub const COMPACT_ROUTED_WIRES: usize = 37;

/// How many queries a `compact` proof has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompactQueries {
    /// 10 queries and 20 bits of work: 100 conjectured bits.
    Ten,
    /// 16 queries and 22 bits of work: the conjectured bits of the field, and more proven ones.
    Sixteen,
}

/// Configuration of the `compact` wrap: the least queries that the lowest rate allows.
pub fn compact_config(queries: CompactQueries) -> CircuitConfig {
    let (num_query_rounds, proof_of_work_bits) = match queries {
        CompactQueries::Ten => (10, 20),
        CompactQueries::Sixteen => (16, 22),
    };
    let fri = FriConfig {
        rate_bits: 8,
        num_query_rounds,
        proof_of_work_bits,
        reduction_strategy: FriReductionStrategy::Fixed(vec![3, 3]),
        cap_height: CAP_HEIGHT,
    };
    CircuitConfig { num_routed_wires: COMPACT_ROUTED_WIRES, ..config(false, fri) }
}

/// Configuration of the `fast` wrap: few queries at a low rate, so that the proof fits a transaction.
pub const fn wrap_config() -> CircuitConfig {
    config(
        false,
        FriConfig {
            rate_bits: 5,
            cap_height: CAP_HEIGHT,
            proof_of_work_bits: 20,
            reduction_strategy: FriReductionStrategy::ConstantArityBits(4, 5),
            num_query_rounds: 16,
        },
    )
}
