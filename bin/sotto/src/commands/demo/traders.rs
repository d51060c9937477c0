//! The demo's traders: what they want, and what becomes of it.

use std::time::Duration;

use alloy::{
    primitives::{B256, U256},
    providers::{Provider as _, ext::AnvilApi as _},
    rpc::types::Filter,
    sol_types::SolEvent as _,
};
use eyre::Result;
use sotto_api::client::Client;
use sotto_auction::local::{BLOCK_SECONDS, LocalAuction, SignedIntent, Wish};
use sotto_contracts::IAuctionHouse;
use sotto_types::Direction;

use super::Progress;

/// Orders of different sizes on both sides, taken in turn.
const WISHES: [Wish; 8] = [
    Wish { direction: Direction::SellsBase, milli_base: 400, disclose: false },
    Wish { direction: Direction::SellsQuote, milli_base: 1_500, disclose: true },
    Wish { direction: Direction::SellsBase, milli_base: 5_000, disclose: true },
    Wish { direction: Direction::SellsQuote, milli_base: 250, disclose: false },
    Wish { direction: Direction::SellsBase, milli_base: 12_000, disclose: false },
    Wish { direction: Direction::SellsQuote, milli_base: 8_000, disclose: true },
    Wish { direction: Direction::SellsBase, milli_base: 900, disclose: true },
    Wish { direction: Direction::SellsQuote, milli_base: 3_000, disclose: false },
];
/// How often the state of an intent is asked for.
const POLL: Duration = Duration::from_millis(500);

/// The intents of one round.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) intents: Vec<(B256, SignedIntent)>,
    /// Balances of (base, quote) before, by intent.
    pub(super) before: Vec<[U256; 2]>,
}

/// Balances of a trader in (base, quote), raw units.
pub(super) async fn balances(auction: &LocalAuction, signed: &SignedIntent) -> Result<[U256; 2]> {
    let of = |token| auction.market.balance(&auction.deployer.provider, token, signed.intent.owner);
    Ok([of(auction.market.base).await?, of(auction.market.quote).await?])
}

impl Batch {
    /// One intent of each trader, signed and sent to the gateway.
    pub(super) async fn send(
        auction: &LocalAuction,
        client: &Client,
        round: u32,
        progress: Progress,
    ) -> Result<Self> {
        progress.say(format_args!(
            "round {round}: {} traders sign and send their intents",
            auction.traders.len()
        ));
        let now = auction.now().await?;
        let wishes = WISHES.into_iter().cycle().skip((round as usize - 1) * auction.traders.len());
        let (mut intents, mut before) = (Vec::new(), Vec::new());
        for (wish, trader) in wishes.zip(&auction.traders) {
            let signed = auction.sign(wish, trader, u64::from(round), now)?;
            before.push(balances(auction, &signed).await?);
            let hash = client.send_intent(&signed.intent, signed.signature.clone()).await?;
            intents.push((hash, signed));
        }
        Ok(Self { intents, before })
    }

    /// Waits until each intent is filled; one that ends otherwise is an error with its reason.
    pub(super) async fn follow(
        &self,
        auction: &LocalAuction,
        client: &Client,
        progress: Progress,
    ) -> Result<()> {
        let mut last = Vec::new();
        let mut watch = RoundWatch::default();
        loop {
            watch.advance(auction, progress).await?;
            let mut states = Vec::new();
            for (hash, _) in &self.intents {
                let view = client.intent(*hash).await?;
                let ended = matches!(view.state.as_str(), "cancelled" | "expired" | "dropped" | "refused");
                let reason = view.reason.unwrap_or_default();
                eyre::ensure!(!ended, "intent {hash} ended as {}: {reason}", view.state);
                states.push(view.state);
            }
            if states != last {
                progress.say(format_args!("intents: {}", states.join(", ")));
                last.clone_from(&states);
            }
            if states.iter().all(|state| state == "filled") {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// What was said of the newest round so far.
#[derive(Debug, Default)]
struct RoundWatch {
    round: B256,
    committed: u32,
    covered: u32,
    skipped: bool,
}

impl RoundWatch {
    /// Reports commitments and settlements. Once every commitment of the closed commit window is covered, nothing more
    /// can happen in the settle window, and the local chain is taken to its end.
    async fn advance(&mut self, auction: &LocalAuction, progress: Progress) -> Result<()> {
        let Some(opened) = newest_round(auction).await? else { return Ok(()) };
        if opened != self.round {
            *self = Self { round: opened, ..Self::default() };
        }
        let node = &auction.deployer.provider;
        let house = IAuctionHouse::new(auction.deployment.auction_house(), node);
        let round = house.getRound(self.round).call().await?;
        let mut covered = 0;
        for index in 0..round.commitCount {
            covered += u32::from(house.getCommit(self.round, index).call().await?.state >= COVERED);
        }
        if (round.commitCount, covered) != (self.committed, self.covered) {
            (self.committed, self.covered) = (round.commitCount, covered);
            progress.say(format_args!(
                "round: {} sheets committed, {covered} settled by proof",
                round.commitCount
            ));
        }
        let head = node.get_block_number().await?;
        let complete = head > round.commitEnd && covered == round.commitCount && covered > 0;
        if complete && !self.skipped && head < round.settleEnd {
            self.skipped = true;
            progress.say("every sheet is settled: the chain is taken to the fill window");
            node.anvil_mine(Some(round.settleEnd - head), Some(BLOCK_SECONDS)).await?;
        }
        Ok(())
    }
}

/// `CommitState.Covered` of the contract.
const COVERED: u8 = 2;

async fn newest_round(auction: &LocalAuction) -> Result<Option<B256>> {
    let filter = Filter::new()
        .address(auction.deployment.auction_house())
        .event_signature(IAuctionHouse::RoundOpened::SIGNATURE_HASH)
        .from_block(auction.deployment.from_block);
    let logs = auction.deployer.provider.get_logs(&filter).await?;
    Ok(logs.last().and_then(|log| log.topics().get(1).copied()))
}
