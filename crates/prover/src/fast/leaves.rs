//! Where the leaves of a tree lie, and how a vector takes one element of several.

use plonky2::field::goldilocks_field::GoldilocksField as F;

use super::simd::{Simd, words};

/// Leaves of field elements, all of one width.
#[derive(Clone, Copy, Debug)]
pub enum Leaves<'a> {
    /// Columns of one length: leaf `i` is the `i`-th element of each. The fastest to hash, for neighbours of a column
    /// fill a vector.
    Columns(&'a [&'a [F]]),
    /// Rows one after the other, of `width` elements each.
    Rows {
        /// The elements, a multiple of `width` of them.
        elements: &'a [F],
        /// Elements of a leaf, not zero.
        width: usize,
    },
    /// A vector per leaf.
    Vectors(&'a [Vec<F>]),
}

impl Leaves<'_> {
    /// How many leaves there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Columns(columns) => columns.first().map_or(0, |column| column.len()),
            Self::Rows { elements, width } => elements.len() / width,
            Self::Vectors(rows) => rows.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Elements of a leaf.
    pub fn width(&self) -> usize {
        match self {
            Self::Columns(columns) => columns.len(),
            Self::Rows { width, .. } => *width,
            Self::Vectors(rows) => rows.first().map_or(0, Vec::len),
        }
    }

    /// An element of a leaf.
    #[inline(always)]
    fn word(&self, row: usize, column: usize) -> u64 {
        match self {
            Self::Columns(columns) => columns[column][row].0,
            Self::Rows { elements, width } => elements[row * width + column].0,
            Self::Vectors(rows) => rows[row][column].0,
        }
    }

    /// A leaf's elements.
    pub(super) fn row(&self, row: usize, out: &mut Vec<F>) {
        out.clear();
        out.extend((0..self.width()).map(|column| F(self.word(row, column))));
    }

    /// One column of `LANES` leaves from `row` on; lanes beyond the last leaf repeat it.
    #[inline(always)]
    pub(super) fn vector<S: Simd>(&self, s: S, row: usize, column: usize) -> S::V {
        if let Self::Columns(columns) = self
            && row + S::LANES <= columns[column].len()
        {
            return s.load(&words(columns[column])[row..]);
        }
        let last = self.len() - 1;
        gather(s, |lane| self.word((row + lane).min(last), column))
    }

    /// Brings the same closer to the processor.
    #[inline(always)]
    pub(super) fn prefetch<S: Simd>(&self, s: S, row: usize, column: usize) {
        if let Self::Columns(columns) = self
            && let Some(rest) = columns.get(column).and_then(|column| words(column).get(row..))
        {
            s.prefetch(rest);
        }
    }
}

/// The vector of a word per lane.
#[inline(always)]
pub(super) fn gather<S: Simd>(s: S, word: impl Fn(usize) -> u64) -> S::V {
    let mut lanes = [0; 8];
    for (lane, out) in lanes[..S::LANES].iter_mut().enumerate() {
        *out = word(lane);
    }
    s.load(&lanes[..S::LANES])
}

/// The words of a vector's lanes, the first `LANES` of eight.
#[inline(always)]
pub(super) fn scatter<S: Simd>(s: S, v: S::V) -> [u64; 8] {
    let mut lanes = [0; 8];
    s.store(v, &mut lanes[..S::LANES]);
    lanes
}
