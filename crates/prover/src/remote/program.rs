//! A strategy's program as bytes, for jobs on the solver's own workers. The shape is checked when it is put together again.

use sotto_model::program::{
    Activation, Dense, Ensemble, EnsembleParameters, Function, InputMap, Linear, MatrixShape, Node, Op,
    OutputMap, Policy, Program, Shape,
};
use sotto_types::MODEL_FEATURES;

use super::content::{Reader, Writer};

const ACTIVATIONS: [Activation; 5] =
    [Activation::Relu, Activation::Signed, Activation::Wide, Activation::Step, Activation::Output];

pub(super) fn write(out: &mut Writer, program: &Program) {
    let shape = program.shape();
    out.count(shape.matrices().len());
    for matrix in shape.matrices() {
        out.count(matrix.rows).count(matrix.inputs);
    }
    out.count(shape.ops().len());
    for op in shape.ops() {
        write_op(out, op);
    }
    out.count(shape.output().matrix);
    write_values(out, &shape.output().values);
    for input in program.inputs() {
        out.small(input.lo).small(input.hi).number(input.mult.into());
    }
    for dense in program.matrices() {
        out.count(dense.weights.len());
        dense.weights.iter().for_each(|&w| {
            out.small(w);
        });
        out.count(dense.biases.len());
        dense.biases.iter().for_each(|&b| {
            out.signed(b);
        });
    }
    for ensemble in program.ensembles() {
        write_ensemble(out, ensemble);
    }
    let Policy { min_quote, max_quote, max_slots } = *program.policy();
    out.small(min_quote).small(max_quote).number(max_slots.into());
}

fn write_values(out: &mut Writer, values: &[usize]) {
    out.count(values.len());
    values.iter().for_each(|&v| {
        out.count(v);
    });
}

fn write_op(out: &mut Writer, op: &Op) {
    match op {
        Op::Linear(Linear { matrix, columns, activation }) => {
            let activation = ACTIVATIONS.iter().position(|a| a == activation).unwrap_or(ACTIVATIONS.len());
            out.number(0).count(*matrix).count(activation).count(columns.len());
            columns.iter().for_each(|column| write_values(out, column));
        }
        Op::Product { pairs } => {
            out.number(1).count(pairs.len());
            pairs.iter().for_each(|&[a, b]| {
                out.count(a).count(b);
            });
        }
        Op::Function { function, values } => {
            let function = Function::ALL.iter().position(|f| f == function).unwrap_or(Function::ALL.len());
            out.number(2).count(function);
            write_values(out, values);
        }
        Op::Ensemble(Ensemble { features, trees, depth, rank_bits }) => {
            out.number(3);
            write_values(out, features);
            out.count(*trees).number((*depth).into()).number((*rank_bits).into());
        }
    }
}

fn write_ensemble(out: &mut Writer, ensemble: &EnsembleParameters) {
    out.count(ensemble.thresholds.len());
    for thresholds in &ensemble.thresholds {
        out.count(thresholds.len());
        thresholds.iter().for_each(|&t| {
            out.small(t);
        });
    }
    out.count(ensemble.nodes.len());
    for node in &ensemble.nodes {
        out.number(node.feature.into()).number(node.rank.into());
    }
    out.count(ensemble.leaves.len());
    ensemble.leaves.iter().for_each(|&leaf| {
        out.small(leaf);
    });
}

/// `None` when the bytes are not what [`write`] wrote, or not a program.
pub(super) fn read(from: &mut Reader<'_>) -> Option<Program> {
    let matrices = from.list(16, |r| Some(MatrixShape { rows: size(r)?, inputs: size(r)? }))?;
    let ops = from.list(16, read_op)?;
    let output = OutputMap { matrix: size(from)?, values: read_values(from)? };
    let shape = Shape::new(matrices, ops, output).ok()?;
    let mut inputs = [InputMap::default(); MODEL_FEATURES];
    for input in &mut inputs {
        *input = InputMap { lo: from.small()?, hi: from.small()?, mult: u32::try_from(from.number()?).ok()? };
    }
    let dense = |_| {
        let weights = from.list(4, Reader::small)?;
        let biases = from.list(8, Reader::signed)?;
        Some(Dense { weights, biases })
    };
    let matrices = (0..shape.matrices().len()).map(dense).collect::<Option<Vec<_>>>()?;
    let ensembles = shape.ensembles().map(|_| read_ensemble(from)).collect::<Option<Vec<_>>>()?;
    let policy = Policy {
        min_quote: from.small()?,
        max_quote: from.small()?,
        max_slots: u8::try_from(from.number()?).ok()?,
    };
    Program::new(shape, inputs, matrices, ensembles, policy).ok()
}

/// Larger sizes than any input could have are refused before they are multiplied.
fn size(from: &mut Reader<'_>) -> Option<usize> {
    usize::try_from(from.number()?).ok().filter(|&x| x < 1 << 32)
}

fn read_values(from: &mut Reader<'_>) -> Option<Vec<usize>> {
    from.list(8, size)
}

fn read_op(from: &mut Reader<'_>) -> Option<Op> {
    Some(match from.number()? {
        0 => {
            let matrix = size(from)?;
            let activation = *ACTIVATIONS.get(size(from)?)?;
            Op::Linear(Linear { matrix, columns: from.list(8, read_values)?, activation })
        }
        1 => Op::Product { pairs: from.list(16, |r| Some([size(r)?, size(r)?]))? },
        2 => {
            let function = *Function::ALL.get(size(from)?)?;
            Op::Function { function, values: read_values(from)? }
        }
        3 => {
            let features = read_values(from)?;
            // Bounded here as the shape's checks shift by them.
            let trees = size(from)?;
            let depth = u32::try_from(from.number()?).ok().filter(|d| (1..=10).contains(d))?;
            let rank_bits = u32::try_from(from.number()?).ok().filter(|b| (1..=12).contains(b))?;
            Op::Ensemble(Ensemble { features, trees, depth, rank_bits })
        }
        _ => return None,
    })
}

fn read_ensemble(from: &mut Reader<'_>) -> Option<EnsembleParameters> {
    let thresholds = from.list(8, |r| r.list(4, Reader::small))?;
    let node = |r: &mut Reader<'_>| {
        Some(Node { feature: u8::try_from(r.number()?).ok()?, rank: u16::try_from(r.number()?).ok()? })
    };
    let nodes = from.list(16, node)?;
    Some(EnsembleParameters { thresholds, nodes, leaves: from.list(4, Reader::small)? })
}
