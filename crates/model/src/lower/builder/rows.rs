//! Interned rows and columns, and the sums that are made of them.

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    rc::Rc,
};

use super::{Builder, MAX_WEIGHTS};
use crate::{ModelError, lower::element::Element, program::ValueId};

/// Weights compared bit by bit, and where they come from: two units of a layer that happen to have equal weights stay two
/// rows, so that the shape of a program does not depend on what was trained.
#[derive(Clone)]
pub(super) struct Row(Rc<[f64]>, [usize; 2]);

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.1 == other.1
            && self.0.len() == other.0.len()
            && self.0.iter().zip(&*other.0).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

impl Eq for Row {}

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.1.hash(state);
        self.0.iter().for_each(|w| w.to_bits().hash(state));
    }
}

/// An interned row's address, its factor and its constant.
pub(super) type RowKey = [u64; 3];
/// A [`RowKey`], the column's address and the activation.
pub(super) type LinearKey = (RowKey, usize, u8);

/// A column that holds two others: the first as its beginning.
pub(super) struct Union {
    pub(super) column: Rc<[ValueId]>,
    /// Where the second's values are.
    pub(super) places: Vec<usize>,
}

/// The parts of an element that is no constant.
pub(super) struct Parts {
    pub(super) row: Rc<[f64]>,
    pub(super) column: Rc<[ValueId]>,
    pub(super) factor: f64,
    pub(super) constant: f64,
}

impl Parts {
    pub(super) fn key(&self) -> RowKey {
        [self.row.as_ptr().addr() as u64, self.factor.to_bits(), self.constant.to_bits()]
    }

    pub(super) fn weights(&self) -> impl Iterator<Item = f64> {
        self.row.iter().map(|w| w * self.factor)
    }
}

impl Builder {
    /// The interned row with these weights, of which a second kind would have another origin.
    pub(in crate::lower) fn row(
        &mut self,
        weights: Vec<f64>,
        origin: [usize; 2],
    ) -> Result<Rc<[f64]>, ModelError> {
        self.spend(weights.len())?;
        if let Some(index) = weights.iter().position(|w| !w.is_finite()) {
            return Err(self.not_finite(index));
        }
        let row = Row(weights.into(), origin);
        if let Some(known) = self.rows.get(&row) {
            return Ok(known.0.clone());
        }
        self.weights += row.0.len();
        if self.weights > MAX_WEIGHTS {
            return Err(ModelError::TooLarge { what: "weights", got: self.weights, limit: MAX_WEIGHTS });
        }
        self.rows.insert(row.clone());
        Ok(row.0)
    }

    /// The interned column of these values.
    pub(in crate::lower) fn column(&mut self, values: Vec<ValueId>) -> Result<Rc<[ValueId]>, ModelError> {
        self.spend(values.len())?;
        if let Some(known) = self.columns.get(values.as_slice()) {
            return Ok(known.clone());
        }
        self.weights += values.len();
        let column: Rc<[ValueId]> = values.into();
        self.columns.insert(column.clone());
        Ok(column)
    }

    pub(super) fn parts(&mut self, element: &Element) -> Result<Option<Parts>, ModelError> {
        Ok(match element {
            Element::Constant(_) => None,
            Element::Scaled { value, factor, constant } => {
                let (row, column) = (self.row(vec![1.0], [0; 2])?, self.column(vec![*value])?);
                Some(Parts { row, column, factor: *factor, constant: *constant })
            }
            Element::Sum { row, column, factor, constant } => {
                Some(Parts { row: row.clone(), column: column.clone(), factor: *factor, constant: *constant })
            }
        })
    }

    fn union(&mut self, a: &Rc<[ValueId]>, b: &Rc<[ValueId]>) -> Result<Rc<Union>, ModelError> {
        let key = [a.as_ptr().addr(), b.as_ptr().addr()];
        if let Some(known) = self.unions.get(&key) {
            return Ok(known.clone());
        }
        let mut column = a.to_vec();
        let mut place: HashMap<ValueId, usize> = HashMap::new();
        for (position, value) in column.iter().enumerate() {
            place.entry(*value).or_insert(position);
        }
        let places = b
            .iter()
            .map(|value| {
                *place.entry(*value).or_insert_with(|| {
                    column.push(*value);
                    column.len() - 1
                })
            })
            .collect();
        let union = Rc::new(Union { column: self.column(column)?, places });
        self.unions.insert(key, union.clone());
        Ok(union)
    }

    /// `a + b`.
    pub(in crate::lower) fn add(&mut self, a: &Element, b: &Element) -> Result<Element, ModelError> {
        if let Some(c) = b.constant() {
            return Ok(a.affine(1.0, c));
        }
        if let Some(c) = a.constant() {
            return Ok(b.affine(1.0, c));
        }
        if let (
            Element::Scaled { value, factor, constant },
            Element::Scaled { value: other, factor: f, constant: c },
        ) = (a, b)
            && value == other
        {
            let (factor, constant) = (factor + f, constant + c);
            let zero = factor == 0.0;
            return Ok(if zero {
                Element::Constant(constant)
            } else {
                Element::Scaled { value: *value, factor, constant }
            });
        }
        let (Some(mut a), Some(mut b)) = (self.parts(a)?, self.parts(b)?) else {
            return Ok(Element::Constant(0.0));
        };
        if a.column.len() < b.column.len() {
            std::mem::swap(&mut a, &mut b);
        }
        let union = self.union(&a.column, &b.column)?;
        let mut weights: Vec<f64> = a.weights().collect();
        weights.resize(union.column.len(), 0.0);
        for (place, weight) in union.places.iter().zip(b.weights()) {
            if let Some(w) = weights.get_mut(*place) {
                *w += weight;
            }
        }
        let constant = a.constant + b.constant;
        let origin = [a.row.as_ptr().addr(), b.row.as_ptr().addr()];
        Ok(Element::Sum {
            row: self.row(weights, origin)?,
            column: union.column.clone(),
            factor: 1.0,
            constant,
        })
    }

    /// The sum of elements: the constants and the values' terms gathered once.
    pub(in crate::lower) fn sum(&mut self, elements: &[Element]) -> Result<Element, ModelError> {
        let (mut column, mut weights, mut constant) = (vec![], vec![], 0.0);
        let mut place: HashMap<ValueId, usize> = HashMap::new();
        let mut put = |value: ValueId, weight: f64| {
            let position = *place.entry(value).or_insert_with(|| {
                column.push(value);
                weights.push(0.0);
                column.len() - 1
            });
            weights[position] += weight;
        };
        for element in elements {
            self.spend(1 + element.terms())?;
            match element {
                Element::Constant(c) => constant += c,
                Element::Scaled { value, factor, constant: c } => {
                    constant += c;
                    put(*value, *factor);
                }
                Element::Sum { row, column, factor, constant: c } => {
                    constant += c;
                    column.iter().zip(&**row).for_each(|(v, w)| put(*v, w * factor));
                }
            }
        }
        self.gathered(column, weights, constant, 0)
    }

    /// The element `Σ weights_k · column_k + constant`.
    pub(in crate::lower) fn gathered(
        &mut self,
        column: Vec<ValueId>,
        weights: Vec<f64>,
        constant: f64,
        origin: usize,
    ) -> Result<Element, ModelError> {
        Ok(match (column.as_slice(), weights.as_slice()) {
            ([], _) => Element::Constant(constant),
            ([value], [factor]) => Element::Scaled { value: *value, factor: *factor, constant },
            _ => Element::Sum {
                row: self.row(weights, [origin, 0])?,
                column: self.column(column)?,
                factor: 1.0,
                constant,
            },
        })
    }
}
