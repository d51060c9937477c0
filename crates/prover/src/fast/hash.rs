//! The two hashers of the project, several inputs at a time.

use plonky2::{field::goldilocks_field::GoldilocksField as F, plonk::config::Hasher};

use super::{leaves::Leaves, simd::Backend};

/// A hasher of plonky2 with vectorised batches. Every method gives what the scalar methods of [`Hasher`] give.
pub trait FastHash: Hasher<F> {
    /// `hash_or_noop` of the leaves from `first` on, as many as `out` has room for.
    fn hash_leaves(backend: Backend, leaves: &Leaves<'_>, first: usize, out: &mut [Self::Hash]);

    /// `two_to_one` of neighbours: `children` has two digests for each of `out`.
    fn compress_pairs(backend: Backend, children: &[Self::Hash], out: &mut [Self::Hash]);

    /// The least of `count` candidates from `first` on, all below the order, with this property: put at `position` of the
    /// state and permuted, it makes the last squeezed element smaller than `2^(64 - zeros)`. A candidate may be passed
    /// over where plonky2's permutation rejects an output word.
    fn grind_range(
        backend: Backend,
        state: &Self::Permutation,
        position: usize,
        zeros: u32,
        first: u64,
        count: u64,
    ) -> Option<u64>;
}

/// Leaves so narrow that plonky2 copies instead of hashing.
pub(super) fn is_noop<H: Hasher<F>>(leaves: &Leaves<'_>) -> bool {
    leaves.width() * 8 <= H::HASH_SIZE
}

/// `hash_or_noop` one by one.
pub(super) fn hash_one_by_one<H: Hasher<F>>(leaves: &Leaves<'_>, first: usize, out: &mut [H::Hash]) {
    let mut row = Vec::with_capacity(leaves.width());
    for (i, digest) in out.iter_mut().enumerate() {
        leaves.row(first + i, &mut row);
        *digest = H::hash_or_noop(&row);
    }
}
