//! The witness: every wire's value, by column.

use std::sync::OnceLock;

use plonky2::{
    field::types::Field,
    iop::witness::{PartialWitness, PartitionWitness},
    plonk::config::GenericConfig,
};
use rayon::prelude::*;
use sotto_circuits::field::{CircuitData, D, F};

use super::{
    columns::Columns,
    prove::Run,
    schedule::{self, Schedule},
};
use crate::ProveError;

/// Where each wire's value stands in plonky2's partition of the targets, column after column.
#[derive(Debug)]
pub(super) struct WitnessPlan {
    representatives: Vec<u32>,
    public_inputs: Vec<u32>,
    /// How the generators ran in the first proof.
    schedule: OnceLock<Schedule>,
}

impl WitnessPlan {
    pub(super) fn new<K: GenericConfig<D, F = F>>(data: &CircuitData<K>) -> Self {
        let (rows, wires) = (data.common.degree(), data.common.config.num_wires);
        let map = &data.prover_only.representative_map;
        let column = |wire| (0..rows).map(move |row| map[row * wires + wire] as u32);
        let public = |target: &plonky2::iop::target::Target| map[target.index(wires, rows)] as u32;
        Self {
            representatives: (0..wires).flat_map(column).collect(),
            public_inputs: data.prover_only.public_inputs.iter().map(public).collect(),
            schedule: OnceLock::new(),
        }
    }

    /// Runs the circuit's generators on the inputs.
    pub(super) fn generate<'a, K: GenericConfig<D, F = F>>(
        &self,
        data: &'a CircuitData<K>,
        inputs: &PartialWitness<F>,
        run: &Run<'_>,
    ) -> Result<PartitionWitness<'a, F>, ProveError> {
        if let Some(schedule) = self.schedule.get()
            && let Some(witness) = schedule.replay(data, inputs, run)?
        {
            return Ok(witness);
        }
        let (witness, schedule) = schedule::record(data, inputs, run)?;
        // Of several first proofs at once, one schedule is as good as the other.
        let _ = self.schedule.set(schedule);
        Ok(witness)
    }

    /// Writes the wires' values by column, and returns the public inputs. A wire without a value is zero.
    pub(super) fn fill(&self, values: &[Option<F>], wires: &mut Columns, count: usize) -> Vec<F> {
        let value = |at: &u32| values[*at as usize].unwrap_or(F::ZERO);
        let rows = self.representatives.len() / count;
        wires.reshape(count, rows);
        wires
            .elements_mut()
            .par_chunks_exact_mut(rows)
            .zip(self.representatives.par_chunks_exact(rows))
            .for_each(|(column, map)| column.iter_mut().zip(map).for_each(|(out, at)| *out = value(at)));
        self.public_inputs.iter().map(value).collect()
    }
}
