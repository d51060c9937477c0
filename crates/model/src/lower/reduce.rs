//! Operators along axes.

use super::{
    Operands,
    builder::Builder,
    element::Element,
    elementwise::{aligned, root},
    shape::integers,
    tensor::{Symbolic, positions, strides},
};
use crate::{
    ModelError,
    import::{Fold, Kind, Node, Norm, axis as position_of},
    program::Function,
};

/// The positions that fall together when the axes are reduced, in the order of the result.
pub(super) fn groups(dims: &[usize], axes: &[usize]) -> Vec<Vec<usize>> {
    let steps = strides(dims);
    let side = |reduced: bool| -> (Vec<usize>, Vec<usize>) {
        let chosen = (0..dims.len()).filter(|a| axes.contains(a) == reduced);
        chosen.map(|a| (dims[a], steps[a])).unzip()
    };
    let ((outer, outer_steps), (inner, inner_steps)) = (side(false), side(true));
    positions(&outer, &outer_steps, 0).into_iter().map(|at| positions(&inner, &inner_steps, at)).collect()
}

/// The dimensions after the axes are reduced.
fn reduced(dims: &[usize], axes: &[usize], keep: bool) -> Vec<usize> {
    let sizes = dims.iter().enumerate();
    sizes
        .filter(|(a, _)| keep || !axes.contains(a))
        .map(|(a, &d)| if axes.contains(&a) { 1 } else { d })
        .collect()
}

fn lists(dims: &[usize], axes: &[usize], elements: &[Element]) -> Vec<Vec<Element>> {
    groups(dims, axes).iter().map(|g| g.iter().map(|&p| elements[p].clone()).collect()).collect()
}

/// A reduction along the axes of the second operand, or all of them.
pub(super) fn reduce(
    b: &mut Builder,
    node: &Node,
    operands: Operands<'_>,
    fold: Fold,
    keep: bool,
    noop: bool,
) -> Result<Symbolic, ModelError> {
    let Some(Some(x)) = operands.first() else { return Err(node.misused()) };
    let rank = x.dims.len();
    let axes: Vec<usize> = match operands.get(1) {
        Some(Some(axes)) => {
            let axes = integers(node, axes)?;
            let axes: Option<Vec<usize>> = axes.into_iter().map(|a| position_of(a, rank)).collect();
            axes.ok_or_else(|| node.dimensions(&x.dims, "no such axis"))?
        }
        _ if noop => return Ok(x.clone()),
        _ => (0..rank).collect(),
    };
    b.spend(x.len())?;
    let results = folded(b, fold, &x.dims, &axes, &x.elements())?;
    Ok(Symbolic::new(reduced(&x.dims, &axes, keep), x.kind, results))
}

fn folded(
    b: &mut Builder,
    fold: Fold,
    dims: &[usize],
    axes: &[usize],
    elements: &[Element],
) -> Result<Vec<Element>, ModelError> {
    let one_column = elements.windows(2).all(|pair| match pair {
        [Element::Sum { column: a, .. }, Element::Sum { column: b, .. }] => a.as_ptr() == b.as_ptr(),
        _ => false,
    });
    // Rows of one matrix add up to one row; anything else long becomes values.
    let elements = if one_column && matches!(fold, Fold::Sum | Fold::Mean) {
        elements.to_vec()
    } else {
        b.short(elements)?
    };
    let of = |elements: &[Element]| lists(dims, axes, elements);
    let sums = |b: &mut Builder, elements: &[Element]| -> Result<Vec<Element>, ModelError> {
        of(elements).iter().map(|l| b.sum(l)).collect()
    };
    match fold {
        Fold::Sum => sums(b, &elements),
        Fold::Mean => {
            let lists = of(&elements);
            lists.iter().map(|l| Ok(b.sum(l)?.affine(1.0 / l.len() as f64, 0.0))).collect()
        }
        Fold::Max | Fold::Min => b.tournament(&of(&elements), fold == Fold::Max),
        Fold::L1 => {
            let sizes = b.leaky(&elements, &vec![-1.0; elements.len()])?;
            sums(b, &sizes)
        }
        Fold::SumSquare | Fold::L2 => {
            let squares = b.times(&elements, &elements)?;
            let sums = sums(b, &squares)?;
            if fold == Fold::L2 { root(b, &sums) } else { Ok(sums) }
        }
        Fold::Prod => {
            let mut lists = of(&elements);
            let mut products: Vec<Element> = lists.iter_mut().filter_map(Vec::pop).collect();
            while lists.first().is_some_and(|l| !l.is_empty()) {
                let next: Vec<Element> = lists.iter_mut().filter_map(Vec::pop).collect();
                products = b.times(&products, &next)?;
            }
            Ok(products)
        }
    }
}

/// The position of the greatest or least element along an axis: the first of equal ones, or the last.
pub(super) fn arg_extreme(
    b: &mut Builder,
    node: &Node,
    x: &Symbolic,
    greatest: bool,
    axis: i64,
    keep: bool,
    last: bool,
) -> Result<Symbolic, ModelError> {
    let axis = position_of(axis, x.dims.len()).ok_or_else(|| node.dimensions(&x.dims, "no such axis"))?;
    let elements = b.short(&x.elements())?;
    let results = first_extreme(b, &lists(&x.dims, &[axis], &elements), greatest, last)?;
    Ok(Symbolic::new(reduced(&x.dims, &[axis], keep), Kind::Int, results))
}

/// The argmax rule: scanning from the first element, a later one takes its place only when it is strictly greater, so
/// that the first of equal maxima wins. With `last`, equal ones take the place too.
pub(super) fn first_extreme(
    b: &mut Builder,
    lists: &[Vec<Element>],
    greatest: bool,
    last: bool,
) -> Result<Vec<Element>, ModelError> {
    let at = |k: usize| lists.iter().map(|l| l[k].clone()).collect::<Vec<_>>();
    let count = lists.first().map_or(0, Vec::len);
    let mut best = at(0);
    let mut index = vec![Element::Constant(0.0); lists.len()];
    for k in 1..count {
        let next = at(k);
        let (high, low) = if greatest { (&next, &best) } else { (&best, &next) };
        let better = b.compare(high, low, !last)?;
        let distance: Vec<Element> = index.iter().map(|i| i.affine(-1.0, k as f64)).collect();
        let step = b.times(&better, &distance)?;
        index = b.plus(&index, &step)?;
        index = b.short(&index)?;
        if k + 1 < count {
            best = b.extreme(&next, &best, greatest)?;
            best = b.short(&best)?;
        }
    }
    Ok(index)
}

/// A sample divided by its norm.
pub(super) fn normalizer(
    b: &mut Builder,
    node: &Node,
    x: &Symbolic,
    norm: Norm,
) -> Result<Symbolic, ModelError> {
    let axis = x.dims.len().checked_sub(1).ok_or_else(|| node.dimensions(&x.dims, "[batch, features]"))?;
    let width = x.dims[axis];
    let elements = b.short(&x.elements())?;
    let inverse = match norm {
        Norm::L2 => {
            let squares = folded(b, Fold::SumSquare, &x.dims, &[axis], &elements)?;
            b.function(Function::InverseSqrt, &squares)?
        }
        Norm::L1 | Norm::Max => {
            let fold = if norm == Norm::L1 { Fold::L1 } else { Fold::Max };
            let sizes = folded(b, fold, &x.dims, &[axis], &elements)?;
            b.function(Function::Reciprocal, &sizes)?
        }
    };
    let repeated: Vec<Element> = (0..elements.len()).map(|p| inverse[p / width].clone()).collect();
    let results = b.times(&elements, &repeated)?;
    Ok(Symbolic::new(x.dims.clone(), Kind::Float, results))
}

/// `(x − mean) / √(variance + ε) · scale + bias`, over the axes from `axis` on.
pub(super) fn layer_normalization(
    b: &mut Builder,
    node: &Node,
    operands: Operands<'_>,
    axis: i64,
    epsilon: f64,
) -> Result<Symbolic, ModelError> {
    let [Some(x), Some(scale), rest @ ..] = operands else { return Err(node.misused()) };
    let rank = x.dims.len();
    let axis = position_of(axis, rank).ok_or_else(|| node.dimensions(&x.dims, "no such axis"))?;
    let axes: Vec<usize> = (axis..rank).collect();
    let width: usize = x.dims.iter().skip(axis).product();
    let elements = b.short(&x.elements())?;
    let spread = |e: &[Element]| (0..elements.len()).map(|p| e[p / width].clone()).collect::<Vec<_>>();
    let means = folded(b, Fold::Mean, &x.dims, &axes, &elements)?;
    let means = b.short(&means)?;
    let centred = b.minus(&elements, &spread(&means))?;
    let centred = b.realise(&centred, crate::RealActivation::Identity)?;
    let squares = b.times(&centred, &centred)?;
    let variances = folded(b, Fold::Mean, &x.dims, &axes, &squares)?;
    let shifted: Vec<Element> = variances.iter().map(|v| v.affine(1.0, epsilon)).collect();
    let inverse = b.function(Function::InverseSqrt, &shifted)?;
    let normal = b.times(&centred, &spread(&inverse))?;
    let normal = Symbolic::new(x.dims.clone(), Kind::Float, normal);
    let (dims, [normal, scale]) = aligned(b, node, &normal, scale)?;
    let mut results = Symbolic::new(dims, Kind::Float, b.times(&normal, &scale)?);
    if let Some(Some(bias)) = rest.first() {
        let (dims, [scaled, bias]) = aligned(b, node, &results, bias)?;
        results = Symbolic::new(dims, Kind::Float, b.plus(&scaled, &bias)?);
    }
    Ok(results)
}
