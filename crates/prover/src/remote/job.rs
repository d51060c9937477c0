//! What can be queued, and where.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{B256, Keccak256};

mod sealed {
    pub trait Sealed {}
}

/// How far a queue's jobs may travel.
pub trait Reach: sealed::Sealed + Copy + fmt::Debug + Send + Sync + 'static {
    /// Token in subjects.
    const NAME: &'static str;
    /// Token in the names of streams.
    const STREAM: &'static str;
}

/// Anybody's workers: the inputs are proofs that hide what they are about, and data that becomes public.
#[derive(Clone, Copy, Debug)]
pub struct Public;

/// Workers of the own account: the inputs carry weights and salts, or quotes that nobody else sees.
#[derive(Clone, Copy, Debug)]
pub struct Private;

impl sealed::Sealed for Public {}
impl sealed::Sealed for Private {}

impl Reach for Public {
    const NAME: &'static str = "public";
    const STREAM: &'static str = "PUBLIC";
}

impl Reach for Private {
    const NAME: &'static str = "private";
    const STREAM: &'static str = "PRIVATE";
}

/// Queues of this reach may hold jobs of reach `J`: a private queue holds both, a public one only public jobs.
pub trait Holds<J: Reach>: Reach {}

impl Holds<Self> for Public {}
impl Holds<Self> for Private {}
impl Holds<Public> for Private {}

/// A kind of job; part of the subject, so lower-case letters and digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(&'static str);

impl Kind {
    /// A kind of this name.
    ///
    /// # Panics
    /// At compile time in a constant, when the name is empty or has other characters.
    pub const fn new(name: &'static str) -> Self {
        assert!(is_token(name.as_bytes()), "a kind is written with lower-case letters and digits");
        Self(name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

const fn is_token(name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() {
        if !(name[at].is_ascii_lowercase() || name[at].is_ascii_digit()) {
            return false;
        }
        at += 1;
    }
    !name.is_empty()
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A job that can leave the process.
pub trait RemoteJob: Sync {
    /// The widest queue that may carry it.
    type Reach: Reach;
    /// Its kind.
    fn kind(&self) -> Kind;
    /// The canonical encoding: equal jobs have equal bytes, and the bytes are all that a worker needs.
    fn encode(&self) -> Vec<u8>;
}

/// The content's hash: keccak of the kind, a zero and the encoding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobId(B256);

impl JobId {
    /// The id of an input.
    pub fn of(kind: &str, input: &[u8]) -> Self {
        let mut hasher = Keccak256::new();
        for part in [kind.as_bytes(), &[0], input] {
            hasher.update(part);
        }
        Self(hasher.finalize())
    }

    /// The id that [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let plain =
            text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if plain { text.parse().ok().map(Self) } else { None }
    }
}

impl fmt::Display for JobId {
    /// 64 hexadecimal digits, fit for a subject.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How soon a job must be done; workers empty the classes in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeadlineClass {
    /// Within 15 seconds.
    Urgent,
    /// Within a minute.
    Soon,
    /// Later.
    Later,
}

impl DeadlineClass {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Soon, Self::Later];

    /// The class of a job that has this long.
    pub const fn of(left: Duration) -> Self {
        match left.as_secs() {
            0..15 => Self::Urgent,
            15..60 => Self::Soon,
            _ => Self::Later,
        }
    }

    /// Token in subjects.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Soon => "soon",
            Self::Later => "later",
        }
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_covers_kind_and_content_and_survives_a_subject() {
        let id = JobId::of("wrap", b"x");
        assert_eq!(JobId::parse(&id.to_string()), Some(id));
        assert_ne!(id, JobId::of("wrap", b"y"));
        assert_ne!(id, JobId::of("wra", b"px"));
        for bad in ["", "0x12", &"G".repeat(64), &id.to_string().to_uppercase(), &format!("{id}0")] {
            assert_eq!(JobId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn rounds_that_close_first_are_in_the_first_class() {
        let class = |seconds| DeadlineClass::of(Duration::from_secs(seconds));
        assert_eq!([0, 14].map(class), [DeadlineClass::Urgent; 2]);
        assert_eq!([15, 59].map(class), [DeadlineClass::Soon; 2]);
        assert_eq!([60, 86_400].map(class), [DeadlineClass::Later; 2]);
    }
}
