//! `sotto config`: is a configuration file good, and what does it say.

use std::fmt;

use clap::Subcommand;
use eyre::WrapErr as _;
use serde::Serialize;

use crate::{
    args::{ConfigArgs, OutputArgs},
    config::Config,
};

/// Check or show the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the file and every secret it refers to; nothing is contacted
    Check(ConfigArgs),
    /// Print the file with all defaults filled in; secrets and keys in addresses are not shown
    Show(ConfigArgs),
}

impl ConfigCommand {
    /// Runs the command.
    pub(crate) fn run(self, output: OutputArgs) -> eyre::Result<()> {
        match self {
            Self::Check(args) => output.print(&Checked::new(&args)?),
            Self::Show(args) => output.print(&Shown(args.load()?)),
        }
    }
}

/// The result of `config check`.
#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    chain_id: u64,
    roles: Vec<&'static str>,
    secrets: usize,
}

impl Checked {
    fn new(args: &ConfigArgs) -> eyre::Result<Self> {
        let config = args.load()?;
        let secrets = config.check_secrets()?;
        let solver = config.solver.as_ref().map(|_| "solver");
        let gateway = config.gateway.as_ref().map(|_| "gateway");
        let roles = solver.into_iter().chain(gateway).collect();
        Ok(Self { file: args.config.display().to_string(), chain_id: config.chain.id, roles, secrets })
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = if self.roles.is_empty() { "no role".to_owned() } else { self.roles.join(", ") };
        write!(f, "{}: good; chain {}, {roles}, {} secrets readable", self.file, self.chain_id, self.secrets)
    }
}

/// The result of `config show`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Shown(Config);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = toml::to_string_pretty(&self.0).wrap_err("no TOML form").map_err(|_| fmt::Error)?;
        f.write_str(text.trim_end())
    }
}
