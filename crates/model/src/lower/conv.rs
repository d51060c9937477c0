//! Convolutions, and the geometry of sliding windows.

use super::{
    Operands,
    affine::{self, Matrix},
    builder::Builder,
    element::Element,
    tensor::{Symbolic, strides},
};
use crate::{
    ModelError,
    import::{Kind, Node, Padding, Window},
};

/// Where a window reads, for each position of its result.
pub(super) struct Sweep {
    /// Sizes of the result.
    pub sizes: Vec<usize>,
    /// For each position, the operand's position that each element of the kernel reads; `None` is padding.
    pub reads: Vec<Vec<Option<usize>>>,
    /// For each position, how many elements of the kernel read the operand or its padding.
    pub covered: Vec<usize>,
}

/// One axis of a window: for each position, what each element of the kernel reads, `None` being padding, and whether it
/// reads the operand or its padding at all.
struct Axis {
    reads: Vec<Vec<(Option<usize>, bool)>>,
}

fn axis(size: usize, kernel: usize, window: &Window, at: usize, axes: usize) -> Option<Axis> {
    let stride = window.strides.get(at).copied().unwrap_or(1);
    let dilation = window.dilations.get(at).copied().unwrap_or(1);
    let reach = (kernel.checked_sub(1)?).checked_mul(dilation)?.checked_add(1)?;
    let (before, after, count) = match &window.padding {
        Padding::Same { lower } => {
            let count = size.div_ceil(stride);
            let total = ((count - 1) * stride + reach).saturating_sub(size);
            let half = total / 2;
            let before = if *lower { total - half } else { half };
            (before, total - before, count)
        }
        Padding::Explicit(pads) => {
            let pad = |i: usize| pads.get(i).copied().unwrap_or(0);
            let (before, after) = (pad(at), pad(at + axes));
            let room = (size + before + after).checked_sub(reach)?;
            let mut count = room / stride + 1;
            // A further window must start inside the operand or the padding before it.
            if window.ceil && room % stride != 0 && count * stride < size + before {
                count += 1;
            }
            (before, after, count)
        }
    };
    let read = |position: usize| {
        let at = (position).checked_sub(before).filter(|&p| p < size);
        (at, position < before + size + after)
    };
    let reads = (0..count).map(|p| (0..kernel).map(|k| read(p * stride + k * dilation)).collect()).collect();
    Some(Axis { reads })
}

/// Sweeps a window over the spatial axes.
pub(super) fn sweep(
    b: &mut Builder,
    node: &Node,
    sizes: &[usize],
    kernel: &[usize],
    window: &Window,
) -> Result<Sweep, ModelError> {
    let refuse = || node.dimensions(sizes, "one or two spatial axes that the window fits into");
    let axes = sizes.len();
    let fits = |given: &[usize], count: usize| given.is_empty() || given.len() == count;
    let pads = if let Padding::Explicit(pads) = &window.padding { pads.as_slice() } else { &[] };
    if !(1..=2).contains(&axes)
        || kernel.len() != axes
        || !fits(&window.strides, axes)
        || !fits(&window.dilations, axes)
        || !fits(pads, 2 * axes)
    {
        return Err(refuse());
    }
    let mut along = vec![];
    for (at, (&size, &kernel)) in sizes.iter().zip(kernel).enumerate() {
        let count = size.saturating_add(1 << 17).saturating_mul(kernel);
        if count > super::tensor::MAX_SWEEP {
            return Err(refuse());
        }
        b.spend(count)?;
        along.push(axis(size, kernel, window, at, axes).ok_or_else(refuse)?);
    }
    let sizes_out: Vec<usize> = along.iter().map(|a| a.reads.len()).collect();
    b.allot(node.count(&sizes_out)?.saturating_mul(node.count(kernel)?))?;
    let steps = strides(sizes);
    let (mut reads, mut covered) = (vec![], vec![]);
    let one = [(Some(0), true)];
    for outer in &along[0].reads {
        let inner_axis = along.get(1).map_or(&[][..], |a| a.reads.as_slice());
        let single = [one.to_vec()];
        for inner in if inner_axis.is_empty() { &single[..] } else { inner_axis } {
            let pairs = outer.iter().flat_map(|o| inner.iter().map(move |i| (*o, *i)));
            let both = pairs.clone().map(|((o, _), (i, _))| Some(o? * steps[0] + i?));
            reads.push(both.collect());
            covered.push(pairs.filter(|((_, o), (_, i))| *o && *i).count());
        }
    }
    Ok(Sweep { sizes: sizes_out, reads, covered })
}

/// A convolution: the matrix of each group applied to one column for each position.
pub(super) fn conv(
    b: &mut Builder,
    node: &Node,
    operands: Operands<'_>,
    window: &Window,
    groups: usize,
) -> Result<Symbolic, ModelError> {
    let [Some(x), Some(w), rest @ ..] = operands else { return Err(node.misused()) };
    let refuse = || node.dimensions(&w.dims, "weights [filters, channels / groups, ..] that fit the operand");
    let ([batch, channels, sizes @ ..], [filters, depth, kernel @ ..]) =
        (x.dims.as_slice(), w.dims.as_slice())
    else {
        return Err(refuse());
    };
    let stated = window.kernel.is_empty() || window.kernel == kernel;
    if groups == 0 || !stated || depth.checked_mul(groups) != Some(*channels) || filters % groups != 0 {
        return Err(refuse());
    }
    let weights = w.constants().ok_or_else(|| node.form("computed weights", "constant weights"))?;
    let bias: Vec<f64> = match rest.first() {
        Some(Some(bias)) => {
            let constants = bias.constants().filter(|c| c.len() == *filters);
            constants.ok_or_else(|| node.form("this bias", "a constant for each filter"))?.to_vec()
        }
        _ => vec![0.0; *filters],
    };
    let sweep = sweep(b, node, sizes, kernel, window)?;
    let (area, cells) = (sizes.iter().product::<usize>(), sweep.reads.len());
    let taps: usize = kernel.iter().product();
    node.count(&[*batch, *filters, cells])?;
    b.allot(batch.saturating_mul(*channels).saturating_mul(cells).saturating_mul(taps))?;
    let x = x.elements();
    let per_group = filters / groups;
    let mut results = vec![Element::Constant(0.0); batch * filters * cells];
    for group in 0..groups {
        let first = group * per_group;
        let weight = |row: usize, column: usize| weights[(first + row) * depth * taps + column];
        let matrix =
            Matrix::new(b, [per_group, depth * taps], weight, bias[first..first + per_group].to_vec())?;
        let column = |n: usize, reads: &[Option<usize>]| -> Vec<Element> {
            let base = |channel: usize| (n * channels + group * depth + channel) * area;
            let all = (0..*depth).flat_map(|c| reads.iter().map(move |r| (c, *r)));
            all.map(|(c, r)| r.map_or(Element::Constant(0.0), |r| x[base(c) + r].clone())).collect()
        };
        let columns: Vec<Vec<Element>> = (0..*batch)
            .flat_map(|n| sweep.reads.iter().map(move |r| (n, r)))
            .map(|(n, r)| column(n, r))
            .collect();
        for (position, outputs) in affine::apply(b, &matrix, columns)?.into_iter().enumerate() {
            let (n, cell) = (position / cells, position % cells);
            for (row, output) in outputs.into_iter().enumerate() {
                results[(n * filters + first + row) * cells + cell] = output;
            }
        }
    }
    let dims = [*batch, *filters].into_iter().chain(sweep.sizes).collect();
    Ok(Symbolic::new(dims, Kind::Float, results))
}
