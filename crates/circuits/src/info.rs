//! What there is to say of a circuit: rows, degree, gates, security, size of a proof.

use plonky2::{field::types::PrimeField64, plonk::config::GenericConfig};
use serde::Serialize;
use sotto_types::{SLOTS, node_descriptor};

use crate::{
    CompactCircuit, LeafCircuit, NodeCircuit, Reduction, SealCircuit, SheetCircuit, ShrinkCircuit,
    WrapCircuit,
    field::{CircuitData, Common, D, F},
    security::{SecurityTerms, polynomials},
};

/// Figures of one circuit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CircuitInfo {
    /// The layer's name.
    pub layer: &'static str,
    /// The class's descriptor; empty for reductions and the wrap.
    pub descriptor: String,
    /// Slots that the leaf serves; 0 for reductions and the wrap.
    pub capacity: usize,
    /// Rows before blinding and padding.
    pub rows: usize,
    /// log2 of the rows of the finished circuit.
    pub degree_bits: usize,
    /// Rows by gate, most first; padding and blinding rows are no-ops.
    pub gates: Vec<GateCount>,
    /// Size of a proof in bytes: 8 for an element, a digest's own for a hash, without public inputs.
    pub proof_bytes: usize,
    /// Security by term.
    pub security: SecurityTerms,
}

/// Rows of one gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GateCount {
    /// The gate's name and parameters.
    pub gate: String,
    /// Its rows.
    pub rows: usize,
}

const POSEIDON_DIGEST_BYTES: usize = 32;
const KECCAK_DIGEST_BYTES: usize = 25;

impl LeafCircuit {
    /// Figures of the circuit.
    pub fn info(&self) -> CircuitInfo {
        describe("leaf", &self.data, self.rows(), POSEIDON_DIGEST_BYTES)
            .of_class(&self.class().descriptor(), self.capacity())
    }
}

impl Reduction {
    /// Figures of the circuit.
    pub fn info(&self) -> CircuitInfo {
        describe("reduction", self.data(), self.rows(), POSEIDON_DIGEST_BYTES)
    }
}

impl SheetCircuit {
    /// Figures of the circuit.
    pub fn info(&self) -> CircuitInfo {
        describe("sheet", &self.data, self.rows(), POSEIDON_DIGEST_BYTES)
            .of_class(&self.class().descriptor(), self.capacity())
    }
}

impl NodeCircuit {
    /// Figures of the circuit.
    pub fn info(&self) -> CircuitInfo {
        describe("node", self.data(), self.rows(), POSEIDON_DIGEST_BYTES)
            .of_class(&node_descriptor(self.level()), SLOTS)
    }
}

impl SealCircuit {
    /// Figures of the circuit.
    pub fn info(&self) -> CircuitInfo {
        describe("seal", self.data(), self.rows(), POSEIDON_DIGEST_BYTES)
            .of_class(&node_descriptor(self.level()), SLOTS)
    }
}

impl WrapCircuit {
    /// Figures of the circuit.
    pub fn info(&self) -> CircuitInfo {
        describe("wrap", &self.data, self.rows(), KECCAK_DIGEST_BYTES)
    }
}

impl ShrinkCircuit {
    /// Figures of the circuit.
    pub fn info(&self) -> CircuitInfo {
        describe("shrink", self.data(), self.rows(), POSEIDON_DIGEST_BYTES)
    }
}

impl CompactCircuit {
    /// Figures of the circuit.
    pub fn info(&self) -> CircuitInfo {
        describe("compact", self.data(), self.rows(), KECCAK_DIGEST_BYTES)
    }
}

impl CircuitInfo {
    fn of_class(mut self, descriptor: &str, capacity: usize) -> Self {
        self.descriptor = descriptor.to_owned();
        self.capacity = capacity;
        self
    }
}

fn describe<K: GenericConfig<D, F = F>>(
    layer: &'static str,
    data: &CircuitData<K>,
    rows: usize,
    digest_bytes: usize,
) -> CircuitInfo {
    let common = &data.common;
    // The security of a tree of Poseidon digests is that of four elements.
    let digest_bits = u32::try_from(8 * digest_bytes).unwrap_or(u32::MAX);
    CircuitInfo {
        layer,
        descriptor: String::new(),
        capacity: 0,
        rows,
        degree_bits: common.degree_bits(),
        gates: gate_counts(data),
        proof_bytes: proof_bytes(common, digest_bytes),
        security: SecurityTerms::of(common, digest_bits),
    }
}

/// The gate of each row, as positions in the shape's list of gates, read off the selector polynomials.
pub(crate) fn gates_by_row<K: GenericConfig<D, F = F>>(data: &CircuitData<K>) -> Vec<usize> {
    let count = data.common.gates.len() as u64;
    let mut by_row = vec![0; data.common.degree()];
    let constants = &data.prover_only.constants_sigmas_commitment.polynomials;
    for selector in constants.iter().take(data.common.selectors_info.num_selectors()) {
        let values = selector.clone().fft().values;
        for (gate, value) in by_row.iter_mut().zip(values) {
            let value = value.to_canonical_u64();
            if value < count {
                *gate = value as usize;
            }
        }
    }
    by_row
}

fn gate_counts<K: GenericConfig<D, F = F>>(data: &CircuitData<K>) -> Vec<GateCount> {
    let mut counts: Vec<GateCount> =
        data.common.gates.iter().map(|gate| GateCount { gate: gate.0.id(), rows: 0 }).collect();
    for gate in gates_by_row(data) {
        counts[gate].rows += 1;
    }
    counts.sort_by_key(|count| std::cmp::Reverse(count.rows));
    counts
}

/// Bytes of a proof without its public inputs.
fn proof_bytes(common: &Common, digest: usize) -> usize {
    let params = &common.fri_params;
    let fri = &common.config.fri_config;
    let extension = 8 * D;
    let cap = digest << fri.cap_height;
    let caps = (3 + params.reduction_arity_bits.len()) * cap;
    let polynomials = polynomials(common);
    let openings = (polynomials + common.config.num_challenges) * extension;
    let salts = if params.hiding { 3 * 4 * 8 } else { 0 };
    let depth = params.lde_bits() - fri.cap_height;
    let mut query = polynomials * 8 + salts + 4 * depth * digest;
    let mut remaining = depth;
    for &arity in &params.reduction_arity_bits {
        remaining -= arity;
        query += (extension << arity) + remaining * digest;
    }
    caps + openings + fri.num_query_rounds * query + params.final_poly_len() * extension + 8
}
