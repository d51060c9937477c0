//! What the tasks of a gateway share.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy::{
    primitives::{Address, B256, U256},
    providers::DynProvider,
};
use parking_lot::Mutex;
use sotto_chain::{BlockRef, ChainError, TxManager};
use sotto_contracts::IMarkets::MarketParams;
use sotto_prover::{Part, Prover, WrappedProof};
use sotto_types::{Claim, PricingRule, SLOTS};
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    book::Book,
    bracket::Bracket,
    config::GatewayConfig,
    feed::{Feed, News},
    ledger::{Books, Move},
    merge::merge_claims,
    metrics::GatewayMetrics,
    owner::OwnerCheck,
    pricing::FillTerms,
    state::{IntentRecord, IntentState, Plan},
    steps::{Step, Timing},
};
use crate::{AuctionId, RoundBook, RoundView};

/// Intents that ended, and requests refused, that are kept in memory for questions.
const REMEMBERED: usize = 8192;
/// Assumed interval between blocks until two heads were seen, seconds.
const ASSUMED_INTERVAL: u64 = 12;

/// A market that this gateway serves.
#[derive(Clone, Debug)]
pub struct Market {
    /// Its id.
    pub id: B256,
    /// Its parameters, which never change.
    pub params: MarketParams,
}

impl Market {
    /// The terms that decide about fills.
    pub fn terms(&self) -> FillTerms {
        FillTerms {
            pricing: if self.params.pricing == 0 {
                PricingRule::FirstPrice
            } else {
                PricingRule::SecondPrice
            },
            reserve: self.params.reserveQuote,
            min_notional: self.params.minNotional,
            max_notional: self.params.maxNotional,
        }
    }

    /// Blocks from the opening of a round to the first block of its fill window.
    pub(super) fn blocks_to_fill(&self) -> u64 {
        u64::from(self.params.commitBlocks) + u64::from(self.params.settleBlocks) + 1
    }

    pub(super) fn opener_bond(&self) -> U256 {
        U256::from(self.params.openerBond)
    }

    pub(super) fn settle_reward(&self) -> U256 {
        U256::from(self.params.settleReward)
    }
}

/// The newest block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number and hash.
    pub block: BlockRef,
    /// Unix seconds.
    pub timestamp: u64,
}

/// What is settled by one proof: a sheet alone, or some that are merged.
#[derive(Debug)]
pub(super) struct Parcel {
    /// The commit indices that it covers, increasing.
    pub(super) covers: Vec<u32>,
    pub(super) part: Arc<Part>,
    pub(super) wrapped: Option<Arc<WrappedProof>>,
    pub(super) working: bool,
    pub(super) failures: u32,
}

impl Parcel {
    pub(super) fn new(covers: Vec<u32>, part: Arc<Part>) -> Self {
        Self { covers, part, wrapped: None, working: false, failures: 0 }
    }

    /// The first of its commitments that no settlement covers; none when there is nothing to settle.
    pub(super) fn first_open(&self, round: &RoundView) -> Option<u32> {
        let open =
            |index: &u32| round.commits.get(index).is_some_and(|commit| !commit.covered && !commit.closed);
        self.covers.iter().copied().find(open)
    }
}

/// How long proofs take, seconds, by the newest ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProvingPace {
    pub(super) merge: f64,
    pub(super) seal: f64,
    pub(super) wrap: f64,
}

impl Default for ProvingPace {
    /// Assumed until the first proofs are made.
    fn default() -> Self {
        Self { merge: 4.0, seal: 3.0, wrap: 8.0 }
    }
}

impl ProvingPace {
    /// Takes a measurement into an average of the last few.
    pub(super) fn note(average: &mut f64, took: Duration) {
        *average += (took.as_secs_f64() - *average) / 4.0;
    }

    /// Seconds until so many merges are made and so many parcels wrapped.
    pub(super) fn needed(&self, merges: usize, parcels: usize) -> f64 {
        merges as f64 * self.merge + parcels as f64 * (self.seal + self.wrap)
    }
}

/// How a step of a round is getting on.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    pub(super) running: bool,
    pub(super) failures: u32,
    /// The head from which it may be tried, or looked at, again.
    pub(super) not_before: u64,
    pub(super) last_error: Option<String>,
}

/// A plan whose round is being opened or runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) plan: Plan,
    pub(super) round_id: Option<B256>,
    /// Whether the task that opens the round is at work.
    pub(super) opening: bool,
    /// Why the round was not opened.
    pub(super) open_failed: Option<String>,
    /// The head at which the round was last missing although its opening had been mined.
    pub(super) missing_since: Option<u64>,
    /// Commit indices of the sheets that were taken.
    pub(super) sheets: BTreeSet<u32>,
    /// The sheets on their way to one proof.
    pub(super) bracket: Bracket<Arc<Part>>,
    /// What is to be settled, by the first commit index.
    pub(super) parcels: BTreeMap<u32, Parcel>,
    /// Whether no further sheet is waited for.
    pub(super) last_call: bool,
    pub(super) work: HashMap<Step, Work>,
    /// Why won slots are not filled.
    pub(super) unfilled: BTreeMap<u8, String>,
    /// Whether the intents of slots that were not filled were let go.
    pub(super) released: bool,
    pub(super) settled_noted: bool,
    /// Results as of the last settlement seen.
    pub(super) results: Option<Box<[Claim; SLOTS]>>,
    /// The head at which nothing was left to do.
    pub(super) finished_at: Option<u64>,
    pub(super) started: Instant,
}

impl Running {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            round_id: None,
            opening: false,
            open_failed: None,
            missing_since: None,
            sheets: BTreeSet::new(),
            bracket: Bracket::default(),
            parcels: BTreeMap::new(),
            last_call: false,
            work: HashMap::new(),
            unfilled: BTreeMap::new(),
            released: false,
            settled_noted: false,
            results: None,
            finished_at: None,
            started: Instant::now(),
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.opening || self.work.values().any(|work| work.running)
    }

    /// Forgets what was done for a round that a reorganisation took back.
    pub(super) fn forget_round(&mut self) {
        self.round_id = None;
        self.sheets.clear();
        self.bracket = Bracket::default();
        self.parcels.clear();
        self.last_call = false;
        self.work.clear();
        self.unfilled.clear();
        self.settled_noted = false;
        self.results = None;
        self.finished_at = None;
    }

    /// Takes the results of a settlement; false when they are not what merging the sheets covered gives.
    pub(super) fn settled(&mut self, indices: &[u32], results: &[Claim; SLOTS]) -> bool {
        let before = self.results.take().map_or([Claim::default(); SLOTS], |stored| *stored);
        self.results = Some(Box::new(*results));
        let known = self.parcels.values().find(|parcel| parcel.covers == indices);
        // What others merged is not at hand.
        known.is_none_or(|parcel| merge_claims(&before, &parcel.part.statement().claims) == *results)
    }
}

/// How a market's openings are getting on.
#[derive(Clone, Debug, Default)]
pub(super) struct Opening {
    pub(super) running: bool,
    pub(super) not_before: u64,
    pub(super) last_error: Option<String>,
}

/// Measures the interval between blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    first: Option<(u64, u64)>,
    last: Option<(u64, u64)>,
}

impl Pace {
    /// Blocks over which the interval is averaged.
    const SPAN: u64 = 32;

    pub(super) fn note(&mut self, number: u64, timestamp: u64) {
        let fresh = self.first.is_none_or(|(n, _)| number <= n || number - n > 2 * Self::SPAN);
        if fresh {
            self.first = self.last.filter(|(n, _)| *n < number).or(Some((number, timestamp)));
        }
        self.last = Some((number, timestamp));
    }

    /// Seconds per block, rounded up.
    pub(super) fn seconds(&self) -> u64 {
        match (self.first, self.last) {
            (Some((n0, t0)), Some((n1, t1))) if n1 > n0 => t1.saturating_sub(t0).div_ceil(n1 - n0),
            _ => ASSUMED_INTERVAL,
        }
    }
}

/// Everything that changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) book: Book,
    pub(super) records: HashMap<B256, Arc<IntentRecord>>,
    /// Final records in the order in which they ended; the oldest are forgotten, the ledger has them.
    ended: VecDeque<B256>,
    pub(super) rounds: RoundBook,
    /// Round ids by slots hash, of rounds that this gateway opened.
    pub(super) openings: HashMap<B256, B256>,
    pub(super) plans: BTreeMap<B256, Running>,
    pub(super) markets: HashMap<B256, Opening>,
    pub(super) head: Option<Head>,
    pub(super) pace: Pace,
    pub(super) proving: ProvingPace,
    /// Whether everything that the node has was worked on.
    pub(super) caught_up: bool,
    pub(super) progress: Instant,
}

impl State {
    pub(super) fn new(book: Book, rounds: RoundBook) -> Self {
        Self {
            book,
            records: HashMap::new(),
            ended: VecDeque::new(),
            rounds,
            openings: HashMap::new(),
            plans: BTreeMap::new(),
            markets: HashMap::new(),
            head: None,
            pace: Pace::default(),
            proving: ProvingPace::default(),
            caught_up: false,
            progress: Instant::now(),
        }
    }

    /// Stores a record, and forgets the oldest ended one beyond the limit.
    pub(super) fn remember(&mut self, record: IntentRecord) -> Arc<IntentRecord> {
        let record = Arc::new(record);
        if record.state.is_final() {
            self.ended.push_back(record.hash);
            if self.ended.len() > REMEMBERED
                && let Some(oldest) = self.ended.pop_front()
                && self.records.get(&oldest).is_some_and(|r| r.state.is_final())
            {
                self.records.remove(&oldest);
            }
        }
        self.records.insert(record.hash, Arc::clone(&record));
        record
    }

    /// Brings book and records in line with a move that the ledger has made; the record as it is now.
    pub(super) fn follow(&mut self, change: &Move) -> Option<Arc<IntentRecord>> {
        let mut record = IntentRecord::clone(self.records.get(&change.hash)?);
        let round = match (&change.to, &record.state) {
            (_, IntentState::InRound { plan, .. }) => {
                self.plans.get(plan).and_then(|running| running.round_id)
            }
            _ => None,
        };
        if let Some(note) = &change.note {
            record.note(round, note.clone());
        }
        record.state = change.to.clone();
        match &record.state {
            IntentState::Waiting => {
                self.restore(&record);
                self.book.release(&record.hash);
            }
            IntentState::InRound { plan, .. } => {
                self.restore(&record);
                self.book.assign(&record.hash, *plan);
            }
            _ => drop(self.book.remove(&record.hash)),
        }
        Some(self.remember(record))
    }

    /// Puts an intent that had ended back into the book.
    fn restore(&mut self, record: &IntentRecord) {
        if self.book.get(&record.hash).is_none() {
            self.book.restore(super::book::LiveIntent {
                hash: record.hash,
                intent: record.intent.clone(),
                signature: record.signature.clone(),
                direction: record.direction,
                sequence: record.sequence,
                accepted_ms: record.accepted_ms,
                plan: None,
            });
        }
    }
}

/// What the tasks of a gateway share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) config: GatewayConfig,
    pub(super) auction: AuctionId,
    /// The contract of the markets.
    pub(super) markets_at: Address,
    pub(super) markets: BTreeMap<B256, Market>,
    pub(super) provider: DynProvider,
    pub(super) books: Books,
    pub(super) tx: TxManager,
    pub(super) prover: Prover,
    pub(super) owners: OwnerCheck,
    pub(super) metrics: GatewayMetrics,
    pub(super) feed: Feed,
    pub(super) state: Mutex<State>,
    pub(super) wake: Notify,
    pub(super) cancel: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) signers: rayon::ThreadPool,
    pub(super) intake: Semaphore,
    pub(super) verifying: Semaphore,
}

impl Core {
    /// The newest block, once there is one.
    pub(super) fn head(&self) -> Option<Head> {
        self.state.lock().head
    }

    pub(super) fn timing(&self, head: &Head) -> Timing {
        Timing { head: head.block.number, confirmations: self.config.confirmations }
    }

    /// Makes moves durable, then real, then known.
    pub(super) async fn make(&self, moves: Vec<Move>) -> Result<(), sotto_store::StoreError> {
        let made = self.books.apply(moves).await?;
        self.follow(&made);
        Ok(())
    }

    /// Follows moves that the ledger has made.
    pub(super) fn follow(&self, made: &[Move]) {
        let now = unix_ms();
        for change in made {
            let record = self.state.lock().follow(change);
            let Some(record) = record else { continue };
            if record.state.is_final() {
                self.metrics.ended(&record.state);
            }
            if matches!(record.state, IntentState::Filled { .. }) {
                let took = Duration::from_millis(now.saturating_sub(record.accepted_ms));
                self.metrics.timed(super::metrics::Timed::Intent, took);
            }
            self.feed.publish(&News::Intent(record));
        }
        self.gauge();
    }

    /// Brings the gauges up to date.
    pub(super) fn gauge(&self) {
        let state = self.state.lock();
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.metrics.live.set(count(state.book.len()));
        self.metrics.waiting.set(count(state.book.waiting_len()));
        let active = state.plans.values().filter(|running| running.finished_at.is_none()).count();
        self.metrics.rounds_active.set(count(active));
    }

    /// Recovers a signer on the pool for it.
    pub(super) async fn recover(
        &self,
        digest: B256,
        signature: alloy::primitives::Bytes,
    ) -> Result<Address, sotto_types::SignatureError> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.signers.spawn(move || {
            // The asker may be gone, and then nobody wants the answer.
            let _ = reply.send(sotto_types::recover_signer(digest, &signature));
        });
        answer.await.unwrap_or(Err(sotto_types::SignatureError::Unrecoverable))
    }
}

/// Unix milliseconds of this machine's clock; for display and waiting times, never for a deadline.
pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A contract call's error as one of the chain.
pub(super) fn call_error(error: alloy::contract::Error) -> ChainError {
    match error {
        alloy::contract::Error::TransportError(error) => error.into(),
        other => ChainError::Decode { reason: other.to_string() },
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
