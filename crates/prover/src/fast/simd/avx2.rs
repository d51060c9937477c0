//! Four words per vector.

use core::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_cvtsi32_si128, _mm_prefetch, _mm256_add_epi64, _mm256_and_si256,
    _mm256_andnot_si256, _mm256_blend_epi32, _mm256_blendv_epi8, _mm256_cmpgt_epi64, _mm256_loadu_si256,
    _mm256_mul_epu32, _mm256_permute2x128_si256, _mm256_set1_epi64x, _mm256_sll_epi64, _mm256_srl_epi64,
    _mm256_srli_epi64, _mm256_storeu_si256, _mm256_sub_epi64, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64,
    _mm256_xor_si256,
};

use super::{Kernel, ORDER, Simd};

/// The top bit: exclusive or with it turns the unsigned order into the signed one.
const SIGN: u64 = 1 << 63;

/// Proof that the processor has AVX2: made by [`Avx2::detect`] alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(());

impl Avx2 {
    /// The proof, if the processor has it.
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// Runs a kernel compiled for these instructions.
    pub(super) fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2")]
        fn entry<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` exists, so the processor has the feature that `entry` is compiled for.
        unsafe { entry(self, kernel) }
    }

    /// All ones where `a < b`, unsigned.
    #[inline(always)]
    fn less(self, a: __m256i, b: __m256i) -> __m256i {
        let sign = self.splat(SIGN);
        // SAFETY: `self` exists, so the processor has the instructions; none of them touches memory.
        unsafe { _mm256_cmpgt_epi64(_mm256_xor_si256(b, sign), _mm256_xor_si256(a, sign)) }
    }
}

/// Instructions behind safe methods.
macro_rules! instructions {
    ($(fn $name:ident $([$($generic:tt)*])? ($this:ident $(, $arg:ident)*) = $body:expr;)*) => {
        $(
            #[inline(always)]
            fn $name $(<$($generic)*>)? ($this $(, $arg: __m256i)*) -> __m256i {
                // SAFETY: `self` exists, so the processor has the instructions; none of them touches memory.
                unsafe { $body }
            }
        )*
    };
}

impl Simd for Avx2 {
    type V = __m256i;
    const LANES: usize = 4;

    instructions! {
        fn add(self, a, b) = _mm256_add_epi64(a, b);
        fn sub(self, a, b) = _mm256_sub_epi64(a, b);
        fn and(self, a, b) = _mm256_and_si256(a, b);
        fn xor(self, a, b) = _mm256_xor_si256(a, b);
        fn and_not(self, a, b) = _mm256_andnot_si256(a, b);
        fn shl[const N: u32](self, a) = _mm256_sll_epi64(a, _mm_cvtsi32_si128(const { N.cast_signed() }));
        fn shr[const N: u32](self, a) = _mm256_srl_epi64(a, _mm_cvtsi32_si128(const { N.cast_signed() }));
        // There is no such instruction for words: shift what is unsigned, and take the shifted offset off.
        fn sar[const N: u32](self, a) = {
            let sign = self.splat(SIGN);
            _mm256_sub_epi64(self.shr::<N>(_mm256_xor_si256(a, sign)), self.shr::<N>(sign))
        };
        fn mul_low(self, a, b) = _mm256_mul_epu32(a, b);
        fn join_halves(self, low, high) = _mm256_blend_epi32::<0b1010_1010>(low, self.shl::<32>(high));
        // All ones shifted by 32 is EPSILON.
        fn add_carry_mod(self, a, b) = {
            let sum = _mm256_add_epi64(a, b);
            _mm256_add_epi64(sum, _mm256_srli_epi64::<32>(self.less(sum, b)))
        };
        fn sub_borrow_mod(self, a, b) = {
            let correction = _mm256_srli_epi64::<32>(self.less(a, b));
            _mm256_sub_epi64(_mm256_sub_epi64(a, b), correction)
        };
        fn canonical(self, a) = {
            let order = self.splat(ORDER);
            _mm256_blendv_epi8(_mm256_sub_epi64(a, order), a, self.less(a, order))
        };
    }

    #[inline(always)]
    fn splat(self, word: u64) -> __m256i {
        // SAFETY: `self` exists, so the processor has the instruction.
        unsafe { _mm256_set1_epi64x(word.cast_signed()) }
    }

    #[inline(always)]
    fn load(self, words: &[u64]) -> __m256i {
        let words = &words[..4];
        // SAFETY: `words` has the 32 bytes that are read; the load needs no alignment; `self` shows the instruction.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, v: __m256i, words: &mut [u64]) {
        let words = &mut words[..4];
        // SAFETY: `words` has the 32 bytes that are written, borrowed uniquely; no alignment needed; `self` shows the
        // instruction.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), v) }
    }

    #[inline(always)]
    fn prefetch(self, words: &[u64]) {
        // SAFETY: a prefetch is a hint that never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn interleave<const RUN: usize>(self, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
        // SAFETY: `self` exists, so the processor has the instructions; none of them touches memory.
        unsafe {
            match RUN {
                1 => (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b)),
                _ => (_mm256_permute2x128_si256::<0x20>(a, b), _mm256_permute2x128_si256::<0x31>(a, b)),
            }
        }
    }
}
