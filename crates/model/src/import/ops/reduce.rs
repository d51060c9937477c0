//! Operators along axes, and products with matrices.

use super::Source;
use crate::{
    ModelError,
    import::{Cell, Fold, Gate, Op, Recurrent},
};

/// Most hidden units of a recurrent layer.
const MAX_HIDDEN: i64 = 4096;

/// Reads such an operator; `None` for others.
pub(super) fn read(source: &mut Source) -> Result<Option<Op>, ModelError> {
    let opset = source.opset;
    let attributes = &mut source.attributes;
    let (op, least, most) = match source.kind.as_str() {
        "ReduceSum" => reduce(source, Fold::Sum)?,
        "ReduceMean" => reduce(source, Fold::Mean)?,
        "ReduceMax" => reduce(source, Fold::Max)?,
        "ReduceMin" => reduce(source, Fold::Min)?,
        "ReduceL1" => reduce(source, Fold::L1)?,
        "ReduceL2" => reduce(source, Fold::L2)?,
        "ReduceSumSquare" => reduce(source, Fold::SumSquare)?,
        "ReduceProd" => reduce(source, Fold::Prod)?,
        kind @ ("ArgMax" | "ArgMin") => {
            let greatest = kind == "ArgMax";
            let (axis, keep) = (attributes.int("axis", 0)?, attributes.int("keepdims", 1)? != 0);
            (Op::ArgExtreme { greatest, axis, keep, last: attributes.flag("select_last_index")? }, 1, 1)
        }
        kind @ ("Softmax" | "LogSoftmax") => {
            // Before operator set 13 the axes from `axis` on are one.
            let rows = opset < 13;
            let axis = attributes.int("axis", if rows { 1 } else { -1 })?;
            (Op::Softmax { axis, rows, log: kind == "LogSoftmax" }, 1, 1)
        }
        "BatchNormalization" => {
            attributes.ignore(&["momentum"]);
            // Any spatial one but the old per-activation mode.
            if attributes.flag("training_mode")? || attributes.int("spatial", 1)? != 1 {
                return Err(source.form("training mode", "a model exported for inference"));
            }
            (Op::BatchNormalization { epsilon: attributes.float("epsilon", 1e-5f32.into())? }, 5, 5)
        }
        "LayerNormalization" => {
            attributes.ignore(&["stash_type"]);
            let epsilon = attributes.float("epsilon", 1e-5f32.into())?;
            (Op::LayerNormalization { axis: attributes.int("axis", -1)?, epsilon }, 2, 3)
        }
        "MatMul" => (Op::MatMul, 2, 2),
        "Gemm" => {
            let (alpha, beta) = (attributes.float("alpha", 1.0)?, attributes.float("beta", 1.0)?);
            let transpose = [attributes.flag("transA")?, attributes.flag("transB")?];
            (Op::Gemm { alpha, beta, transpose }, 2, 3)
        }
        "RNN" => (recurrent(source, 1)?, 3, 6),
        "GRU" => (recurrent(source, 2)?, 3, 6),
        "LSTM" => (recurrent(source, 3)?, 3, 8),
        _ => return Ok(None),
    };
    source.arity(least, most)?;
    Ok(Some(op))
}

fn reduce(source: &mut Source, fold: Fold) -> Result<(Op, usize, usize), ModelError> {
    source.ints_operand("axes", 1)?;
    let keep = source.attributes.int("keepdims", 1)? != 0;
    Ok((Op::Reduce { fold, keep, noop: source.attributes.flag("noop_with_empty_axes")? }, 1, 2))
}

/// A recurrent layer whose cells have as many activations as `activations` says.
fn recurrent(source: &mut Source, activations: usize) -> Result<Op, ModelError> {
    let cell = match activations {
        1 => Cell::Rnn,
        2 => Cell::Gru { linear_before_reset: source.attributes.flag("linear_before_reset")? },
        _ => Cell::Lstm { input_forget: source.attributes.flag("input_forget")? },
    };
    for name in ["clip", "activation_alpha", "activation_beta"] {
        if source.attributes.has(name) {
            return Err(
                source.form("a recurrent cell with clip or parametric activations", "Sigmoid, Tanh, Relu")
            );
        }
    }
    let hidden = source.attributes.int("hidden_size", 0)?;
    let hidden = usize::try_from(hidden).ok().filter(|_| (1..=MAX_HIDDEN).contains(&hidden));
    let hidden = hidden.ok_or_else(|| source.attributes.refuse("hidden_size"))?;
    let directions: &[bool] = match source.attributes.string("direction", "forward")?.as_str() {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        _ => return Err(source.attributes.refuse("direction")),
    };
    let gates = gates(source, activations, directions.len())?;
    let directions =
        directions.iter().copied().zip(gates.chunks(activations).map(<[Gate]>::to_vec)).collect();
    let batch_first = source.attributes.flag("layout")?;
    Ok(Op::Recurrent(Recurrent { cell, hidden, directions, batch_first }))
}

fn gates(source: &mut Source, activations: usize, directions: usize) -> Result<Vec<Gate>, ModelError> {
    let Some(names) = source.attributes.strings("activations")? else {
        let mut one = vec![Gate::Tanh; activations];
        if let Some((first, [_, ..])) = one.split_first_mut() {
            *first = Gate::Sigmoid;
        }
        return Ok(one.repeat(directions));
    };
    let gates: Option<Vec<_>> = names
        .iter()
        .map(|name| match name.to_ascii_lowercase().as_slice() {
            b"sigmoid" => Some(Gate::Sigmoid),
            b"tanh" => Some(Gate::Tanh),
            b"relu" => Some(Gate::Relu),
            _ => None,
        })
        .collect();
    gates
        .filter(|g| g.len() == activations * directions)
        .ok_or_else(|| source.form("this recurrent activation", "Sigmoid, Tanh, Relu"))
}
