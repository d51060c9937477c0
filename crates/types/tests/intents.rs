//! Which intents are well formed, at the edges of each rule.
#![allow(clippy::unwrap_used, clippy::panic)]

use alloy_primitives::{Address, B256, U256};
use sotto_types::{
    Direction, Intent, IntentError, LIMIT_UNDISCLOSED, PERMIT2, SlotFeature, intent_hash, permit_digest,
    slot_features, validate_intent,
};

const BASE: Address = Address::repeat_byte(0xb0);
const QUOTE: Address = Address::repeat_byte(0xc0);
const NOW: u64 = 1_790_000_000;

fn intent() -> Intent {
    Intent {
        owner: Address::repeat_byte(1),
        recipient: Address::repeat_byte(1),
        sellToken: BASE,
        buyToken: QUOTE,
        sellAmount: U256::from(10),
        minBuyAmount: U256::from(5),
        validFrom: NOW - 1,
        deadline: NOW + 60,
        nonce: U256::ZERO,
        market: B256::repeat_byte(7),
        appData: B256::ZERO,
    }
}

fn check(change: impl FnOnce(&mut Intent)) -> Result<Direction, IntentError> {
    let mut intent = intent();
    change(&mut intent);
    validate_intent(&intent, BASE, QUOTE, NOW)
}

// covers: S10
#[test]
fn the_window_includes_both_of_its_ends() {
    assert_eq!(check(|i| i.deadline = NOW), Ok(Direction::SellsBase));
    assert_eq!(check(|i| i.deadline = NOW - 1), Err(IntentError::Expired { deadline: NOW - 1, now: NOW }));
    assert_eq!(
        check(|i| i.validFrom = NOW + 61),
        Err(IntentError::EmptyWindow { valid_from: NOW + 61, deadline: NOW + 60 })
    );
    let latest = NOW + 30 * 24 * 3600;
    assert_eq!(check(|i| i.deadline = latest), Ok(Direction::SellsBase));
    assert_eq!(
        check(|i| i.deadline = u64::MAX),
        Err(IntentError::FarDeadline { deadline: u64::MAX, latest })
    );
}

// covers: S14 S15 S16
#[test]
fn odd_amounts_and_tokens_are_refused() {
    assert_eq!(check(|i| i.sellAmount = U256::ZERO), Err(IntentError::SellAmount(U256::ZERO)));
    assert_eq!(check(|i| i.sellAmount = U256::MAX), Err(IntentError::SellAmount(U256::MAX)));
    assert_eq!(check(|i| i.sellAmount = (U256::from(1) << 200) - U256::from(1)), Ok(Direction::SellsBase));
    assert_eq!(check(|i| i.minBuyAmount = U256::ZERO), Err(IntentError::ZeroMinimum));
    assert_eq!(check(|i| i.buyToken = BASE), Err(IntentError::SameToken(BASE)));
    let other = Address::repeat_byte(9);
    assert_eq!(check(|i| i.sellToken = other), Err(IntentError::NotThePair { sell: other, buy: QUOTE }));
    for (field, zero) in [
        ("owner", (|i| i.owner = Address::ZERO) as fn(&mut Intent)),
        ("recipient", |i| i.recipient = Address::ZERO),
        ("sellToken", |i| i.sellToken = Address::ZERO),
        ("buyToken", |i| i.buyToken = Address::ZERO),
    ] {
        assert_eq!(check(zero), Err(IntentError::ZeroAddress { field }));
    }
}

// covers: S1 S2
#[test]
fn the_signed_digest_depends_on_every_field_and_on_the_domain() {
    let signed = permit_digest(&intent(), 1, PERMIT2);
    assert_ne!(signed, permit_digest(&intent(), 2, PERMIT2));
    assert_ne!(signed, permit_digest(&intent(), 1, BASE));
    let changes: [fn(&mut Intent); 11] = [
        |i| i.owner = BASE,
        |i| i.recipient = BASE,
        |i| i.sellToken = QUOTE,
        |i| i.buyToken = BASE,
        |i| i.sellAmount += U256::from(1),
        |i| i.minBuyAmount += U256::from(1),
        |i| i.validFrom += 1,
        |i| i.deadline += 1,
        |i| i.nonce += U256::from(1),
        |i| i.market = B256::ZERO,
        |i| i.appData = B256::repeat_byte(1),
    ];
    for change in changes {
        let mut other = intent();
        change(&mut other);
        assert_ne!(intent_hash(&intent()), intent_hash(&other));
        assert_ne!(signed, permit_digest(&other, 1, PERMIT2));
    }
}

#[test]
fn a_limit_price_shows_only_when_the_trader_discloses_it() {
    let limit = |i: &Intent| slot_features(i, Direction::SellsBase)[SlotFeature::Limit as usize];
    assert_eq!(limit(&intent()), LIMIT_UNDISCLOSED);
    let mut disclosed = intent();
    disclosed.appData = B256::with_last_byte(1);
    assert_eq!(limit(&disclosed), -(1 << 22), "5 for 10 is half");
}

// covers: S20
#[test]
fn json_with_an_unknown_or_a_missing_field_is_refused() {
    let good = serde_json::to_value(intent()).unwrap();
    assert_eq!(serde_json::from_value::<Intent>(good.clone()).unwrap(), intent());
    let mut extra = good.clone();
    extra["note"] = "hello".into();
    assert!(serde_json::from_value::<Intent>(extra).unwrap_err().to_string().contains("note"));
    for field in good.as_object().unwrap().keys() {
        let mut missing = good.clone();
        missing.as_object_mut().unwrap().remove(field);
        assert!(serde_json::from_value::<Intent>(missing).is_err(), "{field}");
    }
}
