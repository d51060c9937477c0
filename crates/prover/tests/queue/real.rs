//! The real circuits through both queues: a sheet on the solver's worker, its wrap on anybody's, and home as the fallback.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use prometheus::Registry;
use sotto_circuits::Salt;
use sotto_model::program::{Dense, InputMap, Policy, Program, Shape};
use sotto_prover::{
    LeafJob, ProvenSheet, Prover, ProverConfig, QueueConfig, SheetJob, WrapJob, no_deadline,
    remote::{
        Broker, Handler, Limits, PRIVATE_KINDS, PUBLIC_KINDS, Patience, Private, ProverHandler, Public,
        QueueMetrics, RemoteProving, RemoteQueue, Worker, WorkerConfig, WorkerMetrics,
    },
};
use sotto_types::{MODEL_FEATURES, PublicData, SLOTS, Slot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    broker::Server,
    process::{sum, until},
};

fn sheet_job(prover: &Prover) -> SheetJob {
    let shape = Shape::dense(&[]).unwrap();
    let dense = Dense { weights: (0..36).map(|i| i * 1000 - 17_000).collect(), biases: vec![1 << 40] };
    let inputs = [InputMap { lo: -(1 << 20), hi: 1 << 20, mult: 64 }; MODEL_FEATURES];
    let policy = Policy { min_quote: -900_000, max_quote: 900_000, max_slots: 32 };
    let mut slots = [Slot::default(); SLOTS];
    slots[0] = Slot { commitment: B256::repeat_byte(1), features: [1, 900, 80, i32::MIN + 1] };
    SheetJob {
        leaf: LeafJob {
            program: Arc::new(Program::new(shape, inputs, vec![dense], Vec::new(), policy).unwrap()),
            model_salt: Salt::from_bytes([1; 16]),
            owner: Address::repeat_byte(2),
            round_id: B256::repeat_byte(3),
            features: std::array::from_fn(|i| i32::try_from(i).unwrap() * 99),
            slots,
        },
        sheet_salt: Salt::from_bytes([4; 16]),
        commit_index: 5,
        key_set_root: prover.keys().root(),
    }
}

fn wrap_job(job: &SheetJob, sheet: &ProvenSheet, chain_id: u64) -> WrapJob {
    let data = PublicData {
        round_id: job.leaf.round_id,
        key_set_root: job.key_set_root,
        features: job.leaf.features,
        slots: job.leaf.slots,
        claims: sheet.statement.claims,
        sheets: sheet.statement.sheets,
    };
    WrapJob { sheet: sheet.clone(), data, chain_id, auction_house: Address::repeat_byte(9) }
}

fn prover(registry: &Registry) -> Prover {
    let queue = QueueConfig { threads: 2, capacity: 8 };
    Prover::start(ProverConfig { queue, ..ProverConfig::default() }, registry).unwrap()
}

async fn work<H: Handler>(
    server: &Server,
    name: &str,
    handler: H,
    leave: &CancellationToken,
) -> (Registry, JoinHandle<()>) {
    let registry = Registry::new();
    let metrics = WorkerMetrics::new(&registry).unwrap();
    let broker = Broker::local(server.url(), name);
    let worker = Worker::connect(&broker, handler, WorkerConfig::default(), metrics).await.unwrap();
    let leave = leave.clone();
    (registry, tokio::spawn(async move { worker.run(leave).await.unwrap() }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_and_its_wrap_are_proved_by_workers_and_without_workers_at_home() {
    let server = Server::start();
    let broker = Broker::local(server.url(), "solver");
    let (limits, patience) =
        (Limits::default(), Patience { answer_within: no_answer(), ..Patience::default() });
    let queues = Registry::new();
    let metrics = QueueMetrics::new(&queues).unwrap();
    let public =
        RemoteQueue::connect(&broker, &PUBLIC_KINDS, limits, patience, metrics.clone()).await.unwrap();
    let private = RemoteQueue::connect(&broker, &PRIVATE_KINDS, limits, patience, metrics).await.unwrap();
    let (at_home, abroad) = (Registry::new(), Registry::new());
    let (to_anybody, to_own) = (public.clone(), private.clone());
    let home = prover(&at_home).with_remote(RemoteProving { public: Some(public), private: Some(private) });
    let hands = prover(&abroad);
    let leave = CancellationToken::new();
    let (anybody, one) = work(&server, "w1", ProverHandler::<Public>::new(hands.clone(), 2), &leave).await;
    let (own, two) = work(&server, "home1", ProverHandler::<Private>::new(hands.clone(), 2), &leave).await;
    let known = async || !to_anybody.workers().is_empty() && !to_own.workers().is_empty();
    until("adverts of both workers", known).await;

    let job = sheet_job(&home);
    let sheet = home.prove_sheet(job.clone(), no_deadline(), CancellationToken::new()).await.unwrap();
    assert_eq!(sum(&own, "sotto_worker_jobs_total", Some("proved")), 1.0);
    assert_eq!(sum(&anybody, "sotto_worker_jobs_total", None), 0.0);
    let wrapped =
        home.wrap(wrap_job(&job, &sheet, 1), no_deadline(), CancellationToken::new()).await.unwrap();
    assert_eq!(sum(&anybody, "sotto_worker_jobs_total", Some("proved")), 1.0);
    assert_eq!(wrapped.public_inputs[..4], wrapped.beta.elements());
    assert_eq!(sum(&at_home, "sotto_prover_jobs_total", Some("wrap")), 0.0, "home only verified");
    assert!(hands.held().contains(&"wrap".to_owned()), "{:?}", hands.held());

    leave.cancel();
    one.await.unwrap();
    two.await.unwrap();
    home.wrap(wrap_job(&job, &sheet, 2), no_deadline(), CancellationToken::new()).await.unwrap();
    assert_eq!(sum(&at_home, "sotto_prover_jobs_total", Some("wrap")), 1.0);
    assert_eq!(sum(&queues, "sotto_queue_jobs_total", Some("proved")), 2.0);
    assert_eq!(sum(&queues, "sotto_queue_jobs_total", Some("no-workers")), 1.0);
}

/// Long enough for circuits to be built on a busy machine.
fn no_answer() -> std::time::Duration {
    std::time::Duration::from_secs(300)
}
