//! Operators that move elements, and constants.

use std::sync::Arc;

use super::Source;
use crate::{
    ModelError,
    import::{Kind, Op, Tensor},
};

/// The tensor of a `Constant` node.
pub(super) fn constant(source: &mut Source) -> Result<Tensor, ModelError> {
    source.arity(0, 0)?;
    let attributes = &mut source.attributes;
    let vector = |kind, data: Vec<f64>| Tensor { dims: vec![data.len()], kind, data: data.into() };
    let value = if attributes.has("value") {
        attributes.tensor("value")?
    } else if attributes.has("value_float") {
        Some(Tensor::scalar(Kind::Float, attributes.float("value_float", 0.0)?))
    } else if attributes.has("value_int") {
        Some(Tensor::scalar(Kind::Int, attributes.int("value_int", 0)? as f64))
    } else if attributes.has("value_ints") {
        attributes.ints("value_ints")?.map(|v| Tensor::integers(&v))
    } else {
        attributes.floats("value_floats")?.map(|v| vector(Kind::Float, v))
    };
    let value = value.filter(|v| v.kind == Kind::Text || !v.data.is_empty());
    let value = value.ok_or_else(|| attributes.refuse("value"))?;
    attributes.finish()?;
    Ok(value)
}

/// Reads an operator that moves elements; `None` for others.
pub(super) fn read(source: &mut Source) -> Result<Option<Op>, ModelError> {
    let (op, least, most) = match source.kind.as_str() {
        "Reshape" => {
            // It only matters to dimensions of zero, which are refused.
            source.attributes.ignore(&["allowzero"]);
            source.ints_operand("shape", 1)?;
            (Op::Reshape, 2, 2)
        }
        "Flatten" => (Op::Flatten { axis: source.attributes.int("axis", 1)? }, 1, 1),
        "Squeeze" => {
            source.ints_operand("axes", 1)?;
            (Op::Squeeze, 1, 2)
        }
        "Unsqueeze" => {
            source.ints_operand("axes", 1)?;
            (Op::Unsqueeze, 2, 2)
        }
        "Transpose" => (Op::Transpose { order: source.attributes.ints("perm")? }, 1, 1),
        "Concat" => (Op::Concat { axis: source.attributes.int("axis", 1)? }, 1, 1024),
        "Split" => {
            source.ints_operand("split", 1)?;
            let (axis, parts) = (source.attributes.int("axis", 0)?, source.attributes.int("num_outputs", 0)?);
            let parts = usize::try_from(parts).map_err(|_| source.attributes.refuse("num_outputs"))?;
            (Op::Split { axis, parts }, 1, 2)
        }
        "Slice" => {
            for (position, name) in [(1, "starts"), (2, "ends"), (3, "axes")] {
                source.ints_operand(name, position)?;
            }
            (Op::Slice, 3, 5)
        }
        "Gather" => (Op::Gather { axis: source.attributes.int("axis", 0)? }, 2, 2),
        "Expand" => (Op::Expand, 2, 2),
        "Tile" => (Op::Tile, 2, 2),
        "Pad" => {
            pad(source)?;
            (Op::Pad, 2, 4)
        }
        "Shape" => {
            let end =
                if source.attributes.has("end") { Some(source.attributes.int("end", 0)?) } else { None };
            (Op::Shape { start: source.attributes.int("start", 0)?, end }, 1, 1)
        }
        "ConstantOfShape" => {
            let value = source.attributes.tensor("value")?;
            let value = value.unwrap_or_else(|| Tensor::scalar(Kind::Float, 0.0));
            if value.data.len() != 1 {
                return Err(source.attributes.refuse("value"));
            }
            (Op::ConstantOfShape { value: Arc::new(value) }, 1, 1)
        }
        "Range" => (Op::Range, 3, 3),
        _ => return Ok(None),
    };
    source.arity(least, most)?;
    Ok(Some(op))
}

fn pad(source: &mut Source) -> Result<(), ModelError> {
    if source.attributes.string("mode", "constant")? != "constant" {
        return Err(source.form("this padding mode", "mode `constant`"));
    }
    source.ints_operand("pads", 1)?;
    if source.attributes.has("value") {
        let value = source.attributes.float("value", 0.0)?;
        source.operand(2, Tensor::scalar(Kind::Float, value))?;
    }
    Ok(())
}
