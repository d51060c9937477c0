//! Second stage: the graph to a [`RealProgram`].
//!
//! The graph is executed on tensors whose numbers are affine functions of the program's values, one definition of each
//! operator serving constants (which folds them), shapes and values alike. Nothing that the wanted output does not need
//! is executed. Affine operators are composed as long as that makes no matrix larger; one matrix serves all positions of
//! a convolution and all steps of a recurrent layer.

mod affine;
mod builder;
mod conv;
mod element;
mod elementwise;
mod ensemble;
mod linear;
mod piecewise;
mod pool;
mod prune;
mod recurrent;
mod reduce;
mod shape;
mod softmax;
mod tensor;

use std::collections::BTreeSet;

use builder::Builder;
use element::Element;
use tensor::Symbolic;

use crate::{
    ModelError, RealActivation, RealProgram,
    import::{Graph, GraphOutput, Kind, Node, Op, Operand},
};

/// Which number of a graph's outputs becomes the quote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OutputChoice {
    /// The only number of the only output.
    #[default]
    Single,
    /// A classifier's label: the number, or the position of the string, of the first of the classes with the greatest
    /// score.
    Label,
    /// A classifier's score or probability of the class at this position.
    Score(usize),
    /// A number of the output with this name.
    Element {
        /// Name of the output.
        output: String,
        /// Position, row-major.
        position: usize,
    },
}

/// Lowers a graph to the operations that quantisation takes. The program's inputs are the numbers of the graph's inputs,
/// one after the other. A matrix with many columns may read inputs of the network.
///
/// # Errors
/// When dimensions do not match, an operator is used in a form without support, the output is not one number, or the
/// program gets too large.
pub fn lower(graph: &Graph, choice: &OutputChoice) -> Result<RealProgram, ModelError> {
    let (output, position) = chosen(graph, choice)?;
    let value = match &output.operand {
        Operand::Value(value) => *value,
        Operand::Constant(_) | Operand::Absent => {
            return Err(ModelError::MissingInput { node: "output".to_owned(), input: output.name.clone() });
        }
    };
    let mut machine = Machine::new(graph, value);
    machine.run(graph)?;
    let Some(Some(tensor)) = machine.values.get(value) else {
        return Err(ModelError::MissingInput { node: "output".to_owned(), input: output.name.clone() });
    };
    let element = match position {
        None if tensor.len() != 1 => {
            return Err(ModelError::NotSingle { what: "outputs in its last layer", got: tensor.len() });
        }
        _ => position.unwrap_or(0),
    };
    if element >= tensor.len() {
        let dims = tensor.dims.iter().map(|&d| i64::try_from(d).unwrap_or(i64::MAX)).collect();
        let expected = "it does not have as many numbers as the chosen position says";
        return Err(ModelError::Dimensions { value: output.name.clone(), dims, expected });
    }
    let element = tensor.get(element);
    let program = prune::prune(&machine.builder.finish(&element)?);
    if program.fits() {
        Ok(program)
    } else {
        let (got, limit) = (program.value_count(), crate::program::MAX_VALUES);
        Err(ModelError::TooLarge { what: "weights and values of the program", got, limit })
    }
}

/// The output that a choice names, and the position of the number in it; `None` where it must be the only one.
fn chosen<'a>(
    graph: &'a Graph,
    choice: &OutputChoice,
) -> Result<(&'a GraphOutput, Option<usize>), ModelError> {
    let mut outputs = graph.outputs.iter();
    let found = match choice {
        OutputChoice::Single => match graph.outputs.as_slice() {
            [one] => return Ok((one, None)),
            other => return Err(ModelError::NotSingle { what: "outputs", got: other.len() }),
        },
        OutputChoice::Label => outputs.find(|o| o.label).map(|o| (o, None)),
        OutputChoice::Score(class) => outputs.find(|o| !o.label).map(|o| (o, Some(*class))),
        OutputChoice::Element { output, position } => {
            outputs.find(|o| o.name == *output).map(|o| (o, Some(*position)))
        }
    };
    found.ok_or(ModelError::Missing { what: "output of that choice" })
}

/// Executes the nodes that the output needs.
struct Machine {
    builder: Builder,
    values: Vec<Option<Symbolic>>,
    /// How many needed nodes read each value for its numbers.
    readers: Vec<usize>,
    needed: BTreeSet<usize>,
}

impl Machine {
    fn new(graph: &Graph, output: usize) -> Self {
        let count = graph.nodes.last().map_or(graph.inputs.len(), |n| n.first + n.outputs);
        let mut readers = vec![0usize; count.max(output + 1)];
        let mut wanted = BTreeSet::from([output]);
        let mut needed = BTreeSet::new();
        for (position, node) in graph.nodes.iter().enumerate().rev() {
            if wanted.range(node.first..node.first + node.outputs).next().is_none() {
                continue;
            }
            needed.insert(position);
            for operand in &node.operands {
                if let Operand::Value(value) = operand {
                    wanted.insert(*value);
                    if let Some(readers) = readers.get_mut(*value) {
                        *readers += usize::from(!matches!(node.op, Op::Shape { .. }));
                    }
                }
            }
        }
        let mut values = vec![None; readers.len()];
        let mut next = 0;
        for (slot, input) in values.iter_mut().zip(&graph.inputs) {
            let count = input.dims.iter().product::<usize>();
            let elements = (next..next + count).map(Element::value).collect();
            *slot = Some(Symbolic::new(input.dims.clone(), input.kind, elements));
            next += count;
        }
        Self { builder: Builder::new(graph.width()), values, readers, needed }
    }

    fn run(&mut self, graph: &Graph) -> Result<(), ModelError> {
        for (position, node) in graph.nodes.iter().enumerate() {
            if !self.needed.contains(&position) {
                continue;
            }
            self.builder.node.clone_from(&node.name);
            let operands = self.operands(node)?;
            let results = execute(&mut self.builder, node, &operands)?;
            // Masks, indices and statistics are given in training only, or not at all.
            let fewer = ["Dropout", "MaxPool", "BatchNormalization", "LayerNormalization"];
            if results.len() < node.outputs && !fewer.contains(&node.kind.as_str()) {
                return Err(node.misused());
            }
            for (k, result) in results.into_iter().enumerate().take(node.outputs) {
                let result = self.settle(node.first + k, result)?;
                if let Some(slot) = self.values.get_mut(node.first + k) {
                    *slot = Some(result);
                }
            }
        }
        Ok(())
    }

    fn operands(&self, node: &Node) -> Result<Vec<Option<Symbolic>>, ModelError> {
        let read = |operand: &Operand| match operand {
            Operand::Absent => Ok(None),
            Operand::Constant(tensor) if tensor.kind == Kind::Text => {
                Err(ModelError::UnsupportedType { tensor: node.name.clone(), data_type: 8 })
            }
            Operand::Constant(tensor) => Ok(Some(Symbolic::constant(tensor))),
            Operand::Value(value) => match self.values.get(*value) {
                Some(Some(tensor)) => Ok(Some(tensor.clone())),
                // An output that the operator does not have in inference.
                _ => Err(node.misused()),
            },
        };
        node.operands.iter().map(read).collect()
    }

    /// A sum that several nodes read becomes a value, so that its weights exist once.
    fn settle(&mut self, value: usize, tensor: Symbolic) -> Result<Symbolic, ModelError> {
        self.builder.spend(tensor.len())?;
        self.builder.keep(tensor.len())?;
        if let Some(constants) = tensor.constants() {
            return match constants.iter().position(|c| !c.is_finite()) {
                Some(index) => Err(ModelError::NotFinite { value: self.builder.node.clone(), index }),
                None => Ok(tensor),
            };
        }
        let shared = self.readers.get(value).is_some_and(|&r| r > 1);
        if !shared || tensor.elements().iter().all(|e| e.terms() <= 2) {
            return Ok(tensor);
        }
        let elements = self.builder.realise(&tensor.elements(), RealActivation::Identity)?;
        Ok(Symbolic::new(tensor.dims, tensor.kind, elements))
    }
}

type Operands<'a> = &'a [Option<Symbolic>];

fn execute(b: &mut Builder, node: &Node, operands: Operands<'_>) -> Result<Vec<Symbolic>, ModelError> {
    // Reading checked that the operands which an operator must have are there.
    let Some(Some(x)) = operands.first() else { return Err(node.misused()) };
    let one = |result: Result<Symbolic, ModelError>| result.map(|t| vec![t]);
    match &node.op {
        Op::Unary(op) => one(elementwise::unary(b, *op, x)),
        Op::Binary(op) => one(elementwise::binary(b, node, *op, operands)),
        Op::Variadic(fold) => one(elementwise::variadic(b, node, *fold, operands)),
        Op::Clip => one(elementwise::clip(b, node, operands)),
        Op::Where => one(elementwise::choose(b, node, operands)),
        Op::Cast { to } => one(elementwise::cast(node, x, *to)),
        Op::Softmax { axis, rows, log } => one(softmax::softmax(b, node, x, *axis, *rows, *log)),
        Op::BatchNormalization { epsilon } => one(linear::batch_normalization(b, node, operands, *epsilon)),
        Op::LayerNormalization { axis, epsilon } => {
            one(reduce::layer_normalization(b, node, operands, *axis, *epsilon))
        }
        Op::Gemm { alpha, beta, transpose } => {
            one(linear::gemm(b, node, operands, [*alpha, *beta], *transpose))
        }
        Op::MatMul => one(linear::matmul(b, node, operands)),
        Op::Conv { window, groups } => one(conv::conv(b, node, operands, window, *groups)),
        Op::Pool { fold, window, count_padding } => {
            one(pool::pool(b, node, x, *fold, window, *count_padding))
        }
        Op::GlobalPool(fold) => one(pool::global(b, node, x, *fold)),
        Op::Recurrent(layer) => recurrent::recurrent(b, node, operands, layer),
        Op::Reduce { fold, keep, noop } => one(reduce::reduce(b, node, operands, *fold, *keep, *noop)),
        Op::ArgExtreme { greatest, axis, keep, last } => {
            one(reduce::arg_extreme(b, node, x, *greatest, *axis, *keep, *last))
        }
        Op::Scaler { offset, scale } => one(linear::scaler(node, x, offset, scale)),
        Op::Normalizer(norm) => one(reduce::normalizer(b, node, x, *norm)),
        Op::Linear(model) => ensemble::linear_model(b, node, x, model),
        Op::Trees(forest) => ensemble::forest(b, node, x, forest),
        _ => shape::execute(b, node, x, operands),
    }
}
