//! The model's sheet for a round, and the facts that decide whether it is bid.

use std::sync::Arc;

use alloy::{
    primitives::{B256, U256},
    providers::Provider,
};
use sotto_chain::ChainError;
use sotto_contracts::{IMarkets, IStrategyRegistry};
use sotto_types::{NO_BID, Quote, SLOTS};

use super::{Context, Evaluation, Failure, Job, Outcome, unread};
use crate::{events::decode_features, pending::PendingOpening};

/// Evaluates the model while the chain is asked about the strategy's standing.
pub(in crate::solver) async fn evaluate(job: Job) -> Result<Outcome, Failure> {
    let (sheet, standing) = tokio::join!(sheet(&job), standing(&job));
    let (quotes, ahead) = sheet?;
    let standing = standing?;
    Ok(Outcome::Evaluated(Box::new(Evaluation { quotes, ahead, ..standing })))
}

async fn sheet(job: &Job) -> Result<([Quote; SLOTS], bool), Failure> {
    let opening = &job.round.opening;
    let evaluator = &job.context.evaluator;
    let sheet =
        evaluator.sheet(job.key.strategy, &job.strategy.program, &opening.features, &opening.slots).await;
    sheet.map_err(Failure::retry)
}

async fn standing(job: &Job) -> Result<Evaluation, Failure> {
    let provider = job.context.deps.pool.provider();
    let registry = IStrategyRegistry::new(job.context.config.registry, provider.clone());
    let id = job.key.strategy.to_word();
    let active = registry.wasActiveBefore(id, U256::from(job.round.opened_in.number));
    let account = registry.account(id);
    let registered = registry.strategy(id);
    let signer = job.strategy.signer.address();
    let (active, account, registered, gas_balance, needed_bond) = tokio::join!(
        async { active.call().await.map_err(unread) },
        async { account.call().await.map_err(unread) },
        async { registered.call().await.map_err(unread) },
        async { provider.get_balance(signer).await.map_err(ChainError::from) },
        job.context.needed_bond(job.round.opening.market),
    );
    let (account, registered) = (account?, registered?);
    Ok(Evaluation {
        quotes: [NO_BID; SLOTS],
        ahead: false,
        range: (registered.minQuote, registered.maxQuote),
        active: active?,
        free_bond: U256::from(account.bond.saturating_sub(account.locked)),
        needed_bond: needed_bond?,
        gas_balance: gas_balance?,
    })
}

impl Context {
    /// What a commitment in a market locks, wei.
    async fn needed_bond(&self, market: B256) -> Result<U256, Failure> {
        let known = self.bonds.lock().get(&market).copied();
        if let Some(bond) = known {
            return Ok(bond);
        }
        let markets = IMarkets::new(self.config.markets, self.deps.pool.provider());
        let params = markets.params(market).call().await.map_err(unread)?;
        let slots = U256::from(SLOTS) * U256::from(params.slotBond);
        let bond = U256::from(params.sheetBond).saturating_add(slots);
        self.bonds.lock().insert(market, bond);
        Ok(bond)
    }
}

/// Evaluates a round that a pending transaction opens, on what the market's feeds say now. Nothing is lost when it turns
/// out otherwise: the evaluation is kept under its inputs.
pub(in crate::solver) async fn evaluate_ahead(
    context: Arc<Context>,
    pending: PendingOpening,
) -> Result<(), Failure> {
    let markets = IMarkets::new(context.config.markets, context.deps.pool.provider());
    let snapshot = markets.snapshot(pending.market).call().await.map_err(unread)?;
    let features = decode_features(&snapshot.features).map_err(Failure::retry)?;
    let ours = context.config.strategies.iter().filter(|strategy| strategy.market == pending.market);
    for strategy in ours {
        let done =
            context.evaluator.sheet_ahead(strategy.id(), &strategy.program, &features, &pending.slots).await;
        done.map_err(Failure::retry)?;
        context.deps.metrics.evaluated_ahead.inc();
    }
    Ok(())
}
