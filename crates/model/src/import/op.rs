//! Operators with a meaning here, as ONNX's newest operator set defines them: what older sets say in attributes has
//! become operands.

use std::sync::Arc;

use super::{Kind, Tensor, ops::trees::Forest};

/// A function of each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unary {
    Neg,
    Abs,
    Relu,
    Leaky(f64),
    Elu { alpha: f64, gamma: f64 },
    Sigmoid,
    HardSigmoid { alpha: f64, beta: f64 },
    HardSwish,
    Swish(f64),
    Gelu { tanh: bool },
    Mish,
    Tanh,
    Softplus,
    Erf,
    Exp,
    Log,
    Sqrt,
    Reciprocal,
    Not,
    Identity,
}

/// A function of two broadcast tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    PRelu,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    And,
    Or,
    Xor,
}

/// How several numbers become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    Sum,
    Mean,
    Max,
    Min,
    SumSquare,
    L1,
    L2,
    Prod,
}

/// A sliding window over the last one or two axes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    /// Sizes; empty when the weights give them.
    pub kernel: Vec<usize>,
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    pub padding: Padding,
    /// Rounds the number of positions up.
    pub ceil: bool,
}

/// Elements added around a window's operand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Padding {
    /// Starts of the axes, then ends.
    Explicit(Vec<usize>),
    /// As many as make the result `⌈n / stride⌉` long, the odd one at the end or at the start.
    Same { lower: bool },
}

/// A recurrent cell's activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Sigmoid,
    Tanh,
    Relu,
}

/// A recurrent layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recurrent {
    pub cell: Cell,
    pub hidden: usize,
    /// For each direction, whether it runs backwards, and its activations.
    pub directions: Vec<(bool, Vec<Gate>)>,
    /// Operands are `[batch, steps, ..]` instead of `[steps, batch, ..]`.
    pub batch_first: bool,
}

/// The kind of a recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Rnn,
    Gru { linear_before_reset: bool },
    Lstm { input_forget: bool },
}

/// What scores become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PostTransform {
    None,
    Logistic,
    Softmax,
}

/// Class labels and scores of a linear map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LinearModel {
    /// Row-major, a row for each target.
    pub coefficients: Vec<f64>,
    pub intercepts: Vec<f64>,
    pub post: PostTransform,
    /// For a classifier, its classes.
    pub labels: Option<Labels>,
}

/// A classifier's classes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Labels {
    /// The number that stands for each: its label, or its position where labels are strings.
    pub numbers: Vec<f64>,
    /// The label of each, as text.
    pub names: Vec<String>,
}

/// A norm that a sample is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Norm {
    Max,
    L1,
    L2,
}

/// An operator.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Unary(Unary),
    Binary(Binary),
    Variadic(Fold),
    Clip,
    Softmax { axis: i64, rows: bool, log: bool },
    BatchNormalization { epsilon: f64 },
    LayerNormalization { axis: i64, epsilon: f64 },
    Gemm { alpha: f64, beta: f64, transpose: [bool; 2] },
    MatMul,
    Conv { window: Window, groups: usize },
    Pool { fold: Fold, window: Window, count_padding: bool },
    GlobalPool(Fold),
    Recurrent(Recurrent),
    Reduce { fold: Fold, keep: bool, noop: bool },
    ArgExtreme { greatest: bool, axis: i64, keep: bool, last: bool },
    Reshape,
    Flatten { axis: i64 },
    Squeeze,
    Unsqueeze,
    Transpose { order: Option<Vec<i64>> },
    Concat { axis: i64 },
    Split { axis: i64, parts: usize },
    Slice,
    Gather { axis: i64 },
    Expand,
    Tile,
    Pad,
    Shape { start: i64, end: Option<i64> },
    ConstantOfShape { value: Arc<Tensor> },
    Range,
    Cast { to: Kind },
    Where,
    Scaler { offset: Vec<f64>, scale: Vec<f64> },
    Normalizer(Norm),
    FeatureVectorizer,
    ArrayFeatureExtractor,
    Linear(Arc<LinearModel>),
    Trees(Arc<Forest>),
}
