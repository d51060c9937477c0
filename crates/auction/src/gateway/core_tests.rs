use super::*;
use crate::gateway::book::BookLimits;
use alloy::primitives::Bytes;
use sotto_store::IntentStatus;
use sotto_types::{Direction, Intent, intent_hash};

const PLAN: B256 = B256::repeat_byte(9);
const MARKET: B256 = B256::repeat_byte(7);

// covers: R20
#[test]
fn the_pace_follows_the_heads_and_survives_odd_clocks() {
    let mut pace = Pace::default();
    assert_eq!(pace.seconds(), ASSUMED_INTERVAL);
    pace.note(10, 1000);
    assert_eq!(pace.seconds(), ASSUMED_INTERVAL);
    pace.note(11, 1002);
    pace.note(14, 1008);
    assert_eq!(pace.seconds(), 2);
    pace.note(12, 1004);
    assert_eq!(pace.seconds(), 2, "a reorganisation");
    let mut equal = Pace::default();
    equal.note(1, 5);
    equal.note(9, 5);
    assert_eq!(equal.seconds(), 0, "blocks with equal timestamps");
    let mut slower = Pace::default();
    for n in 0..200 {
        slower.note(n, if n < 100 { n } else { 100 + (n - 100) * 12 });
    }
    assert_eq!(slower.seconds(), 12);
}

fn intent(nonce: u64) -> Intent {
    Intent {
        owner: Address::repeat_byte(1),
        recipient: Address::repeat_byte(1),
        sellToken: Address::repeat_byte(2),
        buyToken: Address::repeat_byte(3),
        sellAmount: U256::from(1),
        minBuyAmount: U256::from(1),
        validFrom: 0,
        deadline: 9,
        nonce: U256::from(nonce),
        market: MARKET,
        appData: B256::ZERO,
    }
}

fn state_with(count: u64) -> (State, Vec<B256>) {
    let auction = AuctionId { chain_id: 1, auction_house: Address::ZERO };
    let mut state = State::new(Book::new(BookLimits::default()), RoundBook::new(auction, 8));
    let hashes = (0..count)
        .map(|nonce| {
            let (intent, hash) = (intent(nonce), intent_hash(&intent(nonce)));
            let (direction, signature) = (Direction::SellsBase, Bytes::from(vec![1]));
            let live = state.book.insert(hash, intent.clone(), signature.clone(), direction, 5).unwrap();
            let sequence = live.sequence;
            state.remember(IntentRecord {
                hash,
                intent,
                signature,
                direction,
                sequence,
                accepted_ms: 5,
                state: IntentState::Waiting,
                history: Vec::new(),
            });
            hash
        })
        .collect();
    (state, hashes)
}

fn change(hash: B256, to: IntentState, note: Option<&str>) -> Move {
    Move { hash, from: IntentStatus::Open, to, note: note.map(Into::into) }
}

fn filled() -> IntentState {
    let (round_id, strategy) = (B256::repeat_byte(4), B256::repeat_byte(5));
    IntentState::Filled { round_id, slot: 0, strategy, buy_amount: U256::from(3), pips: 1 }
}

// covers: R4 S13
#[test]
fn an_intent_goes_into_a_round_out_of_it_and_back_as_the_chain_does() {
    let (mut state, hashes) = state_with(2);
    let waiting = |state: &State| state.book.waiting(&MARKET).map(|live| live.hash).collect::<Vec<_>>();
    let placed = IntentState::InRound { plan: PLAN, slot: 0 };
    state.follow(&change(hashes[0], placed.clone(), None)).unwrap();
    assert_eq!(waiting(&state), hashes[1..]);
    assert_eq!(state.book.get(&hashes[0]).unwrap().plan, Some(PLAN));

    state.follow(&change(hashes[0], filled(), None)).unwrap();
    assert!(state.book.get(&hashes[0]).is_none());
    assert_eq!(state.records[&hashes[0]].state, filled());

    state.follow(&change(hashes[0], placed, Some("reorganised"))).unwrap();
    assert_eq!(state.book.get(&hashes[0]).unwrap().plan, Some(PLAN));
    state.follow(&change(hashes[0], IntentState::Waiting, Some("no solver bid"))).unwrap();
    assert_eq!(waiting(&state), hashes, "in its old place");
    let reasons: Vec<_> = state.records[&hashes[0]].history.iter().map(|note| note.reason.as_str()).collect();
    assert_eq!(reasons, ["reorganised", "no solver bid"]);

    state.follow(&change(hashes[0], IntentState::Cancelled, None)).unwrap();
    assert_eq!(waiting(&state), hashes[1..]);
    assert!(state.follow(&change(B256::ZERO, IntentState::Expired, None)).is_none(), "unknown");
}

// covers: D2
#[test]
fn ended_intents_are_forgotten_in_the_order_in_which_they_ended_and_live_ones_never() {
    let (mut state, hashes) = state_with(1);
    for n in 0..REMEMBERED + 10 {
        let mut record = IntentRecord::clone(&state.records[&hashes[0]]);
        record.hash = B256::from(U256::from(n + 1));
        record.state = IntentState::Expired;
        state.remember(record);
    }
    assert_eq!(state.records.len(), REMEMBERED + 1);
    assert!(state.records.contains_key(&hashes[0]));
    assert!(!state.records.contains_key(&B256::from(U256::from(10))));
    assert!(state.records.contains_key(&B256::from(U256::from(11))));
}
