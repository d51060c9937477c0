//! Merges on a worker of the gateway's own, over a real broker.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use prometheus::Registry;
use sotto_contracts::IAuctionHouse;
use sotto_prover::{
    Prover, ProverConfig,
    remote::{
        Broker, Limits, PRIVATE_KINDS, Patience, Private, ProverHandler, QueueMetrics, RemoteProving,
        RemoteQueue, Worker, WorkerConfig, WorkerMetrics,
    },
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{
    LIMIT, auction, keep_feeds,
    process::{Setup, metric},
    round::{endpoint, events, get_ready, mine_past, run_solver_for, send, until},
};

/// Address of the broker and name of the worker, for a child.
const VARIABLE: &str = "SOTTO_TEST_MERGE_WORKER";

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A nats-server on a port of its own choice; its address.
async fn broker(directory: &TempDir) -> (Ends, String) {
    let programs = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"];
    let program = programs.into_iter().find(|path| Path::new(path).exists());
    let (at, config) = (directory.path().display(), directory.path().join("server.conf"));
    let text = format!(
        "listen: \"127.0.0.1:-1\"\nports_file_dir: \"{at}\"\njetstream {{ store_dir: \"{at}/store\" }}\n"
    );
    fs::write(&config, text).unwrap();
    let mut command =
        Command::new(program.unwrap_or_else(|| panic!("nats-server is missing: run ops/setup.sh")));
    let child = command.arg("-c").arg(&config).stderr(Stdio::null()).spawn().unwrap();
    let file = directory.path().join(format!("nats-server_{}.ports", child.id()));
    let child = Ends(child);
    let found = || {
        let text = fs::read_to_string(&file).ok()?;
        let start = text.find("nats://")?;
        text[start..].split('"').next().map(ToOwned::to_owned)
    };
    until("the broker's port", async || found().is_some()).await;
    (child, found().unwrap())
}

/// A worker for the private queue, until it is told to leave.
async fn work(url: String, name: &str, prover: Prover, registry: &Registry, leave: CancellationToken) {
    let config = WorkerConfig { longest_job: LIMIT, ..WorkerConfig::default() };
    let metrics = WorkerMetrics::new(registry).unwrap();
    let handler = ProverHandler::<Private>::new(prover, 1);
    let worker = Worker::connect(&Broker::local(url, name), handler, config, metrics).await.unwrap();
    worker.run(leave).await.unwrap();
}

/// Not a test of its own: the entry of the child that is killed.
#[test]
#[ignore = "entry of the child processes"]
fn merge_worker() {
    let Ok(url) = std::env::var(VARIABLE) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let registry = Registry::new();
        let prover = Prover::start(ProverConfig::default(), &registry).unwrap();
        work(url, "victim", prover, &registry, CancellationToken::new()).await;
    });
}

// covers: P1 Z16
#[tokio::test(flavor = "multi_thread")]
async fn a_round_settles_although_the_worker_dies_amid_its_merge() {
    let auction = auction(&["linear-spread", "linear-spread"], 1, [20, 900, 60]).await;
    let _keeper = keep_feeds(&auction);
    let (ours, solvers, at) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_broker, url) = broker(&at).await;
    let (registry, queues) = (Registry::new(), Registry::new());
    let patience = Patience { answer_within: LIMIT, deserted_after: LIMIT, ..Patience::default() };
    let metrics = QueueMetrics::new(&queues).unwrap();
    let submitter = Broker::local(url.clone(), "aggregator");
    let queue = RemoteQueue::connect(&submitter, &PRIVATE_KINDS, Limits::default(), patience, metrics);
    let queue = queue.await.unwrap();
    queue.ready(LIMIT).await.unwrap();
    let hands = Prover::start(ProverConfig::default(), &registry).unwrap();
    let home = hands.clone().with_remote(RemoteProving { public: None, private: Some(queue.clone()) });
    let setup = Setup::new(&auction, ours.path());
    let running = setup.run_with(home, registry, |_, _| {}).await;

    // The first worker builds the circuit within its first job, so it is killed before it has proved anything.
    let victim = Command::new(std::env::current_exe().unwrap())
        .args(["remote::merge_worker", "--exact", "--ignored", "--nocapture"])
        .env(VARIABLE, &url)
        .stdout(Stdio::null())
        .spawn();
    let victim = Ends(victim.unwrap());
    until("the worker's advert", async || !queue.workers().is_empty()).await;

    let cancel = CancellationToken::new();
    let gateways = vec![endpoint(format!("http://{}", setup.rpc), None)];
    run_solver_for(&auction, 0..2, hands.clone(), gateways, solvers.path(), cancel.clone()).await;
    let client = setup.client(LIMIT).await;
    until("readiness", async || get_ready(&setup).await).await;
    send(&auction, &client, 0, 1, 400).await;
    let commits = async || events::<IAuctionHouse::Committed>(&auction).await;
    until("two commitments", async || commits().await.len() == 2).await;
    let round = events::<IAuctionHouse::RoundOpened>(&auction).await[0].clone();
    mine_past(&auction, round.commitEnd + 1).await;
    until("the merge at work", async || queue.workers().iter().any(|(_, advert)| advert.busy)).await;
    drop(victim);

    let worker = Registry::new();
    tokio::spawn({
        let (worker, cancel) = (worker.clone(), cancel.clone());
        async move { work(url, "survivor", hands, &worker, cancel).await }
    });
    let settled = async || !events::<IAuctionHouse::Settled>(&auction).await.is_empty();
    until("the settlement", settled).await;
    assert_eq!(events::<IAuctionHouse::Settled>(&auction).await[0].commitIndices.len(), 2);
    assert_eq!(metric(&worker, "sotto_worker_redelivered_total"), 1.0, "the victim had the merge before");
    let outcomes = queues.gather();
    let jobs = outcomes.iter().find(|family| family.name() == "sotto_queue_jobs_total").unwrap();
    let proved = |label: &str| {
        jobs.get_metric().iter().any(|m| m.get_label().iter().any(|pair| pair.value() == label))
    };
    assert!(proved("proved") && metric(&queues, "sotto_queue_jobs_total") == 1.0, "one merge, by a worker");
    cancel.cancel();
    running.cancel.cancel();
}
