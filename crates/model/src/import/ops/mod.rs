//! From nodes to operators: attributes are read, and what an old operator set says differently is brought to one form.

mod elementwise;
mod ml;
mod reduce;
mod shape;
pub(super) mod trees;
mod window;

use std::sync::Arc;

use tract_onnx::pb::NodeProto;

use super::{Kind, Op, Operand, Tensor, attributes::Attributes, is_default_domain};
use crate::ModelError;

/// What a node of the file becomes.
pub(super) enum Read {
    /// A constant.
    Constant(Tensor),
    /// An operator and its operands.
    Node { op: Op, operands: Vec<Operand>, kind: String },
}

/// A node of the file while it is read.
struct Source {
    node: String,
    kind: String,
    opset: i64,
    attributes: Attributes,
    operands: Vec<Operand>,
}

impl Source {
    fn arity(&self, least: usize, most: usize) -> Result<(), ModelError> {
        let given = self.operands.len();
        let required = self.operands.iter().take(least).all(|o| !matches!(o, Operand::Absent));
        if (least..=most).contains(&given) && required { Ok(()) } else { Err(self.misused()) }
    }

    fn misused(&self) -> ModelError {
        ModelError::Operands { node: self.node.clone(), op: self.kind.clone() }
    }

    fn form(&self, what: &'static str, nearest: &'static str) -> ModelError {
        ModelError::UnsupportedForm { node: self.node.clone(), what, nearest }
    }

    /// Makes a constant the operand at a position, where older operator sets have an attribute.
    fn operand(&mut self, position: usize, value: Tensor) -> Result<(), ModelError> {
        while self.operands.len() <= position {
            self.operands.push(Operand::Absent);
        }
        match self.operands.get_mut(position) {
            Some(slot @ Operand::Absent) => {
                *slot = Operand::Constant(Arc::new(value));
                Ok(())
            }
            _ => Err(self.misused()),
        }
    }

    /// Moves an attribute of integers to an operand.
    fn ints_operand(&mut self, name: &str, position: usize) -> Result<(), ModelError> {
        match self.attributes.ints(name)? {
            Some(values) if values.is_empty() || values.len() > 64 => Err(self.attributes.refuse(name)),
            Some(values) => self.operand(position, Tensor::integers(&values)),
            None => Ok(()),
        }
    }
}

/// Reads a node.
///
/// # Errors
/// When the operator, an attribute or the number of operands is not supported.
pub(super) fn read(
    node: &str,
    proto: NodeProto,
    operands: Vec<Operand>,
    opset: i64,
) -> Result<Read, ModelError> {
    let NodeProto { op_type: kind, domain, attribute, .. } = proto;
    // A misused subgraph is named by its operator, not by its attribute.
    let unsupported = |nearest| {
        Err(ModelError::UnsupportedOp {
            node: node.to_owned(),
            op: kind.clone(),
            domain: domain.clone(),
            nearest,
        })
    };
    let attributes = Attributes::new(node, attribute)?;
    let mut source = Source { node: node.to_owned(), kind: kind.clone(), opset, attributes, operands };
    let op = if is_default_domain(&domain) {
        if kind == "Constant" {
            return shape::constant(&mut source).map(Read::Constant);
        }
        let op = match elementwise::read(&mut source)? {
            None => shape::read(&mut source)?,
            op => op,
        };
        let op = match op {
            None => window::read(&mut source)?,
            op => op,
        };
        match op {
            None => reduce::read(&mut source)?,
            op => op,
        }
    } else if domain == "ai.onnx.ml" {
        ml::read(&mut source)?
    } else {
        return unsupported("an operator of the default domain or of ai.onnx.ml");
    };
    let Some(op) = op else { return unsupported(nearest(&kind)) };
    source.attributes.finish()?;
    Ok(Read::Node { op, operands: source.operands, kind })
}

/// What to write instead of an operator.
fn nearest(kind: &str) -> &'static str {
    match kind {
        "If" | "Loop" | "Scan" => "a graph without control flow: Where, or the loop unrolled",
        "ConvTranspose" => "Conv",
        "Einsum" => "MatMul and Transpose",
        "RNN" | "GRU" | "LSTM" | "Attention" => "GRU or LSTM of fixed length",
        "SVMRegressor" | "SVMClassifier" => "a linear model, trees or a dense network",
        "TopK" | "Sort" => "ReduceMax or ArgMax",
        "QuantizeLinear" | "DequantizeLinear" | "QLinearConv" | "QLinearMatMul" | "MatMulInteger" => {
            "the float32 model; quantisation is done here"
        }
        "Sin" | "Cos" | "Tan" | "Sinh" | "Cosh" | "Asin" | "Acos" | "Atan" => "Tanh or Sigmoid",
        "Floor" | "Ceil" | "Round" | "Sign" => "Where with a comparison",
        "LabelEncoder" | "OneHotEncoder" | "CategoryMapper" | "DictVectorizer" => "numeric features",
        "GroupNormalization" | "InstanceNormalization" | "MeanVarianceNormalization" => "BatchNormalization",
        "RandomNormal" | "RandomUniform" | "Bernoulli" | "Multinomial" => "a constant",
        _ => "the list of operators in the guide for model authors",
    }
}

/// Position of an axis that may count from the end.
pub(crate) fn axis(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let from_start = if axis < 0 { axis.checked_add(rank)? } else { axis };
    usize::try_from(from_start).ok().filter(|_| from_start < rank)
}

/// Kind of a number in `TensorProto.DataType`, for casts.
const fn cast_kind(data_type: i64) -> Option<Kind> {
    match data_type {
        1 | 11 => Some(Kind::Float),
        6 | 7 => Some(Kind::Int),
        9 => Some(Kind::Bool),
        8 => Some(Kind::Text),
        _ => None,
    }
}
