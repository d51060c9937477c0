//! What a worker says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A worker's advert, renewed every few seconds in the broker's list of workers. Nothing in it is trusted; it tells whether
/// somebody is there, and how fast.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Advert {
    /// Version of its program.
    pub version: String,
    /// Kinds of jobs that it takes.
    pub kinds: Vec<String>,
    /// Circuits that it holds, ready to prove.
    pub circuits: Vec<String>,
    /// Threads that prove.
    pub threads: usize,
    /// Median seconds of its last jobs, by kind; a kind that it has not proved yet is absent.
    pub seconds: BTreeMap<String, f64>,
    /// Jobs that it has proved.
    pub proved: u64,
    /// Whether it is at work on one.
    pub busy: bool,
    /// Whether it is leaving: it finishes its job and takes no other.
    pub leaving: bool,
}

/// Jobs of a kind whose durations count.
const KEPT: usize = 15;

/// Durations of a worker's last jobs.
#[derive(Debug, Default)]
pub(super) struct Pace(BTreeMap<String, Vec<f64>>);

impl Pace {
    pub(super) fn add(&mut self, kind: &str, seconds: f64) {
        let last = self.0.entry(kind.to_owned()).or_default();
        if last.len() == KEPT {
            last.remove(0);
        }
        last.push(seconds);
    }

    /// Median seconds by kind.
    pub(super) fn medians(&self) -> BTreeMap<String, f64> {
        let median = |values: &Vec<f64>| {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            sorted.get(sorted.len() / 2).copied().unwrap_or_default()
        };
        self.0.iter().map(|(kind, values)| (kind.clone(), median(values))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_the_median_of_the_last_jobs() {
        let mut pace = Pace::default();
        for seconds in [100.0; 3].into_iter().chain([1.0; 8]).chain([2.0; 7]) {
            pace.add("wrap", seconds);
        }
        assert_eq!(pace.medians(), BTreeMap::from([("wrap".to_owned(), 1.0)]));
    }
}
