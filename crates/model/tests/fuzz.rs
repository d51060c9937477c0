//! Seeded, bounded fuzzing of everything that parses bytes from outside: no panic, and no answer but a typed error or a
//! model. `SOTTO_FUZZ_ROUNDS` raises the number of rounds.

#[path = "support/fuzz.rs"]
mod shared;
mod support;

use rand::{Rng, SeedableRng, rngs::StdRng};
use shared::{mutate, rounds};
use sotto_model::{
    FeatureCatalog, Manifest, OutputChoice, Strategy, import::import, lower, model_hash, parse_rows,
};
use support::*;

/// Imports, and runs whatever comes out.
fn exercise(bytes: &[u8]) -> bool {
    let lowered = import(bytes).and_then(|graph| lower(&graph, &OutputChoice::Single));
    let Ok(program) = lowered else { return false };
    let _ = program.evaluate(&vec![0.5; program.inputs]);
    if program.inputs <= READ.len() {
        let text = manifest(bytes, program.inputs, 100.0);
        if let Ok(strategy) = Strategy::from_parts(&text, bytes, &FeatureCatalog::default()) {
            let _ = strategy.program().quote(&[i32::MAX; 32], &[i32::MIN; 4]);
        }
    }
    true
}

#[test]
fn random_bytes_never_panic() {
    // covers: M1
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..rounds(20_000) {
        let length = rng.gen_range(0..400);
        let bytes: Vec<u8> = (0..length).map(|_| rng.r#gen()).collect();
        assert!(!exercise(&bytes));
    }
}

#[test]
fn truncated_models_are_refused() {
    // covers: M1
    let bytes = bytes(&small());
    assert!(exercise(&bytes));
    // The operator set comes after the graph, so that every prefix lacks something.
    for length in 0..bytes.len() {
        assert!(!exercise(&bytes[..length]), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn mutated_models_never_panic() {
    // covers: M1 M2 M3 M4 M5 M6
    let mut rng = StdRng::seed_from_u64(2);
    let seeds = [
        bytes(&small()),
        bytes(&dense(&[(3, vec![0.5; 12], vec![0.1; 4]), (4, vec![-0.3; 4], vec![1.0])])),
        bytes(&model(
            2,
            vec![
                node("Reshape", &["x", "s"], "z"),
                node("Sub", &["z", "m"], "c"),
                node("MatMul", &["c", "w"], "y"),
            ],
            vec![shape("s", &[-1, 2]), tensor("m", &[2], &[1.0, 2.0]), tensor("w", &[2, 1], &[1.0, 1.0])],
        )),
    ];
    let mut accepted = 0;
    for round in 0..rounds(60_000) {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..rng.gen_range(1..6) {
            mutate(&mut bytes, &mut rng);
        }
        accepted += usize::from(exercise(&bytes));
    }
    // Most mutations break the file; some change a weight or a name, and must still run.
    assert!(accepted > 0);
}

#[test]
fn mutated_manifests_and_rows_never_panic() {
    let mut rng = StdRng::seed_from_u64(3);
    let onnx = bytes(&small());
    let manifest = manifest(&onnx, 2, 1.0);
    let rows = "uniswap-v2.price,slot.direction,float-pips\n1,0,2.5\n-7,1,1e3\n";
    for round in 0..rounds(20_000) {
        let source = if round % 2 == 0 { manifest.as_str() } else { rows };
        let mut bytes = source.as_bytes().to_vec();
        for _ in 0..rng.gen_range(1..6) {
            mutate(&mut bytes, &mut rng);
        }
        let text = String::from_utf8_lossy(&bytes);
        let _ = Manifest::parse(&text);
        let _ = Strategy::from_parts(&text, &onnx, &FeatureCatalog::default());
        let _ = parse_rows(&text, &FeatureCatalog::default());
    }
    assert_eq!(Manifest::parse(&manifest).unwrap().model.keccak256, model_hash(&onnx));
}
