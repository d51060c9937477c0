//! The proving service: circuits built once, jobs queued by deadline, every proof verified before it is handed out.

mod error;
pub mod fast;
pub mod measure;
mod queue;
mod service;

pub use error::{ErrorClass, ProveError};
pub use queue::{ProvingQueue, QueueConfig, Stage, no_deadline};
pub use service::{
    ProvenSheet, Prover, ProverConfig, SheetJob, SheetSeconds, SheetStatement, WrapJob, WrappedProof,
};
