//! The order in which a circuit's generators run.
//!
//! plonky2 tries generators again and again until their inputs are there. Which ones wait for which does not depend on the
//! values, so the first proof records it, and later ones run each generator once, those that do not wait for each other in
//! parallel. plonky2 asks the operating system for every blinding value on its own, hundreds of thousands of them in a
//! circuit with zero knowledge; here they are drawn together.

use plonky2::{
    iop::{
        generator::GeneratedValues,
        target::Target,
        witness::{PartialWitness, PartitionWitness},
    },
    plonk::config::GenericConfig,
};
use rayon::prelude::*;
use sotto_circuits::field::{CircuitData, D, F};

use super::{prove::Run, salt};
use crate::ProveError;

/// plonky2's name of the generator of a blinding value.
const RANDOM: &str = "RandomValueGenerator";
/// Generators that one task runs; a level of fewer than two tasks runs where it is.
const TASK: usize = 24;

/// The order of a circuit's generators.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Representatives of the targets that are drawn at random.
    random: Vec<usize>,
    /// The other generators, by level: those of one level wait for earlier levels alone. `None` when the first proof did
    /// not show such an order.
    levels: Option<Vec<Vec<usize>>>,
}

/// Runs the generators as plonky2 does, and records the order.
pub(super) fn record<'a, K: GenericConfig<D, F = F>>(
    data: &'a CircuitData<K>,
    inputs: &PartialWitness<F>,
    run: &Run<'_>,
) -> Result<(PartitionWitness<'a, F>, Schedule), ProveError> {
    let prover = &data.prover_only;
    let mut recorder = Recorder {
        witness: given(data, inputs, run)?,
        depth: vec![0; prover.representative_map.len()],
        random: Vec::new(),
        levels: Vec::new(),
        regular: true,
    };
    let mut done = vec![false; prover.generators.len()];
    let mut pending: Vec<usize> = (0..prover.generators.len()).collect();
    let mut buffer = GeneratedValues::empty();
    while !pending.is_empty() {
        run.check()?;
        let mut next = Vec::new();
        for at in pending {
            if done[at] {
                continue;
            }
            let generator = &prover.generators[at].0;
            done[at] = generator.run(&recorder.witness, &mut buffer);
            let found = if done[at] {
                let values = std::mem::take(&mut buffer.target_values);
                recorder.finished(at, &generator.id(), &generator.watch_list(), values)
            } else {
                recorder.regular &= buffer.target_values.is_empty();
                recorder.set(std::mem::take(&mut buffer.target_values), 0)
            };
            for representative in found.map_err(|e| run.unprovable(&e))? {
                let watchers = prover.generator_indices_by_watches.get(&representative);
                next.extend(watchers.into_iter().flatten().copied().filter(|&watcher| !done[watcher]));
            }
        }
        pending = next;
    }
    match done.iter().filter(|done| !**done).count() {
        0 => {
            let levels = recorder.regular.then_some(recorder.levels);
            Ok((recorder.witness, Schedule { random: recorder.random, levels }))
        }
        waiting => Err(run.unprovable(&format!("{waiting} generators wait for values that nothing gives"))),
    }
}

struct Recorder<'a> {
    witness: PartitionWitness<'a, F>,
    /// Level after which a representative has its value.
    depth: Vec<u32>,
    random: Vec<usize>,
    levels: Vec<Vec<usize>>,
    regular: bool,
}

impl Recorder<'_> {
    fn representative(&self, target: Target) -> usize {
        self.witness.representative_map[target.index(self.witness.num_wires, self.witness.degree)]
    }

    /// Records a generator that has run for the last time; returns the representatives that it gave values.
    fn finished(
        &mut self,
        at: usize,
        id: &str,
        watched: &[Target],
        values: Vec<(Target, F)>,
    ) -> anyhow::Result<Vec<usize>> {
        if id == RANDOM {
            let random: Vec<usize> = values.iter().map(|&(target, _)| self.representative(target)).collect();
            self.random.extend(random);
            return self.set(values, 0);
        }
        let mut level = 0;
        for &target in watched {
            let representative = self.representative(target);
            self.regular &= self.witness.values[representative].is_some();
            level = level.max(self.depth[representative]);
        }
        let index = level as usize;
        if self.levels.len() <= index {
            self.levels.resize(index + 1, Vec::new());
        }
        self.levels[index].push(at);
        self.set(values, level + 1)
    }

    fn set(&mut self, values: Vec<(Target, F)>, depth: u32) -> anyhow::Result<Vec<usize>> {
        let mut found = Vec::with_capacity(values.len());
        for (target, value) in values {
            if let Some(representative) = self.witness.set_target_returning_rep(target, value)? {
                self.depth[representative] = depth;
                found.push(representative);
            }
        }
        Ok(found)
    }
}

/// The witness of the inputs alone.
fn given<'a, K: GenericConfig<D, F = F>>(
    data: &'a CircuitData<K>,
    inputs: &PartialWitness<F>,
    run: &Run<'_>,
) -> Result<PartitionWitness<'a, F>, ProveError> {
    let (common, map) = (&data.common, &data.prover_only.representative_map);
    let mut witness = PartitionWitness::new(common.config.num_wires, common.degree(), map);
    for (&target, &value) in &inputs.target_values {
        witness.set_target_returning_rep(target, value).map_err(|e| run.unprovable(&e))?;
    }
    Ok(witness)
}

impl Schedule {
    /// Runs the generators in the recorded order; nothing when one of them has to wait all the same.
    pub(super) fn replay<'a, K: GenericConfig<D, F = F>>(
        &self,
        data: &'a CircuitData<K>,
        inputs: &PartialWitness<F>,
        run: &Run<'_>,
    ) -> Result<Option<PartitionWitness<'a, F>>, ProveError> {
        let Some(levels) = &self.levels else { return Ok(None) };
        let generators = &data.prover_only.generators;
        let mut witness = given(data, inputs, run)?;
        self.draw(&mut witness)?;
        for level in levels {
            run.check()?;
            let task = |part: &[usize]| {
                let mut buffer = GeneratedValues::empty();
                let finished = part.iter().all(|&at| generators[at].0.run(&witness, &mut buffer));
                finished.then_some(buffer.target_values)
            };
            let values: Option<Vec<_>> = if level.len() < 2 * TASK {
                task(level).map(|values| vec![values])
            } else {
                level.par_chunks(TASK).map(task).collect()
            };
            let Some(values) = values else { return Ok(None) };
            for (target, value) in values.into_iter().flatten() {
                witness.set_target_returning_rep(target, value).map_err(|e| run.unprovable(&e))?;
            }
        }
        Ok(Some(witness))
    }

    /// Gives every target that is drawn at random its value.
    fn draw(&self, witness: &mut PartitionWitness<'_, F>) -> Result<(), ProveError> {
        let drawn = salt::random(self.random.len())?;
        for (&representative, value) in self.random.iter().zip(drawn) {
            witness.values[representative].get_or_insert(value);
        }
        Ok(())
    }
}
