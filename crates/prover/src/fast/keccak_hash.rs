//! Keccak as plonky2 hashes with it.

use plonky2::{
    field::{
        goldilocks_field::GoldilocksField as F,
        types::{Field, PrimeField64},
    },
    hash::{hashing::PlonkyPermutation, keccak::KeccakHash},
    plonk::config::Hasher,
};

use super::{
    hash::{FastHash, hash_one_by_one},
    leaves::Leaves,
    simd::Backend,
};

impl<const N: usize> FastHash for KeccakHash<N> {
    fn hash_leaves(_backend: Backend, leaves: &Leaves<'_>, first: usize, out: &mut [Self::Hash]) {
        hash_one_by_one::<Self>(leaves, first, out);
    }

    fn compress_pairs(_backend: Backend, children: &[Self::Hash], out: &mut [Self::Hash]) {
        for (pair, digest) in children.as_chunks::<2>().0.iter().zip(out) {
            *digest = <Self as Hasher<F>>::two_to_one(pair[0], pair[1]);
        }
    }

    fn grind_range(
        _backend: Backend,
        state: &Self::Permutation,
        position: usize,
        zeros: u32,
        first: u64,
        count: u64,
    ) -> Option<u64> {
        (first..first + count).find(|&candidate| {
            let mut state = *state;
            state.set_elt(F::from_canonical_u64(candidate), position);
            state.permute();
            state.squeeze().last().is_some_and(|word| word.to_canonical_u64().leading_zeros() >= zeros)
        })
    }
}
