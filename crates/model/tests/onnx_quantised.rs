//! Imported models of every operator as integer programs, against the same models in floating point.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

use std::{fs, path::PathBuf};

use rand::{Rng, SeedableRng, rngs::StdRng};
use sotto_model::program::Program;
use sotto_model::{
    AffineInput, Calibration, Frontend, ModelError, OutputChoice, Policy, RealProgram, Settings,
    import::import, lower, quantise,
};
use sotto_types::MODEL_FEATURES;

/// Half the raw width of every feature.
const REACH: i32 = 1 << 22;
/// Models whose numbers, as drawn here, do not fit: reciprocals, roots and logarithms over more than a factor of 16,
/// arguments that are far steeper than what they are made of, and products of many factors.
const REFUSED: [&str; 12] = [
    "div",
    "layernorm",
    "layernorm_parts",
    "normalizer_l1",
    "normalizer_l2",
    "normalizer_max",
    "pow_-2",
    "reducel2",
    "reducel2_all",
    "reduceprod",
    "reduceprod_all",
    "sk_logistic_array",
];
/// Pips that the outputs of a model span.
const SPAN: f64 = 500.0;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx")
}

/// Inputs of the rows of a fixture, and its outputs with how many numbers each has.
fn table(path: &std::path::Path) -> (Vec<Vec<f64>>, Vec<(String, usize)>) {
    let text = fs::read_to_string(path.with_extension("csv")).unwrap();
    let (header, rows) = text.trim().split_once('\n').unwrap();
    let inputs =
        |line: &str| line.split(';').next().unwrap().split(',').map(|x| x.parse().unwrap()).collect();
    let output = |text: &str| {
        let (name, count) = text.split_once(':').unwrap();
        (name.to_owned(), count.parse().unwrap())
    };
    (rows.lines().map(inputs).collect(), header.split(',').map(output).collect())
}

/// Inputs are features from the last on, all over one range, so that equal inputs are equal features.
fn frontend(rows: &[Vec<f64>]) -> Frontend {
    let mut ranges = [None; MODEL_FEATURES];
    let inputs = (0..rows[0].len()).map(|i| {
        let column = || rows.iter().flatten().copied();
        let (lo, hi) = (column().fold(f64::INFINITY, f64::min), column().fold(f64::NEG_INFINITY, f64::max));
        let half = (0.5 * (hi - lo)).max(1e-3);
        let mut factors = [0.0; MODEL_FEATURES];
        let feature = MODEL_FEATURES - 1 - i;
        factors[feature] = half / f64::from(REACH);
        ranges[feature] = Some([-REACH, REACH]);
        let middle = 0.5 * (lo + hi);
        AffineInput { factors, constant: middle, range: [middle - half, middle + half] }
    });
    let inputs = inputs.collect();
    Frontend { ranges, inputs }
}

/// Rows drawn between two of the fixture's, so that they are like those.
fn features(rows: &[Vec<f64>], frontend: &Frontend, rng: &mut StdRng) -> [i32; MODEL_FEATURES] {
    let (a, b) = (&rows[rng.gen_range(0..rows.len())], &rows[rng.gen_range(0..rows.len())]);
    let share = rng.gen_range(0.0..1.0);
    let mut raw = [0; MODEL_FEATURES];
    for (i, input) in frontend.inputs.iter().enumerate() {
        let feature = MODEL_FEATURES - 1 - i;
        let value = a[i] + share * (b[i] - a[i]);
        raw[feature] = ((value - input.constant) / input.factors[feature]).round() as i32;
    }
    raw
}

fn apply(frontend: &Frontend, raw: &[i32; MODEL_FEATURES]) -> Vec<f64> {
    let (market, slot) = raw.split_at(32);
    frontend.apply(market.try_into().unwrap(), slot.try_into().unwrap())
}

fn compile(
    real: &RealProgram,
    frontend: &Frontend,
    sample: &[Vec<f64>],
) -> Result<(Program, f64), ModelError> {
    let calibration = Calibration::observe(real, sample.iter().map(Vec::as_slice));
    let outputs: Vec<f64> = sample.iter().map(|row| real.evaluate(row)).collect();
    let (lo, hi) = outputs.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &y| (a.min(y), b.max(y)));
    let pips = SPAN / (hi - lo).max(1e-9).max(1e-3 * hi.abs());
    let policy = Policy { min_quote: -900_000, max_quote: 900_000, max_slots: 32 };
    let settings = Settings { calibration: Some(&calibration), pips, policy, trees: None };
    Ok((quantise(real, frontend, &settings)?, pips))
}

#[test]
fn integers_are_within_a_pip_of_imported_models() {
    // covers: M8 M14
    let mut paths: Vec<_> = fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.retain(|p| p.extension().is_some_and(|e| e == "onnx"));
    let mut found = Vec::new();
    let mut tested = 0;
    for path in paths {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (rows, outputs) = table(&path);
        if rows[0].len() > MODEL_FEATURES {
            continue;
        }
        let graph = match import(&fs::read(&path).unwrap()) {
            Ok(graph) => graph,
            Err(error) => {
                found.push(format!("{name}: {error}"));
                continue;
            }
        };
        let (output, _) = outputs.last().unwrap();
        let choice = OutputChoice::Element { output: output.clone(), position: 0 };
        let real = match lower(&graph, &choice) {
            Ok(real) => real,
            Err(error) => {
                found.push(format!("{name}: {error}"));
                continue;
            }
        };
        let frontend = frontend(&rows);
        let mut rng = StdRng::seed_from_u64(7);
        let mut draw = || features(&rows, &frontend, &mut rng);
        let sample: Vec<Vec<f64>> = (0..400).map(|_| draw()).map(|raw| apply(&frontend, &raw)).collect();
        let (program, pips) = match compile(&real, &frontend, &sample) {
            Err(ModelError::Unrepresentable { .. }) if REFUSED.contains(&name.as_str()) => continue,
            compiled => compiled.unwrap_or_else(|error| panic!("{name}: {error}")),
        };
        let errors: Vec<f64> = (0..400)
            .map(|_| {
                let raw = draw();
                let (market, slot) = raw.split_at(32);
                let integer = program.output(market.try_into().unwrap(), slot.try_into().unwrap());
                (pips * real.evaluate(&apply(&frontend, &raw)) - integer as f64).abs()
            })
            .collect();
        let within = errors.iter().filter(|e| **e <= 1.0).count();
        let worst = errors.iter().fold(0.0, |a: f64, &b| a.max(b));
        tested += 1;
        // Decisions between numbers that differ by a rounding may go either way.
        if within < 396 {
            found.push(format!("{name}: {within} of 400 are within a pip, the worst {worst:.2}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(tested > 120, "{tested}");
}
