//! The hash of the proofs that the chain verifies, a vector of inputs at a time.

use plonky2::{
    field::{goldilocks_field::GoldilocksField as F, types::PrimeField64},
    hash::hashing::PlonkyPermutation,
    plonk::config::Hasher,
};
use sotto_circuits::evm_hash::{DIGEST_BYTES as DIGEST, EvmDigest, EvmHash, EvmSponge};

use super::{
    hash::{FastHash, hash_one_by_one, is_noop},
    keccak::{RATE, STATE, permute},
    leaves::{Leaves, gather, scatter},
    simd::{Backend, Kernel, Simd},
};

/// Words of a digest, the last one with one byte.
const DIGEST_WORDS: usize = 4;
/// The first bit of Keccak's padding, in the byte after the message.
const PAD_FIRST: u64 = 1;
/// The last bit of Keccak's padding, at the end of the block.
const PAD_LAST: u64 = 1 << 63;
/// The squeezed word that a proof of work is about.
const RESPONSE: usize = 3;

impl FastHash for EvmHash {
    fn hash_leaves(backend: Backend, leaves: &Leaves<'_>, first: usize, out: &mut [EvmDigest]) {
        // One at a time, the library's Keccak is the faster.
        if is_noop::<Self>(leaves) || backend == Backend::Scalar {
            hash_one_by_one::<Self>(leaves, first, out);
        } else {
            backend.run(HashLeaves { leaves, first, out });
        }
    }

    fn compress_pairs(backend: Backend, children: &[EvmDigest], out: &mut [EvmDigest]) {
        if backend == Backend::Scalar {
            for (digest, pair) in out.iter_mut().zip(children.chunks_exact(2)) {
                *digest = <Self as Hasher<F>>::two_to_one(pair[0], pair[1]);
            }
        } else {
            backend.run(CompressPairs { children, out });
        }
    }

    fn grind_range(
        backend: Backend,
        state: &EvmSponge,
        position: usize,
        zeros: u32,
        first: u64,
        count: u64,
    ) -> Option<u64> {
        backend.run(GrindRange { state, position, zeros, first, count })
    }
}

/// The first 25 bytes of each lane's state.
#[inline(always)]
fn squeeze<S: Simd>(s: S, state: &[S::V; STATE], out: &mut [EvmDigest]) {
    let lanes: [[u64; 8]; DIGEST_WORDS] = core::array::from_fn(|i| scatter(s, state[i]));
    for (lane, digest) in out.iter_mut().enumerate() {
        for (bytes, words) in digest.0.chunks_mut(8).zip(lanes) {
            bytes.copy_from_slice(&words[lane].to_le_bytes()[..bytes.len()]);
        }
    }
}

/// Keccak-256 of leaves. Keccak's words are little-endian, elements big-endian.
struct HashLeaves<'a> {
    leaves: &'a Leaves<'a>,
    first: usize,
    out: &'a mut [EvmDigest],
}

impl Kernel for HashLeaves<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (leaves, width) = (self.leaves, self.leaves.width());
        for (block, out) in self.out.chunks_mut(S::LANES).enumerate() {
            let row = self.first + block * S::LANES;
            let mut state = [s.splat(0); STATE];
            // A full last block is followed by one of padding alone.
            for start in (0..=width).step_by(RATE) {
                let end = width.min(start + RATE);
                for column in start..end {
                    let word = s.swap_bytes(s.canonical(leaves.vector(s, row, column)));
                    state[column - start] = s.xor(state[column - start], word);
                    leaves.prefetch(s, row, column + RATE);
                }
                if end - start < RATE {
                    state[end - start] = s.xor(state[end - start], s.splat(PAD_FIRST));
                    state[RATE - 1] = s.xor(state[RATE - 1], s.splat(PAD_LAST));
                }
                permute(s, &mut state);
            }
            squeeze(s, &state, out);
        }
    }
}

/// Nodes over pairs of digests.
struct CompressPairs<'a> {
    children: &'a [EvmDigest],
    out: &'a mut [EvmDigest],
}

/// Two digests one after the other, padded, as the first seven words of a block.
fn pair_words(left: &EvmDigest, right: &EvmDigest) -> [u64; 7] {
    let mut bytes = [0; 56];
    bytes[..DIGEST].copy_from_slice(&left.0);
    bytes[DIGEST..2 * DIGEST].copy_from_slice(&right.0);
    bytes[2 * DIGEST] = PAD_FIRST as u8;
    let mut words = [0; 7];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut array = [0; 8];
        array.copy_from_slice(bytes);
        *word = u64::from_le_bytes(array);
    }
    words
}

impl Kernel for CompressPairs<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let blocks = self.out.chunks_mut(S::LANES).zip(self.children.chunks(2 * S::LANES));
        for (out, children) in blocks {
            let mut inputs = [[0; 7]; 8];
            for (words, pair) in inputs.iter_mut().zip(children.chunks_exact(2)) {
                *words = pair_words(&pair[0], &pair[1]);
            }
            let mut state = [s.splat(0); STATE];
            for (word, x) in state[..7].iter_mut().enumerate() {
                *x = gather(s, |lane| inputs[lane][word]);
            }
            state[RATE - 1] = s.splat(PAD_LAST);
            permute(s, &mut state);
            squeeze(s, &state, out);
        }
    }
}

/// Candidates for a proof of work: each is one more word of the message that the challenger's state is hashed with.
struct GrindRange<'a> {
    state: &'a EvmSponge,
    position: usize,
    zeros: u32,
    first: u64,
    count: u64,
}

impl GrindRange<'_> {
    /// Whether the challenger's permutation accepts a candidate.
    fn accepts(&self, candidate: u64) -> bool {
        let mut state = *self.state;
        state.set_elt(F(candidate), self.position);
        state.permute();
        state.squeeze()[RESPONSE].0.leading_zeros() >= self.zeros
    }

    /// Keccak's state before a candidate is written, and the word of the block where it goes.
    #[inline(always)]
    fn start<S: Simd>(&self, s: S) -> ([S::V; STATE], usize) {
        let mut state = [s.splat(0); STATE];
        let message = self.state.message();
        for (i, element) in message.iter().enumerate() {
            let word = s.splat(element.to_canonical_u64().swap_bytes());
            state[i % RATE] = s.xor(state[i % RATE], word);
            if i % RATE + 1 == RATE {
                permute(s, &mut state);
            }
        }
        (state, message.len() % RATE)
    }
}

impl Kernel for GrindRange<'_> {
    type Output = Option<u64>;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Option<u64> {
        debug_assert_eq!(self.state.message().len(), self.state.squeeze().len() + self.position);
        let (start, at) = self.start(s);
        let end = self.first + self.count;
        for base in (self.first..end).step_by(S::LANES) {
            let mut state = start;
            let candidates = gather(s, |lane| base + lane as u64);
            state[at] = s.xor(state[at], s.swap_bytes(candidates));
            // A full block is followed by one of padding alone.
            let padding = (at + 1) % RATE;
            if padding == 0 {
                permute(s, &mut state);
            }
            state[padding] = s.xor(state[padding], s.splat(PAD_FIRST));
            state[RATE - 1] = s.xor(state[RATE - 1], s.splat(PAD_LAST));
            permute(s, &mut state);
            let responses = scatter(s, state[RESPONSE]);
            for (lane, word) in responses[..S::LANES].iter().enumerate() {
                let candidate = base + lane as u64;
                if word.swap_bytes().leading_zeros() >= self.zeros
                    && candidate < end
                    && self.accepts(candidate)
                {
                    return Some(candidate);
                }
            }
        }
        None
    }
}
