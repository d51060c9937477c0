//! What is generated and committed equals what the circuits and the compiler give today. `make verifier` writes it anew.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{fs, path::PathBuf, process::Command};

use sotto_circuits::{SheetShape, WrapCircuit};
use sotto_contracts::verifier::generate;

fn solidity() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("solidity")
}

// covers: Z22
#[test]
fn the_committed_verifier_is_that_of_the_wrap_circuit() {
    let wrap = WrapCircuit::build(&SheetShape::canonical().unwrap()).unwrap();
    let files = generate(wrap.common(), wrap.verifier_data()).unwrap();
    let folder = solidity().join("src/verifier/generated");
    for file in files {
        let path = folder.join(&file.name);
        if std::env::var_os("SOTTO_REGENERATE").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &file.contents).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == file.contents,
            "{} has drifted; run `make verifier` and review the change",
            file.name
        );
    }
}

/// Builds into folders of its own, so that it neither needs nor disturbs another build.
#[test]
fn the_committed_artifacts_are_what_the_compiler_gives() {
    let scratch = tempfile::tempdir().unwrap();
    let (out, cache, copied) =
        (scratch.path().join("out"), scratch.path().join("cache"), scratch.path().join("artifacts"));
    let forge = solidity().join("node_modules/.bin/forge");
    let built = Command::new(&forge)
        .current_dir(solidity())
        .args(["build", "src", "--out"])
        .arg(&out)
        .arg("--cache-path")
        .arg(&cache)
        .output();
    let built = built.unwrap_or_else(|e| panic!("{}: {e}; `make setup` installs it", forge.display()));
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let copy = Command::new(solidity().join("bin/artifacts"))
        .arg(&copied)
        .env("FOUNDRY_OUT", &out)
        .status()
        .unwrap();
    assert!(copy.success());
    let committed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    for entry in fs::read_dir(&copied).unwrap() {
        let name = entry.unwrap().file_name();
        let fresh = fs::read_to_string(copied.join(&name)).unwrap();
        let kept = fs::read_to_string(committed.join(&name)).unwrap_or_default();
        assert!(
            fresh == kept,
            "{} has drifted; run `make contracts` and review the change",
            name.to_string_lossy()
        );
    }
}
