//! A model in real arithmetic, in the operations that integer programs have: what lowering gives and quantisation takes.

use crate::program::{Function, MAX_PARAMETERS, MAX_VALUES, ValueId};

/// Weights in row-major order, and a bias for each row.
#[derive(Clone, Debug, PartialEq)]
pub struct RealMatrix {
    /// Values that one application reads.
    pub inputs: usize,
    /// `rows × inputs` weights.
    pub weights: Vec<f64>,
    /// A bias for each row.
    pub biases: Vec<f64>,
}

/// What a linear map's result becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealActivation {
    /// Itself.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// 1 for `x ≥ 0`, else 0.
    AtLeastZero,
    /// 1 for `x > 0`, else 0.
    AboveZero,
}

/// A function of one real value: the function that the variant's name says, `1/x` and `1/√x` for positive `x`, `Softplus`
/// as `ln(1 + e^x)`, `Erf` as the error function. Unlike [`Function`], neither scaled nor clipped.
pub type RealFunction = Function;

/// How a node compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Left for `x ≤ threshold`.
    LessOrEqual,
    /// Left for `x < threshold`.
    Less,
}

/// A tree, in the order of its nodes; the first is the root.
#[derive(Clone, Debug, PartialEq)]
pub enum RealNode {
    /// An inner node.
    Inner {
        /// Position among the ensemble's features.
        feature: usize,
        /// Compared with.
        threshold: f64,
        /// How.
        comparison: Comparison,
        /// Positions of the children in the tree.
        children: [usize; 2],
    },
    /// A leaf's value.
    Leaf(f64),
}

/// An operation on values.
#[derive(Clone, Debug, PartialEq)]
pub enum RealOp {
    /// A matrix applied to columns of values; gives `columns × rows` values, column after column.
    Linear {
        /// Index of the matrix; several operations may share one.
        matrix: usize,
        /// Values read, one list for each application.
        columns: Vec<Vec<ValueId>>,
        /// What the results become.
        activation: RealActivation,
    },
    /// A product for each pair.
    Product {
        /// Factors.
        pairs: Vec<[ValueId; 2]>,
    },
    /// A function's value for each value.
    Function {
        /// The function.
        function: RealFunction,
        /// Its arguments.
        values: Vec<ValueId>,
    },
    /// The sum of the trees' leaves: one value.
    Ensemble {
        /// Values that the trees compare; network inputs.
        features: Vec<ValueId>,
        /// The trees.
        trees: Vec<Vec<RealNode>>,
    },
}

/// A whole model: values 0 to `inputs − 1` are the network's inputs, then come the results of the operations in order. The
/// output is a linear map of values: one row.
#[derive(Clone, Debug, PartialEq)]
pub struct RealProgram {
    /// Inputs of the network.
    pub inputs: usize,
    /// Matrices.
    pub matrices: Vec<RealMatrix>,
    /// Operations in order of evaluation.
    pub ops: Vec<RealOp>,
    /// Values of the last map.
    pub output: Vec<ValueId>,
    /// Weights of the last map, and its bias.
    pub output_weights: (Vec<f64>, f64),
}

impl RealProgram {
    /// Every value, in order, and the output, for inputs in the network's order.
    pub fn trace(&self, inputs: &[f64]) -> (Vec<f64>, f64) {
        let mut values = inputs.to_vec();
        for op in &self.ops {
            self.apply(op, &mut values);
        }
        let (weights, bias) = &self.output_weights;
        let output = self.output.iter().zip(weights).map(|(&v, w)| values[v] * w).sum::<f64>() + bias;
        (values, output)
    }

    /// The output.
    pub fn evaluate(&self, inputs: &[f64]) -> f64 {
        self.trace(inputs).1
    }

    fn apply(&self, op: &RealOp, values: &mut Vec<f64>) {
        match op {
            RealOp::Linear { matrix, columns, activation } => {
                let RealMatrix { inputs, weights, biases } = &self.matrices[*matrix];
                for column in columns {
                    for (row, bias) in weights.chunks_exact((*inputs).max(1)).zip(biases) {
                        let sum = row.iter().zip(column).map(|(w, &v)| w * values[v]).sum::<f64>() + bias;
                        values.push(activation.apply(sum));
                    }
                }
            }
            RealOp::Product { pairs } => {
                for &[a, b] in pairs {
                    values.push(values[a] * values[b]);
                }
            }
            RealOp::Function { function, values: from } => {
                for &value in from {
                    values.push(exact(*function, values[value]));
                }
            }
            RealOp::Ensemble { features, trees } => {
                let x: Vec<f64> = features.iter().map(|&f| values[f]).collect();
                values.push(trees.iter().map(|tree| leaf(tree, &x)).sum());
            }
        }
    }

    /// Values in all.
    pub fn value_count(&self) -> usize {
        self.inputs + self.ops.iter().map(|op| op.given(self)).sum::<usize>()
    }

    /// Whether it is small enough to become a program.
    pub fn fits(&self) -> bool {
        let weights: usize = self.matrices.iter().map(|m| m.weights.len() + m.biases.len()).sum();
        weights <= MAX_PARAMETERS && self.value_count() <= MAX_VALUES
    }
}

impl RealOp {
    /// Values that it gives, in a program.
    pub(crate) fn given(&self, program: &RealProgram) -> usize {
        match self {
            Self::Linear { matrix, columns, .. } => {
                columns.len() * program.matrices.get(*matrix).map_or(0, |m| m.biases.len())
            }
            Self::Product { pairs } => pairs.len(),
            Self::Function { values, .. } => values.len(),
            Self::Ensemble { .. } => 1,
        }
    }
}

impl RealActivation {
    /// The activation's value.
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Self::Identity => x,
            Self::Relu => x.max(0.0),
            Self::AtLeastZero => f64::from(u8::from(x >= 0.0)),
            Self::AboveZero => f64::from(u8::from(x > 0.0)),
        }
    }
}

/// The function itself.
pub fn exact(function: RealFunction, x: f64) -> f64 {
    match function {
        Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Function::Exp => x.exp(),
        Function::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        Function::Log => x.ln(),
        Function::Reciprocal => x.recip(),
        Function::InverseSqrt => x.sqrt().recip(),
        Function::Erf => libm::erf(x),
    }
}

fn leaf(tree: &[RealNode], x: &[f64]) -> f64 {
    let mut at = 0;
    loop {
        match tree.get(at) {
            Some(RealNode::Leaf(value)) => return *value,
            Some(RealNode::Inner { feature, threshold, comparison, children }) => {
                let left = match comparison {
                    Comparison::LessOrEqual => x[*feature] <= *threshold,
                    Comparison::Less => x[*feature] < *threshold,
                };
                at = children[usize::from(!left)];
            }
            None => return f64::NAN,
        }
    }
}
