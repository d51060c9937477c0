//! Faults of workers and of the broker.

use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use futures::{StreamExt as _, stream::FuturesUnordered};
use sotto_prover::remote::{Broker, JobId, Limits, Patience, RemoteError, RemoteJob as _, WorkerConfig};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::Server,
    flow::queued,
    process::{
        LIMIT, Process, Submitter, config, in_time, limits, patience, sum, until, worker, worker_with,
    },
    tiny::{Behaviour, Gate, TinyJob, verifier},
};

async fn submit(submitter: &Submitter, job: TinyJob) -> Result<u64, RemoteError> {
    submitter.queue.submit(&job, in_time(), &CancellationToken::new(), verifier(job.seed)).await
}

// covers: P1
#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_worker_killed_mid_proof_is_proved_by_another() {
    let server = Server::start();
    let submitter = Submitter::new(&server).await;
    let mut victim = Process::start(&server, "victim");
    submitter.hear(&["victim"]).await;
    let gate = Gate::closed();
    let disturb = async {
        submitter.busy(&["victim"]).await;
        victim.kill();
        gate.open();
        worker(&server, "survivor", Behaviour::Honest).await
    };
    let (proved, survivor) = tokio::join!(submit(&submitter, gate.job(1)), disturb);
    assert_eq!(proved.unwrap(), 1);
    assert_eq!(sum(&survivor.registry, "sotto_worker_redelivered_total", None), 1.0);
}

// covers: P5 P13
#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_frozen_worker_is_proved_by_another() {
    let server = Server::start();
    let submitter = Submitter::new(&server).await;
    let frozen = Process::start(&server, "frozen");
    submitter.hear(&["frozen"]).await;
    let gate = Gate::closed();
    let disturb = async {
        submitter.busy(&["frozen"]).await;
        frozen.signal("STOP");
        gate.open();
        worker(&server, "other", Behaviour::Honest).await
    };
    let (proved, _other) = tokio::join!(submit(&submitter, gate.job(2)), disturb);
    assert_eq!(proved.unwrap(), 2);
}

// covers: Z16
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_proof_is_never_trusted_and_its_worker_is_shunned() {
    for behaviour in [Behaviour::Wrong, Behaviour::Garbage] {
        let server = Server::start();
        let submitter = Submitter::new(&server).await;
        let _liar = worker(&server, "liar", behaviour).await;
        submitter.hear(&["liar"]).await;
        let honest = async {
            until("the liar shunned", async || !submitter.queue.shunned().is_empty()).await;
            worker(&server, "honest", Behaviour::Honest).await
        };
        let (proved, honest) = tokio::join!(submit(&submitter, TinyJob::new(3)), honest);
        assert_eq!(proved.unwrap(), 3);
        assert_eq!(submitter.queue.shunned(), ["liar"]);
        assert_eq!(submitter.count("sotto_queue_wrong_proofs_total"), 1.0);
        for seed in 4..8 {
            assert_eq!(submit(&submitter, TinyJob::new(seed)).await.unwrap(), seed);
        }
        assert_eq!(submitter.count("sotto_queue_wrong_proofs_total"), 1.0, "the liar gets no more jobs");
        assert_eq!(sum(&honest.registry, "sotto_worker_jobs_total", Some("proved")), 5.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_bad_workers_end_in_a_stated_reason() {
    for (behaviour, words) in [
        (Behaviour::Refuse, "w1 failed: the fast prover does not handle anything"),
        (Behaviour::Panic, "w1 failed: the handler panicked"),
        (Behaviour::Wrong, "w1 returned a wrong proof"),
    ] {
        let server = Server::start();
        let patience = Patience { attempts: 1, ..patience() };
        let submitter = Submitter::with(&server, limits(), patience).await;
        let _worker = worker(&server, "w1", behaviour).await;
        submitter.hear(&["w1"]).await;
        let error = submit(&submitter, TinyJob::new(1)).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(submitter.count_labelled("sotto_queue_jobs_total", "exhausted"), 1.0);
    }
}

// covers: P5 Z17
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_hangs_ends_its_worker_and_the_job_goes_on_elsewhere() {
    let server = Server::start();
    let submitter = Submitter::new(&server).await;
    let impatient = WorkerConfig {
        longest_job: Duration::from_millis(800),
        grace: Duration::from_millis(500),
        ..config()
    };
    let hung = worker_with(&Broker::local(server.url(), "hung"), Behaviour::Hang, impatient).await;
    submitter.hear(&["hung"]).await;
    let other = async {
        let stuck = hung.task.await.unwrap();
        assert!(matches!(stuck, Err(RemoteError::Stuck { .. })), "{stuck:?}");
        worker(&server, "other", Behaviour::Honest).await
    };
    let (proved, _other) = tokio::join!(submit(&submitter, TinyJob::new(4)), other);
    assert_eq!(proved.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_survive_a_broker_that_is_killed_and_restarted() {
    let mut server = Server::start();
    let submitter = Submitter::new(&server).await;
    let _worker = worker(&server, "w1", Behaviour::Honest).await;
    submitter.hear(&["w1"]).await;
    // One job is at work and one waits when the broker goes.
    let gate = Gate::closed();
    let (at_work, waiting) = (gate.job(1), gate.job(2));
    let cancel = CancellationToken::new();
    let disturb = async {
        submitter.busy(&["w1"]).await;
        until("two jobs in the stream", async || queued(&server).await == 2).await;
        server.kill();
        server.restart();
        gate.open();
    };
    let (a, b, ()) = tokio::join!(
        submitter.queue.submit(&at_work, in_time(), &cancel, verifier(1)),
        submitter.queue.submit(&waiting, in_time(), &cancel, verifier(2)),
        disturb,
    );
    assert_eq!(a.unwrap(), 1);
    assert_eq!(b.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_a_reason_at_once() {
    let mut server = Server::start();
    let submitter = Submitter::new(&server).await;
    let _worker = worker(&server, "w1", Behaviour::Honest).await;
    submitter.hear(&["w1"]).await;
    server.kill();
    let away =
        async || matches!(submit(&submitter, TinyJob::new(1)).await, Err(RemoteError::Unavailable { .. }));
    until("the reason", away).await;
    server.restart();
    submitter.queue.ready(LIMIT).await.unwrap();
    submitter.hear(&["w1"]).await;
    assert_eq!(submit(&submitter, TinyJob::new(2)).await.unwrap(), 2);
    // The list of workers was in the broker's memory; a new one is heard of all the same.
    let _other = worker(&server, "w2", Behaviour::Honest).await;
    submitter.hear(&["w2"]).await;
}

// covers: P7
#[tokio::test(flavor = "multi_thread")]
async fn a_full_broker_refuses_with_a_reason_and_takes_jobs_again() {
    let full = |error: RemoteError| match error {
        RemoteError::Full { reason } => reason,
        other => panic!("{other}"),
    };
    // The stream of jobs.
    let server = Server::start();
    let tight = Limits { jobs_bytes: 150_000, ..limits() };
    let submitter = Submitter::with(&server, tight, patience()).await;
    let _worker = worker(&server, "w1", Behaviour::Honest).await;
    submitter.hear(&["w1"]).await;
    let (gate, cancel) = (Gate::closed(), CancellationToken::new());
    let jobs: Vec<_> = (0..4).map(|seed| TinyJob { padding: 60_000, ..gate.job(seed) }).collect();
    let mut all: FuturesUnordered<_> =
        jobs.iter().map(|job| submitter.queue.submit(job, in_time(), &cancel, verifier(job.seed))).collect();
    full(all.next().await.unwrap().unwrap_err());
    cancel.cancel();
    while all.next().await.is_some() {}
    // What was given up is taken out of the stream beside this.
    let room = async || match submit(&submitter, TinyJob { padding: 60_000, ..TinyJob::new(50) }).await {
        Ok(proved) => proved == 50,
        Err(error) => full(error).is_empty(),
    };
    until("room again", room).await;

    // The store of inputs.
    let server = Server::start();
    let submitter = Submitter::with(&server, Limits { store_bytes: 400_000, ..limits() }, patience()).await;
    let _worker = worker(&server, "w1", Behaviour::Honest).await;
    submitter.hear(&["w1"]).await;
    let large = TinyJob { padding: 700_000, ..TinyJob::new(60) };
    let reason = full(submit(&submitter, large).await.unwrap_err());
    assert!(reason.starts_with("storing a payload: "), "{reason}");
    assert_eq!(submit(&submitter, TinyJob::new(61)).await.unwrap(), 61);
}

// covers: P7
#[tokio::test(flavor = "multi_thread")]
async fn an_account_over_its_limit_refuses_with_a_reason() {
    let accounts = "accounts { A { jetstream { max_file: 3M, max_mem: 8M }, users: [ { user: a, password: a } ] } }\nno_auth_user: a";
    let server = Server::with(|_| accounts.into());
    let unbounded = Limits { jobs_bytes: -1, store_bytes: -1, ..limits() };
    let submitter = Submitter::with(&server, unbounded, patience()).await;
    let _worker = worker(&server, "w1", Behaviour::Honest).await;
    submitter.hear(&["w1"]).await;
    let (gate, cancel) = (Gate::closed(), CancellationToken::new());
    let jobs = [1, 2].map(|seed| TinyJob { padding: 1_800_000, ..gate.job(seed) });
    let first = submitter.queue.submit(&jobs[0], in_time(), &cancel, verifier(1));
    let second = async {
        submitter.busy(&["w1"]).await;
        let refused = submit(&submitter, jobs[1]).await;
        cancel.cancel();
        refused
    };
    let (_, refused) = tokio::join!(first, second);
    assert!(matches!(refused, Err(RemoteError::Full { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_its_workers_becomes_a_dead_letter() {
    let server = Server::start();
    let tight = Limits { deliveries: 2, ..limits() };
    let submitter = Submitter::with(&server, tight, Patience { attempts: 1, ..patience() }).await;
    let mut workers: Vec<_> = (0..2).map(|i| Process::start(&server, &format!("w{i}"))).collect();
    submitter.hear(&["w0", "w1"]).await;
    let gone = async {
        for worker in &mut workers {
            until("the worker's end", async || worker.0.try_wait().unwrap().is_some()).await;
        }
        // The handler of this one would end the test's own process.
        let config = WorkerConfig { limits: tight, ..config() };
        worker_with(&Broker::local(server.url(), "w2"), Behaviour::Honest, config).await
    };
    let poisoned = TinyJob { poisoned: true, ..TinyJob::new(1) };
    let (ended, survivor) = tokio::join!(submit(&submitter, poisoned), gone);
    let error = ended.unwrap_err();
    assert!(
        error.to_string().contains("w2 gave the job up: 2 workers had it, and none finished it"),
        "{error}"
    );
    assert_eq!(submitter.count("sotto_queue_dead_letters_total"), 1.0);
    assert_eq!(sum(&survivor.registry, "sotto_worker_dead_letters_total", None), 1.0);
    assert_eq!(dead_letters(&server).await, ["2 workers had it, and none finished it"]);
    assert_eq!(submit(&submitter, TinyJob::new(2)).await.unwrap(), 2, "the survivor goes on");
}

/// The reasons in the stream of dead letters.
async fn dead_letters(server: &Server) -> Vec<String> {
    let client = async_nats::connect(server.url()).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let stream = context.get_stream("SOTTO_PUBLIC_DEAD").await.unwrap();
    let mut reasons = Vec::new();
    for sequence in 1..=stream.cached_info().state.messages {
        let letter = stream.get_raw_message(sequence).await.unwrap();
        reasons.push(letter.headers.get("Sotto-Reason").unwrap().to_string());
    }
    reasons
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_no_jobs_and_inputs_that_do_not_match_harm_nobody() {
    let server = Server::start();
    let submitter = Submitter::new(&server).await;
    let _worker = worker(&server, "w1", Behaviour::Honest).await;
    submitter.hear(&["w1"]).await;
    let client = async_nats::connect(server.url()).await.unwrap();
    let context = async_nats::jetstream::new(client.clone());
    let subject = "sotto.public.jobs.urgent.tiny";
    context.publish(subject, "junk".into()).await.unwrap().await.unwrap();
    let id = JobId::of("tiny", &TinyJob::new(1).encode()).to_string();
    let mut headers = HeaderMap::new();
    for (name, value) in
        [("Sotto-Job", id.as_str()), ("Sotto-Deadline", "99999999999999"), ("Sotto-Attempt", "0")]
    {
        headers.insert(name, value);
    }
    let mut results = client.subscribe(format!("sotto.public.results.*.{id}")).await.unwrap();
    let other = TinyJob::new(2).encode();
    context.publish_with_headers(subject, headers, other.into()).await.unwrap().await.unwrap();
    let result = tokio::time::timeout(LIMIT, results.next()).await.unwrap().unwrap();
    let reason = result.headers.unwrap().get("Sotto-Reason").unwrap().to_string();
    assert_eq!(reason, "the input does not have the job's hash");
    assert_eq!(dead_letters(&server).await, ["the message is no job"]);
    assert_eq!(submit(&submitter, TinyJob::new(1)).await.unwrap(), 1);
}

// covers: Z17 P12
#[tokio::test(flavor = "multi_thread")]
async fn a_late_job_is_dropped_by_everybody() {
    let server = Server::start();
    let hurried = Patience { reserve: Duration::from_millis(100), ..patience() };
    let submitter = Submitter::with(&server, limits(), hurried).await;
    let one = worker(&server, "w1", Behaviour::Honest).await;
    submitter.hear(&["w1"]).await;
    let cancel = CancellationToken::new();
    let gate = Gate::closed();
    let (running, waiting) = (gate.job(1), gate.job(2));
    let deadline = Instant::now() + Duration::from_secs(8);
    let (a, b) = tokio::join!(
        submitter.queue.submit(&running, deadline, &cancel, verifier(1)),
        submitter.queue.submit(&waiting, deadline, &cancel, verifier(2)),
    );
    assert!(matches!(a, Err(RemoteError::NoAnswer { .. })), "{a:?}");
    assert!(matches!(b, Err(RemoteError::NoAnswer { .. })), "{b:?}");
    gate.open();
    // A job that was given up can be submitted again, to the same broker.
    assert_eq!(submit(&submitter, waiting).await.unwrap(), 2);
    // The worker is free at once, and the job that waited is gone.
    assert_eq!(submit(&submitter, TinyJob::new(3)).await.unwrap(), 3);
    assert_eq!(sum(&one.registry, "sotto_worker_jobs_total", Some("proved")), 2.0);
    let late = submitter.queue.submit(&TinyJob::new(4), Instant::now(), &cancel, verifier(4)).await;
    assert!(matches!(late, Err(RemoteError::NoAnswer { .. })), "no time is left, so nobody is asked");
}

// covers: P12
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_clock_is_wrong_is_passed_over() {
    let server = Server::start();
    let submitter = Submitter::new(&server).await;
    let _worker = worker(&server, "w1", Behaviour::Honest).await;
    submitter.hear(&["w1"]).await;
    // What a worker says whose clock is ten minutes ahead.
    let client = async_nats::connect(server.url()).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let gate = Gate::closed();
    let job = gate.job(1);
    let id = JobId::of("tiny", &job.encode()).to_string();
    let ahead = async {
        submitter.busy(&["w1"]).await;
        let mut headers = HeaderMap::new();
        for (name, value) in [("Sotto-Outcome", "late"), ("Sotto-Attempt", "0"), ("Sotto-Seconds", "0")] {
            headers.insert(name, value);
        }
        let subject = format!("sotto.public.results.ahead.{id}");
        context.publish_with_headers(subject, headers, "".into()).await.unwrap().await.unwrap();
        until("the worker passed over", async || !submitter.queue.shunned().is_empty()).await;
        gate.open();
    };
    let (proved, ()) = tokio::join!(submit(&submitter, job), ahead);
    assert_eq!(proved.unwrap(), 1);
    assert_eq!(submitter.queue.shunned(), ["ahead"]);
}
