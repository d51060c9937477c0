//! Drops what the output does not depend on.

use std::collections::BTreeSet;

use crate::{RealMatrix, RealOp, RealProgram, program::ValueId};

/// The same program without values that nothing reads. A row of a matrix goes when no application's result of it is read.
pub(super) fn prune(program: &RealProgram) -> RealProgram {
    let starts = starts(program);
    let mut wanted = vec![false; program.value_count()];
    let mut rows: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); program.matrices.len()];
    let want = |wanted: &mut Vec<bool>, values: &[ValueId]| values.iter().for_each(|&v| wanted[v] = true);
    want(&mut wanted, &program.output);
    for (op, &start) in program.ops.iter().zip(&starts).rev() {
        match op {
            RealOp::Linear { matrix, columns, .. } => {
                let count = program.matrices[*matrix].biases.len();
                for (c, column) in columns.iter().enumerate() {
                    let used: Vec<usize> = (0..count).filter(|r| wanted[start + c * count + r]).collect();
                    if !used.is_empty() {
                        rows[*matrix].extend(used);
                        want(&mut wanted, column);
                    }
                }
            }
            RealOp::Product { pairs } => {
                for (k, pair) in pairs.iter().enumerate() {
                    if wanted[start + k] {
                        want(&mut wanted, pair);
                    }
                }
            }
            RealOp::Function { values, .. } => {
                for (k, value) in values.iter().enumerate() {
                    if wanted[start + k] {
                        wanted[*value] = true;
                    }
                }
            }
            RealOp::Ensemble { features, .. } => {
                if wanted[start] {
                    want(&mut wanted, features);
                }
            }
        }
    }
    rebuild(program, &starts, &wanted, &rows)
}

/// The first value of each operation.
fn starts(program: &RealProgram) -> Vec<usize> {
    let mut next = program.inputs;
    let given = |op: &RealOp| match op {
        RealOp::Linear { matrix, columns, .. } => columns.len() * program.matrices[*matrix].biases.len(),
        RealOp::Product { pairs } => pairs.len(),
        RealOp::Function { values, .. } => values.len(),
        RealOp::Ensemble { .. } => 1,
    };
    let mut starts = vec![];
    for op in &program.ops {
        starts.push(next);
        next += given(op);
    }
    starts
}

fn rebuild(
    program: &RealProgram,
    starts: &[usize],
    wanted: &[bool],
    rows: &[BTreeSet<usize>],
) -> RealProgram {
    let mut matrices = vec![];
    let places: Vec<usize> = program
        .matrices
        .iter()
        .zip(rows)
        .map(|(matrix, rows)| {
            if !rows.is_empty() {
                let weights = rows.iter().flat_map(|r| &matrix.weights[r * matrix.inputs..][..matrix.inputs]);
                let biases = rows.iter().map(|&r| matrix.biases[r]);
                matrices.push(RealMatrix {
                    inputs: matrix.inputs,
                    weights: weights.copied().collect(),
                    biases: biases.collect(),
                });
            }
            matrices.len().saturating_sub(1)
        })
        .collect();
    let mut renamed: Vec<ValueId> = (0..wanted.len()).collect();
    let mut next = program.inputs;
    let mut ops = vec![];
    let mut name = |renamed: &mut Vec<ValueId>, old: ValueId| {
        renamed[old] = next;
        next += 1;
    };
    for (op, &start) in program.ops.iter().zip(starts) {
        let kept = |count: usize| (0..count).filter(move |k| wanted[start + k]).collect::<Vec<_>>();
        let new =
            |renamed: &[ValueId], values: &[ValueId]| values.iter().map(|&v| renamed[v]).collect::<Vec<_>>();
        match op {
            RealOp::Linear { matrix, columns, activation } => {
                let count = program.matrices[*matrix].biases.len();
                let mut used = vec![];
                for (c, column) in columns.iter().enumerate() {
                    if (0..count).any(|r| wanted[start + c * count + r]) {
                        used.push(new(&renamed, column));
                        rows[*matrix].iter().for_each(|r| name(&mut renamed, start + c * count + r));
                    }
                }
                if !used.is_empty() {
                    ops.push(RealOp::Linear {
                        matrix: places[*matrix],
                        columns: used,
                        activation: *activation,
                    });
                }
            }
            RealOp::Product { pairs } => {
                let used: Vec<usize> = kept(pairs.len());
                let pairs: Vec<[ValueId; 2]> = used.iter().map(|&k| pairs[k].map(|v| renamed[v])).collect();
                used.iter().for_each(|k| name(&mut renamed, start + k));
                if !pairs.is_empty() {
                    ops.push(RealOp::Product { pairs });
                }
            }
            RealOp::Function { function, values } => {
                let used = kept(values.len());
                let values: Vec<ValueId> = used.iter().map(|&k| renamed[values[k]]).collect();
                used.iter().for_each(|k| name(&mut renamed, start + k));
                if !values.is_empty() {
                    ops.push(RealOp::Function { function: *function, values });
                }
            }
            RealOp::Ensemble { features, trees } => {
                if wanted[start] {
                    ops.push(RealOp::Ensemble { features: new(&renamed, features), trees: trees.clone() });
                    name(&mut renamed, start);
                }
            }
        }
    }
    let output = program.output.iter().map(|&v| renamed[v]).collect();
    let output_weights = program.output_weights.clone();
    RealProgram { inputs: program.inputs, matrices, ops, output, output_weights }
}
