//! One file per subcommand.

pub(crate) mod circuit;
pub(crate) mod config;
pub(crate) mod deploy;
pub(crate) mod doctor;
pub(crate) mod keys;
pub(crate) mod strategy;
