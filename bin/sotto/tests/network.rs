//! The roles as an operator runs them: deploy, check, start, stop.
#![allow(clippy::unwrap_used, reason = "what is missing here is a failed test")]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use alloy::{
    hex,
    network::EthereumWallet,
    primitives::{Address, B256},
    providers::{DynProvider, Provider as _, ProviderBuilder},
};
use serde_json::Value;
use sotto_chain::{Anvil, Password, SignerKey};
use sotto_contracts::{
    Deployment, Packages,
    local::{LocalMarket, LocalMarketConfig, install_permit2},
};

const PASSWORD: &str = "correct horse";
/// Longest wait for anything; circuits are built within it.
const LIMIT: Duration = Duration::from_secs(300);

/// A local chain with the contracts, deployed by the command line, and a gateway's configuration.
struct Network {
    directory: tempfile::TempDir,
    anvil: Anvil,
    key: PathBuf,
    http: u16,
    rpc: u16,
    market: Option<LocalMarket>,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
    command.args(arguments).env_clear().env("PASSWORD", PASSWORD);
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

impl Network {
    async fn set_up() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let anvil = Anvil::spawn(None, &["--block-time", "1"]).unwrap();
        let signer = Anvil::signer(0).unwrap();
        let secret = hex::encode(signer.to_bytes());
        let key =
            SignerKey::import(&directory.path().join("keys"), &Password::new(PASSWORD.to_owned()), &secret)
                .unwrap();
        let mut network = Self {
            key: key.path().to_owned(),
            directory,
            anvil,
            http: free_port(),
            rpc: free_port(),
            market: None,
        };
        let modules =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/contracts/solidity/node_modules");
        let packages = Packages::new(modules);
        let wallet = EthereumWallet::from(signer.clone());
        let provider: DynProvider = ProviderBuilder::new()
            .wallet(wallet)
            .connect_http(network.anvil.http_url().parse().unwrap())
            .erased();
        install_permit2(&provider, &packages).await.unwrap();
        fs::write(network.config(), network.chain_section()).unwrap();
        let deployment = network.deploy();
        let settings = LocalMarketConfig::default();
        let market = LocalMarket::deploy(&provider, &deployment, &packages, signer.address(), &settings)
            .await
            .unwrap();
        fs::write(network.config(), network.chain_section() + &network.gateway_section(&market)).unwrap();
        network.market = Some(market);
        network
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    fn config(&self) -> String {
        self.path("sotto.toml")
    }

    /// A solver whose model file is not the one that its manifest pins does not start, and says both hashes.
    fn refuse_a_solver_with_a_swapped_model(&self) {
        // covers: M12
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../strategies/linear-spread");
        let strategy = self.directory.path().join("strategy");
        fs::create_dir(&strategy).unwrap();
        fs::copy(original.join("strategy.toml"), strategy.join("strategy.toml")).unwrap();
        let model = fs::read(original.join("model.onnx")).unwrap();
        let mut swapped = model.clone();
        *swapped.last_mut().unwrap() ^= 1;
        fs::write(strategy.join("model.onnx"), &swapped).unwrap();
        let key = format!("{{ path = \"{}\", password = \"env:PASSWORD\" }}", self.key.display());
        let section = format!(
            "[[solver.strategies]]\ndirectory = \"{}\"\nmarket = \"0x{}\"\nkeystore = {key}\nsecret = {key}\n",
            strategy.display(),
            "11".repeat(32),
        );
        let config = self.path("solver.toml");
        fs::write(&config, self.chain_section() + &section).unwrap();
        let refused = run(&["solver", "-c", &config]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success(), "a solver starts with a swapped model");
        for bytes in [&model, &swapped] {
            assert!(said.contains(&sotto_model::model_hash(bytes).to_string()), "{said}");
        }
    }

    fn chain_section(&self) -> String {
        format!(
            "[chain]\nid = 31337\nendpoints = [\"{}\"]\n[contracts]\ndeployment = \"{}\"\n[store]\ndirectory = \"{}\"\n",
            self.anvil.ws_url(),
            self.path("deployment.json"),
            self.path("store"),
        )
    }

    fn gateway_section(&self, market: &LocalMarket) -> String {
        format!(
            "[gateway]\nmarkets = [\"{}\"]\nkeystore = {{ path = \"{}\", password = \"env:PASSWORD\" }}\n\
             [api]\nrpc-listen = \"127.0.0.1:{}\"\nhttp-listen = \"127.0.0.1:{}\"\n",
            market.market,
            self.key.display(),
            self.rpc,
            self.http,
        )
    }

    fn deploy(&self) -> Deployment {
        let planned = self.run_deploy(&["--dry-run", "--verification", &self.path("verification")]);
        assert_eq!(
            planned["missing"].as_array().unwrap().len(),
            planned["contracts"].as_array().unwrap().len()
        );
        assert!(!Path::new(&self.path("deployment.json")).exists(), "a dry run wrote a manifest");
        self.run_deploy(&[]);
        let deployment: Deployment =
            serde_json::from_str(&fs::read_to_string(self.path("deployment.json")).unwrap()).unwrap();
        for contract in planned["contracts"].as_array().unwrap() {
            let name = contract["name"].as_str().unwrap();
            assert_eq!(contract["address"], serde_json::json!(deployment.address(name)), "{name}");
            let input = fs::read_to_string(self.path("verification") + "/" + name + ".json").unwrap();
            assert!(input.contains("standardJsonInput"), "{name}");
        }
        // what is there is not created again
        let again = self.run_deploy(&["--out", &self.path("again.json")]);
        assert_eq!(again["deployment"]["contracts"], serde_json::json!(deployment.contracts));
        deployment
    }

    fn run_deploy(&self, arguments: &[&str]) -> Value {
        let (config, key) = (self.config(), self.key.display().to_string());
        let common = ["--json", "deploy", "-c", &config, "--key", &key, "--password-env", "PASSWORD"];
        let output = run(&[&common, arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn start_gateway(&self, arguments: &[&str]) -> Running {
        let child =
            command(&[&["gateway", "-c", &self.config()], arguments].concat()).stderr(Stdio::piped()).spawn();
        Running(child.unwrap())
    }

    /// What a trader's command line gets from the gateway: the market, and refusals with reasons.
    fn ask_the_gateway(&self) {
        let market = self.market.as_ref().unwrap();
        let url = format!("http://127.0.0.1:{}", self.rpc);
        let markets = run(&["--json", "round", "markets", "--gateway", &url]);
        assert!(String::from_utf8_lossy(&markets.stdout).contains(&market.market.to_string()));

        let owner = Anvil::signer(0).unwrap().address();
        let unfunded = self.send(&url, market, owner);
        assert!(
            !unfunded.status.success() && unfunded.stdout.is_empty(),
            "an intent without tokens is accepted"
        );
        let foreign = self.send(&url, market, market.base);
        assert!(
            String::from_utf8_lossy(&foreign.stderr).contains("the owner is"),
            "another's intent is signed"
        );

        let unknown = run(&["intent", "show", &market.market.to_string(), "--gateway", &url]);
        assert_eq!(unknown.status.code(), Some(1));
    }

    fn send(&self, url: &str, market: &LocalMarket, owner: Address) -> Output {
        let intent = serde_json::json!({
            "owner": owner, "recipient": owner, "sellToken": market.base, "buyToken": market.quote,
            "sellAmount": "1000000000000000000", "minBuyAmount": "1", "validFrom": 0, "deadline": 4_000_000_000u64,
            "nonce": "1", "market": market.market, "appData": B256::ZERO,
        });
        let (file, key) = (self.path("intent.json"), self.key.display().to_string());
        fs::write(&file, intent.to_string()).unwrap();
        let sign = ["--key", &key, "--password-env", "PASSWORD", "--gateway", url];
        run(&[&["intent", "send", &file, "-c", &self.config()][..], &sign].concat())
    }

    /// Status code and body of a request to the operator's port.
    fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).ok()?;
        stream.set_read_timeout(Some(LIMIT)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let status = text.split(' ').nth(1)?.parse().ok()?;
        Some((status, text))
    }

    fn wait_until_ready(&self, running: &mut Running) {
        let from = Instant::now();
        while self.get("/readyz").is_none_or(|(status, _)| status != 200) {
            assert!(running.0.try_wait().unwrap().is_none(), "the gateway ended: {}", running.log());
            assert!(from.elapsed() < LIMIT, "the gateway is not ready: {:?}", self.get("/readyz"));
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// A running role; it is killed when a test fails.
struct Running(Child);

impl Running {
    fn terminate(mut self) -> ExitStatus {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.0.wait().unwrap()
    }

    fn log(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut stderr) = self.0.stderr.take() {
            let _ = stderr.read_to_string(&mut text);
        }
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// covers: P3 P10 R17 K6
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_deployed_started_and_stopped_from_the_command_line() {
    let network = Network::set_up().await;

    let doctor = run(&["--json", "doctor", "-c", &network.config()]);
    let report: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert!(doctor.status.success(), "{report}");

    let mut keyless = network.start_gateway(&[]);
    assert!(!keyless.0.wait().unwrap().success());
    assert!(keyless.log().contains("ledger"), "a start without a ledger is refused unless it is asked for");

    let mut gateway = network.start_gateway(&["--init-ledger"]);
    network.wait_until_ready(&mut gateway);
    assert_eq!(network.get("/livez").unwrap().0, 200);
    assert!(network.get("/metrics").unwrap().1.contains("sotto_chain_head_number"));

    network.ask_the_gateway();

    let second = run(&["gateway", "-c", &network.config()]);
    assert!(!second.status.success(), "two processes share a ledger");
    assert!(gateway.terminate().success(), "an orderly end is a success");

    let mut again = network.start_gateway(&[]);
    network.wait_until_ready(&mut again);
    assert!(again.terminate().success());

    network.refuse_a_solver_with_a_swapped_model();

    let manifest = network.path("deployment.json");
    let mut deployment: Value = serde_json::from_str(&fs::read_to_string(&manifest).unwrap()).unwrap();
    deployment["contracts"]["markets"]["code-hash"] = Value::String(format!("0x{}", "11".repeat(32)));
    fs::write(&manifest, deployment.to_string()).unwrap();
    let refused = run(&["gateway", "-c", &network.config()]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("markets at"), "another code hash is accepted");
    assert!(!run(&["gateway", "-c", &network.config()]).status.success(), "another code hash is refused");
}
