//! Arguments that several subcommands share, one struct per concern.

mod config;
mod output;

pub(crate) use config::ConfigArgs;
pub(crate) use output::OutputArgs;
