//! The checked graph: nodes in order, operands resolved, attributes read.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use tract_onnx::pb::{
    GraphProto, NodeProto, TypeProto, ValueInfoProto, tensor_proto::DataType,
    tensor_shape_proto::dimension::Value as Dim, type_proto::Value as TypeValue,
};

use super::{Kind, Op, Tensor, dimensions, ops, tensor};
use crate::ModelError;

/// Most nodes of a graph.
const MAX_NODES: usize = 4096;
/// Most numbers that a sample has.
const MAX_INPUTS: usize = 1 << 16;

/// A graph with inputs of fixed dimensions. Values are numbered: the inputs first, then the outputs of the nodes in order;
/// a node reads only values with smaller numbers.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(crate) inputs: Vec<GraphInput>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) outputs: Vec<GraphOutput>,
}

/// An input of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphInput {
    /// Name in the file.
    pub name: String,
    /// Dimensions, each at least 1, the batch's being 1.
    pub dims: Vec<usize>,
    pub(crate) kind: Kind,
}

/// An output of a graph.
#[derive(Clone, Debug)]
pub struct GraphOutput {
    /// Name in the file.
    pub name: String,
    /// Whether the file declares integers or strings, as labels are.
    pub label: bool,
    pub(crate) operand: Operand,
}

/// One operator applied to operands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Name in the file, or operator and position.
    pub name: String,
    /// Operator's name in the file.
    pub kind: String,
    /// Operator with its attributes.
    pub op: Op,
    /// Operands in the operator's order.
    pub operands: Vec<Operand>,
    /// Number of its first output's value.
    pub first: usize,
    /// How many outputs it has.
    pub outputs: usize,
}

/// What a node reads.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// A computed value.
    Value(usize),
    /// A constant.
    Constant(Arc<Tensor>),
    /// An operand left out.
    Absent,
}

impl Graph {
    /// The inputs; a sample is their numbers one after the other.
    pub fn inputs(&self) -> &[GraphInput] {
        &self.inputs
    }

    /// The outputs.
    pub fn outputs(&self) -> &[GraphOutput] {
        &self.outputs
    }

    /// The classes of the graph's last classifier, as text and in the order of its scores; empty where there is none.
    pub fn classes(&self) -> &[String] {
        let labels = self.nodes.iter().rev().find_map(|node| match &node.op {
            Op::Trees(forest) => forest.labels.as_ref(),
            Op::Linear(model) => model.labels.as_ref(),
            _ => None,
        });
        labels.map_or(&[], |l| &l.names)
    }

    /// How many numbers a sample has.
    pub fn width(&self) -> usize {
        self.inputs.iter().map(|i| i.dims.iter().product::<usize>()).sum()
    }
}

/// Checks a decoded graph of the given operator set.
pub(super) fn build(graph: GraphProto, opset: i64) -> Result<Graph, ModelError> {
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
    let inputs = read_inputs(&graph.input, &mut names)?;
    names.later = graph.node.iter().flat_map(|n| n.output.iter().cloned()).collect();

    let mut values = inputs.len();
    let mut nodes = Vec::with_capacity(graph.node.len());
    for (position, proto) in graph.node.into_iter().enumerate() {
        let name = node_name(&proto, position);
        let outputs = proto.output.clone();
        let operands = names.resolve(&name, &proto.input)?;
        match ops::read(&name, proto, operands, opset)? {
            ops::Read::Constant(constant) => {
                let [defined] = outputs.as_slice() else {
                    return Err(ModelError::Operands { node: name, op: "Constant".to_owned() });
                };
                names.define(defined.clone(), Operand::Constant(Arc::new(constant)))?;
            }
            ops::Read::Node { op, operands, kind } => {
                if outputs.is_empty() {
                    return Err(ModelError::Operands { node: name, op: kind });
                }
                for (k, output) in outputs.iter().enumerate().filter(|(_, o)| !o.is_empty()) {
                    names.define(output.clone(), Operand::Value(values + k))?;
                }
                let (first, outputs) = (values, outputs.len());
                nodes.push(Node { name, kind, op, operands, first, outputs });
                values += outputs;
            }
        }
    }
    let outputs = read_outputs(&graph.output, &names)?;
    check_used(&inputs, &nodes, &outputs)?;
    Ok(Graph { inputs, nodes, outputs })
}

/// The name by which errors call a node.
fn node_name(proto: &NodeProto, position: usize) -> String {
    if proto.name.is_empty() { format!("{} #{position}", proto.op_type) } else { proto.name.clone() }
}

/// Values by name.
#[derive(Default)]
struct Names {
    known: BTreeMap<String, Operand>,
    /// Everything that some node computes, to tell a cycle from a missing input.
    later: BTreeSet<String>,
}

impl Names {
    fn define(&mut self, name: String, operand: Operand) -> Result<(), ModelError> {
        match self.known.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(operand);
                Ok(())
            }
            Entry::Occupied(entry) => Err(ModelError::DuplicateName { name: entry.key().clone() }),
        }
    }

    fn resolve(&self, node: &str, inputs: &[String]) -> Result<Vec<Operand>, ModelError> {
        // An empty name is an operand left out.
        let trailing = inputs.iter().rev().take_while(|i| i.is_empty()).count();
        let inputs = inputs.get(..inputs.len() - trailing).unwrap_or_default();
        let resolve = |input: &String| {
            if input.is_empty() {
                return Ok(Operand::Absent);
            }
            self.known.get(input).cloned().ok_or_else(|| {
                let (node, name) = (node.to_owned(), input.clone());
                if self.later.contains(input) {
                    ModelError::Cycle { node, input: name }
                } else {
                    ModelError::MissingInput { node, input: name }
                }
            })
        };
        inputs.iter().map(resolve).collect()
    }
}

/// The inputs that are not initialisers, which become the first values.
fn read_inputs(inputs: &[ValueInfoProto], names: &mut Names) -> Result<Vec<GraphInput>, ModelError> {
    let mut read = Vec::new();
    let mut width = 0;
    for input in inputs {
        // Before IR version 4 initialisers are listed among the inputs.
        if matches!(names.known.get(&input.name), Some(Operand::Constant(_))) {
            continue;
        }
        names.define(input.name.clone(), Operand::Value(read.len()))?;
        let input = read_input(input)?;
        width += input.dims.iter().product::<usize>();
        if width > MAX_INPUTS {
            return Err(ModelError::TooLarge { what: "numbers of a sample", got: width, limit: MAX_INPUTS });
        }
        read.push(input);
    }
    if read.is_empty() {
        return Err(ModelError::NotSingle { what: "inputs", got: 0 });
    }
    Ok(read)
}

fn read_input(input: &ValueInfoProto) -> Result<GraphInput, ModelError> {
    let name = input.name.clone();
    let Some(TypeValue::TensorType(tensor)) = input.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        return Err(ModelError::UnsupportedType { tensor: name, data_type: 0 });
    };
    let kind = match DataType::try_from(tensor.elem_type) {
        Ok(DataType::Float | DataType::Double) => Kind::Float,
        Ok(DataType::Int32 | DataType::Int64) => Kind::Int,
        _ => return Err(ModelError::UnsupportedType { tensor: name, data_type: tensor.elem_type }),
    };
    let declared: Vec<i64> = tensor
        .shape
        .iter()
        .flat_map(|s| &s.dim)
        .map(|d| match d.value {
            // -1 is how some exporters write a dynamic dimension.
            Some(Dim::DimValue(n)) if n != 0 => n.max(-1),
            _ => -1,
        })
        .collect();
    let mut dims = declared.clone();
    // The batch is the first axis, or the second of a sequence.
    let batch = usize::from(dims.len() >= 3 && dims.first().is_some_and(|&d| d > 0));
    if let Some(d) = dims.get_mut(batch).filter(|d| **d == -1 && declared.len() > 1) {
        *d = 1;
    }
    match dimensions(&name, &dims) {
        Ok((dims, _)) if !dims.is_empty() => Ok(GraphInput { name, dims, kind }),
        _ => Err(ModelError::Dimensions {
            value: name,
            dims: declared.into_iter().map(|d| d.max(0)).collect(),
            expected: "an input has fixed dimensions but for the batch, which becomes 1",
        }),
    }
}

fn read_outputs(outputs: &[ValueInfoProto], names: &Names) -> Result<Vec<GraphOutput>, ModelError> {
    if outputs.is_empty() {
        return Err(ModelError::NotSingle { what: "outputs", got: 0 });
    }
    let read = |output: &ValueInfoProto| {
        let missing = || ModelError::MissingInput { node: "output".to_owned(), input: output.name.clone() };
        let operand = names.known.get(&output.name).cloned().ok_or_else(missing)?;
        Ok(GraphOutput { name: output.name.clone(), label: is_label(output.r#type.as_ref()), operand })
    };
    outputs.iter().map(read).collect()
}

fn is_label(declared: Option<&TypeProto>) -> bool {
    let Some(TypeValue::TensorType(tensor)) = declared.and_then(|t| t.value.as_ref()) else { return false };
    let types = [DataType::Int64, DataType::Int32, DataType::String];
    DataType::try_from(tensor.elem_type).is_ok_and(|t| types.contains(&t))
}

/// Every input is read, and at least one output of every node, by some node or by the world.
fn check_used(inputs: &[GraphInput], nodes: &[Node], outputs: &[GraphOutput]) -> Result<(), ModelError> {
    let operands = nodes.iter().flat_map(|n| &n.operands).chain(outputs.iter().map(|o| &o.operand));
    let used: BTreeSet<usize> =
        operands.filter_map(|o| if let Operand::Value(v) = o { Some(*v) } else { None }).collect();
    for (position, input) in inputs.iter().enumerate() {
        if !used.contains(&position) {
            return Err(ModelError::Unused { value: input.name.clone() });
        }
    }
    for node in nodes {
        if used.range(node.first..node.first + node.outputs).next().is_none() {
            return Err(ModelError::Unused { value: node.name.clone() });
        }
    }
    Ok(())
}
