//! A settlement that is real from end to end: the round that a Forge test opens, two sheets of it, their merge, and the proof
//! that its auction house verifies.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a fixture that cannot be built is a failed test")]

use std::{path::PathBuf, process::Command, str::FromStr};

use alloy::{
    hex,
    primitives::{Address, keccak256},
};
use sotto_circuits::{
    KeySet, KeyedSheet, LeafCircuit, LeafInputs, NodeCircuit, Salt, SealCircuit, SheetCircuit, SheetInputs,
    SheetProof, WrapCircuit, capacity_for, data_digest, model_commitment,
};
use sotto_contracts::verifier::encode_proof;
use sotto_model::{
    Dense, InputMap, Policy,
    program::{Program, Shape},
};
use sotto_types::PublicData;

/// Chain id of Forge's tests.
const CHAIN: u64 = 31337;
/// Range of quotes that the test registers, in pips.
const RANGE: i32 = 4_000;

fn solidity() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("solidity")
}

/// The round as the Forge test opens it, without claims, sheets and key set; and its auction house.
fn opened() -> (PublicData, Address) {
    let run = Command::new(solidity().join("node_modules/.bin/forge"))
        .current_dir(solidity())
        .args([
            "test",
            "--match-path",
            "test/Settlement.t.sol",
            "--match-test",
            "test_the_round_of_the_vector",
            "-vv",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    let after = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap_or_else(|| {
            panic!("no {name} in what forge says:\n{text}\n{}", String::from_utf8_lossy(&run.stderr))
        });
        line.trim().to_owned()
    };
    let data = PublicData::from_bytes(&hex::decode(after("round:")).unwrap()).unwrap();
    (data, Address::from_str(&after("house:")).unwrap())
}

/// A linear strategy whose quotes depend on the slot.
fn program(seed: i64) -> Program {
    let class = Shape::dense(&[]).unwrap();
    let layers = class.linear_formats().iter().map(|format| Dense {
        weights: (0..format.inputs * format.rows)
            .map(|at| {
                i32::try_from((seed * 7_919 + i64::try_from(at).unwrap() * 104_729) % 4_096).unwrap() - 2_048
            })
            .collect(),
        biases: (0..format.rows).map(|_| (seed * 100) << 31).collect(),
    });
    let inputs = std::array::from_fn(|_| InputMap { lo: -(1 << 20), hi: 1 << 20, mult: 64 });
    let policy = Policy { min_quote: -RANGE, max_quote: RANGE, max_slots: 32 };
    Program::new(class.clone(), inputs, layers.collect(), Vec::new(), policy).unwrap()
}

/// What the Forge test registers, commits and settles with.
fn proven() -> serde_json::Value {
    let (mut data, house) = opened();
    let keys = KeySet::committed().unwrap();
    let class = Shape::dense(&[]).unwrap();
    let leaf = LeafCircuit::build(&class, capacity_for(3).unwrap()).unwrap();
    let circuit = SheetCircuit::build(&leaf).unwrap();
    let mut proofs: Vec<SheetProof> = Vec::new();
    let mut sheets = Vec::new();
    for index in 0..2_u32 {
        let (program, salt) = (program(i64::from(index) + 1), Salt::from_bytes([1; 16]));
        let owner = Address::from_word(keccak256(format!("owner {index}")));
        let inputs = LeafInputs {
            program: &program,
            salt: &salt,
            owner,
            round_id: data.round_id,
            features: &data.features,
            slots: &data.slots,
        };
        let sheet_salt = Salt::from_bytes([2; 16]);
        let inputs_of_sheet =
            SheetInputs { sheet_salt: &sheet_salt, commit_index: index, key_set_root: keys.root() };
        let proof = circuit.prove(&leaf.prove(&inputs).unwrap(), &inputs_of_sheet).unwrap();
        let reference = proof.sheets()[0];
        sheets.push(serde_json::json!({
            "owner": owner,
            "class": class.id(),
            "modelCommitment": model_commitment(&program, &salt).to_word(),
            "strategy": reference.strategy.to_word(),
            "commitment": reference.commitment.to_word(),
        }));
        proofs.push(proof);
    }
    let shape = circuit.shape();
    let node = NodeCircuit::first(&shape);
    let key = circuit.key();
    let side = |at: usize| KeyedSheet { proof: &proofs[at], key: &key };
    let merged = node.prove_sheets(side(0), Some(side(1)), &keys).unwrap();
    let seal = SealCircuit::build(&node, &shape).unwrap();
    let sealed = seal.prove(&merged).unwrap();
    data.key_set_root = keys.root();
    data.claims = sealed.claims();
    data.sheets = sealed.sheets();
    let beta = data_digest(&data);
    let sigma = data.sigma(CHAIN, house, beta);
    let proof = WrapCircuit::build(&shape).unwrap().prove(&sealed, &seal.key(), &keys, &data, sigma).unwrap();
    let bytes = data.to_bytes();
    serde_json::json!({
        "keySetRoot": keys.root().to_word(),
        "round": data.round_id,
        "sheets": sheets,
        "claims": hex::encode_prefixed(&bytes[1728..2112]),
        "beta": beta.to_word(),
        "proof": hex::encode_prefixed(encode_proof(proof.inner())),
    })
}

/// Minutes of work. Writes what `test/Settlement.t.sol` settles with, when `SOTTO_REGENERATE` is set; without it, the round that
/// is committed must be the one that Forge opens.
#[test]
#[ignore = "soak"]
fn the_committed_settlement_is_of_the_round_that_forge_opens() {
    let path = solidity().join("test/vectors/settlement.json");
    if std::env::var_os("SOTTO_REGENERATE").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&proven()).unwrap() + "\n").unwrap();
    }
    let committed: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let round = committed["round"].as_str().unwrap();
    assert_eq!(round, opened().0.round_id.to_string(), "run `make verifier`");
}
