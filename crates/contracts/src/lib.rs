//! The contracts as Rust sees them: bindings, embedded artifacts, deployment, and the generator of the proof verifier.

mod artifact;
pub mod bindings;
mod deploy;
mod foreign;
pub mod local;
mod plan;
mod sources;
pub mod strategy;
pub mod verifier;

pub use artifact::{Artifact, ArtifactError, artifact};
pub use bindings::{IAuctionHouse, IExecutor, IFeed, IMarkets, IProofVerifier, IStrategyRegistry};
pub use deploy::{
    CoreDelays, DeployError, Deployed, Deployment, create, create_embedded, deploy_profile, deploy_verifier,
    send,
};
pub use foreign::{ForeignError, Packages};
pub use plan::{CREATE2_DEPLOYER, CoreSettings, Plan, Step};
pub use sources::{Verification, verification};
