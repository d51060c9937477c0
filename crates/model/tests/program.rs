//! Shapes follow their rules, and the executor computes what they say.

use sotto_model::program::{
    Activation, Ensemble, EnsembleParameters, Format, Function, Linear, MatrixShape, Node, Op, OutputMap,
    Program, ProgramError, Shape, ShapeError,
};
use sotto_model::{Dense, InputMap, Policy};
use sotto_types::MODEL_FEATURES;

const POLICY: Policy = Policy { min_quote: -5000, max_quote: 5000, max_slots: 32 };

/// Every feature passes as `x + 1000`, for `x` from -1000 to 1000.
const INPUT: InputMap = InputMap { lo: -1000, hi: 1000, mult: 1 };

fn linear(matrix: usize, columns: Vec<Vec<usize>>, activation: Activation) -> Op {
    Op::Linear(Linear { matrix, columns, activation })
}

#[test]
fn a_dense_shape_is_named_by_its_widths_and_any_other_by_its_hash() {
    let dense = Shape::dense(&[32, 16]).unwrap();
    assert_eq!(dense.descriptor(), "dense:36-32-16-1");
    assert_eq!(dense.formats().len(), MODEL_FEATURES + 48);
    let matrices = vec![MatrixShape { rows: 4, inputs: 2 }, MatrixShape { rows: 1, inputs: 4 }];
    let shape = |columns| {
        let ops = vec![linear(0, columns, Activation::Relu)];
        Shape::new(matrices.clone(), ops, OutputMap { matrix: 1, values: vec![36, 37, 38, 39] }).unwrap()
    };
    let (a, b) = (shape(vec![vec![0, 1]]), shape(vec![vec![1, 0]]));
    assert!(a.descriptor().starts_with("net:1-17-"), "{}", a.descriptor());
    assert_ne!(a.descriptor(), b.descriptor());
}

#[test]
fn values_of_market_features_alone_are_shared_by_the_slots() {
    let matrices = vec![MatrixShape { rows: 1, inputs: 2 }, MatrixShape { rows: 1, inputs: 2 }];
    let ops = vec![linear(0, vec![vec![0, 31], vec![0, 32]], Activation::Signed)];
    let shape = Shape::new(matrices, ops, OutputMap { matrix: 1, values: vec![36, 37] }).unwrap();
    assert_eq!(shape.slotted()[31..], [false, true, true, true, true, false, true]);
}

#[test]
fn shapes_that_read_what_is_not_there_are_refused() {
    let matrices = vec![MatrixShape { rows: 1, inputs: 1 }, MatrixShape { rows: 1, inputs: 1 }];
    let shape = |ops, value| Shape::new(matrices.clone(), ops, OutputMap { matrix: 1, values: vec![value] });
    let relu = || linear(0, vec![vec![0]], Activation::Relu);
    assert!(shape(vec![relu()], 36).is_ok());
    assert_eq!(shape(vec![relu()], 37), Err(ShapeError::Value { op: 1, value: 37 }));
    let function = Op::Function { function: Function::Exp, values: vec![36] };
    assert!(matches!(shape(vec![relu(), function], 37), Err(ShapeError::Format { op: 1, value: 36, .. })));
    let wide = linear(0, vec![vec![36]], Activation::Wide);
    assert!(matches!(shape(vec![relu(), wide], 37), Err(ShapeError::Format { .. })));
    // One matrix, two formats.
    assert_eq!(
        shape(vec![relu(), linear(0, vec![vec![36]], Activation::Relu)], 37),
        Err(ShapeError::Matrix { matrix: 0 })
    );
    assert_eq!(shape(vec![], 0), Err(ShapeError::Matrix { matrix: 0 }));
}

#[test]
fn products_functions_and_steps_compute_what_their_rules_say() {
    let matrices = vec![
        MatrixShape { rows: 1, inputs: 1 },
        MatrixShape { rows: 1, inputs: 1 },
        MatrixShape { rows: 1, inputs: 4 },
    ];
    let ops = vec![
        linear(0, vec![vec![0], vec![1]], Activation::Signed),
        linear(1, vec![vec![0]], Activation::Step),
        Op::Product { pairs: vec![[36, 37], [38, 37]] },
        Op::Function { function: Function::Sigmoid, values: vec![36] },
    ];
    let shape = Shape::new(matrices, ops, OutputMap { matrix: 2, values: vec![36, 39, 40, 41] }).unwrap();
    let formats = shape.linear_formats().to_vec();
    let unit = 1 << formats[0].shift;
    let model = Program::new(
        shape,
        [INPUT; MODEL_FEATURES],
        vec![
            Dense { weights: vec![unit >> 4], biases: vec![-i64::from(unit) * 1000 / 16] },
            Dense { weights: vec![1], biases: vec![-1000] },
            Dense { weights: vec![0; 4], biases: vec![7 << formats[2].shift] },
        ],
        vec![],
        POLICY,
    )
    .unwrap();
    let mut market = [0; 32];
    for (x, y) in [(160, 320), (-160, 320), (0, -16), (-1, 1000)] {
        (market[0], market[1]) = (x, y);
        let (values, output) = model.trace(&market, &[0; 4]);
        let (a, b) = (values[36], values[37]);
        assert_eq!(a, (i64::from(x) + 8).div_euclid(16));
        assert_eq!(values[38], i64::from(x >= 0));
        assert_eq!(values[39], (a * b + (1 << 19)) >> 20);
        assert_eq!(values[40], if x >= 0 { b } else { 0 });
        assert_eq!(values[41], Function::Sigmoid.apply(a));
        assert_eq!(output, 7);
    }
}

#[test]
fn a_tree_goes_right_above_its_threshold_only() {
    // covers: M10 M11
    let matrices = vec![MatrixShape { rows: 1, inputs: 1 }, MatrixShape { rows: 1, inputs: 1 }];
    let ensemble = Ensemble { features: vec![36], trees: 1, depth: 2, rank_bits: 2 };
    let ops = vec![linear(0, vec![vec![0]], Activation::Wide), Op::Ensemble(ensemble)];
    let shape = Shape::new(matrices, ops, OutputMap { matrix: 1, values: vec![37] }).unwrap();
    assert_eq!(shape.formats()[37], Format::Signed(20));
    let top = i32::try_from(Format::WIDE.greatest()).unwrap();
    let build = |thresholds: Vec<i32>| {
        let nodes = [1, 0, 2].map(|rank| Node { feature: 0, rank }).to_vec();
        let trees = EnsembleParameters { thresholds: vec![thresholds], nodes, leaves: vec![10, 20, 30, 40] };
        let matrices = vec![
            Dense { weights: vec![1 << 18], biases: vec![-(1000 << 18)] },
            Dense { weights: vec![0], biases: vec![0] },
        ];
        Program::new(shape.clone(), [INPUT; MODEL_FEATURES], matrices, vec![trees], POLICY)
    };
    let model = build(vec![-5, 3, 8]).unwrap();
    let leaf = |x| {
        let mut market = [0; 32];
        market[0] = x;
        model.trace(&market, &[0; 4]).0[37]
    };
    assert_eq!([-1000, -5, -4, 3, 4, 8, 9, 1000].map(leaf), [10, 10, 20, 20, 30, 30, 40, 40]);
    assert_eq!(build(vec![3, -5, top]), Err(ProgramError::Order { feature: 0 }));
}
