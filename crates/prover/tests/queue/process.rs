//! Workers as tasks of the test and as processes of their own, and submitters.

use std::{
    env,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use prometheus::Registry;
use sotto_prover::remote::{
    Broker, Limits, Patience, Public, QueueMetrics, RemoteError, RemoteQueue, Worker, WorkerConfig,
    WorkerMetrics,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    broker::Server,
    tiny::{Behaviour, TINY, TinyHandler},
};

/// Longest wait for anything that must come, on a machine that has other things to do.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// Waits for a state.
pub(crate) async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !reached().await {
        assert!(started.elapsed() < LIMIT, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A short silence, so that tests of lost jobs take seconds.
pub(crate) fn limits() -> Limits {
    Limits { silence: Duration::from_secs(3), deliveries: 3, ..Limits::default() }
}

/// As long as a test may need; time for another worker to start after the first is gone.
pub(crate) fn patience() -> Patience {
    Patience { answer_within: LIMIT, deserted_after: LIMIT, reserve: Duration::from_secs(1), attempts: 3 }
}

pub(crate) fn in_time() -> Instant {
    Instant::now() + 2 * LIMIT
}

pub(crate) struct Submitter {
    pub(crate) queue: RemoteQueue<Public>,
    pub(crate) registry: Registry,
}

impl Submitter {
    pub(crate) async fn new(server: &Server) -> Self {
        Self::with(server, limits(), patience()).await
    }

    pub(crate) async fn with(server: &Server, limits: Limits, patience: Patience) -> Self {
        Self::at(&Broker::local(server.url(), "gateway"), limits, patience).await
    }

    pub(crate) async fn at(broker: &Broker, limits: Limits, patience: Patience) -> Self {
        let registry = Registry::new();
        let metrics = QueueMetrics::new(&registry).unwrap();
        let queue = RemoteQueue::connect(broker, &[TINY], limits, patience, metrics).await.unwrap();
        queue.ready(LIMIT).await.unwrap();
        Self { queue, registry }
    }

    /// Waits until workers of these names are known.
    pub(crate) async fn hear(&self, names: &[&str]) {
        let known = async || {
            let workers = self.queue.workers();
            names.iter().all(|name| workers.iter().any(|(known, _)| known == name))
        };
        until(&format!("adverts of {names:?}"), known).await;
    }

    /// Waits until a worker of one of these names is at work.
    pub(crate) async fn busy(&self, names: &[&str]) {
        let busy = async || {
            let workers = self.queue.workers();
            workers.iter().any(|(name, advert)| names.contains(&name.as_str()) && advert.busy)
        };
        until(&format!("one of {names:?} at work"), busy).await;
    }

    /// The sum of a counter over its labels.
    pub(crate) fn count(&self, metric: &str) -> f64 {
        sum(&self.registry, metric, None)
    }

    pub(crate) fn count_labelled(&self, metric: &str, label: &str) -> f64 {
        sum(&self.registry, metric, Some(label))
    }
}

pub(crate) fn sum(registry: &Registry, metric: &str, label: Option<&str>) -> f64 {
    let families = registry.gather();
    let family = families.iter().filter(|family| family.name() == metric);
    let metrics = family.flat_map(|family| family.get_metric().iter());
    let wanted = metrics.filter(|m| label.is_none_or(|l| m.get_label().iter().any(|pair| pair.value() == l)));
    wanted.map(|m| m.get_counter().get_value() + m.get_gauge().get_value()).sum()
}

/// A worker as a task of the test's process.
pub(crate) struct LocalWorker {
    pub(crate) leave: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), RemoteError>>,
    pub(crate) registry: Registry,
    /// Seeds of the jobs that it went on with, in order.
    pub(crate) order: Arc<Mutex<Vec<u64>>>,
}

pub(crate) fn config() -> WorkerConfig {
    WorkerConfig { limits: limits(), longest_job: LIMIT, grace: LIMIT, ..WorkerConfig::default() }
}

pub(crate) async fn worker(server: &Server, name: &str, behaviour: Behaviour) -> LocalWorker {
    worker_with(&Broker::local(server.url(), name), behaviour, config()).await
}

pub(crate) async fn worker_with(broker: &Broker, behaviour: Behaviour, config: WorkerConfig) -> LocalWorker {
    let registry = Registry::new();
    let metrics = WorkerMetrics::new(&registry).unwrap();
    let order = Arc::new(Mutex::default());
    let handler = TinyHandler { behaviour, order: Arc::clone(&order) };
    let worker = Worker::connect(broker, handler, config, metrics).await.unwrap();
    let leave = CancellationToken::new();
    let task = tokio::spawn(worker.run(leave.clone()));
    LocalWorker { leave, task, registry, order }
}

/// A worker as a process of its own.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn start(server: &Server, name: &str) -> Self {
        let child = Command::new(env::current_exe().unwrap())
            .args(["process::a_worker_of_other_tests", "--exact", "--ignored", "--nocapture"])
            .env("SOTTO_TEST_NATS", server.url())
            .env("SOTTO_TEST_WORKER", name)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let status =
            Command::new("kill").arg(format!("-{name}")).arg(self.0.id().to_string()).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by other tests as a process of its own"]
async fn a_worker_of_other_tests() {
    let (Ok(url), Ok(name)) = (env::var("SOTTO_TEST_NATS"), env::var("SOTTO_TEST_WORKER")) else { return };
    let worker = worker_with(&Broker::local(url, name), Behaviour::Honest, config()).await;
    worker.task.await.unwrap().unwrap();
}
