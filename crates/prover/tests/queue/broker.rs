//! A nats-server of a test's own, on loopback, with a store that goes with it.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::process::LIMIT;

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

impl Server {
    /// A server without accounts.
    pub(crate) fn start() -> Self {
        Self::with(|_| String::new())
    }

    /// A server with more configuration, written for its directory.
    pub(crate) fn with(more: impl FnOnce(&Path) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let more = more(directory.path());
        let at = directory.path().to_owned();
        let store = at.join("store");
        let config = directory.path().join("server.conf");
        let text = |port: i32| {
            format!(
                "listen: \"127.0.0.1:{port}\"\nports_file_dir: \"{}\"\nlame_duck_duration: \"30s\"\njetstream {{ store_dir: \"{}\" }}\n{more}\n",
                at.display(),
                store.display()
            )
        };
        // A port of the server's choice, which it keeps when it is started again.
        fs::write(&config, text(-1)).unwrap();
        let child = run(&config, directory.path());
        let mut server = Self { child, port: 0, config, directory };
        server.port = server.chosen_port();
        fs::write(&server.config, text(server.port.into())).unwrap();
        server.wait();
        server
    }

    fn chosen_port(&self) -> u16 {
        let file = self.directory.path().join(format!("nats-server_{}.ports", self.child.id()));
        let port = || {
            let text = fs::read_to_string(&file).ok()?;
            let (_, rest) = text.split_once("127.0.0.1:")?;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        let started = Instant::now();
        loop {
            if let Some(port) = port() {
                return port;
            }
            assert!(started.elapsed() < LIMIT, "the server does not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn wait(&self) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(started.elapsed() < LIMIT, "the server does not start: {}", self.log());
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
