//! The search for a proof of work, in waves over all threads.

use plonky2::field::{goldilocks_field::GoldilocksField as F, types::Field};
use rayon::prelude::*;

use super::{
    hash::FastHash,
    simd::{Backend, ORDER},
};

/// Candidates that one task tries.
const TASK: u64 = 1 << 10;
/// Tasks per thread in a wave.
const TASKS: u64 = 4;

/// The least witness, among those that [`FastHash::grind_range`] does not pass over, which at `position` of a challenger's
/// state makes the response to it start with `zeros` zero bits.
///
/// `state` is the sponge with the challenger's buffered inputs written over its first elements, and `position` their number.
/// The answer depends neither on the backend nor on the threads. `None` when no element is a witness, which for
/// any `zeros` that a prover can hope for does not happen.
pub fn grind<H: FastHash>(
    backend: Backend,
    state: &H::Permutation,
    position: usize,
    zeros: u32,
) -> Option<F> {
    let wave = TASKS * rayon::current_num_threads() as u64;
    let tasks = ORDER / TASK;
    for first in (0..tasks).step_by(wave as usize) {
        let found = (first..tasks.min(first + wave))
            .into_par_iter()
            .find_map_first(|task| H::grind_range(backend, state, position, zeros, task * TASK, TASK));
        if let Some(candidate) = found {
            return Some(F::from_canonical_u64(candidate));
        }
    }
    None
}
