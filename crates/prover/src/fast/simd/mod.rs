//! Vectors of 64-bit words: one trait, three sets of instructions, chosen at run time.
//!
//! This is the one module of the workspace with `unsafe` code. There are two kinds of it: calls of vector instructions,
//! which are sound because a token of the instruction set exists only after its detection, and loads and stores through
//! pointers, each behind a length check. Kernels are written once, over [`Simd`], and are safe code.
#![allow(unsafe_code, reason = "vector instructions and unaligned vector loads need it")]

use plonky2::field::goldilocks_field::GoldilocksField;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;

pub(crate) use scalar::Scalar;

/// The order of the field, `2^64 - 2^32 + 1`.
pub(crate) const ORDER: u64 = 0xffff_ffff_0000_0001;
/// `2^64` modulo the order.
pub(crate) const EPSILON: u64 = 0xffff_ffff;

/// The instructions that the kernels run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// Eight words per vector: AVX-512 F, DQ and VL.
    Avx512,
    /// Four words per vector: AVX2.
    Avx2,
    /// One word at a time, on any processor.
    Scalar,
}

impl Backend {
    /// The widest that this processor has.
    pub fn detect() -> Self {
        Self::available().into_iter().next().unwrap_or(Self::Scalar)
    }

    /// All that this processor has, the widest first.
    pub fn available() -> Vec<Self> {
        [Self::Avx512, Self::Avx2, Self::Scalar]
            .into_iter()
            .filter(|backend| backend.is_available())
            .collect()
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::Avx512::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::Avx2::detect().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx512 | Self::Avx2 => false,
            Self::Scalar => true,
        }
    }

    /// The name for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Scalar => "scalar",
        }
    }

    /// Runs a kernel on these instructions, or on scalar ones where the processor lacks them.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[cfg(target_arch = "x86_64")]
        match self {
            Self::Avx512 => {
                if let Some(simd) = avx512::Avx512::detect() {
                    return simd.enter(kernel);
                }
            }
            Self::Avx2 => {
                if let Some(simd) = avx2::Avx2::detect() {
                    return simd.enter(kernel);
                }
            }
            Self::Scalar => {}
        }
        kernel.run(Scalar)
    }
}

/// A computation over vectors of any width. `run` must be `#[inline(always)]`, and so must be all that it calls per
/// vector: the instructions become available by inlining into [`Backend::run`]'s entry of the instruction set.
pub(crate) trait Kernel {
    /// What it computes.
    type Output;
    /// Computes it.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Operations on vectors of `LANES` words, all lane by lane and modulo `2^64` unless they say otherwise.
///
/// The `*_mod` operations work modulo the field's order on any representative below `2^64`, and return one.
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// A vector.
    type V: Copy;
    /// Words in a vector: a power of two, at most 8.
    const LANES: usize;

    /// The word in every lane.
    fn splat(self, word: u64) -> Self::V;
    /// The first `LANES` words of a slice that has as many.
    fn load(self, words: &[u64]) -> Self::V;
    /// Stores into the first `LANES` words of a slice that has as many.
    fn store(self, v: Self::V, words: &mut [u64]);
    /// Brings the cache line of a slice's first word closer.
    fn prefetch(self, words: &[u64]);

    /// Sum.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// Difference.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// Bitwise and.
    fn and(self, a: Self::V, b: Self::V) -> Self::V;
    /// Exclusive or.
    fn xor(self, a: Self::V, b: Self::V) -> Self::V;
    /// `!a & b`.
    fn and_not(self, a: Self::V, b: Self::V) -> Self::V;
    /// Left shift by 0 to 63.
    fn shl<const N: u32>(self, a: Self::V) -> Self::V;
    /// Logical right shift by 0 to 63.
    fn shr<const N: u32>(self, a: Self::V) -> Self::V;
    /// Arithmetic right shift by 0 to 63.
    fn sar<const N: u32>(self, a: Self::V) -> Self::V;
    /// Product of the low halves.
    fn mul_low(self, a: Self::V, b: Self::V) -> Self::V;
    /// The low half of `low` below the low half of `high`.
    fn join_halves(self, low: Self::V, high: Self::V) -> Self::V;
    /// `a + b`, plus `EPSILON` where that carries: the sum modulo the order, if `a + b < 2^65 - EPSILON - 1`.
    fn add_carry_mod(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`, less `EPSILON` where that borrows: the difference modulo the order, if `b - a <= 2^64 - EPSILON`.
    fn sub_borrow_mod(self, a: Self::V, b: Self::V) -> Self::V;
    /// The representative below the order.
    fn canonical(self, a: Self::V) -> Self::V;
    /// Swaps the odd runs of `RUN` lanes of `a` with the even ones of `b`; `RUN` divides `LANES / 2`.
    fn interleave<const RUN: usize>(self, a: Self::V, b: Self::V) -> (Self::V, Self::V);

    /// Rotation to the left by 1 to 63.
    #[inline(always)]
    fn rotl<const N: u32, const REST: u32>(self, a: Self::V) -> Self::V {
        self.xor(self.shl::<N>(a), self.shr::<REST>(a))
    }
    /// The bytes of each word in the opposite order.
    #[inline(always)]
    fn swap_bytes(self, a: Self::V) -> Self::V {
        let (bytes, pairs) = (self.splat(0x00ff_00ff_00ff_00ff), self.splat(0x0000_ffff_0000_ffff));
        let a = self.rotl::<32, 32>(a);
        let a = self.xor(self.and(self.shr::<16>(a), pairs), self.shl::<16>(self.and(a, pairs)));
        self.xor(self.and(self.shr::<8>(a), bytes), self.shl::<8>(self.and(a, bytes)))
    }
    /// Exclusive or of three.
    #[inline(always)]
    fn xor3(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        self.xor(self.xor(a, b), c)
    }
    /// `a ^ (!b & c)`.
    #[inline(always)]
    fn chi(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        self.xor(a, self.and_not(b, c))
    }

    /// The product as two words, high and low.
    #[inline(always)]
    fn mul_wide(self, a: Self::V, b: Self::V) -> (Self::V, Self::V) {
        let mask = self.splat(EPSILON);
        let (a1, b1) = (self.shr::<32>(a), self.shr::<32>(b));
        let (low, mid_a, mid_b, high) =
            (self.mul_low(a, b), self.mul_low(a1, b), self.mul_low(a, b1), self.mul_low(a1, b1));
        // Neither sum overflows: a product of halves is at most 2^64 - 2^33 + 1.
        let mid_a = self.add(mid_a, self.shr::<32>(low));
        let mid_b = self.add(mid_b, self.and(mid_a, mask));
        let high = self.add(self.add(high, self.shr::<32>(mid_a)), self.shr::<32>(mid_b));
        (high, self.join_halves(low, mid_b))
    }

    /// The square as two words, high and low.
    #[inline(always)]
    fn square_wide(self, a: Self::V) -> (Self::V, Self::V) {
        let a1 = self.shr::<32>(a);
        let (low, mid, high) = (self.mul_low(a, a), self.mul_low(a1, a), self.mul_low(a1, a1));
        // The middle product counts twice, so everything about it is shifted by one bit more.
        let carry = self.add(mid, self.shr::<33>(low));
        (self.add(high, self.shr::<31>(carry)), self.add(low, self.shl::<33>(mid)))
    }

    /// Two words, high and low, to one: `2^64 = 2^32 - 1` and `2^96 = -1`.
    #[inline(always)]
    fn reduce_wide(self, (high, low): (Self::V, Self::V)) -> Self::V {
        let low = self.sub_borrow_mod(low, self.shr::<32>(high));
        self.add_carry_mod(low, self.mul_low(high, self.splat(EPSILON)))
    }

    /// Product.
    #[inline(always)]
    fn mul_mod(self, a: Self::V, b: Self::V) -> Self::V {
        self.reduce_wide(self.mul_wide(a, b))
    }
    /// Sum.
    #[inline(always)]
    fn add_mod(self, a: Self::V, b: Self::V) -> Self::V {
        self.add_carry_mod(a, self.canonical(b))
    }
    /// Difference.
    #[inline(always)]
    fn sub_mod(self, a: Self::V, b: Self::V) -> Self::V {
        self.sub_borrow_mod(a, self.canonical(b))
    }
    /// Square.
    #[inline(always)]
    fn square_mod(self, a: Self::V) -> Self::V {
        self.reduce_wide(self.square_wide(a))
    }

    /// The product as a pair with `low + 2^32·high = a·b` modulo the order, `-2^33 < low < 2^32` as a signed word and
    /// `0 <= high < 2^33`: what linear layers on halves start from, without a carry to propagate.
    #[inline(always)]
    fn mul_halves(self, a: Self::V, b: Self::V) -> (Self::V, Self::V) {
        let mask = self.splat(EPSILON);
        let (a1, b1) = (self.shr::<32>(a), self.shr::<32>(b));
        let (low, mid_a, mid_b, high) =
            (self.mul_low(a, b), self.mul_low(a1, b), self.mul_low(a, b1), self.mul_low(a1, b1));
        let mid_a = self.add(mid_a, self.shr::<32>(low));
        let mid_b = self.add(mid_b, self.and(mid_a, mask));
        let high = self.add(self.add(high, self.shr::<32>(mid_a)), self.shr::<32>(mid_b));
        let high_low = self.and(high, mask);
        (
            self.sub(self.sub(self.and(low, mask), high_low), self.shr::<32>(high)),
            self.add(self.and(mid_b, mask), high_low),
        )
    }

    /// `low + 2^32·high` as one word, for both below `2^62`.
    #[inline(always)]
    fn fold_halves(self, low: Self::V, high: Self::V) -> Self::V {
        // The top half of `high` counts 2^64 = EPSILON.
        let top = self.mul_low(self.shr::<32>(high), self.splat(EPSILON));
        self.add_carry_mod(self.shl::<32>(high), self.add(low, top))
    }
}

/// The words of field elements, which may be any representative.
pub(crate) fn words(elements: &[GoldilocksField]) -> &[u64] {
    // SAFETY: `GoldilocksField` is `repr(transparent)` over `u64`, and every `u64` is a valid element: the slice has the
    // same layout, length and lifetime.
    unsafe { core::slice::from_raw_parts(elements.as_ptr().cast(), elements.len()) }
}

/// The words of field elements, to write any representative.
pub(crate) fn words_mut(elements: &mut [GoldilocksField]) -> &mut [u64] {
    // SAFETY: as in `words`; the borrow is unique, and every `u64` that is written is a valid element.
    unsafe { core::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), elements.len()) }
}

#[cfg(test)]
pub(crate) mod tests;
