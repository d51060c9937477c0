//! Operators with a sliding window.

use super::Source;
use crate::{
    ModelError,
    import::{Fold, Op, Padding, Window},
};

/// Greatest size, stride, dilation or padding.
const MAX_EXTENT: i64 = 1 << 16;

/// Reads a convolution or pooling; `None` for others.
pub(super) fn read(source: &mut Source) -> Result<Option<Op>, ModelError> {
    let (op, least, most) = match source.kind.as_str() {
        "Conv" => {
            let window = window(source)?;
            let groups = source.attributes.int("group", 1)?;
            let groups = usize::try_from(groups).ok().filter(|&g| g > 0);
            (Op::Conv { window, groups: groups.ok_or_else(|| source.attributes.refuse("group"))? }, 2, 3)
        }
        "AveragePool" => {
            let count_padding = source.attributes.flag("count_include_pad")?;
            (Op::Pool { fold: Fold::Mean, window: window(source)?, count_padding }, 1, 1)
        }
        "MaxPool" => {
            source.attributes.ignore(&["storage_order"]);
            (Op::Pool { fold: Fold::Max, window: window(source)?, count_padding: false }, 1, 1)
        }
        "GlobalAveragePool" => (Op::GlobalPool(Fold::Mean), 1, 1),
        "GlobalMaxPool" => (Op::GlobalPool(Fold::Max), 1, 1),
        _ => return Ok(None),
    };
    source.arity(least, most)?;
    Ok(Some(op))
}

fn window(source: &mut Source) -> Result<Window, ModelError> {
    let kernel = extents(source, "kernel_shape", 1)?.unwrap_or_default();
    let strides = extents(source, "strides", 1)?.unwrap_or_default();
    let dilations = extents(source, "dilations", 1)?.unwrap_or_default();
    let pads = extents(source, "pads", 0)?.unwrap_or_default();
    let padding = match source.attributes.string("auto_pad", "NOTSET")?.as_str() {
        "NOTSET" => Padding::Explicit(pads),
        "VALID" => Padding::Explicit(vec![]),
        "SAME_UPPER" => Padding::Same { lower: false },
        "SAME_LOWER" => Padding::Same { lower: true },
        _ => return Err(source.attributes.refuse("auto_pad")),
    };
    let ceil = source.attributes.flag("ceil_mode")?;
    Ok(Window { kernel, strides, dilations, padding, ceil })
}

fn extents(source: &mut Source, name: &str, least: i64) -> Result<Option<Vec<usize>>, ModelError> {
    let Some(values) = source.attributes.ints(name)? else { return Ok(None) };
    let valid = values.len() <= 4 && values.iter().all(|v| (least..=MAX_EXTENT).contains(v));
    let sizes: Vec<usize> = values.iter().filter_map(|&v| usize::try_from(v).ok()).collect();
    if valid { Ok(Some(sizes)) } else { Err(source.attributes.refuse(name)) }
}
