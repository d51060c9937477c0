//! The fast prover against plonky2's own.

use std::sync::LazyLock;

use plonky2::{
    field::types::Field,
    hash::poseidon::PoseidonHash,
    iop::{
        generator::generate_partial_witness,
        witness::{PartialWitness, WitnessWrite},
    },
    plonk::{
        circuit_data::CircuitConfig,
        config::{GenericConfig, PoseidonGoldilocksConfig},
        prover::prove_with_partition_witness,
    },
    util::timing::TimingTree,
};
use sotto_circuits::{
    Layer, LeafCircuit, WrapCircuit,
    evm_hash::EvmConfig,
    field::{Builder, CircuitData, D, F, Proof, Target},
};

use super::{Backend, FastCircuit, FastHash, Run, schedule};
use crate::{
    ProveError, Stage,
    measure::{
        Pipeline,
        sample::{self, Sample},
    },
};

type Stock = PoseidonGoldilocksConfig;

/// A chain of hashes of the first public input.
fn chain<K: GenericConfig<D, F = F>>(config: CircuitConfig, length: usize) -> (CircuitData<K>, Target) {
    let mut builder = Builder::new(config);
    let input = builder.add_virtual_public_input();
    let mut state = vec![input];
    for _ in 0..length {
        state = builder.hash_n_to_hash_no_pad::<PoseidonHash>(state).elements.to_vec();
    }
    let product = builder.mul(state[0], state[1]);
    builder.range_check(input, 20);
    builder.register_public_input(product);
    (builder.build::<K>(), input)
}

fn witness(target: Target, value: u64) -> PartialWitness<F> {
    let mut witness = PartialWitness::new();
    witness.set_target(target, F::from_canonical_u64(value)).unwrap();
    witness
}

pub(super) fn run() -> Run<'static> {
    Run::new(Stage::Sheet, Layer::Leaf)
}

/// Asserts that the fast proof is the stock proof, byte for byte, and that a proof with its own work verifies.
pub(super) fn assert_equal<K: GenericConfig<D, F = F>>(data: &CircuitData<K>, witness: &PartialWitness<F>)
where
    K::Hasher: FastHash,
{
    // plonky2 draws the unused wires of the public-input gate at random, so both provers get one and the same witness.
    let witness = generate_partial_witness(witness.clone(), &data.prover_only, &data.common).unwrap();
    let timing = &mut TimingTree::default();
    let stock =
        prove_with_partition_witness(&data.prover_only, &data.common, witness.clone(), timing).unwrap();
    let work = Some(stock.proof.opening_proof.pow_witness);
    for backend in Backend::available() {
        let fast = FastCircuit::on(backend, data).unwrap();
        let (proof, _) = fast.prove_partition(data, &witness, &Run { work, ..run() }).unwrap();
        assert_same(&proof, &stock);
        if backend == Backend::detect() {
            // The second proof finds the buffers of the first, and searches its own work.
            let (proof, _) = fast.prove_partition(data, &witness, &run()).unwrap();
            assert_eq!(proof.proof.openings, stock.proof.openings);
            data.verify(proof).unwrap();
        }
    }
}

fn assert_same<K: GenericConfig<D, F = F>>(proof: &Proof<K>, stock: &Proof<K>) {
    let (ours, theirs) = (&proof.proof, &stock.proof);
    assert_eq!(proof.public_inputs, stock.public_inputs, "public inputs");
    assert_eq!(ours.wires_cap, theirs.wires_cap, "wires");
    assert_eq!(ours.plonk_zs_partial_products_cap, theirs.plonk_zs_partial_products_cap, "products");
    assert_eq!(ours.quotient_polys_cap, theirs.quotient_polys_cap, "quotient");
    assert_eq!(ours.openings, theirs.openings, "openings");
    assert_eq!(ours.opening_proof, theirs.opening_proof, "opening proof");
    assert_eq!(proof.to_bytes(), stock.to_bytes());
}

fn with_fri(change: impl Fn(&mut CircuitConfig)) -> CircuitConfig {
    let mut config = CircuitConfig::standard_recursion_config();
    config.fri_config.proof_of_work_bits = 8;
    config.security_bits = 30;
    change(&mut config);
    config
}

#[test]
fn the_proof_is_the_stock_provers_byte_for_byte() {
    let (data, input) = chain::<Stock>(with_fri(|_| {}), 40);
    assert_equal(&data, &witness(input, 5));
}

#[test]
fn three_challenges_and_a_higher_rate_change_nothing() {
    let config = with_fri(|config| {
        config.num_challenges = 3;
        config.fri_config.rate_bits = 5;
        config.fri_config.num_query_rounds = 18;
    });
    let (data, input) = chain::<Stock>(config, 70);
    assert_equal(&data, &witness(input, 6));
}

#[test]
fn keccak_trees_are_the_stock_provers() {
    let config = with_fri(|config| {
        config.fri_config.rate_bits = 4;
        config.fri_config.num_query_rounds = 24;
    });
    let (data, input) = chain::<EvmConfig>(config, 20);
    assert_equal(&data, &witness(input, 7));
}

/// A recursion of 2^12 rows.
static RECURSION: LazyLock<(CircuitData<Stock>, PartialWitness<F>)> = LazyLock::new(sample::recursion);

#[test]
fn a_recursion_is_the_stock_provers() {
    let (data, witness) = &*RECURSION;
    assert_eq!(data.common.degree_bits(), 12);
    assert_equal(data, witness);
}

#[test]
fn leaves_are_the_stock_provers() {
    for (hidden, slots) in [(vec![], 4), (vec![12, 9], 1)] {
        let sample = Sample::new(&hidden, slots).unwrap();
        let leaf = LeafCircuit::build(sample.class(), slots).unwrap();
        assert_equal(leaf.data(), &leaf.witness(&sample.leaf_inputs()).unwrap());
    }
}

/// A sheet in zero knowledge, which cannot be compared, and the wrap around it, which can.
#[test]
fn a_wrap_is_the_stock_provers_and_its_sheet_verifies() {
    let pipeline = Pipeline::build(&[], 1).unwrap();
    let (sheet, _) = pipeline.prove().unwrap();
    let (again, _) = pipeline.prove().unwrap();
    assert_ne!(sheet.to_bytes(), again.to_bytes());
    let shown = pipeline.sample.shown(&sheet, &pipeline.sheet);
    let wrap = WrapCircuit::build(&pipeline.sheet.shape()).unwrap();
    let key = pipeline.sheet.key();
    let witness = wrap.witness(&sheet, &key, &shown.keys, &shown.data, shown.sigma).unwrap();
    assert_equal(wrap.data(), &witness);
    let mut wrong = shown.data;
    wrong.claims[0].best += 1;
    let refused = wrap.witness(&sheet, &key, &shown.keys, &wrong, shown.sigma).map(|witness| {
        FastCircuit::new(wrap.data()).unwrap().prove(
            wrap.data(),
            witness,
            &Run::new(Stage::Wrap, Layer::Wrap),
        )
    });
    assert!(matches!(refused, Ok(Err(ProveError::Circuit { stage: Stage::Wrap, .. })) | Err(_)));
}

/// The first proof records the order of the generators; the second follows it, and reaches the same values.
#[test]
fn a_recorded_order_of_generators_gives_the_stock_witness() {
    let (data, witness) = &*RECURSION;
    let stock = generate_partial_witness(witness.clone(), &data.prover_only, &data.common).unwrap();
    let (recorded, schedule) = schedule::record(data, witness, &run()).unwrap();
    let replayed = schedule.replay(data, witness, &run()).unwrap().expect("an order was recorded");
    // Unused wires of the public-input gate are drawn at random.
    let same = |values: &[Option<F>]| values.iter().zip(&stock.values).filter(|(a, b)| a == b).count();
    let random = stock.values.len() - same(&recorded.values);
    assert!(random < 140, "{random}");
    assert_eq!(same(&replayed.values), stock.values.len() - random);
    assert!(replayed.values.iter().zip(&stock.values).all(|(a, b)| a.is_some() == b.is_some()));
}

#[test]
fn a_recorded_order_refuses_inputs_without_a_witness() {
    let (data, input) = chain::<Stock>(with_fri(|_| {}), 4);
    let (_, schedule) = schedule::record(&data, &witness(input, 2), &run()).unwrap();
    assert!(matches!(schedule.replay(&data, &PartialWitness::new(), &run()), Ok(None)));
    let mut twice = witness(input, 2);
    twice.set_target(data.prover_only.public_inputs[1], F::ZERO).unwrap();
    let refused = schedule.replay(&data, &twice, &run());
    assert!(matches!(refused, Err(ProveError::Circuit { .. })), "{refused:?}");
}

#[test]
fn zero_knowledge_proofs_verify_and_differ() {
    let config = with_fri(|config| {
        config.zero_knowledge = true;
        config.fri_config.num_query_rounds = 10;
        config.fri_config.proof_of_work_bits = 4;
    });
    let (data, input) = chain::<Stock>(config, 20);
    let fast = FastCircuit::new(&data).unwrap();
    let prove = || fast.prove(&data, witness(input, 9), &run()).unwrap();
    let (first, second) = (prove(), prove());
    assert_eq!(first.public_inputs, second.public_inputs);
    assert_ne!(first.proof.wires_cap, second.proof.wires_cap);
    assert_ne!(first.proof.openings.wires, second.proof.openings.wires);
    let salts = |proof: &Proof<Stock>| {
        let leaf = &proof.proof.opening_proof.query_round_proofs[0].initial_trees_proof.evals_proofs[3].0;
        leaf[leaf.len() - 4..].to_vec()
    };
    assert_ne!(salts(&first), salts(&second));
    data.verify(first).unwrap();
    data.verify(second).unwrap();
}

#[test]
fn inputs_without_a_witness_are_a_typed_error() {
    let (data, input) = chain::<Stock>(with_fri(|_| {}), 4);
    let fast = FastCircuit::new(&data).unwrap();
    let empty = fast.prove(&data, PartialWitness::new(), &run());
    assert!(matches!(empty, Err(ProveError::Circuit { .. })), "{empty:?}");
    // A value out of the range that is checked: refused, or a proof that does not verify.
    if let Ok(proof) = fast.prove(&data, witness(input, 1 << 40), &run()) {
        assert!(data.verify(proof).is_err());
    }
}

#[test]
fn another_circuits_data_is_refused() {
    let (data, input) = chain::<Stock>(with_fri(|_| {}), 4);
    let (other, _) = chain::<Stock>(with_fri(|_| {}), 3);
    let fast = FastCircuit::new(&other).unwrap();
    let refused = fast.prove(&data, witness(input, 1), &run());
    assert!(matches!(refused, Err(ProveError::Unsupported { .. })), "{refused:?}");
}

#[test]
fn a_circuit_with_lookups_is_refused() {
    let mut builder = Builder::new(CircuitConfig::standard_recursion_config());
    let table =
        builder.add_lookup_table_from_pairs(std::sync::Arc::new((0..52).map(|i| (i, i + 1)).collect()));
    let input = builder.add_virtual_target();
    builder.add_lookup_from_index(input, table);
    let refused = FastCircuit::new(&builder.build::<Stock>());
    assert!(matches!(refused, Err(ProveError::Unsupported { what: "lookup tables" })));
}

// covers: Z18
#[test]
fn a_proof_stops_at_the_first_phase_that_is_asked_to() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (data, input) = chain::<Stock>(with_fri(|_| {}), 4);
    let fast = FastCircuit::new(&data).unwrap();
    let asked = AtomicUsize::new(0);
    let count = || {
        asked.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    fast.prove(&data, witness(input, 1), &run().until(&count)).unwrap();
    let times = asked.load(Ordering::SeqCst);
    assert!(times > 10);
    for limit in [0, 1, times / 2, times - 1] {
        let left = AtomicUsize::new(limit);
        let stop = || {
            let more = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
            if more { Ok(()) } else { Err(ProveError::Cancelled { stage: Stage::Sheet }) }
        };
        let stopped = fast.prove(&data, witness(input, 1), &run().until(&stop));
        assert!(matches!(stopped, Err(ProveError::Cancelled { stage: Stage::Sheet })), "{limit}");
    }
}

/// Seconds of each phase, stock and fast in turn.
#[test]
#[ignore = "soak"]
fn measure_a_recursion() {
    let (data, witness) = &*RECURSION;
    let fast = FastCircuit::new(data).unwrap();
    for _ in 0..5 {
        let started = std::time::Instant::now();
        data.prove(witness.clone()).unwrap();
        let stock = started.elapsed().as_secs_f64();
        let (_, seconds) = fast.prove_timed(data, witness.clone(), &run()).unwrap();
        println!("stock {stock:.3} fast {:.3} ratio {:.2}", seconds.total(), stock / seconds.total());
        for phase in super::Phase::ALL {
            print!("{} {:.4}  ", phase.name(), seconds.phases[phase as usize]);
        }
        println!("| transforms {:.3} leaves {:.3}", seconds.transforms, seconds.leaves);
    }
}
