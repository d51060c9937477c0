//! Blocks of a matrix product with witness weights.

use plonky2::field::types::Field;

use super::{arith::Arith, gate::Gadget};
use crate::field::F;

/// A block of `rows × inner` weights times `inner × columns` values, added to accumulators.
///
/// Inputs: weights `w[r][k]` row-major, values `v[k][c]` row-major, accumulators `a[r][c]` row-major.
/// Outputs `o[r][c]`, one row of the circuit a block. Constraints, of degree 2:
///
/// ```text
/// o[r][c] = a[r][c] + Σ_k w[r][k]·v[k][c]
/// ```
///
/// All wires are routed, and a block takes what the circuit has of them. Sharing the weights over columns and the values over
/// rows is what makes a block cheap: 4 × 6 × 4 has 96 products in 80 wires, where a lone dot product has 39.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MatMul {
    /// Outputs of the layer that a block computes.
    pub(crate) rows: usize,
    /// Inputs of the layer that a block reads.
    pub(crate) inner: usize,
    /// Slots that a block serves.
    pub(crate) columns: usize,
}

impl MatMul {
    /// Rows that the thin block must save before it is worth its gate.
    const THIN_GAIN: usize = 16;

    /// The block for one slot, or for values that all slots share: of 80 wires 56 products a row.
    pub(crate) const fn single(routed_wires: usize) -> Self {
        Self { rows: 4, inner: (routed_wires - 8) / 5, columns: 1 }
    }

    /// The block for four slots: of 80 wires 96 products a row.
    pub(crate) const fn quad(routed_wires: usize) -> Self {
        Self { rows: 4, inner: (routed_wires - 32) / 8, columns: 4 }
    }

    /// The block for maps of one or two inputs on many columns.
    pub(crate) const fn thin(routed_wires: usize) -> Self {
        Self { rows: 1, inner: 2, columns: (routed_wires - 2) / 4 }
    }

    /// The block that takes the fewest rows for `rows × inner × columns` in a circuit with `routed_wires`.
    pub(crate) const fn best(rows: usize, inner: usize, columns: usize, routed_wires: usize) -> Self {
        let [single, quad, thin] =
            [Self::single(routed_wires), Self::quad(routed_wires), Self::thin(routed_wires)];
        let count = [
            single.blocks(rows, inner, columns),
            quad.blocks(rows, inner, columns),
            thin.blocks(rows, inner, columns),
        ];
        let (wide, least) = if count[1] < count[0] { (quad, count[1]) } else { (single, count[0]) };
        if count[2] + Self::THIN_GAIN <= least { thin } else { wide }
    }

    /// Blocks that cover a product.
    pub(crate) const fn blocks(&self, rows: usize, inner: usize, columns: usize) -> usize {
        rows.div_ceil(self.rows) * inner.div_ceil(self.inner) * columns.div_ceil(self.columns)
    }
}

impl Gadget for MatMul {
    fn inputs(&self) -> usize {
        self.rows * self.inner + self.inner * self.columns + self.rows * self.columns
    }

    fn outputs(&self) -> usize {
        self.rows * self.columns
    }

    fn advice(&self) -> usize {
        0
    }

    fn constraint_count(&self) -> usize {
        self.rows * self.columns
    }

    fn degree(&self) -> usize {
        2
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let (weights, rest) = wires.split_at(self.rows * self.inner);
        let (values, rest) = rest.split_at(self.inner * self.columns);
        let (accumulators, outputs) = rest.split_at(self.rows * self.columns);
        let mut constraints = Vec::with_capacity(outputs.len());
        for (index, (&accumulator, &output)) in accumulators.iter().zip(outputs).enumerate() {
            let (row, column) = (index / self.columns, index % self.columns);
            let sum = (0..self.inner).fold(accumulator, |sum, k| {
                a.mul_add(weights[row * self.inner + k], values[k * self.columns + column], sum)
            });
            constraints.push(a.sub(output, sum));
        }
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let (weights, rest) = inputs.split_at(self.rows * self.inner);
        let (values, accumulators) = rest.split_at(self.inner * self.columns);
        let output = |(index, &accumulator): (usize, &F)| {
            let (row, column) = (index / self.columns, index % self.columns);
            let products =
                (0..self.inner).map(|k| weights[row * self.inner + k] * values[k * self.columns + column]);
            accumulator + products.fold(F::ZERO, |sum, product| sum + product)
        };
        accumulators.iter().enumerate().map(output).collect()
    }
}
