//! Properties of static shape inference, and of the structure that lowering gives to large models.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    reason = "a panic fails the test; lengths are small"
)]

mod support;

use proptest::prelude::*;
use sotto_model::{ModelError, OutputChoice, RealOp, RealProgram, import::import, lower};
use support::*;
use tract_onnx::pb::{AttributeProto, ModelProto, NodeProto, TensorProto, attribute_proto::AttributeType};

fn with_ints(mut node: NodeProto, name: &str, ints: &[i64]) -> NodeProto {
    let r#type = AttributeType::Ints as i32;
    node.attribute.push(AttributeProto {
        name: name.into(),
        ints: ints.to_vec(),
        r#type,
        ..Default::default()
    });
    node
}

/// A model of nodes from `x` of the given dimensions to `y`.
fn graph(dims: &[i64], nodes: Vec<NodeProto>, tensors: Vec<TensorProto>) -> ModelProto {
    let mut model = model(1, nodes, tensors);
    let dims: Vec<Option<i64>> = dims.iter().map(|&d| Some(d)).collect();
    model.graph.as_mut().unwrap().input = vec![value("x", &dims)];
    model
}

fn element(model: &ModelProto, position: usize) -> Result<RealProgram, ModelError> {
    lower(&import(&bytes(model))?, &OutputChoice::Element { output: "y".into(), position })
}

/// Every number of the output, for inputs 0, 1, 2, ...
fn all(model: &ModelProto, count: usize) -> Vec<f64> {
    let programs = (0..count).map(|p| element(model, p).unwrap());
    programs.map(|p| p.evaluate(&(0..p.inputs).map(|x| x as f64).collect::<Vec<_>>())).collect()
}

/// How many numbers the output has.
fn length(model: &ModelProto) -> usize {
    (0..).take_while(|&p| element(model, p).is_ok()).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn transposing_and_back_changes_nothing(
        dims in prop::collection::vec(1i64..4, 2..5),
        order in Just((0i64..4).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let order: Vec<i64> = order.into_iter().filter(|&a| usize::try_from(a).is_ok_and(|a| a < dims.len())).collect();
        let mut back = vec![0; order.len()];
        for (to, &from) in order.iter().enumerate() {
            back[usize::try_from(from).unwrap()] = to as i64;
        }
        let nodes = vec![
            with_ints(node("Transpose", &["x"], "t"), "perm", &order),
            with_ints(node("Transpose", &["t"], "y"), "perm", &back),
        ];
        let count = usize::try_from(dims.iter().product::<i64>()).unwrap();
        let expected: Vec<f64> = (0..count).map(|x| x as f64).collect();
        prop_assert_eq!(all(&graph(&dims, nodes, vec![]), count), expected);
    }

    #[test]
    fn slices_take_what_a_loop_takes(size in 1i64..8, start in -9i64..9, end in -9i64..9, step in prop_oneof![-3i64..0, 1i64..4]) {
        let from = if start < 0 { start + size } else { start };
        let to = if end < 0 { end + size } else { end };
        let mut expected = vec![];
        if step > 0 {
            let mut at = from.clamp(0, size);
            while at < to.clamp(0, size) {
                expected.push(at as f64);
                at += step;
            }
        } else {
            let mut at = from.clamp(0, size - 1);
            while at > to.clamp(-1, size - 1) {
                expected.push(at as f64);
                at += step;
            }
        }
        let tensors = vec![shape("s", &[start]), shape("e", &[end]), shape("a", &[0]), shape("t", &[step])];
        let model = graph(&[size], vec![node("Slice", &["x", "s", "e", "a", "t"], "y")], tensors);
        if expected.is_empty() {
            let refused = matches!(element(&model, 0), Err(ModelError::Dimensions { .. }));
            prop_assert!(refused);
        } else {
            prop_assert_eq!(length(&model), expected.len());
            prop_assert_eq!(all(&model, expected.len()), expected);
        }
    }

    #[test]
    fn windows_have_as_many_positions_as_the_formula_says(
        size in 1i64..12, kernel in 1i64..5, stride in 1i64..4, dilation in 1i64..3, before in 0i64..3, after in 0i64..3,
    ) {
        let reach = (kernel - 1) * dilation + 1;
        let room = size + before + after - reach;
        let mut conv = with_ints(node("Conv", &["x", "w"], "y"), "strides", &[stride]);
        conv = with_ints(with_ints(conv, "dilations", &[dilation]), "pads", &[before, after]);
        let weights = vec![1.0; usize::try_from(kernel).unwrap()];
        let model = graph(&[1, 1, size], vec![conv], vec![tensor("w", &[1, 1, kernel], &weights)]);
        if room < 0 {
            let refused = matches!(element(&model, 0), Err(ModelError::Dimensions { .. }));
            prop_assert!(refused);
        } else {
            prop_assert_eq!(length(&model), usize::try_from(room / stride + 1).unwrap());
        }
    }

    #[test]
    fn operands_broadcast_from_the_last_axis(dims in prop::collection::vec((1i64..4, any::<bool>()), 1..4)) {
        let full: Vec<i64> = dims.iter().map(|d| d.0).collect();
        let part: Vec<i64> = dims.iter().map(|&(d, one)| if one { 1 } else { d }).collect();
        let count = |d: &[i64]| usize::try_from(d.iter().product::<i64>()).unwrap();
        let data: Vec<f32> = (0..count(&part)).map(|x| 100.0 * x as f32).collect();
        let model = graph(&full, vec![node("Add", &["c", "x"], "y")], vec![tensor("c", &part, &data)]);
        let expected: Vec<f64> = (0..count(&full)).map(|p| {
            let (mut rest, mut place, mut step) = (p as i64, 0, 1);
            for (&whole, &part) in full.iter().zip(&part).rev() {
                place += rest % whole % part * step;
                step *= part;
                rest /= whole;
            }
            p as f64 + 100.0 * place as f64
        }).collect();
        prop_assert_eq!(all(&model, count(&full)), expected);
    }
}

fn weights(program: &RealProgram) -> usize {
    program.matrices.iter().map(|m| m.weights.len()).sum::<usize>() + program.output.len()
}

#[test]
fn a_dense_network_of_a_million_parameters_keeps_their_number() {
    let width = 576usize;
    let layer = |inputs: usize, outputs: usize, seed: usize| {
        let weights = (0..inputs * outputs).map(|i| ((i + seed) % 89) as f32 * 1e-3 - 0.04).collect();
        (inputs, weights, vec![0.1; outputs])
    };
    let hidden = (1..4).map(|seed| layer(width, width, seed));
    let layers: Vec<_> =
        [layer(32, width, 0)].into_iter().chain(hidden).chain([layer(width, 1, 4)]).collect();
    let model = dense(&layers);
    let program = element(&model, 0).unwrap();
    assert_eq!(weights(&program), 32 * width + 3 * width * width + width);
    assert!(program.evaluate(&[0.5; 32]).is_finite());
}

#[test]
fn a_bottleneck_without_activation_is_not_multiplied_out() {
    let layer = |inputs: usize, outputs: usize| (inputs, vec![0.5; inputs * outputs], vec![0.0; outputs]);
    let tensors: Vec<_> = [("a", layer(64, 4)), ("b", layer(4, 64))]
        .into_iter()
        .map(|(name, (inputs, data, outputs))| tensor(name, &[inputs as i64, outputs.len() as i64], &data))
        .collect();
    let nodes = vec![
        node("MatMul", &["x", "a"], "n"),
        node("MatMul", &["n", "b"], "w"),
        node("Relu", &["w"], "r"),
        with_ints(with_int(node("ReduceSum", &["r"], "y"), "keepdims", 0), "axes", &[1]),
    ];
    let program = element(&graph(&[1, 64], nodes, tensors), 0).unwrap();
    assert_eq!(weights(&program), 64 * 4 + 4 * 64 + 64);
}

#[test]
fn a_recurrent_layer_has_one_matrix_for_all_steps() {
    let (steps, inputs, hidden) = (16, 4, 64usize);
    let data = |count: usize| -> Vec<f32> { (0..count).map(|i| (i % 31) as f32 * 0.01 - 0.15).collect() };
    let rows = 3 * hidden;
    let tensors = vec![
        tensor("w", &[1, rows as i64, inputs], &data(rows * 4)),
        tensor("r", &[1, rows as i64, hidden as i64], &data(rows * hidden)),
        tensor("v", &[hidden as i64, 1], &data(hidden)),
    ];
    let mut gru = with_int(node("GRU", &["x", "w", "r"], "all"), "hidden_size", hidden as i64);
    gru.output = vec![String::new(), "last".into()];
    let nodes = vec![gru, node("MatMul", &["last", "v"], "y")];
    let program = element(&graph(&[steps, 1, inputs], nodes, tensors), 0).unwrap();
    // Beside the matrices of the recurrent steps there are those of the first step, whose state is zero, and unit rows.
    assert!(weights(&program) < 2 * rows * (hidden + 4), "{}", weights(&program));
    let shared =
        program.matrices.iter().position(|m| m.biases.len() == 2 * hidden && m.inputs == hidden + 4).unwrap();
    let uses =
        program.ops.iter().filter(|op| matches!(op, RealOp::Linear { matrix, .. } if *matrix == shared));
    assert_eq!(uses.count(), 15);
}

#[test]
fn a_convolution_has_one_matrix_for_all_positions() {
    let conv = with_ints(node("Conv", &["x", "w"], "c"), "pads", &[1, 1, 1, 1]);
    let nodes =
        vec![conv, node("Relu", &["c"], "r"), with_int(node("ReduceSum", &["r"], "y"), "keepdims", 0)];
    let tensors = vec![tensor("w", &[8, 2, 3, 3], &(0..144).map(|i| i as f32 * 0.01).collect::<Vec<_>>())];
    let program = element(&graph(&[1, 2, 6, 6], nodes, tensors), 0).unwrap();
    let columns = program.ops.iter().filter_map(|op| match op {
        RealOp::Linear { matrix, columns, .. } if program.matrices[*matrix].inputs == 18 => {
            Some(columns.len())
        }
        _ => None,
    });
    assert_eq!(columns.collect::<Vec<_>>(), [36]);
    assert!(weights(&program) < 144 + 8 * 36 + 2);
}

fn attribute(mut node: NodeProto, attribute: AttributeProto) -> NodeProto {
    node.attribute.push(attribute);
    node
}

fn with_floats(node: NodeProto, name: &str, floats: Vec<f32>) -> NodeProto {
    let r#type = AttributeType::Floats as i32;
    attribute(node, AttributeProto { name: name.into(), floats, r#type, ..Default::default() })
}

/// Complete trees of a depth over `features` features: node `i` compares with `i`, its leaves count up.
fn forest(from: &str, trees: i64, depth: u32, features: i64) -> NodeProto {
    let (inner, all) = ((1i64 << depth) - 1, (2i64 << depth) - 1);
    let each =
        |value: &dyn Fn(i64) -> i64| -> Vec<i64> { (0..trees * all).map(|n| value(n % all)).collect() };
    let child = |side: i64| move |n: i64| if n < inner { 2 * n + side } else { 0 };
    let ids: Vec<i64> = (0..trees * all).map(|n| n / all).collect();
    let mut node = node("TreeEnsembleRegressor", &[from], "y");
    node.domain = "ai.onnx.ml".into();
    node = with_int(node, "n_targets", 1);
    node = with_ints(node, "nodes_treeids", &ids);
    node = with_ints(node, "nodes_nodeids", &each(&|n| n));
    node = with_ints(node, "nodes_featureids", &each(&|n| n % features));
    node = with_ints(node, "nodes_truenodeids", &each(&child(1)));
    node = with_ints(node, "nodes_falsenodeids", &each(&child(2)));
    node = with_floats(node, "nodes_values", each(&|n| n).iter().map(|&n| n as f32).collect());
    let modes = each(&|n| i64::from(n < inner));
    let modes =
        modes.iter().map(|&m| if m == 1 { b"BRANCH_LEQ".to_vec() } else { b"LEAF".to_vec() }).collect();
    let r#type = AttributeType::Strings as i32;
    let name = "nodes_modes".into();
    node = attribute(node, AttributeProto { name, strings: modes, r#type, ..Default::default() });
    let leaves: Vec<i64> = (0..trees * all).filter(|n| n % all >= inner).collect();
    node = with_ints(node, "target_treeids", &leaves.iter().map(|n| n / all).collect::<Vec<_>>());
    node = with_ints(node, "target_nodeids", &leaves.iter().map(|n| n % all).collect::<Vec<_>>());
    node = with_ints(node, "target_ids", &vec![0; leaves.len()]);
    with_floats(node, "target_weights", leaves.iter().map(|n| (n % all - inner) as f32).collect())
}

#[test]
fn five_hundred_trees_of_depth_eight_are_read() {
    let model = graph(&[1, 8], vec![forest("x", 500, 8, 8)], vec![]);
    let program = element(&model, 0).unwrap();
    let [RealOp::Ensemble { trees, features }] = program.ops.as_slice() else {
        panic!("{} operations", program.ops.len())
    };
    assert_eq!((trees.len(), features.len()), (500, 8));
    assert!(trees.iter().all(|tree| tree.len() == 511));
    assert_eq!(program.evaluate(&[-1.0; 8]), 0.0);
    assert_eq!(program.evaluate(&[1e6; 8]), 500.0 * 255.0);
}

#[test]
fn trees_behind_an_affine_map_compare_inputs() {
    // covers: M11
    // The first feature is −2·x + 1: x = 0.5 lies on the root's threshold of 0, and larger ones go left.
    let model = graph(
        &[1, 1],
        vec![node("Mul", &["x", "m"], "a"), node("Add", &["a", "c"], "b"), forest("b", 1, 1, 1)],
        vec![tensor("m", &[1], &[-2.0]), tensor("c", &[1], &[1.0])],
    );
    let program = element(&model, 0).unwrap();
    assert_eq!([0.5f64.next_down(), 0.5, 0.75].map(|x| program.evaluate(&[x])), [1.0, 0.0, 0.0]);
}

#[test]
fn trees_on_computed_features_are_refused_with_the_nearest_form() {
    // covers: M4
    let model = graph(&[1, 1], vec![node("Tanh", &["x"], "t"), forest("t", 1, 1, 1)], vec![]);
    let error = element(&model, 0).unwrap_err();
    let text = "node `TreeEnsembleRegressor_y`: a tree on computed features is not supported; nearest: trees on inputs, \
                or on affine functions of single ones";
    assert_eq!(error.to_string(), text);
}

#[test]
fn trees_that_are_no_trees_are_refused() {
    // covers: M3
    for (name, at, to) in [
        // A cycle, a child that two nodes share, one that is missing, and a node that is there twice.
        ("nodes_truenodeids", 0, 0),
        ("nodes_truenodeids", 0, 2),
        ("nodes_falsenodeids", 1, 99),
        ("nodes_nodeids", 1, 2),
        ("nodes_featureids", 0, -1),
        ("target_ids", 0, 1),
    ] {
        let mut node = forest("x", 1, 2, 1);
        let changed = node.attribute.iter_mut().find(|a| a.name == name).unwrap();
        changed.ints[at] = to;
        let refused = import(&bytes(&graph(&[1, 1], vec![node], vec![])));
        assert!(
            matches!(refused, Err(ModelError::UnsupportedAttribute { .. })),
            "{name}[{at}] = {to}: {refused:?}"
        );
    }
    // More features than the sample has.
    let refused = element(&graph(&[1, 1], vec![forest("x", 1, 2, 2)], vec![]), 0);
    assert!(matches!(refused, Err(ModelError::Dimensions { .. })), "{refused:?}");
}

#[test]
fn numbers_and_strings_of_attributes_are_bounded_before_they_are_decoded() {
    // covers: M1
    let many = |a: AttributeProto| {
        import(&bytes(&graph(&[1, 1], vec![attribute(node("Relu", &["x"], "y"), a)], vec![])))
    };
    let strings = vec![vec![]; (1 << 20) + 1];
    let refused = many(AttributeProto { strings, ..Default::default() });
    assert!(
        matches!(refused, Err(ModelError::TooLarge { what: "strings in attributes", .. })),
        "{refused:?}"
    );
    let refused = many(AttributeProto { ints: vec![1; (1 << 23) + 1], ..Default::default() });
    assert!(
        matches!(refused, Err(ModelError::TooLarge { what: "numbers in attributes and tensors", .. })),
        "{refused:?}"
    );
}

#[test]
fn a_classifier_needs_a_choice_of_output() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx");
    let graph = import(&std::fs::read(folder.join("sk_forest_words.onnx")).unwrap()).unwrap();
    assert_eq!(graph.classes(), ["no", "yes"]);
    assert!(matches!(lower(&graph, &OutputChoice::Single), Err(ModelError::NotSingle { .. })));
    let x = [0.25, -1.0, 0.75, 0.5];
    let of = |choice| lower(&graph, &choice).unwrap().evaluate(&x);
    let scores = [of(OutputChoice::Score(0)), of(OutputChoice::Score(1))];
    assert!((scores[0] + scores[1] - 1.0).abs() < 1e-6);
    assert_eq!(of(OutputChoice::Label), f64::from(u8::from(scores[1] > scores[0])));
    assert!(lower(&graph, &OutputChoice::Score(2)).is_err());
}

#[test]
fn the_first_of_equal_maxima_wins() {
    // covers: M10
    let nodes = vec![with_int(with_int(node("ArgMax", &["x"], "y"), "axis", 1), "keepdims", 0)];
    let program = element(&graph(&[1, 4], nodes, vec![]), 0).unwrap();
    for (x, expected) in [
        ([1.0, 1.0, 1.0, 1.0], 0.0),
        ([0.0, 2.0, 2.0, 1.0], 1.0),
        ([0.0, 2.0, 3.0, 3.0], 2.0),
        ([-4.0, -3.0, -2.0, -1.0], 3.0),
    ] {
        assert_eq!(program.evaluate(&x), expected, "{x:?}");
    }
}
