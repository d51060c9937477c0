//! Leaves whose matrix products are claimed: against the reference executor, and against claims that are wrong.

use std::sync::{Arc, Mutex};

use plonky2::{
    field::types::{Field, PrimeField64},
    iop::{
        generator::{GeneratedValues, WitnessGenerator, WitnessGeneratorRef},
        target::Target,
        witness::PartitionWitness,
    },
    plonk::circuit_data::CommonCircuitData,
    util::serialization::{Buffer, IoError, IoResult},
};
use rand::{SeedableRng, rngs::StdRng};
use sotto_model::{
    Policy,
    program::{Activation, Linear, MatrixShape, Op, OutputMap, Program, Shape},
};
use sotto_types::{SLOTS, Slot, carry};

use super::{
    fixtures::{AUCTION, Draw, every_operation, executor, random_program, random_round, trees},
    witness::{Trace, Tracer},
};
use crate::{
    LeafCircuit, LeafInputs, estimate,
    estimate::narrow,
    field::{D, F, ROUTED_WIRES},
    freivalds::plan,
    model_commitment, strategy_id,
};

const WIDE: Policy = Policy { min_quote: i32::MIN + 1, max_quote: i32::MAX, max_slots: 32 };

fn linear(matrix: usize, columns: Vec<Vec<usize>>, activation: Activation) -> Op {
    Op::Linear(Linear { matrix, columns, activation })
}

/// A large matrix that two operations apply, to values of the market alone, of the slot, and to both.
pub(super) fn repeated() -> Shape {
    let matrices = [(200, 4), (96, 200), (1, 6)].map(|(rows, inputs)| MatrixShape { rows, inputs });
    let market: Vec<usize> = (36..236).collect();
    let slot: Vec<usize> = (236..436).collect();
    let both = [&market[..100], &slot[100..]].concat();
    let swapped = [&slot[..100], &market[100..]].concat();
    let ops = vec![
        linear(0, vec![(0..4).collect(), (32..36).collect()], Activation::Relu), // 36 to 435
        linear(1, vec![market, slot, both.clone()], Activation::Signed),         // 436 to 723
        linear(1, vec![swapped, both], Activation::Signed),                      // 724 to 915
    ];
    let values = vec![436, 532, 628, 723, 724, 915];
    Shape::new(matrices.to_vec(), ops, OutputMap { matrix: 2, values }).unwrap()
}

fn wide() -> Shape {
    Shape::dense(&[130, 135]).unwrap()
}

/// 12-bit weights.
fn twelve_bit() -> Shape {
    Shape::dense(&[259, 256, 3]).unwrap()
}

fn round<'a>(program: &'a Program, slots: &'a [Slot; SLOTS]) -> LeafInputs<'a> {
    LeafInputs { program, slots, ..AUCTION.inputs() }
}

// covers: M8 M9
#[test]
fn claimed_products_quote_what_the_executor_quotes() {
    let mut distinct = std::collections::BTreeSet::new();
    for (shape, matrix, capacity) in
        [(wide(), 1, 1), (wide(), 1, 4), (repeated(), 1, 1), (repeated(), 1, 4), (twelve_bit(), 1, 1)]
    {
        assert!(plan(&shape, capacity, ROUTED_WIRES, matrix).0, "{}", shape.descriptor());
        let leaf = LeafCircuit::build(&shape, capacity).unwrap();
        let tracer = Tracer::new(&leaf.data);
        for (seed, draw) in [(1, Draw::Uniform), (2, Draw::Extreme), (3, Draw::Uniform), (4, Draw::Uniform)] {
            let rng = &mut StdRng::seed_from_u64(seed);
            let program = random_program(&shape, WIDE, draw, rng);
            let (_, _, slots) = random_round(capacity, rng);
            let inputs = round(&program, &slots);
            let trace = tracer.trace(leaf.witness(&inputs).unwrap()).unwrap();
            assert_eq!(trace.violation(), None, "{draw:?} {seed}");
            let quotes = executor(&program, inputs.features, &slots);
            let shown: Vec<u64> = trace.public_inputs().iter().map(PrimeField64::to_canonical_u64).collect();
            assert_eq!(shown[8..], quotes.map(|q| u64::from(carry(q))), "{draw:?} {seed}");
            let strategy = strategy_id(inputs.owner, shape.id(), model_commitment(&program, inputs.salt));
            assert_eq!(shown[..4], strategy.elements());
            distinct.extend(quotes);
        }
    }
    assert!(distinct.len() > 6, "the models quote too little: {}", distinct.len());
}

// covers: M8 M9 M10
#[test]
fn leaves_with_fewer_routed_wires_quote_what_the_executor_quotes() {
    for (shape, capacity) in [(repeated(), 4), (every_operation(), 1), (trees(3, 5, 4, 17), 16)] {
        let leaf = LeafCircuit::build_in(&shape, capacity, narrow(&shape).unwrap()).unwrap();
        assert!(leaf.data.common.config.num_routed_wires < ROUTED_WIRES);
        let tracer = Tracer::new(&leaf.data);
        for (seed, draw) in [(1, Draw::Uniform), (2, Draw::Extreme)] {
            let rng = &mut StdRng::seed_from_u64(seed);
            let program = random_program(&shape, WIDE, draw, rng);
            let (_, _, slots) = random_round(capacity, rng);
            let inputs = round(&program, &slots);
            let trace = tracer.trace(leaf.witness(&inputs).unwrap()).unwrap();
            assert_eq!(trace.violation(), None, "{draw:?} {seed}");
            let shown: Vec<u64> = trace.public_inputs().iter().map(PrimeField64::to_canonical_u64).collect();
            let quotes = executor(&program, inputs.features, &slots);
            assert_eq!(shown[8..], quotes.map(|q| u64::from(carry(q))), "{draw:?} {seed}");
        }
    }
}

/// Gives what a generator gives, but for one value.
#[derive(Debug)]
struct Liar {
    honest: WitnessGeneratorRef<F, D>,
    lie: Arc<Mutex<(usize, F)>>,
}

impl WitnessGenerator<F, D> for Liar {
    fn id(&self) -> String {
        "Liar".to_owned()
    }

    fn watch_list(&self) -> Vec<Target> {
        self.honest.0.watch_list()
    }

    fn run(&self, witness: &PartitionWitness<'_, F>, out: &mut GeneratedValues<F>) -> bool {
        let finished = self.honest.0.run(witness, out);
        let (position, by) = *self.lie.lock().unwrap();
        if let Some((_, value)) = out.target_values.get_mut(position) {
            *value += by;
        }
        finished
    }

    fn serialize(&self, _dst: &mut Vec<u8>, _common: &CommonCircuitData<F, D>) -> IoResult<()> {
        Err(IoError)
    }

    fn deserialize(_src: &mut Buffer<'_>, _common: &CommonCircuitData<F, D>) -> IoResult<Self> {
        Err(IoError)
    }
}

fn products(leaf: &LeafCircuit) -> Vec<usize> {
    let generators = leaf.data.prover_only.generators.iter().enumerate();
    generators.filter(|(_, g)| g.0.id() == "ProductGenerator").map(|(at, _)| at).collect()
}

/// So that a point cannot be known before the claims.
///
/// covers: Z11
#[test]
fn every_claim_is_rounded_folded_and_hashed() {
    let shape = repeated();
    let leaf = LeafCircuit::build(&shape, 4).unwrap();
    let rng = &mut StdRng::seed_from_u64(6);
    let program = random_program(&shape, WIDE, Draw::Uniform, rng);
    let (_, _, slots) = random_round(4, rng);
    let trace = Trace::new(&leaf.data, leaf.witness(&round(&program, &slots)).unwrap()).unwrap();
    let claims: Vec<_> = products(&leaf).into_iter().flat_map(|at| trace.readers(at)).collect();
    // One vector of the market, four of the slots for each other column.
    assert_eq!(claims.len(), 96 * (1 + 4 * 4));
    for readers in claims {
        for gate in ["Requant", "ValueFold", "PoseidonGate"] {
            assert!(readers.iter().any(|id| id.starts_with(gate)), "{gate} in {readers:?}");
        }
    }
}

/// The transcript is that of the wrong claim, and everything computed from the claim agrees with it.
///
/// covers: Z11 Z12
#[test]
fn a_wrong_product_with_its_own_transcript_is_refused() {
    let shape = repeated();
    let mut leaf = LeafCircuit::build(&shape, 4).unwrap();
    let rng = &mut StdRng::seed_from_u64(5);
    let program = random_program(&shape, WIDE, Draw::Uniform, rng);
    let (_, _, slots) = random_round(4, rng);
    let inputs = round(&program, &slots);
    let witness = leaf.witness(&inputs).unwrap();
    let products = products(&leaf);
    assert_eq!(products.len(), 2);
    for generator in products {
        let lie = Arc::new(Mutex::new((0, F::ZERO)));
        let generators = &mut leaf.data.prover_only.generators;
        let honest = generators.swap_remove(generator);
        generators.push(WitnessGeneratorRef::new(Liar { honest, lie: Arc::clone(&lie) }));
        let last = generators.len() - 1;
        generators.swap(generator, last);
        // An accumulator of the first vector, one in the middle, and the last of the last vector.
        for position in [0, 96 + 17, 96 * 8 - 1] {
            for (by, accepted) in [(F::ZERO, true), (F::ONE, false), (F::NEG_ONE, false)] {
                *lie.lock().unwrap() = (position, by);
                let trace = Trace::new(&leaf.data, witness.clone());
                let shown = trace.is_ok_and(|trace| trace.violation().is_none());
                assert_eq!(shown, accepted, "{generator} {position} {by}");
            }
        }
        *lie.lock().unwrap() = (0, F::ZERO);
    }
}

#[test]
fn a_network_of_a_million_parameters_has_a_leaf_at_every_capacity() {
    let million = Shape::dense(&[960, 990, 32]).unwrap();
    assert!(million.parameter_count() >= 1_000_000);
    for (capacity, degree_bits) in [(1, 16), (4, 17), (16, 17), (32, 17)] {
        let cost = estimate(&million, capacity);
        assert_eq!(cost.degree_bits, degree_bits, "{capacity}: {:?}", cost.parts);
    }
}

#[test]
fn small_matrices_are_multiplied() {
    for hidden in [&[64, 64][..], &[128, 128], &[500]] {
        let shape = Shape::dense(hidden).unwrap();
        let claimed = (0..shape.matrices().len()).any(|matrix| plan(&shape, 1, ROUTED_WIRES, matrix).0);
        assert_eq!(claimed, hidden == [500], "{hidden:?}");
    }
}
