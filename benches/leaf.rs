//! Leaf proofs of the example classes, one slot, next to the same network from plonky2's own gadgets.
#![allow(missing_docs, clippy::unwrap_used)]

use alloy_primitives::{Address, B256};
use criterion::{Criterion, criterion_group, criterion_main};
use sotto_benches::StockNetwork;
use sotto_circuits::{LeafCircuit, LeafInputs, Salt, classes::standard_classes};
use sotto_model::{
    Dense, InputMap, Policy,
    program::{LinearFormat, Program, Shape},
};
use sotto_types::{MARKET_FEATURES, MODEL_FEATURES, SLOTS, Slot};

fn program(class: &Shape) -> Program {
    let layers = class.linear_formats();
    let dense =
        |f: &LinearFormat| Dense { weights: vec![1 << 10; f.inputs * f.rows], biases: vec![0; f.rows] };
    let inputs = [InputMap { lo: 0, hi: 1 << 20, mult: 100 }; MODEL_FEATURES];
    let policy = Policy { min_quote: -1_000, max_quote: 1_000, max_slots: 32 };
    Program::new(class.clone(), inputs, layers.iter().map(dense).collect(), Vec::new(), policy).unwrap()
}

fn leaves(criterion: &mut Criterion) {
    for class in standard_classes().unwrap() {
        let leaf = LeafCircuit::build(&class, 1).unwrap();
        let stock = StockNetwork::build(&class);
        println!(
            "{}: {} rows, stock gadgets without a commitment {}",
            class.descriptor(),
            leaf.rows(),
            stock.rows
        );
        let program = program(&class);
        let mut slots = [Slot::default(); SLOTS];
        slots[0] = Slot { commitment: B256::repeat_byte(1), features: [0, 5, 6, 7] };
        let salt = Salt::from_bytes([3; 16]);
        let mut group = criterion.benchmark_group(class.descriptor());
        group.sample_size(10);
        group.bench_function("leaf", |bench| {
            bench.iter(|| {
                let inputs = LeafInputs {
                    program: &program,
                    salt: &salt,
                    owner: Address::ZERO,
                    round_id: B256::repeat_byte(2),
                    features: &[9; MARKET_FEATURES],
                    slots: &slots,
                };
                leaf.prove(&inputs).unwrap()
            });
        });
        group.bench_function("stock", |bench| bench.iter(|| stock.prove()));
        group.finish();
    }
}

criterion_group!(benches, leaves);
criterion_main!(benches);
