//! Tensors of known dimensions whose numbers are constants or affine functions of values.

use std::{rc::Rc, sync::Arc};

use super::element::Element;
use crate::{
    ModelError,
    import::{Kind, Node, Tensor},
};

/// Most elements of a tensor that an operator gives.
const MAX_ELEMENTS: usize = 1 << 21;

/// A tensor.
#[derive(Clone, Debug)]
pub(super) struct Symbolic {
    pub dims: Vec<usize>,
    pub kind: Kind,
    pub data: Data,
}

/// A tensor's numbers, row-major.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Constant(Arc<[f64]>),
    Elements(Rc<[Element]>),
}

impl Symbolic {
    /// A tensor of elements, which is a constant when all of them are.
    pub(super) fn new(dims: Vec<usize>, kind: Kind, elements: Vec<Element>) -> Self {
        let constants: Option<Arc<[f64]>> = elements.iter().map(Element::constant).collect();
        let data = constants.map_or_else(|| Data::Elements(elements.into()), Data::Constant);
        Self { dims, kind, data }
    }

    pub(super) fn constant(tensor: &Tensor) -> Self {
        Self { dims: tensor.dims.clone(), kind: tensor.kind, data: Data::Constant(tensor.data.clone()) }
    }

    pub(super) fn integers(values: &[usize]) -> Self {
        let data = values.iter().map(|&v| v as f64).collect();
        Self { dims: vec![values.len()], kind: Kind::Int, data: Data::Constant(data) }
    }

    pub(super) fn len(&self) -> usize {
        match &self.data {
            Data::Constant(data) => data.len(),
            Data::Elements(elements) => elements.len(),
        }
    }

    /// The element at a position, which must exist.
    pub(super) fn get(&self, position: usize) -> Element {
        match &self.data {
            Data::Constant(data) => Element::Constant(data[position]),
            Data::Elements(elements) => elements[position].clone(),
        }
    }

    pub(super) fn elements(&self) -> Vec<Element> {
        match &self.data {
            Data::Constant(data) => data.iter().map(|&c| Element::Constant(c)).collect(),
            Data::Elements(elements) => elements.to_vec(),
        }
    }

    pub(super) fn constants(&self) -> Option<&[f64]> {
        if let Data::Constant(data) = &self.data { Some(data) } else { None }
    }

    /// The same elements in other dimensions.
    pub(super) fn reshaped(&self, dims: Vec<usize>) -> Self {
        debug_assert_eq!(dims.iter().product::<usize>(), self.len());
        Self { dims, kind: self.kind, data: self.data.clone() }
    }

    /// The elements at the positions, which must exist.
    pub(super) fn pick(&self, dims: Vec<usize>, positions: &[usize]) -> Self {
        let data = match &self.data {
            Data::Constant(data) => Data::Constant(positions.iter().map(|&p| data[p]).collect()),
            Data::Elements(elements) => {
                return Self::new(dims, self.kind, positions.iter().map(|&p| elements[p].clone()).collect());
            }
        };
        Self { dims, kind: self.kind, data }
    }
}

impl Node {
    pub(super) fn misused(&self) -> ModelError {
        ModelError::Operands { node: self.name.clone(), op: self.kind.clone() }
    }

    pub(super) fn form(&self, what: &'static str, nearest: &'static str) -> ModelError {
        ModelError::UnsupportedForm { node: self.name.clone(), what, nearest }
    }

    pub(super) fn dimensions(&self, dims: &[usize], expected: &'static str) -> ModelError {
        let dims = dims.iter().map(|&d| i64::try_from(d).unwrap_or(i64::MAX)).collect();
        ModelError::Dimensions { value: self.name.clone(), dims, expected }
    }

    /// The product of dimensions that a tensor may have.
    pub(super) fn count(&self, dims: &[usize]) -> Result<usize, ModelError> {
        dims.iter()
            .try_fold(1usize, |n, &d| n.checked_mul(d))
            .filter(|&n| (1..=MAX_ELEMENTS).contains(&n) && dims.len() <= 16)
            .ok_or_else(|| self.dimensions(dims, "each must be positive, and their product small"))
    }
}

/// Distance between neighbours along each axis.
pub(super) fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

/// The dimensions of two tensors broadcast to each other.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |dims: &[usize], axis: usize| {
        (axis + dims.len()).checked_sub(rank).and_then(|i| dims.get(i).copied()).unwrap_or(1)
    };
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// For each element of `to`, the position in a tensor of dimensions `from`, which must broadcast to it.
pub(super) fn broadcast_positions(from: &[usize], to: &[usize]) -> Vec<usize> {
    let missing = to.len() - from.len();
    let steps: Vec<usize> = std::iter::repeat_n(0, missing)
        .chain(strides(from).into_iter().zip(from).map(|(s, &d)| if d == 1 { 0 } else { s }))
        .collect();
    positions(to, &steps, 0)
}

/// For each element of dimensions `dims`, `start` and the axes' positions times their steps.
pub(super) fn positions(dims: &[usize], steps: &[usize], start: usize) -> Vec<usize> {
    let mut all = vec![start];
    for (&d, &step) in dims.iter().zip(steps) {
        all = all.iter().flat_map(|&p| (0..d).map(move |k| p + k * step)).collect();
    }
    all
}

/// Most reads along one axis of a sliding window.
pub(super) const MAX_SWEEP: usize = 1 << 22;
