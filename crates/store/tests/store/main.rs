//! The ledger on a real file system, with the faults that disks and processes have.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod crash;
mod file;
mod journal;
mod rows;
mod support;
