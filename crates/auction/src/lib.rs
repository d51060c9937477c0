//! The auction's daemons: the solver, which bids with proven sheets, and the gateway, which opens rounds, settles and fills.
//!
//! [`events`], [`round_view`], [`pending`], [`settlement`] and [`submission`] are what both know of the auction; the rest of
//! each daemon is in its own module. Decisions are made by plain functions of what is known; the tasks around them do the input and
//! output.

mod error;
pub mod events;
pub mod gateway;
pub mod local;
pub mod pending;
pub mod round_view;
pub mod settlement;
pub mod solver;
pub mod submission;

pub use error::{AuctionError, Result};
pub use events::{AuctionEvent, AuctionId, EventError, RoundOpening};
pub use round_view::{Applied, CommitView, Phase, RoundBook, RoundView, SlotState};
pub use submission::{SheetReceipt, SheetSubmission};
