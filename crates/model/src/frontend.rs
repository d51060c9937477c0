//! From raw features to the network's inputs: saturation, then one affine map.

use sotto_types::{MARKET_FEATURES, MODEL_FEATURES, MarketFeatures, SlotFeature, SlotFeatures};

use crate::{Decimals, FeatureCatalog, Manifest, ModelError, manifest::NetworkInput};

/// Index of the slot's direction among a model's inputs.
const DIRECTION: usize = MARKET_FEATURES + SlotFeature::Direction as usize;

/// One input of the network as an affine function of the saturated raw features.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineInput {
    /// Factor of each raw feature.
    pub factors: [f64; MODEL_FEATURES],
    /// Constant term.
    pub constant: f64,
    /// Where the input lies, by the manifest's ranges.
    pub range: [f64; 2],
}

/// How raw features become the network's inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Frontend {
    /// Least and greatest raw value of each feature; `None` for features that are not read.
    pub ranges: [Option<[i32; 2]>; MODEL_FEATURES],
    /// The network's inputs.
    pub inputs: Vec<AffineInput>,
}

impl Frontend {
    /// The front end that a manifest describes, for a market's features.
    ///
    /// # Errors
    /// For a feature that the market does not have, and for ranges that do not fit an `int32` in raw units.
    pub fn new(manifest: &Manifest, catalog: &FeatureCatalog) -> Result<Self, ModelError> {
        let decimals = manifest.decimals();
        let mut ranges = [None; MODEL_FEATURES];
        for (name, feature) in &manifest.features {
            let place = catalog.feature(name)?;
            let (sells_base, sells_quote) = place.unit.shift(decimals);
            let [lo, hi] = feature.range;
            let raw = |natural: f64| raw_value(natural * place.unit.steps());
            let lo = raw(lo + sells_base.min(sells_quote));
            let hi = raw(hi + sells_base.max(sells_quote));
            let range = lo.zip(hi).filter(|(lo, hi)| lo < hi).ok_or_else(|| ModelError::ManifestValue {
                key: format!("features.\"{name}\".range"),
                expected: "a range that has width and fits an int32 in the feature's raw units",
            })?;
            let known = ranges.get_mut(place.index).and_then(|slot| slot.replace([range.0, range.1]));
            if known.is_some() {
                return Err(ModelError::DuplicateName { name: name.clone() });
            }
        }
        let inputs = manifest.inputs.iter().map(|input| affine(input, catalog, decimals));
        let mut inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        // Decimals can make an input depend on the direction, which has two values whatever range is given.
        if ranges[DIRECTION].is_some() || inputs.iter().any(|i| i.factors[DIRECTION] != 0.0) {
            ranges[DIRECTION] = Some([0, 1]);
        }
        for (input, described) in inputs.iter_mut().zip(&manifest.inputs) {
            input.range = input_range(input, described, &ranges);
        }
        Ok(Self { ranges, inputs })
    }

    /// The network's inputs for one slot, rounded to float32, as a runtime takes them.
    pub fn apply(&self, market: &MarketFeatures, slot: &SlotFeatures) -> Vec<f64> {
        let raw: Vec<f64> = market
            .iter()
            .chain(slot)
            .zip(&self.ranges)
            .map(|(&x, range)| range.map_or(0.0, |[lo, hi]| f64::from(x.clamp(lo, hi))))
            .collect();
        let sum = |input: &AffineInput| input.factors.iter().zip(&raw).map(|(f, x)| f * x).sum::<f64>();
        self.inputs.iter().map(|input| f64::from((sum(input) + input.constant) as f32)).collect()
    }
}

/// The nearest `int32`, if there is one.
fn raw_value(x: f64) -> Option<i32> {
    let rounded = x.round();
    (rounded >= f64::from(i32::MIN) && rounded <= f64::from(i32::MAX)).then_some(rounded as i32)
}

fn affine(
    input: &NetworkInput,
    catalog: &FeatureCatalog,
    decimals: Decimals,
) -> Result<AffineInput, ModelError> {
    let mut factors = [0.0; MODEL_FEATURES];
    let mut constant = -input.offset / input.scale;
    for (name, factor) in &input.terms {
        let place = catalog.feature(name)?;
        let factor = factor / input.scale;
        let (sells_base, sells_quote) = place.unit.shift(decimals);
        if let Some(f) = factors.get_mut(place.index) {
            *f += factor / place.unit.steps();
        }
        constant -= factor * sells_base;
        factors[DIRECTION] -= factor * (sells_quote - sells_base);
    }
    if !constant.is_finite() || factors.iter().any(|f| !f.is_finite()) {
        let expected = "factors whose quotient with the scale is finite";
        return Err(ModelError::ManifestValue { key: "input".to_owned(), expected });
    }
    Ok(AffineInput { factors, constant, range: [0.0, 0.0] })
}

/// The range given in the manifest, cut to what the features' ranges allow.
fn input_range(
    input: &AffineInput,
    described: &NetworkInput,
    ranges: &[Option<[i32; 2]>; MODEL_FEATURES],
) -> [f64; 2] {
    let mut range = [input.constant; 2];
    for (factor, feature) in input.factors.iter().zip(ranges) {
        let [lo, hi] = feature.unwrap_or([0, 0]).map(|x| factor * f64::from(x));
        range[0] += lo.min(hi);
        range[1] += lo.max(hi);
    }
    let Some(given) = described.range else { return range };
    let [a, b] = given.map(|x| (x - described.offset) / described.scale);
    let cut = [range[0].max(a.min(b)), range[1].min(a.max(b))];
    if cut[0] < cut[1] { cut } else { range }
}
