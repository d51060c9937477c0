//! From a model's inputs back to features: a row of the data that a model was trained on becomes a row of a market.

use sotto_model::{Frontend, Row};
use sotto_types::{MARKET_FEATURES, MODEL_FEATURES, SlotFeature};

/// Index of the slot's direction among a model's inputs.
const DIRECTION: usize = MARKET_FEATURES + SlotFeature::Direction as usize;
/// An input whose part that earlier ones do not determine is smaller than this share of it adds nothing.
const DEPENDENT: f64 = 1e-9;
/// Share of an input's range that it may be missed by, besides what rounding to integers costs.
const TOLERANCE: f64 = 1e-6;

/// Features for given inputs: of all that give these inputs, those nearest to the middle of their ranges.
#[derive(Debug)]
pub(super) struct Inverse<'a> {
    frontend: &'a Frontend,
    /// Directions of features, each in half-widths of the features' ranges, orthonormal; and for each input its parts along
    /// them, the last being the one that it added, if it added one.
    basis: Vec<Vec<f64>>,
    parts: Vec<(Vec<f64>, bool)>,
    /// Values of the slot's direction that are tried.
    directions: &'static [i32],
}

/// Features, and whether one of them would have to lie outside its range.
pub(super) struct Found {
    pub(super) row: Row,
    pub(super) saturated: bool,
}

impl<'a> Inverse<'a> {
    /// Prepares the inversion of a front end.
    pub(super) fn new(frontend: &'a Frontend) -> Self {
        let (mut basis, mut parts) = (Vec::<Vec<f64>>::new(), Vec::new());
        for input in &frontend.inputs {
            let mut rest: Vec<f64> =
                input.factors.iter().enumerate().map(|(j, f)| f * half_width(frontend, j)).collect();
            let whole = norm(&rest);
            let mut along = Vec::new();
            for direction in &basis {
                let part = dot(&rest, direction);
                rest.iter_mut().zip(direction).for_each(|(x, d)| *x -= part * d);
                along.push(part);
            }
            let length = norm(&rest);
            let adds = length > DEPENDENT * whole;
            if adds {
                rest.iter_mut().for_each(|x| *x /= length);
                basis.push(rest);
                along.push(length);
            }
            parts.push((along, adds));
        }
        let directions: &[i32] = if frontend.ranges[DIRECTION].is_some() { &[0, 1] } else { &[0] };
        Self { frontend, basis, parts, directions }
    }

    /// The features of a row of inputs, or the input that contradicts the others.
    pub(super) fn row(&self, inputs: &[f64]) -> Result<Found, usize> {
        let tries = self.directions.iter().map(|&direction| self.solve(inputs, direction));
        let best = tries.min_by(|a, b| a.miss.total_cmp(&b.miss));
        match best {
            Some(Try { features, saturated, miss, .. }) if miss <= 1.0 || saturated => {
                let (market, slot) = features.split_at(MARKET_FEATURES);
                let row = market.try_into().ok().zip(slot.try_into().ok());
                row.map(|(market, slot)| Found { row: Row { market, slot }, saturated }).ok_or(0)
            }
            Some(Try { worst, .. }) => Err(worst),
            None => Err(0),
        }
    }

    fn solve(&self, inputs: &[f64], direction: i32) -> Try {
        let middle = |j| if j == DIRECTION { f64::from(direction) } else { middle(self.frontend, j) };
        let at = |input: &sotto_model::AffineInput, x: &dyn Fn(usize) -> f64| {
            input.factors.iter().enumerate().map(|(j, f)| f * x(j)).sum::<f64>() + input.constant
        };
        let mut along: Vec<f64> = Vec::with_capacity(self.basis.len());
        for ((input, value), (parts, adds)) in self.frontend.inputs.iter().zip(inputs).zip(&self.parts) {
            if let Some((length, known)) = parts.split_last().filter(|_| *adds) {
                along.push((value - at(input, &middle) - dot(known, &along)) / length);
            }
        }
        let mut saturated = false;
        let features: [i32; MODEL_FEATURES] = std::array::from_fn(|j| {
            let Some([lo, hi]) = self.frontend.ranges[j] else { return 0 };
            if j == DIRECTION {
                return direction;
            }
            let offset: f64 = self.basis.iter().zip(&along).map(|(d, c)| c * d[j]).sum();
            let x = (middle(j) + offset * half_width(self.frontend, j)).round();
            saturated |= x < f64::from(lo) || x > f64::from(hi);
            // The clamp brings the value into i32.
            x.clamp(f64::from(lo), f64::from(hi)) as i32
        });
        let (mut miss, mut worst) = (0.0, 0);
        for (position, (input, value)) in self.frontend.inputs.iter().zip(inputs).enumerate() {
            let rounding: f64 = input.factors.iter().map(|f| 0.51 * f.abs()).sum();
            let allowed = rounding + TOLERANCE * (input.range[1] - input.range[0]);
            let missed =
                (at(input, &|j| f64::from(features[j])) - value).abs() / allowed.max(f64::MIN_POSITIVE);
            if missed > miss {
                (miss, worst) = (missed, position);
            }
        }
        Try { features, saturated, miss, worst }
    }
}

/// Features for one direction, and how far the worst input is missed, 1 being the most that is allowed.
struct Try {
    features: [i32; MODEL_FEATURES],
    saturated: bool,
    miss: f64,
    worst: usize,
}

/// Half the width of a feature's range; none for the direction, which is given.
fn half_width(frontend: &Frontend, feature: usize) -> f64 {
    match frontend.ranges[feature] {
        Some([lo, hi]) if feature != DIRECTION => (f64::from(hi) - f64::from(lo)) / 2.0,
        _ => 0.0,
    }
}

fn middle(frontend: &Frontend, feature: usize) -> f64 {
    frontend.ranges[feature].map_or(0.0, |[lo, hi]| f64::midpoint(f64::from(lo), f64::from(hi)))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use sotto_model::AffineInput;

    use super::*;

    fn input(terms: &[(usize, f64)], constant: f64) -> AffineInput {
        let mut factors = [0.0; MODEL_FEATURES];
        terms.iter().for_each(|&(j, factor)| factors[j] = factor);
        AffineInput { factors, constant, range: [-10.0, 10.0] }
    }

    fn frontend(inputs: Vec<AffineInput>) -> Frontend {
        let mut ranges = [None; MODEL_FEATURES];
        ranges[0] = Some([0, 1 << 27]);
        ranges[1] = Some([-50_000_000, 50_000_000]);
        ranges[2] = Some([-50_000_000, 50_000_000]);
        ranges[DIRECTION] = Some([0, 1]);
        Frontend { ranges, inputs }
    }

    #[test]
    fn features_come_back_from_single_terms_differences_and_the_direction() {
        let frontend = frontend(vec![
            input(&[(0, 2e-8)], -1.0),
            input(&[(1, 1e-6), (2, -1e-6)], 0.0),
            input(&[(2, 1e-6)], 0.25),
            input(&[(1, 1e-6)], 0.5),
            input(&[(DIRECTION, 2.0)], -1.0),
            input(&[(0, 1e-8), (DIRECTION, -0.5)], 0.0),
        ]);
        let inverse = Inverse::new(&frontend);
        for (a, b, c, direction) in [(77, 3_000_001, -17, 0), (1 << 27, -49_999_999, 49_999_999, 1)] {
            let mut row = Row { market: [0; MARKET_FEATURES], slot: [direction, 0, 0, 0] };
            row.market[..3].copy_from_slice(&[a, b, c]);
            let exact: Vec<f64> = frontend
                .inputs
                .iter()
                .map(|input| {
                    let x = row.market.iter().chain(&row.slot);
                    input.factors.iter().zip(x).map(|(f, &x)| f * f64::from(x)).sum::<f64>() + input.constant
                })
                .collect();
            let found = inverse.row(&exact).ok().unwrap();
            assert_eq!(found.row, row);
            assert!(!found.saturated);
        }
    }

    #[test]
    fn an_underdetermined_difference_is_met_from_the_middle_of_the_ranges() {
        let frontend = frontend(vec![input(&[(1, 1e-6), (2, -1e-6)], 0.0)]);
        let found = Inverse::new(&frontend).row(&[3.0]).ok().unwrap();
        assert_eq!(found.row.market[1], 1_500_000);
        assert_eq!(found.row.market[2], -1_500_000);
    }

    #[test]
    fn contradictions_are_named_and_values_out_of_range_saturate() {
        let twice = frontend(vec![input(&[(1, 1e-6)], 0.0), input(&[(1, 1e-6)], 0.0)]);
        assert_eq!(Inverse::new(&twice).row(&[1.0, 2.0]).err(), Some(1));
        let once = frontend(vec![input(&[(1, 1e-6)], 0.0)]);
        let found = Inverse::new(&once).row(&[60.0]).ok().unwrap();
        assert!(found.saturated);
        assert_eq!(found.row.market[1], 50_000_000);
    }
}
