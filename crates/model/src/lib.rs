//! From ONNX to a quantised integer model: import, lower, quantise, execute, each a stage of its own.

mod integer;

pub use integer::{
    ACTIVATION_BITS, Dense, INPUT_BITS, InputMap, IntModel, IntModelError, LayerFormat, Policy, ShapeClass,
};
