//! Tests that share built circuits.

mod chain;
mod fixtures;
mod keys;
mod leaf;
mod security;
mod witness;
