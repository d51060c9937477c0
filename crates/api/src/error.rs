//! What can go wrong in the servers and in the client, and how a refusal looks on the wire.

use std::net::SocketAddr;

use jsonrpsee::types::{ErrorObject, ErrorObjectOwned, error::INVALID_PARAMS_CODE};
use serde::{Deserialize, Serialize};
use sotto_auction::gateway::Refusal;
use thiserror::Error;

/// An error of this crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApiError {
    /// A server could not be bound to its address.
    #[error("{address} cannot be bound: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A metric is registered twice.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// A method is registered twice.
    #[error("method: {reason}")]
    Method {
        /// What the server said.
        reason: String,
    },
    /// A server's task ended early.
    #[error("the {server} server has stopped: {reason}")]
    Stopped {
        /// Which.
        server: &'static str,
        /// Why.
        reason: String,
    },
    /// The gateway's address is unusable, or the gateway cannot be reached or understood.
    #[error("the gateway cannot be used: {reason}")]
    Unreachable {
        /// What happened.
        reason: String,
    },
    /// The gateway refused a request.
    #[error("the gateway refused: {} ({}); {}", data.reason, data.code, data.action)]
    Refused {
        /// Number of the JSON-RPC error.
        number: i32,
        /// What it said.
        data: ErrorData,
    },
}

impl ApiError {
    /// The refusal's name, if the gateway refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { data, .. } => Some(&data.code),
            _ => None,
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { data, .. } => matches!(
                data.code.as_str(),
                "busy"
                    | "rate-limited"
                    | "chain-unavailable"
                    | "storage-failed"
                    | "shutting-down"
                    | "book-full"
                    | "too-early"
            ),
            _ => false,
        }
    }
}

/// The `data` of an error on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorData {
    /// Stable name of the kind of error.
    pub code: String,
    /// What is wrong with this request.
    pub reason: String,
    /// What to do about it.
    pub action: String,
    /// The field that is wrong, when the parameters could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A refusal as a JSON-RPC error.
pub(crate) fn refused(refusal: &Refusal) -> ErrorObjectOwned {
    let data = ErrorData {
        code: refusal.code.label().into(),
        reason: refusal.reason.clone(),
        action: refusal.advice().into(),
        path: None,
    };
    ErrorObject::owned(refusal.code.number(), refusal.to_string(), Some(data))
}

/// Parameters that could not be read, with the field.
pub(crate) fn invalid_params(path: String, reason: String) -> ErrorObjectOwned {
    let message = if path.is_empty() { reason.clone() } else { format!("{path}: {reason}") };
    let data = ErrorData {
        code: "invalid-params".into(),
        reason,
        action: "correct the field, see the documentation of the method".into(),
        path: (!path.is_empty()).then_some(path),
    };
    ErrorObject::owned(INVALID_PARAMS_CODE, message, Some(data))
}

/// Too many calls from one address.
pub(crate) fn rate_limited() -> ErrorObjectOwned {
    let data = ErrorData {
        code: "rate-limited".into(),
        reason: "too many calls from this address".into(),
        action: "slow down, and try again in a second".into(),
        path: None,
    };
    ErrorObject::owned(3005, "too many calls from this address (rate-limited)", Some(data))
}

/// Too many subscribers.
pub(crate) fn no_place() -> ErrorObjectOwned {
    let data = ErrorData {
        code: "too-many-subscribers".into(),
        reason: "the gateway has as many subscribers as it takes".into(),
        action: "try again later, or poll".into(),
        path: None,
    };
    ErrorObject::owned(3006, "too many subscribers (too-many-subscribers)", Some(data))
}

/// A round that is not known.
pub(crate) fn unknown_round(id: impl std::fmt::Display) -> ErrorObjectOwned {
    refused(&Refusal::new(
        sotto_auction::gateway::RefusalCode::UnknownRound,
        format!("round {id} is not known here, or was forgotten"),
    ))
}
