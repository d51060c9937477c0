//! The checked graph: nodes in order, operands resolved, attributes read.

use std::{collections::BTreeMap, sync::Arc};

use tract_onnx::pb::{
    AttributeProto, GraphProto, NodeProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_proto::DataType, tensor_shape_proto::dimension::Value as Dim, type_proto::Value as TypeValue,
};

use super::{Tensor, is_default_domain, tensor};
use crate::{MAX_WIDTH, ModelError};

/// Most nodes of a graph.
const MAX_NODES: usize = 512;

/// A graph with one float32 input `[batch, inputs]` and one output. Value 0 is the input, value `k` the output of
/// node `k - 1`; a node reads only values with smaller numbers.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Width of the input.
    pub inputs: usize,
    /// Nodes in an order of evaluation.
    pub nodes: Vec<Node>,
    /// The value that is the output.
    pub output: usize,
}

/// One operator applied to operands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Name in the file, or operator and position.
    pub name: String,
    /// Operator with its attributes.
    pub op: Op,
    /// Operands in the operator's order.
    pub operands: Vec<Operand>,
}

/// What a node reads.
#[derive(Clone, Debug)]
pub enum Operand {
    /// A computed value.
    Value(usize),
    /// A constant.
    Constant(Arc<Tensor>),
}

/// Operators with a meaning here, as ONNX defines them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// `alpha · A · B + beta · C`, with `B` transposed or not.
    Gemm {
        /// Factor of the product.
        alpha: f32,
        /// Factor of the bias.
        beta: f32,
        /// Whether `B` is stored as `[outputs, inputs]`.
        transposed: bool,
    },
    /// `A · B`.
    MatMul,
    /// Elementwise sum.
    Add,
    /// Elementwise difference.
    Sub,
    /// Elementwise product.
    Mul,
    /// Elementwise quotient.
    Div,
    /// `max(x, 0)`.
    Relu,
    /// The operand itself.
    Identity,
    /// Another view of `[batch, n]`; an int64 constant gives the dimensions.
    Reshape,
    /// To two dimensions, the first axis kept.
    Flatten,
}

impl Op {
    /// Least and greatest number of operands.
    const fn arity(self) -> (usize, usize) {
        match self {
            Self::Gemm { .. } => (2, 3),
            Self::MatMul | Self::Add | Self::Sub | Self::Mul | Self::Div | Self::Reshape => (2, 2),
            Self::Relu | Self::Identity | Self::Flatten => (1, 1),
        }
    }

    /// Name in ONNX.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gemm { .. } => "Gemm",
            Self::MatMul => "MatMul",
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
            Self::Div => "Div",
            Self::Relu => "Relu",
            Self::Identity => "Identity",
            Self::Reshape => "Reshape",
            Self::Flatten => "Flatten",
        }
    }
}

/// Checks a decoded graph.
pub(super) fn build(graph: GraphProto) -> Result<Graph, ModelError> {
    if graph.node.len() > MAX_NODES {
        return Err(ModelError::TooLarge { what: "nodes", got: graph.node.len(), limit: MAX_NODES });
    }
    if let Some(sparse) = graph.sparse_initializer.first() {
        let tensor = sparse.values.as_ref().map(|v| v.name.clone()).unwrap_or_default();
        return Err(ModelError::UnsupportedType { tensor, data_type: 0 });
    }
    let mut names = Names::default();
    for mut proto in graph.initializer {
        let name = std::mem::take(&mut proto.name);
        let constant = tensor::read(&name, proto)?;
        names.define(name, Operand::Constant(Arc::new(constant)))?;
    }
    let inputs = input_width(&graph.input, &mut names)?;
    let output = match graph.output.as_slice() {
        [one] => one.name.clone(),
        other => return Err(ModelError::NotSingle { what: "outputs", got: other.len() }),
    };
    names.later = graph.node.iter().flat_map(|n| n.output.iter().cloned()).collect();

    let mut nodes = Vec::with_capacity(graph.node.len());
    for (position, proto) in graph.node.into_iter().enumerate() {
        let node = NodeName::new(&proto, position);
        let [defined] = proto.output.as_slice() else {
            return Err(ModelError::Operands { node: node.0, op: proto.op_type });
        };
        let defined = defined.clone();
        if let Some(constant) = constant_node(&node, &proto)? {
            names.define(defined, Operand::Constant(Arc::new(constant)))?;
            continue;
        }
        let op = operator(&node, &proto)?;
        let operands = names.resolve(&node, op, &proto.input)?;
        nodes.push(Node { name: node.0, op, operands });
        names.define(defined, Operand::Value(nodes.len()))?;
    }
    let output = match names.known.get(&output) {
        Some(Operand::Value(value)) => *value,
        _ => return Err(ModelError::MissingInput { node: "output".to_owned(), input: output }),
    };
    check_used(&nodes, output, &names)?;
    Ok(Graph { inputs, nodes, output })
}

/// The name by which errors call a node.
struct NodeName(String);

impl NodeName {
    fn new(proto: &NodeProto, position: usize) -> Self {
        let Some(name) = Some(&proto.name).filter(|n| !n.is_empty()) else {
            return Self(format!("{} #{position}", proto.op_type));
        };
        Self(name.clone())
    }

    fn attribute(&self, attribute: &str) -> ModelError {
        ModelError::UnsupportedAttribute { node: self.0.clone(), attribute: attribute.to_owned() }
    }
}

/// Values by name.
#[derive(Default)]
struct Names {
    known: BTreeMap<String, Operand>,
    /// Everything that some node computes, to tell a cycle from a missing input.
    later: Vec<String>,
}

impl Names {
    fn define(&mut self, name: String, operand: Operand) -> Result<(), ModelError> {
        match self.known.entry(name) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(operand);
                Ok(())
            }
            std::collections::btree_map::Entry::Occupied(entry) => {
                Err(ModelError::DuplicateName { name: entry.key().clone() })
            }
        }
    }

    fn resolve(&self, node: &NodeName, op: Op, inputs: &[String]) -> Result<Vec<Operand>, ModelError> {
        // An empty name at the end is an operand left out.
        let trailing = inputs.iter().rev().take_while(|i| i.is_empty()).count();
        let inputs = &inputs[..inputs.len() - trailing];
        let (least, most) = op.arity();
        if !(least..=most).contains(&inputs.len()) {
            return Err(ModelError::Operands { node: node.0.clone(), op: op.name().to_owned() });
        }
        inputs
            .iter()
            .map(|input| {
                let (node, name) = (|| node.0.clone(), || input.clone());
                self.known.get(input).cloned().ok_or_else(|| {
                    if self.later.contains(input) {
                        ModelError::Cycle { node: node(), input: name() }
                    } else {
                        ModelError::MissingInput { node: node(), input: name() }
                    }
                })
            })
            .collect()
    }
}

/// The width of the one input that is not an initialiser, which becomes value 0.
fn input_width(inputs: &[ValueInfoProto], names: &mut Names) -> Result<usize, ModelError> {
    // Before IR version 4 initialisers are listed among the inputs.
    let free: Vec<_> = inputs.iter().filter(|i| !names.known.contains_key(&i.name)).collect();
    let [input] = free.as_slice() else {
        return Err(ModelError::NotSingle { what: "inputs", got: free.len() });
    };
    names.define(input.name.clone(), Operand::Value(0))?;
    let Some(TypeValue::TensorType(tensor)) = input.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        return Err(ModelError::UnsupportedType { tensor: input.name.clone(), data_type: 0 });
    };
    if tensor.elem_type != DataType::Float as i32 {
        return Err(ModelError::UnsupportedType { tensor: input.name.clone(), data_type: tensor.elem_type });
    }
    let dims: Vec<Option<i64>> = tensor
        .shape
        .iter()
        .flat_map(|s| &s.dim)
        .map(|d| match d.value {
            Some(Dim::DimValue(n)) => Some(n),
            _ => None,
        })
        .collect();
    let width = match dims.as_slice() {
        [Some(width)] | [None | Some(1), Some(width)] => usize::try_from(*width).ok(),
        _ => None,
    };
    width.filter(|w| (1..=MAX_WIDTH).contains(w)).ok_or_else(|| ModelError::Dimensions {
        value: input.name.clone(),
        dims: dims.iter().map(|d| d.unwrap_or(0)).collect(),
        expected: "the input is [batch, n] with a fixed n of 1 to 4096, and a batch of 1 or a dynamic one",
    })
}

/// Every value is read by some node, or is the output.
fn check_used(nodes: &[Node], output: usize, names: &Names) -> Result<(), ModelError> {
    let mut used = vec![false; nodes.len() + 1];
    let values = nodes.iter().flat_map(|n| &n.operands).filter_map(|o| match o {
        Operand::Value(v) => Some(*v),
        Operand::Constant(_) => None,
    });
    for value in values.chain([output]) {
        if let Some(flag) = used.get_mut(value) {
            *flag = true;
        }
    }
    let Some(unused) = used.iter().position(|u| !u) else { return Ok(()) };
    let named = names.known.iter().find(|(_, o)| matches!(o, Operand::Value(v) if *v == unused));
    Err(ModelError::Unused { value: named.map(|(name, _)| name.clone()).unwrap_or_default() })
}

/// The tensor of a `Constant` node; `None` for other operators.
fn constant_node(node: &NodeName, proto: &NodeProto) -> Result<Option<Tensor>, ModelError> {
    if proto.op_type != "Constant" || !is_default_domain(&proto.domain) {
        return Ok(None);
    }
    let [AttributeProto { name, t: Some(value), .. }] = proto.attribute.as_slice() else {
        return Err(node.attribute("value"));
    };
    if name != "value" || !proto.input.is_empty() {
        return Err(node.attribute(name));
    }
    tensor::read(&node.0, value.clone()).map(Some)
}

fn operator(node: &NodeName, proto: &NodeProto) -> Result<Op, ModelError> {
    let simple = match proto.op_type.as_str() {
        _ if !is_default_domain(&proto.domain) => None,
        "Gemm" => return gemm(node, &proto.attribute),
        "Flatten" => return flatten(node, &proto.attribute),
        "MatMul" => Some(Op::MatMul),
        "Add" => Some(Op::Add),
        "Sub" => Some(Op::Sub),
        "Mul" => Some(Op::Mul),
        "Div" => Some(Op::Div),
        "Relu" => Some(Op::Relu),
        "Identity" => Some(Op::Identity),
        "Reshape" => Some(Op::Reshape),
        _ => None,
    };
    let op = simple.ok_or_else(|| ModelError::UnsupportedOp {
        node: node.0.clone(),
        op: proto.op_type.clone(),
        domain: proto.domain.clone(),
    })?;
    match proto.attribute.first() {
        // `allowzero` only matters to dimensions of zero, which are refused.
        Some(a) if !(op == Op::Reshape && a.name == "allowzero" && proto.attribute.len() == 1) => {
            Err(node.attribute(&a.name))
        }
        _ => Ok(op),
    }
}

fn gemm(node: &NodeName, attributes: &[AttributeProto]) -> Result<Op, ModelError> {
    let (mut alpha, mut beta, mut transposed) = (1.0, 1.0, false);
    for a in attributes {
        match (a.name.as_str(), AttributeType::try_from(a.r#type)) {
            ("alpha", Ok(AttributeType::Float)) if a.f.is_finite() => alpha = a.f,
            ("beta", Ok(AttributeType::Float)) if a.f.is_finite() => beta = a.f,
            ("transB", Ok(AttributeType::Int)) if matches!(a.i, 0 | 1) => transposed = a.i == 1,
            // `A` is the activation, one row a sample; its transpose would mix samples.
            ("transA", Ok(AttributeType::Int)) if a.i == 0 => {}
            (name, _) => return Err(node.attribute(name)),
        }
    }
    Ok(Op::Gemm { alpha, beta, transposed })
}

fn flatten(node: &NodeName, attributes: &[AttributeProto]) -> Result<Op, ModelError> {
    match attributes {
        [] => Ok(Op::Flatten),
        [a] if a.name == "axis" && matches!(a.i, 1 | -1) => Ok(Op::Flatten),
        [a, ..] => Err(node.attribute(&a.name)),
    }
}
