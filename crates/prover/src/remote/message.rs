//! The messages of jobs and results: what stands in their headers. They come from outside, so all of it is checked.

use alloy_primitives::B256;
use async_nats::HeaderMap;

use super::JobId;

const ID: &str = "Sotto-Job";
const DEADLINE: &str = "Sotto-Deadline";
const ATTEMPT: &str = "Sotto-Attempt";
const AVOID: &str = "Sotto-Avoid";
const SIZE: &str = "Sotto-Size";
const OUTCOME: &str = "Sotto-Outcome";
const REASON: &str = "Sotto-Reason";
const PROOF: &str = "Sotto-Proof";
const SECONDS: &str = "Sotto-Seconds";
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// Longest reason that is passed on, in bytes.
const MAX_REASON: usize = 300;
/// Most workers that a job names as unwanted.
pub(super) const MAX_AVOIDED: usize = 16;

/// A job's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JobHeader {
    pub(super) id: JobId,
    /// Milliseconds since the Unix epoch.
    pub(super) deadline: u64,
    /// Attempts before this one.
    pub(super) attempt: u32,
    /// Workers that shall not take it.
    pub(super) avoid: Vec<String>,
    /// Bytes of the input, when it is stored beside the message; in the payload if absent.
    pub(super) stored: Option<usize>,
}

impl JobHeader {
    pub(super) fn write(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.insert(ID, self.id.to_string());
        map.insert(DEADLINE, self.deadline.to_string());
        map.insert(ATTEMPT, self.attempt.to_string());
        map.insert(MESSAGE_ID, format!("{}:{}", self.id, self.attempt));
        if !self.avoid.is_empty() {
            map.insert(AVOID, self.avoid.join(","));
        }
        if let Some(bytes) = self.stored {
            map.insert(SIZE, bytes.to_string());
        }
        map
    }

    /// `None` when a field is missing or malformed.
    pub(super) fn read(map: Option<&HeaderMap>) -> Option<Self> {
        let map = map?;
        let avoid =
            text(map, AVOID).map(|list| list.split(',').take(MAX_AVOIDED).map(str::to_owned).collect());
        Some(Self {
            id: JobId::parse(text(map, ID)?)?,
            deadline: text(map, DEADLINE)?.parse().ok()?,
            attempt: text(map, ATTEMPT)?.parse().ok()?,
            avoid: avoid.unwrap_or_default(),
            stored: size(map)?,
        })
    }
}

/// How a job ended on a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The payload is a proof, says the worker.
    Proved,
    /// The job gave no proof there.
    Failed,
    /// Its deadline had passed by the worker's clock.
    Late,
    /// A submitter cancelled it.
    Cancelled,
    /// It was delivered as often as a job may be.
    Dead,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Proved, Self::Failed, Self::Late, Self::Cancelled, Self::Dead];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Failed => "failed",
            Self::Late => "late",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        }
    }
}

/// A result's header.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ResultHeader {
    pub(super) outcome: Outcome,
    pub(super) attempt: u32,
    pub(super) reason: Option<String>,
    /// Seconds that the worker took.
    pub(super) seconds: f64,
    /// The proof, when it is stored beside the message; in the payload if absent.
    pub(super) stored: Option<Stored>,
}

/// A proof in the stream of proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) bytes: usize,
    /// Keccak of the proof: another attempt of the worker may have overwritten what is stored.
    pub(super) digest: B256,
}

impl ResultHeader {
    pub(super) fn write(&self, id: JobId) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.insert(OUTCOME, self.outcome.name());
        map.insert(ATTEMPT, self.attempt.to_string());
        map.insert(SECONDS, format!("{:.3}", self.seconds));
        map.insert(ID, id.to_string());
        if let Some(reason) = &self.reason {
            map.insert(REASON, line(reason));
        }
        if let Some(Stored { bytes, digest }) = &self.stored {
            map.insert(SIZE, bytes.to_string());
            map.insert(PROOF, digest.to_string());
        }
        map
    }

    pub(super) fn read(map: Option<&HeaderMap>) -> Option<Self> {
        let map = map?;
        let name = text(map, OUTCOME)?;
        let stored = match size(map)? {
            Some(bytes) => Some(Stored { bytes, digest: text(map, PROOF)?.parse().ok()? }),
            None => None,
        };
        Some(Self {
            outcome: Outcome::ALL.into_iter().find(|outcome| outcome.name() == name)?,
            attempt: text(map, ATTEMPT)?.parse().ok()?,
            reason: text(map, REASON).map(line),
            seconds: text(map, SECONDS)?.parse().ok().filter(|s: &f64| s.is_finite() && *s >= 0.0)?,
            stored,
        })
    }
}

/// The header of a dead letter: the reason and the job's id.
pub(super) fn dead_letter(reason: &str, id: Option<JobId>) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert(REASON, reason);
    if let Some(id) = id {
        map.insert(ID, id.to_string());
    }
    map
}

fn text<'a>(map: &'a HeaderMap, name: &str) -> Option<&'a str> {
    map.get(name).map(async_nats::HeaderValue::as_str)
}

/// Bytes of what is stored: absent, or a number.
fn size(map: &HeaderMap) -> Option<Option<usize>> {
    let Some(number) = text(map, SIZE) else { return Some(None) };
    number.parse().ok().map(Some)
}

/// One line of printable characters, cut to a bounded length: reasons are written to logs.
pub(super) fn line(reason: &str) -> String {
    let mut out = String::new();
    for c in reason.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if out.len() + c.len_utf8() > MAX_REASON {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_written() {
        let job = JobHeader {
            id: JobId::of("wrap", b"1"),
            deadline: 1_700_000_000_123,
            attempt: 2,
            avoid: vec!["w-1".into(), "w-2".into()],
            stored: Some(300_000),
        };
        assert_eq!(JobHeader::read(Some(&job.write())), Some(job));
        let result = ResultHeader {
            outcome: Outcome::Failed,
            attempt: 1,
            reason: Some("no memory".into()),
            seconds: 1.25,
            stored: Some(Stored { bytes: 7, digest: B256::repeat_byte(7) }),
        };
        assert_eq!(ResultHeader::read(Some(&result.write(JobId::of("wrap", b"1")))), Some(result));
    }

    // covers: D13
    #[test]
    fn malformed_headers_are_refused_and_reasons_are_bounded_lines() {
        let good =
            JobHeader { id: JobId::of("a", b""), deadline: 1, attempt: 0, avoid: vec![], stored: None };
        for (name, value) in
            [(ID, "xyz"), (DEADLINE, "-1"), (ATTEMPT, "4294967296"), (SIZE, "-1"), (SIZE, "")]
        {
            let mut map = good.write();
            map.insert(name, value);
            assert_eq!(JobHeader::read(Some(&map)), None, "{name}: {value}");
        }
        assert_eq!(JobHeader::read(None), None);
        let mut map = HeaderMap::new();
        for (name, value) in [(OUTCOME, "proved"), (ATTEMPT, "0"), (SECONDS, "NaN")] {
            map.insert(name, value);
        }
        assert_eq!(ResultHeader::read(Some(&map)), None);
        let long = line(&format!("a\nb\u{1b}[31m{}", "é".repeat(400)));
        assert!(long.len() <= MAX_REASON && long.starts_with("a b [31m"));
    }
}
