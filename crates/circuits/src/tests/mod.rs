//! Tests that share built circuits.

mod chain;
mod fixtures;
mod freivalds;
mod keys;
mod leaf;
mod merge;
mod security;
mod strategies;
mod tournament;
mod witness;
