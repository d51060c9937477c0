//! The verifiers of every profile: what is committed belongs together, and is what the circuits give.
#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built is a failed test")]

mod verifier_profiles;

use sotto_contracts::verifier::{Profile, generate_named};
use verifier_profiles::{Vector, file, names, prove_all, solidity};

fn generated(profile: Profile, vector: &Vector) -> Vec<(std::path::PathBuf, String)> {
    let folder = solidity().join("src/verifier/generated");
    let files =
        generate_named(&vector.circuit.common, &vector.circuit.verifier_only, names(profile)).unwrap();
    files.into_iter().map(|file| (folder.join(file.name), file.contents)).collect()
}

// covers: Z22
#[test]
fn the_committed_verifiers_are_those_of_the_committed_circuits() {
    for profile in Profile::ALL {
        for (path, contents) in generated(profile, &Vector::committed(profile)) {
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(committed == contents, "{} has drifted; run `make verifier`", path.display());
        }
    }
}

#[test]
fn every_committed_proof_is_one_of_its_circuit() {
    for profile in Profile::ALL {
        let vector = Vector::committed(profile);
        assert!(vector.accepts(&vector.inputs, &vector.proof), "{}", file(profile));
    }
}

/// Builds every circuit and proves it, in minutes and with 4 GB of memory. With `SOTTO_REGENERATE` it replaces what is
/// committed, without it compares.
// covers: Z22
#[test]
#[ignore = "soak"]
fn the_committed_circuits_are_those_of_the_profiles() {
    for (profile, vector) in prove_all() {
        if std::env::var_os("SOTTO_REGENERATE").is_some() {
            vector.commit(profile);
            for (path, contents) in generated(profile, &vector) {
                std::fs::write(path, contents).unwrap();
            }
        }
        assert!(
            Vector::committed(profile).circuit == vector.circuit,
            "{} has drifted; run `make verifier`",
            file(profile)
        );
        assert!(vector.accepts(&vector.inputs, &vector.proof));
    }
}
