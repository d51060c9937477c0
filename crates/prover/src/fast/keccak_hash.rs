//! plonky2's Keccak hasher with 25-byte digests, a vector of inputs at a time.

use plonky2::{
    field::goldilocks_field::GoldilocksField as F,
    hash::{
        hash_types::BytesHash,
        hashing::PlonkyPermutation,
        keccak::{KeccakHash, KeccakPermutation},
    },
    plonk::config::Hasher,
};

use super::{
    hash::{FastHash, hash_one_by_one, is_noop},
    keccak::{RATE, STATE, permute},
    leaves::{Leaves, gather, scatter},
    simd::{Backend, Kernel, ORDER, Simd},
};

/// Bytes of a digest.
const DIGEST: usize = 25;
/// Words of a digest, the last one with one byte.
const DIGEST_WORDS: usize = 4;
/// The first bit of Keccak's padding, in the byte after the message.
const PAD_FIRST: u64 = 1;
/// The last bit of Keccak's padding, at the end of the block.
const PAD_LAST: u64 = 1 << 63;
/// Words of the challenger's state.
const CHALLENGER: usize = 12;
/// The squeezed word that a proof of work is about.
const RESPONSE: usize = 7;

type Digest = BytesHash<DIGEST>;

impl FastHash for KeccakHash<DIGEST> {
    fn hash_leaves(backend: Backend, leaves: &Leaves<'_>, first: usize, out: &mut [Digest]) {
        // One at a time, plonky2's Keccak is the faster.
        if is_noop::<Self>(leaves) || backend == Backend::Scalar {
            hash_one_by_one::<Self>(leaves, first, out);
        } else {
            backend.run(HashLeaves { leaves, first, out });
        }
    }

    fn compress_pairs(backend: Backend, children: &[Digest], out: &mut [Digest]) {
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
        state: &KeccakPermutation<F>,
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
fn squeeze<S: Simd>(s: S, state: &[S::V; STATE], out: &mut [Digest]) {
    let lanes: [[u64; 8]; DIGEST_WORDS] = core::array::from_fn(|i| scatter(s, state[i]));
    for (lane, digest) in out.iter_mut().enumerate() {
        for (bytes, words) in digest.0.chunks_mut(8).zip(lanes) {
            bytes.copy_from_slice(&words[lane].to_le_bytes()[..bytes.len()]);
        }
    }
}

/// Keccak-256 of leaves, as little-endian words.
struct HashLeaves<'a> {
    leaves: &'a Leaves<'a>,
    first: usize,
    out: &'a mut [Digest],
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
                    let word = s.canonical(leaves.vector(s, row, column));
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
    children: &'a [Digest],
    out: &'a mut [Digest],
}

/// Two digests one after the other, padded, as the first seven words of a block.
fn pair_words(left: &Digest, right: &Digest) -> [u64; 7] {
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

/// Candidates for a proof of work. plonky2's permutation for challengers is a chain of hashes: the first gives words 0 to 3,
/// and its own hash words 4 to 7, unless a word is not below the order and is left out.
struct GrindRange<'a> {
    state: &'a KeccakPermutation<F>,
    position: usize,
    zeros: u32,
    first: u64,
    count: u64,
}

impl GrindRange<'_> {
    /// Whether plonky2's permutation accepts a candidate.
    fn accepts(&self, candidate: u64) -> bool {
        let mut state = *self.state;
        state.set_elt(F(candidate), self.position);
        state.permute();
        state.as_ref()[RESPONSE].0.leading_zeros() >= self.zeros
    }
}

impl Kernel for GrindRange<'_> {
    type Output = Option<u64>;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Option<u64> {
        let mut start = [s.splat(0); STATE];
        for (x, element) in start.iter_mut().zip(self.state.as_ref()) {
            *x = s.canonical(s.splat(element.0));
        }
        start[CHALLENGER] = s.splat(PAD_FIRST);
        start[RATE - 1] = s.splat(PAD_LAST);
        let end = self.first + self.count;
        for base in (self.first..end).step_by(S::LANES) {
            let mut state = start;
            state[self.position] = gather(s, |lane| base + lane as u64);
            permute(s, &mut state);
            let mut second = [s.splat(0); STATE];
            second[..4].copy_from_slice(&state[..4]);
            second[4] = s.splat(PAD_FIRST);
            second[RATE - 1] = s.splat(PAD_LAST);
            permute(s, &mut second);
            let responses = scatter(s, second[RESPONSE - 4]);
            for (lane, word) in responses[..S::LANES].iter().enumerate() {
                let candidate = base + lane as u64;
                if word.leading_zeros() >= self.zeros
                    && *word < ORDER
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
