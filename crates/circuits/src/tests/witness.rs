//! Evaluates every constraint of a circuit on a witness, which is what a proof shows, without making one.

use std::collections::HashMap;

use plonky2::{
    field::types::Field,
    hash::{hash_types::HashOut, poseidon::PoseidonHash},
    iop::{
        generator::generate_partial_witness,
        target::Target,
        witness::{PartialWitness, PartitionWitness, Witness},
    },
    plonk::{config::Hasher, vars::EvaluationVars},
};

use crate::{
    field::{C, CircuitData, F},
    gadgets::arith::FE,
    info::gates_by_row,
};

/// A witness, and what it takes to evaluate rows on it.
pub(super) struct Trace<'a> {
    data: &'a CircuitData<C>,
    witness: PartitionWitness<'a, F>,
    gates: Vec<usize>,
    constants: Vec<Vec<F>>,
    public_inputs_hash: HashOut<F>,
}

impl<'a> Trace<'a> {
    /// Runs the generators.
    pub(super) fn new(data: &'a CircuitData<C>, inputs: PartialWitness<F>) -> anyhow::Result<Self> {
        let witness = generate_partial_witness(inputs, &data.prover_only, &data.common)?;
        let polynomials = &data.prover_only.constants_sigmas_commitment.polynomials;
        let constants = polynomials[..data.common.num_constants]
            .iter()
            .skip(data.common.selectors_info.num_selectors())
            .map(|p| p.clone().fft().values)
            .collect();
        let mut trace =
            Self { data, witness, gates: gates_by_row(data), constants, public_inputs_hash: HashOut::ZERO };
        trace.public_inputs_hash = PoseidonHash::hash_no_pad(&trace.public_inputs());
        Ok(trace)
    }

    pub(super) fn public_inputs(&self) -> Vec<F> {
        self.witness.get_targets(&self.data.prover_only.public_inputs)
    }

    fn representative(&self, target: Target) -> usize {
        let common = &self.data.common;
        self.data.prover_only.representative_map[target.index(common.config.num_wires, common.degree())]
    }

    fn value(&self, row: usize, column: usize) -> F {
        self.witness.values[self.representative(Target::wire(row, column))].unwrap_or(F::ZERO)
    }

    fn row_holds(&self, row: usize) -> bool {
        let wires: Vec<FE> =
            (0..self.data.common.config.num_wires).map(|column| FE::from(self.value(row, column))).collect();
        let constants: Vec<FE> = self.constants.iter().map(|values| FE::from(values[row])).collect();
        let vars = EvaluationVars {
            local_constants: &constants,
            local_wires: &wires,
            public_inputs_hash: &self.public_inputs_hash,
        };
        self.data.common.gates[self.gates[row]].0.eval_unfiltered(vars).iter().all(|&c| c == FE::ZERO)
    }

    /// The first row whose constraints do not hold. Copies hold by construction.
    pub(super) fn violation(&self) -> Option<usize> {
        (0..self.gates.len()).find(|&row| !self.row_holds(row))
    }

    /// Changes the value of a target, and of all that is copied from it, and says whether a constraint breaks.
    fn breaks(&mut self, representative: usize, rows: &[usize], delta: F) -> bool {
        let before = self.witness.values[representative];
        self.witness.values[representative] = Some(before.unwrap_or(F::ZERO) + delta);
        let broken = rows.iter().any(|&row| !self.row_holds(row));
        self.witness.values[representative] = before;
        broken
    }

    /// Whether changing a public input breaks a constraint, the claimed public inputs being changed alike.
    pub(super) fn public_input_is_bound(&mut self, index: usize, value: F) -> bool {
        let target = self.data.prover_only.public_inputs[index];
        let representative = self.representative(target);
        let delta = value - self.witness.get_target(target);
        let rows = self.rows_by_value().remove(&representative).unwrap_or_default();
        self.breaks(representative, &rows, delta)
    }

    fn rows_by_value(&self) -> HashMap<usize, Vec<usize>> {
        let mut rows: HashMap<usize, Vec<usize>> = HashMap::new();
        for row in 0..self.gates.len() {
            for column in 0..self.data.common.gates[self.gates[row]].0.num_wires() {
                let entry = rows.entry(self.representative(Target::wire(row, column))).or_default();
                if entry.last() != Some(&row) {
                    entry.push(row);
                }
            }
        }
        rows
    }

    /// Wires of the gates that `ours` picks by name whose change breaks nothing, as `(gate, column)`.
    pub(super) fn free_wires(&mut self, ours: impl Fn(&str) -> bool) -> Vec<(String, usize)> {
        let rows = self.rows_by_value();
        let mut free = Vec::new();
        let mut counter = 0usize;
        for row in 0..self.gates.len() {
            let gate = self.data.common.gates[self.gates[row]].clone();
            if !ours(&gate.0.id()) {
                continue;
            }
            for column in 0..gate.0.num_wires() {
                counter += 1;
                let representative = self.representative(Target::wire(row, column));
                let delta = F::from_canonical_usize(counter);
                if !self.breaks(representative, &rows[&representative], delta) {
                    free.push((gate.0.id(), column));
                }
            }
        }
        free
    }
}
