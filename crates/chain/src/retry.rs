//! Which failures of an endpoint another attempt can mend.

use std::time::Duration;

use alloy::transports::{
    RpcError, TransportError, TransportErrorKind,
    layers::{RateLimitRetryPolicy, RetryPolicy},
};

use crate::{ChainError, ErrorClass};

/// The error of this crate inside a transport error, if there is one.
pub(crate) fn own(error: &TransportError) -> Option<&ChainError> {
    match error {
        RpcError::Transport(TransportErrorKind::Custom(source)) => source.downcast_ref(),
        _ => None,
    }
}

/// Whether the request is worth sending again, here or elsewhere. A peer's fault is worth a try at another peer.
pub(crate) fn retryable(error: &TransportError) -> bool {
    if let Some(own) = own(error) {
        let elsewhere = matches!(own, ChainError::WrongChain { .. });
        return elsewhere || matches!(own.class(), ErrorClass::Retry | ErrorClass::PeerFault);
    }
    match error {
        RpcError::ErrorResp(payload) => payload.is_retry_err(),
        RpcError::Transport(TransportErrorKind::NonRetryable(_)) => false,
        RpcError::Transport(kind) => match kind.as_http_error() {
            Some(http) => http.status >= 500 || matches!(http.status, 408 | 429),
            None => true,
        },
        RpcError::DeserError { .. } => true,
        _ => false,
    }
}

/// How long the server asked to be left alone.
pub(crate) fn backoff_hint(error: &TransportError) -> Option<Duration> {
    RateLimitRetryPolicy::default().backoff_hint(error)
}
