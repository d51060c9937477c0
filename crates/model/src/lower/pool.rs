//! Pooling.

use super::{builder::Builder, conv::sweep, element::Element, tensor::Symbolic};
use crate::{
    ModelError,
    import::{Fold, Node, Window},
};

/// Greatest or mean of each window.
pub(super) fn pool(
    b: &mut Builder,
    node: &Node,
    x: &Symbolic,
    fold: Fold,
    window: &Window,
    count_padding: bool,
) -> Result<Symbolic, ModelError> {
    let [batch, channels, sizes @ ..] = x.dims.as_slice() else {
        return Err(node.dimensions(&x.dims, "[batch, channels, ..]"));
    };
    let sweep = sweep(b, node, sizes, &window.kernel, window)?;
    let area: usize = sizes.iter().product();
    let planes = batch * channels;
    node.count(&[planes, sweep.reads.len()])?;
    let taps = sweep.reads.first().map_or(1, Vec::len);
    b.allot(planes.saturating_mul(sweep.reads.len()).saturating_mul(taps))?;
    let elements = b.short(&x.elements())?;
    let mut windows: Vec<Vec<Element>> = vec![];
    let mut divisors = vec![];
    for plane in 0..planes {
        for (reads, covered) in sweep.reads.iter().zip(&sweep.covered) {
            let inside: Vec<Element> =
                reads.iter().flatten().map(|r| elements[plane * area + r].clone()).collect();
            if inside.is_empty() {
                return Err(node.form("a window of padding alone", "smaller padding"));
            }
            divisors.push(if count_padding { *covered } else { inside.len() });
            windows.push(inside);
        }
    }
    let results = match fold {
        Fold::Max => b.tournament(&windows, true)?,
        _ => {
            let mean = |(w, d): (&Vec<Element>, &usize)| Ok(b.sum(w)?.affine(1.0 / *d as f64, 0.0));
            windows.iter().zip(&divisors).map(mean).collect::<Result<_, ModelError>>()?
        }
    };
    let dims = [*batch, *channels].into_iter().chain(sweep.sizes).collect();
    Ok(Symbolic::new(dims, x.kind, results))
}

/// Greatest or mean of all spatial positions.
pub(super) fn global(b: &mut Builder, node: &Node, x: &Symbolic, fold: Fold) -> Result<Symbolic, ModelError> {
    let [batch, channels, sizes @ ..] = x.dims.as_slice() else {
        return Err(node.dimensions(&x.dims, "[batch, channels, ..]"));
    };
    let area: usize = sizes.iter().product();
    let elements = b.short(&x.elements())?;
    let planes: Vec<Vec<Element>> = elements.chunks(area.max(1)).map(<[Element]>::to_vec).collect();
    let results = match fold {
        Fold::Max => b.tournament(&planes, true)?,
        _ => {
            let mean = |p: &Vec<Element>| Ok(b.sum(p)?.affine(1.0 / area as f64, 0.0));
            planes.iter().map(mean).collect::<Result<_, ModelError>>()?
        }
    };
    let dims = [*batch, *channels].into_iter().chain(sizes.iter().map(|_| 1)).collect();
    Ok(Symbolic::new(dims, x.kind, results))
}
