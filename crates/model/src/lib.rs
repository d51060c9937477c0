//! From ONNX to an integer program: import, lower, quantise, execute, each a stage of its own.
//!
//! [`import`](import::import) decodes hostile bytes into a checked graph, [`lower`] turns the graph into a
//! [`RealProgram`], [`quantise`] turns that into a [`Program`](program::Program), whose executor is the arithmetic that
//! circuits prove.
//! [`Strategy`] does all of it from a folder with a `strategy.toml`, and reports [bounds](analyse) and
//! [parity](Strategy::parity).

mod calibration;
mod catalog;
mod error;
mod frontend;
pub mod import;
mod interval;
mod lower;
mod manifest;
mod parity;
pub mod program;
mod quantise;
mod real;
mod render;
mod strategy;

pub use calibration::Calibration;
pub use catalog::{DEFAULT_MARKET, Decimals, Feature, FeatureCatalog, MarketLayout, Unit, V3_MARKET};
pub use error::ModelError;
pub use frontend::{AffineInput, Frontend};
pub use interval::{IntervalReport, OperationBounds, analyse};
pub use lower::{OutputChoice, lower};
pub use manifest::{
    Choice, ElementChoice, FeatureRange, Manifest, ModelFile, NetworkInput, Output, OutputUnit, PolicyTable,
    Tokens,
};
pub use parity::{Agreement, HoldoutRow, ParityOptions, ParityReport, Row, WorstRow, parse_rows};
pub use program::{Dense, INPUT_BITS, InputMap, Policy};
pub use quantise::{Settings, TreeTable, quantise};
pub use real::{Comparison, RealActivation, RealFunction, RealMatrix, RealNode, RealOp, RealProgram, exact};
pub use strategy::{MANIFEST_FILE, Strategy, model_hash};
