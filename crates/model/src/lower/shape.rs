//! Operators that move elements; shapes and positions must be constants.

use super::{
    Operands,
    builder::Builder,
    element::Element,
    tensor::{Data, Symbolic, broadcast, broadcast_positions, positions, strides},
};
use crate::{
    ModelError, RealActivation,
    import::{Kind, Node, Op, axis as position_of, dimensions},
};

/// The integers of a constant operand.
pub(super) fn integers(node: &Node, t: &Symbolic) -> Result<Vec<i64>, ModelError> {
    let constants = t.constants().filter(|c| t.kind == Kind::Int && c.len() <= 1 << 16);
    let constants =
        constants.ok_or_else(|| node.form("computed shapes or positions", "constant integers"))?;
    Ok(constants.iter().map(|&c| c as i64).collect())
}

/// Executes an operator that moves elements.
pub(super) fn execute(
    b: &mut Builder,
    node: &Node,
    x: &Symbolic,
    operands: Operands<'_>,
) -> Result<Vec<Symbolic>, ModelError> {
    let rank = x.dims.len();
    let no_axis = || node.dimensions(&x.dims, "no such axis");
    let at = |axis: i64| position_of(axis, rank).ok_or_else(no_axis);
    let second = || match operands.get(1) {
        Some(Some(t)) => Ok(t),
        _ => Err(node.misused()),
    };
    b.spend(x.len())?;
    let result = match &node.op {
        Op::Reshape => reshape(node, x, &integers(node, second()?)?)?,
        Op::Flatten { axis } => {
            let axis = if usize::try_from(*axis).is_ok_and(|a| a == rank) { rank } else { at(*axis)? };
            let split = |dims: &[usize]| dims.iter().product::<usize>();
            x.reshaped(vec![split(&x.dims[..axis]), split(&x.dims[axis..])])
        }
        Op::Squeeze => {
            let axes = match operands.get(1) {
                Some(Some(axes)) => {
                    integers(node, axes)?.into_iter().map(at).collect::<Result<Vec<_>, _>>()?
                }
                _ => (0..rank).filter(|&a| x.dims[a] == 1).collect(),
            };
            if axes.iter().any(|&a| x.dims[a] != 1) {
                return Err(node.dimensions(&x.dims, "a squeezed axis has one element"));
            }
            x.reshaped((0..rank).filter(|a| !axes.contains(a)).map(|a| x.dims[a]).collect())
        }
        Op::Unsqueeze => unsqueeze(node, x, &integers(node, second()?)?)?,
        Op::Transpose { order } => transpose(node, x, order.as_deref())?,
        Op::Concat { axis } => concat(b, node, operands, at(*axis)?)?,
        Op::FeatureVectorizer => concat(b, node, operands, rank.saturating_sub(1))?,
        Op::Split { axis, parts } => return split(node, x, operands, at(*axis)?, *parts),
        Op::Slice => slice(node, x, operands)?,
        Op::Gather { axis } => {
            let axis = at(*axis)?;
            let indices = second()?;
            if indices.constants().is_none() {
                return select(b, node, x, indices).map(|t| vec![t]);
            }
            gather(b, node, x, indices, axis)?
        }
        Op::ArrayFeatureExtractor => {
            let (axis, indices) = (rank.checked_sub(1).ok_or_else(no_axis)?, second()?);
            if indices.constants().is_none() {
                return select(b, node, x, indices).map(|t| vec![t]);
            }
            let flat = indices.reshaped(vec![indices.len()]);
            let taken = gather(b, node, x, &flat, axis)?;
            // The result has at least two axes.
            if taken.dims.len() == 1 { taken.reshaped(vec![1, taken.len()]) } else { taken }
        }
        Op::Expand => {
            let to = sizes(node, &integers(node, second()?)?)?;
            let dims =
                broadcast(&x.dims, &to).ok_or_else(|| node.dimensions(&to, "dimensions to broadcast to"))?;
            repeat(b, node, x, dims)?
        }
        Op::Tile => tile(b, node, x, &integers(node, second()?)?)?,
        Op::Pad => pad(b, node, x, operands)?,
        Op::Shape { start, end } => {
            let clamp = |axis: i64| {
                let rank = i64::try_from(rank).unwrap_or(0);
                let from_start = if axis < 0 { axis.saturating_add(rank) } else { axis };
                usize::try_from(from_start.clamp(0, rank)).unwrap_or(0)
            };
            let (start, end) = (clamp(*start), end.map_or(rank, clamp));
            let dims = x.dims.get(start..end).unwrap_or_default();
            if dims.is_empty() {
                return Err(node.dimensions(&x.dims, "a shape of at least one axis"));
            }
            Symbolic::integers(dims)
        }
        Op::ConstantOfShape { value } => {
            let dims = sizes(node, &integers(node, x)?)?;
            let fill = value.data.first().copied().unwrap_or(0.0);
            Symbolic { data: Data::Constant(vec![fill; node.count(&dims)?].into()), dims, kind: value.kind }
        }
        Op::Range => range(node, operands)?,
        _ => return Err(node.misused()),
    };
    Ok(vec![result])
}

fn sizes(node: &Node, dims: &[i64]) -> Result<Vec<usize>, ModelError> {
    let (dims, _) = dimensions(&node.name, dims)?;
    node.count(&dims)?;
    Ok(dims)
}

/// 0 keeps an axis, and one -1 takes what is left.
fn reshape(node: &Node, x: &Symbolic, to: &[i64]) -> Result<Symbolic, ModelError> {
    let refuse = || ModelError::Dimensions {
        value: node.name.clone(),
        dims: to.to_vec(),
        expected: "dimensions with as many elements as the operand",
    };
    let mut dims = Vec::with_capacity(to.len());
    let mut open = None;
    for (axis, &d) in to.iter().enumerate() {
        dims.push(match d {
            0 => *x.dims.get(axis).ok_or_else(refuse)?,
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            _ => usize::try_from(d).map_err(|_| refuse())?,
        });
    }
    // A graph exported with a batch of one keeps it.
    let known = node.count(&dims).map_err(|_| refuse())?;
    if let Some(open) = open {
        dims[open] = x.len() / known;
    }
    if dims.iter().product::<usize>() == x.len() && !dims.contains(&0) {
        Ok(x.reshaped(dims))
    } else {
        Err(refuse())
    }
}

fn unsqueeze(node: &Node, x: &Symbolic, axes: &[i64]) -> Result<Symbolic, ModelError> {
    let rank = x.dims.len() + axes.len();
    let places: Option<Vec<usize>> = axes.iter().map(|&a| position_of(a, rank)).collect();
    let places = places.filter(|p| rank <= 16 && (1..p.len()).all(|i| !p[..i].contains(&p[i])));
    let places = places.ok_or_else(|| node.dimensions(&x.dims, "no such axis"))?;
    let mut rest = x.dims.iter().copied();
    let dims = (0..rank).map(|a| if places.contains(&a) { 1 } else { rest.next().unwrap_or(1) }).collect();
    Ok(x.reshaped(dims))
}

fn transpose(node: &Node, x: &Symbolic, order: Option<&[i64]>) -> Result<Symbolic, ModelError> {
    let rank = x.dims.len();
    let order: Vec<usize> = match order {
        Some(order) => order.iter().filter_map(|&a| position_of(a, rank)).collect(),
        None => (0..rank).rev().collect(),
    };
    if order.len() != rank || (0..rank).any(|a| !order.contains(&a)) {
        return Err(node.dimensions(&x.dims, "an order of all axes"));
    }
    let steps = strides(&x.dims);
    let dims: Vec<usize> = order.iter().map(|&a| x.dims[a]).collect();
    let places = positions(&dims, &order.iter().map(|&a| steps[a]).collect::<Vec<_>>(), 0);
    Ok(x.pick(dims, &places))
}

fn concat(b: &mut Builder, node: &Node, operands: Operands<'_>, axis: usize) -> Result<Symbolic, ModelError> {
    let parts: Option<Vec<&Symbolic>> = operands.iter().map(Option::as_ref).collect();
    let parts = parts.ok_or_else(|| node.misused())?;
    let Some(first) = parts.first() else { return Err(node.misused()) };
    let mut dims = first.dims.clone();
    let mut along = 0;
    for part in &parts {
        let same = part.dims.len() == dims.len()
            && part.dims.iter().zip(&dims).enumerate().all(|(a, (x, y))| a == axis || x == y);
        if !same {
            return Err(node.dimensions(&part.dims, "parts that agree on every other axis"));
        }
        along += part.dims.get(axis).copied().unwrap_or(1);
    }
    match dims.get_mut(axis) {
        Some(d) => *d = along,
        None => return Err(node.dimensions(&dims, "no such axis")),
    }
    let count = node.count(&dims)?;
    b.spend(count)?;
    let outer: usize = dims[..axis].iter().product();
    let mut elements = Vec::with_capacity(count);
    for row in 0..outer {
        for part in &parts {
            let size = part.len() / outer;
            elements.extend((row * size..(row + 1) * size).map(|p| part.get(p)));
        }
    }
    let kind = if parts.iter().all(|p| p.kind == first.kind) { first.kind } else { Kind::Float };
    Ok(Symbolic::new(dims, kind, elements))
}

/// The elements along an axis at the positions.
fn along(x: &Symbolic, axis: usize, at: &[usize]) -> Symbolic {
    let inner: usize = x.dims[axis + 1..].iter().product();
    let outer: usize = x.dims[..axis].iter().product();
    let row = inner * x.dims[axis];
    let places: Vec<usize> = (0..outer)
        .flat_map(|o| at.iter().flat_map(move |a| (0..inner).map(move |i| o * row + a * inner + i)))
        .collect();
    let mut dims = x.dims.clone();
    dims[axis] = at.len();
    x.pick(dims, &places)
}

fn split(
    node: &Node,
    x: &Symbolic,
    operands: Operands<'_>,
    axis: usize,
    parts: usize,
) -> Result<Vec<Symbolic>, ModelError> {
    let whole = x.dims[axis];
    let refuse = || node.dimensions(&x.dims, "parts that add up to the axis");
    let lengths: Vec<usize> = match operands.get(1) {
        Some(Some(t)) => {
            let lengths = integers(node, t)?;
            lengths.into_iter().map(|l| usize::try_from(l).map_err(|_| refuse())).collect::<Result<_, _>>()?
        }
        _ => {
            let parts = if parts == 0 { node.outputs } else { parts };
            let size = whole.div_ceil(parts.max(1));
            (0..parts.min(whole)).map(|p| whole.saturating_sub(p * size).min(size)).collect()
        }
    };
    let total = lengths.iter().try_fold(0usize, |sum, &l| sum.checked_add(l));
    if total != Some(whole) || lengths.contains(&0) {
        return Err(refuse());
    }
    let mut from = 0;
    let mut results = vec![];
    for length in lengths {
        results.push(along(x, axis, &(from..from + length).collect::<Vec<_>>()));
        from += length;
    }
    Ok(results)
}

fn slice(node: &Node, x: &Symbolic, operands: Operands<'_>) -> Result<Symbolic, ModelError> {
    let list = |at: usize| match operands.get(at) {
        Some(Some(t)) => integers(node, t).map(Some),
        _ => Ok(None),
    };
    let (starts, ends) = (list(1)?.unwrap_or_default(), list(2)?.unwrap_or_default());
    let axes = list(3)?.unwrap_or_else(|| (0..).take(starts.len()).collect());
    let steps = list(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err(node.misused());
    }
    let mut result = x.clone();
    for (((start, end), axis), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let axis = position_of(axis, x.dims.len()).ok_or_else(|| node.dimensions(&x.dims, "no such axis"))?;
        let size = i64::try_from(result.dims[axis]).unwrap_or(i64::MAX);
        let bound = |at: i64, least: i64, most: i64| {
            (if at < 0 { at.saturating_add(size) } else { at }).clamp(least, most)
        };
        let mut chosen = vec![];
        if step > 0 {
            let (mut at, end) = (bound(start, 0, size), bound(end, 0, size));
            while at < end {
                chosen.push(at);
                at = at.saturating_add(step);
            }
        } else if step < 0 {
            let (mut at, end) = (bound(start, 0, size - 1), bound(end, -1, size - 1));
            while at > end {
                chosen.push(at);
                at = at.saturating_add(step);
            }
        }
        let chosen: Vec<usize> = chosen.into_iter().filter_map(|a| usize::try_from(a).ok()).collect();
        if chosen.is_empty() {
            return Err(node.dimensions(&x.dims, "a slice with at least one element"));
        }
        result = along(&result, axis, &chosen);
    }
    Ok(result)
}

fn gather(
    b: &mut Builder,
    node: &Node,
    x: &Symbolic,
    indices: &Symbolic,
    axis: usize,
) -> Result<Symbolic, ModelError> {
    let places: Option<Vec<usize>> =
        integers(node, indices)?.into_iter().map(|i| position_of(i, x.dims[axis])).collect();
    let places = places.ok_or_else(|| node.dimensions(&x.dims, "indices inside the axis"))?;
    let dims: Vec<usize> =
        x.dims[..axis].iter().chain(&indices.dims).chain(&x.dims[axis + 1..]).copied().collect();
    b.spend(node.count(&dims)?)?;
    Ok(along(x, axis, &places).reshaped(dims))
}

/// Constants chosen by one computed index: the first, and for each further one its distance to the one before, where the
/// index is at least as large.
fn select(b: &mut Builder, node: &Node, x: &Symbolic, index: &Symbolic) -> Result<Symbolic, ModelError> {
    let refuse = || node.form("a choice by a computed index", "one index into a constant vector");
    let table =
        x.constants().filter(|t| x.dims.iter().all(|&d| d == 1 || d == t.len())).ok_or_else(refuse)?;
    if index.len() != 1 || index.kind != Kind::Int || table.len() > 1024 {
        return Err(refuse());
    }
    let index = b.short(&index.elements())?;
    let [index] = index.as_slice() else { return Err(refuse()) };
    let reached: Vec<Element> = (1..table.len()).map(|k| index.affine(1.0, 0.5 - k as f64)).collect();
    let reached = b.realise(&reached, RealActivation::AtLeastZero)?;
    let steps = table.windows(2).map(|pair| if let [a, b] = pair { b - a } else { 0.0 });
    let mut terms: Vec<Element> = reached.iter().zip(steps).map(|(r, s)| r.affine(s, 0.0)).collect();
    terms.push(Element::Constant(table.first().copied().unwrap_or(0.0)));
    let chosen = b.sum(&terms)?;
    let dims = if matches!(node.op, Op::ArrayFeatureExtractor) { vec![1, 1] } else { vec![1] };
    Ok(Symbolic::new(dims, x.kind, vec![chosen]))
}

/// The tensor broadcast to dimensions; sums become values first.
fn repeat(b: &mut Builder, node: &Node, x: &Symbolic, dims: Vec<usize>) -> Result<Symbolic, ModelError> {
    b.spend(node.count(&dims)?)?;
    let short = Symbolic::new(x.dims.clone(), x.kind, b.short(&x.elements())?);
    let places = broadcast_positions(&x.dims, &dims);
    Ok(short.pick(dims, &places))
}

fn tile(b: &mut Builder, node: &Node, x: &Symbolic, repeats: &[i64]) -> Result<Symbolic, ModelError> {
    let repeats = sizes(node, repeats)?;
    if repeats.len() != x.dims.len() {
        return Err(node.misused());
    }
    let dims: Option<Vec<usize>> = x.dims.iter().zip(&repeats).map(|(d, r)| d.checked_mul(*r)).collect();
    let dims = dims.ok_or_else(|| node.misused())?;
    b.spend(node.count(&dims)?)?;
    let mut result = Symbolic::new(x.dims.clone(), x.kind, b.short(&x.elements())?);
    for (axis, &times) in repeats.iter().enumerate() {
        let size = result.dims[axis];
        result = along(&result, axis, &(0..size * times).map(|p| p % size).collect::<Vec<_>>());
    }
    Ok(result)
}

/// Constants around the axes; a negative padding cuts.
fn pad(b: &mut Builder, node: &Node, x: &Symbolic, operands: Operands<'_>) -> Result<Symbolic, ModelError> {
    let list = |at: usize| match operands.get(at) {
        Some(Some(t)) => integers(node, t).map(Some),
        _ => Ok(None),
    };
    let rank = x.dims.len();
    let pads = list(1)?.unwrap_or_default();
    let axes = list(3)?.unwrap_or_else(|| (0..).take(rank).collect());
    let fill = match operands.get(2) {
        Some(Some(t)) => t.constants().and_then(|c| c.first().copied()).ok_or_else(|| node.misused())?,
        _ => 0.0,
    };
    let (Some((starts, ends)), true) = (pads.split_at_checked(axes.len()), pads.len() == 2 * axes.len())
    else {
        return Err(node.misused());
    };
    let mut dims = x.dims.clone();
    let mut elements = x.elements();
    for ((&axis, &start), &end) in axes.iter().zip(starts).zip(ends) {
        let axis = position_of(axis, rank).ok_or_else(|| node.dimensions(&x.dims, "no such axis"))?;
        let size = i64::try_from(dims[axis]).unwrap_or(i64::MAX);
        let total = start.checked_add(end).and_then(|p| p.checked_add(size));
        let total = total.and_then(|t| usize::try_from(t).ok()).unwrap_or(0);
        let (inner, row) = (dims[axis + 1..].iter().product::<usize>(), dims[axis]);
        dims[axis] = total;
        let count = node.count(&dims)?;
        b.spend(count)?;
        let from = |p: usize| {
            let (outer, along) = (p / inner / total, p / inner % total);
            let at = i64::try_from(along).ok()?.checked_sub(start)?;
            let at = usize::try_from(at).ok().filter(|&a| a < row)?;
            Some((outer * row + at) * inner + p % inner)
        };
        elements =
            (0..count).map(|p| from(p).map_or(Element::Constant(fill), |at| elements[at].clone())).collect();
    }
    Ok(Symbolic::new(dims, x.kind, elements))
}

fn range(node: &Node, operands: Operands<'_>) -> Result<Symbolic, ModelError> {
    let known = |t: &Option<Symbolic>| match t.as_ref().and_then(Symbolic::constants) {
        Some([c]) => Ok(*c),
        _ => Err(node.form("a computed range", "constant bounds")),
    };
    let [start, end, step] = operands else { return Err(node.misused()) };
    let kind = start.as_ref().map_or(Kind::Float, |t| t.kind);
    let (start, end, step) = (known(start)?, known(end)?, known(step)?);
    let count = ((end - start) / step).ceil();
    if !(1.0..=65536.0).contains(&count) {
        return Err(node.dimensions(&[], "a range of 1 to 65536 numbers"));
    }
    let data: Vec<f64> =
        (0..65536u32).take_while(|&k| f64::from(k) < count).map(|k| start + f64::from(k) * step).collect();
    Ok(Symbolic { dims: vec![data.len()], kind, data: Data::Constant(data.into()) })
}
