//! News for subscribers. A subscriber that does not read is let go: it never sees a gap without knowing.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use alloy::primitives::{B256, U256};
use parking_lot::Mutex;
use sotto_types::Quote;
use tokio::sync::mpsc;

use super::{metrics::GatewayMetrics, state::IntentRecord};
use crate::RoundView;

/// What a subscriber hears of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// States of intents.
    Intents,
    /// Openings, commitments, settlements and closings of rounds.
    Rounds,
    /// Fills and defaults.
    Fills,
}

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An intent's state changed.
    Intent(Arc<IntentRecord>),
    /// A round changed.
    Round(RoundNews),
    /// A slot was filled, or its winner defaulted.
    Fill(FillNews),
}

impl News {
    /// The topic that it belongs to.
    pub const fn topic(&self) -> Topic {
        match self {
            Self::Intent(_) => Topic::Intents,
            Self::Round(_) => Topic::Rounds,
            Self::Fill(_) => Topic::Fills,
        }
    }
}

/// What happened to a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundChange {
    /// It was opened.
    Opened,
    /// A strategy committed.
    Committed,
    /// Results were proven.
    Settled,
    /// It was closed.
    Closed,
    /// A reorganisation took back part of it.
    RolledBack,
}

/// News of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundNews {
    /// What happened.
    pub change: RoundChange,
    /// The round's id.
    pub round_id: B256,
    /// The round as it is now; `None` when a reorganisation took it back as a whole.
    pub view: Option<Arc<RoundView>>,
}

/// News of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillNews {
    /// The round.
    pub round_id: B256,
    /// The slot.
    pub slot: u8,
    /// The intent.
    pub intent_hash: B256,
    /// The winner.
    pub strategy: B256,
    /// How it ended.
    pub result: FillResult,
}

/// How a fill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillResult {
    /// The recipient was paid.
    Filled {
        /// Raw units sold.
        sell_amount: U256,
        /// Raw units that the recipient got.
        buy_amount: U256,
        /// The winner's quote in pips.
        pips: Quote,
    },
    /// The winner did not deliver.
    Defaulted {
        /// Wei paid to the trader.
        compensation: U256,
        /// Wei burned.
        burned: U256,
    },
}

#[derive(Debug)]
struct Subscriber {
    topic: Topic,
    sender: mpsc::Sender<News>,
    overrun: Arc<AtomicBool>,
}

/// Hands news to subscribers; never waits for one.
#[derive(Debug)]
pub(super) struct Feed {
    subscribers: Mutex<Vec<Subscriber>>,
    buffer: usize,
    limit: usize,
    metrics: GatewayMetrics,
}

/// One subscriber's end.
#[derive(Debug)]
pub struct Subscription {
    receiver: mpsc::Receiver<News>,
    overrun: Arc<AtomicBool>,
}

impl Subscription {
    /// The next piece of news; `None` when the gateway stopped, or let this subscriber go ([`Subscription::overrun`]).
    pub async fn next(&mut self) -> Option<News> {
        self.receiver.recv().await
    }

    /// Whether news were lost because this subscriber did not read.
    pub fn overrun(&self) -> bool {
        self.overrun.load(Ordering::Relaxed)
    }
}

impl Feed {
    /// No subscribers yet; at most `limit`, each with `buffer` news waiting.
    pub(super) fn new(limit: usize, buffer: usize, metrics: GatewayMetrics) -> Self {
        Self { subscribers: Mutex::default(), buffer: buffer.max(1), limit, metrics }
    }

    /// A new subscriber; `None` when there are too many.
    pub(super) fn subscribe(&self, topic: Topic) -> Option<Subscription> {
        let mut subscribers = self.subscribers.lock();
        subscribers.retain(|s| !s.sender.is_closed());
        if subscribers.len() >= self.limit {
            return None;
        }
        let (sender, receiver) = mpsc::channel(self.buffer);
        let overrun = Arc::new(AtomicBool::new(false));
        subscribers.push(Subscriber { topic, sender, overrun: Arc::clone(&overrun) });
        self.count(&subscribers);
        Some(Subscription { receiver, overrun })
    }

    /// Hands a piece of news to those who want it. Those whose buffer is full are let go.
    pub(super) fn publish(&self, news: &News) {
        let mut subscribers = self.subscribers.lock();
        subscribers.retain(|s| {
            if s.topic != news.topic() {
                return !s.sender.is_closed();
            }
            match s.sender.try_send(news.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    s.overrun.store(true, Ordering::Relaxed);
                    self.metrics.subscribers_dropped.inc();
                    false
                }
            }
        });
        self.count(&subscribers);
    }

    /// Lets everybody go.
    pub(super) fn close(&self) {
        self.subscribers.lock().clear();
        self.metrics.subscribers.set(0);
    }

    fn count(&self, subscribers: &[Subscriber]) {
        self.metrics.subscribers.set(i64::try_from(subscribers.len()).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(limit: usize, buffer: usize) -> Feed {
        Feed::new(limit, buffer, GatewayMetrics::new(&prometheus::Registry::new()).unwrap())
    }

    fn round_news(n: u8) -> News {
        News::Round(RoundNews { change: RoundChange::Opened, round_id: B256::repeat_byte(n), view: None })
    }

    // covers: D8 D9
    #[tokio::test]
    async fn a_subscriber_that_does_not_read_is_let_go_and_knows_it_the_others_lose_nothing() {
        let feed = feed(8, 2);
        let (mut slow, mut quick) =
            (feed.subscribe(Topic::Rounds).unwrap(), feed.subscribe(Topic::Rounds).unwrap());
        for n in 0..5 {
            feed.publish(&round_news(n));
            assert_eq!(quick.next().await, Some(round_news(n)));
        }
        assert_eq!(slow.next().await, Some(round_news(0)));
        assert_eq!(slow.next().await, Some(round_news(1)));
        assert_eq!(slow.next().await, None);
        assert!(slow.overrun() && !quick.overrun());
        assert_eq!(feed.metrics.subscribers_dropped.get(), 1);
        assert_eq!(feed.metrics.subscribers.get(), 1);
    }

    #[tokio::test]
    async fn topics_are_kept_apart_and_places_are_limited() {
        let feed = feed(2, 2);
        let mut fills = feed.subscribe(Topic::Fills).unwrap();
        let rounds = feed.subscribe(Topic::Rounds).unwrap();
        assert!(feed.subscribe(Topic::Intents).is_none());
        feed.publish(&round_news(1));
        drop(rounds);
        assert!(feed.subscribe(Topic::Intents).is_some(), "a place was left");
        feed.close();
        assert_eq!(fills.next().await, None);
        assert!(!fills.overrun());
    }
}
