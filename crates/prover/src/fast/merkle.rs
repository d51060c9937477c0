//! Merkle trees in plonky2's layout, level by level, a vector of nodes at a time.

use plonky2::{
    field::goldilocks_field::GoldilocksField as F,
    hash::merkle_tree::{MerkleCap, MerkleTree},
    plonk::config::{GenericHashOut, Hasher},
};
use rayon::prelude::*;

use super::{hash::FastHash, leaves::Leaves, simd::Backend};

/// Leaves or nodes that one task hashes.
const TASK: usize = 128;

/// A vector of zero digests, to be overwritten.
fn zeros<H: Hasher<F>>(count: usize) -> Vec<H::Hash> {
    vec![H::Hash::from_bytes(&vec![0; H::HASH_SIZE]); count]
}

/// Digests of the leaves, in order, as `hash_or_noop` gives them.
///
/// # Panics
/// When columns have different lengths, or rows different widths.
pub fn hash_leaves<H: FastHash>(backend: Backend, leaves: &Leaves<'_>) -> Vec<H::Hash> {
    let mut digests = zeros::<H>(leaves.len());
    digests
        .par_chunks_mut(TASK)
        .enumerate()
        .for_each(|(task, out)| H::hash_leaves(backend, leaves, task * TASK, out));
    digests
}

/// Digests of the leaves whose elements stand at one place of each column.
///
/// # Panics
/// When columns have different lengths.
pub fn hash_columns<H: FastHash>(backend: Backend, columns: &[&[F]]) -> Vec<H::Hash> {
    hash_leaves::<H>(backend, &Leaves::Columns(columns))
}

/// The inner digests in plonky2's layout, and the cap, over these digests of leaves.
///
/// # Panics
/// When the leaves are not a power of two, or fewer than the cap has entries.
pub fn build_tree_from_leaf_digests<H: FastHash>(
    backend: Backend,
    leaves: Vec<H::Hash>,
    cap_height: usize,
) -> (Vec<H::Hash>, MerkleCap<F, H>) {
    let cap_len = 1 << cap_height;
    assert!(leaves.len().is_power_of_two() && leaves.len() >= cap_len, "{} leaves", leaves.len());
    let mut digests = zeros::<H>(2 * (leaves.len() - cap_len));
    let subtree = digests.len() / cap_len;
    let mut level = leaves;
    let mut layer = 0;
    while level.len() > cap_len {
        place(&mut digests, subtree, layer, &level);
        let mut parents = zeros::<H>(level.len() / 2);
        parents
            .par_chunks_mut(TASK)
            .zip(level.par_chunks(2 * TASK))
            .for_each(|(out, children)| H::compress_pairs(backend, children, out));
        level = parents;
        layer += 1;
    }
    (digests, MerkleCap(level))
}

/// Writes a layer's digests to their places. Of each subtree's digests, the pair `i` of layer `l` stands `2^l - 1` pairs
/// into the `i`-th run of `2^(l+1)` pairs.
fn place<D: Copy + Send + Sync>(digests: &mut [D], subtree: usize, layer: usize, level: &[D]) {
    let per_subtree = (subtree + 2) >> (layer + 1);
    digests.par_chunks_mut(subtree).zip(level.par_chunks(per_subtree)).for_each(|(digests, level)| {
        let runs = digests.par_chunks_mut(4 << layer).with_min_len(TASK);
        runs.zip(level.par_chunks(2)).for_each(|(run, pair)| {
            let at = (2 << layer) - 2;
            run[at..at + 2].copy_from_slice(pair);
        });
    });
}

/// The tree that `MerkleTree::new` builds.
///
/// # Panics
/// As [`build_tree_from_leaf_digests`].
pub fn merkle_tree<H: FastHash>(
    backend: Backend,
    leaves: Vec<Vec<F>>,
    cap_height: usize,
) -> MerkleTree<F, H> {
    let leaf_digests = hash_leaves::<H>(backend, &Leaves::Vectors(&leaves));
    let (digests, cap) = build_tree_from_leaf_digests::<H>(backend, leaf_digests, cap_height);
    MerkleTree { leaves, digests, cap }
}
