//! What importing and lowering accept and refuse.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

mod support;

use prost::Message;
use sotto_model::{ModelError, OutputChoice, RealActivation, RealOp, RealProgram, import::import, lower};
use support::*;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, OperatorSetIdProto, SparseTensorProto, StringStringEntryProto,
    TensorProto, attribute_proto::AttributeType,
};

fn load(model: &ModelProto) -> Result<RealProgram, ModelError> {
    lower(&import(&bytes(model))?, &OutputChoice::Single)
}

/// Widths of the hidden layers of a dense network with ReLU between its layers.
fn hidden(program: &RealProgram) -> Vec<usize> {
    let widths = program.ops.iter().map(|op| match op {
        RealOp::Linear { matrix, columns, activation: RealActivation::Relu } if columns.len() == 1 => {
            program.matrices[*matrix].biases.len()
        }
        other => panic!("{other:?} is no dense layer"),
    });
    widths.collect()
}

/// The small model after a change to its graph.
fn changed(change: impl FnOnce(&mut GraphProto)) -> Result<RealProgram, ModelError> {
    let mut model = small();
    change(model.graph.as_mut().unwrap());
    load(&model)
}

macro_rules! assert_refused {
    ($result:expr, $pattern:pat) => {
        let result = $result;
        assert!(matches!(result, Err($pattern)), "{result:?}");
    };
}

#[test]
fn matmul_add_relu_gemm_compute_what_onnx_says() {
    let network = load(&small()).unwrap();
    assert_eq!(hidden(&network), [2]);
    assert_eq!(network.evaluate(&[1.0, -2.0]), 7.0 * 0.0 + 8.0 * 0.0 + 9.0);
    assert_eq!(network.evaluate(&[1.0, 1.0]), 7.0 * 9.0 + 8.0 * 12.0 + 9.0);
    assert_eq!(network.evaluate(&[-3.0, 0.0]), 7.0 * 2.0 + 9.0);
}

#[test]
fn gemm_attributes_scale_and_transpose() {
    let gemm = |transposed: i64| {
        let g = with_float(with_float(node("Gemm", &["x", "w", "b"], "y"), "alpha", 2.0), "beta", -1.0);
        with_int(with_int(g, "transB", transposed), "transA", 0)
    };
    let b = tensor("b", &[1], &[3.0]);
    for (transposed, dims) in [(0, [2, 1]), (1, [1, 2])] {
        let network =
            load(&model(2, vec![gemm(transposed)], vec![tensor("w", &dims, &[5.0, 7.0]), b.clone()]))
                .unwrap();
        assert_eq!(network.evaluate(&[1.0, 10.0]), 2.0 * 75.0 - 3.0);
    }
}

#[test]
fn affine_operators_in_a_row_become_one_layer() {
    let nodes = vec![
        node("Sub", &["x", "mean"], "centred"),
        node("Div", &["centred", "deviation"], "z"),
        node("Identity", &["z"], "same"),
        node("Flatten", &["same"], "flat"),
        node("Reshape", &["flat", "dims"], "shaped"),
        node("MatMul", &["shaped", "w"], "wide"),
        node("Mul", &["wide", "two"], "twice"),
        node("Sub", &["one", "twice"], "turned"),
        node("MatMul", &["turned", "v"], "y"),
    ];
    let tensors = vec![
        tensor("mean", &[2], &[1.0, 2.0]),
        tensor("deviation", &[1, 2], &[4.0, 8.0]),
        shape("dims", &[-1, 2]),
        tensor("w", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        tensor("two", &[], &[2.0]),
        tensor("one", &[1], &[1.0]),
        tensor("v", &[3, 1], &[1.0, 10.0, 100.0]),
    ];
    let network = load(&model(2, nodes, tensors)).unwrap();
    assert!(hidden(&network).is_empty());
    let z = [(9.0 - 1.0) / 4.0, (10.0 - 2.0) / 8.0];
    let wide = [z[0] + 4.0 * z[1], 2.0 * z[0] + 5.0 * z[1], 3.0 * z[0] + 6.0 * z[1]];
    let expected: f64 = wide.iter().zip([1.0, 10.0, 100.0]).map(|(w, v)| (1.0 - 2.0 * w) * v).sum();
    assert!((network.evaluate(&[9.0, 10.0]) - expected).abs() < 1e-9);
}

#[test]
fn raw_data_and_constant_nodes_and_listed_initialisers_are_read() {
    let mut m = small();
    let graph = m.graph.as_mut().unwrap();
    let mut w = graph.initializer.remove(0);
    w.raw_data = w.float_data.drain(..).flat_map(f32::to_le_bytes).collect();
    let mut constant = node("Constant", &[], "w");
    constant.attribute.push(AttributeProto {
        name: "value".into(),
        t: Some(w),
        r#type: AttributeType::Tensor as i32,
        ..AttributeProto::default()
    });
    graph.node.insert(0, constant);
    graph.input.push(value("b", &[Some(2)]));
    assert_eq!(load(&m).unwrap(), load(&small()).unwrap());
}

#[test]
fn external_data_are_refused_wherever_they_point() {
    // covers: M2
    for location in ["../../etc/passwd", "/etc/passwd", "weights.bin", ""] {
        let entry = StringStringEntryProto { key: "location".into(), value: location.into() };
        assert_refused!(
            changed(|g| {
                g.initializer[0].data_location = Some(1);
                g.initializer[0].external_data = vec![entry.clone()];
            }),
            ModelError::ExternalData { .. }
        );
        // Marked as inside the file, but with a location; and the reverse.
        assert_refused!(
            changed(|g| g.initializer[0].external_data = vec![entry]),
            ModelError::ExternalData { .. }
        );
    }
    assert_refused!(changed(|g| g.initializer[0].data_location = Some(7)), ModelError::ExternalData { .. });
    assert_refused!(
        changed(|g| g.sparse_initializer = vec![SparseTensorProto::default()]),
        ModelError::UnsupportedType { .. }
    );
}

#[test]
fn graphs_with_cycles_gaps_or_leftovers_are_refused() {
    // covers: M3
    assert_refused!(changed(|g| g.node[0].input[0] = "r".into()), ModelError::Cycle { .. });
    assert_refused!(changed(|g| g.node[0].input[0] = "m".into()), ModelError::Cycle { .. });
    assert_refused!(changed(|g| g.node.swap(0, 1)), ModelError::Cycle { .. });
    assert_refused!(changed(|g| g.node[0].input[0] = "nothing".into()), ModelError::MissingInput { .. });
    assert_refused!(changed(|g| g.output[0].name = "nothing".into()), ModelError::MissingInput { .. });
    assert_refused!(changed(|g| g.node[1].output[0] = "m".into()), ModelError::DuplicateName { .. });
    assert_refused!(changed(|g| g.initializer[1].name = "w".into()), ModelError::DuplicateName { .. });
    assert_refused!(changed(|g| g.node[1].output[0] = "x".into()), ModelError::DuplicateName { .. });
    assert_refused!(changed(|g| g.node.push(node("Relu", &["y"], "unused"))), ModelError::Unused { .. });
    assert_refused!(changed(|g| g.node[2].input[0] = "m".into()), ModelError::Unused { .. });
    let residual = vec![
        node("MatMul", &["x", "w"], "m"),
        node("Relu", &["m"], "r"),
        node("Add", &["r", "m"], "s"),
        node("MatMul", &["s", "v"], "y"),
    ];
    let tensors = vec![tensor("w", &[1, 1], &[1.0]), tensor("v", &[1, 1], &[1.0])];
    // A branch is a program like any other: relu(2x) + 2x.
    let program = load(&model(1, residual, tensors)).unwrap();
    assert_eq!(program.evaluate(&[3.0]), 6.0);
    assert_eq!(program.evaluate(&[-3.0]), -3.0);
    assert_refused!(changed(|g| g.output.clear()), ModelError::NotSingle { .. });
    assert_refused!(changed(|g| g.input.clear()), ModelError::NotSingle { .. });
    assert_refused!(changed(|g| g.input.push(value("z", &[None, Some(2)]))), ModelError::Unused { .. });
    assert_refused!(changed(|g| g.node.clear()), ModelError::MissingInput { .. });
    assert_refused!(changed(|g| g.output[0].name = "x".into()), ModelError::Unused { .. });
    assert_refused!(
        changed(|g| g.node.clear()).map_err(|_| load(&ModelProto::default()).unwrap_err()),
        ModelError::Missing { .. }
    );
}

#[test]
fn subgraphs_are_refused_at_any_depth() {
    // covers: M3
    let branch = |graph: GraphProto, op: &str| {
        let mut node = node(op, &["x"], "y");
        node.attribute.push(AttributeProto {
            name: "then_branch".into(),
            g: Some(graph),
            r#type: AttributeType::Graph as i32,
            ..AttributeProto::default()
        });
        model(2, vec![node], vec![])
    };
    assert_refused!(load(&branch(GraphProto::default(), "If")), ModelError::UnsupportedOp { .. });
    assert_refused!(load(&branch(GraphProto::default(), "Relu")), ModelError::UnsupportedAttribute { .. });
    let mut nested = branch(GraphProto::default(), "Loop");
    for _ in 0..40 {
        nested = branch(nested.graph.unwrap(), "Loop");
    }
    assert_refused!(load(&nested), ModelError::Decode { .. });
}

#[test]
fn unsupported_operators_name_the_node() {
    // covers: M4
    let error = changed(|g| g.node[2].op_type = "TopK".into()).unwrap_err();
    let text = "node `Relu_r`: operator `TopK` of domain `` is not supported; nearest: ReduceMax or ArgMax";
    assert_eq!(error.to_string(), text);
    assert_refused!(changed(|g| g.node[2].domain = "com.example".into()), ModelError::UnsupportedOp { .. });
    assert_refused!(changed(|g| g.node[2].domain = "ai.onnx.ml".into()), ModelError::UnsupportedOp { .. });
    let transposed = changed(|g| g.node[3] = with_int(g.node[3].clone(), "transA", 1));
    assert_refused!(transposed, ModelError::Dimensions { .. });
    let not_a_number = changed(|g| g.node[3] = with_float(g.node[3].clone(), "alpha", f32::NAN));
    assert_refused!(not_a_number, ModelError::UnsupportedAttribute { .. });
    let unknown = changed(|g| g.node[2] = with_float(g.node[2].clone(), "slope", 0.1));
    assert_refused!(unknown, ModelError::UnsupportedAttribute { .. });
    assert_refused!(changed(|g| g.node[2].input.push("b".into())), ModelError::Operands { .. });
    assert_refused!(changed(|g| g.node[2].output.push("more".into())), ModelError::Operands { .. });
}

#[test]
fn unsupported_operator_sets_are_refused() {
    // covers: M4
    let with = |sets: &[(&str, i64)]| {
        let opset_import =
            sets.iter().map(|&(d, version)| OperatorSetIdProto { domain: d.into(), version }).collect();
        load(&ModelProto { opset_import, ..small() })
    };
    assert!(with(&[("", 7)]).is_ok());
    assert!(with(&[("ai.onnx", 21), ("ai.onnx.ml", 3)]).is_ok());
    for version in [i64::MIN, -1, 0, 6, 27, i64::MAX] {
        assert_refused!(with(&[("", version)]), ModelError::UnsupportedOpset { .. });
    }
    assert_refused!(with(&[]), ModelError::Missing { .. });
    assert_refused!(with(&[("", 13), ("ai.onnx", 14)]), ModelError::NotSingle { .. });
}

#[test]
fn element_types_without_meaning_are_refused() {
    // covers: M4
    for data_type in [-1, 0, 3, 8, 10, 14, 16, 17, 23, 99, i32::MAX] {
        assert_refused!(
            changed(|g| g.initializer[0].data_type = data_type),
            ModelError::UnsupportedType { .. }
        );
    }
    // The data are of another type than the one declared.
    for data_type in [2, 6, 9, 11] {
        assert_refused!(changed(|g| g.initializer[0].data_type = data_type), ModelError::Elements { .. });
    }
    assert_refused!(changed(|g| g.initializer[0] = shape("w", &[1, 2, 3, 4])), ModelError::Dimensions { .. });
    let mut double = small();
    let input = &mut double.graph.as_mut().unwrap().input[0];
    if let Some(tract_onnx::pb::type_proto::Value::TensorType(t)) =
        input.r#type.as_mut().unwrap().value.as_mut()
    {
        t.elem_type = 11;
    }
    assert!(load(&double).is_ok());
    assert_refused!(changed(|g| g.input[0].r#type = None), ModelError::UnsupportedType { .. });
}

#[test]
fn dimensions_are_fixed_positive_and_match() {
    // covers: M5
    for dims in [vec![0, 2], vec![-1, 4], vec![i64::MAX, 2], vec![1 << 40, 1 << 40], vec![1 << 33, 1 << 31]] {
        assert_refused!(changed(|g| g.initializer[0].dims = dims), ModelError::Dimensions { .. });
    }
    for dims in [vec![], vec![4], vec![2, 1, 2], vec![1, 4], vec![4, 1]] {
        assert_refused!(
            changed(|g| g.initializer[0].dims = dims),
            ModelError::Dimensions { .. } | ModelError::Elements { .. }
        );
    }
    for dims in [vec![2, 3], vec![1, 1]] {
        assert_refused!(changed(|g| g.initializer[0].dims = dims), ModelError::Elements { .. });
    }
    let inputs: [&[Option<i64>]; 10] = [
        &[],
        &[None],
        &[None, None],
        &[None, Some(0)],
        &[None, Some(-2)],
        &[None, Some(i64::MAX)],
        &[Some(2), Some(2)],
        &[None, Some(3)],
        &[None, None, Some(2)],
        &[Some(1), Some(5000)],
    ];
    for dims in inputs {
        assert_refused!(
            changed(|g| g.input[0] = value("x", dims)),
            ModelError::Dimensions { .. } | ModelError::NotSingle { .. }
        );
    }
    assert!(changed(|g| g.input[0] = value("x", &[Some(1), Some(2)])).is_ok());
    // Ragged raw bytes, and a bias of the wrong width.
    let ragged = changed(|g| {
        g.initializer[0].float_data.clear();
        g.initializer[0].raw_data = vec![0; 15];
    });
    assert_refused!(ragged, ModelError::Elements { .. });
    assert_refused!(
        changed(|g| g.initializer[1] = tensor("b", &[3], &[0.0; 3])),
        ModelError::Dimensions { .. }
    );
    assert_refused!(
        changed(|g| g.initializer[2] = tensor("v", &[2, 2], &[0.0; 4])),
        ModelError::NotSingle { .. }
    );
}

#[test]
fn reshapes_that_move_values_are_refused() {
    // covers: M5
    let with = |dims: &[i64]| {
        let nodes = vec![node("Reshape", &["x", "s"], "z"), node("MatMul", &["z", "w"], "y")];
        load(&model(2, nodes, vec![shape("s", dims), tensor("w", &[2, 1], &[1.0, 1.0])]))
    };
    for dims in [&[-1, 2][..], &[0, 2], &[1, 2], &[0, -1], &[2], &[-1], &[1, 1, 2]] {
        assert!(with(dims).is_ok(), "{dims:?}");
    }
    for dims in [&[-1, 1][..], &[2, 1], &[-1, -1], &[4], &[1, 1, 3], &[i64::MIN, 2], &[i64::MAX, 2]] {
        assert_refused!(with(dims), ModelError::Dimensions { .. });
    }
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    // covers: M6
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN] {
        for t in 0..4 {
            assert_refused!(changed(|g| g.initializer[t].float_data[0] = bad), ModelError::NotFinite { .. });
        }
    }
    // Importing refuses them, even where lowering would not look.
    let mut unused = small();
    unused.graph.as_mut().unwrap().initializer.push(tensor("spare", &[1], &[f32::INFINITY]));
    assert_refused!(import(&bytes(&unused)), ModelError::NotFinite { .. });
    // Finite parts with an infinite product.
    let nodes = (0..20).map(|i| {
        let out = if i == 19 { "y".to_owned() } else { format!("v{i}") };
        node("Mul", &[&if i == 0 { "x".to_owned() } else { format!("v{}", i - 1) }, "huge"], &out)
    });
    let chain = model(1, nodes.collect(), vec![tensor("huge", &[1], &[3e38])]);
    assert_refused!(load(&chain), ModelError::NotFinite { .. });
    let division = model(1, vec![node("Div", &["x", "zero"], "y")], vec![tensor("zero", &[1], &[0.0])]);
    assert_refused!(load(&division), ModelError::NotFinite { .. });
    // Denormal weights are as good as any.
    assert!(changed(|g| g.initializer[0].float_data[0] = 1e-42).is_ok());
}

#[test]
fn networks_may_end_in_a_relu_or_do_nothing() {
    let relu = load(&model(1, vec![node("Relu", &["x"], "y")], vec![])).unwrap();
    assert_eq!([relu.evaluate(&[2.0]), relu.evaluate(&[-2.0])], [2.0, 0.0]);
    let nothing = load(&model(1, vec![node("Identity", &["x"], "y")], vec![])).unwrap();
    assert_eq!(nothing.evaluate(&[2.0]), 2.0);
}

#[test]
fn files_and_graphs_over_their_limits_are_refused() {
    // covers: M1
    assert_refused!(import(&vec![0; (32 << 20) + 1]), ModelError::TooLarge { .. });
    // A million messages of two bytes: nodes, initialisers, attributes, inputs.
    for field in [1u8, 5, 11, 12, 13] {
        let body: Vec<u8> = std::iter::repeat_n([field << 3 | 2, 0], 500_000).flatten().collect();
        assert_refused!(import(&wrap(7, &body)), ModelError::TooLarge { .. });
    }
    let operator_sets: Vec<u8> = std::iter::repeat_n([8 << 3 | 2, 0], 500_000).flatten().collect();
    assert_refused!(import(&operator_sets), ModelError::TooLarge { .. });
    // Few bytes that ask for much work or memory.
    let grow = |count: usize| {
        let nodes = (0..count).map(|i| {
            let from = if i == 0 { "x".to_owned() } else { format!("v{}", i - 1) };
            node("Tile", &[&from, "n"], &if i + 1 == count { "y".to_owned() } else { format!("v{i}") })
        });
        load(&model(600, nodes.collect(), vec![shape("n", &[1, 16])]))
    };
    assert_refused!(grow(3), ModelError::Dimensions { .. });
    let wide = (0..40).map(|i| {
        let from = if i == 0 { "x".to_owned() } else { format!("v{}", i - 1) };
        let out = if i == 39 { "y".to_owned() } else { format!("v{i}") };
        node(if i == 0 { "Tile" } else { "Neg" }, &[&from, "n"][..if i == 0 { 2 } else { 1 }], &out)
    });
    let wide = model(600, wide.collect(), vec![shape("n", &[1, 2000])]);
    assert_refused!(load(&wide), ModelError::TooLarge { .. });
}

/// A length-delimited field.
fn wrap(field: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    prost::encoding::encode_varint(body.len() as u64, &mut out);
    out.extend_from_slice(body);
    out
}

#[test]
fn lengths_beyond_the_file_and_endless_numbers_are_refused() {
    // covers: M1
    for claimed in [3u64, 1 << 31, 1 << 32, u64::MAX] {
        let mut file = vec![7 << 3 | 2];
        prost::encoding::encode_varint(claimed, &mut file);
        assert_refused!(import(&file), ModelError::Decode { .. });
    }
    assert_refused!(
        import(&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ModelError::Decode { .. }
    );
    assert_refused!(import(&vec![0xff; 1 << 20]), ModelError::Decode { .. });
    let groups: Vec<u8> = std::iter::repeat_n(0x0b, 1 << 20).collect();
    assert_refused!(import(&groups), ModelError::Decode { .. });
    assert_refused!(import(&[]), ModelError::Missing { .. });
    let mut unterminated = TensorProto::default().encode_to_vec();
    unterminated.extend([9 << 3 | 2, 0x80]);
    assert_refused!(import(&wrap(7, &wrap(5, &unterminated))), ModelError::Decode { .. });
}
