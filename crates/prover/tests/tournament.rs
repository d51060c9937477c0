//! Merges, seals and their wrap as jobs, in this process and as bytes for another one; and what is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{sync::Arc, time::Instant};

use alloy_primitives::{Address, B256};
use prometheus::Registry;
use sotto_circuits::Salt;
use sotto_model::{
    Dense, InputMap, Policy,
    program::{Program, Shape},
};
use sotto_prover::{
    LeafJob, MergeError, MergeJob, OpenJob, OpenProof, Part, PartBytes, ProveError, ProvenNode, ProvenSheet,
    Prover, ProverConfig, SheetJob, WrapJob, no_deadline,
};
use sotto_types::{MODEL_FEATURES, PublicData, SLOTS, Slot, StandingError};
use tokio_util::sync::CancellationToken;

/// A linear strategy whose quotes follow from its bias.
fn program(bias: i64) -> Program {
    let inputs = [InputMap { lo: 0, hi: 1 << 20, mult: 100 }; MODEL_FEATURES];
    let layer = Dense { weights: vec![1 << 10; MODEL_FEATURES], biases: vec![bias << 31] };
    let policy = Policy { min_quote: -1000, max_quote: 1000, max_slots: 32 };
    Program::new(Shape::dense(&[]).unwrap(), inputs, vec![layer], Vec::new(), policy).unwrap()
}

fn slots() -> [Slot; SLOTS] {
    let mut slots = [Slot::default(); SLOTS];
    slots[0] = Slot { commitment: B256::repeat_byte(1), features: [0, 5, 6, 7] };
    slots
}

async fn sheet(prover: &Prover, round: u8, index: u32) -> ProvenSheet {
    let job = SheetJob {
        leaf: LeafJob {
            program: Arc::new(program(i64::from(index) * 10)),
            model_salt: Salt::from_bytes([3; 16]),
            owner: Address::with_last_byte(u8::try_from(index).unwrap()),
            round_id: B256::repeat_byte(round),
            features: [9; 32],
            slots: slots(),
        },
        sheet_salt: Salt::from_bytes([4; 16]),
        commit_index: index,
        key_set_root: prover.keys().root(),
    };
    prover.prove_sheet(job, no_deadline(), CancellationToken::new()).await.unwrap()
}

fn data(sheet: &ProvenSheet, round: u8) -> PublicData {
    PublicData {
        round_id: B256::repeat_byte(round),
        key_set_root: sheet.statement.key_set_root,
        features: [9; 32],
        slots: slots(),
        claims: sheet.statement.claims,
        sheets: sheet.statement.sheets,
    }
}

/// Does a job as a worker elsewhere would: from bytes, to bytes.
async fn elsewhere(worker: &Prover, job: &OpenJob) -> Vec<u8> {
    let job = OpenJob::from_bytes(&job.to_bytes()).unwrap();
    worker.run_open(job, no_deadline(), CancellationToken::new()).await.unwrap().to_bytes()
}

async fn merged(prover: &Prover, left: Part, right: Option<Part>) -> ProvenNode {
    let job = MergeJob { left, right };
    let expected = job.statement().unwrap();
    let started = Instant::now();
    let node = prover.merge(job, no_deadline(), CancellationToken::new()).await.unwrap();
    println!("merge to level {}: {:.2} s", node.level, started.elapsed().as_secs_f64());
    assert_eq!(node.statement, expected);
    node
}

fn refused(result: &Result<ProvenNode, ProveError>) -> Option<MergeError> {
    match result {
        Err(ProveError::Unmergeable { source }) => Some(*source),
        _ => None,
    }
}

// covers: Z5 Z13 Z16
#[tokio::test(flavor = "multi_thread")]
async fn sheets_merge_elsewhere_and_only_what_was_asked_for_is_accepted() {
    let prover = Prover::start(ProverConfig::default(), &Registry::new()).unwrap();
    prover.warm(vec![(Shape::dense(&[]).unwrap(), 1)], true).await.unwrap();
    prover.warm_tournament(2).await.unwrap();
    let [first, second, third] =
        [sheet(&prover, 2, 0).await, sheet(&prover, 2, 1).await, sheet(&prover, 2, 4).await];
    let other = sheet(&prover, 7, 9).await;
    let part = |sheet: &ProvenSheet| Part::Sheet(sheet.clone());
    let merge = |left: Part, right: Part| {
        prover.merge(MergeJob { left, right: Some(right) }, no_deadline(), CancellationToken::new())
    };
    assert_eq!(refused(&merge(part(&first), part(&other)).await), Some(MergeError::Round));
    let order = |left, right| Some(MergeError::Standing(StandingError::Order { left, right }));
    assert_eq!(refused(&merge(part(&first), part(&first)).await), order(1, 1));
    assert_eq!(refused(&merge(part(&second), part(&first)).await), order(2, 1));

    let job = MergeJob { left: part(&first), right: Some(part(&second)) };
    let bytes = elsewhere(&prover, &OpenJob::from(&job)).await;
    let pair = prover.accept_node(&job, bytes.clone()).await.unwrap();
    let another = MergeJob { left: part(&first), right: Some(part(&third)) };
    assert!(prover.accept_node(&another, bytes.clone()).await.is_err(), "a node of other sheets");
    let mut flipped = bytes.clone();
    flipped[1000] ^= 1;
    assert!(prover.accept_node(&job, flipped).await.is_err());
    assert!(prover.verify_part(PartBytes::Node { level: 2, proof: bytes }).await.is_err(), "another level");
    let levels = refused(&merge(Part::Node(pair.clone()), part(&third)).await);
    assert_eq!(levels, Some(MergeError::Levels { left: 1, right: 0 }));

    let lifted = merged(&prover, part(&third), None).await;
    assert_eq!(lifted.statement, third.statement);
    let root = merged(&prover, Part::Node(pair.clone()), Some(Part::Node(lifted))).await;
    assert_eq!(root.statement.standing().covered().len(), 3);
    assert_eq!(root.statement.claims[0].winner, 5, "the highest bias");

    let seal = OpenJob::Seal { node: (&root).into() };
    let started = Instant::now();
    let bytes = elsewhere(&prover, &seal).await;
    println!("seal: {:.2} s", started.elapsed().as_secs_f64());
    assert!(prover.accept_seal(&pair, bytes.clone()).await.is_err(), "the seal of another node");
    let sealed = prover.accept_seal(&root, bytes).await.unwrap();
    assert_eq!((sealed.class_id, sealed.capacity), (2, SLOTS));
    for right in [None, Some(part(&other))] {
        let job = MergeJob { left: part(&sealed), right };
        let result = prover.merge(job, no_deadline(), CancellationToken::new()).await;
        assert_eq!(refused(&result), Some(MergeError::Sealed { sheets: 3 }), "a seal is no sheet");
    }

    let wrap = WrapJob {
        data: data(&sealed, 2),
        sheet: sealed,
        chain_id: 1,
        auction_house: Address::repeat_byte(5),
    };
    let bytes = elsewhere(&prover, &OpenJob::from(&wrap)).await;
    assert!(prover.accept_wrap(&wrap, bytes.clone()).await.is_ok());
    let other_chain = WrapJob { chain_id: 2, ..wrap };
    assert!(prover.accept_wrap(&other_chain, bytes).await.is_err(), "another chain");

    // A job with a proof that is none does not start.
    let forged =
        PartBytes::Sheet { class_id: first.class_id, capacity: 1, proof: vec![0; first.bytes.len()] };
    let result: Result<OpenProof, _> = prover
        .run_open(OpenJob::Merge { left: forged, right: None }, no_deadline(), CancellationToken::new())
        .await;
    assert!(matches!(result, Err(ProveError::Circuit { .. })));
}
