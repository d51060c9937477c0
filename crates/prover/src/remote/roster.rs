//! The submitter's view of the workers: who advertises what, and who is shunned.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Advert, message::MAX_AVOIDED, topology::ADVERT_LIFE};

/// How long a worker that returned a wrong proof gets no jobs.
const SHUNNED_FOR: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct Roster {
    adverts: Mutex<HashMap<String, (Advert, Instant)>>,
    shunned: Mutex<HashMap<String, Instant>>,
    pub(super) changed: Notify,
}

impl Roster {
    pub(super) fn heard(&self, worker: &str, advert: Advert) {
        self.adverts.lock().insert(worker.to_owned(), (advert, Instant::now()));
        self.changed.notify_waiters();
    }

    pub(super) fn left(&self, worker: &str) {
        self.adverts.lock().remove(worker);
    }

    /// Adverts that were renewed lately, without those of shunned workers.
    pub(super) fn present(&self) -> Vec<(String, Advert)> {
        let shunned = self.shunned();
        let mut adverts = self.adverts.lock();
        adverts.retain(|_, (_, heard)| heard.elapsed() < ADVERT_LIFE);
        let mut all: Vec<_> = adverts
            .iter()
            .filter(|(name, _)| !shunned.contains(name))
            .map(|(name, (advert, _))| (name.clone(), advert.clone()))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// Whether somebody takes jobs of a kind.
    pub(super) fn takes(&self, kind: &str) -> bool {
        self.present().iter().any(|(_, advert)| !advert.leaving && advert.kinds.iter().any(|k| k == kind))
    }

    /// Gives a worker no more jobs for a while.
    pub(super) fn shun(&self, worker: &str) {
        self.shunned.lock().insert(worker.to_owned(), Instant::now());
    }

    pub(super) fn is_shunned(&self, worker: &str) -> bool {
        self.shunned.lock().get(worker).is_some_and(|since| since.elapsed() < SHUNNED_FOR)
    }

    /// The shunned workers, the last ones where there are many.
    pub(super) fn shunned(&self) -> Vec<String> {
        let mut map = self.shunned.lock();
        map.retain(|_, since| since.elapsed() < SHUNNED_FOR);
        let mut all: Vec<_> = map.iter().map(|(name, since)| (since.elapsed(), name.clone())).collect();
        all.sort();
        all.into_iter().take(MAX_AVOIDED).map(|(_, name)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shunned_worker_counts_as_absent() {
        let roster = Roster::default();
        let advert = Advert { kinds: vec!["wrap".into()], ..Advert::default() };
        roster.heard("a", advert.clone());
        assert!(roster.takes("wrap") && !roster.takes("sheet"));
        roster.shun("a");
        assert!(!roster.takes("wrap"));
        assert_eq!(roster.shunned(), ["a"]);
        roster.heard("b", Advert { leaving: true, ..advert.clone() });
        assert!(!roster.takes("wrap"), "a worker that leaves takes nothing");
        roster.heard("b", advert);
        assert!(roster.takes("wrap"));
        roster.left("b");
        assert!(!roster.takes("wrap"));
    }
}
