//! One definition of a gate's constraints, evaluated over the extension field, over packed base-field elements and as a
//! circuit.

use plonky2::{
    field::{extension::Extendable, packed::PackedField, types::Field},
    iop::ext_target::ExtensionTarget,
};

use crate::field::{Builder, D, F};

/// The extension field.
pub(crate) type FE = <F as Extendable<D>>::Extension;

/// Arithmetic that constraints are written in.
pub(crate) trait Arith {
    /// A value.
    type V: Copy;

    /// `c0·x·y + c1·z`.
    fn fma(&mut self, c0: F, x: Self::V, y: Self::V, c1: F, z: Self::V) -> Self::V;

    /// A constant.
    fn constant(&mut self, c: F) -> Self::V;

    /// `x + c·z`.
    fn add_scaled(&mut self, x: Self::V, c: F, z: Self::V) -> Self::V {
        let one = self.constant(F::ONE);
        self.fma(F::ONE, x, one, c, z)
    }

    /// `x + z`.
    fn add(&mut self, x: Self::V, z: Self::V) -> Self::V {
        self.add_scaled(x, F::ONE, z)
    }

    /// `x − z`.
    fn sub(&mut self, x: Self::V, z: Self::V) -> Self::V {
        self.add_scaled(x, F::NEG_ONE, z)
    }

    /// `x + c`.
    fn add_const(&mut self, x: Self::V, c: F) -> Self::V {
        let one = self.constant(F::ONE);
        self.add_scaled(x, c, one)
    }

    /// `x·y`.
    fn mul(&mut self, x: Self::V, y: Self::V) -> Self::V {
        self.fma(F::ONE, x, y, F::ZERO, x)
    }

    /// `x·y + z`.
    fn mul_add(&mut self, x: Self::V, y: Self::V, z: Self::V) -> Self::V {
        self.fma(F::ONE, x, y, F::ONE, z)
    }

    /// `x·(x − 1)`: zero on bits. Degree 2.
    fn bit(&mut self, x: Self::V) -> Self::V {
        self.fma(F::ONE, x, x, F::NEG_ONE, x)
    }

    /// `x·(x − 1)·(x − 2)·(x − 3)`: zero on base-4 limbs. Degree 4.
    fn limb(&mut self, x: Self::V) -> Self::V {
        // x(x−3) = y and (x−1)(x−2) = y + 2.
        let y = self.fma(F::ONE, x, x, -F::from_canonical_u64(3), x);
        self.fma(F::ONE, y, y, F::TWO, y)
    }

    /// `x·(x − 1)···(x − 7)`: zero on base-8 limbs. Degree 8.
    fn octal(&mut self, x: Self::V) -> Self::V {
        // x(x−7) = y, (x−1)(x−6) = y + 6, (x−2)(x−5) = y + 10, (x−3)(x−4) = y + 12; y(y+6) = z, (y+10)(y+12) = z + 16y + 120.
        let y = self.fma(F::ONE, x, x, -F::from_canonical_u64(7), x);
        let z = self.fma(F::ONE, y, y, F::from_canonical_u64(6), y);
        let other = self.add_scaled(z, F::from_canonical_u64(16), y);
        let other = self.add_const(other, F::from_canonical_u64(120));
        self.mul(z, other)
    }

    /// `Σ 4^i·limbs_i`, zero for none.
    fn compose(&mut self, limbs: &[Self::V]) -> Self::V {
        self.compose_in(F::from_canonical_u64(4), limbs)
    }

    /// `Σ 8^i·limbs_i`, zero for none.
    fn compose_octal(&mut self, limbs: &[Self::V]) -> Self::V {
        self.compose_in(F::from_canonical_u64(8), limbs)
    }

    /// `Σ base^i·limbs_i`, zero for none.
    fn compose_in(&mut self, base: F, limbs: &[Self::V]) -> Self::V {
        let Some((&top, rest)) = limbs.split_last() else { return self.constant(F::ZERO) };
        rest.iter().rev().fold(top, |acc, &limb| self.add_scaled(limb, base, acc))
    }
}

/// Over the extension field.
pub(crate) struct ExtArith;

impl Arith for ExtArith {
    type V = FE;

    fn fma(&mut self, c0: F, x: FE, y: FE, c1: F, z: FE) -> FE {
        x * y * FE::from(c0) + z * FE::from(c1)
    }

    fn constant(&mut self, c: F) -> FE {
        FE::from(c)
    }
}

/// Over packed base-field elements.
pub(crate) struct PackedArith<P>(pub(crate) std::marker::PhantomData<P>);

impl<P: PackedField<Scalar = F>> Arith for PackedArith<P> {
    type V = P;

    fn fma(&mut self, c0: F, x: P, y: P, c1: F, z: P) -> P {
        let product = if c0 == F::ONE { x * y } else { x * y * c0 };
        product + if c1 == F::ONE { z } else { z * c1 }
    }

    fn constant(&mut self, c: F) -> P {
        P::from(c)
    }

    fn add_scaled(&mut self, x: P, c: F, z: P) -> P {
        x + z * c
    }

    fn add(&mut self, x: P, z: P) -> P {
        x + z
    }

    fn sub(&mut self, x: P, z: P) -> P {
        x - z
    }

    fn add_const(&mut self, x: P, c: F) -> P {
        x + c
    }

    fn mul(&mut self, x: P, y: P) -> P {
        x * y
    }
}

/// As a circuit that verifies the gate.
pub(crate) struct CircuitArith<'a>(pub(crate) &'a mut Builder);

impl Arith for CircuitArith<'_> {
    type V = ExtensionTarget<D>;

    fn fma(&mut self, c0: F, x: Self::V, y: Self::V, c1: F, z: Self::V) -> Self::V {
        self.0.arithmetic_extension(c0, c1, x, y, z)
    }

    fn constant(&mut self, c: F) -> Self::V {
        self.0.constant_extension(FE::from(c))
    }
}
