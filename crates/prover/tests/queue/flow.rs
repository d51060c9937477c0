//! Jobs on a healthy broker.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sotto_prover::remote::{Broker, Limits, Patience, RemoteError, RemoteJob as _, WorkerConfig};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::Server,
    process::{Process, Submitter, in_time, limits, patience, sum, until, worker, worker_with},
    tiny::{Behaviour, Gate, TinyJob, verifier},
};

#[tokio::test(flavor = "multi_thread")]
async fn small_and_large_jobs_are_proved_and_verified() {
    let server = Server::start();
    let submitter = Submitter::new(&server).await;
    let _worker = worker(&server, "w1", Behaviour::Honest).await;
    submitter.hear(&["w1"]).await;
    let large = TinyJob { padding: 1_500_000, ..TinyJob::new(2) };
    assert!(large.encode().len() > limits().inline_bytes);
    for job in [TinyJob::new(1), large] {
        let proof =
            submitter.queue.submit(&job, in_time(), &CancellationToken::new(), verifier(job.seed)).await;
        assert_eq!(proof.unwrap(), job.seed);
    }
    let (_, advert) = submitter.queue.workers().remove(0);
    assert_eq!(
        (advert.kinds, advert.circuits, advert.threads),
        (vec!["tiny".into()], vec!["tiny".into()], 1)
    );
    assert_eq!(submitter.count_labelled("sotto_queue_jobs_total", "proved"), 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_too_large_for_a_message_comes_through_the_store() {
    let server = Server::start();
    let small = Limits { inline_bytes: 20_000, ..limits() };
    let submitter = Submitter::with(&server, small, patience()).await;
    let config = WorkerConfig { limits: small, ..crate::process::config() };
    let broker = Broker::local(server.url(), "w1");
    let _worker = worker_with(&broker, Behaviour::Honest, config).await;
    submitter.hear(&["w1"]).await;
    let job = TinyJob::new(9);
    assert!(crate::tiny::prove(9).len() > 20_000);
    let proof = submitter.queue.submit(&job, in_time(), &CancellationToken::new(), verifier(9)).await;
    assert_eq!(proof.unwrap(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_that_close_first_are_proved_first() {
    let server = Server::start();
    let submitter = Arc::new(Submitter::new(&server).await);
    let one = worker(&server, "w1", Behaviour::Honest).await;
    submitter.hear(&["w1"]).await;
    let gate = Gate::closed();
    let mut tasks = Vec::new();
    // The first one is at work while the others come.
    for (seed, seconds) in [(1, 300), (2, 300), (3, 50), (4, 14)] {
        let (submitter_of_task, job) = (Arc::clone(&submitter), gate.job(seed));
        tasks.push(tokio::spawn(async move {
            let deadline = Instant::now() + Duration::from_secs(seconds);
            let cancel = CancellationToken::new();
            submitter_of_task.queue.submit(&job, deadline, &cancel, verifier(seed)).await.unwrap();
        }));
        if seed == 1 {
            submitter.busy(&["w1"]).await;
        } else {
            until("the job in the stream", async || queued(&server).await == seed).await;
        }
    }
    gate.open();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*one.order.lock().unwrap(), [1, 4, 3, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_job_is_proved_once_for_two_submitters_and_for_a_later_one() {
    let server = Server::start();
    let (first, second) = (Submitter::new(&server).await, Submitter::new(&server).await);
    let one = worker(&server, "w1", Behaviour::Honest).await;
    let two = worker(&server, "w2", Behaviour::Honest).await;
    first.hear(&["w1", "w2"]).await;
    second.hear(&["w1", "w2"]).await;
    let gate = Gate::closed();
    let job = gate.job(7);
    let cancel = CancellationToken::new();
    let (a, b, ()) = tokio::join!(
        first.queue.submit(&job, in_time(), &cancel, verifier(7)),
        second.queue.submit(&job, in_time(), &cancel, verifier(7)),
        async {
            first.busy(&["w1", "w2"]).await;
            gate.open();
        },
    );
    assert_eq!((a.unwrap(), b.unwrap()), (7, 7));
    assert_eq!(first.queue.submit(&job, in_time(), &cancel, verifier(7)).await.unwrap(), 7);
    let proved: f64 = [&one, &two].map(|w| sum(&w.registry, "sotto_worker_jobs_total", None)).iter().sum();
    assert_eq!(proved, 1.0);
}

// covers: P3
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_leaves_finishes_its_job_and_is_not_counted_on() {
    let server = Server::start();
    // Workers may be there before anybody has set the queue up.
    let leaving = worker(&server, "w1", Behaviour::Honest).await;
    let submitter = Submitter::new(&server).await;
    submitter.hear(&["w1"]).await;
    let gate = Gate::closed();
    let job = gate.job(5);
    let cancel = CancellationToken::new();
    let submit = submitter.queue.submit(&job, in_time(), &cancel, verifier(5));
    let leave = async {
        submitter.busy(&["w1"]).await;
        leaving.leave.cancel();
        let leaves = async || submitter.queue.workers().iter().any(|(_, advert)| advert.leaving);
        until("the worker's word that it leaves", leaves).await;
        gate.open();
    };
    let (proved, ()) = tokio::join!(submit, leave);
    assert_eq!(proved.unwrap(), 5);
    leaving.task.await.unwrap().unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let adverts = context.get_key_value("sotto-public-workers").await.unwrap();
    assert_eq!(adverts.get("w1").await.unwrap(), None, "it took its advert back before it ended");
    let refused = submitter.queue.submit(&TinyJob::new(6), in_time(), &cancel, verifier(6)).await;
    assert!(matches!(refused, Err(RemoteError::NoWorkers { kind: "tiny" })), "{refused:?}");
    assert_eq!(submitter.count("sotto_queue_retries_total"), 0.0);
}

// covers: P1 P3
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_is_given_up_when_no_worker_is_left() {
    let server = Server::start();
    let (gate, cancel) = (Gate::closed(), CancellationToken::new());
    let soon = Patience { deserted_after: Duration::from_millis(300), ..patience() };
    let submitter = Submitter::with(&server, limits(), soon).await;
    // One says goodbye, with its job given back; one goes without a word.
    let config = WorkerConfig { drain: Duration::ZERO, ..crate::process::config() };
    let leaving = worker_with(&Broker::local(server.url(), "w1"), Behaviour::Honest, config).await;
    let mut killed = Process::start(&server, "w2");
    submitter.hear(&["w1", "w2"]).await;
    let jobs = [gate.job(1), gate.job(2), gate.job(3)];
    let all = futures::future::join_all(
        jobs.iter().map(|job| submitter.queue.submit(job, in_time(), &cancel, verifier(job.seed))),
    );
    let gone = async {
        submitter.busy(&["w1"]).await;
        submitter.busy(&["w2"]).await;
        killed.kill();
        leaving.leave.cancel();
    };
    let (ended, ()) = tokio::join!(all, gone);
    assert!(ended.iter().all(|end| matches!(end, Err(RemoteError::NoWorkers { kind: "tiny" }))), "{ended:?}");
    assert_eq!(submitter.count_labelled("sotto_queue_jobs_total", "no-workers"), 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn depth_and_workers_are_measured() {
    let server = Server::start();
    let submitter = Submitter::new(&server).await;
    let _worker = worker(&server, "w1", Behaviour::Honest).await;
    let _process = Process::start(&server, "w2");
    submitter.hear(&["w1", "w2"]).await;
    let (gate, cancel) = (Gate::closed(), CancellationToken::new());
    let jobs: Vec<_> = (0..5).map(|seed| gate.job(seed)).collect();
    let all = futures::future::join_all(
        jobs.iter().map(|job| submitter.queue.submit(job, in_time(), &cancel, verifier(job.seed))),
    );
    let watch = async {
        let measured = async || {
            submitter.count_labelled("sotto_queue_waiting_jobs", "later") == 3.0
                && submitter.count_labelled("sotto_queue_running_jobs", "later") == 2.0
                && submitter.count("sotto_queue_workers") == 2.0
        };
        until("two jobs at work and three that wait", measured).await;
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(all, watch);
    assert!(ended.iter().all(|end| matches!(end, Err(RemoteError::Cancelled))), "{ended:?}");
}

/// Jobs in the stream, those at work included.
pub(crate) async fn queued(server: &Server) -> u64 {
    let client = async_nats::connect(server.url()).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream("SOTTO_PUBLIC").await.unwrap();
    stream.cached_info().state.messages
}
