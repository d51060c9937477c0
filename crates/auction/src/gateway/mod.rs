//! The gateway: it takes intents, opens rounds for them, settles the sheets that solvers prove, and fills what was won.
//!
//! [`book`], [`slots`], [`steps`], [`merge`] and [`pricing`] decide; they are plain functions of what is known. The rest
//! does what they say, and writes to the ledger first.

pub mod book;
pub mod merge;
pub mod owner;
pub mod pricing;
pub mod refusal;
pub mod slots;
pub mod state;
pub mod steps;
