//! A capacity plan by simulation: how rounds shard over markets, how many workers keep up, what an intent costs.
//!
//! Deterministic: one seed, integers and a fixed order of events. Job times are arguments, so the plan can be made again for any
//! machine: `cargo run --release -p sotto-prover --example capacity -- --merge 1.8 --seal 0.9 --wrap 0.8 --sheet 1.2`.
#![allow(clippy::cast_sign_loss, reason = "times and shares are not negative")]
#![allow(clippy::print_stdout, clippy::cast_precision_loss, missing_docs, reason = "a report for a person")]

use std::{cmp::Reverse, collections::BinaryHeap, env};

/// Slots of a round, and sheets of a tournament.
const SLOTS: usize = 32;
const SHEETS: usize = 16;
/// Microseconds.
type Micros = u64;
const SECOND: Micros = 1_000_000;

/// Seconds of one core, as `--example jobs` measured them (benches/capacity.md).
const SHEET_SECONDS: f64 = 1.20;
const MERGE_SECONDS: f64 = 1.80;
const SEAL_SECONDS: f64 = 0.92;
const WRAP_SECONDS: f64 = 0.80;

/// Seconds that jobs take on one worker, and what surrounds them.
#[derive(Clone, Copy, Debug)]
struct Times {
    sheet: f64,
    merge: f64,
    seal: f64,
    wrap: f64,
    /// Overhead of the queue for each job.
    queue: f64,
}

/// The load and the rules of the plan.
#[derive(Clone, Copy, Debug)]
struct Plan {
    intents_a_minute: u64,
    solvers: u64,
    markets: u64,
    /// Seconds that a market collects intents before it opens a round.
    collect: f64,
    /// Sheets that a round takes: solvers spread over rounds instead of all bidding in each.
    sheets: usize,
    /// Seconds from the end of the commit window to the last moment for the settlement's transaction: the first half of the
    /// settle window.
    window: f64,
    minutes: u64,
}

/// A generator with a fixed seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A Poisson count, by exponential gaps.
    fn poisson(&mut self, mean: f64) -> u64 {
        let (mut sum, mut count) = (0.0, 0);
        loop {
            sum -= (1.0 - self.unit()).ln();
            if sum > mean {
                return count;
            }
            count += 1;
        }
    }
}

/// A round: when its commit window ended, the intents in it, the tournaments that its sheets make.
#[derive(Clone, Copy, Debug)]
struct Round {
    closed: Micros,
    intents: u64,
}

/// Rounds of all markets. A market with more intents than one round holds opens several at once.
fn rounds(plan: &Plan) -> Vec<Round> {
    let weights: Vec<f64> = (1..=plan.markets).map(|rank| 1.0 / rank as f64).collect();
    let total: f64 = weights.iter().sum();
    let mut random = Random(7);
    let mut all = Vec::new();
    let end = plan.minutes as f64 * 60.0;
    for weight in &weights {
        let mean = plan.intents_a_minute as f64 / 60.0 * plan.collect * weight / total;
        // Markets do not open in step.
        let mut at = random.unit() * plan.collect;
        let mut waiting = 0;
        while at < end {
            waiting += random.poisson(mean);
            while waiting > 0 {
                let intents = waiting.min(SLOTS as u64);
                waiting -= intents;
                all.push(Round { closed: (at * SECOND as f64) as Micros, intents });
            }
            at += plan.collect;
        }
    }
    all.sort_by_key(|round| round.closed);
    all
}

/// What the pool did.
#[derive(Clone, Debug)]
struct Outcome {
    latencies: Vec<f64>,
    late: usize,
    busy: f64,
    jobs: usize,
}

/// A job that is ready: earliest deadline first, then the order of arrival.
type Ready = Reverse<(Micros, usize, usize)>;

/// The merges of a tournament of `sheets`, level by level, then seal and wrap: seconds of each step and how many jobs it has.
fn steps(sheets: usize, times: &Times) -> Vec<(usize, f64)> {
    let mut steps = Vec::new();
    let mut parts = sheets;
    while parts > 1 {
        steps.push((parts / 2, times.merge));
        parts = parts.div_ceil(2);
    }
    if sheets > 1 {
        steps.push((1, times.seal));
    }
    steps.push((1, times.wrap));
    steps
}

/// Runs the rounds on a pool. Every tournament is a chain of steps whose jobs run in parallel.
fn simulate(plan: &Plan, times: &Times, rounds: &[Round], workers: usize) -> Outcome {
    struct Chain {
        arrived: Micros,
        deadline: Micros,
        step: usize,
        left: usize,
        steps: Vec<(usize, f64)>,
    }
    let mut random = Random(11);
    let mut chains = Vec::new();
    for round in rounds {
        for first in (0..plan.sheets).step_by(SHEETS) {
            let sheets = (plan.sheets - first).min(SHEETS);
            // The last sheet is there up to two seconds after the window closed.
            let arrived = round.closed + (random.unit() * 2.0 * SECOND as f64) as Micros;
            let deadline = round.closed + (plan.window * SECOND as f64) as Micros;
            chains.push(Chain { arrived, deadline, step: 0, left: 0, steps: steps(sheets, times) });
        }
    }
    let micros = |seconds: f64| ((seconds + times.queue) * SECOND as f64) as Micros;
    // Events: a chain becomes ready for its next step, or a worker is done with a job of a chain.
    let mut events: BinaryHeap<Reverse<(Micros, usize, usize)>> =
        chains.iter().enumerate().map(|(i, chain)| Reverse((chain.arrived, 0, i))).collect();
    let mut ready: BinaryHeap<Ready> = BinaryHeap::new();
    let mut sequence = 0;
    let mut free = workers;
    let mut outcome = Outcome { latencies: Vec::new(), late: 0, busy: 0.0, jobs: 0 };
    while let Some(Reverse((now, done, index))) = events.pop() {
        let chain = &mut chains[index];
        if done == 1 {
            free += 1;
            chain.left -= 1;
            if chain.left == 0 {
                chain.step += 1;
            }
        }
        if chain.left == 0 {
            if let Some(&(count, _)) = chain.steps.get(chain.step) {
                chain.left = count;
                for _ in 0..count {
                    ready.push(Reverse((chain.deadline, sequence, index)));
                    sequence += 1;
                }
            } else {
                outcome.latencies.push((now - chain.arrived) as f64 / SECOND as f64);
                outcome.late += usize::from(now > chain.deadline);
            }
        }
        while free > 0 {
            let Some(Reverse((_, _, job))) = ready.pop() else { break };
            let (_, seconds) = chains[job].steps[chains[job].step];
            let took = micros(seconds);
            outcome.busy += took as f64 / SECOND as f64;
            outcome.jobs += 1;
            free -= 1;
            events.push(Reverse((now + took, 1, job)));
        }
    }
    outcome.latencies.sort_by(f64::total_cmp);
    outcome
}

/// The fewest workers with which at most one settlement in a thousand is late.
fn workers_needed(plan: &Plan, times: &Times, rounds: &[Round]) -> Option<(usize, Outcome)> {
    let enough = |workers| {
        let outcome = simulate(plan, times, rounds, workers);
        (outcome.late * 1000 <= outcome.latencies.len()).then_some(outcome)
    };
    let (mut low, mut high) = (0, 1);
    while enough(high).is_none() {
        low = high;
        high *= 2;
        if high > 1 << 16 {
            return None;
        }
    }
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if enough(middle).is_some() { high = middle } else { low = middle }
    }
    enough(high).map(|outcome| (high, outcome))
}

fn argument(name: &str, default: f64) -> f64 {
    let mut arguments = env::args().skip_while(|a| a != name).skip(1);
    arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let times = Times {
        sheet: argument("--sheet", SHEET_SECONDS),
        merge: argument("--merge", MERGE_SECONDS),
        seal: argument("--seal", SEAL_SECONDS),
        wrap: argument("--wrap", WRAP_SECONDS),
        queue: argument("--queue", 0.03),
    };
    // Dollars of one worker (a core) for an hour.
    let price = argument("--price", 0.04);
    println!("job seconds: {times:?}; {price} dollars an hour for a worker\n");
    println!(
        "| markets | collect s | sheets a round | window s | rounds/min | intents/round | workers needed | planned | busy | p50 s | p99 s | pool s/intent | solver s/intent | dollars/1000 intents |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (markets, collect, sheets, window) in [
        (20, 12.0, 16, 36.0),
        (100, 12.0, 16, 36.0),
        (100, 24.0, 16, 36.0),
        (500, 12.0, 16, 36.0),
        (500, 60.0, 16, 36.0),
        (100, 12.0, 4, 36.0),
        (100, 12.0, 1, 36.0),
        (100, 12.0, 48, 36.0),
        (100, 12.0, 16, 60.0),
        (100, 12.0, 16, 24.0),
    ] {
        let plan =
            Plan { intents_a_minute: 10_000, solvers: 1000, markets, collect, sheets, window, minutes: 60 };
        row(&plan, &times, price);
    }
    let plan = Plan {
        intents_a_minute: 10_000,
        solvers: 1000,
        markets: 100,
        collect: 12.0,
        sheets: 16,
        window: 36.0,
        minutes: 10,
    };
    let rounds = rounds(&plan);
    let per_solver = rounds.len() as f64 / plan.minutes as f64 * plan.sheets as f64 / plan.solvers as f64;
    println!(
        "\neach of {} solvers proves {per_solver:.1} sheets a minute: {:.0}% of one worker",
        plan.solvers,
        per_solver * times.sheet / 60.0 * 100.0
    );
    println!("\nworkers lost at once, of those that the plan of 100 markets has:");
    if let Some((workers, _)) = workers_needed(&plan, &times, &rounds) {
        let workers = planned(workers);
        for lost in [0, 5, 10, 20, 30] {
            let left = workers - workers * lost / 100;
            let outcome = simulate(&plan, &times, &rounds, left);
            println!(
                "  {lost}%: {left} workers, {} of {} settlements late",
                outcome.late,
                outcome.latencies.len()
            );
        }
    }
}

/// Workers to have when this many are needed: a quarter more.
const fn planned(needed: usize) -> usize {
    needed + needed.div_ceil(4)
}

fn row(plan: &Plan, times: &Times, price: f64) {
    let all = rounds(plan);
    let intents: u64 = all.iter().map(|round| round.intents).sum();
    let Some((needed, _)) = workers_needed(plan, times, &all) else {
        println!(
            "| {} | {} | {} | {} | no number of workers is enough |",
            plan.markets, plan.collect, plan.sheets, plan.window
        );
        return;
    };
    let workers = planned(needed);
    let outcome = simulate(plan, times, &all, workers);
    let at = |share: f64| outcome.latencies[((outcome.latencies.len() - 1) as f64 * share) as usize];
    let span = plan.minutes as f64 * 60.0;
    let pool = outcome.busy / intents as f64;
    let solver = (all.len() * plan.sheets) as f64 * times.sheet / intents as f64;
    // What is rented is paid for, busy or not.
    let rented = workers as f64 * span / intents as f64;
    println!(
        "| {} | {} | {} | {} | {:.0} | {:.1} | {needed} | {workers} | {:.0}% | {:.1} | {:.1} | {pool:.2} | {solver:.2} | {:.2} |",
        plan.markets,
        plan.collect,
        plan.sheets,
        plan.window,
        all.len() as f64 / plan.minutes as f64,
        intents as f64 / all.len() as f64,
        outcome.busy / (workers as f64 * span) * 100.0,
        at(0.5),
        at(0.99),
        (rented + solver) * price / 3600.0 * 1000.0,
    );
}
