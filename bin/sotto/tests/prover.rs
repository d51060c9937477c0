//! A worker from the command line, on a real broker.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what is missing here is a failed test")]

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use prometheus::Registry;
use sotto_prover::remote::{Broker, Limits, PUBLIC_KINDS, Patience, Public, QueueMetrics, RemoteQueue};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn sotto(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
    command.arg("prover").args(arguments).env_clear().stdout(Stdio::null()).stderr(Stdio::null());
    command
}

// covers: P3
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_joins_says_what_it_holds_and_leaves_on_a_signal() {
    let (port, store) = (free_port(), tempfile::tempdir().unwrap());
    let program =
        ["/usr/sbin/nats-server", "/usr/bin/nats-server"].into_iter().find(|path| Path::new(path).exists());
    let server = Command::new(program.expect("nats-server is not installed: run ops/setup.sh"))
        .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
        .arg(store.path())
        .stderr(Stdio::null())
        .spawn();
    let _server = Running(server.unwrap());
    let url = format!("nats://127.0.0.1:{port}");
    let metrics = QueueMetrics::new(&Registry::new()).unwrap();
    let broker = Broker::local(&url, "gateway");
    let queue: RemoteQueue<Public> =
        RemoteQueue::connect(&broker, &PUBLIC_KINDS, Limits::default(), Patience::default(), metrics)
            .await
            .unwrap();

    let mut worker = Running(sotto(&["--nats", &url, "--name", "w1", "--threads", "1"]).spawn().unwrap());
    let started = Instant::now();
    let advert = loop {
        if let Some((name, advert)) = queue.workers().pop() {
            assert_eq!(name, "w1");
            break advert;
        }
        assert!(worker.0.try_wait().unwrap().is_none(), "the worker ended");
        assert!(started.elapsed() < Duration::from_secs(240), "no advert");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((advert.threads, advert.circuits), (1, vec!["wrap".to_owned()]));

    let killed = Command::new("kill").arg("-TERM").arg(worker.0.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert!(worker.0.wait().unwrap().success());
    let left = Instant::now();
    while !queue.workers().is_empty() {
        assert!(left.elapsed() < Duration::from_secs(240), "the advert stays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_broker_elsewhere_without_encryption_is_refused() {
    assert!(TcpStream::connect("127.0.0.1:1").is_err());
    let output = sotto(&["--nats", "nats://192.0.2.1:4222"]).stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("192.0.2.1:4222 is not on this machine, and TLS is not configured"),
        "{message}"
    );
}
