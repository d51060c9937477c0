//! One file per subcommand.

pub(crate) mod bench;
pub(crate) mod circuit;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod deploy;
pub(crate) mod doctor;
pub(crate) mod gateway;
pub(crate) mod intent;
pub(crate) mod keys;
pub(crate) mod prover;
pub(crate) mod round;
pub(crate) mod solver;
pub(crate) mod strategy;
