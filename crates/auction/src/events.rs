//! The auction house's events as domain types: decoded strictly, bound to the auction they belong to.

use alloy::{
    primitives::{Address, B256, Log, U256},
    sol_types::{SolEvent, SolEventInterface},
};
use sotto_contracts::IAuctionHouse::{
    ClaimCredited, Claimed, IAuctionHouseEvents as Raw, ProtocolShareChanged, SlotVoided,
};
use sotto_types::{
    Claim, Digest, DigestError, MARKET_FEATURES, MarketFeatures, Price, Quote, RoundHeader, SLOT_FEATURES,
    SLOTS, Slot, round_id, slots_hash, snapshot_hash, uncarry,
};
use thiserror::Error;

/// The auction that events must belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuctionId {
    /// Chain id.
    pub chain_id: u64,
    /// The auction house.
    pub auction_house: Address,
}

/// A round as its opening event describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundOpening {
    /// The round's id; it binds everything below but the windows and the key-set root.
    pub round_id: B256,
    /// The market.
    pub market: B256,
    /// Who opened it.
    pub opener: Address,
    /// The contract's count of rounds before this one.
    pub counter: u64,
    /// Hash of the block before the opening.
    pub parent_hash: B256,
    /// Root of the circuit keys that the round allows.
    pub key_set_root: Digest,
    /// Reference price, Q128.
    pub reference: Price,
    /// Last block that takes commitments.
    pub commit_end: u64,
    /// Last block that takes settlements.
    pub settle_end: u64,
    /// Last block that takes fills.
    pub fill_end: u64,
    /// Market features of the snapshot.
    pub features: MarketFeatures,
    /// The slots.
    pub slots: [Slot; SLOTS],
}

/// An event of the auction house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuctionEvent {
    /// A round was opened.
    Opened(Box<RoundOpening>),
    /// A strategy committed its sheet.
    Committed {
        /// The round.
        round_id: B256,
        /// The strategy.
        strategy: Digest,
        /// Commit index, from 0.
        index: u32,
        /// The sheet commitment.
        commitment: Digest,
    },
    /// Results were proven.
    Settled {
        /// The round.
        round_id: B256,
        /// Who settled.
        settler: Address,
        /// Commitments that this settlement covered.
        indices: Vec<u32>,
        /// What is stored after merging.
        results: Box<[Claim; SLOTS]>,
    },
    /// A slot was filled.
    Filled {
        /// The round.
        round_id: B256,
        /// The winner.
        strategy: Digest,
        /// The intent.
        intent_hash: B256,
        /// The slot.
        slot: u8,
        /// Raw units sold.
        sell_amount: U256,
        /// Raw units that the recipient got.
        buy_amount: U256,
        /// The winner's quote in pips.
        pips: Quote,
    },
    /// The winner of a slot did not deliver.
    Defaulted {
        /// The round.
        round_id: B256,
        /// The winner.
        strategy: Digest,
        /// The intent.
        intent_hash: B256,
        /// The slot.
        slot: u8,
        /// Wei paid to the trader.
        compensation: U256,
        /// Wei burned.
        burned: U256,
    },
    /// A commitment that no settlement covered lost its bond.
    Penalised {
        /// The round.
        round_id: B256,
        /// Commit index.
        index: u32,
        /// Wei burned.
        burned: U256,
    },
    /// The bond of a covered commitment was freed.
    Released {
        /// The round.
        round_id: B256,
        /// Commit index.
        index: u32,
        /// Wei freed.
        amount: U256,
    },
    /// A winner was paid for a slot that the opener left unfilled.
    UnfilledFee {
        /// The round.
        round_id: B256,
        /// The winner.
        strategy: Digest,
        /// The slot.
        slot: u8,
        /// Wei paid.
        fee: U256,
    },
    /// The round was closed.
    Closed {
        /// The round.
        round_id: B256,
        /// Wei that the opener got back.
        refund: U256,
    },
}

/// Why a log is not an event that can be used. A node that serves such a log, or a contract that emits it, is faulty.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventError {
    /// The log is from another contract.
    #[error("the log is from {got}, expected {expected}")]
    Emitter {
        /// The auction house.
        expected: Address,
        /// Who emitted it.
        got: Address,
    },
    /// The log is an event of the auction house that is about no round, such as a change of the key set.
    #[error("the event {topic} is about no round")]
    Unrelated {
        /// Its first topic; zero when it has none.
        topic: B256,
    },
    /// The log cannot be decoded with the interface.
    #[error("undecodable log: {reason}")]
    Undecodable {
        /// What the decoder said.
        reason: String,
    },
    /// A byte string has the wrong length.
    #[error("{what}: expected {expected} bytes, got {got}")]
    Length {
        /// Which.
        what: &'static str,
        /// Length that it must have.
        expected: usize,
        /// Length that it has.
        got: usize,
    },
    /// A word is no digest.
    #[error("{what}: {source}")]
    Digest {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: DigestError,
    },
    /// The round id is not the hash of the round.
    #[error("round {got} hashes to {expected}")]
    RoundId {
        /// Id that the contents hash to.
        expected: B256,
        /// Id that the log states.
        got: B256,
    },
    /// The windows are out of order, or a count does not fit.
    #[error("{what} is out of range")]
    Range {
        /// Which.
        what: &'static str,
    },
}

impl AuctionEvent {
    /// The round that the event belongs to.
    pub fn round_id(&self) -> B256 {
        match self {
            Self::Opened(opening) => opening.round_id,
            Self::Committed { round_id, .. }
            | Self::Settled { round_id, .. }
            | Self::Filled { round_id, .. }
            | Self::Defaulted { round_id, .. }
            | Self::Penalised { round_id, .. }
            | Self::Released { round_id, .. }
            | Self::UnfilledFee { round_id, .. }
            | Self::Closed { round_id, .. } => *round_id,
        }
    }

    /// Decodes a log of the auction house.
    ///
    /// # Errors
    /// [`EventError`] for logs of other contracts, unknown topics, wrong lengths, words that are no digests, and an opening
    /// whose id is not the hash of its contents.
    pub fn decode(auction: &AuctionId, log: &Log) -> Result<Self, EventError> {
        if log.address != auction.auction_house {
            return Err(EventError::Emitter { expected: auction.auction_house, got: log.address });
        }
        let topic = log.topics().first().copied().unwrap_or_default();
        if !Raw::SELECTORS.contains(&topic.0) {
            return Err(EventError::Unrelated { topic });
        }
        let raw = Raw::decode_log(log).map_err(|e| EventError::Undecodable { reason: e.to_string() })?;
        Self::from_raw(auction, raw.data)
    }

    fn from_raw(auction: &AuctionId, raw: Raw) -> Result<Self, EventError> {
        let strategy = |word| digest("strategy id", word);
        Ok(match raw {
            Raw::RoundOpened(e) => Self::Opened(Box::new(opening(auction, &e)?)),
            Raw::Committed(e) => Self::Committed {
                round_id: e.roundId,
                strategy: strategy(e.strategyId)?,
                index: e.index,
                commitment: digest("sheet commitment", e.sheetCommitment)?,
            },
            Raw::Settled(e) => Self::Settled {
                round_id: e.roundId,
                settler: e.settler,
                indices: e.commitIndices,
                results: Box::new(decode_results(&e.results)?),
            },
            Raw::Filled(e) => Self::Filled {
                round_id: e.roundId,
                strategy: strategy(e.strategyId)?,
                intent_hash: e.intentHash,
                slot: slot_index(e.slot)?,
                sell_amount: e.sellAmount,
                buy_amount: e.buyAmount,
                pips: e.pips,
            },
            Raw::Defaulted(e) => Self::Defaulted {
                round_id: e.roundId,
                strategy: strategy(e.strategyId)?,
                intent_hash: e.intentHash,
                slot: slot_index(e.slot)?,
                compensation: e.compensation,
                burned: e.burned,
            },
            Raw::SheetPenalised(e) => {
                Self::Penalised { round_id: e.roundId, index: e.index, burned: e.burned }
            }
            Raw::BondReleased(e) => Self::Released { round_id: e.roundId, index: e.index, amount: e.amount },
            Raw::UnfilledFeePaid(e) => Self::UnfilledFee {
                round_id: e.roundId,
                strategy: strategy(e.strategyId)?,
                slot: slot_index(e.slot)?,
                fee: e.fee,
            },
            Raw::RoundClosed(e) => Self::Closed { round_id: e.roundId, refund: e.refund },
            // of accounts and openers, not of a round's course
            Raw::SlotVoided(_) => return Err(EventError::Unrelated { topic: SlotVoided::SIGNATURE_HASH }),
            Raw::ClaimCredited(_) => {
                return Err(EventError::Unrelated { topic: ClaimCredited::SIGNATURE_HASH });
            }
            Raw::Claimed(_) => return Err(EventError::Unrelated { topic: Claimed::SIGNATURE_HASH }),
            Raw::ProtocolShareChanged(_) => {
                return Err(EventError::Unrelated { topic: ProtocolShareChanged::SIGNATURE_HASH });
            }
        })
    }
}

fn opening(
    auction: &AuctionId,
    e: &sotto_contracts::IAuctionHouse::RoundOpened,
) -> Result<RoundOpening, EventError> {
    let range = |what| EventError::Range { what };
    let features = decode_features(&e.features)?;
    let slots = decode_slots(&e.slots)?;
    let header = RoundHeader {
        chain_id: auction.chain_id,
        auction_house: auction.auction_house,
        market: e.market,
        opener: e.opener,
        parent_block_hash: e.parentHash,
        counter: u64::try_from(e.counter).map_err(|_| range("round counter"))?,
        snapshot_hash: snapshot_hash(&features, e.referenceQ128),
        slots_hash: slots_hash(&slots),
    };
    let expected = round_id(&header);
    if expected != e.roundId {
        return Err(EventError::RoundId { expected, got: e.roundId });
    }
    if e.commitEnd >= e.settleEnd || e.settleEnd >= e.fillEnd {
        return Err(range("windows"));
    }
    Ok(RoundOpening {
        round_id: e.roundId,
        market: e.market,
        opener: e.opener,
        counter: header.counter,
        parent_hash: e.parentHash,
        key_set_root: digest("key-set root", e.keySetRoot)?,
        reference: e.referenceQ128,
        commit_end: e.commitEnd,
        settle_end: e.settleEnd,
        fill_end: e.fillEnd,
        features,
        slots,
    })
}

fn digest(what: &'static str, word: B256) -> Result<Digest, EventError> {
    Digest::try_from(word).map_err(|source| EventError::Digest { what, source })
}

fn slot_index(slot: u8) -> Result<u8, EventError> {
    if usize::from(slot) < SLOTS { Ok(slot) } else { Err(EventError::Range { what: "slot" }) }
}

/// Splits `bytes` into `COUNT` items of `WIDTH` big-endian 32-bit words each, after `skip` bytes of each item's own.
fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bytes.chunks_exact(4).map(|word| word.iter().fold(0, |acc, &byte| (acc << 8) | u32::from(byte)))
}

fn expect_length(what: &'static str, bytes: &[u8], expected: usize) -> Result<(), EventError> {
    if bytes.len() == expected {
        Ok(())
    } else {
        Err(EventError::Length { what, expected, got: bytes.len() })
    }
}

/// A carried 32-bit word is always the image of an `int32`.
fn feature(word: u32) -> i32 {
    uncarry(u64::from(word)).unwrap_or(i32::MIN)
}

/// Market features from the 128 bytes that `RoundOpened` and `settle` carry.
///
/// # Errors
/// [`EventError::Length`].
pub fn decode_features(bytes: &[u8]) -> Result<MarketFeatures, EventError> {
    expect_length("features", bytes, 4 * MARKET_FEATURES)?;
    let mut features = [0; MARKET_FEATURES];
    for (out, word) in features.iter_mut().zip(words(bytes)) {
        *out = feature(word);
    }
    Ok(features)
}

/// Slots from the 1536 bytes that `openRound`, `RoundOpened` and `settle` carry.
///
/// # Errors
/// [`EventError::Length`].
pub fn decode_slots(bytes: &[u8]) -> Result<[Slot; SLOTS], EventError> {
    const WIDTH: usize = 32 + 4 * SLOT_FEATURES;
    expect_length("slots", bytes, WIDTH * SLOTS)?;
    let mut slots = [Slot::default(); SLOTS];
    for (slot, chunk) in slots.iter_mut().zip(bytes.chunks_exact(WIDTH)) {
        let (commitment, features) = chunk.split_at(32);
        slot.commitment = B256::from_slice(commitment);
        for (out, word) in slot.features.iter_mut().zip(words(features)) {
            *out = feature(word);
        }
    }
    Ok(slots)
}

/// Results from the 384 bytes that `Settled` and `settle` carry.
///
/// # Errors
/// [`EventError::Length`].
pub fn decode_results(bytes: &[u8]) -> Result<[Claim; SLOTS], EventError> {
    expect_length("results", bytes, 12 * SLOTS)?;
    let mut results = [Claim::default(); SLOTS];
    let mut words = words(bytes);
    for result in &mut results {
        for field in [&mut result.best, &mut result.second, &mut result.winner] {
            *field = words.next().unwrap_or(0);
        }
    }
    Ok(results)
}

/// Results as `settle` and `closeRound` take them, 384 bytes.
pub fn encode_results(results: &[Claim; SLOTS]) -> Vec<u8> {
    let words = results.iter().flat_map(|r| [r.best, r.second, r.winner]);
    words.flat_map(u32::to_be_bytes).collect()
}
