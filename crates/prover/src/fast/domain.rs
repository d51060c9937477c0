//! The evaluation domain: the coset `g·K` in bit-reversed order, cut into blocks of the trace's size.
//!
//! With `n` rows and a rate of `2^-r`, `K` has `2^r·n` points. Position `p = b·n + q` of the bit-reversed order holds the
//! point with index `rev(q)·2^r + rev(b)`, so block `b` is the coset `g·w^rev(b)·H` of the trace's subgroup `H`, itself in
//! bit-reversed order. The quotient's domain is the first `2^d` blocks for every rate of at least `2^d`.

use plonky2::field::types::Field;
use sotto_circuits::field::F;

/// The low `bits` bits of an index, reversed.
pub(super) const fn reversed(index: usize, bits: u32) -> usize {
    if bits == 0 { 0 } else { index.reverse_bits() >> (usize::BITS - bits) }
}

/// Shifts of the blocks at a rate.
#[derive(Clone, Debug)]
pub(super) struct Domain {
    pub(super) degree_bits: usize,
    /// Shift of each block.
    pub(super) shifts: Vec<F>,
}

impl Domain {
    /// The domain of a trace of `2^degree_bits` rows over the coset of `shift`.
    pub(super) fn new(degree_bits: usize, rate_bits: usize, shift: F) -> Self {
        let root = F::primitive_root_of_unity(degree_bits + rate_bits);
        let powers: Vec<F> = root.powers().take(1 << rate_bits).collect();
        let bits = rate_bits as u32;
        let shifts = (0..1 << rate_bits).map(|block| shift * powers[reversed(block, bits)]).collect();
        Self { degree_bits, shifts }
    }

    /// The point at a position of the bit-reversed order.
    pub(super) fn point(&self, position: usize) -> F {
        let rows = 1 << self.degree_bits;
        let root = F::primitive_root_of_unity(self.degree_bits);
        let exponent = reversed(position % rows, self.degree_bits as u32);
        self.shifts[position / rows] * root.exp_u64(exponent as u64)
    }
}
