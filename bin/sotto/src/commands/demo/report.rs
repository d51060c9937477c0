//! What happened, read back from the chain, and whether the traders' balances moved as proven.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use alloy::{
    primitives::{B256, U256},
    providers::Provider as _,
    rpc::types::{Filter, Log},
    sol_types::SolEvent,
};
use eyre::{OptionExt as _, Result};
use serde_json::json;
use sotto_auction::local::{LocalAuction, SignedIntent};
use sotto_contracts::{
    IAuctionHouse::{Filled, RoundOpened, Settled},
    bindings::UniswapV2Executor,
    local::{BASE_DECIMALS, QUOTE_DECIMALS},
};
use sotto_types::{Direction, amount_out};

use super::traders::{Batch, balances};

/// One filled intent.
#[derive(Debug)]
struct Row {
    intent: B256,
    order: String,
    winner: String,
    pips: i32,
    paid: String,
    pool: String,
    gain_pips: i128,
}

/// Collects rounds.
#[derive(Debug)]
pub(super) struct Report {
    names: BTreeMap<B256, String>,
    from_block: u64,
    intents: usize,
    rows: Vec<Row>,
}

/// The demo's result.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) table: String,
    rounds: usize,
    intents: usize,
    sheets_proven: usize,
    settled: usize,
    filled: usize,
    settle_gas: u64,
    settlements: usize,
    /// Gas of all settlements and fills for each fill.
    gas_per_fill: u64,
}

fn decode<E: SolEvent>(logs: &[Log]) -> Vec<(E, Option<B256>)> {
    logs.iter().filter_map(|log| Some((E::decode_log(&log.inner).ok()?.data, log.transaction_hash))).collect()
}

impl Report {
    /// An empty report that starts at the newest block.
    pub(super) async fn new(auction: &LocalAuction) -> Result<Self> {
        let name = |s: &sotto_auction::local::Searcher| (s.id.to_word(), s.strategy.manifest().name.clone());
        let names = auction.searchers.iter().map(name).collect();
        let from_block = auction.deployer.provider.get_block_number().await?;
        Ok(Self { names, from_block, intents: 0, rows: Vec::new() })
    }

    async fn logs(&self, auction: &LocalAuction) -> Result<Vec<Log>> {
        let filter = Filter::new().address(auction.deployment.auction_house()).from_block(self.from_block);
        Ok(auction.deployer.provider.get_logs(&filter).await?)
    }

    /// Adds a finished round: each fill is held against the proven quote, the chain's event and the trader's balances.
    pub(super) async fn add(&mut self, auction: &LocalAuction, batch: Batch) -> Result<()> {
        let logs = self.logs(auction).await?;
        let fills = decode::<Filled>(&logs);
        let openings = decode::<RoundOpened>(&logs);
        for ((hash, signed), before) in batch.intents.iter().zip(batch.before) {
            let (fill, _) =
                fills.iter().find(|(f, _)| f.intentHash == *hash).ok_or_eyre("a fill has no event")?;
            let opening = openings.iter().find(|(o, _)| o.roundId == fill.roundId).map(|(o, _)| o);
            let opening = opening.ok_or_eyre("a filled round has no opening")?;
            check_balances(auction, signed, before, fill).await?;
            let row = self.row(auction, *hash, signed, fill, opening.referenceQ128).await?;
            self.rows.push(row);
            self.intents += 1;
        }
        Ok(())
    }

    async fn row(
        &self,
        auction: &LocalAuction,
        intent: B256,
        signed: &SignedIntent,
        fill: &Filled,
        reference: U256,
    ) -> Result<Row> {
        let sells_base = signed.intent.sellToken == auction.market.base;
        let direction = if sells_base { Direction::SellsBase } else { Direction::SellsQuote };
        let (decimals, unit) = if sells_base { (QUOTE_DECIMALS, "USDC") } else { (BASE_DECIMALS, "WETH") };
        let (sell_decimals, sell_unit) =
            if sells_base { (BASE_DECIMALS, "WETH") } else { (QUOTE_DECIMALS, "USDC") };
        let bid = amount_out(direction, signed.intent.sellAmount, reference, fill.pips);
        let within =
            bid.is_some_and(|bid| fill.buyAmount <= bid) && fill.buyAmount >= signed.intent.minBuyAmount;
        eyre::ensure!(within, "intent {intent} was paid {}, outside its limit and the bid", fill.buyAmount);
        let pool = pool_output(auction, signed.intent.sellAmount, sells_base).await?;
        let gain = ratio_pips(fill.buyAmount, pool);
        Ok(Row {
            intent,
            order: format!("sell {} {sell_unit}", decimal(signed.intent.sellAmount, sell_decimals)),
            winner: self.names.get(&fill.strategyId).cloned().unwrap_or_else(|| "unknown".into()),
            pips: fill.pips,
            paid: format!("{} {unit}", decimal(fill.buyAmount, decimals)),
            pool: format!("{} {unit}", decimal(pool, decimals)),
            gain_pips: gain,
        })
    }

    /// Reads settlements and fills back from the chain.
    pub(super) async fn finish(self, auction: &LocalAuction) -> Result<Summary> {
        let logs = self.logs(auction).await?;
        let settlements = decode::<Settled>(&logs);
        let rounds: BTreeSet<B256> = decode::<RoundOpened>(&logs).iter().map(|(o, _)| o.roundId).collect();
        let settled: BTreeSet<B256> = settlements.iter().map(|(s, _)| s.roundId).collect();
        let fills = decode::<Filled>(&logs);
        let mut gas = gas_used(auction, settlements.iter().filter_map(|(_, hash)| *hash)).await?;
        let of_fills = gas_used(auction, fills.iter().filter_map(|(_, hash)| *hash)).await?;
        let all: u64 = gas.iter().chain(&of_fills).sum();
        gas.sort_unstable();
        Ok(Summary {
            table: table(&self.rows),
            rounds: rounds.len(),
            intents: self.intents,
            sheets_proven: settlements.iter().map(|(s, _)| s.commitIndices.len()).sum(),
            settled: settled.len(),
            filled: fills.len(),
            settle_gas: gas.get(gas.len() / 2).copied().unwrap_or(0),
            settlements: settlements.len(),
            gas_per_fill: all.checked_div(fills.len() as u64).unwrap_or(0),
        })
    }
}

/// Gas that each of these transactions used.
async fn gas_used(auction: &LocalAuction, hashes: impl Iterator<Item = B256>) -> Result<Vec<u64>> {
    let mut gas = Vec::new();
    for hash in hashes {
        let receipt = auction.deployer.provider.get_transaction_receipt(hash).await?;
        gas.push(receipt.ok_or_eyre("a transaction has no receipt")?.gas_used);
    }
    Ok(gas)
}

/// The trader gave exactly what was sold and got exactly what the event says.
async fn check_balances(
    auction: &LocalAuction,
    signed: &SignedIntent,
    [base, quote]: [U256; 2],
    fill: &Filled,
) -> Result<()> {
    let [base_now, quote_now] = balances(auction, signed).await?;
    let moved = if signed.intent.sellToken == auction.market.base {
        (base.checked_sub(base_now), quote_now.checked_sub(quote))
    } else {
        (quote.checked_sub(quote_now), base_now.checked_sub(base))
    };
    let expected = (Some(signed.intent.sellAmount), Some(fill.buyAmount));
    eyre::ensure!(
        moved == expected,
        "balances of {} moved by {moved:?}, not {expected:?}",
        signed.intent.owner
    );
    Ok(())
}

/// What the pool itself would pay for an amount now.
async fn pool_output(auction: &LocalAuction, amount: U256, sells_base: bool) -> Result<U256> {
    let router = auction.searchers.first().ok_or_eyre("no searcher")?.executor;
    let base_is_zero = auction.market.base < auction.market.quote;
    let executor = UniswapV2Executor::new(router, &auction.deployer.provider);
    Ok(executor.poolOutput(amount, sells_base == base_is_zero).call().await?)
}

/// Millionths by which `a` exceeds `b`.
fn ratio_pips(a: U256, b: U256) -> i128 {
    let million = U256::from(1_000_000);
    let Some(ratio) = (a * million).checked_div(b) else { return 0 };
    i128::try_from(ratio).map_or(i128::MAX, |ratio| ratio - 1_000_000)
}

/// Raw units as whole tokens, six places.
fn decimal(raw: U256, decimals: u8) -> String {
    let unit = U256::from(10).pow(U256::from(decimals));
    let micros = raw % unit * U256::from(1_000_000) / unit;
    format!("{}.{:06}", raw / unit, micros.to::<u64>())
}

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "\n{:<12} {:<24} {:<16} {:>8}  {:>24} {:>24} {:>10}",
        "intent", "order", "winner", "bid", "paid", "the pool pays", "gain"
    );
    for row in rows {
        let intent = row.intent.to_string();
        let _ = writeln!(
            text,
            "{:<12} {:<24} {:<16} {:>8}  {:>24} {:>24} {:>10}",
            &intent[..10],
            row.order,
            row.winner,
            row.pips,
            row.paid,
            row.pool,
            row.gain_pips
        );
    }
    text.push_str("bid and gain in pips (1e-6): the winner's quote over the reference price, and the pay over the pool\n\n");
    text
}

impl Summary {
    /// The machine-readable line.
    pub(super) fn json(&self, elapsed: Duration) -> serde_json::Value {
        json!({
            "rounds": self.rounds,
            "intents": self.intents,
            "sheets_proven": self.sheets_proven,
            "settled": self.settled,
            "filled": self.filled,
            "settle_gas": self.settle_gas,
            "settlements": self.settlements,
            "gas_per_fill": self.gas_per_fill,
            "seconds": (elapsed.as_secs_f64() * 10.0).round() / 10.0,
        })
    }

    /// Every round settled, every intent filled.
    pub(super) fn check(&self) -> Result<()> {
        eyre::ensure!(self.settled == self.rounds, "{} of {} rounds settled", self.settled, self.rounds);
        eyre::ensure!(self.filled == self.intents, "{} of {} intents were filled", self.filled, self.intents);
        Ok(())
    }
}
