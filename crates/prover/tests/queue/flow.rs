//! Jobs on a healthy broker.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use sotto_prover::remote::{Limits, RemoteError, RemoteJob as _};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::Server,
    process::{Process, Submitter, limits, patience, soon, sum, worker},
    tiny::{Behaviour, TinyJob, verifier},
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
        let proof = submitter.queue.submit(&job, soon(), &CancellationToken::new(), verifier(job.seed)).await;
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
    let config = sotto_prover::remote::WorkerConfig { limits: small, ..crate::process::config() };
    let broker = sotto_prover::remote::Broker::local(server.url(), "w1");
    let _worker = crate::process::worker_with(&broker, Behaviour::Honest, config).await;
    submitter.hear(&["w1"]).await;
    let job = TinyJob::new(9);
    assert!(crate::tiny::prove(9).len() > 20_000);
    let proof = submitter.queue.submit(&job, soon(), &CancellationToken::new(), verifier(9)).await;
    assert_eq!(proof.unwrap(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_that_close_first_are_proved_first() {
    let server = Server::start();
    let submitter = Arc::new(Submitter::new(&server).await);
    let _worker = worker(&server, "w1", Behaviour::Honest).await;
    submitter.hear(&["w1"]).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for (seed, seconds, pause) in [(1, 300, 1500), (2, 300, 0), (3, 40, 0), (4, 14, 0)] {
        let (submitter_of_task, order) = (Arc::clone(&submitter), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            let job = TinyJob::slow(seed, pause);
            let deadline = Instant::now() + Duration::from_secs(seconds);
            let cancel = CancellationToken::new();
            submitter_of_task.queue.submit(&job, deadline, &cancel, verifier(seed)).await.unwrap();
            order.lock().unwrap().push(seed);
        }));
        if seed == 1 {
            submitter.busy("w1").await;
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [1, 4, 3, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_job_is_proved_once_for_two_submitters_and_for_a_later_one() {
    let server = Server::start();
    let (first, second) = (Submitter::new(&server).await, Submitter::new(&server).await);
    let one = worker(&server, "w1", Behaviour::Honest).await;
    let two = worker(&server, "w2", Behaviour::Honest).await;
    first.hear(&["w1", "w2"]).await;
    second.hear(&["w1", "w2"]).await;
    let job = TinyJob::slow(7, 300);
    let cancel = CancellationToken::new();
    let (a, b) = tokio::join!(
        first.queue.submit(&job, soon(), &cancel, verifier(7)),
        second.queue.submit(&job, soon(), &cancel, verifier(7)),
    );
    assert_eq!((a.unwrap(), b.unwrap()), (7, 7));
    assert_eq!(first.queue.submit(&job, soon(), &cancel, verifier(7)).await.unwrap(), 7);
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
    let job = TinyJob::slow(5, 800);
    let cancel = CancellationToken::new();
    let submit = submitter.queue.submit(&job, soon(), &cancel, verifier(5));
    let leave = async {
        submitter.busy("w1").await;
        leaving.leave.cancel();
    };
    let (proved, ()) = tokio::join!(submit, leave);
    assert_eq!(proved.unwrap(), 5);
    leaving.task.await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let refused = submitter.queue.submit(&TinyJob::new(6), soon(), &cancel, verifier(6)).await;
    assert!(matches!(refused, Err(RemoteError::NoWorkers { kind: "tiny" })), "{refused:?}");
    assert_eq!(submitter.count("sotto_queue_retries_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn depth_and_workers_are_measured() {
    let server = Server::start();
    let submitter = Submitter::new(&server).await;
    let _worker = worker(&server, "w1", Behaviour::Honest).await;
    let _process = Process::start(&server, "w2");
    submitter.hear(&["w1", "w2"]).await;
    let cancel = CancellationToken::new();
    let jobs: Vec<_> = (0..5).map(|seed| TinyJob::slow(seed, 6_000)).collect();
    let all = futures::future::join_all(
        jobs.iter().map(|job| submitter.queue.submit(job, soon(), &cancel, verifier(job.seed))),
    );
    let watch = async {
        let started = Instant::now();
        while submitter.count_labelled("sotto_queue_waiting_jobs", "soon") != 3.0
            || submitter.count_labelled("sotto_queue_running_jobs", "soon") != 2.0
        {
            assert!(started.elapsed() < Duration::from_secs(15));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(submitter.count("sotto_queue_workers"), 2.0);
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(all, watch);
    assert!(ended.iter().all(|end| matches!(end, Err(RemoteError::Cancelled))), "{ended:?}");
}
