//! One number of a tensor, as an affine function of the program's values.

use std::rc::Rc;

use crate::program::ValueId;

/// A number that is known, or an affine function of values. Functions are composed as long as that costs no weights; they
/// become values when a nonlinear operation reads them.
#[derive(Clone, Debug)]
pub(super) enum Element {
    Constant(f64),
    /// `factor · value + constant`.
    Scaled {
        value: ValueId,
        factor: f64,
        constant: f64,
    },
    /// `factor · Σ row_k · column_k + constant`. Rows and columns are interned: equal ones are the same allocation.
    Sum {
        row: Rc<[f64]>,
        column: Rc<[ValueId]>,
        factor: f64,
        constant: f64,
    },
}

impl Element {
    pub(super) const fn value(value: ValueId) -> Self {
        Self::Scaled { value, factor: 1.0, constant: 0.0 }
    }

    pub(super) const fn constant(&self) -> Option<f64> {
        if let Self::Constant(c) = self { Some(*c) } else { None }
    }

    /// The value that it is, unchanged.
    pub(super) fn plain(&self) -> Option<ValueId> {
        match self {
            Self::Scaled { value, factor, constant } if *factor == 1.0 && *constant == 0.0 => Some(*value),
            _ => None,
        }
    }

    /// Values that it reads.
    pub(super) fn terms(&self) -> usize {
        match self {
            Self::Constant(_) => 0,
            Self::Scaled { .. } => 1,
            Self::Sum { row, .. } => row.len(),
        }
    }

    /// `factor · self + constant`.
    pub(super) fn affine(&self, by: f64, plus: f64) -> Self {
        match self {
            Self::Constant(c) => Self::Constant(c * by + plus),
            _ if by == 0.0 => Self::Constant(plus),
            Self::Scaled { value, factor, constant } => {
                Self::Scaled { value: *value, factor: factor * by, constant: constant * by + plus }
            }
            Self::Sum { row, column, factor, constant } => Self::Sum {
                row: row.clone(),
                column: column.clone(),
                factor: factor * by,
                constant: constant * by + plus,
            },
        }
    }

    pub(super) fn is_finite(&self) -> bool {
        match self {
            Self::Constant(c) => c.is_finite(),
            Self::Scaled { factor, constant, .. } | Self::Sum { factor, constant, .. } => {
                factor.is_finite() && constant.is_finite()
            }
        }
    }
}
