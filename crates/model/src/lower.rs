//! Second stage: the graph to a dense ReLU network.
//!
//! The graph must be a chain. Affine operators between two ReLUs are multiplied into one layer.

use crate::{
    FloatLayer, FloatNetwork, ModelError,
    import::{Graph, Node, Op, Operand, Tensor},
    integer::{MAX_LAYERS, MAX_WIDTH},
};

/// Most weights of one layer.
const MAX_PARAMETERS: usize = 1 << 20;
/// Most multiplications spent on merging layers; a small file can ask for many.
const MAX_WORK: usize = 1 << 28;

/// Lowers a graph.
///
/// # Errors
/// When it is not a chain of dense layers with ReLU between them, or widths do not match.
pub fn lower(graph: &Graph) -> Result<FloatNetwork, ModelError> {
    let mut chain = Chain { width: graph.inputs, done: Vec::new(), open: None, work: 0 };
    for (position, node) in graph.nodes.iter().enumerate() {
        for operand in &node.operands {
            match operand {
                // In a chain a node reads the value that the node before has computed.
                Operand::Value(v) if *v != position => {
                    return Err(ModelError::Branch { node: node.name.clone(), input: format!("value {v}") });
                }
                _ => {}
            }
        }
        chain.apply(node)?;
    }
    if graph.output != graph.nodes.len() {
        return Err(ModelError::Unused { value: format!("value {}", graph.nodes.len()) });
    }
    chain.finish()
}

/// The layers so far: `done` ones end in a ReLU, the `open` one does not yet.
struct Chain {
    width: usize,
    done: Vec<FloatLayer>,
    open: Option<FloatLayer>,
    work: usize,
}

impl Chain {
    fn apply(&mut self, node: &Node) -> Result<(), ModelError> {
        use Operand::{Constant, Value};
        let misused = || ModelError::Operands { node: node.name.clone(), op: node.op.name().to_owned() };
        match (node.op, node.operands.as_slice()) {
            (Op::Identity | Op::Flatten, [Value(_)]) => Ok(()),
            (Op::Relu, [Value(_)]) => self.relu(),
            (Op::Reshape, [Value(_), Constant(shape)]) => self.check_reshape(node, shape),
            (Op::MatMul, [Value(_), Constant(b)]) => {
                let layer = self.product(node, b, false, 1.0)?;
                self.compose(layer, node)
            }
            (Op::Gemm { alpha, transposed, .. }, [Value(_), Constant(b)]) => {
                let layer = self.product(node, b, transposed, f64::from(alpha))?;
                self.compose(layer, node)
            }
            (Op::Gemm { alpha, beta, transposed }, [Value(_), Constant(b), Constant(c)]) => {
                let mut layer = self.product(node, b, transposed, f64::from(alpha))?;
                let bias = vector(node, c, layer.biases.len())?;
                layer.biases = bias.iter().map(|c| c * f64::from(beta)).collect();
                self.compose(layer, node)
            }
            (op @ (Op::Add | Op::Sub | Op::Mul | Op::Div), [Value(_), Constant(c)]) => {
                self.elementwise(node, op, c, false)
            }
            (op @ (Op::Add | Op::Sub | Op::Mul), [Constant(c), Value(_)]) => {
                self.elementwise(node, op, c, true)
            }
            _ => Err(misused()),
        }
    }

    fn relu(&mut self) -> Result<(), ModelError> {
        match self.open.take() {
            Some(layer) => self.done.push(layer),
            // ReLU of a ReLU is the same; ReLU of the inputs is a layer of ones.
            None if !self.done.is_empty() => {}
            None => self.done.push(identity(self.width)?),
        }
        if self.done.len() >= MAX_LAYERS {
            return Err(ModelError::TooLarge { what: "layers", got: self.done.len() + 1, limit: MAX_LAYERS });
        }
        Ok(())
    }

    /// The layer of a product with a constant matrix.
    fn product(
        &self,
        node: &Node,
        b: &Tensor,
        transposed: bool,
        alpha: f64,
    ) -> Result<FloatLayer, ModelError> {
        let refuse = |dims: &[usize]| ModelError::Dimensions {
            value: node.name.clone(),
            dims: dims.iter().map(|&d| i64::try_from(d).unwrap_or(i64::MAX)).collect(),
            expected: "a matrix with as many rows as the layer has inputs, at most 4096 wide",
        };
        let Tensor::Float { dims, data } = b else { return Err(refuse(&[])) };
        let (inputs, outputs) = match (dims.as_slice(), transposed) {
            ([inputs, outputs], false) | ([outputs, inputs], true) => (*inputs, *outputs),
            _ => return Err(refuse(dims)),
        };
        if inputs != self.width || outputs > MAX_WIDTH {
            return Err(refuse(dims));
        }
        check_parameters(inputs, outputs)?;
        let stored = |row: usize, column: usize| {
            if transposed { row * inputs + column } else { column * outputs + row }
        };
        let weights = (0..outputs)
            .flat_map(|row| (0..inputs).map(move |column| (row, column)))
            .map(|(row, column)| data.get(stored(row, column)).map_or(0.0, |&w| f64::from(w) * alpha))
            .collect();
        Ok(FloatLayer { inputs, weights, biases: vec![0.0; outputs] })
    }

    /// Scales and shifts the open layer's rows.
    fn elementwise(
        &mut self,
        node: &Node,
        op: Op,
        c: &Tensor,
        constant_first: bool,
    ) -> Result<(), ModelError> {
        let constants = vector(node, c, self.width)?;
        let mut layer = match self.open.take() {
            Some(layer) => layer,
            None => identity(self.width)?,
        };
        let columns = layer.inputs;
        let rows = layer.weights.chunks_exact_mut(columns).zip(&mut layer.biases);
        for ((row, bias), c) in rows.zip(constants) {
            let (factor, shift) = match op {
                Op::Mul => (c, 0.0),
                Op::Div => (1.0 / c, 0.0),
                Op::Sub if constant_first => (-1.0, c),
                Op::Sub => (1.0, -c),
                _ => (1.0, c),
            };
            row.iter_mut().for_each(|w| *w *= factor);
            *bias = *bias * factor + shift;
        }
        self.set_open(layer, node)
    }

    /// Puts an affine map behind the open layer.
    fn compose(&mut self, next: FloatLayer, node: &Node) -> Result<(), ModelError> {
        self.width = next.biases.len();
        let Some(before) = self.open.take() else { return self.set_open(next, node) };
        let columns = before.inputs;
        check_parameters(columns, self.width)?;
        self.work = self.work.saturating_add(next.weights.len().saturating_mul(columns));
        if self.work > MAX_WORK {
            return Err(ModelError::TooLarge {
                what: "work to merge layers",
                got: self.work,
                limit: MAX_WORK,
            });
        }
        let mut weights = Vec::with_capacity(self.width * columns);
        for (row, _) in next.rows() {
            let mut sums = vec![0.0; columns];
            for (w, (inner, _)) in row.iter().zip(before.rows()) {
                for (sum, v) in sums.iter_mut().zip(inner) {
                    *sum += w * v;
                }
            }
            weights.extend(sums);
        }
        let biases = next.apply(&before.biases);
        self.set_open(FloatLayer { inputs: columns, weights, biases }, node)
    }

    fn set_open(&mut self, layer: FloatLayer, node: &Node) -> Result<(), ModelError> {
        if let Some(index) = layer.weights.iter().chain(&layer.biases).position(|x| !x.is_finite()) {
            return Err(ModelError::NotFinite { value: node.name.clone(), index });
        }
        self.open = Some(layer);
        Ok(())
    }

    /// A reshape may only name the dimensions that the value has already.
    fn check_reshape(&self, node: &Node, shape: &Tensor) -> Result<(), ModelError> {
        let dims = match shape {
            Tensor::Int { data } => data.as_slice(),
            Tensor::Float { .. } => &[],
        };
        let width = i64::try_from(self.width).unwrap_or(i64::MAX);
        let trivial = match dims {
            [n] => *n == width || (*n == -1 && width == 1),
            [-1..=1, n] if *n == width => true,
            [0 | 1, -1] => true,
            _ => false,
        };
        if trivial {
            return Ok(());
        }
        let expected = "a reshape must keep [batch, n]";
        Err(ModelError::Dimensions { value: node.name.clone(), dims: dims.to_vec(), expected })
    }

    fn finish(mut self) -> Result<FloatNetwork, ModelError> {
        let Some(last) = self.open.take() else {
            let empty = self.done.is_empty();
            return Err(if empty {
                ModelError::Missing { what: "layers" }
            } else {
                ModelError::OutputActivation
            });
        };
        if last.biases.len() != 1 {
            let got = last.biases.len();
            return Err(ModelError::NotSingle { what: "outputs in its last layer", got });
        }
        self.done.push(last);
        Ok(FloatNetwork { layers: self.done })
    }
}

fn check_parameters(inputs: usize, outputs: usize) -> Result<(), ModelError> {
    let got = inputs.saturating_mul(outputs);
    if got > MAX_PARAMETERS {
        return Err(ModelError::TooLarge { what: "weights of a layer", got, limit: MAX_PARAMETERS });
    }
    Ok(())
}

/// The layer that changes nothing.
fn identity(width: usize) -> Result<FloatLayer, ModelError> {
    check_parameters(width, width)?;
    let mut weights = vec![0.0; width * width];
    weights.iter_mut().step_by(width + 1).for_each(|w| *w = 1.0);
    Ok(FloatLayer { inputs: width, weights, biases: vec![0.0; width] })
}

/// A constant that broadcasts to a row of `width`: a scalar, `[width]` or `[1, width]`.
fn vector(node: &Node, constant: &Tensor, width: usize) -> Result<Vec<f64>, ModelError> {
    let (dims, data): (&[usize], &[f32]) = match constant {
        Tensor::Float { dims, data } => (dims, data),
        Tensor::Int { .. } => (&[], &[]),
    };
    let (last, leading) = dims.split_last().map_or((1, dims), |(last, leading)| (*last, leading));
    match data {
        [one] if leading.len() <= 1 => Ok(vec![f64::from(*one); width]),
        _ if last == width
            && leading.len() <= 1
            && leading.iter().all(|&d| d == 1)
            && data.len() == width =>
        {
            Ok(data.iter().map(|&x| f64::from(x)).collect())
        }
        _ => Err(ModelError::Dimensions {
            value: node.name.clone(),
            dims: dims.iter().map(|&d| i64::try_from(d).unwrap_or(i64::MAX)).collect(),
            expected: "a scalar, [n] or [1, n] with the layer's width n",
        }),
    }
}
