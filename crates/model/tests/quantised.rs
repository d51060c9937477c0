//! Integer programs against the models that they were made from, for every operation.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

#[path = "support/real.rs"]
mod real;

use real::{Builder, Sample};
use sotto_model::program::{Format, Function, Op};
use sotto_model::{ModelError, RealActivation, TreeTable};

use RealActivation::{AboveZero, AtLeastZero, Identity, Relu};

/// The error in pips after calibration, where a pip is a hundredth of the output's unit.
fn calibrated(sample: &mut Sample) -> f64 {
    let calibration = sample.calibrate(2000);
    let program = sample.quantise(Some(&calibration)).unwrap();
    sample.error(&program, 2000)
}

fn inputs(count: usize) -> Vec<usize> {
    (0..count).collect()
}

/// Two dense layers.
fn dense(seed: u64) -> Sample {
    let mut b = Builder::new(6, seed);
    let h = b.dense(12, &inputs(6), Relu);
    let h = b.dense(8, &h, Relu);
    b.output(&h)
}

/// A convolution of width 3 over 8 inputs, maximum pooling by pairs.
fn convolution(seed: u64) -> Sample {
    let mut b = Builder::new(8, seed);
    let zero = b.given(1, vec![0.0], vec![0.0]);
    let zero = b.apply(zero, &[&[0]], Identity)[0];
    let matrix = b.matrix(4, 3);
    let padded: Vec<usize> = std::iter::once(zero).chain(0..8).chain([zero]).collect();
    let columns: Vec<&[usize]> = padded.windows(3).collect();
    let h = b.apply(matrix, &columns, Identity);
    // max(a, b) = a + relu(b - a)
    let difference = b.given(2, vec![-1.0, 1.0], vec![0.0]);
    let pairs: Vec<[usize; 2]> = (0..16).map(|i| [h[i / 4 * 8 + i % 4], h[i / 4 * 8 + 4 + i % 4]]).collect();
    let columns: Vec<&[usize]> = pairs.iter().map(<[usize; 2]>::as_slice).collect();
    let over = b.apply(difference, &columns, Relu);
    let sum = b.given(2, vec![1.0, 1.0], vec![0.0]);
    let pairs: Vec<[usize; 2]> = pairs.iter().zip(over).map(|(p, o)| [p[0], o]).collect();
    let columns: Vec<&[usize]> = pairs.iter().map(<[usize; 2]>::as_slice).collect();
    let pooled = b.apply(sum, &columns, Identity);
    b.output(&pooled)
}

/// A GRU of `units` over `steps` inputs of one feature: z and r gates, candidate, `h += z (n - h)`.
fn gru(seed: u64, units: usize, steps: usize) -> Sample {
    let mut b = Builder::new(steps, seed);
    let zero = b.given(1, vec![0.0; units], vec![0.0; units]);
    let mut h = b.apply(zero, &[&[0]], Identity);
    let gates = b.matrix(2 * units, units + 1);
    let candidate = b.matrix(units, units + 1);
    let twice = b.given(1, vec![2.0], vec![-1.0]);
    let difference = b.given(2, vec![1.0, -1.0], vec![0.0]);
    let sum = b.given(2, vec![1.0, 1.0], vec![0.0]);
    let pairs =
        |a: &[usize], b: &[usize]| -> Vec<[usize; 2]> { a.iter().zip(b).map(|(a, b)| [*a, *b]).collect() };
    for step in 0..steps {
        let column: Vec<usize> = std::iter::once(step).chain(h.iter().copied()).collect();
        let g = b.apply(gates, &[&column], Identity);
        let g = b.function(Function::Sigmoid, &g);
        let reset = b.product(pairs(&g[units..], &h));
        let column: Vec<usize> = std::iter::once(step).chain(reset).collect();
        let n = b.apply(candidate, &[&column], Identity);
        // tanh(x) = 2 sigmoid(2x) - 1, with the factor in the matrix.
        let n = b.function(Function::Sigmoid, &n);
        let columns: Vec<&[usize]> = n.chunks(1).collect();
        let n = b.apply(twice, &columns, Identity);
        let d = pairs(&n, &h);
        let columns: Vec<&[usize]> = d.iter().map(<[usize; 2]>::as_slice).collect();
        let d = b.apply(difference, &columns, Identity);
        let p = b.product(pairs(&g[..units], &d));
        let s = pairs(&h, &p);
        let columns: Vec<&[usize]> = s.iter().map(<[usize; 2]>::as_slice).collect();
        h = b.apply(sum, &columns, Identity);
    }
    b.output(&h)
}

/// Trees with a dense part beside them.
fn stacked(seed: u64) -> Sample {
    let mut b = Builder::new(5, seed);
    let trees = b.trees(&inputs(5), 30, 5);
    let h = b.dense(4, &inputs(5), Relu);
    b.output(&[&[trees][..], &h].concat())
}

#[test]
fn dense_networks_fold_their_inputs() {
    for seed in 0..8 {
        let mut sample = dense(seed);
        let error = calibrated(&mut sample);
        assert!(error < 0.6, "{seed}: {error}");
        assert_eq!(sample.quantise(None).unwrap().shape().descriptor(), "dense:36-12-8-1");
    }
}

#[test]
fn convolutions_and_pooling_share_scales() {
    for seed in 0..8 {
        let error = calibrated(&mut convolution(seed));
        assert!(error < 0.6, "{seed}: {error}");
    }
}

#[test]
fn recurrent_cells_keep_their_precision_over_the_steps() {
    for seed in 0..4 {
        let mut sample = gru(seed, 6, 12);
        let error = calibrated(&mut sample);
        assert!(error < 0.7, "{seed}: {error}");
    }
}

#[test]
fn every_function_is_close_with_arguments_of_every_origin() {
    for function in Function::ALL {
        for seed in 0..6 {
            let mut b = Builder::new(4, seed);
            let positive =
                !matches!(function, Function::Sigmoid | Function::Softplus | Function::Erf | Function::Exp);
            let shift = if positive { 3.0 } else { 0.0 };
            // Rows of a matrix, at once the table's arguments.
            let matrix = b.matrix(3, 4);
            b.real.matrices[matrix].biases.fill(shift);
            let direct = b.apply(matrix, &[&inputs(4)], Identity);
            let a = b.function(function, &direct);
            // A value that something else reads too, an input, and a product.
            let other = b.given(1, vec![0.7], vec![shift]);
            let shared = b.apply(other, &[&[1]], Identity)[0];
            let product = b.product(vec![[shared, shared]])[0];
            let values = if positive { vec![shared, product] } else { vec![shared, product, 2] };
            let c = b.function(function, &values);
            let mut sample = b.output(&[a, c, vec![shared]].concat());
            let error = calibrated(&mut sample);
            assert!(error < 2.5, "{function:?} {seed}: {error}");
        }
    }
}

#[test]
fn softplus_goes_on_beyond_its_table() {
    let mut b = Builder::new(1, 3);
    let steep = b.given(1, vec![30.0], vec![0.0]);
    let x = b.apply(steep, &[&[0]], Identity);
    let y = b.function(Function::Softplus, &x);
    let mut sample = b.output(&y);
    let error = calibrated(&mut sample);
    assert!(error < 3.0, "{error}");
}

#[test]
fn results_of_functions_meet_products_and_sums() {
    for seed in 0..6 {
        let mut b = Builder::new(4, seed);
        let x = b.dense(4, &inputs(4), Identity);
        let exponentials = b.function(Function::Exp, &x);
        let sum = b.given(4, vec![1.0; 4], vec![0.0]);
        let sum = b.apply(sum, &[&exponentials], Identity);
        let one_over = b.function(Function::Reciprocal, &sum)[0];
        // Softmax.
        let shares = b.product(exponentials.iter().map(|&e| [e, one_over]).collect());
        // A matrix over columns of different origins.
        let erf = b.function(Function::Erf, &[0]);
        let mixed = b.matrix(2, 2);
        let h = b.apply(mixed, &[&[shares[0], shares[1]], &[erf[0], x[2]], &[0, shares[3]]], Relu);
        let p = b.product(vec![[erf[0], shares[2]], [h[0], h[1]]]);
        let mut sample = b.output(&[h, p, shares].concat());
        let error = calibrated(&mut sample);
        assert!(error < 1.0, "{seed}: {error}");
    }
}

#[test]
fn products_that_go_round_in_a_circle_are_brought_back_to_scale() {
    let mut b = Builder::new(4, 5);
    let matrix = b.matrix(1, 1);
    let mut value = 0;
    for step in 0..4 {
        let y = b.apply(matrix, &[&[value]], Relu)[0];
        value = b.product(vec![[value, step]])[0];
        value = b.product(vec![[value, y]])[0];
    }
    let mut sample = b.output(&[value]);
    let error = calibrated(&mut sample);
    assert!(error < 1.0, "{error}");
}

#[test]
fn comparisons_are_exact_for_features() {
    // covers: M9 M10
    for (activation, at_zero) in [(AtLeastZero, 1), (AboveZero, 0)] {
        let mut b = Builder::new(2, 1);
        // x0 - x1 / 2 against a quarter.
        let matrix = b.given(2, vec![1.0, -0.5], vec![-0.25]);
        let step = b.apply(matrix, &[&[0, 1]], activation);
        let mut sample = b.output(&step);
        sample.real.output_weights = (vec![1.0], 0.0);
        let program = sample.quantise(None).unwrap();
        let quarter = 1 << 20;
        let mut market = [0; 32];
        let mut slot = [0; 4];
        for (x1, difference) in [(0, 0), (2, 0), (-2 * 777, 0), (0, 1), (0, -1), (1 << 21, 1), (1 << 21, -1)]
        {
            slot[3] = quarter + x1 / 2 + difference;
            market[0] = x1;
            let expected = match difference {
                0 => at_zero,
                1 => 1,
                _ => 0,
            };
            let output = program.output(&market, &slot);
            assert_eq!(output, 100 * expected, "{activation:?} {x1} {difference}");
            assert!(
                (sample.real.evaluate(&sample.frontend.apply(&market, &slot)) - expected as f64).abs() < 1e-9
            );
        }
    }
}

#[test]
fn comparisons_beside_other_maps_are_exact_for_features_too() {
    // covers: M9 M10
    for (activation, at_zero) in [(AtLeastZero, 1), (AboveZero, 0)] {
        let mut b = Builder::new(3, 1);
        let matrix = b.given(2, vec![1.0, -1.0], vec![0.1]);
        let steps = b.apply(matrix, &[&[0, 2], &[2, 1]], activation);
        let _ = b.dense(2, &[1, 0], Relu);
        let mut sample = b.output(&[steps[0]]);
        sample.real.output_weights = (vec![1.0], 0.0);
        let tenth = 0.1 * f64::from(1 << 22);
        sample.real.matrices[0].biases[0] = tenth.round() / f64::from(1 << 22);
        let program = sample.quantise(None).unwrap();
        for place in [0, 1, 7, -1_000_001] {
            for difference in -1..=1 {
                // The first input is the feature 34, the last the feature 0.
                let (mut market, mut slot) = ([0; 32], [0; 4]);
                market[0] = place;
                slot[2] = place - tenth.round() as i32 + difference;
                let expected = if difference == 0 { at_zero } else { i64::from(difference > 0) };
                assert_eq!(
                    program.output(&market, &slot),
                    100 * expected,
                    "{activation:?} {place} {difference}"
                );
            }
        }
    }
}

#[test]
fn trees_take_the_same_path_at_every_threshold_and_beside_it() {
    // covers: M9 M10 M11
    for seed in 0..6 {
        let mut b = Builder::new(4, seed);
        let value = b.trees(&inputs(4), 20, 5);
        let mut sample = b.output(&[value]);
        sample.real.output_weights = (vec![1.0], 0.0);
        let program = sample.quantise(None).unwrap();
        let thresholds: Vec<(usize, f64)> = sample
            .real
            .ops
            .iter()
            .filter_map(
                |op| if let sotto_model::RealOp::Ensemble { trees, .. } = op { Some(trees) } else { None },
            )
            .flatten()
            .flatten()
            .filter_map(|node| match node {
                sotto_model::RealNode::Inner { feature, threshold, .. } => Some((*feature, *threshold)),
                sotto_model::RealNode::Leaf(_) => None,
            })
            .collect();
        for (feature, threshold) in thresholds {
            for beside in -2..=2 {
                let (mut market, mut slot) = sample.row();
                let raw = (threshold * f64::from(1 << 22)).round() as i32 + beside;
                match (33 + feature) % 36 {
                    place @ 0..32 => market[place] = raw,
                    place => slot[place - 32] = raw,
                }
                let real = 100.0 * sample.real.evaluate(&sample.frontend.apply(&market, &slot));
                let integer = program.output(&market, &slot) as f64;
                assert!((real - integer).abs() < 0.6, "{seed}: {real} {integer}");
            }
        }
    }
}

#[test]
fn trees_stand_beside_layers() {
    for seed in 0..4 {
        let error = calibrated(&mut stacked(seed));
        assert!(error < 0.7, "{seed}: {error}");
    }
}

#[test]
fn models_of_one_architecture_have_one_shape() {
    let table = Some(TreeTable { trees: Some(32), depth: Some(6), rank_bits: Some(8) });
    let architectures: [fn(u64) -> Sample; 4] = [dense, convolution, |seed| gru(seed, 5, 6), stacked];
    for build in architectures {
        let (mut a, mut b) = (build(1), build(2));
        let (x, y) = (a.calibrate(2000), b.calibrate(2000));
        let shapes =
            [a.quantise_as(Some(&x), table), a.quantise_as(None, table), b.quantise_as(Some(&y), table)]
                .map(|program| program.unwrap().shape().clone());
        assert_eq!(shapes[0], shapes[1]);
        assert_eq!(shapes[0], shapes[2]);
        assert_eq!(shapes[0].id(), shapes[2].id());
    }
}

#[test]
fn what_depends_on_the_market_alone_is_computed_once() {
    let shape = gru(1, 3, 6).quantise(None).unwrap().shape().clone();
    let Some(Op::Linear(first)) = shape.ops().first() else { panic!() };
    assert_eq!((first.columns[0].len(), shape.matrices()[first.matrix].rows), (32, 2));
    assert_eq!(shape.formats()[36], Format::SIGNED);
}

#[test]
fn sizes_that_the_table_does_not_allow_are_refused() {
    let sample = stacked(1);
    for table in [
        TreeTable { trees: Some(29), ..TreeTable::default() },
        TreeTable { depth: Some(4), ..TreeTable::default() },
        TreeTable { rank_bits: Some(3), ..TreeTable::default() },
        TreeTable { depth: Some(11), ..TreeTable::default() },
    ] {
        let refused = sample.quantise_as(None, Some(table));
        assert!(matches!(refused, Err(ModelError::TooLarge { .. })), "{refused:?}");
    }
}

#[test]
fn arguments_wider_than_a_function_are_refused() {
    for function in [Function::Log, Function::Reciprocal, Function::InverseSqrt] {
        let mut b = Builder::new(1, 1);
        let matrix = b.given(1, vec![1.0], vec![1.1]);
        let x = b.apply(matrix, &[&[0]], Identity);
        let y = b.function(function, &x);
        let refused = b.output(&y).quantise(None);
        assert!(matches!(refused, Err(ModelError::Unrepresentable { .. })), "{refused:?}");
    }
}

#[test]
fn values_around_another_number_than_zero_keep_their_precision() {
    let mut b = Builder::new(4, 9);
    // Inputs between 10 and 12, read by a map over columns, and a row of their level.
    let level = b.given(2, vec![0.5, 0.5], vec![0.0]);
    let x = b.apply(level, &[&[0, 1], &[1, 2], &[2, 3]], Identity);
    let steep = b.given(3, vec![4.0, -8.0, 4.0], vec![0.0]);
    let h = b.apply(steep, &[&x], Relu);
    let mut sample = b.output(&h);
    sample.frontend.inputs.iter_mut().for_each(|input| {
        input.constant += 1000.0;
        input.range = [999.0, 1001.0];
    });
    let error = calibrated(&mut sample);
    assert!(error < 0.6, "{error}");
}

#[test]
fn trees_compare_combinations_of_features_exactly() {
    // covers: M11
    for (seed, factors) in [(1, [1.0, -1.0]), (2, [3.0, 0.5]), (3, [-1.0, 1.5]), (4, [1.0, 0.0])] {
        let mut b = Builder::new(2, seed);
        let value = b.trees(&inputs(2), 16, 4);
        let mut sample = b.output(&[value]);
        sample.real.output_weights = (vec![1.0], 0.0);
        // The inputs are the sum and what the factors say of two features.
        let unit = 1.0 / f64::from(1 << 22);
        let (a, c) = (sample.frontend.inputs[0].factors, sample.frontend.inputs[1].factors);
        for (input, [f, g]) in sample.frontend.inputs.iter_mut().zip([[1.0, 1.0], factors]) {
            for (i, factor) in input.factors.iter_mut().enumerate() {
                *factor = 0.3 * (f * a[i] + g * c[i]);
            }
            input.constant = 0.01 * unit;
        }
        let program = sample.quantise(None).unwrap();
        for _ in 0..5000 {
            let (market, slot) = sample.row();
            let real = 100.0 * sample.real.evaluate(&sample.frontend.apply(&market, &slot));
            let integer = program.output(&market, &slot) as f64;
            assert!((real - integer).abs() < 0.6, "{factors:?}: {real} {integer}");
        }
    }
}

#[test]
fn trees_compare_combinations_without_a_common_unit_closely() {
    let mut b = Builder::new(2, 1);
    let value = b.trees(&inputs(2), 16, 4);
    let mut sample = b.output(&[value]);
    sample.real.output_weights = (vec![1.0], 0.0);
    let c = sample.frontend.inputs[1].factors;
    for (factor, other) in sample.frontend.inputs[0].factors.iter_mut().zip(c) {
        *factor = 0.6 * *factor + 0.1 * std::f64::consts::PI * other;
    }
    let program = sample.quantise(None).unwrap();
    let mut flips = 0;
    for _ in 0..20_000 {
        let (market, slot) = sample.row();
        let real = 100.0 * sample.real.evaluate(&sample.frontend.apply(&market, &slot));
        flips += usize::from((real - program.output(&market, &slot) as f64).abs() > 1.0);
    }
    assert!(flips <= 2, "{flips}");
}

#[test]
fn large_models_are_quantised() {
    // A million weights, 500 trees of depth 8, a GRU of 64 units over 16 steps.
    let mut b = Builder::new(30, 1);
    let h = b.dense(960, &inputs(30), Relu);
    let h = b.dense(960, &h, Relu);
    assert!(b.output(&h).quantise(None).is_ok());
    let mut b = Builder::new(20, 2);
    let value = b.trees(&inputs(20), 500, 8);
    assert!(b.output(&[value]).quantise(None).is_ok());
    // Bounds of a recurrent cell grow with each step, so that it wants a calibration.
    let mut sample = gru(3, 64, 16);
    let calibration = sample.calibrate(100);
    let program = sample.quantise(Some(&calibration)).unwrap();
    let error = sample.error(&program, 100);
    assert!(error < 1.0, "{error}");
    // Nothing was inserted: nine operations a step, the zeros, and the inputs of market and slot.
    assert_eq!(program.shape().ops().len(), 16 * 9 + 3);
}
