//! The queue on a real nats-server: every fault ends in a proof from elsewhere, or in a stated reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "what is missing or wrong here is a failed test"
)]

mod broker;
mod faults;
mod flow;
mod permissions;
mod process;
mod real;
mod tiny;
