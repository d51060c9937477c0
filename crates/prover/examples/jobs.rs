//! Seconds of every kind of job on this machine, for the capacity plan: `cargo run --release -p sotto-prover --example jobs -- THREADS`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a measurement for a person; what is missing ends it"
)]

use std::{sync::Arc, time::Instant};

use alloy_primitives::{Address, B256};
use prometheus::Registry;
use sotto_circuits::Salt;
use sotto_model::program::{Dense, InputMap, Policy, Program, Shape};
use sotto_prover::{
    LeafJob, MergeJob, Part, Prover, ProverConfig, QueueConfig, SheetJob, WrapJob, no_deadline,
    remote::RemoteJob as _,
};
use sotto_types::{MODEL_FEATURES, PublicData, SLOTS, Slot};
use tokio_util::sync::CancellationToken;

const RUNS: usize = 3;

fn job(prover: &Prover, hidden: &[usize], slots: usize, commit_index: u32) -> SheetJob {
    let shape = Shape::dense(hidden).unwrap();
    let number = |at: usize| i32::try_from(at * 7919 % 2000).unwrap() - 1000;
    let dense = shape.linear_formats().iter().map(|format| Dense {
        weights: (0..format.inputs * format.rows).map(number).collect(),
        biases: vec![0; format.rows],
    });
    let dense = dense.collect();
    let inputs = [InputMap { lo: -(1 << 20), hi: 1 << 20, mult: 64 }; MODEL_FEATURES];
    let policy = Policy { min_quote: -900_000, max_quote: 900_000, max_slots: 32 };
    let mut round = [Slot::default(); SLOTS];
    for (at, slot) in round.iter_mut().take(slots).enumerate() {
        *slot = Slot { commitment: B256::repeat_byte(1), features: [1, number(at), 80, i32::MIN + 1] };
    }
    SheetJob {
        leaf: LeafJob {
            program: Arc::new(Program::new(shape, inputs, dense, Vec::new(), policy).unwrap()),
            model_salt: Salt::from_bytes([1; 16]),
            owner: Address::repeat_byte(u8::try_from(commit_index + 1).unwrap()),
            round_id: B256::repeat_byte(3),
            features: std::array::from_fn(number),
            slots: round,
        },
        sheet_salt: Salt::from_bytes([4; 16]),
        commit_index,
        key_set_root: prover.keys().root(),
    }
}

/// Seconds of processor time that this process has taken; what a busy machine leaves comparable.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // user and system time, in hundredths
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// Runs a job a few times; prints the medians and gives the last result.
macro_rules! timed {
    ($name:expr, $run:expr) => {{
        let (mut seconds, mut processor) = (Vec::new(), Vec::new());
        let mut last = None;
        for _ in 0..RUNS {
            let (started, before) = (Instant::now(), processor_seconds());
            last = Some($run.await.unwrap());
            seconds.push(started.elapsed().as_secs_f64());
            processor.push(processor_seconds() - before);
        }
        seconds.sort_by(f64::total_cmp);
        processor.sort_by(f64::total_cmp);
        println!("{:<28} {:.2} s, {:.2} s of processor", $name, seconds[RUNS / 2], processor[RUNS / 2]);
        last.unwrap()
    }};
}

#[tokio::main]
async fn main() {
    let threads = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(2);
    let queue = QueueConfig { threads, capacity: 8 };
    let config = ProverConfig { queue, ..ProverConfig::default() };
    let prover = Prover::start(config, &Registry::new()).unwrap();
    println!("{threads} threads, medians of {RUNS}");
    let none = CancellationToken::new;
    let hidden = [32, 16];
    let shape = Shape::dense(&hidden).unwrap();
    prover.warm(vec![(shape.clone(), 1), (shape, 32)], true).await.unwrap();
    prover.warm_tournament(1).await.unwrap();
    timed!("sheet, 1 slot", prover.prove_sheet(job(&prover, &hidden, 1, 0), no_deadline(), none()));
    let first = job(&prover, &hidden, 32, 0);
    let left = timed!("sheet, 32 slots", prover.prove_sheet(first.clone(), no_deadline(), none()));
    let right = prover.prove_sheet(job(&prover, &hidden, 32, 1), no_deadline(), none()).await.unwrap();
    println!("{:<28} {} kB", "sheet job", first.encode().len() / 1000);
    println!("{:<28} {} kB", "sheet proof", left.bytes.len() / 1000);
    let merge = MergeJob { left: Part::Sheet(left), right: Some(Part::Sheet(right)) };
    let node = timed!("merge", prover.merge(merge.clone(), no_deadline(), none()));
    println!("{:<28} {} kB", "node proof", node.bytes.len() / 1000);
    let sealed = timed!("seal", prover.seal(node.clone(), no_deadline(), none()));
    let data = PublicData {
        round_id: first.leaf.round_id,
        key_set_root: first.key_set_root,
        features: first.leaf.features,
        slots: first.leaf.slots,
        claims: sealed.statement.claims,
        sheets: sealed.statement.sheets,
    };
    let wrap = WrapJob { sheet: sealed, data, chain_id: 1, auction_house: Address::repeat_byte(9) };
    let wrapped = timed!("wrap", prover.wrap(wrap.clone(), no_deadline(), none()));
    println!("{:<28} {} kB", "wrapped proof", wrapped.proof.to_bytes().len() / 1000);
}
