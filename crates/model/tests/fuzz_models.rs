//! Seeded mutations of valid models of every operator through import and lowering: no panic, and no answer but a typed
//! error or a program. `SOTTO_FUZZ_ROUNDS` raises the number of rounds.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    reason = "a panic fails the test; lengths are small"
)]

#[path = "support/fuzz.rs"]
mod fuzz;

use std::{fs, path::Path};

use fuzz::{mutate, rounds};
use prost::Message;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use sotto_model::{OutputChoice, import::import, lower};
use tract_onnx::pb::{GraphProto, ModelProto, tensor_shape_proto::dimension::Value as Dim, type_proto};

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let models = paths.iter().filter(|p| p.extension().is_some_and(|e| e == "onnx"));
    models.map(|p| fs::read(p).unwrap()).collect()
}

/// Numbers that lie at an edge of something.
fn extreme(rng: &mut StdRng) -> i64 {
    let edges = [i64::MIN, -2, -1, 0, 1, 2, 3, 7, 64, 4096, 65_537, 1 << 22, 1 << 31, 1 << 40, i64::MAX];
    *edges.choose(rng).unwrap()
}

/// Changes the graph where a parser of bytes would seldom get: dimensions, attributes, operators, wires.
fn mutate_graph(graph: &mut GraphProto, rng: &mut StdRng) {
    let kinds: Vec<String> = graph.node.iter().map(|n| n.op_type.clone()).collect();
    let names: Vec<String> =
        graph.node.iter().flat_map(|n| n.input.iter().chain(&n.output)).cloned().collect();
    let nodes = graph.node.len();
    let Some(node) = graph.node.choose_mut(rng) else { return };
    match rng.gen_range(0..9) {
        0 => {
            if let Some(attribute) = node.attribute.choose_mut(rng) {
                attribute.i = extreme(rng);
                attribute.f = *[0.0, -1.0, 1e30, f32::NAN, f32::MIN_POSITIVE].choose(rng).unwrap();
            }
        }
        1 => {
            if let Some(attribute) = node.attribute.choose_mut(rng) {
                if let Some(i) = attribute.ints.choose_mut(rng) {
                    *i = extreme(rng);
                }
                if let Some(f) = attribute.floats.choose_mut(rng) {
                    *f = *[0.0, f32::NAN, f32::INFINITY, 1e38, -1.0].choose(rng).unwrap();
                }
            }
        }
        2 => {
            if !node.attribute.is_empty() {
                let at = rng.gen_range(0..node.attribute.len());
                node.attribute.remove(at);
            }
        }
        3 => {
            let operators = [
                "Add",
                "Div",
                "Pow",
                "MatMul",
                "Conv",
                "GRU",
                "LSTM",
                "Softmax",
                "ReduceMax",
                "MaxPool",
                "Where",
                "ArgMax",
                "Expand",
                "Tile",
                "Pad",
                "Slice",
                "Concat",
                "Split",
                "Squeeze",
                "Transpose",
                "Reshape",
                "Gather",
                "Sqrt",
            ];
            node.op_type = if rng.gen_bool(0.5) {
                kinds.choose(rng).unwrap().clone()
            } else {
                (*operators.choose(rng).unwrap()).into()
            };
        }
        4 => {
            if let (Some(input), Some(name)) = (node.input.choose_mut(rng), names.choose(rng)) {
                input.clone_from(name);
            }
        }
        5 => {
            if let Some(name) = names.choose(rng) {
                node.input.push(name.clone());
            }
        }
        6 => {
            if let Some(tensor) = graph.initializer.choose_mut(rng) {
                let value = extreme(rng);
                match rng.gen_range(0..4) {
                    0 => tensor.dims.iter_mut().take(1).for_each(|d| *d = value),
                    1 => tensor.dims.reverse(),
                    // Shapes and positions.
                    2 if tensor.raw_data.len() >= 8 => {
                        tensor.raw_data[..8].copy_from_slice(&value.to_le_bytes());
                    }
                    _ => tensor.dims.push(1),
                }
            }
        }
        7 => {
            let inputs = graph.input.iter_mut().filter_map(|i| i.r#type.as_mut()?.value.as_mut());
            for value in inputs {
                let type_proto::Value::TensorType(tensor) = value;
                if let Some(d) = tensor.shape.iter_mut().flat_map(|s| &mut s.dim).last() {
                    d.value = Some(Dim::DimValue(extreme(rng).clamp(-1, 70_000)));
                }
            }
        }
        _ => {
            // The same again, behind itself.
            let mut again = node.clone();
            again.input =
                again.input.iter().map(|i| node.output.first().unwrap_or(i).clone()).take(1).collect();
            again.input.extend(node.input.iter().skip(1).cloned());
            again.output.iter_mut().for_each(|o| *o = format!("{o}_{nodes}"));
            if let (Some(output), Some(name)) = (graph.output.first_mut(), again.output.first()) {
                output.name.clone_from(name);
            }
            graph.node.push(again);
        }
    }
}

/// Imports, lowers and evaluates.
fn exercise(bytes: &[u8]) -> bool {
    let Ok(graph) = import(bytes) else { return false };
    let Some(output) = graph.outputs().last() else { return false };
    let choice = OutputChoice::Element { output: output.name.clone(), position: 0 };
    let Ok(program) = lower(&graph, &choice) else { return false };
    let _ = program.evaluate(&vec![0.5; program.inputs]);
    true
}

#[test]
fn mutated_models_of_every_operator_never_panic() {
    // covers: M1 M3 M4 M5 M6
    let seeds = seeds();
    assert!(seeds.iter().all(|s| exercise(s)));
    let mut rng = StdRng::seed_from_u64(3);
    let (mut accepted, mut slowest) = (0usize, std::time::Duration::ZERO);
    let rounds = rounds(6_000);
    for round in 0..rounds {
        let mut bytes = seeds[round % seeds.len()].clone();
        let started = std::time::Instant::now();
        if rng.gen_bool(0.7) {
            let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
            if let Some(graph) = model.graph.as_mut() {
                (0..rng.gen_range(1..4)).for_each(|_| mutate_graph(graph, &mut rng));
            }
            bytes = model.encode_to_vec();
        }
        if rng.gen_bool(0.4) {
            (0..rng.gen_range(1..4)).for_each(|_| mutate(&mut bytes, &mut rng));
        }
        accepted += usize::from(exercise(&bytes));
        slowest = slowest.max(started.elapsed());
    }
    println!("{rounds} rounds, {accepted} accepted, the slowest took {slowest:?}");
    assert!(accepted > rounds / 50, "{accepted} of {rounds}");
}
