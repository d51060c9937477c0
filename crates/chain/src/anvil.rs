//! A local development chain: anvil as a child process, for tests and the demo.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use alloy::{
    primitives::{B256, b256},
    signers::local::PrivateKeySigner,
};

use crate::{ChainError, Result};

/// Longest time that anvil may take to listen.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Keys of the first accounts that anvil funds, known to everybody.
const DEV_KEYS: [B256; 10] = [
    b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    b256!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    b256!("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
    b256!("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"),
    b256!("47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    b256!("8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
    b256!("92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"),
    b256!("4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"),
    b256!("dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97"),
    b256!("2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"),
];

/// A running anvil on a loopback port that the system chose. Dropping it ends the process.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    port: u16,
}

impl Anvil {
    /// Starts anvil with further arguments (`--no-mining`, `--block-time 1`, ...) and waits until it listens.
    /// `binary` defaults to [`anvil_binary`].
    ///
    /// # Errors
    /// [`ChainError::Anvil`] when it is not installed, does not start, or does not listen in time.
    pub fn spawn(binary: Option<&Path>, args: &[&str]) -> Result<Self> {
        let binary = match binary {
            Some(path) => path.to_owned(),
            None => anvil_binary()?,
        };
        let mut child = Command::new(&binary)
            .args(["--host", "127.0.0.1", "--port", "0"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| failed(format!("{}: {e}", binary.display())))?;
        let stdout = child.stdout.take().ok_or_else(|| failed("no standard output".into()));
        let port = stdout.and_then(listening_port);
        match port {
            Ok(port) => Ok(Self { child, port }),
            Err(e) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(e)
            }
        }
    }

    /// Port on 127.0.0.1, for HTTP and WebSocket alike.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// HTTP URL.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// WebSocket URL.
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Signer of the funded account `index`, below 10.
    ///
    /// # Errors
    /// [`ChainError::Anvil`] when there is no such account.
    pub fn signer(index: usize) -> Result<PrivateKeySigner> {
        let key = DEV_KEYS.get(index).ok_or_else(|| failed(format!("no account {index}")))?;
        PrivateKeySigner::from_bytes(key).map_err(|e| failed(e.to_string()))
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The anvil binary: `SOTTO_ANVIL`, or the one that npm installed for the contracts.
///
/// # Errors
/// [`ChainError::Anvil`] when there is none.
pub fn anvil_binary() -> Result<PathBuf> {
    if let Some(path) = env::var_os("SOTTO_ANVIL") {
        return Ok(path.into());
    }
    let installed =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/solidity/node_modules/.bin/anvil");
    if installed.exists() {
        return Ok(installed);
    }
    Err(failed(format!("{} is missing; set SOTTO_ANVIL or run npm ci there", installed.display())))
}

/// Reads the line `Listening on 127.0.0.1:PORT`, and keeps reading afterwards so that the pipe never fills.
fn listening_port(stdout: std::process::ChildStdout) -> Result<u16> {
    let (found, port) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("anvil-output".into())
        .spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::<_, std::io::Error>::ok) {
                if let Some(port) = line.strip_prefix("Listening on 127.0.0.1:") {
                    let _ = found.try_send(port.trim().parse::<u16>().ok());
                }
            }
        })
        .map_err(|e| failed(e.to_string()))?;
    let answer = port.recv_timeout(START_LIMIT);
    answer.ok().flatten().ok_or_else(|| failed("it did not begin to listen".into()))
}

fn failed(reason: String) -> ChainError {
    ChainError::Anvil { reason }
}
