//! Trees in a circuit: ranks of the features, then the nodes of each tree's path.

use anyhow::Result;
use plonky2::{
    field::types::Field,
    iop::{
        generator::{GeneratedValues, SimpleGenerator},
        witness::{PartitionWitness, Witness, WitnessWrite},
    },
    plonk::circuit_data::CommonCircuitData,
    util::serialization::{Buffer, IoError, IoResult},
};
use sotto_model::program::Ensemble;

use crate::{
    evaluate::{Cell, sums},
    field::{Builder, D, F, Target},
    gadgets::{
        gate::{Gadget, Pool, Rows, element, signed},
        matmul::MatMul,
        tree::{ABOVE_ALL, BELOW_ALL, Between, Descend, Digits, NO_THRESHOLD, NodeSplit, Select},
    },
    parameters::Trees,
};

/// Rows of the gates that evaluate trees.
#[derive(Debug)]
pub(crate) struct TreeRows {
    selects: Pool<Select>,
    betweens: Pool<Between>,
    splits: Rows<NodeSplit>,
    descents: Rows<Descend>,
}

impl Default for TreeRows {
    fn default() -> Self {
        Self {
            selects: Pool::new(),
            betweens: Pool::new(),
            splits: Rows::new(NodeSplit),
            descents: Rows::new(Descend),
        }
    }
}

impl TreeRows {
    /// Fills the last rows.
    pub(crate) fn finish(self, builder: &mut Builder) {
        self.selects.finish(builder);
        self.betweens.finish(builder);
        self.splits.finish(builder);
        self.descents.finish(builder);
    }

    /// The entry of a level that each column's path leads to; the columns share the rows of the first digit where there
    /// are many of them.
    fn choose_all(&mut self, builder: &mut Builder, entries: &[Target], paths: &[&[Target]]) -> Vec<Target> {
        let zero = builder.zero();
        let routed_wires = builder.config.num_routed_wires;
        let Some(gate) = Digits::of(paths.len(), routed_wires).gate(entries.len(), routed_wires) else {
            return paths.iter().map(|path| self.choose(builder, entries, path, zero)).collect();
        };
        let stride = entries.len().div_ceil(gate.entries());
        let mut chosen = vec![Vec::with_capacity(stride); paths.len()];
        for low in 0..stride {
            let mut group: Vec<Target> = entries.iter().skip(low).step_by(stride).copied().collect();
            group.resize(gate.entries(), zero);
            for (paths, chosen) in paths.chunks(gate.columns).zip(chosen.chunks_mut(gate.columns)) {
                let mut inputs = group.clone();
                inputs.extend(paths.iter().filter_map(|path| path.first()));
                inputs.resize(gate.inputs(), zero);
                let found = self.selects.op(builder, &gate, &inputs);
                chosen.iter_mut().zip(found).for_each(|(chosen, entry)| chosen.push(entry));
            }
        }
        let rest = chosen.iter().zip(paths);
        rest.map(|(entries, path)| self.choose(builder, entries, path.get(1..).unwrap_or(&[]), zero))
            .collect()
    }

    /// The entry that digits choose, top digit first, of `2^bits` entries. A last digit that is not full may reach past
    /// the end, and chooses `beyond` there.
    fn choose(
        &mut self,
        builder: &mut Builder,
        entries: &[Target],
        digits: &[Target],
        beyond: Target,
    ) -> Target {
        let Some((&digit, rest)) = digits.split_first() else { return entries[0] };
        let size = Select::DIGIT.entries();
        let stride = (entries.len() / size).max(1);
        let chosen: Vec<Target> = (0..stride)
            .map(|low| {
                let at = |j: usize| entries.get(j * stride + low).copied().unwrap_or(beyond);
                let mut inputs: Vec<Target> = (0..size).map(at).collect();
                inputs.push(digit);
                self.selects.op(builder, &Select::DIGIT, &inputs)[0]
            })
            .collect();
        self.choose(builder, &chosen, rest, beyond)
    }

    /// The rank of a value among thresholds.
    fn rank(&mut self, builder: &mut Builder, rank_bits: u32, thresholds: &[Target], z: Target) -> Target {
        let between = Between { rank_bits };
        let digits = builder.add_virtual_targets(between.digits());
        builder.add_simple_generator(RankGenerator {
            between: between.clone(),
            thresholds: thresholds.to_vec(),
            z,
            digits: digits.clone(),
        });
        let mut constant = |value: i64| builder.constant(element(i128::from(value)));
        let (below, above, none) = (constant(BELOW_ALL), constant(ABOVE_ALL), constant(NO_THRESHOLD));
        let lower: Vec<Target> = [below].iter().chain(thresholds).copied().collect();
        let upper: Vec<Target> = thresholds.iter().chain(&[above]).copied().collect();
        let mut inputs =
            vec![z, self.choose(builder, &lower, &digits, none), self.choose(builder, &upper, &digits, none)];
        inputs.extend(digits);
        self.betweens.op(builder, &between, &inputs)[0]
    }
}

/// The sum of the leaves that each column reaches, `columns` being slots, or one for features that are shared.
pub(crate) fn ensemble(
    builder: &mut Builder,
    rows: &mut TreeRows,
    blocks: &mut Pool<MatMul>,
    shape: &Ensemble,
    trees: &Trees<Target>,
    features: &[&Cell],
    columns: usize,
) -> Vec<Target> {
    let mut ranks: Vec<Vec<Target>> = vec![Vec::new(); columns];
    for (cell, thresholds) in features.iter().zip(&trees.thresholds) {
        let mut rank = |z| rows.rank(builder, shape.rank_bits, thresholds, z);
        match cell {
            Cell::Shared(z) => {
                let rank = rank(*z);
                ranks.iter_mut().for_each(|column| column.push(rank));
            }
            Cell::Slots(values) => {
                ranks.iter_mut().zip(values).for_each(|(column, &z)| column.push(rank(z)));
            }
        }
    }
    let leaves = descend(builder, rows, shape, trees, &ranks);
    sums(builder, blocks, &leaves)
}

/// The leaf of each tree that the ranks of each column's features lead to, by column.
///
/// Level by level over all trees and columns, so that selections that share a row never wait for one another.
fn descend(
    builder: &mut Builder,
    rows: &mut TreeRows,
    shape: &Ensemble,
    trees: &Trees<Target>,
    ranks: &[Vec<Target>],
) -> Vec<Vec<Target>> {
    let digits = Digits::of(ranks.len(), builder.config.num_routed_wires);
    let nodes: Vec<&[Target]> = trees.nodes.chunks_exact(shape.nodes()).collect();
    // By tree, then by column.
    let mut paths: Vec<Vec<Vec<Target>>> = vec![vec![Vec::new(); ranks.len()]; shape.trees];
    for level in 0..shape.depth {
        let width = 1usize << level;
        let splits: Vec<Vec<(Target, Target)>> = nodes
            .iter()
            .zip(&paths)
            .map(|(nodes, paths)| {
                let paths: Vec<&[Target]> = paths.iter().map(Vec::as_slice).collect();
                let chosen = rows.choose_all(builder, &nodes[width - 1..2 * width - 1], &paths);
                let split = |node| rows.splits.op(builder, &[node]);
                chosen.into_iter().map(split).map(|split| (split[0], split[1])).collect()
            })
            .collect();
        for (column, ranks) in ranks.iter().enumerate() {
            let nodes: Vec<(Target, Target)> = splits.iter().map(|tree| tree[column]).collect();
            let found = ranks_of(builder, rows, ranks, &nodes);
            for ((&(_, rank), paths), rank_found) in nodes.iter().zip(&mut paths).zip(found) {
                let path = &mut paths[column];
                let digit = if digits.starts(level) { None } else { path.pop() };
                let zero = builder.zero();
                let step = [rank_found, rank, digit.unwrap_or(zero)];
                path.extend(rows.descents.op(builder, &step));
            }
        }
    }
    let leaves = trees.leaves.chunks_exact(1 << shape.depth);
    let mut by_column = vec![Vec::with_capacity(shape.trees); ranks.len()];
    for (leaves, paths) in leaves.zip(&paths) {
        let paths: Vec<&[Target]> = paths.iter().map(Vec::as_slice).collect();
        let chosen = rows.choose_all(builder, leaves, &paths);
        by_column.iter_mut().zip(chosen).for_each(|(column, leaf)| column.push(leaf));
    }
    by_column
}

/// The rank of each node's feature, in one column.
fn ranks_of(
    builder: &mut Builder,
    rows: &mut TreeRows,
    ranks: &[Target],
    nodes: &[(Target, Target)],
) -> Vec<Target> {
    let zero = builder.zero();
    let by_feature = Select::by_feature(ranks.len(), builder.config.num_routed_wires);
    let mut entries = ranks.to_vec();
    entries.resize(by_feature.entries(), zero);
    let mut found = Vec::with_capacity(nodes.len());
    for nodes in nodes.chunks(by_feature.columns) {
        let mut inputs = entries.clone();
        inputs.extend(nodes.iter().map(|&(feature, _)| feature));
        inputs.resize(by_feature.inputs(), zero);
        found.extend(rows.selects.op(builder, &by_feature, &inputs).into_iter().take(nodes.len()));
    }
    found
}

/// Finds the digits of a rank. Constrains nothing.
#[derive(Clone, Debug)]
struct RankGenerator {
    between: Between,
    thresholds: Vec<Target>,
    z: Target,
    digits: Vec<Target>,
}

impl SimpleGenerator<F, D> for RankGenerator {
    fn id(&self) -> String {
        format!("{self:?}")
    }

    fn dependencies(&self) -> Vec<Target> {
        [&self.thresholds[..], &[self.z]].concat()
    }

    fn run_once(&self, witness: &PartitionWitness<'_, F>, out: &mut GeneratedValues<F>) -> Result<()> {
        let z = signed(witness.get_target(self.z));
        let below = self.thresholds.iter().take_while(|&&t| signed(witness.get_target(t)) < z).count();
        for (&target, digit) in self.digits.iter().zip(self.between.split(below)) {
            out.set_target(target, F::from_canonical_u64(digit))?;
        }
        Ok(())
    }

    fn serialize(&self, _dst: &mut Vec<u8>, _common: &CommonCircuitData<F, D>) -> IoResult<()> {
        Err(IoError)
    }

    fn deserialize(_src: &mut Buffer<'_>, _common: &CommonCircuitData<F, D>) -> IoResult<Self> {
        Err(IoError)
    }
}
