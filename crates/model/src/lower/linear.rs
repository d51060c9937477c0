//! Products with matrices, and scaling.

use super::{
    Operands,
    affine::{self, Matrix},
    builder::Builder,
    element::Element,
    tensor::{Symbolic, broadcast, broadcast_positions},
};
use crate::{
    ModelError,
    import::{Kind, Node},
};

/// `a · b` of a `[n, k]` and a `[k, m]` matrix, row-major.
fn product(
    b: &mut Builder,
    node: &Node,
    left: &Symbolic,
    right: &Symbolic,
    [n, k, m]: [usize; 3],
) -> Result<Vec<Element>, ModelError> {
    node.count(&[n, m])?;
    let work = n.saturating_mul(m).saturating_mul(k);
    b.spend(work)?;
    if let (Some(left), Some(right)) = (left.constants(), right.constants()) {
        let cell = |i: usize, j: usize| (0..k).map(|l| left[i * k + l] * right[l * m + j]).sum::<f64>();
        return Ok((0..n * m).map(|p| Element::Constant(cell(p / m, p % m))).collect());
    }
    if let Some(weights) = right.constants() {
        let matrix = Matrix::new(b, [m, k], |j, l| weights[l * m + j], vec![0.0; m])?;
        let columns = (0..n).map(|i| (0..k).map(|l| left.get(i * k + l)).collect()).collect();
        return Ok(affine::apply(b, &matrix, columns)?.into_iter().flatten().collect());
    }
    if let Some(weights) = left.constants() {
        let matrix = Matrix::new(b, [n, k], |i, l| weights[i * k + l], vec![0.0; n])?;
        let columns = (0..m).map(|j| (0..k).map(|l| right.get(l * m + j)).collect()).collect();
        let results = affine::apply(b, &matrix, columns)?;
        return Ok((0..n * m).map(|p| results[p % m][p / m].clone()).collect());
    }
    b.allot(work)?;
    let short = |b: &mut Builder, t: &Symbolic| b.short(&t.elements());
    let (left, right) = (short(b, left)?, short(b, right)?);
    let cells = (0..n * m * k).map(|p| (p / (m * k), p / k % m, p % k));
    let pairs: Vec<[Element; 2]> =
        cells.map(|(i, j, l)| [left[i * k + l].clone(), right[l * m + j].clone()]).collect();
    let products = b.product(&pairs)?;
    products.chunks(k).map(|terms| b.sum(terms)).collect()
}

/// `MatMul`: the last two axes are matrices, the others broadcast.
pub(super) fn matmul(b: &mut Builder, node: &Node, operands: Operands<'_>) -> Result<Symbolic, ModelError> {
    let [Some(x), Some(y)] = operands else { return Err(node.misused()) };
    let mismatch = || node.dimensions(&y.dims, "a matrix with as many rows as the operand has columns");
    // A vector is a row on the left and a column on the right; its axis is not in the result.
    let mut left = x.dims.clone();
    if left.len() == 1 {
        left.insert(0, 1);
    }
    let mut right = y.dims.clone();
    if right.len() == 1 {
        right.push(1);
    }
    let ([outer_left @ .., n, k], [outer_right @ .., rows, m]) = (left.as_slice(), right.as_slice()) else {
        return Err(mismatch());
    };
    if k != rows {
        return Err(mismatch());
    }
    let outer = broadcast(outer_left, outer_right).ok_or_else(mismatch)?;
    let batches = node.count(&outer)?;
    node.count(&[batches, *n, *m])?;
    let elements = if batches == 1 {
        product(b, node, x, y, [*n, *k, *m])?
    } else if let (true, None, Some(_)) = (outer_right.iter().all(|&d| d == 1), x.constants(), y.constants())
    {
        // One matrix for all of them: their rows are so many columns.
        product(b, node, x, y, [batches * n, *k, *m])?
    } else {
        let mut all = vec![];
        let lefts = broadcast_positions(outer_left, &outer);
        for (i, j) in lefts.into_iter().zip(broadcast_positions(outer_right, &outer)) {
            let part = |t: &Symbolic, at: usize, size: usize| {
                t.pick(vec![size], &(at * size..(at + 1) * size).collect::<Vec<_>>())
            };
            all.extend(product(b, node, &part(x, i, n * k), &part(y, j, k * m), [*n, *k, *m])?);
        }
        all
    };
    let mut dims = outer;
    if x.dims.len() > 1 {
        dims.push(*n);
    }
    if y.dims.len() > 1 {
        dims.push(*m);
    }
    Ok(Symbolic::new(dims, Kind::Float, elements))
}

/// `alpha · A · B + beta · C`.
pub(super) fn gemm(
    b: &mut Builder,
    node: &Node,
    operands: Operands<'_>,
    [alpha, beta]: [f64; 2],
    transpose: [bool; 2],
) -> Result<Symbolic, ModelError> {
    let [Some(x), Some(y), rest @ ..] = operands else { return Err(node.misused()) };
    let turned = |t: &Symbolic, turn: bool| match (t.dims.as_slice(), turn) {
        ([_, _], false) => Some(t.clone()),
        ([rows, columns], true) => {
            let positions: Vec<usize> = (0..rows * columns).map(|p| p % rows * columns + p / rows).collect();
            Some(t.pick(vec![*columns, *rows], &positions))
        }
        _ => None,
    };
    let refuse =
        || node.dimensions(&y.dims, "two matrices, the second with as many rows as the first has columns");
    let (left, right) = (turned(x, transpose[0]), turned(y, transpose[1]));
    let (Some(left), Some(right)) = (left, right) else { return Err(refuse()) };
    let ([n, k], [rows, m]) = (left.dims.as_slice(), right.dims.as_slice()) else { return Err(refuse()) };
    if k != rows {
        return Err(refuse());
    }
    let product = product(b, node, &left, &right, [*n, *k, *m])?;
    let scaled: Vec<Element> = product.iter().map(|e| e.affine(alpha, 0.0)).collect();
    let Some(Some(c)) = rest.first() else { return Ok(Symbolic::new(vec![*n, *m], Kind::Float, scaled)) };
    if broadcast(&c.dims, &[*n, *m]).is_none_or(|d| d != [*n, *m]) {
        return Err(node.dimensions(&c.dims, "a bias that broadcasts to the product"));
    }
    let positions = broadcast_positions(&c.dims, &[*n, *m]);
    let c = c.elements();
    let bias: Vec<Element> = positions.into_iter().map(|p| c[p].affine(beta, 0.0)).collect();
    let sum = b.plus(&scaled, &bias)?;
    Ok(Symbolic::new(vec![*n, *m], Kind::Float, sum))
}

/// `scale · (x − mean) / √(variance + ε) + bias`, along axis 1.
pub(super) fn batch_normalization(
    b: &mut Builder,
    node: &Node,
    operands: Operands<'_>,
    epsilon: f64,
) -> Result<Symbolic, ModelError> {
    let [Some(x), parameters @ ..] = operands else { return Err(node.misused()) };
    let channels = x.dims.get(1).copied().unwrap_or(1);
    let mut constants: Vec<&[f64]> = vec![];
    for parameter in parameters {
        let data = parameter.as_ref().and_then(Symbolic::constants).filter(|c| c.len() == channels);
        constants.push(data.ok_or_else(|| node.form("these parameters", "a constant for each channel"))?);
    }
    let [scale, bias, mean, variance] = constants.as_slice() else { return Err(node.misused()) };
    b.spend(x.len())?;
    let inner: usize = x.dims.iter().skip(2).product();
    let elements = x.elements();
    let elements = elements.iter().enumerate().map(|(position, e)| {
        let c = position / inner % channels;
        let factor = scale[c] / (variance[c] + epsilon).sqrt();
        e.affine(factor, bias[c] - mean[c] * factor)
    });
    Ok(Symbolic::new(x.dims.clone(), Kind::Float, elements.collect()))
}

/// `(x − offset) · scale`, along the last axis.
pub(super) fn scaler(
    node: &Node,
    x: &Symbolic,
    offset: &[f64],
    scale: &[f64],
) -> Result<Symbolic, ModelError> {
    let width = x.dims.last().copied().unwrap_or(1);
    if ![1, width].contains(&offset.len()) || ![1, width].contains(&scale.len()) {
        return Err(node.dimensions(&x.dims, "an offset and a factor for each feature"));
    }
    let at = |values: &[f64], position: usize| values[position % width % values.len()];
    let elements = x.elements();
    let elements = elements.iter().enumerate().map(|(position, e)| {
        let (offset, scale) = (at(offset, position), at(scale, position));
        e.affine(scale, -offset * scale)
    });
    Ok(Symbolic::new(x.dims.clone(), Kind::Float, elements.collect()))
}
