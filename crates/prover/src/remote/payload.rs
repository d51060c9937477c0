//! Inputs and proofs: in the message when small, otherwise in parts in a stream of their own. The message names the size, so
//! that is checked before anything is read.

use std::{ops::Range, time::Duration};

use async_nats::jetstream::{Context, message::PublishMessage, stream::Stream};
use bytes::{Bytes, BytesMut};
use futures::future::try_join_all;
use tokio::time::timeout;

use super::{RemoteError, results::publish_error};

/// Longest time for one payload to be written or read; shorter than the silence that a worker is allowed.
const TRANSFER: Duration = Duration::from_secs(5);
/// Bytes of a part, below the broker's usual largest message of a mebibyte. Both sides count in it.
const PART: usize = 512 << 10;

/// The parts of a payload of this size.
fn parts(bytes: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    let ranges = (0..bytes).step_by(PART).map(move |start| start..bytes.min(start.saturating_add(PART)));
    ranges.enumerate()
}

/// Stores a payload under `subject.0`, `subject.1` and so on: every part is on its way before the first is acknowledged.
pub(super) async fn put(context: &Context, subject: &str, payload: &Bytes) -> Result<(), RemoteError> {
    let what = "storing a payload";
    let write = async {
        let mut acknowledged = Vec::new();
        for (number, range) in parts(payload.len()) {
            let part = PublishMessage::build().payload(payload.slice(range));
            let sent = context.send_publish(format!("{subject}.{number}"), part).await;
            acknowledged.push(sent.map_err(|e| publish_error(what, &e))?.into_future());
        }
        try_join_all(acknowledged).await.map(drop).map_err(|e| publish_error(what, &e))
    };
    timeout(TRANSFER, write)
        .await
        .unwrap_or_else(|_| Err(RemoteError::Broker { what, reason: "timed out".into() }))
}

/// Reads a payload of a stated size, its parts at once. `what` names it in the error when that is over `limit`.
pub(super) async fn get(
    stream: &Stream,
    subject: &str,
    bytes: usize,
    what: &'static str,
    limit: usize,
) -> Result<Bytes, RemoteError> {
    if bytes > limit {
        return Err(RemoteError::TooLarge { what, bytes, limit });
    }
    let what = "reading a payload";
    let read = async {
        let part = async |(number, range): (usize, Range<usize>)| {
            let found = stream.direct_get_last_for_subject(format!("{subject}.{number}")).await;
            let part = found.map_err(|e| RemoteError::broker(what, &e))?.payload;
            if part.len() != range.len() {
                let reason = format!("part {number} has {} bytes, not {}", part.len(), range.len());
                return Err(RemoteError::Broker { what, reason });
            }
            Ok(part)
        };
        let mut all = try_join_all(parts(bytes).map(part)).await?;
        if all.len() == 1 {
            return Ok(all.remove(0));
        }
        let mut whole = BytesMut::with_capacity(bytes);
        all.iter().for_each(|part| whole.extend_from_slice(part));
        Ok(whole.freeze())
    };
    timeout(TRANSFER, read)
        .await
        .unwrap_or_else(|_| Err(RemoteError::Broker { what, reason: "timed out".into() }))
}

/// Deletes the parts of a payload.
pub(super) async fn delete(stream: &Stream, subject: &str) {
    // What stays ages out.
    let _ = stream.purge().filter(format!("{subject}.*")).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_every_byte_once() {
        for bytes in [0, 1, PART - 1, PART, PART + 1, 3 * PART, 3 * PART + 5] {
            let all: Vec<_> = parts(bytes).collect();
            assert_eq!(all.len(), bytes.div_ceil(PART));
            let mut next = 0;
            for (at, (number, range)) in all.into_iter().enumerate() {
                assert_eq!((number, range.start), (at, next));
                assert!(!range.is_empty() && range.len() <= PART);
                next = range.end;
            }
            assert_eq!(next, bytes);
        }
    }
}
