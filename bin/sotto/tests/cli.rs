//! The built binary, as a person or a script calls it.
#![allow(clippy::unwrap_used, reason = "what is missing here is a failed test")]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn sotto(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sotto")).args(arguments).env_clear().output().unwrap()
}

fn configs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_lists_the_exit_codes() {
    let output = sotto(&["--help"]);
    assert!(output.status.success());
    assert!(stdout(&output).contains("Exit codes:"));
}

#[test]
fn output_that_nobody_reads_ends_the_program_quietly() {
    let config = configs().join("dev.toml");
    for arguments in [&["config", "show"][..], &["--json", "config", "show"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_sotto"))
            .args(arguments)
            .arg("--config")
            .arg(&config)
            .env_clear()
            .stdout(writer)
            .output()
            .unwrap();
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(141), ""));
    }
}

#[test]
fn an_unknown_subcommand_is_a_usage_error() {
    assert_eq!(sotto(&["frobnicate"]).status.code(), Some(2));
}

#[test]
fn config_show_fills_in_the_defaults_and_can_be_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let small = directory.path().join("small.toml");
    fs::write(&small, "[chain]\nid = 5\nendpoints = [\"ws://127.0.0.1:1\"]\n[store]\ndirectory = \"d\"\n")
        .unwrap();
    let first = sotto(&["config", "show", "--config", small.to_str().unwrap()]);
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(stdout(&first).contains("call-timeout = \"3s\""));
    let full = directory.path().join("full.toml");
    fs::write(&full, &first.stdout).unwrap();
    let second = sotto(&["config", "show", "--config", full.to_str().unwrap()]);
    assert_eq!(stdout(&first), stdout(&second));
}

// covers: P17
#[test]
fn config_show_prints_no_key_of_a_node_address() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("c.toml");
    fs::write(
        &file,
        "[chain]\nid = 5\nendpoints = [\"wss://n.example/v3/s3cr3t\", \"env:RPC\"]\n[store]\ndirectory = \"d\"\n",
    )
    .unwrap();
    for json in [&[][..], &["--json"]] {
        let output = sotto(&[&["config", "show", "-c", file.to_str().unwrap()], json].concat());
        assert!(stdout(&output).contains("wss://n.example/<redacted>"), "{}", stdout(&output));
        assert!(!stdout(&output).contains("s3cr3t"));
    }
}

// covers: P17
#[test]
fn config_check_refuses_an_unknown_key_and_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("c.toml");
    let text = fs::read_to_string(configs().join("dev.toml")).unwrap().replace("threads = 0", "treads = 0");
    fs::write(&file, text).unwrap();
    let output = sotto(&["--json", "config", "check", "-c", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(stdout(&output), "");
    let error: Value = serde_json::from_str(&stderr(&output)).unwrap();
    assert_eq!(error["code"], 3);
    assert!(error["causes"][0].as_str().unwrap().starts_with("prover.treads: unknown field"), "{error}");
}

// covers: P17
#[test]
fn config_check_reads_every_secret() {
    let dev = configs().join("dev.toml");
    let unset = sotto(&["config", "check", "-c", dev.to_str().unwrap()]);
    assert_eq!(unset.status.code(), Some(3));
    assert!(
        stderr(&unset).contains("gateway.keystore.password: the environment variable SOTTO_GATEWAY_PASSWORD")
    );

    let set = Command::new(env!("CARGO_BIN_EXE_sotto"))
        .args(["--json", "config", "check", "-c", dev.to_str().unwrap()])
        .env_clear()
        .env("SOTTO_GATEWAY_PASSWORD", "a")
        .env("SOTTO_SOLVER_PASSWORD", "b")
        .output()
        .unwrap();
    assert!(set.status.success(), "{}", stderr(&set));
    let result: Value = serde_json::from_str(&stdout(&set)).unwrap();
    assert_eq!(result["secrets"], 3);
    assert_eq!(result["roles"], serde_json::json!(["solver", "gateway"]));
}

fn config_for(endpoint: &str, store: &Path) -> String {
    format!(
        "[chain]\nid = 31337\nendpoints = [\"{endpoint}\"]\n[store]\ndirectory = \"{}\"\n",
        store.display()
    )
}

fn doctor(endpoint: &str) -> (Output, Value) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("c.toml");
    fs::write(&file, config_for(endpoint, &directory.path().join("store"))).unwrap();
    let output = sotto(&["--json", "doctor", "-c", file.to_str().unwrap()]);
    let report = serde_json::from_str(&stdout(&output)).unwrap();
    (output, report)
}

fn check(report: &Value, name: &str) -> bool {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()["ok"].as_bool().unwrap()
}

#[test]
fn doctor_finds_a_working_node() {
    let anvil = sotto_chain::Anvil::spawn(None, &[]).unwrap();
    let (output, report) = doctor(&anvil.ws_url());
    assert!(output.status.success(), "{report}");
    assert!(check(&report, "nodes") && check(&report, "head") && check(&report, "store"), "{report}");
}

// covers: R13
#[test]
fn doctor_refuses_a_node_of_another_chain() {
    let anvil = sotto_chain::Anvil::spawn(None, &["--chain-id", "5"]).unwrap();
    let (output, report) = doctor(&anvil.ws_url());
    assert_eq!(output.status.code(), Some(4));
    assert!(!check(&report, "nodes"), "{report}");
}

fn strategies() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies");
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.join("strategy.toml").exists()).collect();
    found.sort();
    found
}

#[test]
fn every_strategy_passes_check_and_parity() {
    assert!(strategies().len() >= 3);
    for strategy in strategies() {
        for command in ["check", "parity"] {
            let output = sotto(&["--json", "strategy", command, strategy.to_str().unwrap()]);
            assert!(output.status.success(), "{command} {}: {}", strategy.display(), stderr(&output));
        }
    }
}

/// A copy of the first strategy with `change` applied to its model.
fn strategy_with_model(change: impl Fn(&mut Vec<u8>)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let original = &strategies()[0];
    fs::copy(original.join("strategy.toml"), copy.path().join("strategy.toml")).unwrap();
    let mut model = fs::read(original.join("model.onnx")).unwrap();
    change(&mut model);
    fs::write(copy.path().join("model.onnx"), model).unwrap();
    copy
}

// covers: M12
#[test]
fn strategy_check_refuses_a_model_that_the_manifest_does_not_pin() {
    let changed = strategy_with_model(|model| *model.last_mut().unwrap() ^= 1);
    let output = sotto(&["strategy", "check", changed.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let hash = |strategy: &Path| sotto_model::model_hash(&fs::read(strategy.join("model.onnx")).unwrap());
    for hash in [hash(changed.path()), hash(&strategies()[0])] {
        assert!(stderr(&output).contains(&hash.to_string()), "{}", stderr(&output));
    }
    let same = strategy_with_model(|_| ());
    assert!(sotto(&["strategy", "check", same.path().to_str().unwrap()]).status.success());
}

#[test]
fn parity_below_the_share_asked_for_is_a_refusal() {
    let strategy = strategies().remove(0);
    let output = sotto(&["strategy", "parity", strategy.to_str().unwrap(), "--min-share", "1.01"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(stdout(&output).contains("decision flips"));
}

#[test]
fn a_missing_strategy_is_a_failure_and_no_refusal() {
    assert_eq!(sotto(&["strategy", "check", "/nonexistent"]).status.code(), Some(1));
}

/// Runs the binary with a password in the environment and `input` on standard input.
fn sotto_with(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sotto"))
        .args(arguments)
        .env_clear()
        .env("PASSWORD", "correct horse")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

const SECRET: &str = "4646464646464646464646464646464646464646464646464646464646464646";
const ADDRESS: &str = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F";

fn import(directory: &Path) -> PathBuf {
    let keys = directory.join("keys");
    let arguments =
        ["--json", "keys", "import", "--password-env", "PASSWORD", "--dir", keys.to_str().unwrap()];
    let output = sotto_with(&arguments, SECRET);
    assert!(output.status.success(), "{}", stderr(&output));
    let result: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(result["address"].as_str().unwrap().to_lowercase(), ADDRESS.to_lowercase());
    PathBuf::from(result["path"].as_str().unwrap())
}

// covers: K4
#[test]
fn an_imported_key_is_listed_by_address_and_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = import(directory.path());
    assert!(!fs::read_to_string(&file).unwrap().contains(SECRET));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0);
    let keys = file.parent().unwrap().to_str().unwrap();
    let listed = sotto(&["keys", "list", "--dir", keys]);
    assert!(stdout(&listed).to_lowercase().contains(&ADDRESS.to_lowercase()), "{}", stdout(&listed));
    let again = sotto_with(&["keys", "import", "--password-env", "PASSWORD", "--dir", keys], SECRET);
    assert!(!again.status.success(), "a key file was overwritten");
    assert!(!stderr(&again).contains(SECRET));
}

// covers: K4
#[test]
fn no_command_takes_a_key_or_a_password_as_an_argument() {
    for arguments in [
        &["keys", "import", SECRET][..],
        &["keys", "new", "--password", "x"],
        &["solver", "--private-key", SECRET],
    ] {
        assert_eq!(sotto(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn compile_binds_the_commitment_to_the_secret_and_the_id_to_the_owner() {
    let directory = tempfile::tempdir().unwrap();
    let secret = import(directory.path());
    let compile = |strategy: &Path, owner: &str| -> Value {
        let (strategy, secret) = (strategy.to_str().unwrap(), secret.to_str().unwrap());
        let arguments = [
            "--json",
            "strategy",
            "compile",
            strategy,
            "--secret",
            secret,
            "--owner",
            owner,
            "--password-env",
            "PASSWORD",
        ];
        let output = sotto_with(&arguments, "");
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_str(&stdout(&output)).unwrap()
    };
    let (one, two) =
        ("0x0000000000000000000000000000000000000001", "0x0000000000000000000000000000000000000002");
    let strategy = strategies().remove(0);
    let (first, again, other) = (compile(&strategy, one), compile(&strategy, one), compile(&strategy, two));
    assert_eq!(first, again);
    assert_eq!(first["model_commitment"], other["model_commitment"]);
    assert_ne!(first["strategy_id"], other["strategy_id"]);
    assert_ne!(first["model_commitment"], compile(&strategies()[1], one)["model_commitment"]);
}
