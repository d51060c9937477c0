//! One word per vector, for processors without the vector instructions.

use super::{EPSILON, ORDER, Simd};

/// Plain words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scalar;

impl Simd for Scalar {
    type V = u64;
    const LANES: usize = 1;

    #[inline(always)]
    fn splat(self, word: u64) -> u64 {
        word
    }
    #[inline(always)]
    fn load(self, words: &[u64]) -> u64 {
        words[0]
    }
    #[inline(always)]
    fn store(self, v: u64, words: &mut [u64]) {
        words[0] = v;
    }
    #[inline(always)]
    fn prefetch(self, _words: &[u64]) {}
    #[inline(always)]
    fn add(self, a: u64, b: u64) -> u64 {
        a.wrapping_add(b)
    }
    #[inline(always)]
    fn sub(self, a: u64, b: u64) -> u64 {
        a.wrapping_sub(b)
    }
    #[inline(always)]
    fn and(self, a: u64, b: u64) -> u64 {
        a & b
    }
    #[inline(always)]
    fn xor(self, a: u64, b: u64) -> u64 {
        a ^ b
    }
    #[inline(always)]
    fn and_not(self, a: u64, b: u64) -> u64 {
        !a & b
    }
    #[inline(always)]
    fn shl<const N: u32>(self, a: u64) -> u64 {
        a << N
    }
    #[inline(always)]
    fn shr<const N: u32>(self, a: u64) -> u64 {
        a >> N
    }
    #[inline(always)]
    fn sar<const N: u32>(self, a: u64) -> u64 {
        (a.cast_signed() >> N).cast_unsigned()
    }
    #[inline(always)]
    fn mul_low(self, a: u64, b: u64) -> u64 {
        (a & EPSILON) * (b & EPSILON)
    }
    #[inline(always)]
    fn join_halves(self, low: u64, high: u64) -> u64 {
        (low & EPSILON) | (high << 32)
    }
    #[inline(always)]
    fn add_carry_mod(self, a: u64, b: u64) -> u64 {
        let (sum, carry) = a.overflowing_add(b);
        sum.wrapping_add(EPSILON * u64::from(carry))
    }
    #[inline(always)]
    fn sub_borrow_mod(self, a: u64, b: u64) -> u64 {
        let (difference, borrow) = a.overflowing_sub(b);
        difference.wrapping_sub(EPSILON * u64::from(borrow))
    }
    #[inline(always)]
    fn canonical(self, a: u64) -> u64 {
        if a >= ORDER { a - ORDER } else { a }
    }
    #[inline(always)]
    fn interleave<const RUN: usize>(self, a: u64, b: u64) -> (u64, u64) {
        (a, b)
    }
    #[inline(always)]
    fn mul_wide(self, a: u64, b: u64) -> (u64, u64) {
        let product = u128::from(a) * u128::from(b);
        ((product >> 64) as u64, product as u64)
    }
    #[inline(always)]
    fn square_wide(self, a: u64) -> (u64, u64) {
        self.mul_wide(a, a)
    }
    #[inline(always)]
    fn mul_halves(self, a: u64, b: u64) -> (u64, u64) {
        let (high, low) = self.mul_wide(a, b);
        let high_low = high & EPSILON;
        ((low & EPSILON).wrapping_sub(high_low + (high >> 32)), (low >> 32) + high_low)
    }
}
