//! Inputs and proofs: in the message when small, in the object store otherwise. Sizes are checked before anything is read.

use std::time::Duration;

use async_nats::jetstream::object_store::{ObjectMetadata, ObjectStore};
use bytes::Bytes;
use tokio::{io::AsyncReadExt as _, time::timeout};

use super::{RemoteError, results::publish_error};

/// Longest time for one object to be written or read; shorter than the silence that a worker is allowed.
const TRANSFER: Duration = Duration::from_secs(5);
/// Bytes of a chunk, below the broker's usual largest message of a mebibyte.
const CHUNK: usize = 512 << 10;

/// Stores an object under a name.
pub(super) async fn put(store: &ObjectStore, name: &str, bytes: &[u8]) -> Result<(), RemoteError> {
    let metadata =
        ObjectMetadata { name: name.to_owned(), chunk_size: Some(CHUNK), ..ObjectMetadata::default() };
    let mut reader = bytes;
    match timeout(TRANSFER, store.put(metadata, &mut reader)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(publish_error("storing an object", &error)),
        Err(_) => Err(RemoteError::Broker { what: "storing an object", reason: "timed out".into() }),
    }
}

/// Whether an object of this name and size is stored already.
pub(super) async fn holds(store: &ObjectStore, name: &str, bytes: usize) -> bool {
    store.info(name).await.is_ok_and(|info| !info.deleted && info.size == bytes)
}

/// Reads an object of at most `limit` bytes. The store's own digest is checked on the way.
pub(super) async fn get(
    store: &ObjectStore,
    name: &str,
    what: &'static str,
    limit: usize,
) -> Result<Bytes, RemoteError> {
    let read = async {
        let mut object = store.get(name).await.map_err(|e| RemoteError::broker("reading an object", &e))?;
        let size = object.info().size;
        if size > limit {
            return Err(RemoteError::TooLarge { what, bytes: size, limit });
        }
        // The declared size is the writer's word, so no more than that is read, and it is not allocated ahead.
        let mut bytes = Vec::new();
        let mut bounded = (&mut object).take(limit as u64 + 1);
        bounded.read_to_end(&mut bytes).await.map_err(|e| RemoteError::broker("reading an object", &e))?;
        if bytes.len() > limit {
            return Err(RemoteError::TooLarge { what, bytes: bytes.len(), limit });
        }
        Ok(Bytes::from(bytes))
    };
    timeout(TRANSFER, read).await.unwrap_or_else(|_| {
        Err(RemoteError::Broker { what: "reading an object", reason: "timed out".into() })
    })
}
