//! From a bare model and sample inputs to a strategy, with the built binary.
#![allow(clippy::unwrap_used, reason = "what is missing here is a failed test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

fn sotto(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sotto")).args(arguments).env_clear().output().unwrap()
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name);
    path.to_str().unwrap().to_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `strategy init` of a fixture into a fresh directory.
fn init(model: &str, data: &str, more: &[&str]) -> (tempfile::TempDir, PathBuf, Output) {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("made");
    let (model, data) = (fixture(model), fixture(data));
    let arguments =
        [&["--json", "strategy", "init", &model, "--data", &data, "--out", out.to_str().unwrap()], more];
    let output = sotto(&arguments.concat());
    (directory, out, output)
}

fn parity(directory: &Path, data: &str) -> Value {
    json(&sotto(&["--json", "strategy", "parity", directory.to_str().unwrap(), "--data", &fixture(data)]))
}

#[test]
fn a_bare_model_with_unnamed_inputs_becomes_a_strategy_with_parity() {
    let (_keep, out, output) = init("mlp.onnx", "mlp.npz", &["--slot-inputs", "1"]);
    let made = json(&output);
    assert_eq!((made["inputs"].as_u64(), made["unnamed_inputs"].as_u64()), (Some(5), Some(5)));
    assert!(json(&sotto(&["--json", "strategy", "check", out.to_str().unwrap()]))["class_id"].is_u64());
    let report = parity(&out, "mlp.npz");
    assert_eq!(report["columns"], "network-inputs");
    assert_eq!(report["rows_tested"], 400);
    assert_eq!(report["rows_out_of_range"], 0);
    assert_eq!(report["within_one_pip"], 400, "{report}");
    assert_eq!(report["decision_flips"].as_u64(), Some(0), "{report}");
    assert!(report["max_abs_error"].as_f64().unwrap() < 1.5, "{report}");
    assert_eq!(report["contests"], 400);
    // The reference is what NumPy computed, not what this program's floating point does.
    assert_eq!(report["reference"]["within_one_pip"], 400, "{report}");
    assert!(report["reference"]["max_abs_error"].as_f64().unwrap() < 1.5, "{report}");
}

#[test]
fn columns_named_as_features_and_sums_of_them_are_mapped() {
    for data in ["named.csv", "named.parquet"] {
        let (_keep, out, output) = init("mlp.onnx", data, &["--name", "named"]);
        assert_eq!(json(&output)["unnamed_inputs"], 0);
        let manifest = fs::read_to_string(out.join("strategy.toml")).unwrap();
        assert!(manifest.contains("\"chainlink.price\" = 1.0, \"uniswap-v2.price\" = -1.0"), "{manifest}");
        let report = parity(&out, data);
        assert!(report["within_one_pip"].as_u64().unwrap() >= 99, "{report}");
        assert_eq!(report["reference"]["rows_tested"], 100);
    }
}

#[test]
fn a_manifest_made_from_data_holds_ranges_and_no_rows() {
    let (_keep, out, output) = init("mlp.onnx", "mlp.npz", &[]);
    json(&output);
    let names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(fs::metadata(out.join("strategy.toml")).unwrap().len() < 8_000);
    // A second time would lose the owner's edits.
    let again = ["strategy", "init", &fixture("mlp.onnx"), "--data", &fixture("mlp.npz"), "--out"];
    assert_eq!(sotto(&[&again[..], &[out.to_str().unwrap()]].concat()).status.code(), Some(1));
}

#[test]
fn a_model_with_another_input_shape_takes_flattened_inputs() {
    let (_keep, out, output) = init("steps.onnx", "steps.npz", &["--unit", "bps", "--scale", "0.5"]);
    assert_eq!(json(&output)["inputs"], 6);
    let report = parity(&out, "steps.npz");
    assert!(report["share_within_one_pip"].as_f64().unwrap() > 0.99, "{report}");
    assert!(report["reference"]["max_abs_error"].as_f64().unwrap() < 2.0, "{report}");
}

// covers: M5 M6
#[test]
fn data_that_do_not_fit_are_refused_with_the_place() {
    for (data, more, said) in [
        ("nan.csv", &[][..], "row 1, column `b`"),
        ("wide.csv", &[], "the data have 6 columns, the model has 5 inputs"),
        ("unknown.csv", &[], "unknown columns: mystery"),
        ("mlp.npz", &["--map", "0=nowhere.price"], "--map 0=nowhere.price"),
        ("mlp.npz", &["--scale", "1e9"], "see --unit and --scale"),
        ("mlp.onnx", &[], "ends in none of"),
    ] {
        let (_keep, out, output) = init("mlp.onnx", data, more);
        assert_eq!(output.status.code(), Some(4), "{data}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{data}: {}", stderr(&output));
        assert!(!out.exists(), "{data}");
    }
    let (_keep, _, output) = init("mlp.onnx", "absent.csv", &[]);
    assert_eq!(output.status.code(), Some(1));
    let (_keep, _, output) = init("mlp.onnx", "mlp.npz", &["--output", "second"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn parity_refuses_columns_that_the_strategy_does_not_have() {
    let (_keep, out, output) = init("mlp.onnx", "mlp.npz", &[]);
    json(&output);
    for (data, said) in
        [("wide.csv", "6 columns, the model has 5 inputs"), ("unknown.csv", "unknown columns: mystery")]
    {
        let output = sotto(&["strategy", "parity", out.to_str().unwrap(), "--data", &fixture(data)]);
        assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    // Without hold-out rows there is nothing to compare on.
    assert_eq!(sotto(&["strategy", "parity", out.to_str().unwrap()]).status.code(), Some(1));
}

#[test]
fn inspect_lists_operations_and_draws_two_charts() {
    let (keep, out, output) = init("mlp.onnx", "mlp.npz", &[]);
    json(&output);
    let charts = keep.path().join("charts");
    let (directory, data) = (out.to_str().unwrap(), fixture("mlp.npz"));
    let arguments = ["--json", "strategy", "inspect", directory, "--data", &data, "--out"];
    let shown = json(&sotto(&[&arguments[..], &[charts.to_str().unwrap()]].concat()));
    assert!(shown["operations"].as_array().unwrap().len() >= 2, "{shown}");
    assert_eq!(shown["quotes"]["rows"], 400);
    for chart in ["quotes.svg", "parity.svg"] {
        let svg = fs::read_to_string(charts.join(chart)).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    }
    let without = sotto(&["strategy", "inspect", directory]);
    assert!(without.status.success(), "{}", stderr(&without));
}
