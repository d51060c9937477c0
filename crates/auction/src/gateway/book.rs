//! The live intents in memory: bounded, fair between owners, indexed by hash and by nonce. The ledger holds the same
//! intents durably; the book is rebuilt from it.

use std::collections::{BTreeMap, HashMap};

use alloy::primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};
use sotto_types::{Direction, Intent};

use super::{
    refusal::{Refusal, RefusalCode},
    slots::Candidate,
};

/// Bounds of a [`Book`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BookLimits {
    /// Live intents in all.
    pub capacity: usize,
    /// Live intents of one owner.
    pub per_owner: usize,
}

impl Default for BookLimits {
    fn default() -> Self {
        Self { capacity: 10_000, per_owner: 16 }
    }
}

/// An intent that can still be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveIntent {
    /// Struct hash.
    pub hash: B256,
    /// The intent.
    pub intent: Intent,
    /// Its owner's signature of the Permit2 digest.
    pub signature: Bytes,
    /// Its side of the market.
    pub direction: Direction,
    /// Order of arrival; grows.
    pub sequence: u64,
    /// When it was accepted, Unix milliseconds of this machine's clock.
    pub accepted_ms: u64,
    /// The slots hash of the round plan that it stands in; `None` while it waits.
    pub plan: Option<B256>,
}

/// Live intents.
#[derive(Debug, Default)]
pub struct Book {
    limits: BookLimits,
    live: HashMap<B256, LiveIntent>,
    /// Waiting intents of each market, in the order of arrival.
    waiting: HashMap<B256, BTreeMap<u64, B256>>,
    owners: HashMap<Address, usize>,
    nonces: HashMap<(Address, U256), B256>,
    next_sequence: u64,
}

/// What a market's waiting intents amount to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many wait and are valid now.
    pub eligible: usize,
    /// When the oldest of them was accepted, Unix milliseconds.
    pub oldest_ms: Option<u64>,
}

impl Book {
    /// An empty book.
    pub fn new(limits: BookLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Whether an intent could be taken: unknown so far, its nonce free, and within the limits.
    ///
    /// # Errors
    /// [`RefusalCode::AlreadyKnown`], [`RefusalCode::NonceTaken`], [`RefusalCode::SenderLimit`], [`RefusalCode::BookFull`].
    pub fn check(&self, hash: B256, intent: &Intent) -> Result<(), Refusal> {
        if self.live.contains_key(&hash) {
            return Err(Refusal::new(RefusalCode::AlreadyKnown, format!("intent {hash} is live already")));
        }
        if let Some(other) = self.nonces.get(&(intent.owner, intent.nonce)) {
            let reason = format!("nonce {} is that of the live intent {other}", intent.nonce);
            return Err(Refusal::new(RefusalCode::NonceTaken, reason));
        }
        let owned = self.owners.get(&intent.owner).copied().unwrap_or(0);
        if owned >= self.limits.per_owner {
            let reason =
                format!("the owner has {owned} live intents, the limit is {}", self.limits.per_owner);
            return Err(Refusal::new(RefusalCode::SenderLimit, reason));
        }
        if self.live.len() >= self.limits.capacity {
            let reason = format!("the book holds {} live intents", self.limits.capacity);
            return Err(Refusal::new(RefusalCode::BookFull, reason));
        }
        Ok(())
    }

    /// Takes an intent in, at the end of the order.
    ///
    /// # Errors
    /// As [`Book::check`].
    pub fn insert(
        &mut self,
        hash: B256,
        intent: Intent,
        signature: Bytes,
        direction: Direction,
        accepted_ms: u64,
    ) -> Result<&LiveIntent, Refusal> {
        self.check(hash, &intent)?;
        let sequence = self.next_sequence;
        Ok(self.put(LiveIntent { hash, intent, signature, direction, sequence, accepted_ms, plan: None }))
    }

    /// Puts an intent from the ledger back, whatever the limits; an intent that is there already is replaced.
    pub fn restore(&mut self, intent: LiveIntent) {
        self.remove(&intent.hash);
        self.put(intent);
    }

    fn put(&mut self, entry: LiveIntent) -> &LiveIntent {
        self.next_sequence = self.next_sequence.max(entry.sequence + 1);
        *self.owners.entry(entry.intent.owner).or_default() += 1;
        self.nonces.insert((entry.intent.owner, entry.intent.nonce), entry.hash);
        if entry.plan.is_none() {
            self.waiting.entry(entry.intent.market).or_default().insert(entry.sequence, entry.hash);
        }
        let hash = entry.hash;
        self.live.entry(hash).insert_entry(entry).into_mut()
    }

    /// Takes an intent out: it ended.
    pub fn remove(&mut self, hash: &B256) -> Option<LiveIntent> {
        let entry = self.live.remove(hash)?;
        self.nonces.remove(&(entry.intent.owner, entry.intent.nonce));
        if let Some(count) = self.owners.get_mut(&entry.intent.owner) {
            *count -= 1;
            if *count == 0 {
                self.owners.remove(&entry.intent.owner);
            }
        }
        self.stop_waiting(entry.intent.market, entry.sequence);
        Some(entry)
    }

    fn stop_waiting(&mut self, market: B256, sequence: u64) {
        if let Some(queue) = self.waiting.get_mut(&market) {
            queue.remove(&sequence);
            if queue.is_empty() {
                self.waiting.remove(&market);
            }
        }
    }

    /// A live intent.
    pub fn get(&self, hash: &B256) -> Option<&LiveIntent> {
        self.live.get(hash)
    }

    /// Live intents, those in rounds included.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether no intent is live.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Intents that wait for a round.
    pub fn waiting_len(&self) -> usize {
        self.waiting.values().map(BTreeMap::len).sum()
    }

    /// Moves an intent into the round plan with this slots hash.
    pub fn assign(&mut self, hash: &B256, plan: B256) {
        if let Some(entry) = self.live.get_mut(hash) {
            entry.plan = Some(plan);
            let (market, sequence) = (entry.intent.market, entry.sequence);
            self.stop_waiting(market, sequence);
        }
    }

    /// Lets an intent wait again, in its old place of the order.
    pub fn release(&mut self, hash: &B256) {
        if let Some(entry) = self.live.get_mut(hash) {
            entry.plan = None;
            self.waiting.entry(entry.intent.market).or_default().insert(entry.sequence, *hash);
        }
    }

    /// Intents of a market that wait, in the order of arrival.
    pub fn waiting(&self, market: &B256) -> impl Iterator<Item = &LiveIntent> {
        self.waiting.get(market).into_iter().flat_map(BTreeMap::values).filter_map(|hash| self.live.get(hash))
    }

    /// Sums up a market's waiting intents that are valid at `now` and still are at `until`, both Unix seconds.
    pub fn eligible(&self, market: &B256, now: u64, until: u64) -> Waiting {
        let mut sum = Waiting::default();
        for entry in self.waiting(market).filter(|e| is_eligible(&e.intent, now, until)) {
            sum.eligible += 1;
            sum.oldest_ms = Some(sum.oldest_ms.map_or(entry.accepted_ms, |o| o.min(entry.accepted_ms)));
        }
        sum
    }

    /// The candidates for a round: the first `limit` that wait and are eligible, in the order of arrival.
    pub fn candidates(&self, market: &B256, now: u64, until: u64, limit: usize) -> Vec<Candidate> {
        self.waiting(market)
            .filter(|e| is_eligible(&e.intent, now, until))
            .take(limit)
            .map(|e| Candidate { hash: e.hash, direction: e.direction, intent: e.intent.clone() })
            .collect()
    }

    /// Waiting intents whose deadline passed before `now`, Unix seconds.
    pub fn expired(&self, now: u64) -> Vec<B256> {
        let waiting = self.waiting.values().flat_map(BTreeMap::values).filter_map(|hash| self.live.get(hash));
        waiting.filter(|e| e.intent.deadline < now).map(|e| e.hash).collect()
    }
}

fn is_eligible(intent: &Intent, now: u64, until: u64) -> bool {
    intent.validFrom <= now && intent.deadline >= until
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sotto_types::intent_hash;

    const MARKET: B256 = B256::repeat_byte(7);

    fn intent(owner: u8, nonce: u64, window: (u64, u64)) -> Intent {
        Intent {
            owner: Address::repeat_byte(owner),
            recipient: Address::repeat_byte(1),
            sellToken: Address::repeat_byte(2),
            buyToken: Address::repeat_byte(3),
            sellAmount: U256::from(1),
            minBuyAmount: U256::from(1),
            validFrom: window.0,
            deadline: window.1,
            nonce: U256::from(nonce),
            market: MARKET,
            appData: B256::ZERO,
        }
    }

    fn add(book: &mut Book, intent: &Intent) -> Result<B256, RefusalCode> {
        let hash = intent_hash(intent);
        let inserted = book.insert(hash, intent.clone(), Bytes::new(), Direction::SellsBase, 5);
        inserted.map(|e| e.hash).map_err(|e| e.code)
    }

    // covers: S11 D2 D3
    #[test]
    fn duplicates_taken_nonces_greedy_owners_and_a_full_book_are_refused() {
        let mut book = Book::new(BookLimits { capacity: 3, per_owner: 2 });
        let first = intent(1, 0, (0, 9));
        let hash = add(&mut book, &first).unwrap();
        assert_eq!(add(&mut book, &first), Err(RefusalCode::AlreadyKnown));
        assert_eq!(add(&mut book, &intent(1, 0, (1, 9))), Err(RefusalCode::NonceTaken));
        add(&mut book, &intent(1, 1, (0, 9))).unwrap();
        assert_eq!(add(&mut book, &intent(1, 2, (0, 9))), Err(RefusalCode::SenderLimit));
        add(&mut book, &intent(2, 0, (0, 9))).unwrap();
        assert_eq!(add(&mut book, &intent(3, 0, (0, 9))), Err(RefusalCode::BookFull));
        book.remove(&hash);
        add(&mut book, &intent(1, 0, (1, 9))).unwrap();
    }

    // covers: S10
    #[test]
    fn only_intents_that_live_until_the_fill_are_candidates() {
        let mut book = Book::new(BookLimits::default());
        let early = add(&mut book, &intent(1, 0, (100, 200))).unwrap();
        let late = add(&mut book, &intent(1, 1, (101, 201))).unwrap();
        let hashes =
            |now, until| book.candidates(&MARKET, now, until, 32).iter().map(|c| c.hash).collect::<Vec<_>>();
        assert!(hashes(99, 150).is_empty());
        assert_eq!(hashes(100, 200), [early]);
        assert_eq!(hashes(101, 200), [early, late]);
        assert_eq!(hashes(101, 201), [late]);
        assert_eq!(book.eligible(&MARKET, 101, 200), Waiting { eligible: 2, oldest_ms: Some(5) });
        assert_eq!(book.expired(200), Vec::<B256>::new());
        assert_eq!(book.expired(201), [early]);
    }

    #[test]
    fn an_intent_in_a_round_waits_again_in_its_old_place() {
        let mut book = Book::new(BookLimits::default());
        let hashes: Vec<_> = (0..3).map(|n| add(&mut book, &intent(1, n, (0, 9))).unwrap()).collect();
        book.assign(&hashes[0], MARKET);
        assert_eq!(book.waiting(&MARKET).map(|e| e.hash).collect::<Vec<_>>(), hashes[1..]);
        assert_eq!((book.len(), book.waiting_len()), (3, 2));
        book.release(&hashes[0]);
        assert_eq!(book.waiting(&MARKET).map(|e| e.hash).collect::<Vec<_>>(), hashes);
        assert_eq!(book.get(&hashes[0]).unwrap().plan, None);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Add(u8, u64),
        Remove(prop::sample::Index),
        Assign(prop::sample::Index),
        Release(prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1u8..5, 0u64..6).prop_map(|(o, n)| Step::Add(o, n)),
            any::<prop::sample::Index>().prop_map(Step::Remove),
            any::<prop::sample::Index>().prop_map(Step::Assign),
            any::<prop::sample::Index>().prop_map(Step::Release),
        ];
        prop::collection::vec(step, 0..60)
    }

    proptest! {
        // covers: D2
        #[test]
        fn the_indices_agree_with_the_intents_whatever_happens(steps in steps()) {
            let limits = BookLimits { capacity: 8, per_owner: 3 };
            let mut book = Book::new(limits);
            for step in steps {
                let mut known: Vec<_> = book.live.keys().copied().collect();
                known.sort();
                let pick = |i: prop::sample::Index| (!known.is_empty()).then(|| known[i.index(known.len())]);
                match step {
                    Step::Add(owner, nonce) => drop(add(&mut book, &intent(owner, nonce, (0, 9)))),
                    Step::Remove(i) => drop(pick(i).and_then(|h| book.remove(&h))),
                    Step::Assign(i) => pick(i).into_iter().for_each(|h| book.assign(&h, MARKET)),
                    Step::Release(i) => pick(i).into_iter().for_each(|h| book.release(&h)),
                }
                prop_assert!(book.len() <= limits.capacity);
                prop_assert_eq!(book.nonces.len(), book.len());
                prop_assert_eq!(book.owners.values().sum::<usize>(), book.len());
                prop_assert!(book.owners.values().all(|&n| n > 0 && n <= limits.per_owner));
                let free = book.live.values().filter(|e| e.plan.is_none()).count();
                prop_assert_eq!(book.waiting_len(), free);
                prop_assert!(book.waiting(&MARKET).map(|e| e.sequence).is_sorted());
            }
        }
    }
}
