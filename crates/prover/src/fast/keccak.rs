//! Keccak-f[1600], one permutation per lane (FIPS 202).

use super::simd::Simd;

/// Words of the state, `x + 5·y` for the lane at `(x, y)`.
pub(super) const STATE: usize = 25;
/// Words absorbed by a permutation of Keccak-256.
pub(super) const RATE: usize = 17;

/// Constants of the rounds.
static ROUND_CONSTANTS: [u64; 24] = round_constants();

/// The constants, from the linear feedback shift register that defines them: `x^8 + x^6 + x^5 + x^4 + 1`.
const fn round_constants() -> [u64; 24] {
    let mut constants = [0; 24];
    let mut register = 1_u16;
    let mut round = 0;
    while round < 24 {
        let mut bit = 0;
        while bit < 7 {
            if register & 1 == 1 {
                constants[round] |= 1 << ((1_u32 << bit) - 1);
            }
            register <<= 1;
            if register & 0x100 != 0 {
                register ^= 0x171;
            }
            bit += 1;
        }
        round += 1;
    }
    constants
}

/// Permutes the state of each lane.
#[inline(always)]
pub(super) fn permute<S: Simd>(s: S, a: &mut [S::V; STATE]) {
    for constant in ROUND_CONSTANTS {
        round(s, a, s.splat(constant));
    }
}

#[inline(always)]
fn round<S: Simd>(s: S, a: &mut [S::V; STATE], constant: S::V) {
    // theta
    let c: [S::V; 5] =
        core::array::from_fn(|x| s.xor3(s.xor3(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20]));
    let d: [S::V; 5] = core::array::from_fn(|x| s.rotl::<1, 63>(c[(x + 1) % 5]));
    for (i, word) in a.iter_mut().enumerate() {
        *word = s.xor3(*word, c[(i + 4) % 5], d[i % 5]);
    }
    // rho and pi: the lane at (x, y) goes, turned, to (y, 2x + 3y).
    let b = [
        a[0],
        s.rotl::<44, 20>(a[6]),
        s.rotl::<43, 21>(a[12]),
        s.rotl::<21, 43>(a[18]),
        s.rotl::<14, 50>(a[24]),
        s.rotl::<28, 36>(a[3]),
        s.rotl::<20, 44>(a[9]),
        s.rotl::<3, 61>(a[10]),
        s.rotl::<45, 19>(a[16]),
        s.rotl::<61, 3>(a[22]),
        s.rotl::<1, 63>(a[1]),
        s.rotl::<6, 58>(a[7]),
        s.rotl::<25, 39>(a[13]),
        s.rotl::<8, 56>(a[19]),
        s.rotl::<18, 46>(a[20]),
        s.rotl::<27, 37>(a[4]),
        s.rotl::<36, 28>(a[5]),
        s.rotl::<10, 54>(a[11]),
        s.rotl::<15, 49>(a[17]),
        s.rotl::<56, 8>(a[23]),
        s.rotl::<62, 2>(a[2]),
        s.rotl::<55, 9>(a[8]),
        s.rotl::<39, 25>(a[14]),
        s.rotl::<41, 23>(a[15]),
        s.rotl::<2, 62>(a[21]),
    ];
    // chi and iota
    for (i, word) in a.iter_mut().enumerate() {
        let row = i / 5 * 5;
        *word = s.chi(b[i], b[row + (i + 1) % 5], b[row + (i + 2) % 5]);
    }
    a[0] = s.xor(a[0], constant);
}
