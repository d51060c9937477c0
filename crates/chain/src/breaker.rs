//! A circuit breaker: after repeated failures an endpoint rests, then one call probes it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BreakerConfig {
    /// Failures in a row that open it.
    pub failures: u32,
    /// Rest after it opened; doubled for each failed probe.
    pub rest: Duration,
    /// Longest rest after failures: how long the return of a lone node may go unnoticed.
    pub longest_rest: Duration,
    /// Longest rest that a server is granted when it asks for one.
    pub longest_hint: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures: 2,
            rest: Duration::from_millis(500),
            longest_rest: Duration::from_secs(4),
            longest_hint: Duration::from_secs(30),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    openings: u32,
    open_until: Option<Instant>,
    banned: bool,
}

/// The breaker of one endpoint.
#[derive(Debug)]
pub(crate) struct Breaker {
    config: BreakerConfig,
    state: Mutex<State>,
}

impl Breaker {
    pub(crate) fn new(config: BreakerConfig) -> Self {
        Self { config, state: Mutex::default() }
    }

    /// How long until a call may be made: zero when closed or due for a probe, `None` when banned for good.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        let state = self.state.lock();
        if state.banned {
            return None;
        }
        Some(state.open_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now)))
    }

    /// Whether the endpoint answers, as far as is known.
    pub(crate) fn is_closed(&self) -> bool {
        let state = self.state.lock();
        !state.banned && state.open_until.is_none()
    }

    pub(crate) fn success(&self) {
        let mut state = self.state.lock();
        if !state.banned {
            *state = State::default();
        }
    }

    /// Notes a failure; `hint` is a rest that the server asked for. Returns whether the breaker opened by it.
    pub(crate) fn failure(&self, now: Instant, hint: Option<Duration>) -> bool {
        let mut state = self.state.lock();
        state.failures = state.failures.saturating_add(1);
        if hint.is_none() && state.failures < self.config.failures {
            return false;
        }
        let doubled = self.config.rest.saturating_mul(1 << state.openings.min(16));
        let rest = match hint {
            Some(hint) => hint.min(self.config.longest_hint),
            None => doubled.min(self.config.longest_rest),
        };
        let was_open = state.open_until.is_some();
        state.openings = state.openings.saturating_add(1);
        state.open_until = Some(now + rest);
        !was_open
    }

    /// Closes the endpoint for good: it serves another chain.
    pub(crate) fn ban(&self) {
        self.state.lock().banned = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_repeated_failures_and_rests_longer_each_time() {
        let breaker = Breaker::new(BreakerConfig::default());
        let now = Instant::now();
        assert!(!breaker.failure(now, None));
        assert!(breaker.is_closed());
        assert!(breaker.failure(now, None));
        assert_eq!(breaker.wait(now), Some(Duration::from_millis(500)));
        assert!(!breaker.failure(now, None));
        assert_eq!(breaker.wait(now), Some(Duration::from_secs(1)));
        breaker.success();
        assert_eq!(breaker.wait(now), Some(Duration::ZERO));
    }

    #[test]
    fn a_server_hint_is_honoured_but_bounded() {
        let breaker = Breaker::new(BreakerConfig::default());
        let now = Instant::now();
        assert!(breaker.failure(now, Some(Duration::from_secs(7))));
        assert_eq!(breaker.wait(now), Some(Duration::from_secs(7)));
        breaker.failure(now, Some(Duration::from_secs(86_400)));
        assert_eq!(breaker.wait(now), Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_banned_endpoint_stays_banned() {
        let breaker = Breaker::new(BreakerConfig::default());
        breaker.ban();
        breaker.success();
        assert_eq!(breaker.wait(Instant::now()), None);
    }
}
