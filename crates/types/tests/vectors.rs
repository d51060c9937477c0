//! Golden vectors, version 1, that Solidity checks as well. `SOTTO_REGENERATE=1` writes the file anew.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{fs, path::Path};

use alloy_primitives::{Address, B256, U256, keccak256};
use serde_json::{Value, json};
use sotto_types::{
    Claim, Digest, Direction, Intent, PublicData, RoundHeader, SHEETS, SLOTS, SheetRef, Slot, amount_out,
    carry, class_id, intent_hash, log2_q22, permit_digest, results_leaf, results_proof, results_root,
    round_id, slot_commitment, slot_features, slots_hash, snapshot_hash,
};

const FILE: &str = "../contracts/solidity/test/vectors/types.json";

/// A deterministic stream of 256-bit words.
fn word(label: &str, index: u64) -> B256 {
    keccak256(format!("{label}/{index}"))
}

fn number(label: &str, index: u64, bits: usize) -> U256 {
    U256::from_be_bytes(word(label, index).0) >> (256 - bits)
}

fn small(label: &str, index: u64) -> u32 {
    number(label, index, 32).to()
}

fn digest(label: &str, index: u64) -> Digest {
    let limbs = number(label, index, 256).into_limbs();
    Digest::new(limbs.map(|x| x >> 1)).unwrap()
}

fn intent(index: u64, base: Address, quote: Address) -> (Intent, Direction) {
    let direction = if index.is_multiple_of(2) { Direction::SellsBase } else { Direction::SellsQuote };
    let (sell_token, buy_token) =
        if direction == Direction::SellsBase { (base, quote) } else { (quote, base) };
    let intent = Intent {
        owner: Address::from_word(word("owner", index)),
        recipient: Address::from_word(word("recipient", index)),
        sellToken: sell_token,
        buyToken: buy_token,
        sellAmount: number("sell", index, 20 + 20 * usize::try_from(index).unwrap()),
        minBuyAmount: number("buy", index, 90),
        validFrom: 1_790_000_000,
        deadline: 1_790_000_000 + 60 * index,
        nonce: number("nonce", index, 256),
        market: word("market", 0),
        appData: word("app", index),
    };
    (intent, direction)
}

fn intents() -> Vec<Value> {
    let (base, quote) = (Address::from_word(word("token", 0)), Address::from_word(word("token", 1)));
    let house = Address::from_word(word("house", 0));
    (1..=8)
        .map(|index| {
            let (intent, direction) = intent(index, base, quote);
            let blinding = word("blinding", index);
            json!({
                "intent": intent,
                "direction": direction as u8,
                "intentHash": intent_hash(&intent),
                "chainId": 31337,
                "spender": house,
                "permitDigest": permit_digest(&intent, 31337, house),
                "features": slot_features(&intent, direction),
                "blinding": blinding,
                "commitment": slot_commitment(intent_hash(&intent), blinding),
            })
        })
        .collect()
}

fn logarithms() -> Vec<Value> {
    let inputs = (0..64).map(|i| number("log2", i, 1 + usize::try_from(i).unwrap() * 4)).chain([
        U256::ZERO,
        U256::from(1),
        U256::from(3),
        U256::MAX,
    ]);
    inputs.map(|x| json!({ "x": x, "log2": log2_q22(x) })).collect()
}

fn amounts() -> Vec<Value> {
    (0..32u64)
        .map(|i| {
            let sell = number("amount", i, 8 + 6 * usize::try_from(i).unwrap());
            let reference = number("reference", i, 200 - 4 * usize::try_from(i).unwrap()) + U256::from(1);
            let quote = i32::try_from(small("pips", i) % 1_999_999).unwrap() - 999_999;
            let of = |direction| amount_out(direction, sell, reference, quote).map(|out| out.to_string());
            json!({ "sell": sell, "reference": reference, "quote": quote,
                "sellsBase": of(Direction::SellsBase), "sellsQuote": of(Direction::SellsQuote) })
        })
        .collect()
}

fn public_data() -> Value {
    let feature = |i: usize| i32::from_ne_bytes(small("feature", i as u64).to_ne_bytes());
    let mut slots = [Slot::default(); SLOTS];
    for (i, slot) in slots.iter_mut().take(5).enumerate() {
        *slot = Slot {
            commitment: word("slot", i as u64),
            features: std::array::from_fn(|f| feature(100 + 4 * i + f)),
        };
    }
    let mut claims = [Claim::default(); SLOTS];
    for (i, claim) in claims.iter_mut().take(5).enumerate() {
        *claim = Claim { best: carry(500 - 10 * i32::try_from(i).unwrap()), second: carry(-7), winner: 1 };
    }
    let mut sheets = [SheetRef::default(); SHEETS];
    sheets[0] = SheetRef { index: 1, strategy: digest("strategy", 0), commitment: digest("commitment", 0) };
    sheets[1] = SheetRef { index: 4, strategy: digest("strategy", 1), commitment: digest("commitment", 1) };
    let features = std::array::from_fn(feature);
    let reference = number("price", 0, 150);
    let header = RoundHeader {
        chain_id: 31337,
        auction_house: Address::from_word(word("house", 0)),
        market: word("market", 0),
        opener: Address::from_word(word("opener", 0)),
        parent_block_hash: word("parent", 0),
        counter: 7,
        snapshot_hash: snapshot_hash(&features, reference),
        slots_hash: slots_hash(&slots),
    };
    let data = PublicData {
        round_id: round_id(&header),
        key_set_root: digest("root", 0),
        features,
        slots,
        claims,
        sheets,
    };
    let beta = digest("beta", 0);
    let hex = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
    let bytes = data.to_bytes();
    json!({
        "auctionHouse": header.auction_house, "market": header.market, "opener": header.opener,
        "parentBlockHash": header.parent_block_hash, "counter": header.counter, "reference": reference,
        "snapshotHash": header.snapshot_hash, "slotsHash": header.slots_hash, "roundId": data.round_id,
        "keySetRoot": data.key_set_root.to_word(), "d": hex(&bytes),
        "features": hex(&bytes[64..192]), "slots": hex(&bytes[192..1728]), "claims": hex(&bytes[1728..2112]),
        "sheets": hex(&bytes[2112..]),
        "beta": beta.to_word(), "sigma": data.sigma(31337, header.auction_house, beta).map(|x| x.to_string()),
        "resultsRoot": results_root(&data.claims), "leaf3": results_leaf(3, &data.claims[3]), "proof3": results_proof(&data.claims, 3),
    })
}

#[test]
fn golden_vectors_have_not_drifted() {
    let vectors = json!({
        "version": 1,
        "classIds": (["dense:36-1", "dense:36-32-16-1", "dense:36-64-64-1"]).map(|d| json!({ "descriptor": d, "id": class_id(d) })),
        "log2": logarithms(),
        "intents": intents(),
        "amounts": amounts(),
        "publicData": public_data(),
    });
    let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("SOTTO_REGENERATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "run with SOTTO_REGENERATE=1 and review the change");
}
