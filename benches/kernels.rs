//! Kernels of the fast prover next to plonky2's own, on every backend: medians of interleaved runs, and their ratio.
//!
//! `permutation`: nanoseconds per hash of one leaf of eight elements, one thread. `tree`: nanoseconds per hash of a Merkle
//! tree over 2^15 leaves of 135 elements, all threads. `extension`: nanoseconds per value of the extension of a column, to
//! eight times as many bit-reversed values over a coset, one thread. `interpolation`: nanoseconds per coefficient, one
//! thread. `work`: nanoseconds per candidate for a proof of work, one thread.
#![allow(missing_docs)]

use std::{hint::black_box, time::Instant};

use plonky2::{
    field::{
        goldilocks_field::GoldilocksField as F,
        polynomial::{PolynomialCoeffs, PolynomialValues},
        types::{Field, Sample},
    },
    hash::{hashing::PlonkyPermutation, merkle_tree::MerkleTree, poseidon::PoseidonHash},
    util::reverse_index_bits_in_place,
};
use rayon::ThreadPoolBuilder;
use sotto_circuits::evm_hash::EvmHash;
use sotto_prover::fast::{
    Backend, FastHash, Interpolation, build_tree_from_leaf_digests, hash_columns, lde_columns,
};

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
        candidates
            .push((backend.name(), Box::new(move || drop(black_box(hash_columns::<H>(backend, slices))))));
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

fn extensions(log: usize) {
    const RATE_BITS: usize = 3;
    let columns: Vec<Vec<F>> = (0..8).map(|_| F::rand_vec(1 << log)).collect();
    let slices: Vec<&[F]> = columns.iter().map(Vec::as_slice).collect();
    let shift = F::coset_shift();
    let mut candidates: Vec<Candidate<'_>> = vec![(
        "plonky2",
        Box::new(|| {
            for column in &columns {
                let polynomial = PolynomialCoeffs::new(column.clone()).lde(RATE_BITS);
                let mut values =
                    polynomial.coset_fft_with_options(F::coset_shift(), Some(RATE_BITS), None).values;
                reverse_index_bits_in_place(&mut values);
                black_box(values);
            }
        }),
    )];
    for backend in Backend::available() {
        let slices = &slices;
        candidates.push((
            backend.name(),
            Box::new(move || drop(black_box(lde_columns(backend, slices, RATE_BITS, shift)))),
        ));
    }
    compare(&format!("extension of 2^{log}"), ((8 << log) << RATE_BITS) as f64, "value", candidates);
}

fn interpolations(log: usize) {
    let columns: Vec<Vec<F>> = (0..32).map(|_| F::rand_vec(1 << log)).collect();
    let mut candidates: Vec<Candidate<'_>> = vec![(
        "plonky2",
        Box::new(|| {
            for column in &columns {
                black_box(PolynomialValues::new(column.clone()).ifft());
            }
        }),
    )];
    for backend in Backend::available() {
        let columns = &columns;
        candidates.push((
            backend.name(),
            Box::new(move || {
                let interpolation = Interpolation::new(backend, log, F::ONE);
                for column in columns {
                    let mut values = column.clone();
                    interpolation.apply_natural(&mut values);
                    black_box(values);
                }
            }),
        ));
    }
    compare(&format!("interpolation of 2^{log}"), (32 << log) as f64, "coefficient", candidates);
}

fn work<H: FastHash>(name: &str) {
    const COUNT: u64 = 1 << 14;
    /// More zeros than any response has.
    const ZEROS: u32 = 64;
    let start = H::Permutation::new(F::rand_vec(12));
    let mut candidates: Vec<Candidate<'_>> = vec![(
        "plonky2",
        Box::new(|| {
            for candidate in 0..COUNT {
                let mut state = start;
                state.set_elt(F::from_canonical_u64(candidate), 0);
                state.permute();
                black_box(state);
            }
        }),
    )];
    for backend in Backend::available() {
        candidates.push((
            backend.name(),
            Box::new(move || {
                black_box(H::grind_range(backend, &start, 0, ZEROS, 0, COUNT));
            }),
        ));
    }
    compare(&format!("{name} work"), COUNT as f64, "candidate", candidates);
}

#[allow(clippy::expect_used)]
fn main() {
    let one = ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
    one.install(|| {
        permutations::<PoseidonHash>("poseidon");
        permutations::<EvmHash>("keccak");
        for log in [12, 15] {
            extensions(log);
            interpolations(log);
        }
        work::<PoseidonHash>("poseidon");
        work::<EvmHash>("keccak");
    });
    trees::<PoseidonHash>("poseidon", 17);
    trees::<EvmHash>("keccak", 8);
}
