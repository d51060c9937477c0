//! The integer model against the floating-point network, for random networks, and what quantisation refuses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

mod support;

use proptest::{prelude::*, strategy::Strategy as Arbitrary};
use sotto_model::{FeatureCatalog, ModelError, ParityOptions, Row, Strategy, model_hash};
use support::*;

const INPUTS: usize = READ.len();

/// A network with the given hidden widths, its weights drawn from `values`.
fn network(hidden: &[usize], values: &mut impl Iterator<Item = f32>) -> Vec<u8> {
    let mut inputs = INPUTS;
    let mut layers = Vec::new();
    for &outputs in hidden.iter().chain(&[1]) {
        let reach = 1.0 / (inputs as f32).sqrt();
        let weights = (0..inputs * outputs).map(|_| values.next().unwrap() * reach).collect();
        let biases = (0..outputs).map(|_| values.next().unwrap() * 0.3).collect();
        layers.push((inputs, weights, biases));
        inputs = outputs;
    }
    bytes(&dense(&layers))
}

/// Raw features, inside their ranges and outside.
fn features() -> impl Arbitrary<Value = Row> {
    let log2 = |lo: i32, hi: i32| lo << 22..hi << 22;
    (log2(8, 14), log2(0, 1), -5..4000i32, log2(-1, 50), 0..2i32, log2(50, 90)).prop_map(
        |(price, volatility, age, fee, direction, size)| {
            let mut row = Row { market: [0; 32], slot: [direction, size, 12345, -7] };
            (row.market[0], row.market[2], row.market[5], row.market[8]) = (price, volatility >> 3, age, fee);
            row
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn integer_and_float_quotes_agree_within_a_pip(
        hidden in prop::sample::select(vec![vec![], vec![8], vec![16, 8], vec![8, 8, 8]]),
        weights in prop::collection::vec(-1.0f32..1.0, 600),
        rows in prop::collection::vec(features(), 40),
    ) {
        // covers: M7 M8
        let onnx = network(&hidden, &mut weights.into_iter().cycle());
        let strategy = Strategy::from_parts(&manifest(&onnx, INPUTS, 500.0), &onnx, &FeatureCatalog::default()).unwrap();
        let report = strategy.parity(&rows, &ParityOptions::default()).unwrap().model;
        prop_assert_eq!(report.rows_tested, 40);
        // Rounding the output alone makes half a pip; outputs here span about a thousand pips.
        prop_assert!(report.max_abs_error < 1.0, "{:?}", report);
        prop_assert_eq!(report.within_one_pip, 40);
    }

    #[test]
    fn values_outside_the_range_count_as_its_ends(
        weights in prop::collection::vec(-1.0f32..1.0, 200),
        row in features(),
        beyond in 1..1_000_000i32,
    ) {
        // covers: M7
        let onnx = network(&[8], &mut weights.into_iter().cycle());
        let strategy = Strategy::from_parts(&manifest(&onnx, INPUTS, 500.0), &onnx, &FeatureCatalog::default()).unwrap();
        let maps = strategy.program().inputs();
        let (mut at, mut past) = (row, row);
        (at.market[0], past.market[0]) = (maps[0].hi, maps[0].hi + beyond);
        (at.market[5], past.market[5]) = (maps[5].lo, maps[5].lo - beyond);
        prop_assert_eq!(
            strategy.program().output(&at.market, &at.slot), strategy.program().output(&past.market, &past.slot)
        );
        prop_assert_eq!(strategy.float_pips(&at.market, &at.slot), strategy.float_pips(&past.market, &past.slot));
    }
}

fn load_linear(weights: &[f32], bias: f32, scale: f64) -> Result<Strategy, ModelError> {
    let onnx = bytes(&dense(&[(weights.len(), weights.to_vec(), vec![bias])]));
    Strategy::from_parts(&manifest(&onnx, weights.len(), scale), &onnx, &FeatureCatalog::default())
}

#[test]
fn outputs_that_exceed_the_format_are_refused() {
    // covers: M6
    assert!(load_linear(&[1.0], 0.0, 1e5).is_ok());
    assert!(matches!(load_linear(&[1.0], 0.0, 1e9), Err(ModelError::Unrepresentable { layer: 0, .. })));
    assert!(matches!(load_linear(&[3e38], 0.0, 1.0), Err(ModelError::Unrepresentable { layer: 0, .. })));
    assert!(matches!(load_linear(&[1.0], 3e38, 1.0), Err(ModelError::Unrepresentable { layer: 0, .. })));
}

#[test]
fn channels_that_vanish_beside_their_parts_are_refused() {
    // Two large weights cancel over ranges that the manifest says are tiny.
    let onnx = bytes(&dense(&[(1, vec![1.0], vec![-1e-9 + 1.0]), (1, vec![1.0], vec![0.0])]));
    let text = manifest(&onnx, 1, 1.0).replace("scale = 4.0", "scale = 4.0\nrange = [9.0, 9.0000000001]");
    let text =
        text.replace("terms = { \"uniswap-v2.price\" = 1.0 }", "terms = { \"uniswap-v2.price\" = 1e12 }");
    let refused = Strategy::from_parts(&text, &onnx, &FeatureCatalog::default());
    assert!(matches!(refused, Err(ModelError::Unrepresentable { .. })), "{refused:?}");
}

#[test]
fn a_network_and_a_manifest_of_different_widths_are_refused() {
    let onnx = bytes(&dense(&[(3, vec![1.0; 3], vec![0.0])]));
    let refused = Strategy::from_parts(&manifest(&onnx, 2, 1.0), &onnx, &FeatureCatalog::default());
    assert!(matches!(refused, Err(ModelError::Width { expected: 3, got: 2, .. })));
}

#[test]
fn channels_that_are_never_active_cost_nothing() {
    let onnx = bytes(&dense(&[(1, vec![-1.0, 1.0], vec![-1.0, 0.0]), (2, vec![1e6, 100.0], vec![1.0])]));
    let strategy = Strategy::from_parts(&manifest(&onnx, 1, 1.0), &onnx, &FeatureCatalog::default()).unwrap();
    assert_eq!(strategy.intervals().operations[0].never_active, 1);
    let mut market = [0; 32];
    market[0] = 11 << 22;
    assert_eq!(strategy.program().quote(&market, &[0; 4]), 51);
}

#[test]
fn token_decimals_move_raw_features_and_not_quotes() {
    let weights: Vec<f32> = (0..200u8).map(|i| f32::from(i % 17) / 8.0 - 1.0).collect();
    let onnx = network(&[8], &mut weights.into_iter().cycle());
    let text = manifest(&onnx, INPUTS, 500.0);
    let both_18 = Strategy::from_parts(&text, &onnx, &FeatureCatalog::default()).unwrap();
    let text = text.replace("quote-decimals = 18", "quote-decimals = 6");
    let quote_6 = Strategy::from_parts(&text, &onnx, &FeatureCatalog::default()).unwrap();
    let twelve = (12.0 * std::f64::consts::LOG2_10 * f64::from(1 << 22)).round() as i32;
    for direction in [0, 1] {
        let mut row = Row { market: [0; 32], slot: [direction, 66 << 22, 0, 0] };
        (row.market[0], row.market[2], row.market[5], row.market[8]) = (11 << 22, 1 << 12, 30, 30 << 22);
        let (a, expected) =
            (both_18.program().quote(&row.market, &row.slot), both_18.float_pips(&row.market, &row.slot));
        assert!((f64::from(a) - expected).abs() < 1.0);
        // The same market and order, seen through a quote token of 6 decimals.
        row.market[0] -= twelve;
        row.slot[1] -= twelve * direction;
        let b = quote_6.program().quote(&row.market, &row.slot);
        assert!((f64::from(b) - expected).abs() < 1.0, "{b} {expected}");
    }
}

#[test]
fn the_pinned_hash_is_the_files() {
    // covers: M12
    let onnx = bytes(&small());
    let text = manifest(&onnx, 2, 1.0);
    assert!(Strategy::from_parts(&text, &onnx, &FeatureCatalog::default()).is_ok());
    let mut other = small();
    other.producer_name = "somebody else".into();
    let refused = Strategy::from_parts(&text, &bytes(&other), &FeatureCatalog::default());
    let Err(ModelError::ModelHash { expected, got }) = refused else { panic!("{refused:?}") };
    assert_eq!((expected, got), (model_hash(&onnx), model_hash(&bytes(&other))));
}
