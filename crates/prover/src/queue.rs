//! The in-process proving queue: jobs run one at a time on a rayon pool of their own, the most urgent first.

use std::{
    any::Any,
    cmp::Ordering,
    collections::BinaryHeap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::ProveError;

/// What a job proves or builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Building circuits.
    Build,
    /// A leaf ahead of its sheet.
    Leaf,
    /// A sheet, and its leaf where there is none yet.
    Sheet,
    /// Two parts of a tournament merged.
    Merge,
    /// A node made zero-knowledge.
    Seal,
    /// Verifying a proof from outside.
    Verify,
    /// The proof for the chain.
    Wrap,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Build => "build",
            Self::Leaf => "leaf",
            Self::Sheet => "sheet",
            Self::Merge => "merge",
            Self::Seal => "seal",
            Self::Verify => "verify",
            Self::Wrap => "wrap",
        })
    }
}

type Task = Box<dyn FnOnce(Option<ProveError>) + Send>;

struct Job {
    deadline: Instant,
    sequence: u64,
    stage: Stage,
    cancel: CancellationToken,
    /// Runs the job, or reports the error given.
    task: Task,
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}
impl Eq for Job {}
impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Job {
    /// The heap yields the greatest: the earliest deadline, then the first to arrive.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.deadline, other.sequence).cmp(&(self.deadline, self.sequence))
    }
}

#[derive(Default)]
struct State {
    jobs: BinaryHeap<Job>,
    sequence: u64,
    stopped: bool,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    capacity: usize,
    metrics: QueueMetrics,
}

struct QueueMetrics {
    depth: IntGauge,
    jobs: IntCounterVec,
    seconds: HistogramVec,
}

impl QueueMetrics {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let depth = IntGauge::new("sotto_prover_queue_jobs", "Proving jobs that wait")?;
        let jobs = IntCounterVec::new(
            Opts::new("sotto_prover_jobs_total", "Proving jobs by stage and outcome"),
            &["stage", "outcome"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("sotto_prover_job_seconds", "Duration of a proving job, by stage")
                .buckets(vec![0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]),
            &["stage"],
        )?;
        registry.register(Box::new(depth.clone()))?;
        registry.register(Box::new(jobs.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { depth, jobs, seconds })
    }

    fn count(&self, stage: Stage, outcome: &str) {
        self.jobs.with_label_values(&[stage.to_string().as_str(), outcome]).inc();
    }
}

/// Size of the queue and of its pool.
#[derive(Clone, Copy, Debug)]
pub struct QueueConfig {
    /// Threads of the proving pool; 0 takes one for each core.
    pub threads: usize,
    /// Jobs that may wait.
    pub capacity: usize,
}

/// A handle to the queue; the worker ends when [`ProvingQueue::stop`] is called or the last handle is dropped.
#[derive(Clone)]
pub struct ProvingQueue {
    shared: Arc<Shared>,
    _guard: Arc<StopOnDrop>,
}

struct StopOnDrop(Arc<Shared>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl fmt::Debug for ProvingQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvingQueue").field("waiting", &self.shared.state.lock().jobs.len()).finish()
    }
}

impl Shared {
    fn stop(&self) {
        let jobs = {
            let mut state = self.state.lock();
            state.stopped = true;
            std::mem::take(&mut state.jobs)
        };
        self.wake.notify_all();
        for job in jobs {
            (job.task)(Some(ProveError::Stopped));
        }
    }

    /// The most urgent job, waiting for one; `None` once stopped.
    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(job) = state.jobs.pop() {
                self.metrics.depth.set(i64::try_from(state.jobs.len()).unwrap_or(i64::MAX));
                return Some(job);
            }
            self.wake.wait(&mut state);
        }
    }

    fn run(&self, pool: &rayon::ThreadPool) {
        while let Some(Job { deadline, stage, cancel, task, .. }) = self.next() {
            let now = Instant::now();
            let refusal = if cancel.is_cancelled() {
                Some(ProveError::Cancelled { stage })
            } else if now > deadline {
                Some(ProveError::DeadlinePassed { stage, late: now - deadline })
            } else {
                None
            };
            let started = refusal.is_none();
            pool.install(|| task(refusal));
            if started {
                self.metrics
                    .seconds
                    .with_label_values(&[stage.to_string().as_str()])
                    .observe(now.elapsed().as_secs_f64());
            }
        }
    }
}

impl ProvingQueue {
    /// Starts the worker and its pool, and registers the metrics.
    ///
    /// # Errors
    /// When a thread cannot be started or a metric is registered already.
    pub fn start(config: QueueConfig, registry: &Registry) -> Result<Self, ProveError> {
        let threads = |e: &dyn fmt::Display| ProveError::Threads(e.to_string());
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(config.threads)
            .thread_name(|i| format!("prove-{i}"))
            .build()
            .map_err(|e| threads(&e))?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            capacity: config.capacity,
            metrics: QueueMetrics::new(registry).map_err(|e| threads(&e))?,
        });
        let worker = Arc::clone(&shared);
        thread::Builder::new()
            .name("prover".into())
            .spawn(move || worker.run(&pool))
            .map_err(|e| threads(&e))?;
        let guard = Arc::new(StopOnDrop(Arc::clone(&shared)));
        Ok(Self { shared, _guard: guard })
    }

    /// Refuses new jobs and ends those that wait; a running job finishes.
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// Runs a job on the proving pool and waits for it. A job whose deadline passed or whose token was cancelled
    /// before it could start is not run; a panic inside it becomes an error.
    ///
    /// # Errors
    /// The job's own, or why it was not run.
    pub async fn run<T, J>(
        &self,
        stage: Stage,
        deadline: Instant,
        cancel: CancellationToken,
        job: J,
    ) -> Result<T, ProveError>
    where
        T: Send + 'static,
        J: FnOnce() -> Result<T, ProveError> + Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let task: Task = Box::new(move |refusal| {
            let outcome = refusal.map_or_else(|| caught(stage, job), Err);
            shared.metrics.count(stage, if outcome.is_ok() { "done" } else { "failed" });
            // The caller may be gone, and then nobody wants the outcome.
            let _ = reply.send(outcome);
        });
        self.push(stage, deadline, cancel, task)?;
        result.await.unwrap_or(Err(ProveError::Stopped))
    }

    /// Runs a short job at once, beside the queue, and waits for it; a panic inside it becomes an error.
    ///
    /// # Errors
    /// The job's own, or [`ProveError::Stopped`].
    pub async fn run_beside<T, J>(&self, stage: Stage, job: J) -> Result<T, ProveError>
    where
        T: Send + 'static,
        J: FnOnce() -> Result<T, ProveError> + Send + 'static,
    {
        if self.shared.state.lock().stopped {
            return Err(ProveError::Stopped);
        }
        let outcome = tokio::task::spawn_blocking(move || caught(stage, job)).await;
        let outcome = outcome.unwrap_or(Err(ProveError::Stopped));
        self.shared.metrics.count(stage, if outcome.is_ok() { "done" } else { "failed" });
        outcome
    }

    fn push(
        &self,
        stage: Stage,
        deadline: Instant,
        cancel: CancellationToken,
        task: Task,
    ) -> Result<(), ProveError> {
        let mut state = self.shared.state.lock();
        if state.stopped {
            return Err(ProveError::Stopped);
        }
        if state.jobs.len() >= self.shared.capacity {
            self.shared.metrics.count(stage, "refused");
            return Err(ProveError::QueueFull { capacity: self.shared.capacity });
        }
        let sequence = state.sequence;
        state.sequence += 1;
        state.jobs.push(Job { deadline, sequence, stage, cancel, task });
        self.shared.metrics.depth.set(i64::try_from(state.jobs.len()).unwrap_or(i64::MAX));
        drop(state);
        self.shared.wake.notify_one();
        Ok(())
    }
}

fn caught<T>(stage: Stage, job: impl FnOnce() -> Result<T, ProveError>) -> Result<T, ProveError> {
    catch_unwind(AssertUnwindSafe(job))
        .unwrap_or_else(|panic| Err(ProveError::Panicked { stage, message: message(&*panic) }))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

/// A deadline far enough away to stand for none.
pub fn no_deadline() -> Instant {
    Instant::now() + Duration::from_secs(365 * 24 * 3600)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{atomic::AtomicBool, mpsc};

    fn queue(capacity: usize) -> ProvingQueue {
        ProvingQueue::start(QueueConfig { threads: 1, capacity }, &Registry::new()).unwrap()
    }

    /// Occupies the worker until the sender is dropped.
    fn block(queue: &ProvingQueue) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), ProveError>>) {
        let (release, held) = mpsc::channel::<()>();
        let (started, running) = mpsc::channel::<()>();
        let handle = queue.clone();
        let task = tokio::spawn(async move {
            let job = move || {
                started.send(()).unwrap();
                let _ = held.recv();
                Ok(())
            };
            handle.run(Stage::Sheet, no_deadline(), CancellationToken::new(), job).await
        });
        running.recv().unwrap();
        (release, task)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_earliest_deadline_runs_first() {
        let queue = queue(8);
        let (release, blocker) = block(&queue);
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (i, seconds) in [(0, 300), (1, 100), (2, 200)] {
            let (queue_of_task, order) = (queue.clone(), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let deadline = Instant::now() + Duration::from_secs(seconds);
                let job = move || {
                    order.lock().push(i);
                    Ok(())
                };
                queue_of_task.run(Stage::Wrap, deadline, CancellationToken::new(), job).await
            }));
            while queue.shared.state.lock().jobs.len() <= i {
                tokio::task::yield_now().await;
            }
        }
        drop(release);
        blocker.await.unwrap().unwrap();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(*order.lock(), [1, 2, 0]);
    }

    // covers: Z17 Z18
    #[tokio::test(flavor = "multi_thread")]
    async fn late_cancelled_and_surplus_jobs_never_start() {
        let queue = queue(2);
        let (release, blocker) = block(&queue);
        let ran = Arc::new(AtomicBool::new(false));
        let job = |ran: &Arc<AtomicBool>| {
            let ran = Arc::clone(ran);
            move || {
                ran.store(true, std::sync::atomic::Ordering::SeqCst);
                Ok(())
            }
        };
        let cancel = CancellationToken::new();
        let late = queue.run(Stage::Sheet, Instant::now(), CancellationToken::new(), job(&ran));
        let cancelled = queue.run(Stage::Sheet, no_deadline(), cancel.clone(), job(&ran));
        let surplus = queue.run(Stage::Sheet, no_deadline(), CancellationToken::new(), job(&ran));
        cancel.cancel();
        let free = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(release);
        };
        let (late, cancelled, surplus, ()) = tokio::join!(late, cancelled, surplus, free);
        assert!(matches!(late, Err(ProveError::DeadlinePassed { .. })));
        assert!(matches!(cancelled, Err(ProveError::Cancelled { .. })));
        assert!(matches!(surplus, Err(ProveError::QueueFull { capacity: 2 })));
        blocker.await.unwrap().unwrap();
        assert!(!ran.load(std::sync::atomic::Ordering::SeqCst));
    }

    // covers: Z19
    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_is_an_error_and_the_queue_goes_on() {
        let queue = queue(2);
        let run = |job: fn() -> Result<u8, ProveError>| {
            queue.run(Stage::Wrap, no_deadline(), CancellationToken::new(), job)
        };
        let panicked = run(|| panic!("partition does not match")).await;
        assert!(
            matches!(panicked, Err(ProveError::Panicked { message, .. }) if message.contains("partition"))
        );
        assert_eq!(run(|| Ok(3)).await.unwrap(), 3);
        queue.stop();
        assert!(matches!(run(|| Ok(3)).await, Err(ProveError::Stopped)));
    }
}
