//! Leaves that are proven while their commitments are on the way to the chain.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use parking_lot::Mutex;
use sotto_prover::ProvenLeaf;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::BidKey;

/// Leaves that are kept at once. A bid beyond that has its leaf proven with its sheet.
pub(super) const MOST_LEAVES: usize = 16;

/// State of a leaf.
#[derive(Clone)]
enum Ready<T> {
    Running,
    Failed,
    Proven(Arc<T>),
}

struct Kept<T> {
    ready: watch::Receiver<Ready<T>>,
    /// Ends the proof when nobody keeps the leaf any more.
    _guard: DropGuard,
}

/// The leaves, one for each round and strategy. A leaf stays until it is released, also when it was used: a
/// reorganisation may give the commitment another index, and the sheet is then proven around the same leaf.
pub(super) struct Leaves<T = ProvenLeaf> {
    kept: Mutex<BTreeMap<BidKey, Kept<T>>>,
    most: usize,
    cancel: CancellationToken,
}

impl<T: Send + Sync + 'static> Leaves<T> {
    /// Keeps at most `most` leaves; `cancel` ends all of them.
    pub(super) fn new(most: usize, cancel: CancellationToken) -> Self {
        Self { kept: Mutex::default(), most, cancel }
    }

    /// Starts the leaf of a bid, unless there is one, or too many; says whether it did. A leaf that failed is not started
    /// again.
    pub(super) fn start<F>(&self, key: BidKey, prove: impl FnOnce(CancellationToken) -> F) -> bool
    where
        F: Future<Output = Option<T>> + Send + 'static,
    {
        let mut kept = self.kept.lock();
        if kept.contains_key(&key) || kept.len() >= self.most {
            return false;
        }
        let cancel = self.cancel.child_token();
        let (done, ready) = watch::channel(Ready::Running);
        let proof = prove(cancel.clone());
        let ended = cancel.clone();
        tokio::spawn(async move {
            let proven = tokio::select! {
                proven = proof => proven,
                () = ended.cancelled() => None,
            };
            // Nobody may want it any more.
            let _ = done.send(proven.map_or(Ready::Failed, |leaf| Ready::Proven(Arc::new(leaf))));
        });
        kept.insert(key, Kept { ready, _guard: cancel.drop_guard() });
        true
    }

    /// The leaf of a bid, when it is ready; `None` when there is none or it failed.
    pub(super) async fn ready(&self, key: BidKey) -> Option<Arc<T>> {
        let mut ready = self.kept.lock().get(&key)?.ready.clone();
        // An error says that the proof panicked.
        let state = ready.wait_for(|state| !matches!(state, Ready::Running)).await.ok()?;
        match &*state {
            Ready::Proven(leaf) => Some(Arc::clone(leaf)),
            Ready::Running | Ready::Failed => None,
        }
    }

    /// Forgets the leaves of all other bids, and ends their proofs.
    pub(super) fn retain(&self, wanted: impl Fn(&BidKey) -> bool) {
        self.kept.lock().retain(|key, _| wanted(key));
    }

    /// Forgets the leaf of a bid, and ends its proof.
    pub(super) fn release(&self, key: &BidKey) {
        self.kept.lock().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use alloy::primitives::B256;
    use sotto_types::Digest;

    use super::*;

    fn key(round: u8) -> BidKey {
        BidKey { round: B256::repeat_byte(round), strategy: Digest::new([1, 0, 0, 0]).unwrap() }
    }

    fn leaves(most: usize) -> Leaves<u8> {
        Leaves::new(most, CancellationToken::new())
    }

    #[tokio::test]
    async fn a_leaf_is_started_once_and_serves_more_than_one_sheet() {
        let leaves = leaves(2);
        assert!(leaves.start(key(1), |_| ready(Some(7))));
        assert!(!leaves.start(key(1), |_| -> std::future::Ready<_> { panic!("a second proof") }));
        assert_eq!(leaves.ready(key(1)).await.as_deref(), Some(&7));
        assert_eq!(leaves.ready(key(1)).await.as_deref(), Some(&7));
    }

    #[tokio::test]
    async fn a_sheet_waits_for_its_leaf_and_gets_none_when_that_fails_or_panics() {
        let leaves = leaves(3);
        let (done, wait) = tokio::sync::oneshot::channel();
        leaves.start(key(1), |_| async { wait.await.ok() });
        let (leaf, ()) = tokio::join!(leaves.ready(key(1)), async { done.send(9).unwrap() });
        assert_eq!(leaf.as_deref(), Some(&9));
        leaves.start(key(2), |_| ready(None));
        leaves.start(key(3), |_| async { panic!("on purpose") });
        assert_eq!(leaves.ready(key(2)).await, None);
        assert_eq!(leaves.ready(key(3)).await, None);
        assert_eq!(leaves.ready(key(4)).await, None);
    }

    #[tokio::test]
    async fn no_more_than_the_limit_are_kept_and_a_release_makes_room() {
        let leaves = leaves(1);
        assert!(leaves.start(key(1), |_| ready(Some(1))));
        assert!(!leaves.start(key(2), |_| ready(Some(2))));
        leaves.release(&key(1));
        assert!(leaves.start(key(2), |_| ready(Some(2))));
    }

    #[tokio::test]
    async fn a_release_and_the_end_of_the_solver_cancel_the_proof_and_free_the_leaf() {
        let end = CancellationToken::new();
        let leaves = Leaves::<u8>::new(3, end.clone());
        let mut tokens = Vec::new();
        for round in 1..=3 {
            leaves.start(key(round), |cancel| {
                tokens.push(cancel);
                pending()
            });
        }
        leaves.release(&key(1));
        tokens[0].cancelled().await;
        leaves.retain(|kept| *kept == key(3));
        tokens[1].cancelled().await;
        assert!(!tokens[2].is_cancelled());
        end.cancel();
        tokens[2].cancelled().await;
        assert_eq!(leaves.ready(key(3)).await, None);

        let leaves = Leaves::new(1, CancellationToken::new());
        let weak = {
            leaves.start(key(1), |_| ready(Some(vec![0_u8; 8])));
            Arc::downgrade(&leaves.ready(key(1)).await.unwrap())
        };
        assert!(weak.upgrade().is_some());
        leaves.release(&key(1));
        while weak.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    }
}
