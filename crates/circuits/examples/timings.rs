//! Proves one sheet of each standard class, layer by layer, and prints the seconds that each layer took.

use std::time::Instant;

use alloy_primitives::{Address, B256};
use sotto_circuits::{
    KeySet, LeafCircuit, LeafInputs, Salt, SheetCircuit, SheetInputs, WrapCircuit, classes::standard_classes,
};
use sotto_model::{Dense, InputMap, Policy, program::Program};
use sotto_types::{Claim, NO_BID, PublicData, SLOTS, Slot, carry};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let capacities: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let mut wrap: Option<WrapCircuit> = None;
    for class in standard_classes()? {
        for &capacity in &capacities {
            let leaf = LeafCircuit::build(&class, capacity)?;
            let sheet = SheetCircuit::build(&leaf)?;
            let wrap = match &wrap {
                Some(wrap) => wrap,
                None => wrap.insert(WrapCircuit::build(&sheet.shape())?),
            };
            run(&leaf, &sheet, wrap)?;
        }
    }
    Ok(())
}

fn run(
    leaf: &LeafCircuit,
    sheet: &SheetCircuit,
    wrap: &WrapCircuit,
) -> Result<(), Box<dyn std::error::Error>> {
    let layers = leaf.class().linear_formats();
    let layers = layers
        .iter()
        .map(|f| Dense { weights: vec![1 << 10; f.inputs * f.rows], biases: vec![0; f.rows] })
        .collect();
    let inputs = [InputMap { lo: 0, hi: 1 << 20, mult: 100 }; sotto_types::MODEL_FEATURES];
    let policy = Policy { min_quote: -1000, max_quote: 1000, max_slots: 32 };
    let program = Program::new(leaf.class().clone(), inputs, layers, Vec::new(), policy)?;
    let mut slots = [Slot::default(); SLOTS];
    for slot in &mut slots[..leaf.capacity()] {
        *slot = Slot { commitment: B256::repeat_byte(1), features: [0, 5, 6, 7] };
    }
    let salt = Salt::from_bytes([3; 16]);
    let features = [9; sotto_types::MARKET_FEATURES];
    let (owner, round_id) = (Address::ZERO, B256::repeat_byte(2));

    let start = Instant::now();
    let leaf_proof = leaf.prove(&LeafInputs {
        program: &program,
        salt: &salt,
        owner,
        round_id,
        features: &features,
        slots: &slots,
    })?;
    let leaf_seconds = start.elapsed().as_secs_f64();
    let keys = KeySet::new(vec![sheet.key()])?;
    let start = Instant::now();
    let inputs = SheetInputs { sheet_salt: &salt, commit_index: 0, key_set_root: keys.root() };
    let sheet_proof = sheet.prove(&leaf_proof, &inputs)?;
    let sheet_seconds = start.elapsed().as_secs_f64();
    let quotes = leaf_proof.quotes();
    let data = PublicData {
        round_id,
        key_set_root: keys.root(),
        features,
        slots,
        claims: quotes.map(|q| Claim { best: carry(q), second: 0, winner: u32::from(q != NO_BID) }),
        sheets: sheet_proof.sheets(),
    };
    let start = Instant::now();
    let proof = wrap.prove(&sheet_proof, &sheet.key(), &keys, &data, [1, 2])?;
    let wrap_seconds = start.elapsed().as_secs_f64();
    println!(
        "{} capacity {}: leaf {leaf_seconds:.2} s, sheet {sheet_seconds:.2} s ({} bytes), wrap {wrap_seconds:.2} s ({} bytes)",
        leaf.class().descriptor(),
        leaf.capacity(),
        sheet_proof.to_bytes().len(),
        proof.to_bytes().len(),
    );
    Ok::<_, Box<dyn std::error::Error>>(())
}
