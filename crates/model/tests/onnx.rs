//! Lowered models against onnxruntime: `fixtures/onnx` has models of every operator and what onnxruntime gives for them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

use std::{fs, path::PathBuf};

use sotto_model::{OutputChoice, import::import, lower};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx")
}

struct Fixture {
    name: String,
    model: Vec<u8>,
    /// Names of the outputs with how many numbers each has.
    outputs: Vec<(String, usize)>,
    /// Inputs, and the numbers of all outputs.
    rows: Vec<(Vec<f64>, Vec<f64>)>,
}

fn numbers(text: &str) -> Vec<f64> {
    text.split(',').map(|n| n.parse().unwrap()).collect()
}

fn fixtures() -> Vec<Fixture> {
    let mut paths: Vec<_> = fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.retain(|p| p.extension().is_some_and(|e| e == "onnx"));
    let fixture = |path: PathBuf| {
        let table = fs::read_to_string(path.with_extension("csv")).unwrap();
        let (header, rows) = table.trim().split_once('\n').unwrap();
        let output = |text: &str| {
            let (name, count) = text.split_once(':').unwrap();
            (name.to_owned(), count.parse().unwrap())
        };
        let row = |line: &str| line.split_once(';').map(|(x, y)| (numbers(x), numbers(y))).unwrap();
        Fixture {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            model: fs::read(&path).unwrap(),
            outputs: header.split(',').map(output).collect(),
            rows: rows.lines().map(row).collect(),
        }
    };
    paths.into_iter().map(fixture).collect()
}

/// What differs between a lowered model and onnxruntime.
fn differences(fixture: &Fixture) -> Vec<String> {
    let name = &fixture.name;
    let graph = match import(&fixture.model) {
        Ok(graph) => graph,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let mut found = vec![];
    let mut first = 0;
    for (output, count) in &fixture.outputs {
        for position in 0..*count {
            // Labels that are words are told apart by their position, which onnxruntime does not give.
            if name == "sk_forest_words" && output == "output_label" {
                continue;
            }
            let choice = OutputChoice::Element { output: output.clone(), position };
            let program = match lower(&graph, &choice) {
                Ok(program) => program,
                Err(error) => {
                    found.push(format!("{name} {output}[{position}]: {error}"));
                    continue;
                }
            };
            for (inputs, expected) in &fixture.rows {
                // What onnxruntime reads is float32.
                let inputs: Vec<f64> = inputs.iter().map(|&x| f64::from(x as f32)).collect();
                let (got, expected) = (program.evaluate(&inputs), expected[first + position]);
                if (got - expected).abs() > 1e-4 * expected.abs().max(0.1) || got.is_nan() {
                    found.push(format!("{name} {output}[{position}] of {inputs:?}: {got}, not {expected}"));
                    break;
                }
            }
        }
        first += count;
    }
    found
}

#[test]
fn lowered_models_give_what_onnxruntime_gives() {
    // covers: M8 M10 M11
    let fixtures = fixtures();
    assert!(fixtures.len() > 150, "{} fixtures", fixtures.len());
    let found: Vec<String> = fixtures.iter().flat_map(differences).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}
