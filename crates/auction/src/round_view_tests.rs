use alloy::{
    primitives::{Address, Bytes, Log as RawLog},
    rpc::types::Log,
    sol_types::SolEvent,
};
use proptest::prelude::*;
use sotto_contracts::IAuctionHouse;
use sotto_types::{RoundHeader, Slot, carry, round_id, slots_hash, snapshot_hash};

use super::*;
use crate::events::encode_results;

const AUCTION: AuctionId = AuctionId { chain_id: 31337, auction_house: Address::repeat_byte(0xa0) };

fn digest(n: u64) -> Digest {
    Digest::new([n, 0, 0, n]).unwrap()
}

/// An opening in block `block` with windows of ten blocks each.
fn opened(counter: u64, block: u64) -> IAuctionHouse::RoundOpened {
    let features = std::array::from_fn(|i| i32::try_from(i).unwrap() - 7);
    let mut slots = [Slot::default(); SLOTS];
    for (i, slot) in slots.iter_mut().take(3).enumerate() {
        slot.commitment = B256::repeat_byte(u8::try_from(i + 1).unwrap());
        slot.features = [0, 5 << 22, 1_000, i32::MIN + 1];
    }
    let reference = U256::from(3) << 128;
    let header = RoundHeader {
        chain_id: AUCTION.chain_id,
        auction_house: AUCTION.auction_house,
        market: B256::repeat_byte(9),
        opener: Address::repeat_byte(4),
        parent_block_hash: B256::with_last_byte(1),
        counter,
        snapshot_hash: snapshot_hash(&features, reference),
        slots_hash: slots_hash(&slots),
    };
    let slot_bytes = slots.iter().flat_map(|slot| {
        let words = slot.features.iter().flat_map(|&x| carry(x).to_be_bytes());
        slot.commitment.0.into_iter().chain(words)
    });
    IAuctionHouse::RoundOpened {
        roundId: round_id(&header),
        market: header.market,
        opener: header.opener,
        counter: U256::from(counter),
        parentHash: header.parent_block_hash,
        keySetRoot: digest(77).to_word(),
        referenceQ128: reference,
        commitEnd: block + 10,
        settleEnd: block + 20,
        fillEnd: block + 30,
        features: features.iter().flat_map(|&x| carry(x).to_be_bytes()).collect::<Vec<_>>().into(),
        slots: slot_bytes.collect::<Vec<_>>().into(),
    }
}

fn log(event: &impl SolEvent, block: u64, fork: u8, log_index: u64) -> LogEvent {
    let block_hash = alloy::primitives::keccak256([&block.to_be_bytes()[..], &[fork]].concat());
    let raw = RawLog { address: AUCTION.auction_house, data: event.encode_log_data() };
    LogEvent {
        id: LogId { block_hash, tx_hash: B256::with_last_byte(fork), log_index },
        block: BlockRef { number: block, hash: block_hash },
        timestamp: 1_800_000_000 + block,
        log: Log { inner: raw, ..Log::default() },
    }
}

fn committed(round: B256, strategy: u64, index: u32) -> IAuctionHouse::Committed {
    IAuctionHouse::Committed {
        roundId: round,
        strategyId: digest(strategy).to_word(),
        index,
        sheetCommitment: digest(1000 + strategy).to_word(),
    }
}

fn settled(round: B256, indices: Vec<u32>, winner: u32) -> IAuctionHouse::Settled {
    let claims = [Claim { best: carry(5), second: 0, winner }; SLOTS];
    IAuctionHouse::Settled {
        roundId: round,
        settler: Address::ZERO,
        resultsRoot: B256::ZERO,
        commitIndices: indices,
        results: encode_results(&claims).into(),
    }
}

fn filled(round: B256, slot: u8) -> IAuctionHouse::Filled {
    IAuctionHouse::Filled {
        roundId: round,
        strategyId: digest(1).to_word(),
        intentHash: B256::repeat_byte(8),
        slot,
        recipient: Address::ZERO,
        sellAmount: U256::from(10),
        buyAmount: U256::from(20),
        pips: 5,
    }
}

/// The events of one round, in order.
fn story() -> Vec<LogEvent> {
    let opening = opened(0, 100);
    let round = opening.roundId;
    vec![
        log(&opening, 100, 0, 0),
        log(&committed(round, 1, 0), 102, 0, 0),
        log(&committed(round, 2, 1), 102, 0, 1),
        log(&settled(round, vec![0], 1), 112, 0, 3),
        log(&settled(round, vec![1], 2), 113, 0, 0),
        log(&filled(round, 0), 122, 0, 0),
        log(
            &IAuctionHouse::BondReleased {
                roundId: round,
                strategyId: digest(1).to_word(),
                index: 0,
                amount: U256::ONE,
            },
            131,
            0,
            0,
        ),
        log(
            &IAuctionHouse::RoundClosed { roundId: round, opener: Address::ZERO, refund: U256::ZERO },
            132,
            0,
            0,
        ),
    ]
}

fn told(logs: &[LogEvent]) -> RoundBook {
    let mut book = RoundBook::new(AUCTION, 16);
    for log in logs {
        book.added(log).unwrap();
    }
    book
}

#[test]
fn a_round_follows_its_events() {
    let story = story();
    let round = opened(0, 100).roundId;
    let book = told(&story[..5]);
    let view = book.get(round).unwrap();
    assert_eq!(view.opening.commit_end, 110);
    assert_eq!(view.non_empty_slots(), 3);
    assert_eq!(view.commit_of(digest(2)).unwrap().0, 1);
    assert!(view.commits[&0].covered && view.commits[&1].covered);
    assert_eq!(view.settlements, 2);
    assert_eq!(view.won_by(1).len(), SLOTS);
    assert!(view.won_by(0).is_empty());

    let book = told(&story);
    let view = book.get(round).unwrap();
    assert!(matches!(view.slots[0], SlotState::Filled { pips: 5, .. }));
    assert!(view.commits[&0].closed && !view.commits[&1].closed && view.closed);
}

#[test]
fn windows_include_their_last_block() {
    let book = told(&story()[..1]);
    let view = book.iter().next().unwrap();
    let at = |block| view.phase(block);
    assert_eq!(
        [at(100), at(110), at(111), at(120)],
        [Phase::Commit, Phase::Commit, Phase::Settle, Phase::Settle]
    );
    assert_eq!([at(121), at(130), at(131)], [Phase::Fill, Phase::Fill, Phase::Over]);
    assert_eq!(view.second_half(), 116);
}

// covers: R7
#[test]
fn a_log_seen_twice_counts_once() {
    let story = story();
    let mut book = told(&story);
    let before = book.iter().next().unwrap().clone();
    for log in &story {
        assert_eq!(book.added(log).unwrap().1, Applied::Duplicate);
    }
    assert_eq!(*book.iter().next().unwrap(), before);
}

// covers: R4
#[test]
fn another_branch_replaces_what_it_voids() {
    let story = story();
    let round = opened(0, 100).roundId;
    let mut book = told(&story[..3]);
    assert_eq!(book.rewound(101), vec![round]);
    assert!(book.get(round).unwrap().commits.is_empty());
    book.added(&log(&committed(round, 2, 0), 102, 1, 0)).unwrap();
    assert_eq!(book.get(round).unwrap().commit_of(digest(2)).unwrap().0, 0);
    assert_eq!(book.removed(&story[1]), None, "the old branch's log is gone already");
    assert_eq!(book.rewound(99), vec![round]);
    assert!(book.get(round).is_none());
}

#[test]
fn foreign_and_forged_logs_are_refused() {
    let mut book = RoundBook::new(AUCTION, 16);
    let mut foreign = story().swap_remove(0);
    foreign.log.inner.address = Address::ZERO;
    assert!(matches!(book.added(&foreign), Err(EventError::Emitter { .. })));

    let mut unrelated = story().swap_remove(0);
    unrelated.log.inner.data =
        alloy::primitives::LogData::new_unchecked(vec![B256::repeat_byte(1)], Bytes::new());
    assert!(matches!(book.added(&unrelated), Err(EventError::Unrelated { .. })));

    let mut truncated = story().swap_remove(0);
    let data = truncated.log.inner.data.data.slice(..100);
    truncated.log.inner.data.data = data;
    assert!(matches!(book.added(&truncated), Err(EventError::Undecodable { .. })));

    let mut forged = opened(0, 100);
    forged.opener = Address::repeat_byte(5);
    assert!(matches!(book.added(&log(&forged, 100, 0, 0)), Err(EventError::RoundId { .. })));

    let mut short = opened(0, 100);
    short.slots = Bytes::from(vec![0; 1535]);
    let expected = EventError::Length { what: "slots", expected: 1536, got: 1535 };
    assert_eq!(book.added(&log(&short, 100, 0, 0)).unwrap_err(), expected);

    let mut aliased = committed(B256::ZERO, 1, 0);
    aliased.strategyId = B256::repeat_byte(0xff);
    assert!(matches!(book.added(&log(&aliased, 100, 0, 0)), Err(EventError::Digest { .. })));
    assert_eq!(book.iter().count(), 0);
}

#[test]
fn a_full_book_takes_no_further_round_and_old_rounds_make_room() {
    let mut book = RoundBook::new(AUCTION, 2);
    for counter in 0..2 {
        book.added(&log(&opened(counter, 100), 100, 0, counter)).unwrap();
    }
    let third = log(&opened(2, 140), 140, 0, 0);
    assert_eq!(book.added(&third).unwrap().1, Applied::Full);
    assert!(book.prune(140, 10).is_empty(), "still within the retention");
    assert!(book.prune_except(141, 10, |_| true).is_empty(), "still needed");
    assert_eq!(book.prune(141, 10).len(), 2);
    assert!(matches!(book.added(&third).unwrap().1, Applied::Changed(_)));
}

proptest! {
    // covers: R4 R7
    #[test]
    fn going_back_and_forth_ends_where_going_straight_does(detours in prop::collection::vec((0usize..8, 0usize..8), 0..6)) {
        let story = story();
        let mut book = RoundBook::new(AUCTION, 16);
        for (to, from) in detours {
            for log in &story[..=to] {
                book.added(log).unwrap();
            }
            for log in story[from.min(to)..=to].iter().rev() {
                book.removed(log);
            }
        }
        for log in &story {
            book.added(log).unwrap();
        }
        let straight = told(&story);
        prop_assert_eq!(book.iter().next(), straight.iter().next());
    }
}
