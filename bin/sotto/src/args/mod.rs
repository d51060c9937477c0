//! Arguments that several subcommands share, one struct per concern.

mod config;
mod gateway;
mod key;
mod output;

pub(crate) use config::ConfigArgs;
pub(crate) use gateway::GatewayUrlArgs;
pub(crate) use key::{KeyArgs, PasswordArgs, signing_provider};
pub(crate) use output::OutputArgs;
