//! The verifiers of every profile: what is committed belongs together, and is what the circuits give.
#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built is a failed test")]

mod verifier_profiles;

use sotto_circuits::SecurityTerms;
use sotto_contracts::verifier::{Profile, generate_named};
use verifier_profiles::{Vector, file, names, prove_all, solidity};

/// Proven in the Johnson range: fast, compact, compact-16.
const PROVEN_BITS: [f64; 3] = [59.0, 59.0, 83.0];

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

/// What VERIFIER.md says of the profiles' bits; digests have 200 bits.
// covers: Z7
#[test]
fn every_committed_circuit_has_a_hundred_conjectured_bits_and_the_stated_proven_ones() {
    let mut proven = Vec::new();
    for profile in Profile::ALL {
        let security = SecurityTerms::of(&Vector::committed(profile).circuit.common, 200);
        let SecurityTerms {
            queries, permutation, combination, out_of_domain, batching, folding, hash, ..
        } = security;
        for bits in [queries, permutation, combination, out_of_domain, batching, folding, hash] {
            assert!(bits >= 100.0, "{}: {security:?}", file(profile));
        }
        proven.push(security.proven_johnson.floor());
    }
    assert_eq!(proven, PROVEN_BITS);
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
