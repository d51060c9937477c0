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
pub(super) fn permute<S: Simd>(s: S, state: &mut [S::V; STATE]) {
    let mut a = *state;
    for constant in ROUND_CONSTANTS {
        a = round(s, &a, s.splat(constant));
    }
    *state = a;
}

/// A round, written out: with every index a literal the state stays in registers, where loops would keep it in memory.
#[inline(always)]
fn round<S: Simd>(s: S, a: &[S::V; STATE], constant: S::V) -> [S::V; STATE] {
    // theta
    let parity = |x: usize| s.xor3(s.xor3(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20]);
    let c = [parity(0), parity(1), parity(2), parity(3), parity(4)];
    let turned = |x: usize| s.rotl::<1, 63>(c[x]);
    let d = [turned(1), turned(2), turned(3), turned(4), turned(0)];
    let t = |i: usize| s.xor3(a[i], c[(i + 4) % 5], d[i % 5]);
    // rho and pi: the lane at (x, y) goes, turned, to (y, 2x + 3y).
    let b = [
        t(0),
        s.rotl::<44, 20>(t(6)),
        s.rotl::<43, 21>(t(12)),
        s.rotl::<21, 43>(t(18)),
        s.rotl::<14, 50>(t(24)),
        s.rotl::<28, 36>(t(3)),
        s.rotl::<20, 44>(t(9)),
        s.rotl::<3, 61>(t(10)),
        s.rotl::<45, 19>(t(16)),
        s.rotl::<61, 3>(t(22)),
        s.rotl::<1, 63>(t(1)),
        s.rotl::<6, 58>(t(7)),
        s.rotl::<25, 39>(t(13)),
        s.rotl::<8, 56>(t(19)),
        s.rotl::<18, 46>(t(20)),
        s.rotl::<27, 37>(t(4)),
        s.rotl::<36, 28>(t(5)),
        s.rotl::<10, 54>(t(11)),
        s.rotl::<15, 49>(t(17)),
        s.rotl::<56, 8>(t(23)),
        s.rotl::<62, 2>(t(2)),
        s.rotl::<55, 9>(t(8)),
        s.rotl::<39, 25>(t(14)),
        s.rotl::<41, 23>(t(15)),
        s.rotl::<2, 62>(t(21)),
    ];
    // chi and iota
    let row = |y: usize| {
        let b: [S::V; 5] = [b[5 * y], b[5 * y + 1], b[5 * y + 2], b[5 * y + 3], b[5 * y + 4]];
        [
            s.chi(b[0], b[1], b[2]),
            s.chi(b[1], b[2], b[3]),
            s.chi(b[2], b[3], b[4]),
            s.chi(b[3], b[4], b[0]),
            s.chi(b[4], b[0], b[1]),
        ]
    };
    let ([a0, a1, a2, a3, a4], [a5, a6, a7, a8, a9]) = (row(0), row(1));
    let ([a10, a11, a12, a13, a14], [a15, a16, a17, a18, a19]) = (row(2), row(3));
    let [a20, a21, a22, a23, a24] = row(4);
    [
        s.xor(a0, constant),
        a1,
        a2,
        a3,
        a4,
        a5,
        a6,
        a7,
        a8,
        a9,
        a10,
        a11,
        a12,
        a13,
        a14,
        a15,
        a16,
        a17,
        a18,
        a19,
        a20,
        a21,
        a22,
        a23,
        a24,
    ]
}
