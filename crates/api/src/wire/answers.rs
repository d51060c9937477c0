//! Answers and notifications. An intent's contents are never part of one: whoever knows its hash learns its state.

use serde::{Deserialize, Serialize};
use sotto_auction::{
    Phase, RoundView as ChainRound, SlotState,
    gateway::{
        FillNews, FillResult, GatewayStatus, IntentRecord, IntentState, Market, News, RoundChange, RoundNews,
        RoundStatus,
    },
};
use sotto_types::{NO_BID, uncarry};

use super::scalars::{Hash, HexAddress, Number, Seconds};

/// State of an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntentView {
    /// Its hash.
    pub intent_hash: Hash,
    /// `waiting`, `in-round`, `filled`, `cancelled`, `expired`, `dropped` or `refused`.
    pub state: String,
    /// The slot, while it is in a round and when it is filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u8>,
    /// The round that filled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_id: Option<Hash>,
    /// The strategy that filled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy_id: Option<Hash>,
    /// Raw units that the recipient got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buy_amount: Option<Number>,
    /// The winner's quote, pips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pips: Option<i32>,
    /// Name of the refusal of a dropped or refused intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it was dropped or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// When it arrived, Unix milliseconds.
    pub accepted_ms: u64,
    /// Rounds that did not fill it, oldest first.
    pub history: Vec<HistoryView>,
}

/// A round that did not fill an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    /// The round; absent when it was never opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_id: Option<Hash>,
    /// Why.
    pub reason: String,
}

impl From<&IntentRecord> for IntentView {
    fn from(record: &IntentRecord) -> Self {
        let history = record.history.iter();
        let mut view = Self {
            intent_hash: Hash(record.hash),
            state: record.state.label().into(),
            slot: None,
            round_id: None,
            strategy_id: None,
            buy_amount: None,
            pips: None,
            code: None,
            reason: None,
            action: None,
            accepted_ms: record.accepted_ms,
            history: history
                .map(|note| HistoryView { round_id: note.round_id.map(Hash), reason: note.reason.clone() })
                .collect(),
        };
        match &record.state {
            IntentState::InRound { slot, .. } => view.slot = Some(*slot),
            IntentState::Filled { round_id, slot, strategy, buy_amount, pips } => {
                view.slot = Some(*slot);
                view.round_id = Some(Hash(*round_id));
                view.strategy_id = Some(Hash(*strategy));
                view.buy_amount = Some(Number(*buy_amount));
                view.pips = Some(*pips);
            }
            IntentState::Dropped { refusal } | IntentState::Refused { refusal } => {
                view.code = Some(refusal.code.label().into());
                view.reason = Some(refusal.reason.clone());
                view.action = Some(refusal.advice().into());
            }
            _ => {}
        }
        view
    }
}

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockView {
    /// Height.
    pub number: u64,
    /// Hash.
    pub hash: Hash,
}

/// A round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoundView {
    /// Its id.
    pub round_id: Hash,
    /// The market.
    pub market: Hash,
    /// Who opened it.
    pub opener: HexAddress,
    /// Whether this gateway did.
    pub ours: bool,
    /// The block that opened it.
    pub opened_in: BlockView,
    /// Last block that takes commitments.
    pub commit_end: u64,
    /// Last block that takes settlements.
    pub settle_end: u64,
    /// Last block that takes fills.
    pub fill_end: u64,
    /// Root of the circuits that it allows.
    pub key_set_root: Hash,
    /// Reference price, Q128.
    pub reference: Number,
    /// Market features.
    pub features: Vec<i32>,
    /// Slots that hold an intent, by index.
    pub slots: Vec<SlotView>,
    /// Commitments.
    pub commits: Vec<CommitView>,
    /// Settlements so far.
    pub settlements: u32,
    /// Whether it was closed.
    pub closed: bool,
    /// Commit indices of the sheets that this gateway holds.
    pub sheets: Vec<u32>,
    /// Steps of this gateway at work, or failed.
    pub steps: Vec<StepView>,
}

/// A slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotView {
    /// Its index.
    pub slot: u8,
    /// Hiding commitment to the intent.
    pub commitment: Hash,
    /// Slot features: direction, log2 size, deadline, limit.
    pub features: [i32; 4],
    /// What is proven; absent before the first settlement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimView>,
    /// What became of it.
    pub state: SlotStateView,
}

/// What is proven of a slot. Quotes are in pips; absent is no bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimView {
    /// The best quote.
    pub best: Option<i32>,
    /// The second-best quote.
    pub second: Option<i32>,
    /// Commit index of the winner.
    pub winner: Option<u32>,
}

/// What became of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "state")]
pub enum SlotStateView {
    /// Nothing yet.
    Open,
    /// The trader was paid.
    Filled {
        /// The winner.
        strategy_id: Hash,
        /// Raw units sold.
        sell_amount: Number,
        /// Raw units that the recipient got.
        buy_amount: Number,
        /// The winner's quote, pips.
        pips: i32,
    },
    /// The winner did not deliver.
    Defaulted {
        /// The winner.
        strategy_id: Hash,
        /// Wei paid to the trader.
        compensation: Number,
        /// Wei burned.
        burned: Number,
    },
    /// The opener left it unfilled.
    Unfilled {
        /// The winner.
        strategy_id: Hash,
        /// Wei paid to the winner.
        fee: Number,
    },
}

/// A commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitView {
    /// Its index.
    pub index: u32,
    /// The strategy.
    pub strategy_id: Hash,
    /// The sheet commitment.
    pub commitment: Hash,
    /// Whether a settlement covers it.
    pub covered: bool,
}

/// A step of a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// Its name.
    pub step: String,
    /// Whether it is at work.
    pub running: bool,
    /// Times that it failed.
    pub failures: u32,
}

impl RoundView {
    /// A round as the chain tells it, with what this gateway knows besides.
    pub fn new(round: &ChainRound, ours: bool) -> Self {
        let opening = &round.opening;
        let taken = (0u8..).zip(&opening.slots).filter(|(_, slot)| !slot.is_empty());
        Self {
            round_id: Hash(opening.round_id),
            market: Hash(opening.market),
            opener: HexAddress(opening.opener),
            ours,
            opened_in: BlockView { number: round.opened_in.number, hash: Hash(round.opened_in.hash) },
            commit_end: opening.commit_end,
            settle_end: opening.settle_end,
            fill_end: opening.fill_end,
            key_set_root: Hash(opening.key_set_root.to_word()),
            reference: Number(opening.reference),
            features: opening.features.to_vec(),
            slots: taken
                .map(|(index, slot)| SlotView {
                    slot: index,
                    commitment: Hash(slot.commitment),
                    features: slot.features,
                    claim: claim(round, index),
                    state: slot_state(round, index),
                })
                .collect(),
            commits: round
                .commits
                .iter()
                .map(|(index, commit)| CommitView {
                    index: *index,
                    strategy_id: Hash(commit.strategy.to_word()),
                    commitment: Hash(commit.commitment.to_word()),
                    covered: commit.covered,
                })
                .collect(),
            settlements: round.settlements,
            closed: round.closed,
            sheets: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Name of the phase that a call in the block after `head` falls into.
    pub fn phase(&self, head: u64) -> &'static str {
        let phase = match head.saturating_add(1) {
            next if next <= self.commit_end => Phase::Commit,
            next if next <= self.settle_end => Phase::Settle,
            next if next <= self.fill_end => Phase::Fill,
            _ => Phase::Over,
        };
        match (self.closed, phase) {
            (true, _) => "closed",
            (_, Phase::Commit) => "commit",
            (_, Phase::Settle) => "settle",
            (_, Phase::Fill) => "fill",
            (_, Phase::Over) => "over",
        }
    }
}

impl From<&RoundStatus> for RoundView {
    fn from(status: &RoundStatus) -> Self {
        let steps = status.steps.iter();
        Self {
            sheets: status.sheets.clone(),
            steps: steps
                .map(|s| StepView { step: s.name.into(), running: s.running, failures: s.failures })
                .collect(),
            ..Self::new(&status.view, status.ours)
        }
    }
}

fn claim(round: &ChainRound, slot: u8) -> Option<ClaimView> {
    let claim = round.results.as_ref()?.get(usize::from(slot))?;
    let quote = |carried: u32| uncarry(u64::from(carried)).ok().filter(|quote| *quote != NO_BID);
    Some(ClaimView {
        best: quote(claim.best),
        second: quote(claim.second),
        winner: claim.winner.checked_sub(1),
    })
}

fn slot_state(round: &ChainRound, slot: u8) -> SlotStateView {
    match round.slots.get(usize::from(slot)) {
        Some(SlotState::Filled { strategy, sell_amount, buy_amount, pips }) => SlotStateView::Filled {
            strategy_id: Hash(strategy.to_word()),
            sell_amount: Number(*sell_amount),
            buy_amount: Number(*buy_amount),
            pips: *pips,
        },
        Some(SlotState::Defaulted { strategy, compensation, burned }) => SlotStateView::Defaulted {
            strategy_id: Hash(strategy.to_word()),
            compensation: Number(*compensation),
            burned: Number(*burned),
        },
        Some(SlotState::Unfilled { strategy, fee }) => {
            SlotStateView::Unfilled { strategy_id: Hash(strategy.to_word()), fee: Number(*fee) }
        }
        Some(SlotState::Open) | None => SlotStateView::Open,
    }
}

/// A market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarketView {
    /// Its id.
    pub market: Hash,
    /// Base token.
    pub base: HexAddress,
    /// Quote token.
    pub quote: HexAddress,
    /// `first-price` or `second-price`.
    pub pricing: String,
    /// Least quote that is filled, pips.
    pub reserve_quote: i32,
    /// Least notional in raw units of the quote token.
    pub min_notional: Number,
    /// Greatest notional in raw units of the quote token.
    pub max_notional: Number,
    /// Length of the commit window, blocks.
    pub commit_blocks: u32,
    /// Length of the settle window, blocks.
    pub settle_blocks: u32,
    /// Length of the fill window, blocks.
    pub fill_blocks: u32,
    /// Chain id, for signatures.
    pub chain_id: u64,
    /// The auction house, the spender of the Permit2 signature.
    pub auction_house: HexAddress,
}

impl MarketView {
    /// A market of an auction.
    pub fn new(market: &Market, auction: &sotto_auction::AuctionId) -> Self {
        let p = &market.params;
        Self {
            market: Hash(market.id),
            base: HexAddress(p.base),
            quote: HexAddress(p.quote),
            pricing: if p.pricing == 0 { "first-price".into() } else { "second-price".into() },
            reserve_quote: p.reserveQuote,
            min_notional: Number(p.minNotional),
            max_notional: Number(p.maxNotional),
            commit_blocks: p.commitBlocks,
            settle_blocks: p.settleBlocks,
            fill_blocks: p.fillBlocks,
            chain_id: auction.chain_id,
            auction_house: HexAddress(auction.auction_house),
        }
    }
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum NewsView {
    /// An intent's state changed.
    Intent {
        /// Its hash.
        #[serde(rename = "intentHash")]
        intent_hash: Hash,
        /// Its state.
        state: String,
    },
    /// A round changed.
    Round {
        /// `opened`, `committed`, `settled`, `closed` or `rolled-back`.
        change: String,
        /// The round's id.
        #[serde(rename = "roundId")]
        round_id: Hash,
        /// The round as it is now; absent when a reorganisation took it back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        round: Option<Box<RoundView>>,
    },
    /// A slot was filled, or its winner defaulted.
    Fill(FillView),
}

/// A fill or a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FillView {
    /// The round.
    pub round_id: Hash,
    /// The slot.
    pub slot: u8,
    /// The intent.
    pub intent_hash: Hash,
    /// What became of the slot.
    pub result: SlotStateView,
}

impl From<&News> for NewsView {
    fn from(news: &News) -> Self {
        match news {
            News::Intent(record) => {
                Self::Intent { intent_hash: Hash(record.hash), state: record.state.label().into() }
            }
            News::Round(RoundNews { change, round_id, view }) => Self::Round {
                change: change_name(*change).into(),
                round_id: Hash(*round_id),
                round: view.as_ref().map(|view| Box::new(RoundView::new(view, false))),
            },
            News::Fill(fill) => Self::Fill(fill.into()),
        }
    }
}

impl From<&FillNews> for FillView {
    fn from(fill: &FillNews) -> Self {
        let strategy_id = Hash(fill.strategy);
        let result = match fill.result {
            FillResult::Filled { sell_amount, buy_amount, pips } => SlotStateView::Filled {
                strategy_id,
                sell_amount: Number(sell_amount),
                buy_amount: Number(buy_amount),
                pips,
            },
            FillResult::Defaulted { compensation, burned } => SlotStateView::Defaulted {
                strategy_id,
                compensation: Number(compensation),
                burned: Number(burned),
            },
        };
        Self { round_id: Hash(fill.round_id), slot: fill.slot, intent_hash: Hash(fill.intent_hash), result }
    }
}

const fn change_name(change: RoundChange) -> &'static str {
    match change {
        RoundChange::Opened => "opened",
        RoundChange::Committed => "committed",
        RoundChange::Settled => "settled",
        RoundChange::Closed => "closed",
        RoundChange::RolledBack => "rolled-back",
    }
}

/// Answer of `/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// Version of the program.
    pub version: String,
    /// Chain id.
    pub chain_id: u64,
    /// The auction house.
    pub auction_house: HexAddress,
    /// Newest block worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<BlockView>,
    /// Its timestamp, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_time: Option<Seconds>,
    /// Whether everything that the node has was worked on.
    pub caught_up: bool,
    /// Live intents.
    pub intents_live: usize,
    /// Intents that wait.
    pub intents_waiting: usize,
    /// Why the gateway is not ready; empty when it is.
    pub not_ready: Vec<String>,
    /// Why the last opening of a market failed, by market.
    pub market_errors: Vec<(Hash, String)>,
    /// The newest rounds, newest first.
    pub rounds: Vec<RoundView>,
}

impl StatusView {
    /// The gateway's state with its newest rounds.
    pub fn new(
        auction: &sotto_auction::AuctionId,
        status: &GatewayStatus,
        not_ready: Vec<String>,
        rounds: &[RoundStatus],
    ) -> Self {
        let errors = status.markets.iter();
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            chain_id: auction.chain_id,
            auction_house: HexAddress(auction.auction_house),
            head: status
                .head
                .map(|head| BlockView { number: head.block.number, hash: Hash(head.block.hash) }),
            chain_time: status.head.map(|head| Seconds(head.timestamp)),
            caught_up: status.caught_up,
            intents_live: status.live,
            intents_waiting: status.waiting,
            not_ready,
            market_errors: errors
                .filter_map(|market| Some((Hash(market.market), market.last_error.clone()?)))
                .collect(),
            rounds: rounds.iter().map(Into::into).collect(),
        }
    }
}
