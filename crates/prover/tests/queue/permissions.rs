//! Broker permissions of ops/nats, and encryption.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use async_nats::{Client, ConnectOptions, Event};
use sotto_prover::remote::{Auth, Broker, Tls};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{PASSWORDS, Server},
    process::{LIMIT, Submitter, config, in_time, limits, patience, worker_with},
    tiny::{Behaviour, TinyJob, verifier},
};

fn accounts(directory: &Path) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ops/nats/accounts.conf");
    fs::copy(from, directory.join("accounts.conf")).unwrap();
    "include \"accounts.conf\"".into()
}

fn broker(server: &Server, user: &str) -> Broker {
    let variable = format!("SOTTO_NATS_{}", user.to_uppercase());
    let password = PASSWORDS.iter().find(|(name, _)| *name == variable).unwrap().1.to_owned();
    let auth = Auth::Password { user: user.into(), password };
    Broker { auth, ..Broker::local(server.url(), user) }
}

/// A plain client of a user, with what the server refuses it.
async fn client(server: &Server, user: &str) -> (Client, mpsc::UnboundedReceiver<String>) {
    let Auth::Password { user, password } = broker(server, user).auth else { unreachable!() };
    let (told, refusals) = mpsc::unbounded_channel();
    let client = ConnectOptions::with_user_and_password(user.clone(), password)
        .custom_inbox_prefix(format!("_INBOX.{user}"))
        .event_callback(move |event| {
            let told = told.clone();
            async move {
                if let Event::ServerError(error) = event {
                    let _ = told.send(error.to_string());
                }
            }
        })
        .connect(server.url())
        .await
        .unwrap();
    (client, refusals)
}

async fn refused(refusals: &mut mpsc::UnboundedReceiver<String>, subject: &str) {
    let told = tokio::time::timeout(LIMIT, refusals.recv()).await;
    let told = told.unwrap_or_else(|_| panic!("{subject} was allowed")).unwrap();
    assert!(told.to_lowercase().contains("permissions violation") && told.contains(subject), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_does_its_work_with_the_permissions_of_ops() {
    let server = Server::with(accounts);
    let submitter = Submitter::at(&broker(&server, "gateway"), limits(), patience()).await;
    let _worker = worker_with(&broker(&server, "w1"), Behaviour::Honest, config()).await;
    submitter.hear(&["w1"]).await;
    for job in [TinyJob::new(1), TinyJob { padding: 200_000, ..TinyJob::new(2) }] {
        let proof =
            submitter.queue.submit(&job, in_time(), &CancellationToken::new(), verifier(job.seed)).await;
        assert_eq!(proof.unwrap(), job.seed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_worker_sees_nothing_private_and_cannot_pose_as_another() {
    let server = Server::with(accounts);
    // The solver's queue is there, with an input in its store.
    let solver = async_nats::jetstream::new(client(&server, "solver").await.0);
    let stream = |name: &str, subject: &str| async_nats::jetstream::stream::Config {
        name: name.into(),
        subjects: vec![subject.into()],
        ..Default::default()
    };
    solver.create_stream(stream("SOTTO_PRIVATE", "sotto.private.jobs.*.*")).await.unwrap();
    solver.publish("sotto.private.jobs.soon.sheet", "weights".into()).await.unwrap().await.unwrap();
    solver.create_stream(stream("SOTTO_PRIVATE_INPUTS", "sotto.private.inputs.*.*")).await.unwrap();
    solver.publish("sotto.private.inputs.job.0", "weights".into()).await.unwrap().await.unwrap();

    let (worker, mut refusals) = client(&server, "w1").await;
    for subject in
        ["sotto.private.>", "sotto.private.inputs.>", ">", "_INBOX.gateway.>", "sotto.public.results.>"]
    {
        let _subscription = worker.subscribe(subject).await.unwrap();
        worker.flush().await.unwrap();
        refused(&mut refusals, subject).await;
    }
    for subject in [
        "$JS.API.STREAM.INFO.SOTTO_PRIVATE",
        "$JS.API.STREAM.MSG.GET.SOTTO_PRIVATE",
        "$JS.API.DIRECT.GET.SOTTO_PRIVATE_INPUTS",
        "$JS.API.DIRECT.GET.SOTTO_PRIVATE_INPUTS.sotto.private.inputs.job.0",
        "$JS.API.STREAM.MSG.GET.SOTTO_PRIVATE_INPUTS",
        "$JS.API.CONSUMER.MSG.NEXT.SOTTO_PRIVATE.soon-sheet",
        "$JS.API.STREAM.DELETE.SOTTO_PUBLIC",
        "$JS.API.STREAM.PURGE.SOTTO_PUBLIC",
        "sotto.public.inputs.x.0",
        "sotto.public.proofs.w2.x-0.0",
        "sotto.public.results.w2.0",
        "sotto.public.jobs.urgent.wrap",
        "sotto.public.cancel",
    ] {
        worker.publish(subject, "{\"last_by_subj\":\">\"}".into()).await.unwrap();
        worker.flush().await.unwrap();
        refused(&mut refusals, subject).await;
    }

    // Even the pool's most powerful user is in another account: for it, none of this exists.
    let gateway = async_nats::jetstream::new(client(&server, "gateway").await.0);
    assert!(gateway.get_stream("SOTTO_PRIVATE").await.is_err());
    assert!(gateway.get_stream("SOTTO_PRIVATE_INPUTS").await.is_err());
    assert!(solver.get_stream("SOTTO_PRIVATE").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_gives_no_queue() {
    let server = Server::with(accounts);
    let mut broker = broker(&server, "gateway");
    broker.auth = Auth::Password { user: "gateway".into(), password: "guess".into() };
    let registry = prometheus::Registry::new();
    let metrics = sotto_prover::remote::QueueMetrics::new(&registry).unwrap();
    let queue = sotto_prover::remote::RemoteQueue::<sotto_prover::remote::Public>::connect(
        &broker,
        &[crate::tiny::TINY],
        limits(),
        patience(),
        metrics,
    );
    // Refused outright, or not ready: never a queue that takes jobs.
    if let Ok(queue) = queue.await {
        assert!(queue.ready(Duration::from_secs(1)).await.is_err());
    }
}

/// A certificate authority and a server's certificate for 127.0.0.1.
fn certificates(directory: &Path) {
    let openssl = |arguments: &str| {
        let output =
            Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=ca -addext basicConstraints=critical,CA:TRUE"
    ));
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=broker"));
    fs::write(directory.join("san"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile san",
    );
}

// covers: P22
#[tokio::test(flavor = "multi_thread")]
async fn the_connection_is_encrypted_and_a_broker_of_another_authority_is_refused() {
    // The binary does this in `main`.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::with(|directory| {
        certificates(directory);
        let at = directory.display();
        format!("tls {{ cert_file: \"{at}/server.pem\", key_file: \"{at}/server.key\" }}")
    });
    let other = tempfile::tempdir().unwrap();
    certificates(other.path());
    let with = |directory: &Path| Broker {
        tls: Some(Tls { authority: Some(directory.join("ca.pem")), identity: None }),
        ..Broker::local(server.url(), "gateway")
    };
    let submitter = Submitter::at(&with(server.directory.path()), limits(), patience()).await;
    let broker = Broker { name: "w1".into(), ..with(server.directory.path()) };
    let _worker = worker_with(&broker, Behaviour::Honest, config()).await;
    submitter.hear(&["w1"]).await;
    let proof =
        submitter.queue.submit(&TinyJob::new(1), in_time(), &CancellationToken::new(), verifier(1)).await;
    assert_eq!(proof.unwrap(), 1);

    let registry = prometheus::Registry::new();
    let metrics = sotto_prover::remote::QueueMetrics::new(&registry).unwrap();
    let started = Instant::now();
    let stranger = with(other.path());
    let queue = sotto_prover::remote::RemoteQueue::<sotto_prover::remote::Public>::connect(
        &stranger,
        &[crate::tiny::TINY],
        limits(),
        patience(),
        metrics,
    );
    if let Ok(queue) = queue.await {
        assert!(queue.ready(Duration::from_secs(2)).await.is_err(), "after {:?}", started.elapsed());
    }
}
