//! `sotto prover`: a worker that joins a broker's queue and leaves at will.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use clap::{Args, ValueEnum};
use eyre::WrapErr as _;
use prometheus::{Encoder as _, Registry, TextEncoder};
use sotto_prover::{
    Prover, ProverConfig, QueueConfig, WrapProfile,
    remote::{Broker, Handler, Private, ProverHandler, Public, Worker, WorkerConfig, WorkerMetrics},
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    config::{ConfigError, Queue, QueueTls, SecretRef},
    shutdown::cancel_on_signal,
    tasks::CriticalTasks,
};

/// Whose jobs a worker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum QueueName {
    /// Anybody's: inputs that hide what they are about.
    Public,
    /// The solver's or aggregator's own: inputs that hold weights or quotes.
    Private,
}

/// Run a proving worker.
#[derive(Args, Debug)]
pub(crate) struct ProverArgs {
    /// Address of the broker, nats://host:port; may be given several times
    #[arg(long, value_name = "URL", required = true)]
    nats: Vec<String>,
    /// Whose jobs to take
    #[arg(long, value_enum, default_value_t = QueueName::Public)]
    queue: QueueName,
    /// Form of wrapped proofs, as the deployment's verifier takes them: fast, compact or compact-16
    #[arg(long, default_value_t)]
    profile: WrapProfile,
    /// Name of this worker on the broker; the user if absent
    #[arg(long)]
    name: Option<String>,
    /// User on the broker
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// The user's password, env:NAME or file:PATH
    #[arg(long, value_name = "SECRET", requires = "user")]
    password: Option<SecretRef>,
    /// A .creds file, env:NAME or file:PATH, instead of user and password
    #[arg(long, value_name = "SECRET", conflicts_with = "user")]
    credentials: Option<SecretRef>,
    /// Encrypt the connection; needed unless the broker is on this machine
    #[arg(long)]
    tls: bool,
    /// Certificate authority to trust instead of the system's (PEM)
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_authority: Option<PathBuf>,
    /// Certificate to show to the broker (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["tls", "tls_key"])]
    tls_certificate: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Threads that prove; 0 means all cores
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Longest time for one job
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    longest_job: u64,
    /// Strategy whose circuits are built before the first job; may be given several times
    #[arg(long, value_name = "DIR")]
    strategy: Vec<PathBuf>,
    /// Address for /livez and /metrics; keep it private
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

impl ProverArgs {
    /// Works until a signal; the job at work is finished first, if it ends in time.
    pub(crate) async fn run(self) -> eyre::Result<()> {
        let broker = self.settings()?.broker("--nats")?;
        broker.check().map_err(|error| ConfigError::invalid("--nats", error.to_string()))?;
        let shutdown = CancellationToken::new();
        cancel_on_signal(shutdown.clone())?;
        let registry = Registry::new();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if self.threads == 0 { cores } else { self.threads };
        let queue = QueueConfig { threads, capacity: 4 };
        let prover = Prover::start(ProverConfig { queue, profile: self.profile }, &registry)?;
        let mut warm = Vec::new();
        for directory in &self.strategy {
            warm.push((super::strategy::load(directory)?.program().shape().clone(), 1));
        }
        info!("building circuits");
        prover.warm(warm, true).await?;
        let mut tasks = CriticalTasks::new(shutdown.clone());
        if let Some(listen) = self.listen {
            tasks.spawn("operator-http", serve(listen, registry.clone(), shutdown.clone()));
        }
        match self.queue {
            QueueName::Public => {
                self.work(
                    &broker,
                    ProverHandler::<Public>::new(prover.clone(), threads),
                    &registry,
                    &mut tasks,
                )
                .await?;
            }
            QueueName::Private => {
                self.work(
                    &broker,
                    ProverHandler::<Private>::new(prover.clone(), threads),
                    &registry,
                    &mut tasks,
                )
                .await?;
            }
        }
        let ended = tasks.run().await;
        prover.stop();
        Ok(ended?)
    }

    async fn work<H: Handler>(
        &self,
        broker: &Broker,
        handler: H,
        registry: &Registry,
        tasks: &mut CriticalTasks,
    ) -> eyre::Result<()> {
        let config = WorkerConfig {
            longest_job: Duration::from_secs(self.longest_job.max(1)),
            ..WorkerConfig::default()
        };
        let metrics = WorkerMetrics::new(registry)?;
        let worker = Worker::connect(broker, handler, config, metrics).await?;
        let leave = tasks.shutdown();
        tasks.spawn("worker", async move { Ok(worker.run(leave).await?) });
        Ok(())
    }

    /// The arguments as the section of a configuration, with its checks.
    fn settings(&self) -> eyre::Result<Queue> {
        let (authority, certificate, key) =
            (self.tls_authority.clone(), self.tls_certificate.clone(), self.tls_key.clone());
        let host = || std::env::var("HOSTNAME").ok().map(|h| h.replace('.', "-"));
        let unnamed = || format!("{}-{}", host().unwrap_or_else(|| "worker".into()), std::process::id());
        let queue = Queue {
            name: Some(self.name.clone().or_else(|| self.user.clone()).unwrap_or_else(unnamed)),
            user: self.user.clone(),
            password: self.password.clone(),
            credentials: self.credentials.clone(),
            tls: self.tls.then_some(QueueTls { authority, certificate, key }),
            ..Queue::of(self.nats.clone())
        };
        queue.check("--nats")?;
        Ok(queue)
    }
}

/// Serves the worker's operator until `shutdown`.
async fn serve(listen: SocketAddr, registry: Registry, shutdown: CancellationToken) -> eyre::Result<()> {
    let listener =
        tokio::net::TcpListener::bind(listen).await.wrap_err_with(|| format!("{listen} cannot be bound"))?;
    info!(http = %listener.local_addr()?, "listening");
    let routes = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/metrics", get(metrics))
        .with_state(registry);
    Ok(axum::serve(listener, routes).with_graceful_shutdown(shutdown.cancelled_owned()).await?)
}

async fn metrics(State(registry): State<Registry>) -> Response {
    let mut body = Vec::new();
    match TextEncoder::new().encode(&registry.gather(), &mut body) {
        Ok(()) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
