//! Configuration: one TOML file for every role. Keys are kebab-case, unknown keys are refused, durations are written
//! like `"500ms"`, secrets are references (`env:NAME`, `file:PATH`).

mod chain;
mod endpoint;
mod error;
mod queue;
mod roles;
mod secret;

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

pub(crate) use chain::{Chain, Contracts, Keystore, Transactions};
pub(crate) use endpoint::Endpoint;
pub(crate) use error::ConfigError;
pub(crate) use queue::{Queue, QueueTls};
pub(crate) use roles::{Api, Gateway, Prover, Solver, SolverGateway, Store};
pub(crate) use secret::SecretRef;

/// Everything a process may be told. A role reads its own section and the shared ones.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Config {
    /// The chain and how to reach it.
    pub(crate) chain: Chain,
    /// Where the contracts are; `sotto deploy` prints this section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) contracts: Option<Contracts>,
    /// How transactions are priced and repriced.
    #[serde(default)]
    pub(crate) transactions: Transactions,
    /// Where the ledger is kept.
    pub(crate) store: Store,
    /// The solver role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) solver: Option<Solver>,
    /// The gateway role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gateway: Option<Gateway>,
    /// The prover, in the solver's or the gateway's process.
    #[serde(default)]
    pub(crate) prover: Prover,
    /// What the process serves over HTTP.
    #[serde(default)]
    pub(crate) api: Api,
}

impl Config {
    /// Reads a file and checks every value that can be checked without the network. Secrets are not read.
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let config = Self::parse(&text).map_err(|source| source.in_file(path))?;
        config.validate()?;
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self, ConfigError> {
        let document = toml::Deserializer::parse(text).map_err(|source| ConfigError::syntax(&source))?;
        serde_path_to_error::deserialize(document).map_err(|error| ConfigError::key(&error))
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.chain.validate()?;
        self.transactions.validate()?;
        self.prover.validate()?;
        self.api.validate()?;
        if let Some(solver) = &self.solver {
            solver.validate()?;
        }
        if let Some(gateway) = &self.gateway {
            gateway.validate()?;
        }
        let needs_contracts = self.solver.is_some() || self.gateway.is_some();
        if needs_contracts && self.contracts.is_none() {
            return Err(ConfigError::invalid(
                "contracts",
                "the section is missing; `sotto deploy` prints it",
            ));
        }
        Ok(())
    }

    /// Reads every secret once, so that a missing one is found before a round depends on it.
    pub(crate) fn check_secrets(&self) -> Result<usize, ConfigError> {
        let mut count = 0;
        for (key, secret) in self.secrets() {
            secret.read(&key)?;
            count += 1;
        }
        Ok(count)
    }

    /// Every secret reference with the key that holds it.
    fn secrets(&self) -> Vec<(String, &SecretRef)> {
        let mut all = Vec::new();
        for (index, endpoint) in self.chain.endpoints.iter().enumerate() {
            if let Endpoint::Secret(secret) = endpoint {
                all.push((format!("chain.endpoints[{index}]"), secret));
            }
        }
        for (key, queue) in self.prover.queues() {
            all.extend(queue.secrets(key));
        }
        if let Some(gateway) = &self.gateway {
            all.push(("gateway.keystore.password".to_owned(), &gateway.keystore.password));
        }
        for (index, strategy) in self.solver.iter().flat_map(|solver| &solver.strategies).enumerate() {
            all.push((format!("solver.strategies[{index}].keystore.password"), &strategy.keystore.password));
            all.push((format!("solver.strategies[{index}].secret.password"), &strategy.secret.password));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str =
        "[chain]\nid = 31337\nendpoints = [\"ws://127.0.0.1:8545\"]\n[store]\ndirectory = \"d\"\n";

    fn refusal(text: &str) -> String {
        let error = Config::parse(text).and_then(|config| config.validate()).unwrap_err();
        error.to_string()
    }

    #[test]
    fn every_file_in_configs_is_accepted() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
        let files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 3);
        for file in files {
            Config::load(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }

    #[test]
    fn the_queues_that_the_development_file_describes_are_accepted() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/dev.toml");
        let text = fs::read_to_string(file).unwrap();
        let is_key = |line: &str| {
            let key = line.split_once(" = ").map_or("", |(key, _)| key);
            line.starts_with("[prover.")
                || (!key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        };
        let start = text.find("# [prover.public-queue]").unwrap();
        let (before, queues) = text.split_at(start);
        let (queues, after) = queues.split_at(queues.find("[api]").unwrap());
        let plain = |line: &str| match line.strip_prefix("# ") {
            Some(rest) if is_key(rest) => format!("{rest}\n"),
            _ => format!("{line}\n"),
        };
        let queues: String = queues.lines().map(plain).collect();
        let config = Config::parse(&format!("{before}{queues}{after}")).unwrap();
        config.validate().unwrap();
        let (public, private) = (config.prover.public_queue.unwrap(), config.prover.private_queue.unwrap());
        assert_eq!((public.user.as_deref(), private.user.as_deref()), (Some("gateway"), Some("solver")));
        assert_eq!(public.patience().attempts, 3);
        assert!(public.tls.is_some());
    }

    #[test]
    fn the_smallest_configuration_is_a_chain_and_a_store() {
        Config::parse(SMALLEST).unwrap().validate().unwrap();
    }

    // covers: P17
    #[test]
    fn an_unknown_key_is_refused_with_its_path() {
        let nested = format!("{SMALLEST}[prover]\nthreds = 2\n");
        assert!(refusal(&nested).starts_with("prover.threds: unknown field"), "{}", refusal(&nested));
        let top = format!("[provr]\n{SMALLEST}");
        assert!(refusal(&top).starts_with("provr: unknown field"), "{}", refusal(&top));
    }

    // covers: P17
    #[test]
    fn a_missing_key_a_wrong_type_and_a_bad_unit_are_refused_with_their_paths() {
        assert!(
            refusal("[chain]\nid = 1\n[store]\ndirectory = \"d\"")
                .starts_with("chain: missing field `endpoints`")
        );
        let wrong = SMALLEST.replace("31337", "\"one\"");
        assert!(refusal(&wrong).starts_with("chain.id: "), "{}", refusal(&wrong));
        let unit = SMALLEST.replace("[store]", "call-timeout = \"2 parsecs\"\n[store]");
        assert!(refusal(&unit).starts_with("chain.call-timeout: "), "{}", refusal(&unit));
    }

    #[test]
    fn a_plain_password_is_refused() {
        let gateway = format!(
            "{SMALLEST}[gateway]\nmarkets = []\nkeystore = {{ path = \"k.json\", password = \"hunter2\" }}\n"
        );
        let message = refusal(&gateway);
        assert!(message.starts_with("gateway.keystore.password: "), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn a_gateway_of_a_solver_is_an_address_and_at_most_an_opener() {
        let strategy = format!(
            "[[solver.strategies]]\ndirectory = \"d\"\nmarket = \"{:#066x}\"\n\
             keystore = {{ path = \"k.json\", password = \"env:P\" }}\nsecret = {{ path = \"s.json\", password = \"env:P\" }}\n",
            alloy::primitives::U256::ONE
        );
        let with = |gateway: &str| {
            refusal(&format!("{SMALLEST}[solver]\n[[solver.gateways]]\n{gateway}\n{strategy}"))
        };
        let url = "url = \"https://gateway.example.org\"";
        let opener = |digits: usize| format!("opener = \"0x{}\"", "1".repeat(digits));
        let whole = with(&format!("{url}\n{}", opener(40)));
        assert!(whole.starts_with("contracts: "), "nothing is wrong with it: {whole}");
        for (gateway, words) in [
            ("url = \"gateway.example.org\"".to_owned(), "solver.gateways[0].url: "),
            (format!("{url}\n{}", opener(39)), "solver.gateways"),
            (format!("{url}\nowner = 1"), "solver.gateways"),
            (opener(40), "solver.gateways"),
        ] {
            let message = with(&gateway);
            assert!(message.starts_with(words), "{message}");
        }
    }

    #[test]
    fn a_role_without_contracts_is_refused() {
        let gateway = format!(
            "{SMALLEST}[gateway]\nmarkets = [\"{:#066x}\"]\nkeystore = {{ path = \"k.json\", password = \"env:P\" }}\n",
            alloy::primitives::U256::ONE
        );
        assert!(refusal(&gateway).starts_with("contracts: "), "{}", refusal(&gateway));
    }
}
