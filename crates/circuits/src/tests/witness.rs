//! Evaluates every constraint of a circuit on a witness, which is what a proof shows, without making one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};

use plonky2::{
    field::types::Field,
    hash::{hash_types::HashOut, poseidon::PoseidonHash},
    iop::{
        generator::GeneratedValues,
        target::Target,
        witness::{PartialWitness, PartitionWitness, Witness, WitnessWrite},
    },
    plonk::{
        config::Hasher,
        vars::{EvaluationVars, EvaluationVarsBaseBatch},
    },
};

use crate::{
    field::{C, CircuitData, F},
    gadgets::arith::FE,
    info::gates_by_row,
};

/// Rows that are evaluated together.
const BATCH: usize = 32;

/// What all witnesses of a circuit share.
pub(super) struct Tracer<'a> {
    data: &'a CircuitData<C>,
    gates: Vec<usize>,
    constants: Vec<Vec<F>>,
    /// The generators, each after those that it waits for: found by the first witness.
    order: OnceLock<Vec<usize>>,
}

/// A witness, and what it takes to evaluate rows on it.
pub(super) struct Trace<'a> {
    tracer: Arc<Tracer<'a>>,
    data: &'a CircuitData<C>,
    witness: PartitionWitness<'a, F>,
    public_inputs_hash: HashOut<F>,
}

impl<'a> Tracer<'a> {
    pub(super) fn new(data: &'a CircuitData<C>) -> Arc<Self> {
        let polynomials = &data.prover_only.constants_sigmas_commitment.polynomials;
        let constants = polynomials[..data.common.num_constants]
            .iter()
            .skip(data.common.selectors_info.num_selectors())
            .map(|p| p.clone().fft().values)
            .collect();
        Arc::new(Self { data, gates: gates_by_row(data), constants, order: OnceLock::new() })
    }

    /// Runs the generators.
    pub(super) fn trace(self: &Arc<Self>, inputs: PartialWitness<F>) -> anyhow::Result<Trace<'a>> {
        let data = self.data;
        let map = &data.prover_only.representative_map;
        let mut witness = PartitionWitness::new(data.common.config.num_wires, data.common.degree(), map);
        for (target, value) in inputs.target_values {
            witness.set_target(target, value)?;
        }
        if let Some(order) = self.order.get() {
            self.run(&mut witness, order)?;
        } else {
            let order = self.run_and_record(&mut witness)?;
            let _ = self.order.set(order);
        }
        let mut trace = Trace { tracer: Arc::clone(self), data, witness, public_inputs_hash: HashOut::ZERO };
        trace.public_inputs_hash = PoseidonHash::hash_no_pad(&trace.public_inputs());
        Ok(trace)
    }

    fn run(&self, witness: &mut PartitionWitness<'a, F>, order: &[usize]) -> anyhow::Result<()> {
        let mut buffer = GeneratedValues::empty();
        for &at in order {
            let finished = self.data.prover_only.generators[at].0.run(witness, &mut buffer);
            anyhow::ensure!(finished, "generator {at} waits");
            for (target, value) in buffer.target_values.drain(..) {
                witness.set_target(target, value)?;
            }
        }
        Ok(())
    }

    fn run_and_record(&self, witness: &mut PartitionWitness<'a, F>) -> anyhow::Result<Vec<usize>> {
        let prover = &self.data.prover_only;
        let (mut order, mut done) = (Vec::new(), vec![false; prover.generators.len()]);
        let mut pending: Vec<usize> = (0..prover.generators.len()).collect();
        let mut buffer = GeneratedValues::empty();
        while !pending.is_empty() {
            let mut next = Vec::new();
            for at in pending {
                if done[at] {
                    continue;
                }
                done[at] = prover.generators[at].0.run(witness, &mut buffer);
                order.extend(done[at].then_some(at));
                for (target, value) in buffer.target_values.drain(..) {
                    let Some(found) = witness.set_target_returning_rep(target, value)? else { continue };
                    let watchers = prover.generator_indices_by_watches.get(&found);
                    next.extend(watchers.into_iter().flatten().copied().filter(|&watcher| !done[watcher]));
                }
            }
            pending = next;
        }
        anyhow::ensure!(done.iter().all(|&done| done), "some generators wait");
        Ok(order)
    }
}

impl<'a> Trace<'a> {
    /// Runs the generators.
    pub(super) fn new(data: &'a CircuitData<C>, inputs: PartialWitness<F>) -> anyhow::Result<Self> {
        Tracer::new(data).trace(inputs)
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
        let constants: Vec<FE> = self.tracer.constants.iter().map(|values| FE::from(values[row])).collect();
        let vars = EvaluationVars {
            local_constants: &constants,
            local_wires: &wires,
            public_inputs_hash: &self.public_inputs_hash,
        };
        self.data.common.gates[self.tracer.gates[row]].0.eval_unfiltered(vars).iter().all(|&c| c == FE::ZERO)
    }

    /// The first row whose constraints do not hold. Copies hold by construction.
    pub(super) fn violation(&self) -> Option<usize> {
        let mut by_gate: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (row, &gate) in self.tracer.gates.iter().enumerate() {
            by_gate.entry(gate).or_default().push(row);
        }
        let violations = by_gate.iter().flat_map(|(&gate, rows)| {
            rows.chunks(BATCH).filter_map(move |rows| self.violation_among(gate, rows))
        });
        violations.min()
    }

    /// The first of some rows of one gate whose constraints do not hold.
    fn violation_among(&self, gate: usize, rows: &[usize]) -> Option<usize> {
        let columns = 0..self.data.common.config.num_wires;
        let wires: Vec<F> =
            columns.flat_map(|column| rows.iter().map(move |&row| self.value(row, column))).collect();
        let constants: Vec<F> =
            self.tracer.constants.iter().flat_map(|values| rows.iter().map(|&row| values[row])).collect();
        let vars = EvaluationVarsBaseBatch::new(rows.len(), &constants, &wires, &self.public_inputs_hash);
        let values = self.data.common.gates[gate].0.eval_unfiltered_base_batch(vars);
        let broken = |at: usize| values.iter().skip(at).step_by(rows.len()).any(|&c| c != F::ZERO);
        (0..rows.len()).find(|&at| broken(at)).map(|at| rows[at])
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
        for row in 0..self.tracer.gates.len() {
            for column in 0..self.data.common.gates[self.tracer.gates[row]].0.num_wires() {
                let entry = rows.entry(self.representative(Target::wire(row, column))).or_default();
                if entry.last() != Some(&row) {
                    entry.push(row);
                }
            }
        }
        rows
    }

    /// What a generator gives, and the gates that have it on a wire.
    pub(super) fn readers(&self, generator: usize) -> Vec<BTreeSet<String>> {
        let rows = self.rows_by_value();
        let mut given = GeneratedValues::empty();
        self.data.prover_only.generators[generator].0.run(&self.witness, &mut given);
        let readers = |target: &Target| {
            let rows = rows.get(&self.representative(*target)).into_iter().flatten();
            rows.map(|&row| self.data.common.gates[self.tracer.gates[row]].0.id()).collect()
        };
        given.target_values.iter().map(|(target, _)| readers(target)).collect()
    }

    /// Wires of the gates that `ours` picks by name whose change breaks nothing, as `(gate, column)`.
    pub(super) fn free_wires(&mut self, ours: impl Fn(&str) -> bool) -> Vec<(String, usize)> {
        let rows = self.rows_by_value();
        let mut free = Vec::new();
        let mut counter = 0usize;
        for row in 0..self.tracer.gates.len() {
            let gate = self.data.common.gates[self.tracer.gates[row]].clone();
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
