//! Builds the leaf and sheet of one named class and proves them on random parameters: rows, seconds, memory.
//!
//! `figures NAME CAPACITY`, one run a process, because the peak of memory is the process's.

use std::time::Instant;

use alloy_primitives::{Address, B256};
use plonky2::iop::witness::PartialWitness;
use rand::{Rng, SeedableRng, rngs::StdRng};
use sotto_circuits::{
    KeySet, Layer, LeafCircuit, LeafInputs, LeafProof, Reduction, Salt, SheetCircuit, SheetInputs,
    SheetProof, estimate,
    field::{C, CircuitData, F, Proof},
};
use sotto_model::{
    Dense, InputMap, Policy,
    program::{
        Activation, Ensemble, EnsembleParameters, Function, Linear, MatrixShape, Node, Op, OutputMap,
        Program, Shape, ShapeError,
    },
};
use sotto_prover::{
    Stage,
    fast::{FastCircuit, Run},
};
use sotto_types::{MARKET_FEATURES, MODEL_FEATURES, SLOTS, Slot};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let (Some(name), Some(capacity)) = (args.next(), args.next()) else {
        return Err("figures NAME CAPACITY".into());
    };
    let capacity: usize = capacity.parse()?;
    let shape = named(&name)?;
    println!("{}", serde_json::to_string(&estimate(&shape, capacity))?);

    let start = Instant::now();
    let leaf = LeafCircuit::build(&shape, capacity)?;
    println!("leaf: {} rows, 2^{}, built in {:?}", leaf.rows(), leaf.info().degree_bits, start.elapsed());
    let program = random(&shape, &mut StdRng::seed_from_u64(1))?;
    let mut slots = [Slot::default(); SLOTS];
    for slot in &mut slots[..capacity] {
        *slot = Slot { commitment: B256::repeat_byte(1), features: [0, 5, 6, 7] };
    }
    let salt = Salt::from_bytes([3; 16]);
    let inputs = LeafInputs {
        program: &program,
        salt: &salt,
        owner: Address::ZERO,
        round_id: B256::repeat_byte(2),
        features: &[9; MARKET_FEATURES],
        slots: &slots,
    };
    let proof = LeafProof::new(proved(leaf.data(), leaf.witness(&inputs)?, Layer::Leaf)?);
    leaf.verify(&proof)?;

    let start = Instant::now();
    let sheet = SheetCircuit::build(&leaf)?;
    let rows: Vec<usize> = sheet.reductions().iter().map(Reduction::rows).collect();
    println!("sheet: {} rows, reductions {rows:?}, built in {:?}", sheet.rows(), start.elapsed());
    let keys = KeySet::new(vec![sheet.key()])?;
    let mut inner = proof;
    for reduction in sheet.reductions() {
        inner = LeafProof::new(proved(reduction.data(), reduction.witness(&inner)?, Layer::Reduction)?);
    }
    let extra = SheetInputs { sheet_salt: &salt, commit_index: 0, key_set_root: keys.root() };
    let shown = SheetProof::new(proved(sheet.data(), sheet.witness(&inner, &extra)?, Layer::Sheet)?);
    Ok(sheet.verify(&shown)?)
}

/// A proof by the fast prover, the second of two: the first allocates.
fn proved(data: &CircuitData<C>, witness: PartialWitness<F>, layer: Layer) -> Result<Proof<C>, Failure> {
    let prover = FastCircuit::new(data)?;
    let run = Run::new(Stage::Sheet, layer);
    let start = Instant::now();
    prover.prove(data, witness.clone(), &run)?;
    let first = start.elapsed();
    let start = Instant::now();
    let proof = prover.prove(data, witness, &run)?;
    println!("{layer:?}: proved in {first:?}, then in {:?}, peak {}", start.elapsed(), peak());
    Ok(proof)
}

/// Peak of resident memory, as the kernel tells.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim().to_owned()
}

fn named(name: &str) -> Result<Shape, Failure> {
    Ok(match name {
        "small" => Shape::dense(&[32, 16])?,
        "wide" => Shape::dense(&[64, 64])?,
        "million" => Shape::dense(&[960, 990, 32])?,
        "trees-100" => trees(100, 6, 6)?,
        "trees-500" => trees(500, 8, 8)?,
        "gru" => gru(64, 16)?,
        _ => return Err("small, wide, million, trees-100, trees-500 or gru".into()),
    })
}

fn trees(trees: usize, depth: u32, rank_bits: u32) -> Result<Shape, ShapeError> {
    let columns = (20..36).map(|feature| vec![feature]).collect();
    let features: Vec<usize> = (36..52).collect();
    let one = MatrixShape { rows: 1, inputs: 1 };
    let ops = vec![
        Op::Linear(Linear { matrix: 0, columns, activation: Activation::Wide }),
        Op::Ensemble(Ensemble { features, trees, depth, rank_bits }),
    ];
    Shape::new(vec![one, one], ops, OutputMap { matrix: 1, values: vec![52] })
}

/// A gated recurrent unit over market features, read together with the slot's.
fn gru(units: usize, steps: usize) -> Result<Shape, ShapeError> {
    let pair = MatrixShape { rows: 1, inputs: 2 };
    let cell = MatrixShape { rows: units, inputs: units + 1 };
    let matrices = vec![
        MatrixShape { rows: 1, inputs: 1 },
        MatrixShape { rows: units, inputs: 1 },
        cell,
        cell,
        cell,
        pair,
        pair,
        MatrixShape { rows: 1, inputs: units + 4 },
    ];
    let mut next = MODEL_FEATURES;
    let mut fresh = |count: usize| {
        next += count;
        (next - count..next).collect::<Vec<usize>>()
    };
    let map = |matrix, columns| Op::Linear(Linear { matrix, columns, activation: Activation::Signed });
    let sigmoid = |values: &[usize]| Op::Function { function: Function::Sigmoid, values: values.to_vec() };
    let zip = |a: &[usize], b: &[usize]| a.iter().zip(b).map(|(&a, &b)| [a, b]).collect::<Vec<_>>();
    let wide = |a: &[usize], b: &[usize]| zip(a, b).into_iter().map(Vec::from).collect::<Vec<_>>();

    let mut ops = vec![map(0, (0..=steps).map(|feature| vec![feature]).collect())];
    let ticks = fresh(steps + 1);
    ops.push(map(1, vec![vec![ticks[0]]]));
    let mut hidden = fresh(units);
    for &tick in &ticks[1..] {
        let column: Vec<usize> = [&[tick], &hidden[..]].concat();
        ops.push(map(2, vec![column.clone()]));
        let keep = fresh(units);
        ops.push(map(3, vec![column]));
        let reset = fresh(units);
        ops.push(sigmoid(&keep));
        let keep = fresh(units);
        ops.push(sigmoid(&reset));
        let reset = fresh(units);
        ops.push(Op::Product { pairs: zip(&reset, &hidden) });
        let seen = fresh(units);
        ops.push(map(4, vec![[&[tick], &seen[..]].concat()]));
        let new = fresh(units);
        ops.push(sigmoid(&new));
        let new = fresh(units);
        ops.push(map(5, wide(&hidden, &new)));
        let change = fresh(units);
        ops.push(Op::Product { pairs: zip(&keep, &change) });
        let kept = fresh(units);
        ops.push(map(6, wide(&kept, &new)));
        hidden = fresh(units);
    }
    let values = hidden.into_iter().chain(MARKET_FEATURES..MODEL_FEATURES).collect();
    Shape::new(matrices, ops, OutputMap { matrix: 7, values })
}

fn random(shape: &Shape, rng: &mut StdRng) -> Result<Program, Failure> {
    let matrices = shape.linear_formats().iter().map(|f| Dense {
        weights: (0..f.inputs * f.rows).map(|_| rng.gen_range(-(1 << 11)..1 << 11)).collect(),
        biases: (0..f.rows).map(|_| rng.gen_range(-(1 << 20)..1 << 20)).collect(),
    });
    let matrices = matrices.collect();
    let ensembles = shape.ensembles().map(|e| {
        let thresholds = (0..e.thresholds() as u32).map(|i| i.cast_signed() * 1000).collect::<Vec<i32>>();
        let node = |rng: &mut StdRng| Node {
            feature: rng.gen_range(0..e.features.len() as u8),
            rank: rng.gen_range(0..1 << e.rank_bits),
        };
        EnsembleParameters {
            thresholds: vec![thresholds; e.features.len()],
            nodes: (0..e.trees * e.nodes()).map(|_| node(rng)).collect(),
            leaves: (0..e.trees << e.depth).map(|_| rng.gen_range(-(1 << 19)..1 << 19)).collect(),
        }
    });
    let ensembles = ensembles.collect();
    let inputs = [InputMap { lo: 0, hi: 1 << 20, mult: 100 }; MODEL_FEATURES];
    let policy = Policy { min_quote: -1000, max_quote: 1000, max_slots: 32 };
    Ok(Program::new(shape.clone(), inputs, matrices, ensembles, policy)?)
}
