//! Integer programs: the form that every model takes before it is proved.
//!
//! A [`Shape`] is public: values, operations between them and the integer formats that follow by rule. It is what a class
//! id hashes and what a circuit is generated from. A [`Program`] adds the private parameters. Everything that a model
//! computes between its features and its quote is one of four operations: [`Linear`] maps with a rounding shift and an
//! [`Activation`], [`Op::Product`], [`Op::Function`] and [`Ensemble`] of trees. Maximum, absolute value, clipping,
//! pooling, convolution, recurrent cells and softmax are made of these.

mod ensemble;
mod execute;
mod format;
mod function;
mod parameters;
mod shape;
mod tables;

pub use ensemble::{EnsembleParameters, Node};
pub use execute::{Program, ProgramError};
pub use format::{Format, LinearFormat, product_shift};
pub use function::Function;
pub use parameters::{Dense, INPUT_BITS, InputMap, Policy};
pub use shape::{
    Activation, Ensemble, LEAF_BITS, Linear, MAX_PARAMETERS, MAX_VALUES, MatrixShape, Op, OutputMap, Shape,
    ShapeError, ValueId, shift_of,
};
