//! Matrices stored by column, so that each polynomial is contiguous.

use plonky2::field::types::Field;
use sotto_circuits::field::F;

/// A matrix of field elements, column after column.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    rows: usize,
    data: Vec<F>,
}

impl Columns {
    /// Zeros.
    pub(super) fn zeros(columns: usize, rows: usize) -> Self {
        Self { rows, data: vec![F::ZERO; columns * rows] }
    }

    /// From equally long columns.
    pub(super) fn from_slices<'a>(rows: usize, columns: impl Iterator<Item = &'a [F]>) -> Self {
        let mut data = Vec::new();
        columns.for_each(|column| data.extend_from_slice(column));
        Self { rows, data }
    }

    /// Takes this shape, keeping the memory and whatever is in it.
    pub(super) fn reshape(&mut self, columns: usize, rows: usize) {
        self.rows = rows;
        self.data.resize(columns * rows, F::ZERO);
    }

    /// Rows of the matrix.
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub(super) fn count(&self) -> usize {
        self.data.len() / self.rows.max(1)
    }

    /// One column.
    pub(super) fn column(&self, at: usize) -> &[F] {
        &self.data[at * self.rows..(at + 1) * self.rows]
    }

    /// All columns.
    pub(super) fn iter(&self) -> std::slice::ChunksExact<'_, F> {
        self.data.chunks_exact(self.rows)
    }

    /// All columns, in order, as references that a hash takes.
    pub(super) fn slices(&self) -> Vec<&[F]> {
        self.iter().collect()
    }

    /// All elements, column after column.
    pub(super) fn elements_mut(&mut self) -> &mut [F] {
        &mut self.data
    }

    /// Splits the first columns from the rest.
    pub(super) fn split_at_mut(&mut self, columns: usize) -> (&mut [F], &mut [F]) {
        self.data.split_at_mut(columns * self.rows)
    }
}
