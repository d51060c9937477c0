//! A piecewise quadratic function.

use plonky2::field::types::Field;
use sotto_model::program::Function;

use super::{
    arith::Arith,
    gate::{Gadget, element, limbs, power, signed},
};
use crate::field::F;

/// `y = f(x)` for `−2^19 ≤ x < 2^19`; see [`Function`].
///
/// Wires: `x | y | s[0..7], b, l[0..6], c0, c1, c2, limbs of the remainder (15), of y (8)`. With `S = Σ 2^i·s_i`,
/// `L = b + 2·Σ 4^i·l_i`, constraints of degree 7 at most:
///
/// ```text
/// s·(s−1) = 0,  b·(b−1) = 0,  l·(l−1)·(l−2)·(l−3) = 0       for each bit, for each limb
/// x + 2^19 = L + 2^13·S
/// c_j = Σ_k eq(S, k)·coefficient_(k,j)                       multilinear in the bits of S
/// c0 + c1·L + c2·L² + 2^29 = 2^30·y + r,    r, y composed of their limbs
/// ```
///
/// Unique: `x + 2^19` is given by 20 bits, and the left side, an integer in `[0, 2^46)` for coefficients of the table, by
/// 46 bits. Three operations a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionGadget(pub(crate) Function);

const SEGMENT_BITS: usize = Function::SEGMENT_BITS as usize;
const OFFSET_LIMBS: usize = (Function::OFFSET_BITS / 2) as usize;
const REMAINDER_LIMBS: usize = (Function::SHIFT / 2) as usize;
const OUTPUT_LIMBS: usize = 8;

impl Gadget for FunctionGadget {
    fn inputs(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        1
    }

    fn advice(&self) -> usize {
        SEGMENT_BITS + 1 + OFFSET_LIMBS + 3 + REMAINDER_LIMBS + OUTPUT_LIMBS
    }

    fn constraint_count(&self) -> usize {
        self.advice() + 3
    }

    fn degree(&self) -> usize {
        SEGMENT_BITS
    }

    fn constraints<A: Arith>(&self, a: &mut A, wires: &[A::V]) -> Vec<A::V> {
        let (x, y) = (wires[0], wires[1]);
        let (segment, rest) = wires[2..].split_at(SEGMENT_BITS);
        let (odd, rest) = (rest[0], &rest[1..]);
        let (offset, rest) = rest.split_at(OFFSET_LIMBS);
        let (coefficients, rest) = rest.split_at(3);
        let (remainder, output) = rest.split_at(REMAINDER_LIMBS);

        let mut constraints: Vec<_> = segment.iter().chain([&odd]).map(|&b| a.bit(b)).collect();
        constraints
            .extend(offset.iter().chain(remainder).chain(output).map(|&l| a.limb(l)).collect::<Vec<_>>());

        let offset = a.compose(offset);
        let offset = a.add_scaled(odd, F::TWO, offset);
        let mut composed = offset;
        for (i, &bit) in (0u32..).zip(segment) {
            composed = a.add_scaled(composed, power(Function::OFFSET_BITS + i), bit);
        }
        let shifted = a.add_const(x, power(19));
        constraints.push(a.sub(shifted, composed));

        let table = self.0.coefficients();
        for (j, &coefficient) in coefficients.iter().enumerate() {
            let expected = interpolate(a, segment, |k| element(i128::from(table[k][j])));
            constraints.push(a.sub(coefficient, expected));
        }

        let inner = a.mul_add(coefficients[2], offset, coefficients[1]);
        let value = a.mul_add(inner, offset, coefficients[0]);
        let value = a.add_const(value, power(Function::SHIFT - 1));
        let remainder = a.compose(remainder);
        let rounded = a.add_scaled(remainder, power(Function::SHIFT), y);
        constraints.push(a.sub(value, rounded));
        let output = a.compose(output);
        constraints.push(a.sub(y, output));
        constraints
    }

    fn fill(&self, inputs: &[F]) -> Vec<F> {
        let u = signed(inputs[0]).wrapping_add(1 << 19);
        let l = u & ((1 << Function::OFFSET_BITS) - 1);
        let segment = (u >> Function::OFFSET_BITS) & ((1 << SEGMENT_BITS) - 1);
        let [c0, c1, c2] = self.0.coefficients()[segment.cast_unsigned() as usize].map(i128::from);
        let value = c0 + c1 * l + c2 * l * l + (1 << (Function::SHIFT - 1));
        let y = value >> Function::SHIFT;
        let mut out = vec![element(y)];
        out.extend((0..SEGMENT_BITS).map(|i| F::from_bool((segment >> i) & 1 == 1)));
        out.push(F::from_bool(l & 1 == 1));
        out.extend(limbs(l >> 1, OFFSET_LIMBS));
        out.extend([c0, c1, c2].map(element));
        out.extend(limbs(value, REMAINDER_LIMBS));
        out.extend(limbs(y, OUTPUT_LIMBS));
        out
    }
}

/// The multilinear polynomial in `bits`, least first, that is `table(k)` at the bits of `k`.
fn interpolate<A: Arith>(a: &mut A, bits: &[A::V], table: impl Fn(usize) -> F) -> A::V {
    let Some((&low, rest)) = bits.split_first() else { return a.constant(table(0)) };
    // Pairs of constants first, then pairs of values.
    let mut values: Vec<A::V> = (0..1 << rest.len())
        .map(|k| {
            let (even, odd) = (table(2 * k), table(2 * k + 1));
            let (base, step) = (a.constant(even), a.constant(odd - even));
            a.mul_add(low, step, base)
        })
        .collect();
    for &bit in rest {
        values = values
            .chunks_exact(2)
            .map(|pair| {
                let step = a.sub(pair[1], pair[0]);
                a.mul_add(bit, step, pair[0])
            })
            .collect();
    }
    values[0]
}
