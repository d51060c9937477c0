//! What a parity report counts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

mod support;

use sotto_model::{FeatureCatalog, ModelError, ParityOptions, Row, Strategy};
use support::*;

/// A strategy that quotes the slot's direction in pips times 1000.5.
fn strategy() -> Strategy {
    let onnx = bytes(&dense(&[(6, vec![0.0, 0.0, 0.0, 0.0, 1000.4, 0.0], vec![0.0])]));
    Strategy::from_parts(&manifest(&onnx, 6, 1.0), &onnx, &FeatureCatalog::default()).unwrap()
}

fn rows() -> Vec<Row> {
    [0, 1, 1].map(|direction| Row { market: [0; 32], slot: [direction, 0, 0, 0] }).to_vec()
}

#[test]
fn a_report_counts_decisions_and_lists_the_worst_rows() {
    // covers: M8 M14
    let report = strategy().parity(&rows(), &ParityOptions::default()).unwrap();
    assert_eq!(
        (report.model.rows_tested, report.model.within_one_pip, report.model.decision_flips),
        (3, 3, 0)
    );
    assert!((report.model.max_abs_error - 0.4).abs() < 1e-3, "{report:?}");
    assert!((report.model.mean_abs_error - 0.8 / 3.0).abs() < 1e-3, "{report:?}");
    assert_eq!(report.worst.iter().map(|w| w.row).collect::<Vec<_>>(), [1, 2, 0]);
    assert_eq!(report.worst[0].quote, 1000);
    let json = serde_json::to_value(&report).unwrap();
    for key in
        ["rows_tested", "max_abs_error", "mean_abs_error", "within_one_pip", "decision_flips", "winner_flips"]
    {
        assert!(json.get(key).is_some(), "{key} is not in {json}");
    }
}

#[test]
fn outputs_given_are_compared_as_well() {
    let reference = [2.0, 1000.4, 900.0];
    let options = ParityOptions { reserve: 1, reference: Some(&reference), ..ParityOptions::default() };
    let report = strategy().parity(&rows(), &options).unwrap();
    let other = report.reference.unwrap();
    assert_eq!((other.within_one_pip, other.quote_flips), (1, 2));
    // The first is a bid of 2 by the output, and none by the quote of 0.
    assert_eq!((other.bids_lost, other.bids_gained, other.decision_flips), (1, 0, 2));
    assert_eq!(report.model.decision_flips, 0);
    let options = ParityOptions { reference: Some(&reference[..2]), ..ParityOptions::default() };
    assert!(matches!(
        strategy().parity(&rows(), &options),
        Err(ModelError::Width { expected: 3, got: 2, .. })
    ));
}

#[test]
fn winners_that_change_are_counted() {
    // covers: M10
    let reference = [0.0, 1003.0, 1000.0];
    // A tie goes to the strategy itself; a rival between quote and output takes the second slot.
    let rivals = vec![vec![0, -5], vec![7, 1002], vec![1000]];
    let options = ParityOptions { reserve: 0, rivals: &rivals, reference: Some(&reference) };
    let report = strategy().parity(&rows(), &options).unwrap();
    assert_eq!((report.model.contests, report.model.winner_flips), (3, 0));
    let other = report.reference.unwrap();
    assert_eq!((other.contests, other.winner_flips), (3, 1));
    assert!((other.share_of_winner_flips() - 1.0 / 3.0).abs() < 1e-12);
}
