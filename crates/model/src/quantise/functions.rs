//! How the integer tables stand for real functions.
//!
//! A table gives `N(t)` in `[0, 1]` for `t` in `[−1, 1]`, as 65535 steps for 2^19 steps to each side of zero. A real function
//! is `f(x) = α·N(a·x + c) + β`; for a function whose table covers a part of its domain, `top` is the greatest argument.

use crate::program::Function;

/// An affine map `factor · x + shift`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) factor: f64,
    pub(super) shift: f64,
}

impl Affine {
    /// `x` itself.
    pub(super) const IDENTITY: Self = Self { factor: 1.0, shift: 0.0 };

    /// The map's value.
    pub(super) fn apply(self, x: f64) -> f64 {
        self.factor.mul_add(x, self.shift)
    }
}

/// Greatest argument of Softplus and Sigmoid in their tables.
pub(super) const STEEP_TOP: f64 = 12.0;
/// Greatest over least argument of the logarithm, the reciprocal and the inverse root.
const SPAN: f64 = 16.0;

/// The greatest argument of the table, for arguments of a range; `None` when the range is too wide.
pub(super) fn top(function: Function, [lo, hi]: [f64; 2]) -> Option<f64> {
    match function {
        Function::Exp => Some(hi),
        Function::Log | Function::Reciprocal | Function::InverseSqrt => {
            // As much room below as above.
            (lo > 0.0 && hi <= SPAN * lo).then(|| (lo * hi * SPAN).sqrt())
        }
        _ => Some(STEEP_TOP),
    }
}

/// From the real argument to the table's.
pub(super) fn argument(function: Function, top: f64) -> Affine {
    match function {
        Function::Exp => Affine { factor: 1.0 / 8.0, shift: 1.0 - top / 8.0 },
        Function::Erf => Affine { factor: 1.0 / 4.0, shift: 0.0 },
        Function::Log | Function::Reciprocal | Function::InverseSqrt => {
            Affine { factor: SPAN / (7.5 * top), shift: -1.0 / 7.5 - 1.0 }
        }
        _ => Affine { factor: 1.0 / STEEP_TOP, shift: 0.0 },
    }
}

/// From the table's result to the real one.
pub(super) fn result(function: Function, top: f64) -> Affine {
    let factor = |factor| Affine { factor, shift: 0.0 };
    match function {
        Function::Sigmoid => Affine::IDENTITY,
        Function::Exp => factor(top.exp()),
        Function::Softplus => factor(STEEP_TOP.exp().ln_1p()),
        Function::Log => Affine { factor: SPAN.ln(), shift: (top / SPAN).ln() },
        Function::Reciprocal => factor(SPAN / top),
        Function::InverseSqrt => factor((SPAN / top).sqrt()),
        Function::Erf => Affine { factor: 2.0, shift: -1.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::exact;

    #[test]
    fn tables_stand_for_the_functions() {
        for function in Function::ALL {
            for range in [[0.5, 4.0], [2.0, 31.0], [0.01, 0.1]] {
                let top = top(function, range).unwrap();
                let (argument, result) = (argument(function, top), result(function, top));
                for step in 0..=100 {
                    let x = (range[1] - range[0]).mul_add(f64::from(step) / 100.0, range[0]);
                    let t = argument.apply(x);
                    if t > 1.0 {
                        continue;
                    }
                    assert!(t >= -1.0 || function == Function::Exp, "{function:?} {x}: {t}");
                    let got = result.apply(function.real(t));
                    let expected = exact(function, x);
                    assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{function:?}({x})");
                }
            }
        }
        assert_eq!(top(Function::Log, [1.0, 16.5]), None);
        assert_eq!(top(Function::Reciprocal, [0.0, 1.0]), None);
    }
}
