//! Models run on a rayon pool of their own, ahead of the round where it could be seen coming.

use std::{collections::VecDeque, sync::Arc};

use alloy::primitives::B256;
use parking_lot::Mutex;
use sotto_model::program::Program;
use sotto_types::{Digest, MarketFeatures, Quote, SLOTS, Slot, slots_hash};
use tokio::sync::oneshot;

use crate::{AuctionError, Result};

/// Evaluations made ahead that are kept.
const KEPT: usize = 64;

/// What an evaluation depends on, besides the model of the strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Input {
    strategy: Digest,
    features: MarketFeatures,
    slots: B256,
}

/// Sheets by what they depend on, the newest first.
type Ahead = VecDeque<(Input, [Quote; SLOTS])>;

/// Evaluates models. Cloning shares the pool and what was evaluated ahead.
#[derive(Clone, Debug)]
pub(super) struct Evaluator {
    pool: Arc<rayon::ThreadPool>,
    ahead: Arc<Mutex<Ahead>>,
}

impl Evaluator {
    pub(super) fn new(threads: usize) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|i| format!("evaluate-{i}"))
            .build()
            .map_err(|e| AuctionError::Threads { reason: e.to_string() })?;
        Ok(Self { pool: Arc::new(pool), ahead: Arc::default() })
    }

    /// The sheet of a strategy, and whether it was evaluated ahead.
    pub(super) async fn sheet(
        &self,
        strategy: Digest,
        model: &Arc<Program>,
        features: &MarketFeatures,
        slots: &[Slot; SLOTS],
    ) -> Result<([Quote; SLOTS], bool)> {
        let input = Input { strategy, features: *features, slots: slots_hash(slots) };
        if let Some(quotes) =
            self.ahead.lock().iter().find(|(known, _)| *known == input).map(|(_, quotes)| *quotes)
        {
            return Ok((quotes, true));
        }
        let (reply, answer) = oneshot::channel();
        let (model, slots) = (Arc::clone(model), *slots);
        self.pool.spawn(move || {
            // The round may be gone by now, and then nobody wants the answer.
            let _ = reply.send(model.sheet(&input.features, &slots.map(features_of)));
        });
        let gone = |_| AuctionError::Threads { reason: "an evaluation panicked".into() };
        Ok((answer.await.map_err(gone)?, false))
    }

    /// Evaluates a round that is about to open.
    pub(super) async fn sheet_ahead(
        &self,
        strategy: Digest,
        model: &Arc<Program>,
        features: &MarketFeatures,
        slots: &[Slot; SLOTS],
    ) -> Result<()> {
        let (quotes, known) = self.sheet(strategy, model, features, slots).await?;
        if !known {
            let input = Input { strategy, features: *features, slots: slots_hash(slots) };
            let mut ahead = self.ahead.lock();
            ahead.truncate(KEPT - 1);
            ahead.push_front((input, quotes));
        }
        Ok(())
    }
}

fn features_of(slot: Slot) -> Option<sotto_types::SlotFeatures> {
    (!slot.is_empty()).then_some(slot.features)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_model::{Dense, InputMap, Policy, program::Shape};
    use sotto_types::{MODEL_FEATURES, NO_BID};

    /// Bids the same number of pips on everything, in two slots a direction.
    fn constant(pips: i64) -> Arc<Program> {
        let layer = Dense { weights: vec![0; MODEL_FEATURES], biases: vec![pips << 31] };
        let policy = Policy { min_quote: -1000, max_quote: 1000, max_slots: 2 };
        let inputs = [InputMap::default(); MODEL_FEATURES];
        let shape = Shape::dense(&[]).unwrap();
        Arc::new(Program::new(shape, inputs, vec![layer], Vec::new(), policy).unwrap())
    }

    fn slots(n: u8) -> [Slot; SLOTS] {
        std::array::from_fn(|i| {
            if i < usize::from(n) {
                Slot { commitment: B256::repeat_byte(1), features: [0; 4] }
            } else {
                Slot::default()
            }
        })
    }

    #[tokio::test]
    async fn a_round_seen_coming_is_evaluated_once() {
        let evaluator = Evaluator::new(1).unwrap();
        let (model, strategy) = (constant(5), Digest::default());
        evaluator.sheet_ahead(strategy, &model, &[0; 32], &slots(3)).await.unwrap();
        let (quotes, ahead) = evaluator.sheet(strategy, &model, &[0; 32], &slots(3)).await.unwrap();
        assert!(ahead);
        assert_eq!(quotes[..4], [5, 5, NO_BID, NO_BID]);
        let (_, ahead) = evaluator.sheet(strategy, &model, &[1; 32], &slots(3)).await.unwrap();
        assert!(!ahead, "the snapshot turned out differently");
        for n in 0..100 {
            let features = [n; 32];
            evaluator.sheet_ahead(strategy, &model, &features, &slots(3)).await.unwrap();
        }
        assert!(evaluator.ahead.lock().len() <= KEPT);
    }
}
