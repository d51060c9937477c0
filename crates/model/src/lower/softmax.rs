//! Softmax.

use super::{builder::Builder, element::Element, reduce::groups, tensor::Symbolic};
use crate::{
    ModelError,
    import::{Kind, Node, axis as position_of},
    program::Function,
};

/// Softmax along an axis, or over all axes from it on; its logarithm on request.
pub(super) fn softmax(
    b: &mut Builder,
    node: &Node,
    x: &Symbolic,
    axis: i64,
    rows: bool,
    log: bool,
) -> Result<Symbolic, ModelError> {
    let rank = x.dims.len();
    let at = position_of(axis, rank).ok_or_else(|| node.dimensions(&x.dims, "no such axis"))?;
    let axes: Vec<usize> = if rows { (at..rank).collect() } else { vec![at] };
    let groups = groups(&x.dims, &axes);
    let elements = x.elements();
    let lists: Vec<Vec<Element>> =
        groups.iter().map(|g| g.iter().map(|&p| elements[p].clone()).collect()).collect();
    let results = if log { logarithms(b, &lists)? } else { probabilities(b, &lists)? };
    let mut placed = vec![Element::Constant(0.0); x.len()];
    for (group, list) in groups.iter().zip(results) {
        for (&position, element) in group.iter().zip(list) {
            placed[position] = element;
        }
    }
    Ok(Symbolic::new(x.dims.clone(), Kind::Float, placed))
}

/// `e^(x_i − max) / Σ e^(x_j − max)` of each list. Of two, it is `σ(x_0 − x_1)` and the rest.
pub(super) fn probabilities(
    b: &mut Builder,
    lists: &[Vec<Element>],
) -> Result<Vec<Vec<Element>>, ModelError> {
    if lists.iter().all(|l| l.len() == 1) {
        return Ok(vec![vec![Element::Constant(1.0)]; lists.len()]);
    }
    if lists.iter().all(|l| l.len() == 2) {
        let side = |side: usize| lists.iter().map(|l| l[side].clone()).collect::<Vec<_>>();
        let difference = b.minus(&side(0), &side(1))?;
        let first = b.function(Function::Sigmoid, &difference)?;
        return Ok(first.into_iter().map(|p| vec![p.clone(), p.affine(-1.0, 1.0)]).collect());
    }
    let (_, exponentials, sums) = exponentials(b, lists)?;
    let inverse = b.function(Function::Reciprocal, &sums)?;
    let flat: Vec<Element> = exponentials.iter().flatten().cloned().collect();
    let repeated: Vec<Element> =
        exponentials.iter().zip(&inverse).flat_map(|(l, i)| l.iter().map(move |_| i.clone())).collect();
    Ok(split(b.times(&flat, &repeated)?, lists))
}

/// `x_i − max − ln Σ e^(x_j − max)` of each list.
fn logarithms(b: &mut Builder, lists: &[Vec<Element>]) -> Result<Vec<Vec<Element>>, ModelError> {
    let (shifted, _, sums) = exponentials(b, lists)?;
    let logs = b.function(Function::Log, &sums)?;
    let flat: Vec<Element> = shifted.iter().flatten().cloned().collect();
    let repeated: Vec<Element> =
        shifted.iter().zip(&logs).flat_map(|(l, s)| l.iter().map(move |_| s.clone())).collect();
    Ok(split(b.minus(&flat, &repeated)?, lists))
}

type Exponentials = (Vec<Vec<Element>>, Vec<Vec<Element>>, Vec<Element>);

/// The differences to the greatest, their exponentials, and the sums of those.
fn exponentials(b: &mut Builder, lists: &[Vec<Element>]) -> Result<Exponentials, ModelError> {
    let flat: Vec<Element> = lists.iter().flatten().cloned().collect();
    let flat = b.short(&flat)?;
    let greatest = b.tournament(&split(flat.clone(), lists), true)?;
    let greatest = b.short(&greatest)?;
    let repeated: Vec<Element> =
        lists.iter().zip(&greatest).flat_map(|(l, g)| l.iter().map(move |_| g.clone())).collect();
    let shifted = b.minus(&flat, &repeated)?;
    let exponentials = split(b.function(Function::Exp, &shifted)?, lists);
    let sums: Result<Vec<_>, _> = exponentials.iter().map(|l| b.sum(l)).collect();
    Ok((split(shifted, lists), exponentials, sums?))
}

/// A flat list in parts as long as those of `like`.
fn split(flat: Vec<Element>, like: &[Vec<Element>]) -> Vec<Vec<Element>> {
    let mut flat = flat.into_iter();
    like.iter().map(|l| flat.by_ref().take(l.len()).collect()).collect()
}
