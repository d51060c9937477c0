//! A proof from the command line, and its verification.
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

// covers: Z3
#[test]
fn a_proven_slot_verifies_and_a_changed_proof_does_not() {
    let strategy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies/linear-spread");
    let out = tempfile::tempdir().unwrap();
    let output = sotto(&[
        "--json",
        "strategy",
        "prove",
        strategy.to_str().unwrap(),
        "--out",
        out.path().to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in ["rows", "leaf_seconds", "sheet_seconds", "total_seconds", "peak_rss_mb"] {
        assert!(result[key].as_f64().unwrap() > 0.0, "{key} in {result}");
    }
    let calldata = fs::read_to_string(result["calldata"].as_str().unwrap()).unwrap();
    assert!(calldata.starts_with("0x") && calldata.len() / 2 < 95_000, "{} characters", calldata.len());

    let proof = PathBuf::from(result["proof"].as_str().unwrap());
    let verified = sotto(&["--json", "strategy", "verify", proof.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));

    let mut bytes = fs::read(&proof).unwrap();
    for position in [100, bytes.len() / 2, bytes.len() - 9] {
        bytes[position] ^= 1;
        fs::write(&proof, &bytes).unwrap();
        let changed = sotto(&["strategy", "verify", proof.to_str().unwrap()]);
        assert_eq!(changed.status.code(), Some(4), "byte {position}");
        bytes[position] ^= 1;
    }
}
