//! The solver: it sees rounds, evaluates its models, commits, proves, and follows each bid until its bond is free again.
//!
//! [`decide`] says what comes next for a bid, [`risk`] whether to bid at all, [`exposure`] what could have to be delivered.
//! These are plain functions of what is known; the loop around them feeds them with events and does what they say.

mod bid;
mod config;
pub mod decide;
mod driver;
mod evaluate;
pub mod exposure;
mod leaves;
mod metrics;
mod outcome;
mod reason;
pub mod risk;
mod run;
mod scribe;
mod work;

pub use config::{GatewayEndpoint, SolverConfig, SolverDeps, SolverStrategy};
pub use exposure::{BidKey, Exposure};
pub use metrics::SolverMetrics;
pub use reason::{DropReason, Stage};
pub use risk::RiskLimits;
pub use run::Solver;
