//! The proving service: circuits built once, jobs queued by deadline, every proof verified before it is handed out.

mod circuits;
mod early;
mod error;
pub mod fast;
pub mod measure;
mod open;
mod queue;
pub mod remote;
mod service;
mod tournament;
mod wrapping;

pub use early::{LeafJob, ProvenLeaf};
pub use error::{ErrorClass, ProveError};
pub use open::{OpenJob, OpenJobError, OpenProof, PartBytes};
pub use queue::{ProvingQueue, QueueConfig, Stage, no_deadline};
pub use service::{
    ProvenSheet, Prover, ProverConfig, SheetJob, SheetSeconds, SheetStatement, WrapJob, WrappedProof,
};
pub use tournament::{MergeError, MergeJob, Part, ProvenNode};
pub use wrapping::WrapProfile;
