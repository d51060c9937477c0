//! The integer executor at its edges.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

use proptest::prelude::*;
use sotto_model::program::{LinearFormat, MAX_PARAMETERS, Program, ProgramError, Shape, ShapeError};
use sotto_model::{Dense, InputMap, Policy, analyse};
use sotto_types::{MODEL_FEATURES, NO_BID, SLOTS, SlotFeatures};

const POLICY: Policy = Policy { min_quote: i32::MIN + 1, max_quote: i32::MAX, max_slots: 32 };

fn class(hidden: &[usize]) -> Shape {
    Shape::dense(hidden).unwrap()
}

/// A model with every weight, bias and multiplier set by functions of layer and position.
fn filled(
    class: &Shape,
    input: InputMap,
    weight: impl Fn(usize, usize, LinearFormat) -> i64,
    bias: impl Fn(usize, usize, LinearFormat) -> i64,
    policy: Policy,
) -> Result<Program, ProgramError> {
    let layers = class.linear_formats().iter().enumerate().map(|(l, &f)| Dense {
        weights: (0..f.inputs * f.rows).map(|i| i32::try_from(weight(l, i, f)).unwrap()).collect(),
        biases: (0..f.rows).map(|i| bias(l, i, f)).collect(),
    });
    Program::new(class.clone(), [input; MODEL_FEATURES], layers.collect(), vec![], policy)
}

/// A linear model `output = (acc + 2^30) >> 31` whose accumulator is `bias + weight · (direction − lo) · mult`.
fn linear(weight: i32, bias: i64, policy: Policy) -> Program {
    let mut inputs = [InputMap::default(); MODEL_FEATURES];
    inputs[32] = InputMap { lo: 0, hi: 1, mult: 1 };
    let mut weights = vec![0; MODEL_FEATURES];
    weights[32] = weight;
    Program::new(class(&[]), inputs, vec![Dense { weights, biases: vec![bias] }], vec![], policy).unwrap()
}

fn output(model: &Program) -> i64 {
    model.output(&[0; 32], &[0; 4])
}

#[test]
fn halves_round_up_on_both_sides_of_zero() {
    // covers: M9
    let half = 1i64 << 30;
    for (bias, expected) in [
        (0, 0),
        (half - 1, 0),
        (half, 1),
        (-half, 0),
        (-half - 1, -1),
        (3 * half - 1, 1),
        (3 * half, 2),
        (-3 * half, -1),
        (-3 * half - 1, -2),
        (-1, 0),
        (1, 0),
    ] {
        assert_eq!(output(&linear(0, bias, POLICY)), expected, "{bias}");
    }
}

#[test]
fn hidden_channels_saturate_at_zero_and_at_sixteen_bits() {
    // covers: M9
    let with_bias = |bias: i64| {
        // One channel, read by the output with factor 8 / 2^19.
        let input = InputMap::default();
        let bias = |l: usize, _: usize, _: LinearFormat| if l == 0 { bias } else { 0 };
        filled(&class(&[1]), input, |l, _, _| if l == 0 { 0 } else { 1 << 16 }, bias, POLICY).unwrap()
    };
    let one = 1i64 << 26;
    let read = |value: i64| (value * (1 << 16) + (1 << 18)) >> 19;
    for (bias, value) in [
        (0, 0),
        (one / 2 - 1, 0),
        (one / 2, 1),
        (-one * 1000, 0),
        (65535 * one, 65535),
        (65535 * one + one / 2 - 1, 65535),
        (65535 * one + one / 2, 65535),
        ((1 << 57) - 1, 65535),
        (-(1 << 57), 0),
    ] {
        assert_eq!(output(&with_bias(bias)), read(value), "{bias}");
    }
}

#[test]
fn inputs_saturate_to_the_declared_range() {
    // covers: M7
    let map = InputMap { lo: -5, hi: 10, mult: 3 };
    let cases = [(i32::MIN, 0), (-6, 0), (-5, 0), (-4, 3), (9, 42), (10, 45), (11, 45), (i32::MAX, 45)];
    for (x, expected) in cases {
        assert_eq!(map.apply(x), expected);
    }
    let whole = InputMap { lo: i32::MIN, hi: i32::MIN + (1 << 28) - 1, mult: 1 };
    assert_eq!(whole.apply(i32::MAX), (1 << 28) - 1);
    assert_eq!(whole.apply(i32::MIN), 0);
}

#[test]
fn quotes_are_clamped_and_a_million_below_is_no_bid() {
    // covers: M9
    let policy = |min_quote, max_quote| Policy { min_quote, max_quote, max_slots: 32 };
    let quote = |pips: i64, policy| linear(0, pips << 31, policy).quote(&[0; 32], &[0; 4]);
    assert_eq!(quote(5, policy(-10, 10)), 5);
    assert_eq!(quote(11, policy(-10, 10)), 10);
    assert_eq!(quote(-11, policy(-10, 10)), -10);
    assert_eq!(quote(-999_999, policy(-2_000_000, 10)), -999_999);
    assert_eq!(quote(-1_000_000, policy(-2_000_000, 10)), NO_BID);
    assert_eq!(quote(-5_000_000, policy(-2_000_000, 10)), NO_BID);
    assert_eq!(quote((1 << 26) - 1, POLICY), (1 << 26) - 1);
    assert_eq!(quote(-(1 << 26), POLICY), NO_BID);
}

#[test]
fn sheets_skip_empty_slots_and_count_bids_by_direction() {
    // Sells of base bid 7; sells of quote bid 7 too.
    let model = linear(0, 7 << 31, Policy { min_quote: 0, max_quote: 100, max_slots: 2 });
    let slot = |direction: i32| -> Option<SlotFeatures> { Some([direction, 0, 0, 0]) };
    let mut slots = [None; SLOTS];
    slots[..7].copy_from_slice(&[slot(0), slot(1), None, slot(0), slot(0), slot(1), slot(1)]);
    let sheet = model.sheet(&[0; 32], &slots);
    assert_eq!(sheet[..8], [7, 7, NO_BID, 7, NO_BID, 7, NO_BID, NO_BID]);
    let none = linear(0, 7 << 31, Policy { min_quote: 0, max_quote: 100, max_slots: 0 });
    assert_eq!(none.sheet(&[0; 32], &slots), [NO_BID; SLOTS]);
}

#[test]
fn a_no_bid_does_not_use_up_the_limit() {
    // Sells of quote fall to no bid; sells of base bid 3.
    let policy = Policy { min_quote: -2_000_000, max_quote: 100, max_slots: 1 };
    let mut inputs = [InputMap::default(); MODEL_FEATURES];
    // The size decides: 0 is no bid, 1 is a bid of zero.
    inputs[33] = InputMap { lo: 0, hi: 1, mult: (1 << 28) - 1 };
    let mut weights = vec![0; MODEL_FEATURES];
    weights[33] = (1 << 23) - 1;
    let dense = Dense { weights, biases: vec![-(1_000_000 << 31)] };
    let model = Program::new(class(&[]), inputs, vec![dense], vec![], policy).unwrap();
    let mut slots = [None; SLOTS];
    slots[..3].copy_from_slice(&[Some([0, 0, 0, 0]), Some([0, 1, 0, 0]), Some([0, 1, 0, 0])]);
    let sheet = model.sheet(&[0; 32], &slots);
    assert_eq!(sheet[0], NO_BID);
    assert_eq!(sheet[1], 100);
    assert_eq!(sheet[2], NO_BID);
}

#[test]
fn the_largest_parameters_of_a_format_do_not_wrap() {
    // covers: M9
    let top = InputMap { lo: 0, hi: (1 << 28) - 1, mult: 1 };
    for hidden in [&[][..], &[1], &[64, 64], &[512, 512]] {
        for sign in [1i64, -1] {
            let class = class(hidden);
            let extreme = |bits: u32| if sign > 0 { (1i64 << (bits - 1)) - 1 } else { -(1i64 << (bits - 1)) };
            let weight = |_: usize, _: usize, f: LinearFormat| extreme(f.weight_bits);
            let bias = |_: usize, _: usize, f: LinearFormat| extreme(f.bias_bits);
            let model = filled(&class, top, weight, bias, POLICY).unwrap();
            let got = model.output(&[i32::MAX; 32], &[i32::MAX; 4]);
            // The same sums in 128 bits.
            let mut values: Vec<i128> = vec![(1 << 28) - 1; MODEL_FEATURES];
            for (position, f) in class.linear_formats().iter().enumerate() {
                let acc = values.iter().map(|v| v * i128::from(extreme(f.weight_bits))).sum::<i128>()
                    + i128::from(extreme(f.bias_bits));
                assert!(acc.unsigned_abs() <= f.accumulator_bound());
                let shifted = (acc + (1 << (f.shift - 1))) >> f.shift;
                let last = position == hidden.len();
                values = vec![if last { shifted } else { shifted.clamp(0, 65535) }; f.rows];
            }
            assert_eq!(i128::from(got), values[0]);
            let report = analyse(&model);
            assert!(report.output[0] <= got && got <= report.output[1]);
        }
    }
}

#[test]
fn parameters_outside_their_format_are_refused() {
    // covers: M6 M9
    let ok = InputMap { lo: 0, hi: 1, mult: 1 };
    let build = |input, weight: i64, bias: i64, hidden: &[usize], layer: usize| {
        let weight = move |l: usize, i: usize, _: LinearFormat| if l == layer && i == 0 { weight } else { 0 };
        let bias = move |l: usize, i: usize, _: LinearFormat| if l == layer && i == 0 { bias } else { 0 };
        filled(&class(hidden), input, weight, bias, POLICY)
    };
    for (layer, weight_bits, bias_bits) in [(0, 24, 58), (1, 24, 48)] {
        let (w, b) = (1i64 << (weight_bits - 1), 1i64 << (bias_bits - 1));
        assert!(build(ok, w - 1, b - 1, &[2], layer).is_ok());
        assert!(build(ok, -w, -b, &[2], layer).is_ok());
        for (w, b) in [(w, 0), (-w - 1, 0), (0, b), (0, -b - 1)] {
            assert!(matches!(build(ok, w, b, &[2], layer), Err(ProgramError::Range { index: 0, .. })));
        }
    }
    for (lo, hi, mult) in
        [(1, 0, 1), (0, 1, 1 << 28), (0, 1 << 28, 1), (i32::MIN, i32::MAX, 1), (0, 2, 1 << 27)]
    {
        let refused = build(InputMap { lo, hi, mult }, 0, 0, &[], 0);
        assert!(matches!(refused, Err(ProgramError::Input { index: 0, .. })), "{lo} {hi} {mult}");
    }
    for hidden in [&[0][..], &[4, 0, 4], &[MAX_PARAMETERS + 1], &[MAX_PARAMETERS, MAX_PARAMETERS]] {
        let refused = Shape::dense(hidden);
        assert!(matches!(refused, Err(ShapeError::Size { .. })), "{hidden:?}");
    }
    for (min_quote, max_quote, max_slots) in [(NO_BID, 0, 1), (1, 0, 1), (0, 0, 33)] {
        let policy = Policy { min_quote, max_quote, max_slots };
        let refused = filled(&class(&[]), ok, |_, _, _| 0, |_, _, _| 0, policy);
        assert!(matches!(refused, Err(ProgramError::Policy { .. })));
    }
}

#[test]
fn debug_output_shows_no_weights() {
    // covers: M15
    let model = linear(1_234_567, 7_654_321, POLICY);
    let shown = format!("{model:?} {:?}", model.matrices());
    assert!(!shown.contains("1234567") && !shown.contains("7654321"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_output_lies_within_the_intervals(
        seed in any::<u64>(),
        hidden in prop::sample::select(vec![vec![], vec![3], vec![5, 4]]),
        market in prop::array::uniform32(any::<i32>()),
        slot in prop::array::uniform4(any::<i32>()),
    ) {
        let class = class(&hidden);
        let input = InputMap { lo: -1000, hi: 1000, mult: 100_000 };
        let draw = |l: usize, i: usize| {
            // SplitMix64, so that every parameter is a function of the seed and its place.
            let mut z = seed.wrapping_add((l as u64) << 32).wrapping_add(i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)).cast_signed()
        };
        let weight = |l: usize, i: usize, f: LinearFormat| draw(l, i) >> (64 - f.weight_bits);
        let bias = |l: usize, i: usize, f: LinearFormat| draw(l, i + 100_000) >> (64 - f.bias_bits);
        let model = filled(&class, input, weight, bias, POLICY).unwrap();
        let report = analyse(&model);
        let got = model.output(&market, &slot);
        prop_assert!(report.output[0] <= got && got <= report.output[1]);
        for (bounds, format) in report.operations.iter().zip(class.linear_formats()) {
            prop_assert!(u128::from(bounds.least.unsigned_abs()) <= format.accumulator_bound());
            prop_assert!(u128::from(bounds.greatest.unsigned_abs()) <= format.accumulator_bound());
        }
    }
}
