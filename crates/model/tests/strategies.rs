//! The strategies that come with the project, against their networks and against the runtime that trained them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use sotto_model::{HoldoutRow, ParityOptions, Row, Strategy, parse_rows};
use sotto_types::NO_BID;

/// Those of the default market.
const NAMES: [&str; 6] =
    ["linear-spread", "mlp-16-32-16", "mlp-32-64-64", "lightgbm-100x6", "xgboost-100x6", "forest-50x8"];

fn all_names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().chain(["gru-16x16"])
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies").join(name)
}

fn load(name: &str) -> (Strategy, Vec<HoldoutRow>) {
    let dir = folder(name);
    let text = fs::read_to_string(dir.join("holdout.csv")).unwrap();
    let strategy = Strategy::load(&dir).unwrap_or_else(|e| panic!("{name}: {e}"));
    let rows = parse_rows(&text, &strategy.manifest().market.catalog()).unwrap();
    (strategy, rows)
}

#[test]
fn every_strategy_is_within_a_pip_of_its_network_on_hold_out_rows() {
    // covers: M8 M14
    for name in all_names() {
        let (strategy, data) = load(name);
        let rows: Vec<Row> = data.iter().map(|d| d.row).collect();
        let report = strategy.parity(&rows, &ParityOptions::default()).unwrap().model;
        println!("{name}: {report:?}\n  {:?}", strategy.intervals());
        assert_eq!(report.rows_tested, 1000);
        assert!(report.share_within_one_pip() >= 0.999, "{name}: {report:?}");
        assert!(report.decision_flips <= 1, "{name}: {report:?}");
        assert!(strategy.manifest().name == name);
    }
}

#[test]
fn the_network_here_computes_what_the_training_runtime_computed() {
    // covers: M8
    for name in all_names() {
        let (strategy, data) = load(name);
        let policy = strategy.program().policy();
        for HoldoutRow { row, float_pips } in &data {
            let here = strategy.float_pips(&row.market, &row.slot);
            let here = here.clamp(f64::from(policy.min_quote), f64::from(policy.max_quote));
            // That one sums in float32.
            assert!((here - float_pips.unwrap()).abs() < 0.5, "{name}: {here} {float_pips:?}");
        }
    }
}

#[test]
fn quotes_spread_and_differ_between_strategies() {
    let mut medians = Vec::new();
    let mut all = Vec::new();
    for name in all_names() {
        let (strategy, data) = load(name);
        let quotes: Vec<i32> =
            data.iter().map(|d| strategy.program().quote(&d.row.market, &d.row.slot)).collect();
        let mut sorted = quotes.clone();
        sorted.sort_unstable();
        assert!(sorted[750] - sorted[250] >= 100, "{name}: {} to {}", sorted[250], sorted[750]);
        assert!(!quotes.contains(&NO_BID));
        medians.push(sorted[500]);
        all.push(quotes);
    }
    assert!(medians.iter().all(|m| (20..500).contains(m)), "{medians:?}");
    assert!(all.iter().enumerate().all(|(i, quotes)| !all[..i].contains(quotes)));
}

/// Raw features of a calm market at 2500, of tokens with 18 and 6 decimals, with a pool of 1000 base.
fn calm(direction: i32, size_base: f64) -> Row {
    let log2 = |x: f64| (x.log2() * f64::from(1 << 22)) as i32;
    let price = log2(2500.0 * 1e6 / 1e18);
    let base = log2(1000.0 * 1e18);
    let sold = log2(size_base * 1e18) + direction * price;
    let mut market = [0; 32];
    market[..11].copy_from_slice(&[
        price,
        price,
        0,
        base,
        base + price,
        3,
        price,
        30,
        log2(1e9),
        1000,
        95_000_000,
    ]);
    Row { market, slot: [direction, sold, 95_000_600, i32::MIN + 1] }
}

#[test]
fn quotes_in_a_calm_market_improve_on_the_reference() {
    for name in NAMES {
        let (strategy, _) = load(name);
        let quote = |direction, size| {
            let Row { market, slot } = calm(direction, size);
            strategy.program().quote(&market, &slot)
        };
        for direction in [0, 1] {
            for size in [0.1, 1.0, 5.0, 20.0] {
                let q = quote(direction, size);
                assert!((20..=500).contains(&q), "{name}, direction {direction}, size {size}: {q}");
            }
            // Larger orders cost more to take.
            assert!(quote(direction, 20.0) < quote(direction, 1.0), "{name}");
        }
        assert_ne!(quote(0, 1.0), quote(1, 1.0), "{name} does not see the direction");
    }
}
