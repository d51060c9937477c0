//! The ledger on a real file system, with the faults that disks and processes have.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    clippy::redundant_closure_for_method_calls,
    reason = "a test fails by panicking; a method of `Unit<'_>` is not general enough to be named"
)]

mod crash;
mod file;
mod journal;
mod rows;
mod support;
