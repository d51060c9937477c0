//! Commitments to polynomials: values over the domain, block by block, hashed while they are in cache.
//!
//! A block's values are dropped after hashing unless the quotient needs them. A query outside the blocks that were kept
//! evaluates the polynomials at its point: with few queries that costs less than keeping the values would.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use plonky2::hash::{merkle_proofs::MerkleProof, merkle_tree::MerkleCap};
use rayon::prelude::*;
use sotto_circuits::field::F;

use super::{
    columns::Columns,
    domain::Domain,
    evaluate,
    fft::{Evaluation, Interpolation},
    hash::FastHash,
    merkle::{build_tree_from_leaf_digests, hash_columns},
    prove::Run,
    simd::Backend,
};
use crate::ProveError;

/// A Merkle tree over the domain, without its leaves.
#[derive(Debug)]
pub(super) struct Tree<H: FastHash> {
    digests: Vec<H::Hash>,
    pub(super) cap: MerkleCap<F, H>,
    leaves: usize,
}

impl<H: FastHash> Tree<H> {
    /// The tree over these leaf digests.
    pub(super) fn new(backend: Backend, leaves: Vec<H::Hash>, cap_height: usize) -> Self {
        let count = leaves.len();
        let (digests, cap) = build_tree_from_leaf_digests::<H>(backend, leaves, cap_height);
        Self { digests, cap, leaves: count }
    }

    /// The siblings on the way from a leaf to the cap. In plonky2's layout the pair `i` of layer `l` of a subtree stands at
    /// `i·2^(l+1) + 2^l - 1` pairs.
    pub(super) fn path(&self, leaf: usize) -> MerkleProof<F, H> {
        let subtree = self.leaves / self.cap.0.len();
        let layers = subtree.trailing_zeros() as usize;
        let digests = &self.digests[leaf / subtree * 2 * (subtree - 1)..];
        let sibling = |layer: usize| {
            let node = (leaf % subtree) >> layer;
            let pair = ((node >> 1) << (layer + 1)) + (1 << layer) - 1;
            digests[2 * pair + (1 - node % 2)]
        };
        MerkleProof { siblings: (0..layers).map(sibling).collect() }
    }
}

/// A batch of committed polynomials.
#[derive(Debug)]
pub(super) struct Batch<H: FastHash> {
    /// Coefficients.
    pub(super) coeffs: Columns,
    /// Values on the blocks that were kept, the first ones.
    pub(super) blocks: Vec<Columns>,
    /// Random columns over the whole domain that hide the leaves; none without zero knowledge.
    salts: Columns,
    pub(super) tree: Tree<H>,
}

/// What a commitment is made with.
pub(super) struct Committer<'a> {
    pub(super) backend: Backend,
    pub(super) evaluations: &'a [Evaluation],
    pub(super) interpolation: &'a Interpolation,
    pub(super) cap_height: usize,
    pub(super) run: &'a Run<'a>,
    /// Nanoseconds that threads spent on transforms and on leaves.
    pub(super) transform_nanos: AtomicU64,
    pub(super) leaf_nanos: AtomicU64,
}

impl Committer<'_> {
    /// Interpolates columns of values on the trace's rows, in place.
    pub(super) fn interpolate(&self, columns: &mut Columns) {
        let rows = columns.rows();
        columns
            .elements_mut()
            .par_chunks_exact_mut(rows)
            .for_each(|column| self.interpolation.apply_natural(column));
    }

    /// Commits to polynomials in coefficient form. `kept` gives the memory of the blocks to keep.
    pub(super) fn commit<H: FastHash>(
        &self,
        coeffs: Columns,
        salts: Columns,
        mut kept: Vec<Columns>,
    ) -> Result<Batch<H>, ProveError> {
        let keep = kept.len();
        let mut digests = Vec::with_capacity(self.evaluations.len());
        let (first, rest) = self.evaluations.split_at(keep);
        first
            .par_iter()
            .zip(&mut kept)
            .enumerate()
            .map(|(block, (evaluation, values))| self.block::<H>(&coeffs, &salts, block, evaluation, values))
            .collect_into_vec(&mut digests);
        let mut others = Vec::with_capacity(rest.len());
        rest.par_iter()
            .enumerate()
            .map_init(Columns::default, |values, (at, evaluation)| {
                self.block::<H>(&coeffs, &salts, keep + at, evaluation, values)
            })
            .collect_into_vec(&mut others);
        let mut leaves = Vec::with_capacity(coeffs.rows() * self.evaluations.len());
        for block in digests.into_iter().chain(others) {
            leaves.extend(block?);
        }
        self.run.check()?;
        Ok(Batch { coeffs, blocks: kept, salts, tree: Tree::new(self.backend, leaves, self.cap_height) })
    }

    /// Values on one block and the digests of its leaves.
    fn block<H: FastHash>(
        &self,
        coeffs: &Columns,
        salts: &Columns,
        block: usize,
        evaluation: &Evaluation,
        values: &mut Columns,
    ) -> Result<Vec<H::Hash>, ProveError> {
        self.run.check()?;
        let started = Instant::now();
        let rows = coeffs.rows();
        values.reshape(coeffs.count(), rows);
        for (coeffs, out) in coeffs.iter().zip(values.elements_mut().chunks_exact_mut(rows)) {
            out.copy_from_slice(coeffs);
            evaluation.apply(out);
        }
        let transformed = Instant::now();
        let mut columns = values.slices();
        columns.extend(salts.iter().map(|salt| &salt[block * rows..(block + 1) * rows]));
        let digests = hash_columns::<H>(self.backend, &columns);
        let nanos = |from: Instant, to: Instant| to.duration_since(from).as_nanos() as u64;
        self.transform_nanos.fetch_add(nanos(started, transformed), Ordering::Relaxed);
        self.leaf_nanos.fetch_add(nanos(transformed, Instant::now()), Ordering::Relaxed);
        Ok(digests)
    }
}

impl<H: FastHash> Batch<H> {
    /// The leaf at a position of the domain, salts last.
    pub(super) fn leaf(&self, domain: &Domain, position: usize) -> Vec<F> {
        let rows = self.coeffs.rows();
        let mut leaf: Vec<F> = match self.blocks.get(position / rows) {
            Some(block) => block.iter().map(|column| column[position % rows]).collect(),
            None => evaluate::at_base_point(&self.coeffs, domain.point(position)),
        };
        leaf.extend(self.salts.iter().map(|salt| salt[position]));
        leaf
    }

    /// Polynomials of the batch.
    pub(super) fn count(&self) -> usize {
        self.coeffs.count()
    }
}

/// Salts of a leaf.
pub(super) const SALTS: usize = plonky2::fri::oracle::SALT_SIZE;

/// No salts.
pub(super) fn unsalted() -> Columns {
    Columns::from_slices(1, std::iter::empty())
}
