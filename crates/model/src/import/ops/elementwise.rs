//! Operators on each element.

use super::{Source, cast_kind};
use crate::{
    ModelError,
    import::{Binary, Fold, Kind, Op, Tensor, Unary},
};

/// Reads an elementwise operator; `None` for others.
pub(super) fn read(source: &mut Source) -> Result<Option<Op>, ModelError> {
    if let Some(op) = unary(source)? {
        source.arity(1, 1)?;
        return Ok(Some(Op::Unary(op)));
    }
    if let Some(op) = binary(&source.kind) {
        source.arity(2, 2)?;
        if op == Binary::Mod {
            source.attributes.ignore(&["fmod"]);
        }
        return Ok(Some(Op::Binary(op)));
    }
    let op = match source.kind.as_str() {
        "Sum" => Op::Variadic(Fold::Sum),
        "Mean" => Op::Variadic(Fold::Mean),
        "Max" => Op::Variadic(Fold::Max),
        "Min" => Op::Variadic(Fold::Min),
        "Where" => Op::Where,
        "Clip" => Op::Clip,
        "Dropout" => Op::Unary(Unary::Identity),
        "Cast" => cast(source)?,
        _ => return Ok(None),
    };
    match op {
        Op::Variadic(_) => source.arity(1, 256)?,
        Op::Where => source.arity(3, 3)?,
        Op::Clip => clip(source)?,
        Op::Cast { .. } => source.arity(1, 1)?,
        _ => dropout(source)?,
    }
    Ok(Some(op))
}

fn unary(source: &mut Source) -> Result<Option<Unary>, ModelError> {
    let attributes = &mut source.attributes;
    Ok(Some(match source.kind.as_str() {
        "Neg" => Unary::Neg,
        "Abs" => Unary::Abs,
        "Relu" => Unary::Relu,
        "LeakyRelu" => Unary::Leaky(attributes.float("alpha", 0.01f32.into())?),
        "Elu" => Unary::Elu { alpha: attributes.float("alpha", 1.0)?, gamma: 1.0 },
        "Selu" => Unary::Elu {
            alpha: attributes.float("alpha", 1.673_263_2)?,
            gamma: attributes.float("gamma", 1.050_701)?,
        },
        "Sigmoid" => Unary::Sigmoid,
        "HardSigmoid" => Unary::HardSigmoid {
            alpha: attributes.float("alpha", 0.2f32.into())?,
            beta: attributes.float("beta", 0.5)?,
        },
        "HardSwish" => Unary::HardSwish,
        "Swish" => Unary::Swish(attributes.float("alpha", 1.0)?),
        "Gelu" => match attributes.string("approximate", "none")?.as_str() {
            "none" => Unary::Gelu { tanh: false },
            "tanh" => Unary::Gelu { tanh: true },
            _ => return Err(attributes.refuse("approximate")),
        },
        "Mish" => Unary::Mish,
        "Tanh" => Unary::Tanh,
        "Softplus" => Unary::Softplus,
        "Erf" => Unary::Erf,
        "Exp" => Unary::Exp,
        "Log" => Unary::Log,
        "Sqrt" => Unary::Sqrt,
        "Reciprocal" => Unary::Reciprocal,
        "Not" => Unary::Not,
        "Identity" => Unary::Identity,
        _ => return Ok(None),
    }))
}

fn binary(kind: &str) -> Option<Binary> {
    Some(match kind {
        "Add" => Binary::Add,
        "Sub" => Binary::Sub,
        "Mul" => Binary::Mul,
        "Div" => Binary::Div,
        "Mod" => Binary::Mod,
        "Pow" => Binary::Pow,
        "PRelu" => Binary::PRelu,
        "Less" => Binary::Less,
        "LessOrEqual" => Binary::LessOrEqual,
        "Greater" => Binary::Greater,
        "GreaterOrEqual" => Binary::GreaterOrEqual,
        "Equal" => Binary::Equal,
        "And" => Binary::And,
        "Or" => Binary::Or,
        "Xor" => Binary::Xor,
        _ => return None,
    })
}

/// The bounds are attributes before operator set 11.
fn clip(source: &mut Source) -> Result<(), ModelError> {
    for (position, name) in [(1, "min"), (2, "max")] {
        if source.attributes.has(name) {
            let bound = source.attributes.float(name, 0.0)?;
            // The defaults of these sets are the ends of float32, which clip nothing.
            if bound.abs() < f64::from(f32::MAX) {
                source.operand(position, Tensor::scalar(Kind::Float, bound))?;
            }
        }
    }
    source.arity(1, 3)
}

/// Inference passes the operand; ratio and seed change nothing.
fn dropout(source: &mut Source) -> Result<(), ModelError> {
    source.attributes.ignore(&["ratio", "seed"]);
    source.arity(1, 3)?;
    if let Some(crate::import::Operand::Constant(training)) = source.operands.get(2)
        && training.data.first().is_some_and(|&x| x != 0.0)
    {
        return Err(source.form("training mode", "a model exported for inference"));
    }
    source.operands.truncate(1);
    Ok(())
}

fn cast(source: &mut Source) -> Result<Op, ModelError> {
    source.attributes.ignore(&["saturate", "round_mode"]);
    let to = source.attributes.int("to", 0)?;
    cast_kind(to).map(|to| Op::Cast { to }).ok_or_else(|| source.attributes.refuse("to"))
}
