//! The submitter's view of the workers: who advertises what, and who is shunned.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::timeout};

use super::{Advert, message::MAX_AVOIDED, topology::ADVERT_LIFE};

/// How long a worker that returned a wrong proof gets no jobs.
const SHUNNED_FOR: Duration = Duration::from_secs(600);
/// Between two looks for workers that fell silent.
const LOOK: Duration = Duration::from_secs(1);

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
        self.changed.notify_waiters();
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

    /// Whether somebody may hold a job of a kind, or take one: a worker that leaves finishes the job that it has.
    pub(super) fn may_answer(&self, kind: &str) -> bool {
        let may = |advert: &Advert| advert.busy || !advert.leaving;
        self.present().iter().any(|(_, advert)| may(advert) && advert.kinds.iter().any(|k| k == kind))
    }

    /// Ends when, for a while without a break, there was nobody who may answer.
    pub(super) async fn deserted(&self, kind: &str, a_while: Duration) {
        loop {
            self.until(|| !self.may_answer(kind)).await;
            if timeout(a_while, self.until(|| self.may_answer(kind))).await.is_err() {
                return;
            }
        }
    }

    /// Waits for a state of the roster. Nobody tells of a worker that falls silent, so it is looked for.
    async fn until(&self, reached: impl Fn() -> bool) {
        loop {
            let told = self.changed.notified();
            if reached() {
                return;
            }
            let _ = timeout(LOOK, told).await;
        }
    }

    /// Gives a worker no more jobs for a while.
    pub(super) fn shun(&self, worker: &str) {
        self.shunned.lock().insert(worker.to_owned(), Instant::now());
        self.changed.notify_waiters();
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

    #[tokio::test]
    async fn a_worker_that_finishes_its_job_is_waited_for_and_one_that_left_is_not() {
        let roster = Roster::default();
        let busy = Advert { kinds: vec!["wrap".into()], busy: true, leaving: true, ..Advert::default() };
        roster.heard("a", busy.clone());
        assert!(roster.may_answer("wrap") && !roster.takes("wrap") && !roster.may_answer("sheet"));
        let (at_once, much_later) = (Duration::from_millis(1), Duration::from_secs(3600));
        let briefly = Duration::from_millis(50);
        let pending = async |a_while| timeout(briefly, roster.deserted("wrap", a_while)).await.is_err();
        assert!(pending(at_once).await, "it has a job");
        roster.heard("a", Advert { busy: false, ..busy.clone() });
        assert!(pending(much_later).await, "another may come");
        roster.heard("b", Advert { leaving: false, ..busy });
        assert!(pending(at_once).await, "another came");
        let ((), ()) = tokio::join!(roster.deserted("wrap", at_once), async { roster.left("b") });
    }
}
