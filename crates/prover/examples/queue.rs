//! What the queue costs, on a real nats-server: overhead of a job against in-process, two workers against one, and many
//! simulated workers. `cargo run --release -p sotto-prover --example queue -- [overhead] [pair] [many]`; prints Markdown.
#![allow(clippy::cast_sign_loss, reason = "times and shares are not negative")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a measurement for a person; what is missing ends it"
)]

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture, future::join_all};
use plonky2::{
    field::types::Field,
    hash::poseidon::PoseidonHash,
    iop::{
        target::Target,
        witness::{PartialWitness, WitnessWrite},
    },
    plonk::circuit_data::CircuitConfig,
};
use prometheus::Registry;
use sotto_circuits::field::{Builder, C, CircuitData, F};
use sotto_prover::{
    ProveError, ProvingQueue, QueueConfig, Stage, no_deadline,
    remote::{
        Broker, Handler, Kind, Limits, Patience, Public, QueueMetrics, RemoteJob, RemoteQueue, Task, Worker,
        WorkerConfig, WorkerMetrics,
    },
};
use tokio_util::sync::CancellationToken;

const ECHO: Kind = Kind::new("echo");
/// Bytes of a wrap's input and of its proof, about.
const BYTES: usize = 160_000;

/// A job that takes a stated time.
#[derive(Clone, Copy)]
struct Echo {
    number: u64,
    millis: u64,
    bytes: usize,
    prove: bool,
}

impl RemoteJob for Echo {
    type Reach = Public;

    fn kind(&self) -> Kind {
        ECHO
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = [self.number, self.millis, u64::from(self.prove)].map(u64::to_be_bytes).concat();
        bytes.resize(self.bytes.max(24), 5);
        bytes
    }
}

struct Chain {
    data: CircuitData<C>,
    seed: Target,
}

/// A circuit that takes some tenths of a second of one thread.
fn chain() -> &'static Chain {
    static BUILT: OnceLock<Chain> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut builder = Builder::new(CircuitConfig::standard_recursion_config());
        let seed = builder.add_virtual_public_input();
        let mut state = vec![seed];
        for _ in 0..1500 {
            state = builder.hash_n_to_hash_no_pad::<PoseidonHash>(state).elements.to_vec();
        }
        Chain { data: builder.build::<C>(), seed }
    })
}

struct Hands {
    /// One thread, when it proves.
    pool: Option<Arc<rayon::ThreadPool>>,
}

impl Handler for Hands {
    type Reach = Public;

    fn kinds(&self) -> Vec<Kind> {
        vec![ECHO]
    }

    fn circuits(&self) -> Vec<String> {
        Vec::new()
    }

    fn threads(&self) -> usize {
        1
    }

    fn prove(&self, task: Task) -> BoxFuture<'static, Result<Vec<u8>, ProveError>> {
        let pool = self.pool.clone();
        async move {
            let number = |at: usize| u64::from_be_bytes(task.input[at..at + 8].try_into().unwrap());
            let (seed, millis, prove) = (number(0), number(8), number(16) == 1);
            if prove {
                return Ok(tokio::task::spawn_blocking(move || {
                    pool.unwrap().install(|| {
                        let mut witness = PartialWitness::new();
                        witness.set_target(chain().seed, F::from_canonical_u64(seed)).unwrap();
                        chain().data.prove(witness).unwrap().to_bytes()
                    })
                })
                .await
                .unwrap());
            }
            if millis > 0 {
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            Ok(vec![9; task.input.len()])
        }
        .boxed()
    }
}

struct Server(Child, u16, #[allow(dead_code, reason = "removed with the server")] tempfile::TempDir);

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program =
            ["/usr/sbin/nats-server", "/usr/bin/nats-server"].into_iter().find(|p| Path::new(p).exists());
        let child = Command::new(program.expect("nats-server is not installed: run ops/setup.sh"))
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(directory.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self(child, port, directory)
    }

    fn broker(&self, name: &str) -> Broker {
        Broker::local(format!("nats://127.0.0.1:{}", self.1), name)
    }

    async fn submitter(&self) -> RemoteQueue<Public> {
        let patience = Patience {
            answer_within: Duration::from_secs(500),
            reserve: Duration::from_secs(1),
            deserted_after: Duration::from_secs(60),
            attempts: 1,
        };
        let metrics = QueueMetrics::new(&Registry::new()).unwrap();
        let broker = self.broker("bench");
        let queue = RemoteQueue::connect(&broker, &[ECHO], Limits::default(), patience, metrics);
        let queue = queue.await.unwrap();
        queue.ready(Duration::from_secs(10)).await.unwrap();
        queue
    }

    async fn workers(&self, count: usize, proving: bool, queue: &RemoteQueue<Public>) -> CancellationToken {
        let leave = CancellationToken::new();
        for index in 0..count {
            let pool =
                proving.then(|| Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap()));
            let metrics = WorkerMetrics::new(&Registry::new()).unwrap();
            let broker = self.broker(&format!("w{index}"));
            let worker = Worker::connect(&broker, Hands { pool }, WorkerConfig::default(), metrics);
            tokio::spawn(worker.await.unwrap().run(leave.clone()));
        }
        while queue.workers().len() < count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        leave
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn submit(queue: &RemoteQueue<Public>, job: Echo) {
    let accept = |bytes: Bytes| -> BoxFuture<'static, Result<usize, ProveError>> {
        async move { Ok(bytes.len()) }.boxed()
    };
    let deadline = Instant::now() + Duration::from_secs(600);
    queue.submit(&job, deadline, &CancellationToken::new(), accept).await.unwrap();
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share) as usize]
}

/// Overhead: a job of no work through the broker, and the same in process, in turn.
async fn overhead(runs: u64) {
    println!("| job and proof | through the broker, median | p95 | in process, median |\n|---|---|---|---|");
    for bytes in [1_000, BYTES, 1_000_000] {
        let server = Server::start();
        let queue = server.submitter().await;
        let leave = server.workers(1, false, &queue).await;
        let local = ProvingQueue::start(QueueConfig { threads: 1, capacity: 8 }, &Registry::new()).unwrap();
        let (mut remote, mut home) = (Vec::new(), Vec::new());
        for number in 0..runs {
            let started = Instant::now();
            submit(&queue, Echo { number, millis: 0, bytes, prove: false }).await;
            remote.push(started.elapsed().as_secs_f64() * 1000.0);
            let started = Instant::now();
            let work = move || Ok(vec![9u8; bytes]);
            local.run(Stage::Wrap, no_deadline(), CancellationToken::new(), work).await.unwrap();
            home.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        println!(
            "| {} kB | {:.1} ms | {:.1} ms | {:.2} ms |",
            bytes / 1000,
            quantile(&mut remote, 0.5),
            quantile(&mut remote, 0.95),
            quantile(&mut home, 0.5)
        );
        leave.cancel();
    }
}

/// Jobs a second of `count` workers on `jobs` jobs.
async fn rate(count: usize, jobs: u64, millis: u64, prove: bool) -> f64 {
    let server = Server::start();
    let queue = server.submitter().await;
    let leave = server.workers(count, prove, &queue).await;
    let bytes = if prove { 1000 } else { BYTES };
    let started = Instant::now();
    join_all((0..jobs).map(|number| submit(&queue, Echo { number, millis, bytes, prove }))).await;
    let rate = jobs as f64 / started.elapsed().as_secs_f64();
    leave.cancel();
    rate
}

/// Processes that ran or waited for a core in the last minute, on average.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// Two workers of one thread each against one of one thread, in turn.
async fn pair() {
    chain();
    let load = load();
    println!("| run | 1 worker of 1 thread, proofs/s | 2 workers of 1 thread | ratio |\n|---|---|---|---|");
    let mut ratios = Vec::new();
    for run in 0..5 {
        let (one, two) = (rate(1, 4, 0, true).await, rate(2, 8, 0, true).await);
        ratios.push(two / one);
        println!("| {run} | {one:.2} | {two:.2} | {:.2} |", two / one);
    }
    let (runs, median) = (ratios.len(), quantile(&mut ratios, 0.5));
    println!(
        "\npair: two workers do {median:.2} times the work of one, median of {runs} runs; load {load} at the start"
    );
}

/// Workers that sleep for the time of a job.
async fn many(millis: u64) {
    println!("| simulated workers | jobs | job s | jobs/s | of the ideal |\n|---|---|---|---|---|");
    for count in [1, 2, 8, 64] {
        let jobs = 4 * count as u64;
        let rate = rate(count, jobs, millis, false).await;
        let ideal = count as f64 * 1000.0 / millis as f64;
        println!(
            "| {count} | {jobs} | {:.1} | {rate:.2} | {:.0}% |",
            millis as f64 / 1000.0,
            rate / ideal * 100.0
        );
    }
}

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|w| w == part);
    if wants("overhead") {
        overhead(60).await;
    }
    if wants("pair") {
        pair().await;
    }
    if wants("many") {
        many(1800).await;
    }
}
