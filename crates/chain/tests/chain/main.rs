//! The chain connection against a real anvil, with the faults that nodes and networks have.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod keys;
mod pending;
mod pool;
mod support;
mod tx;
mod tx_faults;
mod watcher;
