//! The constraints of plonky2's gates on extension elements, one point per lane.
//!
//! An element is a pair of neighbouring wires, and `(a0, a1)·(b0, b1) = (a0·b0 + 7·a1·b1, a0·b1 + a1·b0)`.

use plonky2::field::goldilocks_field::GoldilocksField as F;

use super::simd::{Kernel, Simd, words, words_mut};

/// A gate on extension elements.
#[derive(Clone, Copy, Debug)]
pub(super) enum ExtensionGate {
    /// `out = c0·a·b + c1·d` for each operation; wires `a b d out`.
    Arithmetic {
        /// Operations.
        ops: usize,
    },
    /// `out = c0·a·b`; wires `a b out`.
    Multiplication {
        /// Operations.
        ops: usize,
    },
    /// `acc' = acc·α + c`; wires: the last accumulator, α, the first accumulator, coefficients, accumulators.
    Reducing {
        /// Coefficients.
        coeffs: usize,
        /// Wires of a coefficient: one for an element of the field, two for one of the extension.
        width: usize,
    },
}

/// The gate on a batch of points.
pub(super) struct ExtensionGateKernel<'a> {
    pub(super) gate: ExtensionGate,
    /// Constants, each for all points.
    pub(super) constants: &'a [F],
    /// Wires, each for all points.
    pub(super) wires: &'a [F],
    /// Points, a multiple of eight.
    pub(super) batch: usize,
    /// Constraints, each for all points.
    pub(super) out: &'a mut [F],
}

impl Kernel for ExtensionGateKernel<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (constants, wires, out) = (words(self.constants), words(self.wires), words_mut(self.out));
        for from in (0..self.batch).step_by(S::LANES) {
            let mut point = Point { s, constants, wires, out, batch: self.batch, from, next: 0 };
            match self.gate {
                ExtensionGate::Arithmetic { ops } => point.arithmetic(ops),
                ExtensionGate::Multiplication { ops } => point.multiplication(ops),
                ExtensionGate::Reducing { coeffs, width } => point.reducing(coeffs, width),
            }
        }
    }
}

/// `LANES` points.
struct Point<'a, S: Simd> {
    s: S,
    constants: &'a [u64],
    wires: &'a [u64],
    out: &'a mut [u64],
    batch: usize,
    from: usize,
    next: usize,
}

impl<S: Simd> Point<'_, S> {
    #[inline(always)]
    fn constant(&self, at: usize) -> S::V {
        self.s.load(&self.constants[at * self.batch + self.from..])
    }

    #[inline(always)]
    fn wire(&self, at: usize) -> S::V {
        self.s.load(&self.wires[at * self.batch + self.from..])
    }

    #[inline(always)]
    fn element(&self, at: usize) -> [S::V; 2] {
        [self.wire(at), self.wire(at + 1)]
    }

    /// Two constraints: the difference of two elements.
    #[inline(always)]
    fn equal(&mut self, a: [S::V; 2], b: [S::V; 2]) {
        for (a, b) in a.into_iter().zip(b) {
            let at = self.next * self.batch + self.from;
            self.s.store(self.s.sub_mod(a, b), &mut self.out[at..]);
            self.next += 1;
        }
    }

    #[inline(always)]
    fn multiply(&self, [a0, a1]: [S::V; 2], [b0, b1]: [S::V; 2]) -> [S::V; 2] {
        let s = self.s;
        let high = s.mul_mod(s.mul_mod(a1, b1), s.splat(7));
        [s.add_mod(s.mul_mod(a0, b0), high), s.add_mod(s.mul_mod(a0, b1), s.mul_mod(a1, b0))]
    }

    #[inline(always)]
    fn arithmetic(&mut self, ops: usize) {
        let s = self.s;
        let (c0, c1) = (self.constant(0), self.constant(1));
        for op in 0..ops {
            let at = 8 * op;
            let product = self.multiply(self.element(at), self.element(at + 2));
            let addend = self.element(at + 4);
            let term = |i: usize| s.add_mod(s.mul_mod(product[i], c0), s.mul_mod(addend[i], c1));
            let sum = [term(0), term(1)];
            self.equal(self.element(at + 6), sum);
        }
    }

    #[inline(always)]
    fn multiplication(&mut self, ops: usize) {
        let s = self.s;
        let c0 = self.constant(0);
        for op in 0..ops {
            let at = 6 * op;
            let [p0, p1] = self.multiply(self.element(at), self.element(at + 2));
            let scaled = [s.mul_mod(p0, c0), s.mul_mod(p1, c0)];
            self.equal(self.element(at + 4), scaled);
        }
    }

    #[inline(always)]
    fn reducing(&mut self, coeffs: usize, width: usize) {
        let s = self.s;
        let alpha = self.element(2);
        let mut accumulator = self.element(4);
        for i in 0..coeffs {
            let [p0, p1] = self.multiply(accumulator, alpha);
            let at = 6 + i * width;
            let low = s.add_mod(p0, self.wire(at));
            let high = if width == 2 { s.add_mod(p1, self.wire(at + 1)) } else { p1 };
            let after = if i + 1 == coeffs { 0 } else { 6 + coeffs * width + 2 * i };
            accumulator = self.element(after);
            self.equal([low, high], accumulator);
        }
    }
}
