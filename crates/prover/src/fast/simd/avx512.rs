//! Eight words per vector.

use core::arch::x86_64::{
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_add_epi64, _mm512_and_si512, _mm512_andnot_si512,
    _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cmplt_epu64_mask, _mm512_loadu_si512,
    _mm512_mask_add_epi64, _mm512_mask_moveldup_ps, _mm512_mask_sub_epi64, _mm512_min_epu64,
    _mm512_mul_epu32, _mm512_permutex2var_epi64, _mm512_rolv_epi64, _mm512_set_epi64, _mm512_set1_epi64,
    _mm512_shuffle_i64x2, _mm512_slli_epi64, _mm512_srai_epi64, _mm512_srli_epi64, _mm512_storeu_si512,
    _mm512_sub_epi64, _mm512_ternarylogic_epi64, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
    _mm512_xor_si512,
};

use super::{EPSILON, Kernel, ORDER, Simd};

/// Proof that the processor has AVX-512 F, DQ and VL: made by [`Avx512::detect`] alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(());

impl Avx512 {
    /// The proof, if the processor has them.
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        found.then_some(Self(()))
    }

    /// Runs a kernel compiled for these instructions.
    pub(super) fn enter<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
        fn entry<K: Kernel>(simd: Avx512, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` exists, so the processor has the features that `entry` is compiled for.
        unsafe { entry(self, kernel) }
    }
}

/// Instructions behind safe methods.
macro_rules! instructions {
    ($(fn $name:ident $([$($generic:tt)*])? ($this:ident $(, $arg:ident)*) = $body:expr;)*) => {
        $(
            #[inline(always)]
            fn $name $(<$($generic)*>)? ($this $(, $arg: __m512i)*) -> __m512i {
                // SAFETY: `self` exists, so the processor has the instructions; none of them touches memory.
                unsafe { $body }
            }
        )*
    };
}

impl Simd for Avx512 {
    type V = __m512i;
    const LANES: usize = 8;

    instructions! {
        fn add(self, a, b) = _mm512_add_epi64(a, b);
        fn sub(self, a, b) = _mm512_sub_epi64(a, b);
        fn and(self, a, b) = _mm512_and_si512(a, b);
        fn xor(self, a, b) = _mm512_xor_si512(a, b);
        fn and_not(self, a, b) = _mm512_andnot_si512(a, b);
        fn shl[const N: u32](self, a) = _mm512_slli_epi64::<N>(a);
        fn shr[const N: u32](self, a) = _mm512_srli_epi64::<N>(a);
        fn sar[const N: u32](self, a) = _mm512_srai_epi64::<N>(a);
        fn mul_low(self, a, b) = _mm512_mul_epu32(a, b);
        fn join_halves(self, low, high) = _mm512_castps_si512(_mm512_mask_moveldup_ps(
            _mm512_castsi512_ps(low), 0xaaaa, _mm512_castsi512_ps(high)));
        fn add_carry_mod(self, a, b) = {
            let sum = _mm512_add_epi64(a, b);
            let carry = _mm512_cmplt_epu64_mask(sum, b);
            _mm512_mask_add_epi64(sum, carry, sum, self.splat(EPSILON))
        };
        fn sub_borrow_mod(self, a, b) = {
            let borrow = _mm512_cmplt_epu64_mask(a, b);
            let difference = _mm512_sub_epi64(a, b);
            _mm512_mask_sub_epi64(difference, borrow, difference, self.splat(EPSILON))
        };
        // Below the order the subtraction wraps to something larger.
        fn canonical(self, a) = _mm512_min_epu64(a, _mm512_sub_epi64(a, self.splat(ORDER)));
        fn rotl[const N: u32, const REST: u32](self, a) = {
            const { assert!(N + REST == 64) }
            _mm512_rolv_epi64(a, self.splat(u64::from(N)))
        };
        fn xor3(self, a, b, c) = _mm512_ternarylogic_epi64::<0x96>(a, b, c);
        fn chi(self, a, b, c) = _mm512_ternarylogic_epi64::<0xd2>(a, b, c);
    }

    #[inline(always)]
    fn splat(self, word: u64) -> __m512i {
        // SAFETY: `self` exists, so the processor has the instruction.
        unsafe { _mm512_set1_epi64(word.cast_signed()) }
    }

    #[inline(always)]
    fn load(self, words: &[u64]) -> __m512i {
        let words = &words[..8];
        // SAFETY: `words` has the 64 bytes that are read; the load needs no alignment; `self` shows the instruction.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, v: __m512i, words: &mut [u64]) {
        let words = &mut words[..8];
        // SAFETY: `words` has the 64 bytes that are written, borrowed uniquely; no alignment needed; `self` shows the
        // instruction.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), v) }
    }

    #[inline(always)]
    fn prefetch(self, words: &[u64]) {
        // SAFETY: a prefetch is a hint that never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(words.as_ptr().cast()) }
    }

    #[inline(always)]
    fn interleave<const RUN: usize>(self, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
        // SAFETY: `self` exists, so the processor has the instructions; none of them touches memory.
        unsafe {
            match RUN {
                1 => (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b)),
                2 => {
                    let low = _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0);
                    let high = _mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2);
                    (_mm512_permutex2var_epi64(a, low, b), _mm512_permutex2var_epi64(a, high, b))
                }
                _ => (_mm512_shuffle_i64x2::<0x44>(a, b), _mm512_shuffle_i64x2::<0xee>(a, b)),
            }
        }
    }
}
