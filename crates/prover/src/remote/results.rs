//! Results on the broker: publishing one, finding one that was published before.

use std::error::Error;

use async_nats::jetstream::{
    Context, ErrorCode,
    message::PublishMessage,
    stream::{LastRawMessageErrorKind, Stream},
};
use async_nats::{HeaderMap, Subject};
use bytes::Bytes;

use super::{JobId, Reach, RemoteError, message::ResultHeader, topology::Names};

/// A result as it came from the broker.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) worker: String,
    pub(super) header: ResultHeader,
    pub(super) payload: Bytes,
}

impl Arrived {
    /// `None` for a message that is no result.
    pub(super) fn read(subject: &Subject, headers: Option<&HeaderMap>, payload: Bytes) -> Option<Self> {
        // sotto.<reach>.results.<worker>.<id>: the broker lets a worker publish under its own name only
        let worker = subject.as_str().split('.').nth(3)?.to_owned();
        Some(Self { worker, header: ResultHeader::read(headers)?, payload })
    }
}

/// The last result that any worker published for a job.
pub(super) async fn last<R: Reach>(results: &Stream, id: JobId) -> Result<Option<Arrived>, RemoteError> {
    let subject = Names::<R>::result("*", &id.to_string());
    match results.get_last_raw_message_by_subject(&subject).await {
        Ok(message) => Ok(Arrived::read(&message.subject, Some(&message.headers), message.payload)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(RemoteError::broker("looking for a result", &error)),
    }
}

/// Publishes to a stream and waits until it is stored. Gives its place, and whether the stream had the message before.
pub(super) async fn publish(
    context: &Context,
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
    what: &'static str,
) -> Result<(u64, bool), RemoteError> {
    let message = PublishMessage::build().headers(headers).payload(payload);
    let sent = context.send_publish(subject, message).await.map_err(|e| publish_error(what, &e))?;
    let stored = sent.await.map_err(|e| publish_error(what, &e))?;
    Ok((stored.sequence, stored.duplicate))
}

/// A failed write, told apart by whether the broker has no room.
pub(super) fn publish_error(what: &'static str, error: &(dyn Error + 'static)) -> RemoteError {
    let mut reason = error.to_string();
    let mut source = Some(error);
    while let Some(error) = source {
        let full = error.downcast_ref::<async_nats::jetstream::Error>().is_some_and(|e| {
            matches!(
                e.error_code(),
                ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
                    | ErrorCode::INSUFFICIENT_RESOURCES
                    | ErrorCode::STORAGE_RESOURCES_EXCEEDED
                    | ErrorCode::MEMORY_RESOURCES_EXCEEDED
                    | ErrorCode::STREAM_STORE_FAILED
                    | ErrorCode::MAXIMUM_STREAMS_LIMIT
            )
        });
        reason = error.to_string();
        if full {
            return RemoteError::Full { reason: format!("{what}: {reason}") };
        }
        source = error.source();
    }
    RemoteError::Broker { what, reason }
}
