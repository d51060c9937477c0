//! Why a file is not a strategy.

use std::path::PathBuf;

use alloy_primitives::B256;
use thiserror::Error;

use crate::program::{ProgramError, ShapeError};

/// Everything that importing, lowering, quantising or loading can refuse. None of it gets better by trying again: the
/// file has to change.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Bytes, nodes, tensors or widths over their limit.
    #[error("{what}: {got} is over the limit of {limit}")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// Its size.
        got: usize,
        /// The largest that is accepted.
        limit: usize,
    },
    /// The bytes are not a protobuf message of an ONNX model.
    #[error("not an ONNX protobuf: {reason}")]
    Decode {
        /// What the decoder says.
        reason: String,
    },
    /// A part that every model has is missing.
    #[error("the model has no {what}")]
    Missing {
        /// The missing part.
        what: &'static str,
    },
    /// More than one of something that a model has once.
    #[error("the model has {got} {what}, expected one")]
    NotSingle {
        /// What was counted.
        what: &'static str,
        /// The count.
        got: usize,
    },
    /// The operator set is not one of those whose semantics are implemented.
    #[error(
        "operator set {version} of domain `{domain}` is not supported, expected 7 to 26 of the default domain, or 1 to 5 of ai.onnx.ml"
    )]
    UnsupportedOpset {
        /// Domain, empty for the default.
        domain: String,
        /// Version.
        version: i64,
    },
    /// A node's operator is not supported.
    #[error("node `{node}`: operator `{op}` of domain `{domain}` is not supported; nearest: {nearest}")]
    UnsupportedOp {
        /// Name of the node, or its position.
        node: String,
        /// Operator.
        op: String,
        /// Domain, empty for the default.
        domain: String,
        /// What to write instead.
        nearest: &'static str,
    },
    /// A node's operator is supported, but not in this form.
    #[error("node `{node}`: {what} is not supported; nearest: {nearest}")]
    UnsupportedForm {
        /// Name of the node, or its position.
        node: String,
        /// The form.
        what: &'static str,
        /// What to write instead.
        nearest: &'static str,
    },
    /// A node's attribute is unknown, of the wrong type, or has a value without support.
    #[error("node `{node}`: attribute `{attribute}` is not supported with this value")]
    UnsupportedAttribute {
        /// Name of the node, or its position.
        node: String,
        /// Attribute.
        attribute: String,
    },
    /// A tensor's element type has no meaning here.
    #[error(
        "tensor `{tensor}`: element type {data_type} is not supported, expected float32, float64, int32, int64 or bool"
    )]
    UnsupportedType {
        /// Tensor.
        tensor: String,
        /// Number of the type in `TensorProto.DataType`.
        data_type: i32,
    },
    /// A tensor's data lie outside the file.
    #[error("tensor `{tensor}` refers to external data, which are refused")]
    ExternalData {
        /// Tensor.
        tensor: String,
    },
    /// Two nodes, tensors or values share a name.
    #[error("the name `{name}` is defined twice")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A node reads a value that nothing defines.
    #[error("node `{node}` reads `{input}`, which nothing defines")]
    MissingInput {
        /// Name of the node, or its position.
        node: String,
        /// The value.
        input: String,
    },
    /// A node reads a value that only it or a later node defines.
    #[error("node `{node}` reads `{input}` before it is computed: the graph has a cycle or is not sorted")]
    Cycle {
        /// Name of the node, or its position.
        node: String,
        /// The value.
        input: String,
    },
    /// A computed value leads nowhere.
    #[error("`{value}` is computed and not used")]
    Unused {
        /// The value.
        value: String,
    },
    /// A node has too few or too many inputs or outputs, or its operands are constant where they must not be.
    #[error("node `{node}`: operator `{op}` does not take these operands")]
    Operands {
        /// Name of the node, or its position.
        node: String,
        /// Operator.
        op: String,
    },
    /// Dimensions that are dynamic, zero, negative, too large or do not fit their neighbours.
    #[error("`{value}` has dimensions {dims:?}: {expected}")]
    Dimensions {
        /// Tensor, input or node.
        value: String,
        /// Dimensions; 0 stands for a dynamic one.
        dims: Vec<i64>,
        /// What was expected.
        expected: &'static str,
    },
    /// A tensor's data do not have as many elements as its dimensions say.
    #[error("tensor `{tensor}` has {got} elements, its dimensions say {expected}")]
    Elements {
        /// Tensor.
        tensor: String,
        /// Product of the dimensions.
        expected: usize,
        /// Elements found.
        got: usize,
    },
    /// A weight is NaN or infinite, or became so.
    #[error("`{value}` element {index} is not a finite number")]
    NotFinite {
        /// Tensor or layer.
        value: String,
        /// Position, row-major.
        index: usize,
    },
    /// A manifest that is not TOML, or has unknown, missing or mistyped keys.
    #[error("strategy.toml: {reason}")]
    Manifest {
        /// What the parser says, with the line.
        reason: String,
    },
    /// A key of the manifest has a value out of range.
    #[error("strategy.toml: {key}: {expected}")]
    ManifestValue {
        /// The key.
        key: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A feature that the market does not have.
    #[error("the market has no feature `{name}`")]
    UnknownFeature {
        /// `feed.feature`.
        name: String,
    },
    /// The manifest's features and the network's inputs differ in number, or likewise for another count.
    #[error("{what}: the network has {expected}, strategy.toml {got}")]
    Width {
        /// What was counted.
        what: &'static str,
        /// Count of the network.
        expected: usize,
        /// Count of the manifest.
        got: usize,
    },
    /// The model file is not the one that the manifest pins.
    #[error("the model file hashes to {got}, strategy.toml pins {expected}")]
    ModelHash {
        /// Hash in the manifest.
        expected: B256,
        /// Hash of the file.
        got: B256,
    },
    /// A weight or channel cannot be represented in the integer format with useful precision.
    #[error("layer {layer}, channel {channel}: {reason}")]
    Unrepresentable {
        /// Position of the layer.
        layer: usize,
        /// Row of the layer.
        channel: usize,
        /// What does not fit.
        reason: &'static str,
    },
    /// Parts of a lowered model contradict each other.
    #[error("the model is inconsistent at {place}")]
    Inconsistent {
        /// Where.
        place: String,
    },
    /// The model's shape is not one that can be proved.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The integer parts do not form a program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A row of hold-out data has the wrong number of values, or one that is not a number in range.
    #[error("hold-out line {line}: expected {columns} numbers")]
    Row {
        /// Line, from 1.
        line: usize,
        /// Columns of the header.
        columns: usize,
    },
    /// A file of the strategy cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
