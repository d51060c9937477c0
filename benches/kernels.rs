//! Kernels of the fast prover next to plonky2's own, on every backend: medians of interleaved runs, and their ratio.
//!
//! `permutation`: nanoseconds per hash of one leaf of eight elements, one thread. `tree`: nanoseconds per hash of a Merkle
//! tree over 2^15 leaves of 135 elements, all threads.
#![allow(missing_docs)]

use std::{hint::black_box, time::Instant};

use plonky2::{
    field::{goldilocks_field::GoldilocksField as F, types::Sample},
    hash::{merkle_tree::MerkleTree, poseidon::PoseidonHash},
};
use rayon::ThreadPoolBuilder;
use sotto_prover::fast::{Backend, FastHash, build_tree_from_leaf_digests, hash_columns};

/// Interleaved runs of each candidate.
const RUNS: usize = 9;

/// A candidate's name and what it does.
type Candidate<'a> = (&'static str, Box<dyn FnMut() + 'a>);

/// Prints the median time of each candidate per unit of work, and the first's over it.
fn compare(title: &str, units: f64, unit: &str, mut candidates: Vec<Candidate<'_>>) {
    let mut seconds = vec![Vec::new(); candidates.len()];
    for _ in 0..RUNS {
        for ((_, run), seconds) in candidates.iter_mut().zip(&mut seconds) {
            let start = Instant::now();
            run();
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    let medians: Vec<f64> = seconds
        .iter_mut()
        .map(|seconds| {
            seconds.sort_by(f64::total_cmp);
            seconds[RUNS / 2]
        })
        .collect();
    println!("{title}");
    for ((name, _), median) in candidates.iter().zip(&medians) {
        println!("  {name:8} {:10.2} ns per {unit}   {:6.2}x", median / units * 1e9, medians[0] / median);
    }
}

fn permutations<H: FastHash>(name: &str) {
    const COUNT: usize = 1 << 14;
    let columns: Vec<Vec<F>> = (0..8).map(|_| F::rand_vec(COUNT)).collect();
    let slices: Vec<&[F]> = columns.iter().map(Vec::as_slice).collect();
    let rows: Vec<Vec<F>> = (0..COUNT).map(|i| columns.iter().map(|column| column[i]).collect()).collect();
    let mut candidates: Vec<Candidate<'_>> = vec![(
        "plonky2",
        Box::new(|| {
            for row in &rows {
                black_box(H::hash_no_pad(row));
            }
        }),
    )];
    for backend in Backend::available() {
        let slices = &slices;
        candidates.push((backend.name(), Box::new(move || drop(black_box(hash_columns::<H>(backend, slices))))));
    }
    compare(&format!("{name} permutation"), COUNT as f64, "hash", candidates);
}

fn trees<H: FastHash>(name: &str, per_leaf: usize) {
    const LEAVES: usize = 1 << 15;
    const WIDTH: usize = 135;
    let columns: Vec<Vec<F>> = (0..WIDTH).map(|_| F::rand_vec(LEAVES)).collect();
    let slices: Vec<&[F]> = columns.iter().map(Vec::as_slice).collect();
    let rows: Vec<Vec<F>> = (0..LEAVES).map(|i| columns.iter().map(|column| column[i]).collect()).collect();
    let mut candidates: Vec<Candidate<'_>> =
        vec![("plonky2", Box::new(|| drop(black_box(MerkleTree::<F, H>::new(rows.clone(), 4)))))];
    for backend in Backend::available() {
        let slices = &slices;
        candidates.push((
            backend.name(),
            Box::new(move || {
                let digests = hash_columns::<H>(backend, slices);
                black_box(build_tree_from_leaf_digests::<H>(backend, digests, 4));
            }),
        ));
    }
    compare(&format!("{name} tree"), (LEAVES * (per_leaf + 1)) as f64, "permutation", candidates);
}

#[allow(clippy::expect_used)]
fn main() {
    let one = ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
    one.install(|| permutations::<PoseidonHash>("poseidon"));
    trees::<PoseidonHash>("poseidon", 17);
}
