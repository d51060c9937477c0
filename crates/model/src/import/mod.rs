//! First stage: ONNX bytes to a checked graph of the operators that are supported.
//!
//! The file is hostile until proven otherwise. Its size and the number of its protobuf messages and numbers are bounded
//! before it is decoded. tract's messages are used and its optimiser is not: an optimiser evaluates parts of the graph,
//! and what it would do for a hostile file has no bound that could be stated here. The graph is interpreted by
//! [`lower`](crate::lower) with ONNX's semantics instead.

mod attributes;
mod graph;
mod op;
mod ops;
mod tensor;
mod wire;

use prost::Message;
use tract_onnx::pb::ModelProto;

pub use graph::{Graph, GraphInput, GraphOutput};
pub(crate) use graph::{Node, Operand};
pub(crate) use op::{
    Binary, Cell, Fold, Gate, Labels, LinearModel, Norm, Op, Padding, PostTransform, Recurrent, Unary, Window,
};
pub(crate) use ops::{
    axis,
    trees::{Branch, Forest},
};
pub(crate) use tensor::{Kind, Tensor, dimensions};

use crate::ModelError;

/// Largest model file that is decoded, in bytes.
pub const MAX_MODEL_BYTES: usize = 32 << 20;
/// Operator sets of the default domain whose semantics are implemented.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=26;
/// Operator sets of `ai.onnx.ml` whose semantics are implemented.
const ML_OPSETS: std::ops::RangeInclusive<i64> = 1..=5;

/// Decodes and checks an ONNX model.
///
/// # Errors
/// For anything but a graph of supported operators: see [`ModelError`].
pub fn import(bytes: &[u8]) -> Result<Graph, ModelError> {
    if bytes.len() > MAX_MODEL_BYTES {
        return Err(ModelError::TooLarge {
            what: "model file bytes",
            got: bytes.len(),
            limit: MAX_MODEL_BYTES,
        });
    }
    wire::check(bytes)?;
    let model = ModelProto::decode(bytes).map_err(|e| ModelError::Decode { reason: e.to_string() })?;
    let opset = check_opsets(&model)?;
    if !model.functions.is_empty() || !model.training_info.is_empty() {
        return Err(ModelError::NotSingle { what: "graphs", got: 1 + model.functions.len() });
    }
    let graph = model.graph.ok_or(ModelError::Missing { what: "graph" })?;
    graph::build(graph, opset)
}

fn is_default_domain(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// The version of the default domain. Further domains may be imported, as some exporters do without need; their nodes are
/// refused.
fn check_opsets(model: &ModelProto) -> Result<i64, ModelError> {
    let unsupported =
        |domain: &str, version| Err(ModelError::UnsupportedOpset { domain: domain.to_owned(), version });
    for set in &model.opset_import {
        if set.domain == "ai.onnx.ml" && !ML_OPSETS.contains(&set.version) {
            return unsupported(&set.domain, set.version);
        }
    }
    let mut defaults: Vec<_> = model.opset_import.iter().filter(|o| is_default_domain(&o.domain)).collect();
    // Some exporters say the same twice.
    defaults.dedup_by_key(|o| o.version);
    match defaults.as_slice() {
        // Exporters of trees alone import no default domain.
        [] if model.opset_import.iter().any(|o| o.domain == "ai.onnx.ml") => Ok(13),
        [] => Err(ModelError::Missing { what: "operator set" }),
        [one] if OPSETS.contains(&one.version) => Ok(one.version),
        [one] => unsupported(&one.domain, one.version),
        more => Err(ModelError::NotSingle { what: "operator sets of the default domain", got: more.len() }),
    }
}
