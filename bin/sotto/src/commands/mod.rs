//! One file per subcommand.

pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod strategy;
