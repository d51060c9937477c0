//! plonky2's Poseidon hasher, a vector of inputs at a time.

use plonky2::{
    field::goldilocks_field::GoldilocksField as F,
    hash::{
        hash_types::HashOut,
        poseidon::{PoseidonHash, PoseidonPermutation},
    },
};

use super::{
    hash::{FastHash, hash_one_by_one, is_noop},
    leaves::{Leaves, gather, scatter},
    poseidon::{RATE, WIDTH, permute},
    simd::{Backend, Kernel, Simd},
};

impl FastHash for PoseidonHash {
    fn hash_leaves(backend: Backend, leaves: &Leaves<'_>, first: usize, out: &mut [HashOut<F>]) {
        if is_noop::<Self>(leaves) {
            hash_one_by_one::<Self>(leaves, first, out);
        } else {
            backend.run(HashLeaves { leaves, first, out });
        }
    }

    fn compress_pairs(backend: Backend, children: &[HashOut<F>], out: &mut [HashOut<F>]) {
        backend.run(CompressPairs { children, out });
    }

    fn grind_range(
        backend: Backend,
        state: &PoseidonPermutation<F>,
        position: usize,
        zeros: u32,
        first: u64,
        count: u64,
    ) -> Option<u64> {
        backend.run(GrindRange { state: state.as_ref(), position, zeros, first, count })
    }
}

/// The first four elements of each lane's state, canonical.
#[inline(always)]
fn squeeze<S: Simd>(s: S, state: &[S::V; WIDTH], out: &mut [HashOut<F>]) {
    for (element, &x) in state[..4].iter().enumerate() {
        let lanes = scatter(s, s.canonical(x));
        for (digest, word) in out.iter_mut().zip(lanes) {
            digest.elements[element] = F(word);
        }
    }
}

/// Sponges over leaves.
struct HashLeaves<'a> {
    leaves: &'a Leaves<'a>,
    first: usize,
    out: &'a mut [HashOut<F>],
}

impl Kernel for HashLeaves<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (leaves, width) = (self.leaves, self.leaves.width());
        for (block, out) in self.out.chunks_mut(S::LANES).enumerate() {
            let row = self.first + block * S::LANES;
            let mut state = [s.splat(0); WIDTH];
            for start in (0..width).step_by(RATE) {
                // The last chunk may be short: what it does not overwrite stays.
                for column in start..width.min(start + RATE) {
                    state[column - start] = leaves.vector(s, row, column);
                    leaves.prefetch(s, row, column + RATE);
                }
                permute(s, &mut state);
            }
            squeeze(s, &state, out);
        }
    }
}

/// Nodes over pairs of digests.
struct CompressPairs<'a> {
    children: &'a [HashOut<F>],
    out: &'a mut [HashOut<F>],
}

impl Kernel for CompressPairs<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let blocks = self.out.chunks_mut(S::LANES).zip(self.children.chunks(2 * S::LANES));
        for (out, children) in blocks {
            let last = out.len() - 1;
            let mut state = [s.splat(0); WIDTH];
            for (element, x) in state[..RATE].iter_mut().enumerate() {
                *x = gather(s, |lane| children[2 * lane.min(last) + element / 4].elements[element % 4].0);
            }
            permute(s, &mut state);
            squeeze(s, &state, out);
        }
    }
}

/// Candidates for a proof of work.
struct GrindRange<'a> {
    state: &'a [F],
    position: usize,
    zeros: u32,
    first: u64,
    count: u64,
}

impl Kernel for GrindRange<'_> {
    type Output = Option<u64>;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Option<u64> {
        let mut start = [s.splat(0); WIDTH];
        for (x, element) in start.iter_mut().zip(self.state) {
            *x = s.splat(element.0);
        }
        for base in (self.first..self.first + self.count).step_by(S::LANES) {
            let mut state = start;
            state[self.position] = gather(s, |lane| base + lane as u64);
            permute(s, &mut state);
            let responses = scatter(s, s.canonical(state[RATE - 1]));
            let found = responses[..S::LANES].iter().position(|word| word.leading_zeros() >= self.zeros);
            if let Some(lane) = found {
                return Some(base + lane as u64).filter(|&candidate| candidate < self.first + self.count);
            }
        }
        None
    }
}
