//! A nats-server of a test's own, on loopback, with a store that goes with it.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    config: PathBuf,
    pub(crate) directory: TempDir,
}

pub(crate) fn program() -> PathBuf {
    let found = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"];
    let found = found.iter().map(Path::new).find(|path| path.exists());
    found.expect("nats-server is not installed: run ops/setup.sh").to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// A server without accounts.
    pub(crate) fn start() -> Self {
        Self::with(|_| String::new())
    }

    /// A server with more configuration, written for its directory.
    pub(crate) fn with(more: impl FnOnce(&Path) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let more = more(directory.path());
        let store = directory.path().join("store");
        let config = directory.path().join("server.conf");
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\nlame_duck_duration: \"30s\"\njetstream {{ store_dir: \"{}\" }}\n{more}\n",
            store.display()
        );
        fs::write(&config, text).unwrap();
        let child = run(&config, directory.path());
        let server = Self { child, port, config, directory };
        server.wait();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn wait(&self) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < Duration::from_secs(10), "the server does not start: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills the server with -9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port and store.
    pub(crate) fn restart(&mut self) {
        self.child = run(&self.config, self.directory.path());
        self.wait();
    }
}

fn run(config: &Path, directory: &Path) -> Child {
    let log = fs::OpenOptions::new().create(true).append(true).open(directory.join("log")).unwrap();
    Command::new(program())
        .arg("-c")
        .arg(config)
        .envs(PASSWORDS.iter().copied())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Passwords of the users in ops/nats/accounts.conf, as a test has them.
pub(crate) const PASSWORDS: [(&str, &str); 4] = [
    ("SOTTO_NATS_GATEWAY", "pw-gateway"),
    ("SOTTO_NATS_W1", "pw-w1"),
    ("SOTTO_NATS_SOLVER", "pw-solver"),
    ("SOTTO_NATS_HOME1", "pw-home1"),
];

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
