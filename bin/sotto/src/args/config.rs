//! Which configuration file to read.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, ConfigError};

/// Which configuration file to read.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgs {
    /// Configuration file (TOML)
    #[arg(long, short, env = "SOTTO_CONFIG", default_value = "configs/dev.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
}

impl ConfigArgs {
    /// Reads and checks the file.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&self.config)
    }
}
