//! Third stage: a floating-point network to the integer model.
//!
//! With `h_j = max(0, Σ W_ji z_i + b_j)` a hidden channel and `s_j > 0` its scale, the integer channel is
//! `round(s_j · h_j)`: a ReLU commutes with a positive factor, so every channel gets the factor that uses its 16 bits
//! best. `s_j` is the largest for which the channel stays below 2^16 over the inputs' ranges and every weight of its row
//! fits. The last layer divides the scales out again. Input multipliers `m_i` are as small as the weights allow, which
//! leaves the weights as many bits as possible.

use sotto_types::MODEL_FEATURES;

use crate::{
    ACTIVATION_BITS, Dense, FloatLayer, FloatNetwork, Frontend, INPUT_BITS, InputMap, IntModel, LayerFormat,
    ModelError, Policy, ShapeClass,
};

/// A channel with fewer steps than this over its range has lost the model's meaning.
const MIN_LEVELS: f64 = 64.0;
/// Greatest value of a channel.
const CHANNEL_MAX: f64 = ((1u64 << ACTIVATION_BITS) - 1) as f64;

/// Quantises a network whose output, times `output_scale`, is in pips.
///
/// `calibration` holds the greatest value of each hidden channel, layer by layer, as seen on data; a channel saturates
/// beyond it. Without it (empty), bounds follow from the inputs' ranges alone, which is safe and less precise.
///
/// # Errors
/// When counts of inputs or channels differ, or a weight or channel does not fit with useful precision.
pub(crate) fn quantise(
    network: &FloatNetwork,
    frontend: &Frontend,
    calibration: &[Vec<f64>],
    output_scale: f64,
    policy: Policy,
) -> Result<IntModel, ModelError> {
    let class = ShapeClass { hidden: network.hidden() };
    check_width("inputs", network.inputs(), frontend.inputs.len())?;
    if !calibration.is_empty() {
        check_width("calibrated layers", class.hidden.len(), calibration.len())?;
        for (width, tops) in class.hidden.iter().zip(calibration) {
            check_width("calibrated channels of a layer", *width, tops.len())?;
        }
    }
    let formats = class.layers();
    let ceilings = ceilings(network, frontend, calibration);
    let mut layers = network.layers.iter().zip(&formats).zip(&ceilings).enumerate();

    let Some((_, ((first, format), tops))) = layers.next() else {
        return Err(ModelError::Missing { what: "layers" });
    };
    let mut folded = fold(first, frontend);
    let goal = |position: usize, tops: &[f64]| {
        if position + 1 == formats.len() { Goal::Pips(output_scale) } else { Goal::Channels(tops.to_vec()) }
    };
    let (inputs, dense, mut scales) = first_layer(&mut folded, frontend, *format, &goal(0, tops))?;
    let mut quantised = vec![dense];
    for (position, ((layer, format), tops)) in layers {
        let (dense, next) = later_layer(position, layer, &scales, *format, &goal(position, tops))?;
        quantised.push(dense);
        scales = next;
    }
    Ok(IntModel::new(class, inputs, quantised, policy)?)
}

fn check_width(what: &'static str, expected: usize, got: usize) -> Result<(), ModelError> {
    if expected == got { Ok(()) } else { Err(ModelError::Width { what, expected, got }) }
}

/// What the rows of a layer are scaled to.
enum Goal {
    /// Hidden channels, each with its greatest value.
    Channels(Vec<f64>),
    /// The output, with the pips in one unit of it.
    Pips(f64),
}

impl Goal {
    /// Scale of a row, given the largest that its weights allow.
    fn scale(&self, layer: usize, channel: usize, largest: f64) -> Result<f64, ModelError> {
        let unrepresentable = |reason| ModelError::Unrepresentable { layer, channel, reason };
        match self {
            Self::Pips(scale) if scale.abs() <= largest => Ok(*scale),
            Self::Pips(_) => Err(unrepresentable("a weight of the output exceeds its bits")),
            Self::Channels(tops) => {
                let top = tops.get(channel).copied().unwrap_or(0.0);
                // A channel that is never active may have any scale; without weights it stays at zero.
                if top <= 0.0 {
                    return Ok(0.0);
                }
                let scale = (CHANNEL_MAX / top).min(largest);
                if scale * top < MIN_LEVELS || !scale.is_finite() {
                    return Err(unrepresentable("its weights leave it fewer than 64 steps"));
                }
                Ok(scale)
            }
        }
    }
}

/// Upper bounds of every channel before its ReLU, over the inputs' ranges and within the calibration; in the last layer
/// of the output.
fn ceilings(network: &FloatNetwork, frontend: &Frontend, calibration: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut ranges: Vec<[f64; 2]> = frontend.inputs.iter().map(|i| i.range).collect();
    let mut all = Vec::with_capacity(network.layers.len());
    for (position, layer) in network.layers.iter().enumerate() {
        let seen = calibration.get(position).map_or(&[][..], Vec::as_slice);
        let seen = seen.iter().copied().chain(std::iter::repeat(f64::INFINITY));
        let bounds: Vec<[f64; 2]> = layer
            .rows()
            .zip(seen)
            .map(|((row, bias), seen)| {
                let [lo, hi] = row.iter().zip(&ranges).fold([bias; 2], |[lo, hi], (w, [a, b])| {
                    let (x, y) = (w * a, w * b);
                    [lo + x.min(y), hi + x.max(y)]
                });
                [lo.min(seen), hi.min(seen)]
            })
            .collect();
        all.push(bounds.iter().map(|[_, hi]| *hi).collect());
        ranges = bounds.iter().map(|[lo, hi]| [lo.max(0.0), hi.max(0.0)]).collect();
    }
    all
}

/// The first layer as a function of the saturated raw features.
fn fold(layer: &FloatLayer, frontend: &Frontend) -> FloatLayer {
    let mut folded = FloatLayer { inputs: MODEL_FEATURES, weights: Vec::new(), biases: Vec::new() };
    for (row, bias) in layer.rows() {
        let mut factors = [0.0; MODEL_FEATURES];
        let mut constant = bias;
        for (w, input) in row.iter().zip(&frontend.inputs) {
            for (factor, f) in factors.iter_mut().zip(&input.factors) {
                *factor += w * f;
            }
            constant += w * input.constant;
        }
        folded.weights.extend(factors);
        folded.biases.push(constant);
    }
    folded
}

/// A whole number of at least 1 that a multiplier can be.
#[allow(clippy::cast_sign_loss, reason = "the caller keeps it above zero, and the cast saturates")]
const fn whole(x: f64) -> u32 {
    x as u32
}

fn power(bits: u32) -> f64 {
    (1u128 << bits) as f64
}

/// Greatest weight of a format that leaves room for rounding.
fn weight_limit(format: LayerFormat) -> f64 {
    power(format.weight_bits - 1) - 1.0
}

type FirstLayer = ([InputMap; MODEL_FEATURES], Dense, Vec<f64>);

fn first_layer(
    layer: &mut FloatLayer,
    frontend: &Frontend,
    format: LayerFormat,
    goal: &Goal,
) -> Result<FirstLayer, ModelError> {
    let unit = power(format.shift);
    let limit = weight_limit(format);
    let widths = frontend.ranges.map(|r| r.map_or(0, |[lo, hi]| i64::from(hi) - i64::from(lo)));
    let largest_mult = widths.map(|width| if width > 0 { ((1i64 << INPUT_BITS) - 1) / width } else { 0 });
    if let Some(index) = (0..MODEL_FEATURES).find(|&i| widths[i] > 0 && largest_mult[i] == 0) {
        return Err(ModelError::Unrepresentable {
            layer: 0,
            channel: index,
            reason: "the range of this feature takes 2^28 steps or more (64 doublings)",
        });
    }

    let mut scales = Vec::with_capacity(layer.biases.len());
    for (channel, (row, _)) in layer.rows().enumerate() {
        let steepest = row.iter().zip(largest_mult).filter(|(_, m)| *m > 0);
        let steepest = steepest.map(|(c, m)| c.abs() / (m as f64)).fold(0.0, f64::max);
        scales.push(goal.scale(0, channel, limit / (steepest * unit))?);
    }

    let mut inputs = [InputMap::default(); MODEL_FEATURES];
    for (index, (map, range)) in inputs.iter_mut().zip(frontend.ranges).enumerate() {
        let column = layer.rows().zip(&scales).filter_map(|((row, _), s)| Some((row.get(index)? * s).abs()));
        let steepest = column.fold(0.0, f64::max) * unit;
        if let Some([lo, hi]) = range.filter(|_| steepest > 0.0) {
            let mult = (steepest / limit).ceil().max(1.0).min(largest_mult[index] as f64);
            *map = InputMap { lo, hi, mult: whole(mult) };
        }
    }

    let mut dense = Dense { weights: Vec::with_capacity(layer.weights.len()), biases: Vec::new() };
    for ((row, constant), scale) in layer.rows().zip(&scales) {
        let mut bias = constant * scale * unit;
        for (c, map) in row.iter().zip(&inputs) {
            let exact = if map.mult == 0 { 0.0 } else { c * scale * unit / f64::from(map.mult) };
            let weight = exact.round().clamp(-limit, limit);
            dense.weights.push(weight as i32);
            // The weight's rounding is made up for in the middle of the range.
            let middle = 0.5 * (f64::from(map.hi) - f64::from(map.lo)) * f64::from(map.mult);
            bias += exact * f64::from(map.lo) * f64::from(map.mult) + (exact - weight) * middle;
        }
        dense.biases.push(bias_value(bias, format, 0, dense.biases.len())?);
    }
    Ok((inputs, dense, scales))
}

fn later_layer(
    position: usize,
    layer: &FloatLayer,
    before: &[f64],
    format: LayerFormat,
    goal: &Goal,
) -> Result<(Dense, Vec<f64>), ModelError> {
    let unit = power(format.shift);
    let limit = weight_limit(format);
    let mut dense = Dense { weights: Vec::with_capacity(layer.weights.len()), biases: Vec::new() };
    let mut scales = Vec::with_capacity(layer.biases.len());
    for (channel, (row, bias)) in layer.rows().enumerate() {
        // What a scale of zero writes is always zero.
        let relative = row.iter().zip(before).map(|(w, s)| if *s > 0.0 { w / s } else { 0.0 });
        let steepest = relative.clone().map(f64::abs).fold(0.0, f64::max);
        let scale = goal.scale(position, channel, limit / (steepest * unit))?;
        dense.weights.extend(relative.map(|w| (w * scale * unit).round().clamp(-limit, limit) as i32));
        dense.biases.push(bias_value(bias * scale * unit, format, position, channel)?);
        scales.push(scale);
    }
    Ok((dense, scales))
}

fn bias_value(bias: f64, format: LayerFormat, layer: usize, channel: usize) -> Result<i64, ModelError> {
    let rounded = bias.round();
    if rounded.abs() < power(format.bias_bits - 1) {
        Ok(rounded as i64)
    } else {
        Err(ModelError::Unrepresentable { layer, channel, reason: "its bias exceeds its bits" })
    }
}
