//! One job on a worker: from the message to the result.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use alloy_primitives::keccak256;
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::{MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use super::{ADVERTISE, Handler, Task, Worker, settle};
use crate::{
    ProveError,
    remote::{
        JobId, RemoteError,
        job::unix_millis,
        message::{JobHeader, Outcome, ResultHeader, Stored, dead_letter, line},
        payload, results,
        topology::{Bound, Names},
    },
};

/// How long a result may wait for a broker that is away or full.
const PUBLISH_FOR: Duration = Duration::from_secs(30);
/// Before a job that this worker shall not take is offered again.
const PASS_ON: Duration = Duration::from_millis(100);
/// How long a worker stands back after that, so that it does not use up the job's deliveries.
const STAND_BACK: Duration = Duration::from_secs(3);

/// How the work on a job ended.
enum End {
    Proved(Vec<u8>),
    Failed(String),
    Late(Duration),
    Cancelled,
    /// The worker leaves, and the job was not done in the drain time.
    GivenBack,
}

/// How the handler ended; an error is a panic.
type Handled = Result<Result<Vec<u8>, ProveError>, Box<dyn Any + Send>>;

/// A job at work.
struct Running<'a> {
    message: &'a Message,
    id: JobId,
    kind: &'a str,
    deadline: Instant,
    cancel: CancellationToken,
}

/// Why a running job is told to stop.
#[derive(Clone, Copy)]
enum Stop {
    Unwanted,
    Late,
    TooLong,
    Leaving,
}

impl<H: Handler> Worker<H> {
    /// Takes one message to its end.
    pub(super) async fn take(
        &mut self,
        bound: &Bound,
        message: Message,
        leave: &CancellationToken,
    ) -> Result<(), RemoteError> {
        let kind = self.kind(&message);
        let Some(header) = JobHeader::read(message.headers.as_ref()) else {
            self.bury(&message, &kind, None, "the message is no job").await;
            return Ok(());
        };
        let delivered = message.info().map_or(1, |info| info.delivered);
        if delivered > 1 {
            self.metrics.redelivered.inc();
            if self.is_done(bound, &header).await {
                settle(&message, AckKind::Ack).await;
                return Ok(());
            }
        }
        if delivered > self.config.limits.deliveries {
            let reason = format!("{} workers had it, and none finished it", delivered - 1);
            self.bury(&message, &kind, Some(&header), &reason).await;
            return Ok(());
        }
        if header.avoid.contains(&self.name) {
            settle(&message, AckKind::Nak(Some(PASS_ON))).await;
            tokio::select! {
                () = sleep(STAND_BACK) => {}
                () = leave.cancelled() => {}
            }
            return Ok(());
        }
        let started = Instant::now();
        self.metrics.busy.set(1);
        let end = self.prove(bound, &message, &header, &kind, leave).await;
        self.metrics.busy.set(0);
        self.advertised = None;
        self.report(&message, &header, &kind, end?, started.elapsed()).await;
        Ok(())
    }

    /// The kind that a message's subject names, if it is one of ours.
    fn kind(&self, message: &Message) -> String {
        let token = message.subject.as_str().rsplit('.').next().unwrap_or_default();
        let ours = self.handler.kinds().into_iter().find(|kind| kind.name() == token);
        ours.map_or_else(|| "unknown".into(), |kind| kind.name().to_owned())
    }

    /// Whether a result for this attempt or a proof is there already.
    async fn is_done(&self, bound: &Bound, header: &JobHeader) -> bool {
        let found = results::last::<H::Reach>(&bound.results, header.id).await.ok().flatten();
        found.is_some_and(|found| found.header.attempt >= header.attempt)
    }

    async fn prove(
        &mut self,
        bound: &Bound,
        message: &Message,
        header: &JobHeader,
        kind: &str,
        leave: &CancellationToken,
    ) -> Result<End, RemoteError> {
        let left = header.deadline.saturating_sub(unix_millis());
        if left == 0 {
            return Ok(End::Late(Duration::from_millis(unix_millis().saturating_sub(header.deadline))));
        }
        let (input, told) =
            tokio::join!(self.input(bound, message, header, kind), self.tell(bound, true, leave));
        self.advertised = told.or(self.advertised);
        let input = match input {
            Ok(input) => input,
            Err(reason) => return Ok(End::Failed(reason)),
        };
        let deadline = Instant::now() + Duration::from_millis(left).min(self.config.longest_job * 100);
        let cancel = CancellationToken::new();
        let task = Task { kind: kind.to_owned(), input, deadline, cancel: cancel.clone() };
        let work = AssertUnwindSafe(self.handler.prove(task)).catch_unwind();
        let job = Running { message, id: header.id, kind, deadline, cancel };
        self.attend(bound, &job, work, leave).await
    }

    /// The job's input, whose hash is its id.
    async fn input(
        &self,
        bound: &Bound,
        message: &Message,
        header: &JobHeader,
        kind: &str,
    ) -> Result<Bytes, String> {
        let limit = self.config.limits.input_bytes;
        let input = match header.stored {
            None => message.payload.clone(),
            Some(bytes) => {
                let subject = Names::<H::Reach>::input(&header.id.to_string());
                payload::get(&bound.inputs, &subject, bytes, "the job", limit)
                    .await
                    .map_err(|e| e.to_string())?
            }
        };
        if input.len() > limit {
            return Err(format!("the job has {} bytes, over {limit}", input.len()));
        }
        if JobId::of(kind, &input) != header.id {
            return Err("the input does not have the job's hash".into());
        }
        Ok(input)
    }

    /// Waits for the job's end while it says that it is at work, and ends it when it is unwanted, late or too long.
    async fn attend(
        &mut self,
        bound: &Bound,
        job: &Running<'_>,
        work: impl Future<Output = Handled>,
        leave: &CancellationToken,
    ) -> Result<End, RemoteError> {
        tokio::pin!(work);
        let later = |period| interval_at(tokio::time::Instant::now() + period, period);
        let (mut heartbeat, mut adverts) = (later(self.config.limits.silence / 4), later(ADVERTISE));
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        adverts.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let longest = sleep(self.config.longest_job);
        let late = tokio::time::sleep_until(job.deadline.into());
        let drain = self.config.drain;
        let drained = async {
            leave.cancelled().await;
            sleep(drain).await;
        };
        tokio::pin!(longest, late, drained);
        let mut told = leave.is_cancelled();
        let stop = loop {
            tokio::select! {
                ended = &mut work => return Ok(finished(ended)),
                _ = heartbeat.tick() => {
                    // Lost when the broker is away; the job then goes to another after a while, and the first result counts.
                    let _ = job.message.ack_with(AckKind::Progress).await;
                }
                _ = adverts.tick() => self.advertise(bound, true, leave).await,
                () = leave.cancelled(), if !told => {
                    told = true;
                    self.advertise(bound, true, leave).await;
                }
                Some(told) = self.cancelled.next() => {
                    if self.note(&told.payload) == Some(job.id) { break Stop::Unwanted }
                }
                () = &mut late => break Stop::Late,
                () = &mut longest => break Stop::TooLong,
                () = &mut drained => break Stop::Leaving,
            }
        };
        job.cancel.cancel();
        let waited = self.config.grace;
        if tokio::time::timeout(waited, &mut work).await.is_err() {
            settle(job.message, AckKind::Nak(None)).await;
            return Err(RemoteError::Stuck { kind: job.kind.to_owned(), waited });
        }
        Ok(match stop {
            Stop::Unwanted => End::Cancelled,
            Stop::Late => End::Late(Duration::ZERO),
            Stop::TooLong => End::Failed(format!("it took longer than {:?}", self.config.longest_job)),
            Stop::Leaving => End::GivenBack,
        })
    }

    async fn report(&mut self, message: &Message, header: &JobHeader, kind: &str, end: End, took: Duration) {
        let result = |outcome, reason| ResultHeader {
            outcome,
            attempt: header.attempt,
            reason,
            seconds: took.as_secs_f64(),
            stored: None,
        };
        let (header_out, proof) = match end {
            End::Proved(proof) => (result(Outcome::Proved, None), proof),
            End::Failed(reason) => (result(Outcome::Failed, Some(reason)), Vec::new()),
            End::Late(late) => {
                self.metrics.lateness.with_label_values(&[kind]).observe(late.as_secs_f64());
                (result(Outcome::Late, None), Vec::new())
            }
            End::Cancelled => (result(Outcome::Cancelled, None), Vec::new()),
            End::GivenBack => {
                self.metrics.jobs.with_label_values(&[kind, "given-back"]).inc();
                return settle(message, AckKind::Nak(None)).await;
            }
        };
        let outcome = header_out.outcome;
        self.metrics.jobs.with_label_values(&[kind, outcome.name()]).inc();
        if let Some(reason) = &header_out.reason {
            tracing::warn!(worker = self.name, kind, job = %header.id, reason, "a job failed");
        }
        if outcome == Outcome::Proved {
            self.proved += 1;
            self.pace.add(kind, took.as_secs_f64());
            self.metrics.seconds.with_label_values(&[kind]).observe(took.as_secs_f64());
        }
        if self.publish(header, header_out, proof).await {
            settle(message, AckKind::Ack).await;
        } else {
            // Nobody was told, so somebody else tries.
            settle(message, AckKind::Nak(Some(PASS_ON))).await;
        }
    }

    /// Publishes a result, again and again for a while when the broker is away. Whether it was taken.
    async fn publish(&self, job: &JobHeader, mut header: ResultHeader, proof: Vec<u8>) -> bool {
        let started = Instant::now();
        let mut proof = Bytes::from(proof);
        if proof.len() > self.config.limits.proof_bytes {
            header.outcome = Outcome::Failed;
            header.reason = Some(format!("the proof has {} bytes", proof.len()));
            proof = Bytes::new();
        }
        loop {
            match self.publish_once(job, &header, &proof).await {
                Ok(()) => return true,
                Err(error @ RemoteError::Full { .. }) if header.outcome == Outcome::Proved => {
                    header.outcome = Outcome::Failed;
                    header.reason = Some(error.to_string());
                    proof = Bytes::new();
                }
                Err(error) if started.elapsed() > PUBLISH_FOR => {
                    tracing::warn!(worker = self.name, job = %job.id, %error, "a result could not be published");
                    return false;
                }
                Err(_) => sleep(Duration::from_millis(300)).await,
            }
        }
    }

    async fn publish_once(
        &self,
        job: &JobHeader,
        header: &ResultHeader,
        proof: &Bytes,
    ) -> Result<(), RemoteError> {
        let mut header = header.clone();
        let mut body = proof.clone();
        if proof.len() > self.config.limits.inline_bytes {
            let subject = Names::<H::Reach>::proof(&self.name, &job.id.to_string(), job.attempt);
            payload::put(&self.context, &subject, proof).await?;
            header.stored = Some(Stored { bytes: proof.len(), digest: keccak256(proof) });
            body = Bytes::new();
        }
        let subject = Names::<H::Reach>::result(&self.name, &job.id.to_string());
        results::publish(&self.context, subject, header.write(job.id), body, "publishing a result").await?;
        Ok(())
    }

    /// Ends a job that nobody can do: a dead letter, and a result so that the submitter need not wait.
    async fn bury(&self, message: &Message, kind: &str, header: Option<&JobHeader>, reason: &str) {
        let reason = line(reason);
        self.metrics.dead.inc();
        tracing::error!(worker = self.name, kind, reason, "a job was given up");
        // Without the input: a dead letter may lie for days, and inputs may be private.
        let headers = dead_letter(&reason, header.map(|job| job.id));
        let subject = Names::<H::Reach>::dead(&self.name, kind);
        let dead = results::publish(&self.context, subject, headers, Bytes::new(), "a dead letter").await;
        if let Err(error) = dead {
            tracing::warn!(worker = self.name, %error, "a dead letter could not be written");
        }
        if let Some(job) = header {
            let result = ResultHeader {
                outcome: Outcome::Dead,
                attempt: job.attempt,
                reason: Some(reason),
                seconds: 0.0,
                stored: None,
            };
            let subject = Names::<H::Reach>::result(&self.name, &job.id.to_string());
            let told =
                results::publish(&self.context, subject, result.write(job.id), Bytes::new(), "a result");
            let _ = told.await;
        }
        settle(message, AckKind::Term).await;
    }
}

/// How the handler ended. Reasons are errors of ours or the message of a panic, without values of a witness.
fn finished(ended: Handled) -> End {
    match ended {
        Ok(Ok(proof)) => End::Proved(proof),
        Ok(Err(error)) => End::Failed(error.to_string()),
        Err(_) => End::Failed("the handler panicked".into()),
    }
}
