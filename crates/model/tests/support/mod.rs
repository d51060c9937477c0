//! Builds small ONNX files and manifests.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::cast_possible_wrap, reason = "the lengths are small")]

use prost::Message;
use sotto_model::model_hash;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension::Value as Dim, type_proto,
};

/// A float32 tensor.
pub(crate) fn tensor(name: &str, dims: &[i64], data: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        float_data: data.to_vec(),
        ..TensorProto::default()
    }
}

/// An int64 vector.
pub(crate) fn shape(name: &str, data: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![data.len() as i64],
        data_type: DataType::Int64 as i32,
        raw_data: data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// A node named after its operator and output.
pub(crate) fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: format!("{op}_{output}"),
        input: inputs.iter().map(|&i| i.into()).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

/// A node with an integer attribute.
pub(crate) fn with_int(mut node: NodeProto, name: &str, i: i64) -> NodeProto {
    let r#type = AttributeType::Int as i32;
    node.attribute.push(AttributeProto { name: name.into(), i, r#type, ..AttributeProto::default() });
    node
}

/// A node with a float attribute.
pub(crate) fn with_float(mut node: NodeProto, name: &str, f: f32) -> NodeProto {
    let r#type = AttributeType::Float as i32;
    node.attribute.push(AttributeProto { name: name.into(), f, r#type, ..AttributeProto::default() });
    node
}

/// A float32 value; `None` is a dynamic dimension.
pub(crate) fn value(name: &str, dims: &[Option<i64>]) -> ValueInfoProto {
    let dim = |d: &Option<i64>| Dimension {
        value: Some(d.map_or_else(|| Dim::DimParam("batch".into()), Dim::DimValue)),
        ..Dimension::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: DataType::Float as i32,
        shape: Some(TensorShapeProto { dim: dims.iter().map(dim).collect() }),
    };
    let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.into(), r#type: Some(r#type), ..ValueInfoProto::default() }
}

/// A model of operator set 13 with input `x` of the given width and output `y`.
pub(crate) fn model(width: i64, nodes: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
        graph: Some(GraphProto {
            node: nodes,
            initializer,
            input: vec![value("x", &[None, Some(width)])],
            output: vec![value("y", &[None, Some(1)])],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    }
}

/// The model `relu(x · [[1, 2], [3, 4]] + [5, 6]) · [7, 8] + 9`.
pub(crate) fn small() -> ModelProto {
    let nodes = vec![
        node("MatMul", &["x", "w"], "m"),
        node("Add", &["m", "b"], "a"),
        node("Relu", &["a"], "r"),
        with_int(node("Gemm", &["r", "v", "c"], "y"), "transB", 1),
    ];
    let tensors = vec![
        tensor("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0]),
        tensor("b", &[2], &[5.0, 6.0]),
        tensor("v", &[1, 2], &[7.0, 8.0]),
        tensor("c", &[1], &[9.0]),
    ];
    model(2, nodes, tensors)
}

/// The bytes of a model.
pub(crate) fn bytes(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

/// A dense ReLU network as Gemm nodes; layers are (inputs, row-major weights, biases).
pub(crate) fn dense(layers: &[(usize, Vec<f32>, Vec<f32>)]) -> ModelProto {
    let (mut nodes, mut tensors, mut from) = (Vec::new(), Vec::new(), "x".to_owned());
    for (i, (inputs, weights, biases)) in layers.iter().enumerate() {
        let (w, b) = (format!("w{i}"), format!("b{i}"));
        tensors.push(tensor(&w, &[biases.len() as i64, *inputs as i64], weights));
        tensors.push(tensor(&b, &[biases.len() as i64], biases));
        let last = i + 1 == layers.len();
        let out = if last { "y".to_owned() } else { format!("d{i}") };
        nodes.push(with_int(node("Gemm", &[&from, &w, &b], &out), "transB", 1));
        if !last {
            nodes.push(node("Relu", &[&out], &format!("r{i}")));
        }
        from = format!("r{i}");
    }
    model(layers.first().map_or(1, |l| l.0 as i64), nodes, tensors)
}

/// Features that a generated manifest reads, in input order.
pub(crate) const READ: [&str; 6] = [
    "uniswap-v2.price",
    "uniswap-v2.volatility",
    "uniswap-v2.age",
    "chain.base-fee",
    "slot.direction",
    "slot.size",
];

/// A manifest for a model with `inputs` inputs, each one feature over its range as [0, 1].
pub(crate) fn manifest(model: &[u8], inputs: usize, scale: f64) -> String {
    let ranges = [[9.0, 13.0], [0.0, 0.0625], [0.0, 3600.0], [0.0, 48.0], [0.0, 1.0], [-6.0, 18.0]];
    let mut text = format!(
        "name = \"test\"\n[model]\nfile = \"model.onnx\"\nkeccak256 = \"{}\"\n[tokens]\nbase-decimals = 18\n\
         quote-decimals = 18\n[output]\nunit = \"pips\"\nscale = {scale:?}\n[policy]\nmin-quote = -900000\n\
         max-quote = 900000\nmax-slots = 32\n[features]\n",
        model_hash(model)
    );
    for (name, range) in READ.iter().zip(ranges).take(inputs) {
        text += &format!("\"{name}\" = {{ range = {range:?} }}\n");
    }
    for (name, [lo, hi]) in READ.iter().zip(ranges).take(inputs) {
        text +=
            &format!("[[input]]\nterms = {{ \"{name}\" = 1.0 }}\noffset = {lo:?}\nscale = {:?}\n", hi - lo);
    }
    text
}
