//! Ensembles of trees as integers, exact by construction.
//!
//! An input that trees compare is `unit · z + shift` for an integer `z`, a combination of features with small integer
//! factors, or the nearest integer where the factors have no common unit. A node's threshold becomes the greatest `z` that
//! goes left, found with the arithmetic of the floating-point runtime (an input is rounded to float32 before it is
//! compared), so that every test has the same outcome for every `z`.

use serde::{Deserialize, Serialize};
use sotto_types::MODEL_FEATURES;

use super::front::shifted;
use super::ranges::Range;
use crate::program::{Ensemble, EnsembleParameters, Format, LEAF_BITS, Node};
use crate::{AffineInput, Comparison, Frontend, ModelError, RealNode};

/// Sizes of ensembles, so that a re-trained model stays in its class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TreeTable {
    /// Trees of an ensemble, at least as many as the model has.
    pub trees: Option<usize>,
    /// Depth of the trees, at least the model's.
    pub depth: Option<u32>,
    /// Bits of a feature's rank: `2^rank-bits − 1` thresholds.
    pub rank_bits: Option<u32>,
}

/// Greatest factor of a feature in an integer combination.
const MAX_FACTOR: f64 = 31.0;
/// Greatest depth of a tree and number of trees.
const MAX_DEPTH: u32 = 10;
const MAX_TREES: usize = 4096;

/// An input as an integer: `unit · z + shift`, `z` within `[least, greatest]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WideInput {
    /// Factors of the features, counted from the least of their range, in `z`.
    pub(super) factors: Vec<f64>,
    /// Constant term of `z`.
    pub(super) constant: f64,
    unit: f64,
    shift: f64,
    least: i64,
    greatest: i64,
}

impl WideInput {
    /// The form of an input, given the greatest multiplier of each feature.
    pub(super) fn new(
        input: &AffineInput,
        frontend: &Frontend,
        largest: &[f64; MODEL_FEATURES],
    ) -> Result<Self, ModelError> {
        let (factors, constant) = shifted(input, frontend);
        let widths = frontend.ranges.map(|r| r.map_or(0.0, |[lo, hi]| f64::from(hi) - f64::from(lo)));
        let most = Format::WIDE.greatest() as f64;
        let terms = factors.iter().zip(widths).filter(|(f, width)| **f != 0.0 && *width > 0.0);
        let terms: Vec<(f64, f64)> = terms.map(|(f, width)| (*f, width)).collect();
        let exact = common_unit(&terms).filter(|unit| {
            terms.iter().map(|(f, width)| (f / unit).abs() * width).sum::<f64>() < 2.0 * most - 4.0
        });
        let exact = exact.map(|unit| finer(unit, &factors, widths, largest));
        let finest = |unit: f64, ((f, width), largest): ((&f64, f64), &f64)| {
            if width > 0.0 { unit.max(f.abs() / (MAX_FACTOR * largest)) } else { unit }
        };
        let span: f64 = terms.iter().map(|(f, width)| f.abs() * width).sum();
        let unit = exact.unwrap_or_else(|| factors.iter().zip(widths).zip(largest).fold(span / most, finest));
        let unit = if unit > 0.0 { unit } else { 1.0 };
        let factors: Vec<f64> = factors
            .iter()
            .zip(widths)
            .map(|(f, width)| {
                if width == 0.0 {
                    0.0
                } else if exact.is_some() {
                    (f / unit).round()
                } else {
                    f / unit
                }
            })
            .collect();
        let ends = factors.iter().zip(widths).fold([0.0; 2], |[lo, hi]: Range, (f, width)| {
            [lo + (f * width).min(0.0), hi + (f * width).max(0.0)]
        });
        // The middle of what it can be becomes zero.
        let middle = (0.5 * (ends[0] + ends[1])).round();
        Ok(Self {
            factors,
            constant: -middle,
            unit,
            shift: unit.mul_add(middle, constant),
            least: (ends[0] - middle).floor() as i64 - 1,
            greatest: (ends[1] - middle).ceil() as i64 + 1,
        })
    }

    /// The input of the model, as the floating-point runtime sees it.
    fn real(&self, z: i64) -> f64 {
        f64::from(self.unit.mul_add(z as f64, self.shift) as f32)
    }

    /// The greatest `z` that goes left; `None` when all do.
    fn threshold(&self, threshold: f64, comparison: Comparison) -> Option<i32> {
        let left = |z: i64| match comparison {
            Comparison::LessOrEqual => self.real(z) <= threshold,
            Comparison::Less => self.real(z) < threshold,
        };
        if left(self.greatest) {
            return None;
        }
        // `lo` goes left or lies below all, `hi` goes right.
        let (mut lo, mut hi) = (self.least - 1, self.greatest);
        while hi - lo > 1 {
            let middle = lo + (hi - lo) / 2;
            if left(middle) { lo = middle } else { hi = middle }
        }
        i32::try_from(lo.max(Format::WIDE.least())).ok()
    }
}

/// An exact unit halved as often as the features' multipliers and the bits of `z` allow: otherwise a small range, such as
/// that of a flag, would lower its feature's multiplier for all other inputs.
fn finer(unit: f64, factors: &[f64], widths: [f64; MODEL_FEATURES], largest: &[f64; MODEL_FEATURES]) -> f64 {
    let terms =
        || factors.iter().zip(widths).zip(largest).filter(|((f, width), _)| **f != 0.0 && *width > 0.0);
    let span: f64 = terms().map(|((f, width), _)| f.abs() * width).sum();
    let fits = |unit: f64| {
        let within = span / unit < Format::WIDE.greatest() as f64 - 2.0;
        within && terms().all(|((f, _), most)| f.abs() / unit <= most.log2().floor().exp2())
    };
    let mut unit = unit;
    while fits(0.5 * unit) {
        unit *= 0.5;
    }
    unit
}

/// The largest unit of which all factors are small integer multiples.
fn common_unit(terms: &[(f64, f64)]) -> Option<f64> {
    let least = terms.iter().map(|(f, _)| f.abs()).reduce(f64::min)?;
    let fits = |unit: &f64| {
        terms.iter().all(|(f, _)| {
            let k = f / unit;
            k.abs() < MAX_FACTOR + 0.5 && (k - k.round()).abs() <= 1e-9 * k.abs()
        })
    };
    (1..=6).map(|parts| least / f64::from(parts)).find(fits)
}

/// An ensemble in integers.
pub(super) struct Trees {
    /// Its shape; the features are those given.
    pub(super) shape: Ensemble,
    /// Its parameters.
    pub(super) parameters: EnsembleParameters,
    /// Scale of the leaves.
    pub(super) scale: f64,
}

impl Trees {
    /// Turns the trees of an operation into integers. `features` are the values that they compare, in the form of
    /// `inputs`.
    ///
    /// # Errors
    /// When the trees exceed what a shape can hold, or the table, and when they are not trees.
    pub(super) fn new(
        trees: &[Vec<RealNode>],
        inputs: &[WideInput],
        features: Vec<usize>,
        table: TreeTable,
    ) -> Result<Self, ModelError> {
        let mut thresholds = vec![Vec::new(); inputs.len()];
        for node in trees.iter().flatten() {
            if let RealNode::Inner { feature, threshold, comparison, .. } = node {
                thresholds[*feature].extend(inputs[*feature].threshold(*threshold, *comparison));
            }
        }
        for list in &mut thresholds {
            list.sort_unstable();
            list.dedup();
        }
        let most = thresholds.iter().map(Vec::len).max().unwrap_or(0);
        let rank_bits = fixed("rank-bits", table.rank_bits, rank_bits(most))?;
        if most >= 1 << rank_bits {
            return Err(too_large("thresholds of a feature", most, (1 << rank_bits) - 1));
        }
        let deepest = trees.iter().map(|tree| depth(tree)).try_fold(1, |most, d| d.map(|d| most.max(d)))?;
        let depth = fixed("depth", table.depth, deepest)?;
        let count = fixed("trees", table.trees, trees.len().next_multiple_of(4).max(4))?;
        for (what, got, limit) in [
            ("depth of the trees", deepest as usize, (depth as usize).min(MAX_DEPTH as usize)),
            ("trees", trees.len(), count.min(MAX_TREES)),
            ("depth of the trees", depth as usize, MAX_DEPTH as usize),
            ("trees", count, MAX_TREES),
            ("features of the trees", features.len(), 64),
        ] {
            if got > limit {
                return Err(too_large(what, got, limit));
            }
        }
        let shape = Ensemble { features, trees: count, depth, rank_bits };
        let leaves = trees.iter().flatten().filter_map(|node| match node {
            RealNode::Leaf(value) => Some(value.abs()),
            RealNode::Inner { .. } => None,
        });
        let greatest = leaves.fold(0.0, f64::max);
        let scale = if greatest > 0.0 { f64::from((1 << (LEAF_BITS - 1)) - 1) / greatest } else { 1.0 };
        if !scale.is_finite() {
            let reason = "its leaves are too small";
            return Err(ModelError::Unrepresentable { layer: 0, channel: 0, reason });
        }
        let filler = Filler { inputs, thresholds: &thresholds, never: never(rank_bits), scale };
        let mut parameters = EnsembleParameters {
            thresholds: Vec::new(),
            nodes: vec![Node { feature: 0, rank: filler.never }; count * shape.nodes()],
            leaves: vec![0; count << depth],
        };
        let places = parameters.nodes.chunks_exact_mut(shape.nodes());
        for (tree, (nodes, leaves)) in
            trees.iter().zip(places.zip(parameters.leaves.chunks_exact_mut(1 << depth)))
        {
            filler.fill(tree, 0, 0, nodes, leaves);
        }
        for mut list in thresholds {
            list.resize(shape.thresholds(), i32::try_from(Format::WIDE.greatest()).unwrap_or(i32::MAX));
            parameters.thresholds.push(list);
        }
        Ok(Self { shape, parameters, scale })
    }
}

/// The rank that nothing exceeds.
fn never(rank_bits: u32) -> u16 {
    u16::try_from((1u32 << rank_bits) - 1).unwrap_or(u16::MAX)
}

/// Bits for so many thresholds, few of them with room for a quarter more.
fn rank_bits(thresholds: usize) -> u32 {
    let room = thresholds + thresholds / 4;
    match (room, thresholds) {
        (0..16, _) => 4,
        (16..64, _) => 6,
        (_, 0..256) => 8,
        (_, 256..1024) => 10,
        _ => 12,
    }
}

/// The size that the table fixes, or the model's.
fn fixed<T: PartialOrd + Copy>(key: &str, table: Option<T>, own: T) -> Result<T, ModelError>
where
    usize: TryFrom<T>,
{
    let zero = table.is_some_and(|t| usize::try_from(t).is_ok_and(|t| t == 0));
    if zero {
        let expected = "a size above zero";
        return Err(ModelError::ManifestValue { key: format!("shape.{key}"), expected });
    }
    Ok(table.unwrap_or(own))
}

fn too_large(what: &'static str, got: usize, limit: usize) -> ModelError {
    ModelError::TooLarge { what, got, limit }
}

/// Depth of a tree.
fn depth(tree: &[RealNode]) -> Result<u32, ModelError> {
    let mut deepest = 0;
    let mut open = vec![(0usize, 0u32)];
    let mut seen = 0usize;
    while let Some((at, depth)) = open.pop() {
        seen += 1;
        match tree.get(at) {
            Some(RealNode::Leaf(_)) => deepest = deepest.max(depth),
            Some(RealNode::Inner { .. }) if depth >= MAX_DEPTH => {
                return Err(too_large("depth of the trees", depth as usize + 1, MAX_DEPTH as usize));
            }
            Some(RealNode::Inner { children, .. }) if seen <= tree.len() => {
                open.extend(children.map(|child| (child, depth + 1)));
            }
            _ => return Err(ModelError::Inconsistent { place: "a tree".to_owned() }),
        }
    }
    Ok(deepest)
}

/// Writes trees level by level.
struct Filler<'a> {
    inputs: &'a [WideInput],
    thresholds: &'a [Vec<i32>],
    never: u16,
    scale: f64,
}

impl Filler<'_> {
    /// Writes the tree from its node `at` to the place `to`. Below a leaf no node goes right.
    fn fill(&self, tree: &[RealNode], at: usize, to: usize, nodes: &mut [Node], leaves: &mut [i32]) {
        match tree.get(at) {
            Some(RealNode::Inner { feature, threshold, comparison, children }) => {
                let rank = self.inputs[*feature].threshold(*threshold, *comparison).map_or(self.never, |t| {
                    let at = self.thresholds[*feature].partition_point(|&other| other < t);
                    u16::try_from(at).unwrap_or(self.never)
                });
                nodes[to] = Node { feature: u8::try_from(*feature).unwrap_or(0), rank };
                self.fill(tree, children[0], 2 * to + 1, nodes, leaves);
                self.fill(tree, children[1], 2 * to + 2, nodes, leaves);
            }
            Some(RealNode::Leaf(value)) => {
                let mut place = to;
                while place < nodes.len() {
                    place = 2 * place + 1;
                }
                leaves[place - nodes.len()] = (value * self.scale).round() as i32;
            }
            None => {}
        }
    }
}
