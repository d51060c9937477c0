//! Seeded, bounded fuzzing of everything that parses bytes from outside: no panic, and no answer but a typed error or a
//! model. `SOTTO_FUZZ_ROUNDS` raises the number of rounds.

mod support;

use rand::{Rng, SeedableRng, rngs::StdRng};
use sotto_model::{FeatureCatalog, Manifest, Strategy, import::import, lower, model_hash, parse_rows};
use support::*;

fn rounds(default: usize) -> usize {
    std::env::var("SOTTO_FUZZ_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(default)
}

/// One random change: a bit, a byte, a cut, a repetition, a deletion, an extreme length.
fn mutate(bytes: &mut Vec<u8>, rng: &mut StdRng) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.gen_range(0..bytes.len());
    match rng.gen_range(0..7) {
        0 => bytes[at] ^= 1 << rng.gen_range(0..8),
        1 => bytes[at] = rng.r#gen(),
        2 => bytes.truncate(at),
        3 => {
            let end = rng.gen_range(at..bytes.len().min(at + 64));
            let copy = bytes[at..=end].to_vec();
            bytes.splice(at..at, copy);
        }
        4 => {
            bytes.drain(at..bytes.len().min(at + rng.gen_range(1..16)));
        }
        5 => bytes[at] = 0xff,
        _ => {
            bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0x0f]);
        }
    }
}

/// Imports, and runs whatever comes out.
fn exercise(bytes: &[u8]) -> bool {
    let Ok(network) = import(bytes).and_then(|graph| lower(&graph)) else { return false };
    let inputs = vec![0.5; network.inputs()];
    let _ = network.evaluate(&inputs);
    if network.inputs() <= READ.len() {
        let text = manifest(bytes, network.inputs(), 100.0);
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
