//! Matrices applied to columns of elements.

use std::{collections::HashMap, rc::Rc};

use super::{builder::Builder, element::Element};
use crate::{ModelError, RealActivation, program::ValueId};

/// Most multiplications that putting one matrix behind another may take.
const MAX_COMPOSITION: usize = 1 << 26;

/// A constant matrix: interned rows of equal length, and a constant for each.
pub(super) struct Matrix {
    pub rows: Vec<Rc<[f64]>>,
    pub biases: Vec<f64>,
}

impl Matrix {
    /// From a function that gives the weight in a row and a column.
    pub(super) fn new(
        builder: &mut Builder,
        size: [usize; 2],
        weight: impl Fn(usize, usize) -> f64,
        biases: Vec<f64>,
    ) -> Result<Self, ModelError> {
        let rows: Result<Vec<_>, _> =
            (0..size[0]).map(|r| builder.row((0..size[1]).map(|c| weight(r, c)).collect(), [r, 0])).collect();
        Ok(Self { rows: rows?, biases })
    }
}

/// The matrix applied to each column.
///
/// Factors of the elements go into the matrix when all columns agree on them, so that one matrix serves all; sums become
/// values first, unless putting them into the matrix makes it no larger.
pub(super) fn apply(
    builder: &mut Builder,
    matrix: &Matrix,
    mut columns: Vec<Vec<Element>>,
) -> Result<Vec<Vec<Element>>, ModelError> {
    if let [column] = columns.as_slice()
        && column.iter().any(|e| e.terms() > 1)
        && let Some(composed) = compose(builder, matrix, column)?
    {
        return Ok(vec![composed]);
    }
    settle(builder, &mut columns, |e| e.terms() > 1)?;
    let same = columns.split_first().is_none_or(|(first, rest)| {
        rest.iter().all(|column| column.iter().zip(first).all(|(a, b)| pattern(a) == pattern(b)))
    });
    if !same {
        settle(builder, &mut columns, |e| e.plain().is_none())?;
        for element in columns.iter_mut().flatten() {
            if let Some(c) = element.constant() {
                *element = builder.constant_value(c)?;
            }
        }
    }
    let Some(first) = columns.first() else { return Ok(vec![]) };
    let scaled = scale(builder, matrix, first)?;
    columns.iter().map(|column| application(builder, &scaled, column)).collect()
}

/// Factor and constant of an element that is no sum.
const fn pattern(element: &Element) -> [u64; 2] {
    match element {
        Element::Constant(c) => [u64::MAX, c.to_bits()],
        Element::Scaled { factor, constant, .. } | Element::Sum { factor, constant, .. } => {
            [factor.to_bits(), constant.to_bits()]
        }
    }
}

/// Makes values of the elements that `which` picks.
fn settle(
    builder: &mut Builder,
    columns: &mut [Vec<Element>],
    which: impl Fn(&Element) -> bool,
) -> Result<(), ModelError> {
    let chosen = |e: &&mut Element| e.terms() > 0 && which(e);
    let mut places: Vec<&mut Element> = columns.iter_mut().flatten().filter(chosen).collect();
    let elements: Vec<Element> = places.iter().map(|e| (**e).clone()).collect();
    let values = builder.realise(&elements, RealActivation::Identity)?;
    places.iter_mut().zip(values).for_each(|(place, value)| **place = value);
    Ok(())
}

/// Folds the elements' factors and constants into the matrix; columns of constants vanish.
fn scale(builder: &mut Builder, matrix: &Matrix, column: &[Element]) -> Result<Matrix, ModelError> {
    if column.iter().all(|e| matches!(e, Element::Scaled { factor, .. } if *factor == 1.0)) {
        let shift = |row: &Rc<[f64]>| row.iter().zip(column).map(|(w, e)| w * offset(e)).sum::<f64>();
        builder.spend(matrix.rows.len() * column.len())?;
        let biases = matrix.rows.iter().zip(&matrix.biases).map(|(row, b)| b + shift(row)).collect();
        return Ok(Matrix { rows: matrix.rows.clone(), biases });
    }
    let mut scaled = Matrix { rows: vec![], biases: vec![] };
    for (row, bias) in matrix.rows.iter().zip(&matrix.biases) {
        let terms = row.iter().zip(column);
        let weights = terms.clone().filter_map(|(w, e)| match e {
            Element::Scaled { factor, .. } => Some(w * factor),
            _ => None,
        });
        scaled.rows.push(builder.row(weights.collect(), [row.as_ptr().addr(), 0])?);
        scaled.biases.push(bias + terms.map(|(w, e)| w * offset(e)).sum::<f64>());
    }
    Ok(scaled)
}

const fn offset(element: &Element) -> f64 {
    match element {
        Element::Constant(c) => *c,
        Element::Scaled { constant, .. } | Element::Sum { constant, .. } => *constant,
    }
}

fn application(
    builder: &mut Builder,
    matrix: &Matrix,
    column: &[Element],
) -> Result<Vec<Element>, ModelError> {
    let value = |e: &Element| if let Element::Scaled { value, .. } = e { Some(*value) } else { None };
    let column = builder.column(column.iter().filter_map(value).collect())?;
    builder.spend(matrix.rows.len())?;
    let element = |(row, &constant): (&Rc<[f64]>, &f64)| match (&**row, &*column) {
        ([], _) | (_, []) => Element::Constant(constant),
        ([factor], [value]) if matrix.rows.len() == 1 => {
            Element::Scaled { value: *value, factor: *factor, constant }
        }
        _ => Element::Sum { row: row.clone(), column: column.clone(), factor: 1.0, constant },
    };
    Ok(matrix.rows.iter().zip(&matrix.biases).map(element).collect())
}

/// The matrix put behind sums, if the product has no more weights than the two of them.
fn compose(
    builder: &mut Builder,
    matrix: &Matrix,
    column: &[Element],
) -> Result<Option<Vec<Element>>, ModelError> {
    let mut place: HashMap<ValueId, usize> = HashMap::new();
    let mut support = vec![];
    let mut terms = 0;
    for element in column {
        let values: &[ValueId] = match element {
            Element::Constant(_) => &[],
            Element::Scaled { value, .. } => std::slice::from_ref(value),
            Element::Sum { column, .. } => column,
        };
        builder.spend(values.len())?;
        terms += values.len();
        for value in values {
            place.entry(*value).or_insert_with(|| {
                support.push(*value);
                support.len() - 1
            });
        }
    }
    let kept = matrix.rows.len().saturating_mul(column.len()).saturating_add(terms);
    let work = matrix.rows.len().saturating_mul(terms);
    if matrix.rows.len().saturating_mul(support.len()) > kept || work > MAX_COMPOSITION {
        return Ok(None);
    }
    builder.spend(work)?;
    let mut composed = Vec::with_capacity(matrix.rows.len());
    for (row, bias) in matrix.rows.iter().zip(&matrix.biases) {
        let mut weights = vec![0.0; support.len()];
        let mut constant = *bias;
        for (w, element) in row.iter().zip(column) {
            constant += w * offset(element);
            match element {
                Element::Constant(_) => {}
                Element::Scaled { value, factor, .. } => weights[place[value]] += w * factor,
                Element::Sum { row, column, factor, .. } => {
                    let w = w * factor;
                    column.iter().zip(&**row).for_each(|(v, x)| weights[place[v]] += w * x);
                }
            }
        }
        composed.push(builder.gathered(support.clone(), weights, constant, row.as_ptr().addr())?);
    }
    Ok(Some(composed))
}
