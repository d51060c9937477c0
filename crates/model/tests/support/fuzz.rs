//! What the fuzzing tests share.

use rand::{Rng, rngs::StdRng};

/// Rounds of a test: `SOTTO_FUZZ_ROUNDS`, or its default.
pub(crate) fn rounds(default: usize) -> usize {
    std::env::var("SOTTO_FUZZ_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(default)
}

/// One random change: a bit, a byte, a cut, a repetition, a deletion, an extreme length.
pub(crate) fn mutate(bytes: &mut Vec<u8>, rng: &mut StdRng) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.gen_range(0..bytes.len());
    match rng.gen_range(0..7) {
        0 => bytes[at] ^= 1 << rng.gen_range(0..8),
        1 => bytes[at] = rng.r#gen(),
        2 => bytes.truncate(at),
        3 => {
            let end = rng.gen_range(at..bytes.len().min(at + 64));
            let copy = bytes[at..=end].to_vec();
            bytes.splice(at..at, copy);
        }
        4 => {
            bytes.drain(at..bytes.len().min(at + rng.gen_range(1..16)));
        }
        5 => bytes[at] = 0xff,
        _ => {
            bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0x0f]);
        }
    }
}
