//! First stage: ONNX bytes to a checked graph of the operators that are supported.
//!
//! The file is hostile until proven otherwise. Its size and the number of its protobuf messages are bounded before it is
//! decoded, and the graph is interpreted here, not run through an optimiser.

mod graph;
mod tensor;
mod wire;

use prost::Message;
use tract_onnx::pb::ModelProto;

pub use graph::{Graph, Node, Op, Operand};
pub use tensor::Tensor;

use crate::ModelError;

/// Largest model file that is decoded, in bytes.
pub const MAX_MODEL_BYTES: usize = 2 << 20;
/// Operator sets of the default domain whose semantics are implemented.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=26;

/// Decodes and checks an ONNX model.
///
/// # Errors
/// For anything but a chain of supported float32 operators: see [`ModelError`].
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
    check_opsets(&model)?;
    if !model.functions.is_empty() || !model.training_info.is_empty() {
        return Err(ModelError::NotSingle { what: "graphs", got: 1 + model.functions.len() });
    }
    let graph = model.graph.ok_or(ModelError::Missing { what: "graph" })?;
    graph::build(graph)
}

fn is_default_domain(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// Other domains may be imported, as some exporters do without need; their nodes are refused.
fn check_opsets(model: &ModelProto) -> Result<(), ModelError> {
    let defaults: Vec<_> = model.opset_import.iter().filter(|o| is_default_domain(&o.domain)).collect();
    match defaults.as_slice() {
        [] => Err(ModelError::Missing { what: "operator set" }),
        [one] if OPSETS.contains(&one.version) => Ok(()),
        [one] => Err(ModelError::UnsupportedOpset { domain: one.domain.clone(), version: one.version }),
        more => Err(ModelError::NotSingle { what: "operator sets of the default domain", got: more.len() }),
    }
}
