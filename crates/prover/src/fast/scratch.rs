//! Memory that one proof leaves to the next of its circuit.

use super::columns::Columns;

/// Buffers of a proof.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Blocks of the wires' values.
    pub(super) wires: Vec<Columns>,
    /// Blocks of the values of Z and the partial products.
    pub(super) products: Vec<Columns>,
    /// Blocks of the quotient's values; empty when no query needs them.
    pub(super) quotients: Vec<Columns>,
    /// The witness.
    pub(super) witness: Columns,
    /// Coefficients of the wires.
    pub(super) coeffs: Columns,
}
