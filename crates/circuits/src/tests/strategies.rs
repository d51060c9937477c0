//! The bundled strategies' leaves against the reference executor, on inputs where rounding, saturation and comparisons turn.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use alloy_primitives::{Address, B256};
use plonky2::field::types::PrimeField64;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use rayon::prelude::*;
use sotto_model::{
    Strategy, parse_rows,
    program::{Format, Op, Program},
};
use sotto_types::{
    MARKET_FEATURES, MODEL_FEATURES, MarketFeatures, NO_BID, Quote, SLOTS, Slot, SlotFeature, SlotFeatures,
    carry,
};

use super::{
    fixtures::executor,
    keys::{bundled_folders, folder_name},
    witness::Tracer,
};
use crate::{LeafCircuit, LeafInputs, Salt, classes::class_capacities};

/// Features of the market, then of the slot.
type Features = [i32; MODEL_FEATURES];

/// Where a strategy's inputs are drawn from.
struct Source {
    program: Program,
    /// Features that matter.
    read: Vec<usize>,
    /// Rows that the strategy was tried on.
    rows: Vec<Features>,
}

impl Source {
    fn new(strategy: &Strategy, holdout: &str) -> Self {
        let program = strategy.program().clone();
        let read = (0..MODEL_FEATURES).filter(|&f| program.inputs()[f].mult > 0).collect();
        let rows = parse_rows(holdout, &strategy.manifest().market.catalog()).unwrap();
        let rows = rows.iter().map(|row| {
            let (market, slot) = (row.row.market, row.row.slot);
            std::array::from_fn(|f| if f < MARKET_FEATURES { market[f] } else { slot[f - MARKET_FEATURES] })
        });
        Self { program, read, rows: rows.collect() }
    }

    fn is_end(&self, quote: Quote) -> bool {
        let policy = self.program.policy();
        [policy.min_quote, policy.max_quote, NO_BID].contains(&quote)
    }

    fn trace(&self, features: &Features) -> (Vec<i64>, i64) {
        let (market, slot) = split(features);
        self.program.trace(&market, &slot)
    }

    /// Moves a feature to one of the two neighbours between which a value turns: a tree's comparison with a threshold, or a
    /// rounded, saturated or rectified value that leaves some level, the output among them.
    fn turn(&self, features: &mut Features, feature: usize, rng: &mut StdRng) {
        let map = self.program.inputs()[feature];
        let mut at = |x: i32| {
            features[feature] = x;
            self.trace(features)
        };
        let (low, high) = (at(map.lo), at(map.hi));
        // What the feature moves.
        let moved: Vec<usize> = (MODEL_FEATURES..low.0.len()).filter(|&v| low.0[v] != high.0[v]).collect();
        let value = moved.choose(rng).copied().filter(|_| rng.gen_bool(0.8));
        let read = |(values, output): (Vec<i64>, i64)| value.map_or(output, |v| values[v]);
        let (low, high) = (read(low), read(high));
        let level = value.and_then(|value| self.threshold(value, rng)).unwrap_or((low + high) >> 1);
        let above = |value: i64| value > level;
        let (mut below, mut over) = (map.lo, map.hi);
        while i64::from(over) - i64::from(below) > 1 {
            let middle = i32::midpoint(below, over);
            let side = if above(read(at(middle))) == above(low) { &mut below } else { &mut over };
            *side = middle;
        }
        features[feature] = if rng.r#gen() { below } else { over };
    }

    /// A threshold that a tree's value is compared with.
    fn threshold(&self, value: usize, rng: &mut StdRng) -> Option<i64> {
        let mut ensembles = self.program.ensembles().iter();
        self.program.shape().ops().iter().find_map(|op| {
            let Op::Ensemble(shape) = op else { return None };
            let thresholds = &ensembles.next()?.thresholds;
            let position = shape.features.iter().position(|&f| f == value)?;
            thresholds[position].choose(rng).copied().map(i64::from)
        })
    }

    /// Changes features of one part: noise, ends of the range and beyond, any integer, or where a value turns.
    fn vary(&self, features: &mut Features, part: &std::ops::Range<usize>, rng: &mut StdRng) {
        let read: Vec<usize> = self.read.iter().copied().filter(|f| part.contains(f)).collect();
        let numbers: Vec<usize> = read
            .iter()
            .copied()
            .filter(|&f| f != MARKET_FEATURES + SlotFeature::Direction as usize)
            .collect();
        let kind = rng.gen_range(0..4);
        for &feature in &numbers {
            let map = self.program.inputs()[feature];
            let x = &mut features[feature];
            match kind {
                0 => *x = x.saturating_add(rng.gen_range(-4096..4096)),
                1 if rng.gen_bool(0.4) => {
                    let ends = [map.lo, map.hi, map.lo.saturating_sub(1), map.hi.saturating_add(1)];
                    *x =
                        ends.into_iter().chain([i32::MIN, i32::MAX]).collect::<Vec<_>>()[rng.gen_range(0..6)];
                }
                2 if rng.gen_bool(0.4) => *x = rng.r#gen(),
                _ => {}
            }
        }
        if let (3, Some(&feature)) = (kind, numbers.choose(rng)) {
            self.turn(features, feature, rng);
        }
    }

    /// A round whose first `live` slots hold intents.
    fn round(&self, live: usize, rng: &mut StdRng) -> (MarketFeatures, [Slot; SLOTS]) {
        let mut base = *self.rows.choose(rng).unwrap();
        self.vary(&mut base, &(0..MARKET_FEATURES), rng);
        let mut slots = [Slot::default(); SLOTS];
        for slot in &mut slots[..live] {
            let mut features = *self.rows.choose(rng).unwrap();
            features[..MARKET_FEATURES].copy_from_slice(&base[..MARKET_FEATURES]);
            self.vary(&mut features, &(MARKET_FEATURES..MODEL_FEATURES), rng);
            *slot = Slot { commitment: B256::from(rng.r#gen::<[u8; 32]>()), features: split(&features).1 };
        }
        (split(&base).0, slots)
    }
}

/// Inputs that meet an edge.
#[derive(Debug, Default)]
struct Edges {
    /// A tree compares a value with a threshold that it equals.
    ties: AtomicUsize,
    /// A value is the least or greatest of its format, features aside.
    saturated: AtomicUsize,
}

impl Edges {
    fn count(&self, source: &Source, market: &MarketFeatures, slot: &SlotFeatures) {
        let (values, _) = source.program.trace(market, slot);
        let shape = source.program.shape();
        let tied = shape.ensembles().zip(source.program.ensembles()).any(|(shape, ensemble)| {
            let mut features = shape.features.iter().zip(&ensemble.thresholds);
            features.any(|(&f, thresholds)| thresholds.iter().any(|&t| i64::from(t) == values[f]))
        });
        let ends = |(&value, format): (&i64, &Format)| value == format.least() || value == format.greatest();
        let rounded = values.iter().zip(shape.formats()).skip(MODEL_FEATURES);
        self.ties.fetch_add(usize::from(tied), Ordering::Relaxed);
        self.saturated.fetch_add(usize::from(rounded.clone().any(ends)), Ordering::Relaxed);
    }
}

/// How many inputs agreed, of which kinds.
struct Agreement {
    inputs: usize,
    distinct: usize,
    edges: usize,
}

fn split(features: &Features) -> (MarketFeatures, [i32; MODEL_FEATURES - MARKET_FEATURES]) {
    let (market, slot) = features.split_at(MARKET_FEATURES);
    (market.try_into().unwrap(), slot.try_into().unwrap())
}

/// Asserts that a leaf of at most `capacity` slots quotes on `rounds` rounds what the executor quotes, with every constraint
/// satisfied, and proves the first if asked to.
fn agree(folder: &std::path::Path, capacity: usize, rounds: u64, prove: bool) -> Agreement {
    let name = folder_name(folder);
    let strategy = Strategy::load(folder).unwrap();
    let source = Source::new(&strategy, &std::fs::read_to_string(folder.join("holdout.csv")).unwrap());
    let shape = source.program.shape();
    let capacity = class_capacities(shape).into_iter().take_while(|&c| c <= capacity).last().unwrap();
    let leaf = LeafCircuit::build(shape, capacity).unwrap();
    let salt = Salt::from_bytes([5; 16]);
    let tracer = Tracer::new(&leaf.data);
    let edges = Edges::default();
    let quotes = (0..rounds).into_par_iter().map(|seed| {
        let rng = &mut StdRng::seed_from_u64(seed);
        let (features, slots) = source.round(capacity, rng);
        let inputs = LeafInputs {
            program: &source.program,
            salt: &salt,
            owner: Address::from(rng.r#gen::<[u8; 20]>()),
            round_id: B256::from(rng.r#gen::<[u8; 32]>()),
            features: &features,
            slots: &slots,
        };
        let quotes = executor(&source.program, &features, &slots);
        let trace = tracer.trace(leaf.witness(&inputs).unwrap()).unwrap();
        assert_eq!(trace.violation(), None, "{name}, round {seed}");
        let shown: Vec<u64> = trace.public_inputs().iter().map(PrimeField64::to_canonical_u64).collect();
        assert_eq!(shown[8..], quotes.map(|q| u64::from(carry(q))), "{name}, round {seed}");
        slots[..capacity].iter().for_each(|slot| edges.count(&source, &features, &slot.features));
        if prove && seed == 0 {
            let proof = leaf.prove(&inputs).unwrap();
            leaf.verify(&proof).unwrap();
            assert_eq!(proof.quotes(), quotes, "{name}");
        }
        quotes[..capacity].to_vec()
    });
    let quotes: Vec<i32> = quotes.flatten_iter().collect();
    let distinct: BTreeSet<i32> = quotes.iter().copied().collect();
    let ends = quotes.iter().filter(|&&quote| source.is_end(quote)).count();
    println!(
        "{name}: {} inputs, {} quotes that differ, {ends} at an end of the range or none, {:?}",
        quotes.len(),
        distinct.len(),
        edges
    );
    Agreement {
        inputs: quotes.len(),
        distinct: distinct.len(),
        edges: edges.ties.into_inner() + edges.saturated.into_inner(),
    }
}

// covers: M7 M8 M9 M10 M11
#[test]
fn leaves_of_the_bundled_strategies_quote_what_the_executor_quotes() {
    for folder in bundled_folders() {
        let Agreement { inputs, distinct, .. } = agree(&folder, 4, 6, false);
        assert!(inputs == 24 && distinct > 5, "{}: {distinct}", folder_name(&folder));
    }
}

// covers: M7 M8 M9 M10 M11
#[test]
#[ignore = "soak: 10,000 inputs of each strategy, a round of each proven"]
fn leaves_of_the_bundled_strategies_quote_what_the_executor_quotes_on_ten_thousand_inputs() {
    for folder in bundled_folders() {
        let capacity = SLOTS;
        let Agreement { inputs, distinct, edges } =
            agree(&folder, capacity, 10_000u64.div_ceil(capacity as u64), true);
        assert!(inputs >= 10_000 && distinct > 300, "{}: {inputs}, {distinct}", folder_name(&folder));
        // A linear model has neither comparisons nor values that saturate.
        let linear = Strategy::load(&folder).unwrap().program().shape().ops().is_empty();
        assert!(linear || edges > 100, "{}: {edges} at an edge", folder_name(&folder));
    }
}
