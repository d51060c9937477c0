//! Piecewise-linear functions out of ReLU, and comparisons.

use super::{builder::Builder, element::Element};
use crate::{ModelError, RealActivation};

/// Sums of more terms become values before they are used twice.
const FEW_TERMS: usize = 2;

impl Builder {
    /// Makes values of the long sums, so that using them several times does not repeat their weights.
    pub(super) fn short(&mut self, elements: &[Element]) -> Result<Vec<Element>, ModelError> {
        let mut short = elements.to_vec();
        let places: Vec<usize> = (0..short.len()).filter(|&i| short[i].terms() > FEW_TERMS).collect();
        let long: Vec<Element> = places.iter().map(|&i| short[i].clone()).collect();
        for (place, value) in places.into_iter().zip(self.realise(&long, RealActivation::Identity)?) {
            short[place] = value;
        }
        Ok(short)
    }

    pub(super) fn relu(&mut self, x: &[Element]) -> Result<Vec<Element>, ModelError> {
        self.realise(x, RealActivation::Relu)
    }

    /// `a · b`, one by one.
    pub(super) fn times(&mut self, a: &[Element], b: &[Element]) -> Result<Vec<Element>, ModelError> {
        let pairs: Vec<_> = a.iter().cloned().zip(b.iter().cloned()).map(|(a, b)| [a, b]).collect();
        self.product(&pairs)
    }

    /// `a + b`, one by one. A matrix's results that get different values added become values first, as the rows would
    /// otherwise read different columns.
    pub(super) fn plus(&mut self, a: &[Element], b: &[Element]) -> Result<Vec<Element>, ModelError> {
        let (mut a, mut b) = (a.to_vec(), b.to_vec());
        if same_column(&a) && different(&b) {
            a = self.realise(&a, RealActivation::Identity)?;
        } else if same_column(&b) && different(&a) {
            b = self.realise(&b, RealActivation::Identity)?;
        }
        a.iter().zip(&b).map(|(a, b)| self.add(a, b)).collect()
    }

    /// `a − b`, one by one.
    pub(super) fn minus(&mut self, a: &[Element], b: &[Element]) -> Result<Vec<Element>, ModelError> {
        let negated: Vec<Element> = b.iter().map(|b| b.affine(-1.0, 0.0)).collect();
        self.plus(a, &negated)
    }

    /// `slope · x` below zero and `x` above: `slope · x + (1 − slope) · relu(x)`.
    pub(super) fn leaky(&mut self, x: &[Element], slopes: &[f64]) -> Result<Vec<Element>, ModelError> {
        let x = self.short(x)?;
        let positive = self.relu(&x)?;
        let terms = x.iter().zip(&positive).zip(slopes);
        terms.map(|((x, p), s)| self.add(&x.affine(*s, 0.0), &p.affine(1.0 - s, 0.0))).collect()
    }

    /// `max(a, b) = b + relu(a − b)`, or the minimum, `b − relu(b − a)`.
    pub(super) fn extreme(
        &mut self,
        a: &[Element],
        b: &[Element],
        greatest: bool,
    ) -> Result<Vec<Element>, ModelError> {
        let sign = if greatest { 1.0 } else { -1.0 };
        let constant = |all: &[Element]| all.iter().all(|e| e.constant().is_some());
        // A constant is what is added to: the ReLU is then of the other one, which is needed once.
        let (a, b) = if constant(a) { (b, a) } else { (a, b) };
        let a = if constant(b) { a.to_vec() } else { self.short(a)? };
        let b = self.short(b)?;
        let difference = self.minus(&a, &b)?;
        let difference: Vec<Element> = difference.iter().map(|d| d.affine(sign, 0.0)).collect();
        let above = self.relu(&difference)?;
        b.iter().zip(&above).map(|(b, r)| self.add(b, &r.affine(sign, 0.0))).collect()
    }

    /// `min(max(x, low), high)` as `low + relu(x − low) − relu(x − high)`.
    pub(super) fn clip(
        &mut self,
        x: &[Element],
        low: Option<f64>,
        high: Option<f64>,
    ) -> Result<Vec<Element>, ModelError> {
        let x = if low.is_some() && high.is_some() { self.short(x)? } else { x.to_vec() };
        let above = |b: &mut Self, bound: f64, sign: f64| {
            b.relu(&x.iter().map(|x| x.affine(sign, -sign * bound)).collect::<Vec<_>>())
        };
        match (low, high) {
            (Some(low), Some(high)) if low > high => Ok(vec![Element::Constant(high); x.len()]),
            (Some(low), Some(high)) => {
                let (over_low, over_high) = (above(self, low, 1.0)?, above(self, high, 1.0)?);
                let between = self.minus(&over_low, &over_high)?;
                Ok(between.iter().map(|e| e.affine(1.0, low)).collect())
            }
            (Some(low), None) => Ok(above(self, low, 1.0)?.iter().map(|e| e.affine(1.0, low)).collect()),
            (None, Some(high)) => Ok(above(self, high, -1.0)?.iter().map(|e| e.affine(-1.0, high)).collect()),
            (None, None) => Ok(x),
        }
    }

    /// The greatest, or the least, of each list, by rounds of pairs. Lists have equal lengths.
    pub(super) fn tournament(
        &mut self,
        lists: &[Vec<Element>],
        greatest: bool,
    ) -> Result<Vec<Element>, ModelError> {
        let mut lists: Vec<Vec<Element>> = lists.to_vec();
        while lists.iter().any(|list| list.len() > 1) {
            let pairs = |side: usize| {
                lists.iter().flat_map(move |l| l.as_chunks::<2>().0.iter().map(move |p| p[side].clone()))
            };
            let (a, b): (Vec<_>, Vec<_>) = (pairs(0).collect(), pairs(1).collect());
            let mut winners = self.extreme(&a, &b, greatest)?.into_iter();
            for list in &mut lists {
                let rest = list.as_chunks::<2>().1.to_vec();
                let half = list.len() / 2;
                *list = winners.by_ref().take(half).chain(rest).collect();
            }
        }
        Ok(lists.into_iter().flatten().collect())
    }

    /// Whether `a ≥ b`, or `a > b`, as 1 and 0.
    pub(super) fn compare(
        &mut self,
        a: &[Element],
        b: &[Element],
        strict: bool,
    ) -> Result<Vec<Element>, ModelError> {
        let difference = self.minus(a, b)?;
        self.realise(
            &difference,
            if strict { RealActivation::AboveZero } else { RealActivation::AtLeastZero },
        )
    }
}

/// Whether the elements are results of one matrix for one column.
fn same_column(elements: &[Element]) -> bool {
    let address = |e: &Element| match e {
        Element::Sum { column, .. } if column.len() > 4 => Some(column.as_ptr()),
        _ => None,
    };
    match elements {
        [first, second, ..] => address(first).is_some() && address(first) == address(second),
        _ => false,
    }
}

/// Whether the elements read different columns.
fn different(elements: &[Element]) -> bool {
    match elements {
        [Element::Scaled { value: a, .. }, Element::Scaled { value: b, .. }, ..] => a != b,
        [Element::Sum { column: a, .. }, Element::Sum { column: b, .. }, ..] => a.as_ptr() != b.as_ptr(),
        [first, second, ..] => first.terms() > 0 || second.terms() > 0,
        _ => false,
    }
}
