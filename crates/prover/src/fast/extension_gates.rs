//! The constraints of plonky2's gates on extension elements, one point per lane.
//!
//! An element is a pair of neighbouring wires, and `(a0, a1)·(b0, b1) = (a0·b0 + 7·a1·b1, a0·b1 + a1·b0)`.

use plonky2::field::goldilocks_field::GoldilocksField as F;

use super::simd::{Kernel, Simd, words, words_mut};

/// A gate on extension elements.
#[derive(Clone, Debug)]
pub(super) enum ExtensionGate<'a> {
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
    /// The value at a point of the polynomial that takes these values over a coset, by the barycentric formula in parts of
    /// `degree` points. Wires: shift, values, point, value at the point, sums and products between the parts, the point
    /// over the shift.
    Interpolation {
        /// Points of the subgroup.
        domain: Vec<F>,
        /// Barycentric weights.
        weights: &'a [F],
        /// Degree of the constraints.
        degree: usize,
    },
}

/// The gate on a batch of points.
pub(super) struct ExtensionGateKernel<'a> {
    pub(super) gate: ExtensionGate<'a>,
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
            match &self.gate {
                ExtensionGate::Arithmetic { ops } => point.arithmetic(*ops),
                ExtensionGate::Multiplication { ops } => point.multiplication(*ops),
                ExtensionGate::Reducing { coeffs, width } => point.reducing(*coeffs, *width),
                ExtensionGate::Interpolation { domain, weights, degree } => {
                    point.interpolation(words(domain), words(weights), *degree);
                }
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

    #[inline(always)]
    fn interpolation(&mut self, domain: &[u64], weights: &[u64], degree: usize) {
        let s = self.s;
        let count = domain.len();
        let (point, value) = (1 + 2 * count, 3 + 2 * count);
        let between = (count - 2) / (degree - 1);
        let (sums, products) = (value + 2, value + 2 + 2 * between);
        let (shift, x) = (self.wire(0), self.element(products + 2 * between));
        self.equal(self.element(point), [s.mul_mod(x[0], shift), s.mul_mod(x[1], shift)]);
        let (zero, one) = (s.splat(0), s.splat(1));
        let (mut sum, mut product) = ([zero, zero], [one, zero]);
        for (i, (&root, &weight)) in domain.iter().zip(weights).enumerate() {
            // The first part has `degree` points, the others one less.
            if i > 1 && (i - 1).is_multiple_of(degree - 1) {
                let part = (i - 1) / (degree - 1) - 1;
                let (next_sum, next_product) =
                    (self.element(sums + 2 * part), self.element(products + 2 * part));
                self.equal(next_sum, sum);
                self.equal(next_product, product);
                (sum, product) = (next_sum, next_product);
            }
            let term = [s.sub_mod(x[0], s.splat(root)), x[1]];
            let [v0, v1] = self.element(1 + 2 * i);
            let weight = s.splat(weight);
            let [a0, a1] = self.multiply(sum, term);
            let [b0, b1] = self.multiply([s.mul_mod(v0, weight), s.mul_mod(v1, weight)], product);
            sum = [s.add_mod(a0, b0), s.add_mod(a1, b1)];
            product = self.multiply(product, term);
        }
        self.equal(self.element(value), sum);
    }
}
