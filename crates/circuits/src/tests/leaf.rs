//! The leaf against the reference executor, and against forged witnesses.

use std::sync::Arc;

use alloy_primitives::B256;
use plonky2::field::types::{Field, PrimeField64};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sotto_model::{Policy, program::Shape};
use sotto_types::{NO_BID, SLOTS, carry};

use super::{
    fixtures::{
        AUCTION, CAPACITY, Draw, LEAF, LEAF_PROOF, every_operation, executor, random_program, random_round,
        scopes, trees,
    },
    freivalds::repeated,
    witness::{Trace, Tracer},
};
use crate::{CircuitError, LeafCircuit, LeafInputs, Salt, commitments::carried, field::F, round_digest};

/// Whether the circuit's quotes are the executor's, and every constraint holds.
fn agrees(
    leaf: &LeafCircuit,
    tracer: &Arc<Tracer<'_>>,
    policy: Policy,
    draw: Draw,
    live: usize,
    seed: u64,
) -> [i32; SLOTS] {
    let rng = &mut StdRng::seed_from_u64(seed);
    let program = random_program(leaf.class(), policy, draw, rng);
    let (round_id, features, slots) = random_round(live, rng);
    let salt = Salt::from_bytes(rng.r#gen());
    let owner = alloy_primitives::Address::from(rng.r#gen::<[u8; 20]>());
    let inputs =
        LeafInputs { program: &program, salt: &salt, owner, round_id, features: &features, slots: &slots };
    let trace = tracer.trace(leaf.witness(&inputs).unwrap()).unwrap();
    assert_eq!(trace.violation(), None, "{draw:?} {seed}");
    let quotes = executor(&program, &features, &slots);
    let shown: Vec<u64> = trace.public_inputs().iter().map(PrimeField64::to_canonical_u64).collect();
    assert_eq!(shown[8..], quotes.map(|q| u64::from(carry(q))), "{draw:?} {seed}");
    assert_eq!(shown[4..8], round_digest(round_id, &features, &slots).elements());
    quotes
}

// covers: M8 M9 M10
#[test]
fn circuits_quote_what_the_executor_quotes() {
    let wide = Policy { min_quote: i32::MIN + 1, max_quote: i32::MAX, max_slots: 32 };
    let tight = Policy { min_quote: -1_000_001, max_quote: 20, max_slots: 1 };
    let mut distinct = std::collections::BTreeSet::new();
    for hidden in [vec![], vec![5], vec![32, 16]] {
        for capacity in [1, 4] {
            let leaf = LeafCircuit::build(&Shape::dense(&hidden).unwrap(), capacity).unwrap();
            let tracer = Tracer::new(&leaf.data);
            for seed in 0..6 {
                for (policy, draw) in [
                    (wide, Draw::Uniform),
                    (tight, Draw::Uniform),
                    (wide, Draw::Extreme),
                    (tight, Draw::Extreme),
                ] {
                    distinct.extend(agrees(
                        &leaf,
                        &tracer,
                        policy,
                        draw,
                        capacity - (seed as usize % 2),
                        seed,
                    ));
                }
            }
        }
    }
    assert!(distinct.contains(&NO_BID) && distinct.len() > 40, "the models quote too little: {distinct:?}");
}

#[test]
#[ignore = "minutes; part of the soak"]
fn circuits_quote_what_the_executor_quotes_on_many_models() {
    let policy = Policy { min_quote: -999_999, max_quote: 500_000, max_slots: 3 };
    for hidden in [vec![], vec![9], vec![16, 16], vec![64, 64]] {
        let leaf = LeafCircuit::build(&Shape::dense(&hidden).unwrap(), 16).unwrap();
        let tracer = Tracer::new(&leaf.data);
        for seed in 100..600 {
            let draw = if seed % 4 == 0 { Draw::Extreme } else { Draw::Uniform };
            agrees(&leaf, &tracer, policy, draw, seed as usize % 17, seed);
        }
    }
}

#[test]
fn a_full_round_is_quoted_with_the_limit_in_each_direction() {
    let leaf = LeafCircuit::build(&Shape::dense(&[7]).unwrap(), SLOTS).unwrap();
    let tracer = Tracer::new(&leaf.data);
    let policy = Policy { min_quote: -500, max_quote: 500, max_slots: 9 };
    for seed in 0..3 {
        let quotes = agrees(&leaf, &tracer, policy, Draw::Uniform, SLOTS - seed as usize, seed);
        assert_eq!(quotes.iter().filter(|&&q| q != NO_BID).count(), 18);
    }
}

const WIDE: Policy = Policy { min_quote: i32::MIN + 1, max_quote: i32::MAX, max_slots: 32 };

// covers: M8 M9 M10 M11
#[test]
fn programs_of_every_operation_quote_what_the_executor_quotes() {
    let mut distinct = std::collections::BTreeSet::new();
    let shapes = [
        every_operation(),
        scopes(),
        trees(7, 4, 3, 3),
        trees(3, 5, 4, 17),
        trees(1, 1, 1, 1),
        trees(2, 7, 7, 6),
    ];
    for shape in shapes {
        for capacity in [1, 4] {
            let leaf = LeafCircuit::build(&shape, capacity).unwrap();
            let tracer = Tracer::new(&leaf.data);
            for seed in 0..4 {
                distinct.extend(agrees(&leaf, &tracer, WIDE, Draw::Uniform, capacity, seed));
                distinct.extend(agrees(&leaf, &tracer, WIDE, Draw::Extreme, capacity, seed));
            }
        }
    }
    assert!(distinct.len() > 20, "the programs quote too little: {}", distinct.len());
}

// covers: M8 M10 M11
#[test]
fn slots_that_share_the_selection_of_nodes_quote_what_the_executor_quotes() {
    let mut distinct = std::collections::BTreeSet::new();
    for (shape, capacity) in [(trees(3, 5, 4, 17), 16), (trees(2, 8, 5, 6), 32), (trees(2, 10, 3, 4), 16)] {
        let leaf = LeafCircuit::build(&shape, capacity).unwrap();
        let tracer = Tracer::new(&leaf.data);
        for seed in 0..4 {
            distinct.extend(agrees(&leaf, &tracer, WIDE, Draw::Uniform, capacity - seed as usize % 2, seed));
            distinct.extend(agrees(&leaf, &tracer, WIDE, Draw::Extreme, capacity, seed));
        }
    }
    assert!(distinct.len() > 10, "the programs quote too little: {}", distinct.len());
}

#[test]
#[ignore = "an hour; part of the soak"]
fn programs_quote_what_the_executor_quotes_on_ten_thousand_inputs() {
    for shape in [every_operation(), scopes(), trees(20, 6, 6, 16)] {
        let leaf = LeafCircuit::build(&shape, 1).unwrap();
        let tracer = Tracer::new(&leaf.data);
        for seed in 0..10_000 {
            let draw = if seed % 4 == 0 { Draw::Extreme } else { Draw::Uniform };
            agrees(&leaf, &tracer, WIDE, draw, 1, seed);
        }
    }
}

#[test]
fn estimates_are_close_to_the_rows_built() {
    let shapes = [
        small(&[32, 16]),
        every_operation(),
        scopes(),
        trees(20, 6, 6, 16),
        trees(5, 8, 4, 3),
        small(&[130, 135]),
        repeated(),
    ];
    for shape in shapes {
        for capacity in [1, 4, 16] {
            let rows = LeafCircuit::build(&shape, capacity).unwrap().rows();
            let estimated = crate::estimate(&shape, capacity).rows;
            let apart = rows.abs_diff(estimated);
            assert!(apart <= 20 + rows / 20, "{} {capacity}: {estimated}, built {rows}", shape.descriptor());
        }
    }
}

fn small(hidden: &[usize]) -> Shape {
    Shape::dense(hidden).unwrap()
}

fn ours(id: &str) -> bool {
    [
        "MatMul",
        "WeightFold",
        "ValueFold",
        "Requant",
        "Step",
        "FunctionGadget",
        "Select",
        "Between",
        "NodeSplit",
        "Descend",
        "Pack {",
        "InputMapCheck",
        "PolicyCheck",
        "Clamp",
        "QuoteGadget",
        "Live",
        "SlotLimit",
    ]
    .iter()
    .any(|name| id.starts_with(name))
}

// covers: Z11
#[test]
fn every_wire_of_our_gates_in_a_leaf_is_constrained() {
    let mut trace = Trace::new(&LEAF.data, LEAF.witness(&AUCTION.inputs()).unwrap()).unwrap();
    assert_eq!(trace.violation(), None);
    assert_eq!(trace.free_wires(ours), []);
    let shared = (trees(1, 4, 2, 3), 16);
    for (shape, capacity) in
        [(every_operation(), 1), (scopes(), 1), (trees(3, 4, 4, 5), 1), shared, (repeated(), 1)]
    {
        let leaf = LeafCircuit::build(&shape, capacity).unwrap();
        let rng = &mut StdRng::seed_from_u64(3);
        let program = random_program(&shape, WIDE, Draw::Uniform, rng);
        let inputs = LeafInputs { program: &program, ..AUCTION.inputs() };
        let (_, _, slots) = random_round(capacity, rng);
        let inputs = LeafInputs { slots: &slots, ..inputs };
        let mut trace = Trace::new(&leaf.data, leaf.witness(&inputs).unwrap()).unwrap();
        assert_eq!(trace.violation(), None);
        assert_eq!(trace.free_wires(ours), [], "{}", shape.descriptor());
    }
}

// covers: Z4
#[test]
fn no_public_input_of_a_leaf_can_be_changed() {
    let mut trace = Trace::new(&LEAF.data, LEAF.witness(&AUCTION.inputs()).unwrap()).unwrap();
    for index in 0..8 + CAPACITY {
        assert!(trace.public_input_is_bound(index, F::from_canonical_u64(12345)), "{index}");
    }
    // A bid on an empty slot, within the capacity and beyond it, and a no-bid that the model did not make.
    for slot in [CAPACITY - 1, CAPACITY, SLOTS - 1] {
        assert!(trace.public_input_is_bound(8 + slot, carried(7)), "{slot}");
    }
    let bid = AUCTION.quotes().iter().position(|&q| q != NO_BID).unwrap();
    assert!(trace.public_input_is_bound(8 + bid, F::ZERO));
}

#[test]
fn a_leaf_shows_strategy_round_and_quotes() {
    LEAF.verify(&LEAF_PROOF).unwrap();
    assert_eq!(LEAF_PROOF.strategy(), AUCTION.strategy());
    assert_eq!(LEAF_PROOF.quotes(), AUCTION.quotes());
    assert_eq!(LEAF_PROOF.round_digest(), round_digest(AUCTION.round_id, &AUCTION.features, &AUCTION.slots));
    let mut forged = LEAF_PROOF.clone();
    forged.0.public_inputs[9] += F::ONE;
    assert!(matches!(LEAF.verify(&forged), Err(CircuitError::Invalid { .. })));
}

#[test]
fn inputs_without_a_witness_are_refused_with_a_reason() {
    let mut slots = AUCTION.slots;
    slots[CAPACITY].commitment = B256::repeat_byte(1);
    let beyond = LeafInputs { slots: &slots, ..AUCTION.inputs() };
    assert_eq!(
        LEAF.prove(&beyond),
        Err(CircuitError::SlotBeyondCapacity { slot: CAPACITY, capacity: CAPACITY })
    );
    assert!(Trace::new(&LEAF.data, LEAF.assign(&beyond).unwrap()).is_err());

    let mut slots = AUCTION.slots;
    slots[1].features[0] = 2;
    let direction = LeafInputs { slots: &slots, ..AUCTION.inputs() };
    assert_eq!(LEAF.prove(&direction), Err(CircuitError::Direction { slot: 1, direction: 2 }));
    assert!(Trace::new(&LEAF.data, LEAF.assign(&direction).unwrap()).unwrap().violation().is_some());

    let policy = *AUCTION.program.policy();
    let other =
        random_program(&Shape::dense(&[3]).unwrap(), policy, Draw::Uniform, &mut StdRng::seed_from_u64(1));
    let class = LeafInputs { program: &other, ..AUCTION.inputs() };
    assert!(matches!(LEAF.prove(&class), Err(CircuitError::Class { .. })));
}

#[test]
fn a_class_that_is_too_large_and_a_capacity_without_a_leaf_are_refused() {
    let linear = Shape::dense(&[]).unwrap();
    assert_eq!(LeafCircuit::build(&linear, 2).err(), Some(CircuitError::Capacity(2)));
    let large = Shape::dense(&[1400, 1400]).unwrap();
    assert!(matches!(LeafCircuit::build(&large, 32), Err(CircuitError::Size { .. })));
    assert_eq!(crate::capacity_for(33), Err(CircuitError::Capacity(33)));
    assert_eq!((crate::capacity_for(0), crate::capacity_for(5)), (Ok(1), Ok(16)));
}
