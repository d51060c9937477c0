//! A job's way through the queue, from the submitter's side.

use std::time::{Duration, Instant};

use alloy_primitives::keccak256;
use async_nats::{Subscriber, jetstream::stream::Stream};
use bytes::Bytes;
use futures::{StreamExt as _, future::BoxFuture};
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    DeadlineClass, Holds, JobId, Kind, Reach, RemoteError, RemoteJob, RemoteQueue,
    job::unix_millis,
    message::{JobHeader, Outcome, Stored},
    payload,
    queue::Shared,
    results::{self, Arrived},
    topology::{Names, Topology},
};
use crate::{ErrorClass, ProveError};

/// Between two looks for a result that the subscription may have missed.
const LOOK: Duration = Duration::from_secs(1);
/// How long a fresh connection may take to hear of the workers.
const HEAR: Duration = Duration::from_millis(700);

impl<R: Reach> RemoteQueue<R> {
    /// Has a job proved by a worker, and verifies what comes back with `verify`, which is given the proof's bytes. A proof
    /// that does not verify is counted, its worker is shunned, and the job goes to another.
    ///
    /// A job that was submitted before, here or by another submitter, is not proved again while the broker has its result.
    ///
    /// # Errors
    /// When no valid proof came in the time that [`Patience`](super::Patience) allows, with the reason; the job is then
    /// cancelled on the broker.
    pub async fn submit<J, T, V>(
        &self,
        job: &J,
        deadline: Instant,
        cancel: &CancellationToken,
        verify: V,
    ) -> Result<T, RemoteError>
    where
        J: RemoteJob,
        R: Holds<J::Reach>,
        V: Fn(Bytes) -> BoxFuture<'static, Result<T, ProveError>> + Sync,
        T: Send,
    {
        let started = Instant::now();
        let metrics = &self.shared.metrics;
        let kind = job.kind().name();
        let labels = [R::NAME, kind];
        let result = self.attempt_all(job, deadline, cancel, &verify).await;
        match &result {
            Ok(_) => {
                metrics.seconds.with_label_values(&labels).observe(started.elapsed().as_secs_f64());
                metrics.jobs.with_label_values(&[R::NAME, kind, "proved"]).inc();
            }
            Err(error) => {
                self.shared.doubt(error);
                metrics.jobs.with_label_values(&[R::NAME, kind, error.label()]).inc();
            }
        }
        let late = Instant::now().saturating_duration_since(deadline);
        if !late.is_zero() {
            metrics.lateness.with_label_values(&labels).observe(late.as_secs_f64());
        }
        result
    }

    async fn attempt_all<J, T, V>(
        &self,
        job: &J,
        deadline: Instant,
        cancel: &CancellationToken,
        verify: &V,
    ) -> Result<T, RemoteError>
    where
        J: RemoteJob,
        V: Fn(Bytes) -> BoxFuture<'static, Result<T, ProveError>> + Sync,
    {
        let shared = &*self.shared;
        let until = shared.until(deadline)?;
        let topology = shared.topology()?;
        shared.expect_workers(job.kind()).await?;
        let input = job.encode();
        let limit = shared.limits.input_bytes;
        if input.len() > limit {
            return Err(RemoteError::TooLarge { what: "the job", bytes: input.len(), limit });
        }
        let id = JobId::of(job.kind().name(), &input);
        let arrivals = shared
            .client
            .subscribe(Names::<R>::result("*", &id.to_string()))
            .await
            .map_err(|e| RemoteError::broker("listening for results", &e))?;
        let mut errand = Errand::<R> {
            shared,
            topology,
            kind: job.kind(),
            id,
            input: Bytes::from(input),
            deadline,
            arrivals,
            seen: 0,
            sequence: None,
            reach: std::marker::PhantomData,
        };
        let waited = until.saturating_duration_since(Instant::now());
        let ended = tokio::select! {
            ended = errand.run(verify) => ended,
            () = cancel.cancelled() => Err(RemoteError::Cancelled),
            () = sleep_until(until.into()) => Err(RemoteError::NoAnswer { waited }),
        };
        errand.clean_up(ended.is_ok()).await;
        ended
    }
}

impl Shared {
    /// Until when workers may take.
    fn until(&self, deadline: Instant) -> Result<Instant, RemoteError> {
        let now = Instant::now();
        let last = deadline.checked_sub(self.patience.reserve).filter(|last| *last > now);
        let last = last.ok_or(RemoteError::NoAnswer { waited: Duration::ZERO })?;
        Ok(last.min(now + self.patience.answer_within))
    }

    async fn expect_workers(&self, kind: Kind) -> Result<(), RemoteError> {
        let heard = async {
            loop {
                let told = self.roster.changed.notified();
                if self.roster.takes(kind.name()) {
                    return;
                }
                told.await;
            }
        };
        timeout(HEAR, heard).await.map_err(|_| RemoteError::NoWorkers { kind: kind.name() })
    }
}

/// One submission under way.
struct Errand<'a, R> {
    shared: &'a Shared,
    topology: Topology,
    kind: Kind,
    id: JobId,
    input: Bytes,
    deadline: Instant,
    arrivals: Subscriber,
    /// Attempts that need no answer any more: all below this one.
    seen: u32,
    /// Place of the last message in the stream, unless another submitter had put it there.
    sequence: Option<u64>,
    reach: std::marker::PhantomData<R>,
}

/// What an arrival means for the attempt.
enum Verdict<T> {
    Proved(T),
    Again { reason: String },
    Ignored,
}

/// What is wrong with a result that claims to be a proof.
enum Flaw {
    /// The proof could not be had; that need not be the worker's doing.
    Unreadable(String),
    /// The proof is wrong.
    Wrong(String),
}

impl<R: Reach> Errand<'_, R> {
    async fn run<T, V>(&mut self, verify: &V) -> Result<T, RemoteError>
    where
        V: Fn(Bytes) -> BoxFuture<'static, Result<T, ProveError>> + Sync,
    {
        if let Some(before) = results::last::<R>(&self.topology.results, self.id).await?
            && let Verdict::Proved(proof) = self.judge(before, verify).await?
        {
            return Ok(proof);
        }
        let attempts = self.shared.patience.attempts.max(1);
        let mut reason = String::new();
        for made in 0..attempts {
            if made > 0 {
                tracing::warn!(queue = R::NAME, kind = %self.kind, job = %self.id, reason, "another attempt");
            }
            self.send().await?;
            reason = match self.answer(verify).await? {
                Ok(proof) => return Ok(proof),
                Err(reason) => reason,
            };
        }
        Err(RemoteError::Exhausted { attempts, reason })
    }

    /// Puts the job into the stream, its input before it.
    async fn send(&mut self) -> Result<(), RemoteError> {
        let inline = self.input.len() <= self.shared.limits.inline_bytes;
        if !inline {
            payload::put(&self.shared.context, &Names::<R>::input(&self.id.to_string()), &self.input).await?;
        }
        let body = if inline { self.input.clone() } else { Bytes::new() };
        let left = self.deadline.saturating_duration_since(Instant::now());
        let class = DeadlineClass::of(left);
        let deadline = unix_millis().saturating_add(u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        loop {
            let header = JobHeader {
                id: self.id,
                deadline,
                attempt: self.seen,
                avoid: self.shared.roster.shunned(),
                stored: (!inline).then_some(self.input.len()),
            };
            let subject = Names::<R>::job(class, self.kind.name());
            let sent = results::publish(
                &self.shared.context,
                subject,
                header.write(),
                body.clone(),
                "queueing a job",
            );
            let (sequence, before) = sent.await?;
            self.sequence = (!before).then_some(sequence);
            if !before || self.is_under_way(sequence).await {
                break;
            }
            // The broker remembers a message that was taken out of the stream, so this one needs another name.
            self.seen = self.seen.saturating_add(1);
        }
        let wake = Bytes::from(Names::<R>::consumer(class, self.kind.name()));
        self.shared
            .client
            .publish(Names::<R>::wake(), wake)
            .await
            .map_err(|e| RemoteError::broker("waking workers", &e))
    }

    /// Whether a message that somebody put into the stream before is there still, or has its result.
    async fn is_under_way(&self, sequence: u64) -> bool {
        if self.topology.jobs.get_raw_message(sequence).await.is_ok() {
            return true;
        }
        let found = look::<R>(&self.topology.results, self.id).await;
        found.is_some_and(|found| found.header.attempt >= self.seen)
    }

    /// Waits for the end of the attempt: a verified proof, or why there is none.
    async fn answer<T, V>(&mut self, verify: &V) -> Result<Result<T, String>, RemoteError>
    where
        V: Fn(Bytes) -> BoxFuture<'static, Result<T, ProveError>> + Sync,
    {
        let shared = self.shared;
        let deserted = shared.roster.deserted(self.kind.name(), shared.patience.deserted_after);
        tokio::pin!(deserted);
        loop {
            let mut alone = false;
            let arrived = tokio::select! {
                message = self.arrivals.next() => {
                    let Some(message) = message else {
                        return Err(RemoteError::Unavailable { reason: "the connection was closed".into() });
                    };
                    Arrived::read(&message.subject, message.headers.as_ref(), message.payload)
                }
                // A subscription misses what is published while the connection is away.
                () = sleep(LOOK) => look::<R>(&self.topology.results, self.id).await,
                () = &mut deserted => {
                    alone = true;
                    look::<R>(&self.topology.results, self.id).await
                }
            };
            if let Some(arrived) = arrived {
                match self.judge(arrived, verify).await? {
                    Verdict::Proved(proof) => return Ok(Ok(proof)),
                    Verdict::Again { reason } => return Ok(Err(reason)),
                    Verdict::Ignored => {}
                }
            }
            if alone {
                return Err(RemoteError::NoWorkers { kind: self.kind.name() });
            }
        }
    }

    async fn judge<T, V>(&mut self, arrived: Arrived, verify: &V) -> Result<Verdict<T>, RemoteError>
    where
        V: Fn(Bytes) -> BoxFuture<'static, Result<T, ProveError>> + Sync,
    {
        let (worker, header) = (arrived.worker.as_str(), &arrived.header);
        if header.attempt < self.seen && header.outcome != Outcome::Proved {
            return Ok(Verdict::Ignored);
        }
        let said = header.reason.clone().unwrap_or_else(|| "no reason given".into());
        let (label, reason) = if self.shared.roster.is_shunned(worker) {
            ("shunned", format!("{worker} is shunned and took the job"))
        } else {
            match header.outcome {
                Outcome::Proved => match self.check(&arrived, verify).await? {
                    Ok(proof) => return Ok(Verdict::Proved(proof)),
                    Err(Flaw::Unreadable(error)) => ("failed", format!("the proof of {worker}: {error}")),
                    Err(Flaw::Wrong(error)) => {
                        self.shared.roster.shun(worker);
                        self.count_wrong();
                        tracing::error!(queue = R::NAME, kind = %self.kind, worker, error, "a wrong proof");
                        ("wrong-proof", format!("{worker} returned a wrong proof: {error}"))
                    }
                },
                Outcome::Failed => ("failed", format!("{worker} failed: {said}")),
                Outcome::Cancelled => ("cancelled", format!("{worker}: cancelled by another submitter")),
                Outcome::Dead => {
                    let labels = [R::NAME, self.kind.name()];
                    self.shared.metrics.dead.with_label_values(&labels).inc();
                    ("dead", format!("{worker} gave the job up: {said}"))
                }
                Outcome::Late => {
                    // This submitter's clock is monotonic and says that there is time left.
                    self.shared.roster.shun(worker);
                    tracing::warn!(queue = R::NAME, worker, "a worker's clock is wrong");
                    ("late", format!("{worker} takes the deadline for passed"))
                }
            }
        };
        if header.attempt < self.seen {
            return Ok(Verdict::Ignored);
        }
        self.seen = header.attempt.saturating_add(1);
        self.shared.metrics.retries.with_label_values(&[R::NAME, label]).inc();
        Ok(Verdict::Again { reason })
    }

    /// The verified proof, or what is wrong. An error is the submitter's own.
    async fn check<T, V>(&self, arrived: &Arrived, verify: &V) -> Result<Result<T, Flaw>, RemoteError>
    where
        V: Fn(Bytes) -> BoxFuture<'static, Result<T, ProveError>> + Sync,
    {
        let limit = self.shared.limits.proof_bytes;
        let bytes = match &arrived.header.stored {
            None => arrived.payload.clone(),
            Some(Stored { bytes, digest }) => {
                let (id, attempt) = (self.id.to_string(), arrived.header.attempt);
                let subject = Names::<R>::proof(&arrived.worker, &id, attempt);
                let read = payload::get(&self.topology.proofs, &subject, *bytes, "the proof", limit).await;
                match read {
                    Ok(bytes) if keccak256(&bytes) == *digest => bytes,
                    Ok(_) => return Ok(Err(Flaw::Unreadable("what is stored is not what was sent".into()))),
                    Err(error) => return Ok(Err(Flaw::Unreadable(error.to_string()))),
                }
            }
        };
        if bytes.len() > limit {
            return Ok(Err(Flaw::Wrong(format!("{} bytes, over {limit}", bytes.len()))));
        }
        match verify(bytes).await {
            Ok(proof) => Ok(Ok(proof)),
            Err(error @ ProveError::Unverifiable { .. }) => Ok(Err(Flaw::Wrong(error.to_string()))),
            Err(error) if error.class() == ErrorClass::Permanent => Ok(Err(Flaw::Wrong(error.to_string()))),
            Err(error) => Err(RemoteError::Unverified(Box::new(error))),
        }
    }

    fn count_wrong(&self) {
        self.shared.metrics.wrong.with_label_values(&[R::NAME, self.kind.name()]).inc();
    }

    /// Leaves nothing behind that nobody needs: neither the input nor, after a failure, the waiting job.
    async fn clean_up(self, proved: bool) {
        let (shared, topology, id, sequence) = (self.shared, self.topology, self.id, self.sequence);
        // A job of another submitter too is left to it.
        if !proved && sequence.is_some() {
            let _ = shared.client.publish(Names::<R>::cancel(), id.to_string().into()).await;
        }
        let stored = self.input.len() > shared.limits.inline_bytes;
        // Not waited for: the proof is here, or the caller has better things to do.
        tokio::spawn(async move {
            if let (false, Some(sequence)) = (proved, sequence) {
                let _ = topology.jobs.delete_message(sequence).await;
            }
            if stored && sequence.is_some() {
                payload::delete(&topology.inputs, &Names::<R>::input(&id.to_string())).await;
            }
        });
    }
}

async fn look<R: Reach>(results: &Stream, id: JobId) -> Option<Arrived> {
    results::last::<R>(results, id).await.ok().flatten()
}
