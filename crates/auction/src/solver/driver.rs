//! The solver's loop: events of the chain and outcomes of tasks in, tasks out. One task owns all state.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy::primitives::B256;
use futures::FutureExt;
use sotto_chain::{ChainEvent, WatchStatus};
use sotto_store::{RoundStatus, SheetStatus};
use sotto_types::Digest;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    BidKey, DropReason, Exposure, Stage,
    bid::{Bid, Running},
    decide::{Step, Timing, leaf_wanted, next_step, still_wanted},
    scribe::Note,
    work::{self, Context, Failure, Job, Outcome},
};
use crate::{Applied, AuctionError, AuctionEvent, EventError, RoundBook, RoundView, pending::PendingOpening};

/// Blocks after the end of a round for which a reorganisation could still change it.
const RETENTION: u64 = sotto_chain::MAX_REORG_DEPTH as u64;

/// Pending openings that are evaluated at once; more are left to the round itself.
const AHEAD_TASKS: usize = 4;

/// The newest block that was read completely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) number: u64,
    /// Unix seconds.
    pub(super) timestamp: u64,
}

/// A task's report.
pub(super) struct Report {
    key: BidKey,
    task: u64,
    result: Result<Outcome, Failure>,
}

/// State of the loop.
pub(super) struct Driver {
    pub(super) context: Arc<Context>,
    pub(super) book: RoundBook,
    pub(super) bids: BTreeMap<BidKey, Bid>,
    pub(super) exposure: Exposure,
    pub(super) head: Option<Head>,
    /// Ids of the strategies, by position in the configuration.
    ids: Vec<Digest>,
    timing: Timing,
    notes: mpsc::Sender<Note>,
    pending_notes: Vec<Note>,
    status: watch::Receiver<WatchStatus>,
    reports: mpsc::Sender<Report>,
    tasks: JoinSet<()>,
    next_task: u64,
    /// Between a rewind and the next complete block nothing is decided.
    rewinding: bool,
    /// Whether the chain was read to its end once.
    caught_up: bool,
    /// Unfinished sheets that an earlier run left, until the chain is read.
    recovered: Vec<BidKey>,
    ahead: Arc<Semaphore>,
    /// What this solver has in the gauge of open bids.
    published: i64,
    cancel: CancellationToken,
}

impl Driver {
    pub(super) fn new(
        context: Arc<Context>,
        recovered: Vec<BidKey>,
        notes: mpsc::Sender<Note>,
        status: watch::Receiver<WatchStatus>,
        reports: mpsc::Sender<Report>,
        cancel: CancellationToken,
    ) -> Self {
        let ids = context.config.strategies.iter().map(super::SolverStrategy::id).collect();
        let book = RoundBook::new(context.config.auction, context.config.max_rounds);
        let timing = context.config.timing();
        Self {
            context,
            book,
            bids: BTreeMap::new(),
            exposure: Exposure::default(),
            head: None,
            ids,
            timing,
            notes,
            pending_notes: Vec::new(),
            status,
            reports,
            tasks: JoinSet::new(),
            next_task: 0,
            rewinding: false,
            caught_up: false,
            recovered,
            ahead: Arc::new(Semaphore::new(AHEAD_TASKS)),
            published: 0,
            cancel,
        }
    }

    /// Takes one event of the chain.
    pub(super) fn on_chain(&mut self, event: &ChainEvent) {
        match event {
            ChainEvent::Added(log) => match self.book.added(log) {
                Ok((event, Applied::Changed(round))) => self.on_round(round, Some(&event)),
                Ok((event, Applied::Full)) => self.book_full(&event),
                Ok((_, Applied::Duplicate)) | Err(EventError::Unrelated { .. }) => {}
                Err(error) => {
                    self.context.deps.metrics.bad_logs.inc();
                    tracing::error!(%error, block = log.block.number, "a log of the auction house cannot be used");
                }
            },
            ChainEvent::Removed(log) => {
                self.rewinding = true;
                self.book.removed(log);
            }
            ChainEvent::Rewound { to, depth } => {
                self.rewinding = true;
                let changed = self.book.rewound(to.number);
                if !changed.is_empty() {
                    self.context.deps.metrics.rollbacks.inc();
                    tracing::warn!(depth, rounds = changed.len(), "a reorganisation took rounds back");
                }
                self.head = self.head.map(|head| Head { number: head.number.min(to.number), ..head });
            }
            ChainEvent::Head { block, timestamp, .. } => {
                self.rewinding = false;
                self.on_head(Head { number: block.number, timestamp: *timestamp });
            }
        }
    }

    fn on_head(&mut self, head: Head) {
        self.head = Some(head);
        if !self.caught_up && self.is_live() {
            self.caught_up = true;
            tracing::info!(block = head.number, rounds = self.book.iter().count(), "the chain is read");
            self.drop_orphans();
        }
        self.drop_vanished();
        if self.caught_up {
            let rounds: Vec<B256> = self.book.iter().map(|round| round.opening.round_id).collect();
            for round in rounds {
                self.on_round(round, None);
            }
        }
        let unfinished: BTreeSet<B256> =
            self.bids.iter().filter(|(_, bid)| !bid.over).map(|(key, _)| key.round).collect();
        let old = self.book.prune_except(head.number, RETENTION, |round| unfinished.contains(&round));
        self.bids.retain(|key, _| !old.contains(&key.round));
        self.context.leaves.retain(|key| self.bids.contains_key(key));
        self.publish();
    }

    /// Every so often: a silent node lets time pass without an event.
    pub(super) fn on_tick(&mut self) {
        if let Some(head) = self.head.filter(|_| !self.caught_up) {
            self.on_head(head);
        }
        self.publish();
    }

    /// The gauge is the sum over the solvers that share it.
    fn publish(&mut self) {
        let open = i64::try_from(self.exposure.bids()).unwrap_or(i64::MAX);
        self.context.deps.metrics.bids_open.add(open - std::mem::replace(&mut self.published, open));
    }

    /// A round changed, or time passed for it.
    fn on_round(&mut self, round_id: B256, event: Option<&AuctionEvent>) {
        if !self.caught_up || self.rewinding {
            return;
        }
        let Some(round) = self.book.get(round_id) else { return };
        let market = round.opening.market;
        for position in 0..self.ids.len() {
            let ours = self.context.config.strategies.get(position).is_some_and(|s| s.market == market);
            let Some(strategy) = self.ids.get(position).copied().filter(|_| ours) else { continue };
            let key = BidKey { round: round_id, strategy };
            if !self.bids.contains_key(&key) && !self.take_up(key, position, event) {
                continue;
            }
            self.advance(key);
        }
    }

    /// Starts to follow a bid, if there is something to do for it.
    fn take_up(&mut self, key: BidKey, position: usize, event: Option<&AuctionEvent>) -> bool {
        let Some(head) = self.head else { return false };
        let Some(round) = self.book.get(key.round) else { return false };
        let opened_now = matches!(event, Some(AuctionEvent::Opened(_)));
        let committed = round.commit_of(key.strategy).is_some();
        if !opened_now && !committed && round.phase(head.number + 1) != crate::Phase::Commit {
            return false;
        }
        self.bids.insert(key, Bid::new(key.round, key.strategy, position));
        self.context.deps.metrics.reached(Stage::Seen, None);
        self.note(Note::Stage(key, Stage::Seen, now_ms()));
        true
    }

    /// Looks at a bid and starts its next step.
    pub(super) fn advance(&mut self, key: BidKey) {
        let Some(head) = self.head.filter(|_| self.caught_up && !self.rewinding) else { return };
        let Some(round) = self.book.get(key.round).cloned() else { return };
        self.observe(key, &round, head);
        let Some(bid) = self.bids.get_mut(&key) else { return };
        if !leaf_wanted(&round, key.strategy, &bid.progress, &self.timing, head.number) {
            self.context.leaves.release(&key);
        }
        if let Some(running) = &bid.running {
            if running.step != Step::Wait && !still_wanted(running.step, &round, key.strategy, head.number) {
                running.cancel.cancel();
            }
            return;
        }
        if !bid.recalled {
            if head.number >= bid.progress.not_before {
                self.start(key, &round, head, Step::Wait);
            }
            return;
        }
        match next_step(&round, key.strategy, &bid.progress, &self.timing, head.number) {
            Step::Wait => {}
            Step::Done => self.finish(key, &round),
            Step::GiveUp(reason) => self.give_up(key, reason, "the window closed".into()),
            step if self.is_live() => self.start(key, &round, head, step),
            step => tracing::debug!(round = %key.round, ?step, "held back: the node is silent or behind"),
        }
    }

    /// Whether the node is heard, and everything it has was read, but for the block that is being read.
    pub(super) fn is_live(&self) -> bool {
        let status = *self.status.borrow();
        let read = match (status.head, self.head) {
            (Some(theirs), Some(ours)) => theirs.number <= ours.number.saturating_add(1),
            _ => false,
        };
        read && status.is_live(self.context.config.limits.max_silence)
    }

    /// Starts the task of a step; `Step::Wait` stands for asking the ledger.
    fn start(&mut self, key: BidKey, round: &RoundView, head: Head, step: Step) {
        let Some(bid) = self.bids.get_mut(&key) else { return };
        let Some(strategy) = self.context.config.strategies.get(bid.strategy).cloned() else { return };
        let cancel = self.cancel.child_token();
        let job = Job {
            context: Arc::clone(&self.context),
            key,
            strategy,
            round: Arc::new(round.clone()),
            head: head.number,
            cancel: cancel.clone(),
        };
        self.next_task += 1;
        bid.over = false;
        bid.running = Some(Running { step, task: self.next_task, cancel });
        tracing::debug!(round = %key.round, strategy = job.strategy.name, ?step, "step");
        let (index, attempt) = (self.next_task, bid.attempt);
        match (step, bid.sheet.clone(), bid.proof.clone(), bid.wrapped.clone()) {
            (Step::Wait, ..) => self.spawn(key, index, work::recall(job)),
            (Step::Evaluate, ..) => self.spawn(key, index, work::evaluate(job)),
            (Step::Commit, Some(sheet), ..) => self.spawn(key, index, work::commit(job, sheet)),
            (Step::Prove(at), Some(sheet), ..) => {
                let stored = bid.stored_proof.take();
                self.spawn(key, index, work::prove(job, at, sheet, stored));
            }
            (Step::Submit(at), _, Some(proof), _) => self.spawn(key, index, work::submit(job, at, proof)),
            (Step::Wrap(_), _, Some(proof), _) => self.spawn(key, index, work::wrap(job, proof)),
            (Step::Settle(_), _, Some(proof), Some(wrapped)) => {
                self.spawn(key, index, work::settle(job, proof, wrapped, attempt));
            }
            (Step::Penalise(at), ..) => self.spawn(key, index, work::penalise(job, at, attempt)),
            (Step::Release(at), ..) => self.spawn(key, index, work::release(job, at, attempt)),
            (Step::Close, ..) => self.spawn(key, index, work::close(job, attempt)),
            // Progress never claims what is not at hand.
            _ => bid.running = None,
        }
    }

    fn spawn(
        &mut self,
        key: BidKey,
        task: u64,
        work: impl Future<Output = Result<Outcome, Failure>> + Send + 'static,
    ) {
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            let result = AssertUnwindSafe(work).catch_unwind().await;
            let result = result.unwrap_or(Err(Failure::retry("the task panicked")));
            // The loop is gone only at shutdown.
            let _ = reports.send(Report { key, task, result }).await;
        });
    }

    /// Evaluates a round that is about to open, if a strategy of ours could bid in it.
    pub(super) fn on_pending(&mut self, pending: PendingOpening) {
        let ours = self.context.config.strategies.iter().any(|strategy| strategy.market == pending.market);
        let Ok(permit) = Arc::clone(&self.ahead).try_acquire_owned() else { return };
        if !ours || !self.caught_up {
            return;
        }
        let context = Arc::clone(&self.context);
        self.tasks.spawn(async move {
            if let Err(failure) = work::evaluate_ahead(context, pending).await {
                tracing::debug!(reason = failure.detail, "a pending round was not evaluated ahead");
            }
            drop(permit);
        });
    }

    /// Takes the report of a task.
    ///
    /// # Errors
    /// When the solver cannot go on.
    pub(super) fn on_report(&mut self, report: Report) -> Result<(), AuctionError> {
        while self.tasks.try_join_next().is_some() {}
        let Report { key, task, result } = report;
        let Some(bid) = self.bids.get_mut(&key) else { return Ok(()) };
        let Some(running) = bid.running.take_if(|running| running.task == task) else { return Ok(()) };
        let head = self.head.unwrap_or_default();
        match result {
            Ok(outcome) => self.succeed(key, running.step, outcome, head),
            Err(failure) => self.fail(key, running.step, failure, head)?,
        }
        self.advance(key);
        Ok(())
    }

    /// Gives up sheets of an earlier run whose round is no longer on chain.
    fn drop_orphans(&mut self) {
        for key in std::mem::take(&mut self.recovered) {
            if self.book.get(key.round).is_none() {
                self.note_drop(
                    key,
                    DropReason::RoundVanished,
                    "the round left the chain while the solver was down".into(),
                );
                self.note(Note::RoundDone(key.round, RoundStatus::Void));
            }
        }
    }

    /// Forgets bids whose round left the chain.
    fn drop_vanished(&mut self) {
        let known = |key: &BidKey| self.book.get(key.round).is_some();
        let gone: Vec<BidKey> = self.bids.keys().filter(|key| !known(key)).copied().collect();
        for key in gone {
            let Some(bid) = self.bids.remove(&key) else { continue };
            if let Some(running) = &bid.running {
                running.cancel.cancel();
            }
            self.exposure.release(&key);
            if !bid.over {
                self.note_drop(key, DropReason::RoundVanished, "the round left the canonical chain".into());
            }
            self.note(Note::RoundDone(key.round, RoundStatus::Void));
        }
    }

    fn book_full(&mut self, event: &AuctionEvent) {
        if let AuctionEvent::Opened(opening) = event {
            let strategies: BTreeSet<Digest> = self.ids.iter().copied().collect();
            for strategy in strategies {
                let key = BidKey { round: opening.round_id, strategy };
                self.note_drop(key, DropReason::BookFull, "more rounds are open than are kept".into());
            }
        }
    }

    /// Gives a bid up; nothing of it is on chain.
    pub(super) fn give_up(&mut self, key: BidKey, reason: DropReason, detail: String) {
        let Some(bid) = self.bids.get_mut(&key) else { return };
        bid.progress.given_up = Some(reason);
        self.exposure.release(&key);
        self.note_drop(key, reason, detail);
    }

    pub(super) fn note_drop(&mut self, key: BidKey, reason: DropReason, detail: String) {
        self.context.deps.metrics.dropped(reason);
        tracing::info!(round = %key.round, %reason, detail, "a bid is given up");
        self.note(Note::Drop(key, reason, detail, now_ms()));
    }

    fn finish(&mut self, key: BidKey, round: &RoundView) {
        let Some(bid) = self.bids.get_mut(&key) else { return };
        if std::mem::replace(&mut bid.over, true) {
            return;
        }
        self.exposure.release(&key);
        for outcome in bid.slot_outcomes(round) {
            self.context.deps.metrics.slot(outcome);
        }
        let open = self.bids.iter().any(|(other, bid)| other.round == key.round && !bid.over);
        if !open {
            self.note(Note::RoundDone(key.round, RoundStatus::Closed));
        }
    }

    pub(super) fn reach(&mut self, key: BidKey, stage: Stage) {
        let Some(bid) = self.bids.get_mut(&key) else { return };
        if let Some(took) = bid.reach(stage) {
            self.context.deps.metrics.reached(stage, Some(took));
            self.note(Note::Stage(key, stage, now_ms()));
        }
    }

    pub(super) fn note_sheet(&mut self, key: BidKey, status: SheetStatus, index: Option<u32>) {
        self.note(Note::Sheet(key, status, index));
    }

    fn note(&mut self, note: Note) {
        self.pending_notes.push(note);
    }

    /// Hands the notes to the scribe, waiting for it when it is behind.
    ///
    /// # Errors
    /// When the scribe has stopped.
    pub(super) async fn flush(&mut self) -> Result<(), AuctionError> {
        for note in self.pending_notes.drain(..) {
            self.notes
                .send(note)
                .await
                .map_err(|_| AuctionError::Stopped { service: "the ledger's scribe" })?;
        }
        Ok(())
    }

    /// Ends all tasks.
    pub(super) async fn stop(&mut self) {
        self.cancel.cancel();
        self.context.deps.metrics.bids_open.sub(std::mem::take(&mut self.published));
        self.tasks.shutdown().await;
    }
}

/// Unix milliseconds, for the record.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Age of a block by the wall clock.
pub(super) fn age(timestamp: u64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_secs(timestamp))
}
