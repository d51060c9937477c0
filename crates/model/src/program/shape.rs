//! The public part of a program: its values, its operations and what they read.

use std::fmt::Write;

use alloy_primitives::keccak256;
use sotto_types::{MARKET_FEATURES, MODEL_FEATURES};
use thiserror::Error;

use super::format::{Format, LinearFormat, product_shift};
use super::function::Function;

/// A value: 0 to 35 are the mapped features, market first, then what the operations give, in order.
pub type ValueId = usize;

/// Most parameters of a program.
pub const MAX_PARAMETERS: usize = 1 << 21;
/// Most values of a program.
pub const MAX_VALUES: usize = 1 << 20;
/// Accumulators stay below 2 to this power, in the executor's `i64` as in the circuits' field.
const ACCUMULATOR_BITS: u32 = 60;

/// Dimensions of a matrix of private weights; each row has a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MatrixShape {
    /// Rows: values that one application gives.
    pub rows: usize,
    /// Values that one application reads.
    pub inputs: usize,
}

/// What a rounded accumulator becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Activation {
    /// Saturated to [`Format::POSITIVE`], which is a ReLU.
    Relu,
    /// Saturated to [`Format::SIGNED`].
    Signed,
    /// Saturated to [`Format::WIDE`]; reads features only.
    Wide,
    /// 1 when the accumulator is at least zero, else 0: [`Format::BIT`].
    Step,
    /// The quote in pips, before the policy; only of [`OutputMap`].
    Output,
}

/// A matrix applied to columns of values: convolutions and recurrent cells apply one matrix many times.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Linear {
    /// Index of the matrix.
    pub matrix: usize,
    /// Values read, one list for each application. Gives `columns × rows` values, column after column.
    pub columns: Vec<Vec<ValueId>>,
    /// What the accumulators become.
    pub activation: Activation,
}

/// Decision trees of one depth, whose leaves are added: gives one value of `Signed(20 + ⌈log2 trees⌉)`.
///
/// Every feature has `2^rank_bits − 1` thresholds in increasing order; its rank is how many lie below it. A node goes right
/// when the rank of its feature exceeds the node's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ensemble {
    /// Values that nodes compare, of [`Format::WIDE`]; at most 64.
    pub features: Vec<ValueId>,
    /// Trees.
    pub trees: usize,
    /// Depth of every tree: `2^depth` leaves. 1 to 10.
    pub depth: u32,
    /// log2 of the thresholds of a feature and one. 1 to 12.
    pub rank_bits: u32,
}

/// Leaves of a tree are signed with this many bits.
pub const LEAF_BITS: u32 = 20;

impl Ensemble {
    /// Format of the sum.
    pub const fn format(&self) -> Format {
        Format::Signed(LEAF_BITS + self.trees.next_power_of_two().ilog2())
    }

    /// Nodes of a tree: `2^depth − 1`, level by level; the children of `i` are `2i + 1` and `2i + 2`.
    pub const fn nodes(&self) -> usize {
        (1 << self.depth) - 1
    }

    /// Thresholds of a feature.
    pub const fn thresholds(&self) -> usize {
        (1 << self.rank_bits) - 1
    }
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Matrix applications.
    Linear(Linear),
    /// `clamp((a·b + 2^(S−1)) >> S)` to [`Format::SIGNED`], `S` by [`product_shift`]; a value for each pair.
    Product {
        /// Factors.
        pairs: Vec<[ValueId; 2]>,
    },
    /// A function of values of [`Format::SIGNED`]; gives [`Format::POSITIVE`], a value for each.
    Function {
        /// The function.
        function: Function,
        /// Its arguments.
        values: Vec<ValueId>,
    },
    /// Trees.
    Ensemble(Ensemble),
}

/// The last map: one row, one application, [`Activation::Output`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OutputMap {
    /// Index of the matrix; it has one row and no other use.
    pub matrix: usize,
    /// Values read.
    pub values: Vec<ValueId>,
}

/// The public shape of a program, consistent by construction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    matrices: Vec<MatrixShape>,
    ops: Vec<Op>,
    output: OutputMap,
    formats: Vec<Format>,
    linear: Vec<LinearFormat>,
    slotted: Vec<bool>,
}

/// Why parts are not a shape.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeError {
    /// Something is empty, too large, or of the wrong size.
    #[error("operation {op}: {what}: expected {expected}, got {got}")]
    Size {
        /// Position of the operation; the output comes after the last.
        op: usize,
        /// What was counted.
        what: &'static str,
        /// The right count, or the greatest.
        expected: usize,
        /// The count given.
        got: usize,
    },
    /// An operation reads a value that no earlier one gives.
    #[error("operation {op} reads value {value}, which does not exist there")]
    Value {
        /// Position of the operation.
        op: usize,
        /// The value.
        value: ValueId,
    },
    /// An operation reads a value of a format that it does not take.
    #[error("operation {op} reads value {value} of {got:?}, expected {expected}")]
    Format {
        /// Position of the operation.
        op: usize,
        /// The value.
        value: ValueId,
        /// What it takes.
        expected: &'static str,
        /// The value's format.
        got: Format,
    },
    /// A matrix is used in two ways that need different formats, or not at all.
    #[error("matrix {matrix} is not used in one way")]
    Matrix {
        /// Index of the matrix.
        matrix: usize,
    },
    /// An accumulator could wrap.
    #[error("matrix {matrix} could reach an accumulator of {bits} bits, over 60")]
    Overflow {
        /// Index of the matrix.
        matrix: usize,
        /// Bits of the bound.
        bits: u32,
    },
}

impl Shape {
    /// A shape from its parts.
    ///
    /// # Errors
    /// When an operation reads what is not there or not of its format, a matrix is used in two ways, a size is out of
    /// bounds, or an accumulator could wrap.
    pub fn new(matrices: Vec<MatrixShape>, ops: Vec<Op>, output: OutputMap) -> Result<Self, ShapeError> {
        let mut check = Check::new(&matrices);
        for (position, op) in ops.iter().enumerate() {
            check.op(position, op)?;
        }
        check.output(ops.len(), &output)?;
        let (formats, slotted) = (check.formats, check.slotted);
        let unused = |matrix| ShapeError::Matrix { matrix };
        let linear: Result<Vec<_>, _> =
            check.linear.into_iter().enumerate().map(|(i, f)| f.map(|(f, _)| f).ok_or(unused(i))).collect();
        let linear = linear?;
        for (matrix, format) in linear.iter().enumerate() {
            let bits = 128 - format.accumulator_bound().leading_zeros();
            if bits > ACCUMULATOR_BITS {
                return Err(ShapeError::Overflow { matrix, bits });
            }
        }
        Ok(Self { matrices, ops, output, formats, linear, slotted })
    }

    /// A dense network with ReLU between its layers: widths of the hidden ones.
    ///
    /// # Errors
    /// As [`Shape::new`].
    pub fn dense(hidden: &[usize]) -> Result<Self, ShapeError> {
        let (mut matrices, mut ops) = (Vec::new(), Vec::new());
        let mut values: Vec<ValueId> = (0..MODEL_FEATURES).collect();
        let mut next = MODEL_FEATURES;
        for (matrix, &rows) in hidden.iter().enumerate() {
            matrices.push(MatrixShape { rows, inputs: values.len() });
            ops.push(Op::Linear(Linear { matrix, columns: vec![values], activation: Activation::Relu }));
            values = (next..next + rows).collect();
            next += rows;
        }
        matrices.push(MatrixShape { rows: 1, inputs: values.len() });
        Self::new(matrices, ops, OutputMap { matrix: hidden.len(), values })
    }

    /// Matrices.
    pub fn matrices(&self) -> &[MatrixShape] {
        &self.matrices
    }

    /// Operations in order of evaluation.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The last map.
    pub const fn output(&self) -> &OutputMap {
        &self.output
    }

    /// Format of each value.
    pub fn formats(&self) -> &[Format] {
        &self.formats
    }

    /// Format of each matrix.
    pub fn linear_formats(&self) -> &[LinearFormat] {
        &self.linear
    }

    /// Whether each value depends on the slot; what does not is computed once for all slots.
    pub fn slotted(&self) -> &[bool] {
        &self.slotted
    }

    /// The ensembles, in order.
    pub fn ensembles(&self) -> impl Iterator<Item = &Ensemble> {
        self.ops.iter().filter_map(|op| if let Op::Ensemble(ensemble) = op { Some(ensemble) } else { None })
    }

    /// Weights and biases of the matrices, nodes, leaves and thresholds of the trees.
    pub fn parameter_count(&self) -> usize {
        let matrices: usize = self.matrices.iter().map(|m| m.rows * (m.inputs + 1)).sum();
        let trees: usize =
            self.ensembles().map(|e| e.trees * (2 * e.nodes() + 1) + e.features.len() * e.thresholds()).sum();
        matrices + trees
    }

    /// What the class id hashes: `dense:36-32-16-1` for a dense network, otherwise `net:` with counts and the hash of the
    /// canonical encoding.
    pub fn descriptor(&self) -> String {
        if let Some(hidden) = self.hidden_widths() {
            let widths = hidden.iter().fold(String::new(), |mut text, width| {
                let _ = write!(text, "{width}-");
                text
            });
            return format!("dense:{MODEL_FEATURES}-{widths}1");
        }
        let hash = keccak256(self.encode());
        let kind = if self.ensembles().next().is_some() { "trees" } else { "net" };
        format!("{kind}:{}-{}-{}", self.ops.len(), self.parameter_count(), &hash.to_string()[2..34])
    }

    /// The class id.
    pub fn id(&self) -> u32 {
        sotto_types::class_id(&self.descriptor())
    }

    /// Widths of the hidden layers, for a dense network with ReLU between its layers.
    pub fn hidden_widths(&self) -> Option<Vec<usize>> {
        let hidden: Vec<usize> = self.matrices[..self.matrices.len() - 1].iter().map(|m| m.rows).collect();
        (Self::dense(&hidden).ok().as_ref() == Some(self)).then_some(hidden)
    }

    /// Canonical encoding: every number as 8 bytes, lists after their length.
    fn encode(&self) -> Vec<u8> {
        let mut out = Encoder(Vec::new());
        out.number(self.matrices.len());
        for matrix in &self.matrices {
            out.number(matrix.rows);
            out.number(matrix.inputs);
        }
        out.number(self.ops.len());
        for op in &self.ops {
            out.op(op);
        }
        out.number(self.output.matrix);
        out.list(&self.output.values);
        out.0
    }
}

struct Encoder(Vec<u8>);

impl Encoder {
    fn number(&mut self, x: usize) {
        self.0.extend((x as u64).to_be_bytes());
    }

    fn list(&mut self, xs: &[usize]) {
        self.number(xs.len());
        xs.iter().for_each(|&x| self.number(x));
    }

    fn op(&mut self, op: &Op) {
        match op {
            Op::Linear(linear) => {
                self.list(&[0, linear.matrix, linear.activation as usize, linear.columns.len()]);
                linear.columns.iter().for_each(|column| self.list(column));
            }
            Op::Product { pairs } => {
                self.number(1);
                self.list(pairs.as_flattened());
            }
            Op::Function { function, values } => {
                self.list(&[2, *function as usize]);
                self.list(values);
            }
            Op::Ensemble(e) => {
                self.list(&[3, e.trees, e.depth as usize, e.rank_bits as usize]);
                self.list(&e.features);
            }
        }
    }
}

/// Formats and dependence of the values so far.
struct Check<'a> {
    matrices: &'a [MatrixShape],
    formats: Vec<Format>,
    slotted: Vec<bool>,
    linear: Vec<Option<(LinearFormat, Activation)>>,
}

impl<'a> Check<'a> {
    fn new(matrices: &'a [MatrixShape]) -> Self {
        let slotted = (0..MODEL_FEATURES).map(|feature| feature >= MARKET_FEATURES).collect();
        let formats = vec![Format::FEATURE; MODEL_FEATURES];
        Self { matrices, formats, slotted, linear: vec![None; matrices.len()] }
    }

    fn op(&mut self, position: usize, op: &Op) -> Result<(), ShapeError> {
        let size = |what, expected, got| ShapeError::Size { op: position, what, expected, got };
        match op {
            Op::Linear(linear) => {
                if linear.activation == Activation::Output || linear.columns.is_empty() {
                    return Err(size("applications of an inner map", 1, 0));
                }
                let rows = self.matrix(position, linear.matrix, &linear.columns, linear.activation)?;
                let format = match linear.activation {
                    Activation::Relu => Format::POSITIVE,
                    Activation::Signed | Activation::Output => Format::SIGNED,
                    Activation::Wide => Format::WIDE,
                    Activation::Step => Format::BIT,
                };
                for column in &linear.columns {
                    self.give(column, format, rows);
                }
            }
            Op::Product { pairs } => {
                for pair in pairs {
                    for &value in pair {
                        let got = self.read(position, value)?;
                        if got.magnitude() > Format::SIGNED.magnitude() {
                            let expected = "at most 20 bits";
                            return Err(ShapeError::Format { op: position, value, expected, got });
                        }
                    }
                    self.give(pair, Format::SIGNED, 1);
                }
            }
            Op::Function { values, .. } => {
                for value in values {
                    self.expect(position, *value, Format::SIGNED, "20 signed bits")?;
                    self.give(&[*value], Format::POSITIVE, 1);
                }
            }
            Op::Ensemble(e) => {
                for (what, limits, got) in [
                    ("features of the trees", 1..=64, e.features.len()),
                    ("trees", 1..=4096, e.trees),
                    ("depth of the trees", 1..=10, e.depth as usize),
                    ("rank bits", 1..=12, e.rank_bits as usize),
                ] {
                    if !limits.contains(&got) {
                        return Err(size(what, *limits.end(), got));
                    }
                }
                for &value in &e.features {
                    self.expect(position, value, Format::WIDE, "30 signed bits")?;
                }
                self.give(&e.features, e.format(), 1);
            }
        }
        if self.formats.len() > MAX_VALUES {
            return Err(size("values", MAX_VALUES, self.formats.len()));
        }
        Ok(())
    }

    fn output(&mut self, position: usize, output: &OutputMap) -> Result<(), ShapeError> {
        let used = self.linear.get(output.matrix).is_some_and(Option::is_some);
        let columns = std::slice::from_ref(&output.values);
        let rows = self.matrix(position, output.matrix, columns, Activation::Output)?;
        if rows != 1 || used {
            return Err(ShapeError::Matrix { matrix: output.matrix });
        }
        let got = self.matrices.iter().fold(0, |sum: usize, m| sum.saturating_add(m.rows * (m.inputs + 1)));
        if got > MAX_PARAMETERS {
            let (what, expected) = ("weights", MAX_PARAMETERS);
            return Err(ShapeError::Size { op: position, what, expected, got });
        }
        Ok(())
    }

    /// Fixes the format of a matrix at its first use, and expects it at every other. Returns the matrix's rows.
    fn matrix(
        &mut self,
        op: usize,
        matrix: usize,
        columns: &[Vec<ValueId>],
        activation: Activation,
    ) -> Result<usize, ShapeError> {
        let Some(&MatrixShape { rows, inputs }) = self.matrices.get(matrix) else {
            let (what, expected) = ("matrices", self.matrices.len());
            return Err(ShapeError::Size { op, what, expected, got: matrix });
        };
        for (what, got) in [("rows of a matrix", rows), ("inputs of a matrix", inputs)] {
            if got == 0 || got > MAX_PARAMETERS {
                return Err(ShapeError::Size { op, what, expected: MAX_PARAMETERS, got });
            }
        }
        for column in columns {
            if column.len() != inputs {
                let (what, expected, got) = ("values of an application", inputs, column.len());
                return Err(ShapeError::Size { op, what, expected, got });
            }
            let mut magnitude = 0;
            let mut features = false;
            for &value in column {
                let format = self.read(op, value)?;
                if activation == Activation::Wide && value >= MODEL_FEATURES {
                    let expected = "a feature";
                    return Err(ShapeError::Format { op, value, expected, got: format });
                }
                magnitude = magnitude.max(format.magnitude());
                features |= value < MODEL_FEATURES;
            }
            let format = LinearFormat::new(rows, inputs, magnitude, features, activation);
            match &mut self.linear[matrix] {
                Some(known) if *known != (format, activation) => return Err(ShapeError::Matrix { matrix }),
                Some(_) => {}
                empty => *empty = Some((format, activation)),
            }
        }
        Ok(rows)
    }

    fn read(&self, op: usize, value: ValueId) -> Result<Format, ShapeError> {
        self.formats.get(value).copied().ok_or(ShapeError::Value { op, value })
    }

    fn expect(
        &self,
        op: usize,
        value: ValueId,
        format: Format,
        expected: &'static str,
    ) -> Result<(), ShapeError> {
        let got = self.read(op, value)?;
        if got == format { Ok(()) } else { Err(ShapeError::Format { op, value, expected, got }) }
    }

    /// Adds `count` values that depend on what `from` depends on.
    fn give(&mut self, from: &[ValueId], format: Format, count: usize) {
        let slotted = from.iter().any(|&value| self.slotted[value]);
        self.formats.extend(std::iter::repeat_n(format, count));
        self.slotted.extend(std::iter::repeat_n(slotted, count));
    }
}

/// Shift that brings a product to its format; see [`product_shift`].
pub fn shift_of(formats: &[Format], pair: [ValueId; 2]) -> u32 {
    match (formats.get(pair[0]), formats.get(pair[1])) {
        (Some(&a), Some(&b)) => product_shift(a, b),
        _ => 0,
    }
}
